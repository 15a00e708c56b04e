"""Nearly orthogonal points in high dimension: Figures 6 and 7 of boursier2022 (Appendix A.2).

The points are the authors' own draw (`data.nearly_orthogonal`); on other draws the steps differ
too much to be judged. The principal components are those of W without centring, as the paper's
share of 80 % suggests; with centring the first two explain 70 % at the end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, at_least, at_most, number, within
from flowrepro.core.config import Data, Descent, Init, Record, Target
from flowrepro.core.network import predict
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.line_panels import shown_steps
from flowrepro.figures.panels import Horizontal, Line, Panel, Points
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.figures_2_3_toy import MSE, finite_loss, loss_panel, titled
from flowrepro.papers.boursier2022.hypotheses import (
    final,
    first_below,
    recorded_every,
    state,
    target_window,
)
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import mse

topic = Topic(PAPER, "Figures 6 and 7: nearly orthogonal points in high dimension")

HIGH_DIMENSION = topic.run(
    "high-dimension",
    "75 nearly orthogonal points in dimension 150 pass a saddle (Figures 6 and 7).",
    data=Data(name="nearly-orthogonal", options={"seed": 4}),  # the authors' draw
    # Appendix A.2; drawn with the points
    init=Init(name="student", m=200, scale=1e-20, divide_by="sqrt(m*d)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=200_000),
    # panels of Figure 6; the text does not print their steps
    record=Record(save_every=10, snapshots=(0, 33_000, 75_000, 200_000)),
    targets=(
        Target(
            what="first step with MSE < 0.99 of that at 0",
            paper="between 0 and 75000",
            ours=68_390,
            window=(66_000, 71_000),
        ),
        Target(
            what="MSE at the saddle / (1/n) sum of y^2 over y < 0",
            paper="around step 75000",
            ours=1.0153,
            window=(0.97, 1.08),
        ),
        Target(
            what="share of the first two principal components",
            paper=0.8,
            ours=0.7555,
            window=(0.70, 0.85),
        ),
    ),
    quick={"n_steps": 80_000, "save_every": 100},
)

SAME = (as_published(HIGH_DIMENSION, ("seed", "protocol.engine", "protocol.device", "record.")),)
TIMED = (*SAME, recorded_every(200))
observed = partial(topic.claim, kind="reproduction", given=SAME)
ALIGNED, SADDLE, END = 33_000, 75_000, 200_000
"""Steps of panels b, c and d of Figure 6."""


class Components(NamedTuple):
    """Principal components of W (m, d), not centred: axes (k, d), shares (k,), k = min(m, d).

    The sign of each axis makes the neuron with the largest coordinate positive.
    """

    axes: np.ndarray
    shares: np.ndarray


def principal_components(W: np.ndarray) -> Components:
    """Right singular vectors of W, and the shares of their squared singular values.

    NotApplicable for W = 0.
    """
    if not np.any(W):
        raise NotApplicable("all hidden weights are zero")
    left, values, axes = np.linalg.svd(W / np.abs(W).max(), full_matrices=False)
    signs = np.sign(left[np.abs(left).argmax(axis=0), np.arange(len(values))])
    return Components(signs[:, None] * axes, np.square(values) / np.sum(np.square(values)))


def mean_cosines(run: Run, step: int) -> list[tuple[float, float, float]]:
    """(s, mean cosine with s D_s, sum ||w||^2) of the neurons of sign s, with weights ||w_j||^2."""
    W, a = state(run, step)
    result = []
    for chosen in sign_classes(run.X, run.y):
        own = W[np.sign(a) == chosen.sign]
        masses = np.sum(np.square(own / np.abs(own).max()), axis=1)  # the first weights are 1e-22
        mean = float(np.average(cosines(own, chosen.direction), weights=masses))
        result.append((chosen.sign, mean, float(np.sum(np.square(own)))))
    return result


def flattest(run: Run) -> tuple[int, float]:
    """(step, MSE) where |d ln MSE / dt| is least on the way from 0 to leaving the saddle."""
    curve, negative = mse(run), _negative_level(run)
    inside = np.flatnonzero((curve < 0.9 * curve[0]) & (curve > negative / 2))
    if inside.size < 3:
        raise NotApplicable("the loss is not recorded between leaving 0 and leaving the saddle")
    speed = np.abs(np.gradient(np.log(curve[inside]), run.trajectory.step[inside]))
    k = inside[int(speed.argmin())]
    return int(run.trajectory.step[k]), float(curve[k])


def _negative_level(run: Run) -> float:
    """(1/n) sum of y^2 over y < 0, the MSE with all positive labels fitted."""
    return float(np.sum(np.square(run.y[run.y < 0])) / len(run.y))


@observed(
    "figure-6b",
    "Early alignment: the neurons of each sign turn to one direction while they are tiny.",
    place="Figure 6b",
)
def figure_6b(run: Run) -> Iterator[Part]:
    """Mean cosine with D+ and -D- at step 33000, and the largest norm."""
    for sign, cosine, _ in mean_cosines(run, ALIGNED):
        yield at_least(f"mean cosine, sign {sign:+.0f}", cosine, 0.9)
    largest = float(np.linalg.norm(state(run, ALIGNED)[0], axis=1).max())
    yield at_most("largest ||w_j||", largest, 1e-6)


@observed(
    "figure-6c",
    "At the saddle one cluster has grown; the other one is aligned and still small.",
    place="Figure 6c",
)
def figure_6c(run: Run) -> Iterator[Part]:
    """sum ||w||^2 of the negative over the positive sign, and its mean cosine, at step 75000."""
    (_, _, grown), (_, cosine, small) = mean_cosines(run, SADDLE)
    yield at_most("mass of sign -1 / mass of sign +1", small / grown, 1e-3)
    yield at_least("mean cosine of sign -1", cosine, 0.9)


@observed(
    "figure-6d",
    "At the end the neurons are near two directions, but not on them.",
    place="Figure 6d",
)
def figure_6d(run: Run) -> Iterator[Part]:
    """Mean cosine of each sign with its direction at the end."""
    for sign, cosine, _ in mean_cosines(run, run.trajectory.last_step):
        yield within(f"mean cosine, sign {sign:+.0f}", cosine, 0.6, 0.95)


@observed(
    "figure-7a-steps",
    "The run leaves 0, passes a saddle around step 75000 and leaves it.",
    place="Figure 7a",
    given=TIMED,
)
def figure_7a_steps(run: Run) -> Iterator[Part]:
    """The first step 1 % below the start; the step and the MSE where the loss is flattest then."""
    step, plateau = flattest(run)
    yield within(
        "first step with MSE < 0.99 MSE(0)",
        first_below(run, 0.99 * mse(run)[0]),
        *target_window(HIGH_DIMENSION, "first step with MSE < 0.99"),
    )
    yield within("step where the loss is flattest", step, 72_000, 80_000)
    yield within(
        "MSE at the saddle / (1/n) sum of y^2 over y < 0",
        plateau / _negative_level(run),
        *target_window(HIGH_DIMENSION, "MSE at the saddle"),
    )


@observed(
    "figure-7a-end",
    "At step 200000 the loss is at a third plateau, below 0.1 % of its start: one label is left.",
    place="Figure 7a",
    given=TIMED,
)
def figure_7a_end(run: Run) -> Iterator[Part]:
    """The MSE over that at 0, and the share of it due to the label that is fitted worst.

    That label, -0.041, is active only for neurons that are still tiny at step 200000. The loss
    converges to 0, as the paper says, after more steps: 8.6e-10 at 700000, 1.2e-16 at 1000000.
    """
    residuals = np.square(predict(run.X, *final(run)) - run.y)
    worst = int(residuals.argmax())
    share = residuals[worst] / residuals.sum()
    yield at_most("MSE at the end / MSE(0)", mse(run)[-1] / mse(run)[0], 1e-3)
    yield at_least("share of the label that is fitted worst", share, 0.9)
    yield number("that label", run.y[worst])
    yield number("its residual", np.sqrt(residuals[worst]))


@observed(
    "figure-7b",
    "Two principal components, not centred, explain about 80 % of the final hidden weights.",
    place="Figure 7b",
)
def figure_7b(run: Run) -> Iterator[Part]:
    """Share of the first two components, and those of the first three."""
    shares = principal_components(final(run)[0]).shares
    window = target_window(HIGH_DIMENSION, "share of the first two")
    yield within("share of the first two components", shares[:2].sum(), *window)
    for k in range(3):
        yield number(f"component {k + 1}", shares[k])


# ---- what is shown

PHASES = {
    0: "initialisation",
    ALIGNED: "end of early alignment",
    SADDLE: "intermediate saddle",
    END: "end",
}
HOLE = 0.05 / 0.11
"""Radius of the inner circle, which stands for norm 0, over the largest norm, as in the paper."""
NAMED = "75 nearly orthogonal points in dimension 150"


def _final_components(run: Run) -> Components:
    """The components of the final weights; NotDrawable without any."""
    try:
        return principal_components(final(run)[0])
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None


@topic.figure(
    "6",
    lambda run: (
        f"{titled(run, HIGH_DIMENSION, NAMED)}: neurons on the two principal components of the "
        "final weights, in polar coordinates; the inner circle is norm 0."
    ),
    file="figure-6-high-dimension-panels",
    layout=(2, 2, style.PAGE, 6.4),
    tolerance=(2e-2, 2e-3),
)
def polar(run: Run) -> Iterator[Panel]:
    """Four polar panels with one radial scale."""
    axes = _final_components(run).axes
    if len(axes) < 2:
        raise NotDrawable("one neuron or one coordinate has no second principal component")
    known = {} if departures(run.case, HIGH_DIMENSION) else PHASES
    steps = shown_steps(run, tuple(PHASES))
    planes = [axes[:2] @ run.trajectory.at(step)[0].T for step in steps]
    limit = max(float(np.hypot(*plane).max()) for plane in planes)
    unit = 10.0 ** np.floor(np.log10(limit))
    tick = unit * (0.5 if limit / unit < 2 else 1.0 if limit / unit < 5 else 2.0)
    for step, (first, second) in zip(steps, planes, strict=True):
        angle, radius = np.arctan2(second, first), np.hypot(first, second)
        signs = np.sign(run.trajectory.at(step)[1])
        yield Panel(
            [
                Points(
                    angle[signs == sign],
                    radius[signs == sign],
                    marker="*",
                    size=5.0,
                    edge="white",
                    colour=colour,
                    label=f"neuron, $s_j={sign:+d}$",
                    zorder=3,
                    clip=False,
                )
                for sign, colour in ((1, style.POSITIVE), (-1, style.NEGATIVE))
            ],
            title=f"step {step}" + (f": {known[step]}" if step in known else ""),
            projection="polar",
            hole=HOLE / 1.08,
            ylim=(0.0, 1.08 * limit),
            xticks=np.arange(4) * np.pi / 2,
            yticks=np.arange(tick, limit, tick),
        )


@topic.figure(
    "7",
    lambda run: (
        f"{titled(run, HIGH_DIMENSION, NAMED)}: training loss with the level of its saddle, and "
        "the share of every principal component, not centred, of the final weights."
    ),
    file="figure-7-high-dimension-loss",
    layout=(1, 2, style.PAGE, 2.6),
    tolerance=(1e-2, 1e-5),
)
def loss_and_components(run: Run) -> Iterator[Panel]:
    """(a) the loss with the level of the saddle, (b) the share of every component."""
    loss, shares = finite_loss(run), _final_components(run).shares[: len(run.y)]
    slow = sign_classes(run.X, run.y)[-1]
    level = run.case.loss.factor / 2 * float(np.sum(np.square(slow.y))) / slow.n
    fitted, left = ("positive", "<") if slow.sign < 0 else ("negative", ">")
    named = rf"$\frac{{1}}{{n}}\sum_{{y_k{left}0}}y_k^2$: {fitted} labels fitted"
    saddle = Horizontal(level, colour=style.THEORY, width=0.9, dash="--", label=named)
    panel = loss_panel(run, [Line(run.trajectory.step, loss), saddle], top=1.15)
    yield replace(panel, title="loss", legend="upper right")
    yield Panel(
        [Points(np.arange(1, len(shares) + 1), shares, marker="+", size=5.0)],
        title=f"the first two explain {100 * shares[:2].sum():.1f} %",
        xlabel="principal component",
        ylabel="share of the final weights",
        xlim=(0, len(shares) + 1),
        ylim=(0.0, None),
    )
