"""What min2024 says of its experiments in the plane (Figures 6 to 9), of one run and counted over seeds.

Every observation is measured on R runs at once. One run is judged by the windows of its numbers; a study over seeds by the
share of seeds inside them. The windows hold what was measured on 100 seeds with room to both sides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, require, statement, target_window, window
from flowrepro.claims.old_over_seeds import inside, share, too_few
from flowrepro.claims.old_verdict import Claim, Judgement, Ref
from flowrepro.claims.published import as_declared, as_published
from flowrepro.core.config import TrainingCase
from flowrepro.core.trajectory import Ensemble, Run, Study
from flowrepro.papers.min2024.regions import DEAD, NEGATIVE, POSITIVE, own_cosines, regions
from flowrepro.papers.min2024.toy_cases import (
    MU_LARGE,
    MU_SMALL,
    ORTHOGONAL,
    SIX_POINTS,
    SIX_POINTS_SEEDS,
    TWO_POINTS_SEEDS,
)
from flowrepro.papers.min2024.toy_seeds import pair
from flowrepro.papers.min2024.toy_seen import Seen
from flowrepro.theory.alignment import squared_norms

SHOWN, END = 7_000, 21_000
"""Iterations of panels (b) and (c)."""


class Part(NamedTuple):
    """A number of each of R runs, values (R,), and the window it must fall into."""

    note: str
    values: np.ndarray
    low: float
    high: float


class Observation(NamedTuple):
    """A statement on the paper's run ``case``, measured on any number of such runs."""

    id: str
    figure: int
    case: TrainingCase
    claim: str
    measure: Callable[[Seen], list[Part]]


# ---- Figure 6


def six_drops(seen: Seen) -> list[Part]:
    """Exactly two sharp drops of the loss, each in the window of its target."""
    first, second = seen.drop_steps(2).T
    return [
        Part("number of sharp drops of the loss", seen.drops().sum(axis=1), 2, 2),
        Part(
            "step of the first drop",
            first,
            *target_window(SIX_POINTS, "steepest step of the first drop"),
        ),
        Part(
            "step of the second drop",
            second,
            *target_window(SIX_POINTS, "steepest step of the second drop"),
        ),
    ]


def six_loss(seen: Seen) -> list[Part]:
    """The loss has hardly moved at the end of alignment, and is close to zero at the end."""
    return [
        Part(f"L({SHOWN})/L(0)", seen.loss_at(SHOWN) / seen.loss_at(0), 0.95, 1.0),
        Part(f"L({END})", seen.loss_at(END), 0.0, 0.03),
    ]


def six_classes(seen: Seen) -> list[Part]:
    """Neurons are dead, in S_+ (a_j > 0) or in S_- (a_j < 0), up to two stragglers (22 % and 6 % of the seeds have any); no class is empty."""
    codes = regions(seen.X, seen.y, seen.weights(END)[0])
    return [
        Part(f"neurons outside their cones at {SHOWN}", seen.outside(SHOWN), 0, 2),
        Part(f"neurons outside their cones at {END}", seen.outside(END), 0, 1),
        *(
            Part(f"neurons in {name} at {END}", np.sum(codes == code, axis=1), 1, np.inf)
            for name, code in _CONES
        ),
    ]


_CONES = (("S_+", POSITIVE), ("S_-", NEGATIVE), ("S_dead", DEAD))


def six_alignment(seen: Seen) -> list[Part]:
    """Good alignment: cos(w_j, x_+-) > 0.95 for nine of ten live neurons."""
    W, a = seen.weights(SHOWN)
    live = regions(seen.X, seen.y, W) != DEAD
    aligned = live & (own_cosines(seen.X, seen.y, W, a) > 0.95)
    return [
        Part(
            f"share of live neurons with cosine above 0.95 at {SHOWN}",
            aligned.sum(axis=1) / live.sum(axis=1),
            0.9,
            1.0,
        )
    ]


def six_rank(seen: Seen) -> list[Part]:
    """The stable rank ||W||_F^2 / ||W||_2^2 at the end. In the plane it never exceeds 2, so only its value says something."""
    W, _ = seen.weights(END)
    ranks = [frobenius2 / spectral2 for frobenius2, spectral2 in map(squared_norms, W)]
    return [Part(f"stable rank at {END}", np.array(ranks), 1.2, 1.35)]


# ---- Figures 7, 8 and 9


def pair_drop(case: TrainingCase) -> Callable[[Seen], list[Part]]:
    """Factory: one sharp drop of the loss, in the window of the case's target; the data are fitted at the end."""

    def measure(seen: Seen) -> list[Part]:
        return [
            Part("number of sharp drops of the loss", seen.drops().sum(axis=1), 1, 1),
            Part(
                "step of the drop",
                seen.drop_steps(1)[:, 0],
                *target_window(case, "steepest step of the drop"),
            ),
            Part(f"L({END})", seen.loss_at(END), 0.0, 0.012),
        ]

    return measure


def all_enter(seen: Seen) -> list[Part]:
    """All live neurons reach S_+; three stragglers at most at iteration 7000, none at 9000 (nor at the end)."""
    return [
        Part(f"live neurons outside S_+ at {SHOWN}", seen.outside(SHOWN), 0, 3),
        Part("live neurons outside S_+ at 9000", seen.outside(9_000), 0, 0),
        Part(f"live neurons outside S_+ at {END}", seen.outside(END), 0, 0),
        Part(
            f"dead neurons at {END}",
            np.sum(regions(seen.X, seen.y, seen.weights(END)[0]) == DEAD, axis=1),
            8,
            36,
        ),
    ]


def no_negative(seen: Seen) -> list[Part]:
    """Without negative data no neuron with a_j < 0 stays alive: it dies, or a_j changes its sign."""
    W, a = seen.weights(END)
    return [
        Part(
            f"live neurons with a_j < 0 at {END}",
            np.sum((a < 0) & (regions(seen.X, seen.y, W) != DEAD), axis=1),
            0,
            0,
        )
    ]


def many_late(seen: Seen) -> list[Part]:
    """With mu = sin 0.001 neurons are still outside S_+ at iteration 7000 (4 to 16 of them on 100 seeds)."""
    return [Part(f"live neurons outside S_+ at {SHOWN}", seen.outside(SHOWN), 3, np.inf)]


def stay_outside(seen: Seen) -> list[Part]:
    """Orthogonal data: who is outside S_+ after alignment stays there, at x_1 or x_2, and does not grow."""
    W, _ = seen.weights(END)
    codes, norms = regions(seen.X, seen.y, W), np.linalg.norm(W, axis=2)
    out, within = (codes != DEAD) & (codes != POSITIVE), codes == POSITIVE
    best = (W @ (seen.X / np.linalg.norm(seen.X, axis=1, keepdims=True)).T).max(axis=2) / norms
    angles = np.degrees(np.arccos(np.minimum(np.where(out, best, 1.0), 1.0)))
    largest = [np.max(norms, axis=1, where=chosen, initial=0.0) for chosen in (out, within)]
    return [
        Part(f"live neurons outside S_+ at {SHOWN}", seen.outside(SHOWN), 5, np.inf),
        Part(
            f"change of their number from {SHOWN} to {END}",
            seen.outside(END) - seen.outside(SHOWN),
            0,
            0,
        ),
        Part(
            f"their largest angle to the nearer of x_1 and x_2 at {END}, degrees",
            angles.max(axis=1),
            0,
            5,
        ),
        Part(
            f"largest norm outside S_+ over largest norm in S_+ at {END}",
            largest[0] / largest[1],
            0,
            0.1,
        ),
    ]


OBSERVATIONS = (
    Observation("F6.drops", 6, SIX_POINTS, "the loss experiences two sharp decreases", six_drops),
    Observation(
        "F6.loss",
        6,
        SIX_POINTS,
        "the loss moves after alignment only, and gets close to zero",
        six_loss,
    ),
    Observation(
        "F6.classes",
        6,
        SIX_POINTS,
        "after alignment neurons are in S_+, in S_-, or dead",
        six_classes,
    ),
    Observation(
        "F6.alignment",
        6,
        SIX_POINTS,
        "neurons in S_+ and S_- are well aligned with x_+ and x_-",
        six_alignment,
    ),
    Observation(
        "F6.rank",
        6,
        SIX_POINTS,
        "the first layer is approximately of low rank at the end",
        six_rank,
    ),
    Observation("F7.enter", 7, MU_LARGE, "with mu = sin 0.1 all live neurons reach S_+", all_enter),
    Observation(
        "F7.negative",
        7,
        MU_LARGE,
        "without negative data no neuron of V_- stays alive",
        no_negative,
    ),
    Observation(
        "F7.drop", 7, MU_LARGE, "the loss drops once and the data are fitted", pair_drop(MU_LARGE)
    ),
    Observation(
        "F8.late",
        8,
        MU_SMALL,
        "with mu = sin 0.001 neurons are still outside S_+ at iteration 7000",
        many_late,
    ),
    Observation(
        "F8.drop", 8, MU_SMALL, "the loss drops once and the data are fitted", pair_drop(MU_SMALL)
    ),
    Observation(
        "F9.stay",
        9,
        ORTHOGONAL,
        "with orthogonal data neurons end in S_+, at x_1 or at x_2, and only those in S_+ grow",
        stay_outside,
    ),
    Observation(
        "F9.negative",
        9,
        ORTHOGONAL,
        "without negative data no neuron of V_- stays alive",
        no_negative,
    ),
)


# ---- from observations to checks


def on_run(seen: Observation) -> Claim:
    """The observation on the paper's own run, whatever its seed."""
    decorate = statement(
        seen.id,
        Ref("min2024", f"Figure {seen.figure}"),
        "reproduction",
        (seen.case.name,),
        seen.claim,
        (as_published(seen.case),),
    )

    def measure(run: Run) -> list[Judgement]:
        return [
            window(part.note, part.values[0], part.low, part.high)
            for part in seen.measure(Seen.of_run(run))
        ]

    return decorate(measure)


def on_seeds(seen: Observation) -> Claim:
    """The share of the seeds of a study that show the observation."""
    study = SIX_POINTS_SEEDS if seen.case is SIX_POINTS else TWO_POINTS_SEEDS
    decorate = statement(
        f"{seen.id}-seeds",
        Ref("min2024", f"Figure {seen.figure}"),
        "reproduction",
        (study.name,),
        f"on most seeds {seen.claim}",
        (as_declared(study, ("seed", "options.seeds", "options.theta")), enough_seeds),
    )

    def measure(findings: Study) -> list[Judgement]:
        return shares(seen.measure(seen_seeds(findings, seen.case)))

    return decorate(measure)


def on_ensemble(seen: Observation) -> Claim:
    """The same for the paper's run made for many seeds."""
    ref, given = Ref("min2024", f"Figure {seen.figure}"), (as_published(seen.case), enough_members)
    decorate = statement(
        f"{seen.id}-ensemble",
        ref,
        "reproduction",
        (seen.case.name,),
        f"on most seeds {seen.claim}",
        given,
        many_seeds=True,
    )

    def measure(ensemble: Ensemble) -> list[Judgement]:
        return shares(seen.measure(Seen.of_ensemble(ensemble)))

    return decorate(measure)


def shares(parts: Iterable[Part]) -> list[Judgement]:
    """The share of the seeds in the window of each part."""
    return [
        share(
            f"{part.note} in [{part.low:g}, {part.high:g}]",
            inside(part.values, part.low, part.high),
            part.values,
        )
        for part in parts
    ]


def enough_seeds(findings: Study) -> str | None:
    """At least `over_seeds.ENOUGH` seeds."""
    return too_few(len(findings.arrays["seeds"]))


def enough_members(ensemble: Ensemble) -> str | None:
    """At least `over_seeds.ENOUGH` members."""
    return too_few(len(ensemble.trajectory.seeds))


def seen_seeds(findings: Study, case: TrainingCase) -> Seen:
    """The seeds of a study on the points of ``case``; NotApplicable where the study has others."""
    if findings.case.computes == SIX_POINTS_SEEDS.computes:
        assert findings.dataset is not None
        return Seen.of_findings(findings, findings.dataset)
    angles, theta = list(findings.case.options["theta"]), case.data.options["theta"]
    require(
        None
        if theta in angles
        else f"needs theta = {theta:g} among options.theta, which are {', '.join(f'{angle:g}' for angle in angles)}"
    )
    return Seen.of_findings(findings, pair(theta), at=angles.index(theta))


# ---- statements of one figure against another, or of one seed


@statement(
    "F8.straggler",
    Ref("min2024", "Figure 8"),
    "reproduction",
    (MU_SMALL.name,),
    "one neuron remains outside S_+ at iteration 21000",
    (as_published(MU_SMALL),),
)
def straggler(run: Run) -> list[Judgement]:
    """measured: live neurons outside S_+ at the end, on the one seed chosen to show it."""
    if run.case.seed != MU_SMALL.seed:
        raise NotApplicable(
            f"this is of one particular instance, seed {MU_SMALL.seed} here; 0, 1, 2 and 3 neurons remain on 58, 28, 11 and 3 of 100 seeds"
        )
    return [window(f"live neurons outside S_+ at {END}", Seen.of_run(run).outside(END)[0], 1, 1)]


SEEDS_GIVEN = (
    as_declared(TWO_POINTS_SEEDS, ("seed", "options.seeds", "options.theta")),
    enough_seeds,
)


@statement(
    "F8.slower-seeds",
    Ref("min2024", "Appendix A.2"),
    "reproduction",
    (TWO_POINTS_SEEDS.name,),
    "as mu decreases, the time until all live neurons reach S_+ increases",
    SEEDS_GIVEN,
)
def slower(findings: Study) -> list[Judgement]:
    """measured: share of seeds with more neurons outside S_+ at mu = sin 0.001 than at sin 0.1, from the same weights."""
    large, small = (seen_seeds(findings, case).outside(SHOWN) for case in (MU_LARGE, MU_SMALL))
    return [
        share(
            f"more neurons outside S_+ at {SHOWN} than with mu = sin 0.1",
            small > large,
            small - large,
        )
    ]


@statement(
    "F9.fewer-seeds",
    Ref("min2024", "Appendix A.3"),
    "reproduction",
    (TWO_POINTS_SEEDS.name,),
    "with orthogonal data clearly fewer neurons end in S_+ than with mu > 0",
    SEEDS_GIVEN,
)
def fewer(findings: Study) -> list[Judgement]:
    """measured: share of seeds with fewer neurons in S_+ at the end than at mu = sin 0.1, from the same weights; the ratio was 0.35 in the mean."""
    views = (seen_seeds(findings, case) for case in (MU_LARGE, ORTHOGONAL))
    large, none = (
        np.sum(regions(seen.X, seen.y, seen.weights(END)[0]) == POSITIVE, axis=1) for seen in views
    )
    return [
        share(f"fewer neurons in S_+ at {END} than with mu = sin 0.1", none < large, none / large)
    ]


def _all(observations: Iterable[Observation]) -> Iterable[Claim]:
    for seen in observations:
        yield on_run(seen)
        yield on_seeds(seen)
        yield on_ensemble(seen)


CLAIMS = (*_all(OBSERVATIONS), straggler, slower, fewer)
