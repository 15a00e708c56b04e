"""Figures of boursier2022: what a run shows on the line, and its loss with the closed form over it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.published import is_flow
from flowrepro.core.config import TrainingCase, departures
from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import (
    LinePanels,
    collect_line_panels,
    draw_line_panels,
    legend_below,
)
from flowrepro.papers.boursier2022 import (
    high_dimension_figures,
    law_figures,
    seeds_figure,
    timeline_figure,
)
from flowrepro.papers.boursier2022.experiments import FIVE_POINTS, LAZY, TOY
from flowrepro.papers.boursier2022.hypotheses import (
    ORTHOGONAL_FLOW,
    closed_form,
    equal_norms,
    growth_per_step,
    orthogonal,
    two_signs,
)
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.theory.square_descent import descent_on_squares, moderate
from flowrepro.theory.tangent_kernel import kernel_interpolator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

TOY_PHASES = {
    0: "initialisation",
    4_000: "end of first phase",
    8_000: "end of second phase",
    15_000: "end of third phase",
}
FIVE_PHASES = {
    0: "initialisation",
    15_000: "alignment",
    94_000: "saddle",
    150_000: "saddle left",
    300_000: "end",
}
LAZY_PHASES = {0: "initialisation", 5_000: "end"}
LEAVES = 0.99
"""A plateau of the loss is left where the loss falls below this part of its height."""
KERNEL_MOST = 2000
"""Samples up to which the kernel interpolator is drawn; its cost is cubic (chosen: a second or two)."""


def phases_of(run: Run, reference: TrainingCase, phases: dict[int, str]) -> dict[int, str]:
    """The paper's names of the panels; none for a run whose case departs from the paper's in more than its length."""
    allowed = (
        "seed",
        "record.",
        "protocol.engine",
        "protocol.device",
        "protocol.dtype",
        "protocol.n_steps",
        "protocol.target_loss",
    )
    return {} if departures(run.case, reference, allowed) else phases


# Figure 2 -----------------------------------------------------------------------------------------------------------


def collect_toy_panels(run: Run) -> LinePanels:
    """The toy at its initialisation and at the end of its three phases (Figure 2)."""
    return collect_line_panels(run, tuple(TOY_PHASES), phases_of(run, TOY, TOY_PHASES))


def draw_toy_panels(axes: Sequence[Axes], data: LinePanels) -> None:
    """Four panels and one legend."""
    draw_line_panels(axes, data, columns=2)
    legend_below(axes)


# Figure 3 -----------------------------------------------------------------------------------------------------------


class LossCurve(NamedTuple):
    """Loss over steps, what the closed form predicts from the initial weights alone, and when plateaus are left.

    step, loss, predicted : (T,); predicted is None where the closed form does not apply.
    departures : steps at which the loss falls below LEAVES times the plateau at 0, and then that of the saddle.
    method, quantity : what made the curve, and what it shows.
    """

    step: np.ndarray
    loss: np.ndarray
    predicted: np.ndarray | None
    departures: tuple[int, ...]
    method: str
    quantity: str


def collect_loss(run: Run) -> LossCurve:
    """The loss of the toy with its two plateaus (Figure 3), and the closed-form curve where its hypotheses hold."""
    step, loss = run.trajectory.step, _finite_loss(run)
    levels = [float(loss[0])]
    if all(given(run) is None for given in (descent_on_squares, orthogonal, two_signs)):
        slow = sign_classes(run.X, run.y)[
            1
        ]  # at the saddle the faster class is fitted and the other not at all
        levels.append(run.case.loss.factor / 2 * float(np.sum(np.square(slow.y))) / slow.n)
    left = (run.trajectory.first_below(LEAVES * level) for level in levels)
    return LossCurve(
        step,
        loss,
        _predicted_loss(run),
        tuple(first for first in left if first is not None),
        _method(run),
        _quantity(run),
    )


def _finite_loss(run: Run) -> np.ndarray:
    if not np.all(np.isfinite(run.trajectory.loss)):
        raise NotDrawable("the loss is not finite; lower the step size or rescale the points")
    return run.trajectory.loss


def _method(run: Run) -> str:
    return "gradient flow" if is_flow(run) else "gradient descent"


def _quantity(run: Run) -> str:
    loss = run.case.loss
    return (
        "training MSE"
        if (loss.name, loss.reduction, loss.factor) == ("square", "mean", 2.0)
        else "training loss"
    )


def _predicted_loss(run: Run) -> np.ndarray | None:
    if any(given(run) is not None for given in (*ORTHOGONAL_FLOW, equal_norms)):
        return None
    form = closed_form(run)
    return run.case.loss.factor / 2 * form.mse(run.trajectory.step, growth_per_step(run, form))


def draw_loss(axes: Sequence[Axes], data: LossCurve) -> None:
    """One panel: measured curve, closed form dashed over it, thin marks at the departures."""
    (ax,) = axes
    ax.plot(data.step, data.loss, color=style.LEARNED, linewidth=2.2, label=data.method)
    _name_loss_axes(ax, data.step, data.quantity)
    top = 1.25 * float(data.loss.max()) or 1.0
    ax.set_ylim(0.0, top)
    for first, plateau, height in zip(
        data.departures, ("0", "saddle"), (0.94, 0.86), strict=False
    ):  # above the curve, one below the other
        ax.axvline(first, color=style.FRAME, linewidth=0.6, linestyle=":")
        late = first > 0.6 * data.step[-1]
        label = f"{plateau} left at {first} " if late else f" {plateau} left at {first}"
        ax.annotate(
            label, (first, height * top), va="center", ha="right" if late else "left", fontsize=7
        )
    if data.predicted is not None:
        gap = float(np.abs(data.loss - data.predicted).max())
        ax.plot(
            data.step,
            data.predicted,
            "--",
            color=style.THEORY,
            linewidth=1.0,
            label=f"closed form from the initial draw (off by at most {gap:.1g})",
        )
    legend_below(axes, columns=1)


# Figure 4 -----------------------------------------------------------------------------------------------------------


class FivePoints(NamedTuple):
    """The panels and the loss curve: step (T,), loss (T,), and what it shows."""

    panels: LinePanels
    step: np.ndarray
    loss: np.ndarray
    quantity: str


def collect_five_points(run: Run) -> FivePoints:
    """Five panels from the initialisation to the interpolator, and the loss (Figure 4)."""
    panels = collect_line_panels(run, tuple(FIVE_PHASES), phases_of(run, FIVE_POINTS, FIVE_PHASES))
    return FivePoints(panels, run.trajectory.step, _finite_loss(run), _quantity(run))


def draw_five_points(axes: Sequence[Axes], data: FivePoints) -> None:
    """Panels a to e, then f: the loss with a dot at every panel."""
    *line_axes, loss_axes = axes
    draw_line_panels(line_axes, data.panels, columns=3)
    legend_below(axes)
    loss_axes.plot(data.step, data.loss, color=style.LEARNED)
    _name_loss_axes(loss_axes, data.step, data.quantity)
    loss_axes.yaxis.tick_right()  # all numbers at the outer sides, so that the three columns are evenly spaced
    loss_axes.yaxis.set_label_position("right")
    loss_axes.spines["left"].set_visible(False)
    loss_axes.spines["right"].set_visible(True)
    for index, panel in enumerate(data.panels.panels):
        height = float(np.interp(panel.step, data.step, data.loss))
        loss_axes.plot(panel.step, height, "o", color=style.LEARNED, markersize=3, clip_on=False)
        side = (
            -1 if panel.step > 0.95 * data.step[-1] else 1
        )  # the last letter would stand on the axis
        loss_axes.annotate(
            chr(ord("a") + index),
            (panel.step, height),
            (3 * side, 3),
            textcoords="offset points",
            ha="right" if side < 0 else "left",
            fontsize=7,
            color=style.FRAME,
        )
    loss_axes.set_title(f"({chr(ord('a') + len(line_axes))}) {data.quantity}")


def _name_loss_axes(ax: Axes, step: np.ndarray, quantity: str) -> None:
    ax.set_xlabel("step")
    ax.set_ylabel(quantity)
    ax.set_xlim(0, max(1, step[-1]))
    ax.set_ylim(0.0, 1.08 * ax.dataLim.y1 or 1.0)
    ax.locator_params(axis="x", nbins=4)
    ax.spines["right"].set_visible(False)


# Figure 5 -----------------------------------------------------------------------------------------------------------


class Lazy(NamedTuple):
    """The panels and the kernel interpolator on their grid, None where the tangent kernel does not say what the run tends to, or is too large."""

    panels: LinePanels
    interpolator: np.ndarray | None


def collect_lazy(run: Run) -> Lazy:
    """First and last panel, and the interpolator of the tangent kernel at the initialisation (Figure 5)."""
    panels = collect_line_panels(run, tuple(LAZY_PHASES), phases_of(run, LAZY, LAZY_PHASES))
    foreign = (
        run.case.loss.name != "square"
        or run.case.protocol.train != "both"
        or run.case.model.depth != 2
    )
    if foreign or len(run.y) > KERNEL_MOST or moderate(run) is not None:
        return Lazy(panels, None)
    W, a = run.trajectory.at(0)
    interpolator = kernel_interpolator(run.X, run.y, W, a, run.case.model.alpha)
    return Lazy(panels, interpolator(np.column_stack([panels.grid, np.ones_like(panels.grid)])))


def draw_lazy(axes: Sequence[Axes], data: Lazy) -> None:
    """Two panels, the interpolator dashed in the last one."""
    draw_line_panels(axes, data.panels, columns=2)
    if data.interpolator is not None:
        axes[len(data.panels.panels) - 1].plot(
            data.panels.grid,
            data.interpolator,
            "--",
            color=style.THEORY,
            zorder=3,
            label="NTK interpolator",
        )
    legend_below(axes)


FIGURES = (
    timeline_figure.FIGURE,
    Figure(
        id="2",
        file="figure-2-toy-panels",
        cases=("toy",),
        caption="Two orthogonal points: learned function and neurons at the initialisation and at the end of the first, second and third phase.",
        layout=(2, 2, style.PAGE, 4.8),
        collect=collect_toy_panels,
        draw=draw_toy_panels,
    ),
    Figure(
        id="3",
        file="figure-3-toy-loss",
        cases=("toy",),
        caption="Two orthogonal points: training loss with its plateaus at 0 and at the saddle, and the closed form from the initial weights alone.",
        layout=(1, 1, style.COLUMN, 2.7),
        collect=collect_loss,
        draw=draw_loss,
    ),
    seeds_figure.FIGURE,
    Figure(
        id="4",
        file="figure-4-five-points",
        cases=("five-points",),
        caption="Five points that are not orthogonal, small initialisation: learned function and neurons at five steps, and the training loss.",
        layout=(2, 3, style.PAGE, 4.6),
        collect=collect_five_points,
        draw=draw_five_points,
    ),
    Figure(
        id="5",
        file="figure-5-lazy",
        cases=("lazy",),
        caption="The five points with a large initialisation: learned function and neurons before and after training, and the tangent kernel interpolator.",
        layout=(1, 2, style.PAGE, 2.9),
        collect=collect_lazy,
        draw=draw_lazy,
    ),
    *high_dimension_figures.FIGURES,
    *law_figures.FIGURES,
)
