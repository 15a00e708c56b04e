"""What Figures 6 and 7 of boursier2022 (Appendix A.2) show on nearly orthogonal points in high dimension, as checks.

The points are the authors' own draw (`data.nearly_orthogonal`); on other draws steps differ too much to be judged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    number,
    statement,
    target_window,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_published
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022.experiments import HIGH_DIMENSION
from flowrepro.papers.boursier2022.hypotheses import final, first_below, recorded_every, ref, state
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import mse

CASE = (HIGH_DIMENSION.name,)
SAME = (as_published(HIGH_DIMENSION, ("seed", "protocol.engine", "protocol.device", "record.")),)
TIMED = (*SAME, recorded_every(200))
ALIGNED, SADDLE, END = 33_000, 75_000, 200_000
"""Steps of panels b, c and d of Figure 6."""


class Components(NamedTuple):
    """Principal components, without centring, of the hidden weights W (m, d): axes (k, d) and shares (k,), k = min(m, d).

    The sign of each axis makes the neuron with the largest coordinate positive.
    """

    axes: np.ndarray
    shares: np.ndarray


def principal_components(W: np.ndarray) -> Components:
    """Right singular vectors of W and their squared singular values over the sum of all; NotApplicable for W = 0."""
    if not np.any(W):
        raise NotApplicable("all hidden weights are zero")
    left, values, axes = np.linalg.svd(W / np.abs(W).max(), full_matrices=False)
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(len(values))])
    return Components(signs[:, None] * axes, np.square(values) / np.sum(np.square(values)))


def mean_cosines(run: Run, step: int) -> list[tuple[float, float, float]]:
    """(sign, mean cosine with s D_s, sum ||w||^2) of the neurons of each output sign s at a step, weights ||w_j||^2."""
    W, a = state(run, step)
    result = []
    for chosen in sign_classes(run.X, run.y):
        own = W[np.sign(a) == chosen.sign]
        masses = np.sum(np.square(own / np.abs(own).max()), axis=1)  # the first weights are 1e-22
        mean = float(np.average(cosines(own, chosen.direction), weights=masses))
        result.append((chosen.sign, mean, float(np.sum(np.square(own)))))
    return result


def flattest(run: Run) -> tuple[int, float]:
    """(step, MSE) where d ln MSE / dt is least between leaving 0 and half the MSE of the negative labels."""
    curve, negative = mse(run), np.sum(np.square(run.y[run.y < 0])) / len(run.y)
    inside = np.flatnonzero((curve < 0.9 * curve[0]) & (curve > negative / 2))
    if inside.size < 3:
        raise NotApplicable("the loss is not recorded between leaving 0 and leaving the saddle")
    speed = np.abs(np.gradient(np.log(curve[inside]), run.trajectory.step[inside]))
    k = inside[int(speed.argmin())]
    return int(run.trajectory.step[k]), float(curve[k])


@statement(
    "figure-7a-steps",
    ref("Figure 7a"),
    "reproduction",
    CASE,
    "the run leaves 0, passes a saddle around step 75000 and leaves it",
    TIMED,
)
def figure_7a_steps(run: Run) -> list[Judgement]:
    """measured: first step with MSE < 0.99 of the start; MSE where it is flattest after that, over that of the negative labels."""
    step, plateau = flattest(run)
    negative = np.sum(np.square(run.y[run.y < 0])) / len(run.y)
    ratio = "MSE at the saddle / (1/n) sum of y^2 over y < 0"
    return [
        window(
            "first step with MSE < 0.99 MSE(0)",
            first_below(run, 0.99 * mse(run)[0]),
            *target_window(HIGH_DIMENSION, "first step with MSE < 0.99"),
        ),
        window("step where the loss is flattest", step, 72_000, 80_000),
        window(ratio, plateau / negative, *target_window(HIGH_DIMENSION, "MSE at the saddle")),
    ]


@statement(
    "figure-7a-end",
    ref("Figure 7a"),
    "reproduction",
    CASE,
    "the loss falls to 0.1 % of its start; a single label keeps it from 0",
    TIMED,
)
def figure_7a_end(run: Run) -> list[Judgement]:
    """measured: MSE at the last step over that at 0, and the share of it due to the label that is fitted worst.

    The paper prints convergence to 0: the worst label (-0.041) is active only for neurons that are still tiny.
    """
    residuals = np.square(predict(run.X, *final(run)) - run.y)
    worst = int(residuals.argmax())
    return [
        upper("MSE at the end / MSE(0)", mse(run)[-1] / mse(run)[0], 1e-3),
        lower("share of the label that is fitted worst", residuals[worst] / residuals.sum(), 0.9),
        number("that label", run.y[worst]),
        number("its residual", np.sqrt(residuals[worst])),
    ]


@statement(
    "figure-7b",
    ref("Figure 7b"),
    "reproduction",
    CASE,
    "two principal components explain about 80 % of the final hidden weights",
    SAME,
)
def figure_7b(run: Run) -> list[Judgement]:
    """measured: share of the first two components of the final W, without centring; their sizes and that of the third."""
    shares = principal_components(final(run)[0]).shares
    return [
        window(
            "share of the first two components",
            shares[:2].sum(),
            *target_window(HIGH_DIMENSION, "share of the first two"),
        ),
        *(number(f"component {k + 1}", shares[k]) for k in range(3)),
    ]


@statement(
    "figure-6b",
    ref("Figure 6b"),
    "reproduction",
    CASE,
    "early alignment: the neurons of each sign turn to one key direction while they are tiny",
    SAME,
)
def figure_6b(run: Run) -> list[Judgement]:
    """measured: mean cosine (weights ||w||^2) with D+ and -D- at step 33000, and the largest norm."""
    largest = float(np.linalg.norm(state(run, ALIGNED)[0], axis=1).max())
    cosines_ = [
        lower(f"mean cosine, sign {sign:+.0f}", cosine, 0.9)
        for sign, cosine, _ in mean_cosines(run, ALIGNED)
    ]
    return [*cosines_, upper("largest ||w_j||", largest, 1e-6)]


@statement(
    "figure-6c",
    ref("Figure 6c"),
    "reproduction",
    CASE,
    "at the saddle one cluster has grown, the other is aligned and still small",
    SAME,
)
def figure_6c(run: Run) -> list[Judgement]:
    """measured: at step 75000, sum ||w||^2 of the negative sign over the positive one, and the negative sign's mean cosine with -D-."""
    (_, _, grown), (_, cosine, small) = mean_cosines(run, SADDLE)
    return [
        upper("mass of sign -1 / mass of sign +1", small / grown, 1e-3),
        lower("mean cosine of sign -1", cosine, 0.9),
    ]


@statement(
    "figure-6d",
    ref("Figure 6d"),
    "reproduction",
    CASE,
    "at the end the neurons are near, but not on, two directions",
    SAME,
)
def figure_6d(run: Run) -> list[Judgement]:
    """measured: mean cosine of each sign with its key direction at the end."""
    return [
        window(f"mean cosine, sign {sign:+.0f}", cosine, 0.6, 0.95)
        for sign, cosine, _ in mean_cosines(run, run.trajectory.last_step)
    ]


CLAIMS = (figure_6b, figure_6c, figure_6d, figure_7a_steps, figure_7a_end, figure_7b)
