"""Statements of min2024 on its other pairs of digits, 3 and 8 and 1 and 7 (Figures 10 and 11, Appendix A.4).

The windows of events are those of the cases' targets; those of 1 and 0, 1 and 7, and 3 and 8 follow each other without overlap.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, statement, target_window, upper, window
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.core.config import TrainingCase
from flowrepro.core.trajectory import Run
from flowrepro.papers.min2024.correlation import correlations
from flowrepro.papers.min2024.digits_cases import DIGITS_1_7, DIGITS_3_8
from flowrepro.papers.min2024.digits_seen import (
    END,
    departures_from,
    event_window,
    first_step,
    loss_at,
    stable_rank,
    unlike_paper,
    value_at,
)
from flowrepro.papers.min2024.extreme_vectors import extreme_vector
from flowrepro.theory.alignment import class_sums, cosines

PAIRS = {case.name: case for case in (DIGITS_3_8, DIGITS_1_7)}
CASES = tuple(PAIRS)
PLACE = Ref("min2024", "Figures 10 and 11")
SHARES = {DIGITS_3_8.name: (0.62, 0.67), DIGITS_1_7.name: (0.78, 0.83)}
"""Windows around the measured shares 0.647 and 0.803 of pairs of images that satisfy Assumption 1."""
PLATEAU = 0.01
"""Distance of the mean neurons from the extreme vectors, in cosine, before the loss falls (measured 0.0005 at most on ten pairs)."""
FLICKER = 200
"""Iterations towards an extreme vector: single data on its edge keep some from settling, and move it by 1/n."""
RISE = 1e-6
"""Relative increase of the loss that sums in float32 may show."""


def own_case(run: Run) -> TrainingCase:
    """The paper's case of these digits."""
    return PAIRS[run.case.name]


def reaches(until: int) -> Callable[[Run], str | None]:
    """The run is the paper's, with records, up to iteration ``until``."""
    return lambda run: unlike_paper(run, own_case(run), until) or None


def grows(run: Run) -> str | None:
    """The run is the paper's, with records, up to the end of the window in which the loss falls."""
    return reaches(
        round(event_window(run, *target_window(own_case(run), "first step with loss < 0.9"))[1])
    )(run)


def own_digits(run: Run) -> str | None:
    """The images are those of the paper, or a subset."""
    foreign = [key for key in departures_from(run, own_case(run)) if key.startswith("data.")]
    return (
        f"the paper states this for its own digits; this case differs in {', '.join(foreign)}"
        if foreign
        else None
    )


@statement(
    "F10.corr",
    PLACE,
    "reproduction",
    CASES,
    "fewer pairs of images satisfy Assumption 1 than for 1 and 0",
    (own_digits,),
)
def check_corr(run: Run) -> Sequence[Judgement]:
    """Share of ordered pairs i != j with y_i y_j <x_i, x_j> > 0, over the full matrix."""
    return [window("share of pairs", correlations(run.X, run.y).share, *SHARES[run.case.name])]


@statement(
    "F10.align", PLACE, "reproduction", CASES, "the mean neurons align with x_+ and x_-", (grows,)
)
def check_align(run: Run) -> Sequence[Judgement]:
    """Largest cosine of both mean neurons along the run."""
    least = target_window(own_case(run), "largest cosine of a mean neuron")[0]
    largest = np.max(run.trajectory.observed["mean_cos"], axis=0)
    return [
        lower(f"largest cos(mean w of V_{sign}, x_{sign})", value, least)
        for sign, value in zip("+-", largest, strict=True)
    ]


@statement(
    "F10.plateau",
    Ref("min2024", "Section 2.2"),
    "theory",
    CASES,
    "before the loss falls the mean neurons lie along the extreme vectors",
    (grows,),
)
def check_plateau(run: Run) -> Sequence[Judgement]:
    """Cosines with x_+- at the first record with L < 0.99 L(0), those of the mean neurons against those of the extreme vectors."""
    loss = run.trajectory.loss
    at = first_step(run, loss < 0.99 * loss[0])
    if not np.isfinite(at):
        raise NotApplicable("the loss does not fall by 1 %")
    X = run.X[:, np.any(run.X != 0, axis=0)].astype(np.float64)
    parts = []
    for sign, total, seen in zip(
        (1, -1), class_sums(X, run.y), value_at(run, "mean_cos", int(at)), strict=True
    ):
        predicted = float(cosines(extreme_vector(X, run.y, sign, max_iterations=FLICKER).u, total))
        parts.append(
            upper(
                f"|{seen:.5f} - {predicted:.5f}|, class {sign:+d}", abs(seen - predicted), PLATEAU
            )
        )
    return parts


@statement(
    "F10.grow",
    PLACE,
    "reproduction",
    CASES,
    "the loss falls later than for 1 and 0, latest for 3 and 8",
    (grows,),
)
def check_grow(run: Run) -> Sequence[Judgement]:
    """First iteration with L < 0.9 L(0)."""
    loss, limits = run.trajectory.loss, target_window(own_case(run), "first step with loss < 0.9")
    return [
        window(
            "first iteration with L < 0.9 L(0)",
            first_step(run, loss < 0.9 * loss[0]),
            *event_window(run, *limits),
        )
    ]


@statement("F10.descent", PLACE, "reproduction", CASES, "the loss never increases", (reaches(1),))
def check_descent(run: Run) -> Sequence[Judgement]:
    """Largest relative increase between records."""
    loss = run.trajectory.loss
    return [upper("largest relative increase", float(np.max(np.diff(loss) / loss[:-1])), RISE)]


@statement(
    "F10.fit",
    PLACE,
    "reproduction",
    CASES,
    "the data are fitted by a W of stable rank below 2",
    (reaches(END),),
)
def check_fit(run: Run) -> Sequence[Judgement]:
    """Loss and stable rank at iteration 15000."""
    rank = float(stable_rank(run)[np.searchsorted(run.trajectory.step, END)])
    return [
        upper(f"L({END})", loss_at(run, END), target_window(own_case(run), "loss at the end")[1]),
        upper("stable rank", rank, 1.5),
    ]


CLAIMS = (check_corr, check_align, check_plateau, check_grow, check_descent, check_fit)
