"""Figure 4 of lee2022: the norm of a deep network from a small and from a large start, its layers and its loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.deep_network import total
from flowrepro.papers.lee2022.experiments import DEEP_LARGE_LR, DEEP_SMALL_LR
from flowrepro.papers.lee2022.panels import POINTS, THOUSAND

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class DeepRun(NamedTuple):
    """One start: step in the paper's steps, total norm and loss (T,), norms of the layers (T, 5), the teacher's total norm."""

    title: str
    step: np.ndarray
    norm: np.ndarray
    layers: np.ndarray
    loss: np.ndarray
    teacher: float


class Deep(NamedTuple):
    """Small and large start."""

    small: DeepRun
    large: DeepRun


def collect_deep(findings: Study) -> Deep:
    """Norms and losses of both starts; steps are converted to the paper's size at the same flow time."""
    arrays = findings.arrays

    def one(name: str, title: str, paper_lr: float) -> DeepRun:
        norms = arrays[f"{name}_norms"]
        shown = np.unique(
            np.concatenate(
                [
                    np.arange(min(20, len(norms))),
                    np.linspace(0, len(norms) - 1, min(len(norms), POINTS)).round().astype(int),
                ]
            )
        )
        step = arrays[f"{name}_step"][shown] * float(arrays[f"{name}_lr"]) / paper_lr
        return DeepRun(
            title,
            step,
            total(norms)[shown],
            norms[shown],
            arrays[f"{name}_loss"][shown],
            float(total(arrays[f"{name}_teacher_norms"])),
        )

    scales = [f"$k = {float(findings.case.options[name]):g}$" for name in ("small", "large")]
    return Deep(
        one("small", f"(a) small start, {scales[0]}", DEEP_SMALL_LR),
        one("large", f"(b) large start, {scales[1]}", DEEP_LARGE_LR),
    )


def draw_deep(axes: Sequence[Axes], data: Deep) -> None:
    """Three cases: total norm, norms of the layers, loss; the steps of the large start on a logarithmic scale, as it jumps in the first ones."""
    for column, run in enumerate(data):
        top, middle, bottom = axes[column], axes[2 + column], axes[4 + column]
        step = run.step / THOUSAND if run is data.small else run.step
        top.set_title(run.title)
        top.plot(step, run.norm, color=style.LEARNED, label=r"$\|\Theta(T)\|$")
        top.set_ylabel(r"$\|\Theta(T)\|$" if column == 0 else "")
        top.text(
            0.97,
            0.5,
            rf"$\|\Theta^*\| = {run.teacher:.3g}$",
            transform=top.transAxes,
            ha="right",
            va="center",
            fontsize=7,
            color=style.FRAME,
        )
        for layer, (norm, dashes) in enumerate(
            zip(run.layers.T, ("-", "--", "-.", ":", (0, (1, 3))), strict=True)
        ):
            middle.plot(
                step,
                norm,
                color=style.POSITIVE,
                linewidth=1.0,
                linestyle=dashes,
                label=rf"$\|W_{layer + 1}(T)\|$",
            )
        middle.set_ylim(0.0, 1.1 * float(run.layers.max()))
        middle.set_ylabel(r"$\|W_l(T)\|$" if column == 0 else "")
        bottom.plot(step, run.loss, color=style.LEARNED, linewidth=1.0)
        bottom.set_yscale("log")
        bottom.set_ylabel("loss" if column == 0 else "")
        for ax in (top, middle, bottom):
            if run is data.large:
                ax.set_xscale("symlog", linthresh=1.0)
            ax.set_xlim(0, step[-1])
            ax.tick_params(labelbottom=ax is bottom)
            ax.spines["right"].set_visible(False)
        bottom.set_xlabel("step $T$ / 1000" if run is data.small else "step $T$")
    legend_below(axes)


FIGURES = (
    Figure(
        id="4",
        file="figure-4-deep-network",
        cases=("deep",),
        caption="Five weight matrices, not balanced: the norm grows from a small start and, once the first steps are over, falls from a large one.",
        layout=(3, 2, style.PAGE, 5.2),
        collect=collect_deep,
        draw=draw_deep,
        tolerance=(2e-2, 1e-3),  # float32, whose rounding the escape from the small start amplifies
    ),
)
