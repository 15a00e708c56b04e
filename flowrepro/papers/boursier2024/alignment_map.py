"""The exact early alignment of all directions of the plane in the limit of vanishing scale, as a strip chart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.boursier2024.analysis_figure import angle

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BINS = 40


class AlignmentMap(NamedTuple):
    """angle (q,) of the start in degrees, time (T,), active (2, q, T) number of active data for a > 0 and a < 0, settled (q, 2), and the number of data."""

    angle: np.ndarray
    time: np.ndarray
    active: np.ndarray
    settled: np.ndarray
    n: int


def collect_alignment(findings: Study) -> AlignmentMap:
    """The map of an analysis in the plane. Raises NotDrawable elsewhere, and for leaky activations."""
    arrays = findings.arrays
    if findings.X.shape[1] != 2 or arrays["start"].size == 0:
        raise NotDrawable(
            "the map of alignment is drawn for points of the plane, ReLU activations and an alignment that ends"
        )
    start = angle(arrays["start"])
    order = np.argsort(start, kind="stable")
    return AlignmentMap(
        start[order],
        arrays["map_time"],
        arrays["map_active"].transpose(1, 0, 2)[:, order],
        arrays["settled"][order],
        len(findings.y),
    )


def draw_alignment(axes: Sequence[Axes], data: AlignmentMap) -> None:
    """Active data over direction and time for both signs, and how long alignment takes."""
    *maps, times = axes
    for ax, active, title in zip(
        maps, data.active, ("(a) neurons with $a > 0$", "(b) neurons with $a < 0$"), strict=True
    ):
        mesh = ax.pcolormesh(
            data.angle,
            data.time,
            active.T,
            cmap="Greys",
            vmin=0,
            vmax=1.2 * data.n,
            shading="nearest",
            rasterized=True,
        )
        ax.set(title=title, xlabel="direction at the start (degrees)", xticks=range(0, 361, 90))
    maps[0].set_ylabel("flow time, $\\lambda \\to 0$")
    maps[1].tick_params(labelleft=False)
    bar = maps[1].figure.colorbar(
        mesh,
        ax=maps[1],
        boundaries=np.arange(-0.5, data.n + 1.0),
        ticks=sorted({0, data.n // 2, data.n}),
    )
    bar.set_label("active data")
    edges = np.linspace(0.0, float(data.time[-1]) or 1.0, BINS)
    for column, colour, line, label in (
        (0, style.POSITIVE, "-", "$a > 0$"),
        (1, style.NEGATIVE, "--", "$a < 0$"),
    ):
        times.hist(
            data.settled[:, column],
            list(edges),
            histtype="step",
            color=colour,
            linestyle=line,
            label=label,
        )
    times.set(yscale="log", title="(c) time until aligned", xlabel="flow time", ylabel="directions")
    times.legend(loc="upper right")


FIGURES = (
    Figure(
        id="alignment-map",
        file="alignment-map",
        cases=("analysis",),
        caption="The points of Figure 2: on how many data a neuron is active, over its initial direction and time, exactly in the limit of vanishing scale.",
        layout=(1, 3, style.PAGE, 2.6),
        collect=collect_alignment,
        draw=draw_alignment,
    ),
)
