"""Figures 6 and 7 of boursier2022: neurons on the two principal components of the final weights, the loss, and all components."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable
from flowrepro.core.config import departures
from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below, shown_steps
from flowrepro.papers.boursier2022.experiments import HIGH_DIMENSION
from flowrepro.papers.boursier2022.high_dimension import ALIGNED, END, SADDLE, principal_components
from flowrepro.papers.boursier2022.sign_classes import sign_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASES = {
    0: "initialisation",
    ALIGNED: "end of early alignment",
    SADDLE: "intermediate saddle",
    END: "end",
}
HOLE = 0.05
"""Radius of the inner circle, which stands for norm 0, as in the paper (there 0.05 of weights up to 0.11)."""


class PolarPanel(NamedTuple):
    """One snapshot: angle (m,), radius (m,) of each neuron in the plane of the components, and the sign (m,) of its output weight."""

    step: int
    phase: str
    angle: np.ndarray
    radius: np.ndarray
    sign: np.ndarray


class PolarPanels(NamedTuple):
    """The panels and their common largest radius."""

    panels: tuple[PolarPanel, ...]
    limit: float


def collect_polar(run: Run) -> PolarPanels:
    """Neurons on the plane of the first two principal components of the final weights at four steps (Figure 6)."""
    try:
        axes = principal_components(run.trajectory.at(run.trajectory.last_step)[0]).axes
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None
    if len(axes) < 2:
        raise NotDrawable("one neuron or one coordinate has no second principal component")
    known = PHASES if not departures(run.case, HIGH_DIMENSION) else {}
    panels = []
    for step in shown_steps(run, tuple(PHASES)):
        W, a = run.trajectory.at(step)
        first, second = axes[:2] @ W.T
        panels.append(
            PolarPanel(
                step,
                known.get(step, ""),
                np.arctan2(second, first),
                np.hypot(first, second),
                np.sign(a),
            )
        )
    return PolarPanels(tuple(panels), max(float(panel.radius.max()) for panel in panels))


def draw_polar(axes: Sequence[Axes], data: PolarPanels) -> None:
    """Four polar panels with one radial scale; the inner circle is norm 0."""
    hole = HOLE / 0.11 * data.limit
    for index, ax in enumerate(axes):
        if index >= len(data.panels):
            ax.set_axis_off()
            continue
        panel = data.panels[index]
        ax.set_rorigin(-hole)  # type: ignore[attr-defined]
        ax.set_ylim(0.0, 1.08 * data.limit)
        for sign, colour, label in (
            (1, style.POSITIVE, "neuron, $s_j=+1$"),
            (-1, style.NEGATIVE, "neuron, $s_j=-1$"),
        ):
            chosen = panel.sign == sign
            stars = ax.plot(
                panel.angle[chosen],
                panel.radius[chosen],
                "*",
                color=colour,
                markersize=5,
                label=label,
                zorder=3,
                clip_on=False,
            )
            stars[0].set(markeredgewidth=0.3, markeredgecolor="white")
        ax.set_xticks(np.arange(4) * np.pi / 2)
        ax.set_yticks(_round_ticks(data.limit))
        ax.set_rlabel_position(250)  # type: ignore[attr-defined]
        ax.grid(linewidth=0.4)
        ax.tick_params(axis="y", labelsize=6, labelcolor=style.FRAME)
        ax.set_title(
            f"({chr(ord('a') + index)}) step {panel.step}"
            + (f": {panel.phase}" if panel.phase else ""),
            loc="center",
        )
    legend_below(axes)


def _round_ticks(limit: float) -> np.ndarray:
    unit = 10.0 ** np.floor(np.log10(limit))
    step = unit * (0.5 if limit / unit < 2 else 1.0 if limit / unit < 5 else 2.0)
    return np.arange(step, limit, step)


class HighDimension(NamedTuple):
    """step, mse (T,); level, the MSE with the faster class fitted and the other at 0; shares (k,) of the components."""

    step: np.ndarray
    mse: np.ndarray
    level: float
    shares: np.ndarray


def collect_high_dimension(run: Run) -> HighDimension:
    """Loss and explained variance of the final weights (Figure 7)."""
    if not np.all(np.isfinite(run.trajectory.loss)):
        raise NotDrawable("the loss is not finite; lower the step size or rescale the points")
    try:
        shares = principal_components(run.trajectory.at(run.trajectory.last_step)[0]).shares
    except NotApplicable as reason:
        raise NotDrawable(str(reason)) from None
    slow = sign_classes(run.X, run.y)[-1]
    level = run.case.loss.factor / 2 * float(np.sum(np.square(slow.y))) / slow.n
    return HighDimension(run.trajectory.step, run.trajectory.loss, level, shares[: len(run.y)])


def draw_high_dimension(axes: Sequence[Axes], data: HighDimension) -> None:
    """(a) the loss with the level of the saddle, (b) the share of every component."""
    left, right = axes
    left.plot(data.step, data.mse, color=style.LEARNED)
    left.axhline(
        data.level,
        color=style.THEORY,
        linewidth=0.9,
        linestyle="--",
        label=r"$\frac{1}{n}\sum_{y_k<0}y_k^2$: positive labels fitted",
    )
    left.set_xlim(0, data.step[-1])
    left.set_ylim(0.0, 1.15 * float(data.mse.max()))
    left.locator_params(axis="x", nbins=4)
    left.set_xlabel("step")
    left.set_ylabel("training MSE")
    left.set_title("(a) loss")
    left.legend(loc="upper right")
    right.plot(
        np.arange(1, len(data.shares) + 1), data.shares, "+", color=style.LEARNED, markersize=5
    )
    right.set_xlabel("principal component")
    right.set_ylabel("share of the final weights")
    right.set_ylim(0.0, None)
    right.set_xlim(0, len(data.shares) + 1)
    right.set_title(f"(b) the first two explain {100 * data.shares[:2].sum():.1f} %")
    for ax in axes:
        ax.spines["right"].set_visible(False)


FIGURES = (
    Figure(
        id="6",
        file="figure-6-high-dimension-panels",
        cases=(HIGH_DIMENSION.name,),
        caption="75 nearly orthogonal points in dimension 150: neurons on the two principal components of the final weights, in polar coordinates; "
        "the inner circle is norm 0.",
        layout=(2, 2, style.PAGE, 6.4),
        collect=collect_polar,
        draw=draw_polar,
        projections={str(index): "polar" for index in range(4)},
        tolerance=(2e-2, 2e-3),
    ),
    Figure(
        id="7",
        file="figure-7-high-dimension-loss",
        cases=(HIGH_DIMENSION.name,),
        caption="75 nearly orthogonal points in dimension 150: training loss with the level of its saddle, and the explained variance of the final weights.",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect_high_dimension,
        draw=draw_high_dimension,
        tolerance=(1e-2, 1e-5),
    ),
)
