"""Phase 2 along a run: positive neurons grow until they are least squares (boursier2024, Lemmas 5, 6, 16, 17, 18).

tau_2 is when sum over I of a^2 reaches EPS_2, tau_3 when ||beta* - sum over I of a w|| falls to EPS_3; both interpolated
between snapshots. The paper's thresholds are constants it does not give; these two are ours.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2024.along import (
    Along,
    active,
    least_cosine_to_data,
    negative_class,
    positive_class,
    states,
)
from flowrepro.papers.boursier2024.hypotheses import (
    LINEAR_PHASES,
    ONE_DIRECTION,
    assumption_5,
    below_an_unnamed_scale,
    ref,
    scale,
    statics,
)
from flowrepro.papers.boursier2024.least_squares import least_squares
from flowrepro.theory.alignment import cosines

FOLLOWED = ("figure-1", "phases")
EPS_2, EPS_3 = 0.01, 0.1
EPS = 0.3
"""Exponent of lambda in Lemma 6, item 3."""


@dataclass(frozen=True)
class Phases:
    """tau_2, tau_3 in flow time, and the indices of the snapshots around them: the first at or after each."""

    along: Along
    tau_2: float
    tau_3: float
    first_2: int
    first_3: int

    @classmethod
    def of(cls, run: Run) -> Phases:
        """NotApplicable where the run does not reach tau_3."""
        along = Along.of(run)
        distance = np.linalg.norm(along.beta - least_squares(run.X, run.y), axis=1)
        reached_2, reached_3 = (
            np.flatnonzero(along.mass >= EPS_2),
            np.flatnonzero(distance <= EPS_3),
        )
        if not reached_2.size or not reached_3.size or min(reached_2[0], reached_3[0]) == 0:
            raise NotApplicable(
                f"the run of {run.trajectory.last_step} steps does not grow from below {EPS_2:g} to within {EPS_3:g} of least squares"
            )
        first_2, first_3 = int(reached_2[0]), int(reached_3[0])
        tau_2 = _crossing(along.t, np.log(along.mass), first_2, np.log(EPS_2))
        return cls(
            along,
            tau_2,
            _crossing(along.t, np.log(distance), first_3, np.log(EPS_3)),
            first_2,
            first_3,
        )

    @property
    def grown(self) -> slice:
        """Snapshots from tau_2 to tau_3."""
        return slice(self.first_2, self.first_3 + 1)


def _crossing(t: np.ndarray, values: np.ndarray, first: int, level: float) -> float:
    """Time at which values pass ``level`` just before index ``first``, linear between snapshots."""
    before, after = values[first - 1], values[first]
    return float(t[first - 1] + (t[first] - t[first - 1]) * (level - before) / (after - before))


def _selected(run: Run, indices: range) -> list[tuple[np.ndarray, np.ndarray]]:
    return [state for i, state in enumerate(states(run)) if i in indices]


@statement(
    "lemma-5",
    ref("Lemma 5"),
    "theory",
    FOLLOWED,
    "phase 2a: positive neurons reach the threshold together, negative ones have shrunk",
    LINEAR_PHASES,
)
@below_an_unnamed_scale
def lemma_5(run: Run) -> list[Judgement]:
    """measured at the first snapshot from tau_2 on: least <w, x_k> / (||w|| ||x_k||) over I, largest |a/a0| over N; how far I is aligned as a number."""
    phases, I, N = Phases.of(run), positive_class(run), negative_class(run)
    (W, a), a0 = (
        _selected(run, range(phases.first_2, phases.first_2 + 1))[0],
        run.trajectory.at(0)[1],
    )
    common = (W[I] / np.linalg.norm(W[I], axis=1)[:, None]).sum(axis=0)
    return [
        lower("item 2: least cosine of I with a datum", least_cosine_to_data(run.X, W[I]), 0.1),
        upper("item 4: largest |a/a0| over N", float(np.abs(a[N] / a0[N]).max(initial=0.0)), 1.0),
        number(
            "item 3: 1 - least cosine of I with its mean direction", 1 - cosines(W[I], common).min()
        ),
        number("tau_2", phases.tau_2),
    ]


@statement(
    "lemma-6",
    ref("Lemma 6"),
    "theory",
    FOLLOWED,
    "phase 2b: the positive neurons become the linear regressor, negative ones stay small",
    LINEAR_PHASES,
)
@below_an_unnamed_scale
def lemma_6(run: Run) -> list[Judgement]:
    """measured at the first snapshot from tau_3 on, with eps = EPS."""
    phases, I, N = Phases.of(run), positive_class(run), negative_class(run)
    (W, a), a0 = (
        _selected(run, range(phases.first_3, phases.first_3 + 1))[0],
        run.trajectory.at(0)[1],
    )
    return [
        upper(
            "item 1: ||beta* - sum over I of a w||",
            float(np.linalg.norm(phases.along.beta[phases.first_3] - least_squares(run.X, run.y))),
            EPS_3,
        ),
        lower("item 2: least cosine of I with a datum", least_cosine_to_data(run.X, W[I]), 0.1),
        upper(
            "item 3: largest |a/a0| over N times lambda^eps",
            np.abs(a[N] / a0[N]).max(initial=0.0) * scale(run) ** EPS,
            1.0,
        ),
    ]


@statement(
    "equation-48",
    ref("Equation (48)"),
    "theory",
    FOLLOWED,
    "phase 2b takes a time that does not depend on the scale",
    LINEAR_PHASES,
)
def equation_48(run: Run) -> list[Judgement]:
    """measured: tau_3 - tau_2. bound: ln(kappa ||beta*|| / eps_3) / (sigma_min eps_2)."""
    phases = Phases.of(run)
    curvature = np.linalg.eigvalsh(run.X.T @ run.X / len(run.y))
    kappa, size = np.sqrt(curvature[-1] / curvature[0]), np.linalg.norm(least_squares(run.X, run.y))
    return [
        upper(
            "tau_3 - tau_2",
            phases.tau_3 - phases.tau_2,
            np.log(kappa * size / EPS_3) / (curvature[0] * EPS_2),
        )
    ]


@statement(
    "lemma-16",
    ref("Lemma 16"),
    "theory",
    FOLLOWED,
    "sum over I of a^2 stays bounded in phase 2b",
    LINEAR_PHASES,
)
def lemma_16(run: Run) -> list[Judgement]:
    """measured: largest sum over I of a^2 from tau_2 to tau_3. bound: S with S - lambda sqrt(S) = 2 ||y|| / (sqrt(n) alpha), alpha of eq (49)."""
    phases, known = Phases.of(run), statics(run)
    edges = known.cones.inside[
        (known.cones.dimension == 1) & np.all(known.cones.signs >= 0, axis=1)
    ]
    alpha = float(np.min(edges @ run.X.mean(axis=0)))
    right, small = 2 * np.linalg.norm(run.y) / (np.sqrt(len(run.y)) * alpha), scale(run)
    bound = ((small + np.sqrt(small**2 + 4 * right)) / 2) ** 2
    return [upper("largest sum over I of a^2", phases.along.mass[phases.grown].max(), bound)]


@statement(
    "lemma-17",
    ref("Lemma 17"),
    "theory",
    FOLLOWED,
    "positive neurons stay correlated with all data in phase 2b",
    (*ONE_DIRECTION, assumption_5),
)
@below_an_unnamed_scale
def lemma_17(run: Run) -> list[Judgement]:
    """measured: least <w, x_k> / (|a| ||x_k||) over I and the snapshots from tau_2 to tau_3, relative to that at tau_2; neurons not active on all data."""
    phases, I = Phases.of(run), positive_class(run)
    kept = _selected(run, range(phases.first_2, phases.first_3 + 1))
    least = [
        float(np.min(W[I] @ run.X.T / (a[I, None] * np.linalg.norm(run.X, axis=1))))
        for W, a in kept
    ]
    return [
        lower("least <w/a, x>/||x||, relative to tau_2", min(least) / least[0], 0.1),
        number("least <w/a, x>/||x||", min(least)),
    ]


@statement(
    "lemma-18",
    ref("Lemma 18"),
    "theory",
    FOLLOWED,
    "sum over I of a^2 stays above the threshold in phase 2b",
    LINEAR_PHASES,
)
@below_an_unnamed_scale
def lemma_18(run: Run) -> list[Judgement]:
    """measured: least sum over I of a^2 from tau_2 to tau_3."""
    phases = Phases.of(run)
    return [lower("least sum over I of a^2", phases.along.mass[phases.grown].min(), EPS_2)]


@statement(
    "force-bound",
    ref("Lemma 6, proof"),
    "theory",
    FOLLOWED,
    "||D^t|| <= sqrt(mean y^2 mean ||x||^2) throughout",
    ONE_DIRECTION,
)
def force_bound(run: Run) -> list[Judgement]:
    """measured: largest ||D^t|| over the snapshots."""
    bound = np.sqrt(np.mean(run.y**2) * np.mean(np.sum(run.X**2, axis=1)))
    return [
        upper(
            "largest ||D^t||", np.linalg.norm(Along.of(run).force, axis=1).max(), bound * (1 + 1e-6)
        )
    ]


@statement(
    "positive-stay",
    ref("Section 4.1.2"),
    "theory",
    FOLLOWED,
    "positive neurons, once active on all data, stay so to the end",
    ONE_DIRECTION,
)
def positive_stay(run: Run) -> list[Judgement]:
    """measured: neurons of I not active on all data at the first snapshot after tau_2 or any later one, as a number where Assumption 5 fails."""
    phases, I = Phases.of(run), positive_class(run)
    lost = np.zeros(int(I.sum()), dtype=bool)
    for W, _ in _selected(run, range(phases.first_2, len(phases.along.t))):
        lost |= ~active(run.X, W[I]).all(axis=1)
    outside = assumption_5(run)
    return (
        [number(f"{outside}; neurons that leave", lost.sum())]
        if outside
        else [upper("neurons that leave", int(lost.sum()), 0)]
    )


CLAIMS = (lemma_5, lemma_6, equation_48, lemma_16, lemma_17, lemma_18, force_bound, positive_stay)
