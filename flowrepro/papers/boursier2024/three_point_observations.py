"""What Figures 1 and 2 of boursier2024 and its Section 5 show on three points, as checks.

Windows hold for every measured seed (4 to 9 each); those that depend on the width are stated with it.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    none_of,
    number,
    statement,
    target_window,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import FREE, as_published
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2024.along import (
    active,
    least_cosine_to_data,
    mixed,
    negative_class,
    positive_class,
    sides,
)
from flowrepro.papers.boursier2024.assumptions import box_slack
from flowrepro.papers.boursier2024.experiments import (
    ANIMATION,
    DOMINATED,
    FIGURE_1,
    FIGURE_2,
    UNBALANCED,
)
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_mse, least_squares
from flowrepro.papers.boursier2024.panels import on_line
from flowrepro.papers.boursier2024.two_neurons import two_neurons
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import mse, step_time

PUBLISHED = (as_published(FIGURE_2, (*FREE, "init.m")),)
ETA = 1 / 6
"""Of Assumption 3, as Figure 1 has it."""
INFINITE_WIDTH = {5374: (0.536782, 0.497738, 0.400126), 6504: (0.723312, 0.675020, 0.554289)}
"""Outputs at the three points by step in the limit of infinite width, measured with 400000 nodes of balanced-quadrature; the last digit is sure."""
WIDTH_ERROR = {5374: 1.2, 6504: 0.12}
"""Distance to them times sqrt(m); 0.46 and 0.036 measured."""
ANIMATION_ERROR, SPREAD = 0.003, 2.5
"""Reading error of the frames, and spread of a draw times sqrt(m)."""
PURPLE = (111.18, 95.46)
"""Angles in degrees of D* and of beta*, towards which the positive neurons point in Figures 2 (d) and (h)."""


def state(run: Run, step: int) -> tuple[np.ndarray, np.ndarray]:
    """(W, a) at a step; NotApplicable if it was not kept."""
    if not run.trajectory.has(step):
        raise NotApplicable(f"the run keeps no weights at step {step}")
    return run.trajectory.at(step)


def _angles(W: np.ndarray) -> np.ndarray:
    """Angle of each w in degrees."""
    return np.degrees(np.arctan2(W[..., 1], W[..., 0]))  # type: ignore[no-any-return]


@statement(
    "figure-1",
    ref("Figure 1"),
    "reproduction",
    ("figure-1",),
    "two neurons fit the points in the boxes, training ends at least squares",
    (as_published(FIGURE_1),),
)
def figure_1(run: Run) -> list[Judgement]:
    """measured: distance of the points to the sides of the boxes, error of the two neurons, MSE and distance to least squares at the end."""
    pair = two_neurons(run.X[:, 0], run.y)
    fit = np.inf if pair is None else np.abs(predict(run.X, *pair) - run.y).max()
    h = predict(run.X, *run.trajectory.at(run.trajectory.last_step))
    return [
        lower("distance to the sides of the boxes", box_slack(run.X, run.y, ETA), 0.0),
        upper("error of two neurons", fit, 1e-12),
        window("MSE at the end", mse(run)[-1], *target_window(FIGURE_1, "MSE at the end")),
        upper(
            "largest |h - <beta*, x>| at the end",
            np.abs(h - run.X @ least_squares(run.X, run.y)).max(),
            1e-8,
        ),
    ]


@statement(
    "figure-2-width",
    ref("Figure 2"),
    "reproduction",
    ("figure-2",),
    "the run follows the limit of infinite width to order 1/sqrt(m)",
    PUBLISHED,
)
def figure_2_width(run: Run) -> list[Judgement]:
    """measured: max_k |h(x_k) - h_infinity(x_k)| sqrt(m) while the loss falls (step 5374) and after (6504)."""
    root = np.sqrt(run.trajectory.group.size)
    return [
        upper(
            f"step {step}: distance times sqrt(m)",
            np.abs(predict(run.X, *state(run, step)) - limit).max() * root,
            WIDTH_ERROR[step],
        )
        for step, limit in INFINITE_WIDTH.items()
    ]


@statement(
    "figure-2-frames",
    ref("Figure 2"),
    "reproduction",
    ("figure-2",),
    "h at both ends of the axis is that of the published animation",
    PUBLISHED,
)
def figure_2_frames(run: Run) -> list[Judgement]:
    """measured: largest difference of h(-1) and h(1) at each frame."""
    bound = ANIMATION_ERROR + SPREAD / np.sqrt(run.trajectory.group.size)
    return [
        upper(
            f"step {step}: difference",
            np.abs(on_line(*state(run, step), np.array([-1.0, 1.0])) - known).max(),
            bound,
        )
        for step, known in ANIMATION.items()
    ]


@statement(
    "figure-2cd",
    ref("Figure 2 (c), (d)"),
    "reproduction",
    ("figure-2",),
    "positive neurons are aligned with D* while h is still nearly 0",
    PUBLISHED,
)
def figure_2cd(run: Run) -> list[Judgement]:
    """measured at step 3031: max |h| on [-1, 1], neurons of I not active on all data, least cosine of I with D*."""
    W, a = state(run, 3031)
    I = positive_class(run)
    return [
        upper("largest |h| on [-1, 1]", np.abs(on_line(W, a, np.linspace(-1, 1, 21))).max(), 0.01),
        none_of(
            "neurons of I not active on all data", int(np.sum(~active(run.X, W[I]).all(axis=1)))
        ),
        lower("least cosine of I with D*", cosines(W[I], run.y @ run.X).min(), 0.98),
    ]


@statement(
    "figure-2ef",
    ref("Figure 2 (e), (f)"),
    "reproduction",
    ("figure-2",),
    "the estimator is near least squares, negative neurons are irrelevant",
    PUBLISHED,
)
def figure_2ef(run: Run) -> list[Judgement]:
    """measured at step 6504: MSE relative to least squares, and sum over a < 0 of a^2 in units of lambda^2."""
    W, a = state(run, 6504)
    N = negative_class(run)
    excess = np.mean(np.square(predict(run.X, W, a) - run.y)) / least_mse(run.X, run.y) - 1
    return [
        upper("MSE over that of least squares, less 1", excess, 0.03),
        upper(
            "sum over a < 0 of a^2 / lambda^2",
            np.sum(np.square(a[N])) / run.case.init.scale**2,
            2.0,
        ),
    ]


@statement(
    "figure-2gh",
    ref("Figure 2 (g), (h)"),
    "reproduction",
    ("figure-2",),
    "training ends at least squares, neurons active on all data or none",
    PUBLISHED,
)
def figure_2gh(run: Run) -> list[Judgement]:
    """measured at the end; the share of I is that of its cone, up to four standard deviations of the draw."""
    W, a = run.trajectory.at(run.trajectory.last_step)
    side, m = sides(run.X, W), run.trajectory.group.size
    share = (
        180.0 + np.ptp(_angles(run.X))
    ) / 720.0  # active on some datum, times the half that is positive
    full = np.all(side > 0, axis=1)
    return [
        upper(
            "largest |h - <beta*, x>|",
            np.abs(predict(run.X, W, a) - run.X @ least_squares(run.X, run.y)).max(),
            1e-10,
        ),
        window("MSE", mse(run)[-1], *target_window(FIGURE_2, "MSE at the end")),
        none_of("mixed neurons", int(mixed(run.X, W).sum())),
        upper(
            f"| |I|/m - {share:.4f} |",
            abs(positive_class(run).mean() - share),
            4 * np.sqrt(share * (1 - share) / m),
        ),
        number("active on all data", int(full.sum())),
        number("of these with a < 0", int(np.sum(a[full] < 0))),
    ]


@statement(
    "figure-2-turn",
    ref("Section 6"),
    "reproduction",
    ("figure-2",),
    "the positive neurons turn from D* to beta* between Figures 2 (d) and (h)",
    PUBLISHED,
)
def figure_2_turn(run: Run) -> list[Judgement]:
    """measured: angle of sum over I of a w at step 3669, and of the neurons of I at the end, in degrees."""
    I = positive_class(run)
    W, a = state(run, 3669)
    end = _angles(run.trajectory.at(run.trajectory.last_step)[0][I])
    return [
        upper(
            "angle of sum a w at step 3669, from D*",
            abs(float(_angles(a[I] @ W[I])) - PURPLE[0]),
            1.0,
        ),
        upper("median angle at the end, from beta*", abs(np.median(end) - PURPLE[1]), 0.05),
        upper("largest distance from beta* at the end", np.abs(end - PURPLE[1]).max(), 1.0),
    ]


@statement(
    "unbalanced-fits",
    ref("Section 5"),
    "reproduction",
    ("unbalanced",),
    "from an unbalanced initialisation the points are fitted, after a plateau at least squares",
    (as_published(UNBALANCED),),
)
def unbalanced_fits(run: Run) -> list[Judgement]:
    """measured: MSE at step 100000 above least squares, first recorded step with MSE < 1e-3, MSE at the end. Needs enough neurons: m = 20 does not leave."""
    below = run.trajectory.first_below(1e-3 * run.case.loss.factor / 2)
    at_plateau = float(np.interp(100_000, run.trajectory.step, mse(run)))
    return [
        upper(
            "| MSE - least squares | at step 100000",
            abs(at_plateau - least_mse(run.X, run.y)),
            1e-3,
        ),
        window(
            "first step with MSE < 1e-3",
            np.inf if below is None else below,
            *target_window(UNBALANCED, "first step"),
        ),
        upper("MSE at the end", mse(run)[-1], 1e-10),
    ]


@statement(
    "dominated-minimum",
    ref("Section 5"),
    "reproduction",
    ("dominated",),
    "with |a| > ||w|| the limit has no zero neuron and is least squares",
    (as_published(DOMINATED),),
)
def dominated_minimum(run: Run) -> list[Judgement]:
    """measured: MSE at the end, and least a^2 / (a0^2 - ||w0||^2) over neurons, at least 1 by Lemma 1 up to the step."""
    W0, a0 = run.trajectory.at(0)
    a = run.trajectory.at(run.trajectory.last_step)[1]
    kept = np.square(a0) - np.sum(np.square(W0), axis=1)
    return [
        window("MSE at the end", mse(run)[-1], *target_window(DOMINATED, "MSE at the end")),
        lower(
            "least a^2 / (a0^2 - ||w0||^2)", np.min(np.square(a) / kept), 1.0 - 10 * step_time(run)
        ),
    ]


@statement(
    "purple-bump",
    ref("Figure 2 (d)"),
    "reproduction",
    ("figure-2",),
    "at the end of phase 2a the positive neurons just start to grow",
    PUBLISHED,
)
def purple_bump(run: Run) -> list[Judgement]:
    """measured: largest norm of I at step 3031 over the largest norm at the start, least cosine of I with a datum."""
    W, _ = state(run, 3031)
    I = positive_class(run)
    growth = (
        np.linalg.norm(W[I], axis=1).max() / np.linalg.norm(run.trajectory.at(0)[0], axis=1).max()
    )
    return [
        lower("growth of the largest norm", growth, 10.0),
        lower("least cosine of I with a datum", least_cosine_to_data(run.X, W[I]), 0.5),
    ]


CLAIMS = (
    figure_1,
    figure_2_width,
    figure_2_frames,
    figure_2cd,
    purple_bump,
    figure_2ef,
    figure_2gh,
    figure_2_turn,
    unbalanced_fits,
    dominated_minimum,
)
