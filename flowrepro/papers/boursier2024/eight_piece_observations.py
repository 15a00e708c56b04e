"""What Figure 3 of boursier2024 shows: 40 points of a teacher with eight linear pieces, of which training finds five."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import lower, number, statement, target_window, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import FREE, as_published
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2024.along import active
from flowrepro.papers.boursier2024.experiments import FIGURE_3
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.three_point_observations import state
from flowrepro.theory.square_descent import mse
from flowrepro.theory.variation_norm import piecewise_linear

PUBLISHED = (as_published(FIGURE_3, (*FREE, "init.m")),)
ANY_POINTS = (as_published(FIGURE_3, (*FREE, "init.m", "data.options")),)
SAME_KINK = 0.02
"""Neighbouring kinks closer than this are one neuron of the paper's count."""
LEAST_SHARE, LEAST_JUMP = 0.05, 1e-2
"""A kink counts if its change of slope is above this share of the largest, and this size."""
KINKS = (-0.372, -0.035, 0.046, 0.497)
"""Kinks at the end, measured; the same within 0.006 for balanced starts, and for 2000 to 200000 neurons."""
PLATEAUS = {100_000: 0.087076, 600_000: 0.02046, 2_000_000: 1.8539e-3}
"""MSE by step while one, four and five pieces are learned, measured with 20000 and 200000 neurons."""
SECTORS = 72
"""Of five degrees each."""


def kinks(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Places (K,) in (-1, 1) where x -> h(x, 1) bends visibly; it has K + 1 linear pieces there.

    Only W (m, 2) with -w_2/w_1 in (-1, 1) bend there. Neighbours closer than SAME_KINK are one.
    """
    inside = np.abs(W[:, 1]) < np.abs(W[:, 0])
    bends = piecewise_linear(W[inside], a[inside], same_kink=SAME_KINK)
    return bends.visible(max(LEAST_JUMP, LEAST_SHARE * float(np.abs(bends.jumps).max(initial=0.0))))


@statement(
    "figure-3-pieces",
    ref("Figure 3"),
    "reproduction",
    ("figure-3",),
    "the function has one piece after the first growth and five at the end",
    PUBLISHED,
)
def figure_3_pieces(run: Run) -> list[Judgement]:
    """measured: linear pieces at step 113573 and at the end, distance of the kinks at the end to the known ones."""
    first, last = kinks(*state(run, 113_573)), kinks(*run.trajectory.at(run.trajectory.last_step))
    parts = [
        window("pieces at step 113573", len(first) + 1, 1, 1),
        window(
            "pieces at the end", len(last) + 1, *target_window(FIGURE_3, "linear pieces at the end")
        ),
    ]
    return (
        [*parts, upper("largest error of a kink", np.abs(last - KINKS).max(), 0.02)]
        if len(last) == len(KINKS)
        else parts
    )


@statement(
    "figure-3-loss",
    ref("Figure 3"),
    "reproduction",
    ("figure-3",),
    "the loss descends from plateau to plateau and does not reach 0",
    PUBLISHED,
)
def figure_3_loss(run: Run) -> list[Judgement]:
    """measured: MSE on the plateaus relative to the known ones, MSE and largest residual at the end."""
    curve = np.interp(list(PLATEAUS), run.trajectory.step, mse(run))
    apart = [
        upper(f"relative error of the MSE at step {step}", abs(value / PLATEAUS[step] - 1), 2e-3)
        for step, value in zip(PLATEAUS, curve, strict=True)
    ]
    residual = predict(run.X, *run.trajectory.at(run.trajectory.last_step)) - run.y
    return [
        *apart,
        window("MSE at the end", mse(run)[-1], *target_window(FIGURE_3, "MSE at the end")),
        lower("largest |residual| at the end", np.abs(residual).max(), 0.1),
    ]


@statement(
    "figure-3-directions",
    ref("Appendix B.2"),
    "reproduction",
    ("figure-3",),
    "the weights lose omnidirectionality although unbalanced",
    PUBLISHED,
)
def figure_3_directions(run: Run) -> list[Judgement]:
    """measured: sectors of five degrees without a neuron that is active on some datum, at the end and at the start."""
    counts = []
    for step in (run.trajectory.last_step, 0):
        W, _ = run.trajectory.at(step)
        W = W[active(run.X, W).any(axis=1)]
        sector = np.floor(
            np.degrees(np.arctan2(W[:, 1], W[:, 0])) % 360.0 / (360.0 / SECTORS)
        ).astype(int)
        counts.append(SECTORS - len(np.unique(sector)))
    return [lower("empty sectors at the end", counts[0], 40), number("at the start", counts[1])]


@statement(
    "figure-3-any-points",
    ref("Appendix B.2"),
    "reproduction",
    ("figure-3",),
    "on other draws of the 40 points training does not fit them either",
    ANY_POINTS,
)
def figure_3_any_points(run: Run) -> list[Judgement]:
    """measured: MSE at the end (above 2.4e-3 on 8 measured draws; the number of pieces varies from 3 to 8), and the pieces."""
    return [
        lower("MSE at the end", mse(run)[-1], 1e-3),
        number(
            "linear pieces at the end", len(kinks(*run.trajectory.at(run.trajectory.last_step))) + 1
        ),
    ]


CLAIMS = (figure_3_pieces, figure_3_loss, figure_3_directions, figure_3_any_points)
