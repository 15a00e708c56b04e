"""Figures 4 and 14 to 17 of min2024: when a neuron gains and loses data, and its path on the lattice against the longest one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import Fate
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.min2024 import constants, lattice
from flowrepro.papers.min2024.path_checks import GIVEN, sizes
from flowrepro.papers.min2024.paths import Path, unpack
from flowrepro.papers.min2024.toy_cases import CLUSTER_PATHS, PLANE_PATHS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Figure 4 -----------------------------------------------------------------------------------------------------------


class Raster(NamedTuple):
    """One neuron: times t (L + 1,) of its states, active (L + 1, n), stay and bound (L,): how long a state lasts, and at most."""

    fate: str
    t: np.ndarray
    active: np.ndarray
    stay: np.ndarray
    bound: np.ndarray


class RasterFigure(NamedTuple):
    """Labels y (n,), and the neuron that dies and the one that reaches S_+."""

    y: np.ndarray
    rasters: tuple[Raster, ...]


def collect_rasters(findings: Study) -> RasterFigure:
    """The last neuron that dies and the last one that reaches S_+; `NotDrawable` where the study has no two such or the bound does not hold."""
    for hypothesis in GIVEN:
        if reason := hypothesis(findings):
            raise NotDrawable(reason)
    ends = {path.fate: path for path in unpack(findings) if len(path.t) > 1}
    shown = [ends[fate] for fate in (Fate.DEAD, Fate.POSITIVE) if fate in ends]
    if not shown:
        raise NotDrawable("no neuron of options.start changes what it is active on")
    return RasterFigure(findings.y, tuple(_raster(findings, path) for path in shown))


def _raster(findings: Study, path: Path) -> Raster:
    X, y = findings.X, findings.y
    start = constants.start_constants(
        X, y, path.start[None] / np.linalg.norm(path.start), np.zeros(1), np.array([path.sign]), 0.0
    )
    bound = constants.stay_bound(constants.point_constants(X, y), start) / path.active[:-1].sum(
        axis=1
    )
    return Raster(path.fate.value, path.t, path.active, np.diff(path.t), bound)


def draw_rasters(axes: Sequence[Axes], data: RasterFigure) -> None:
    """Above, data as rows and states as columns, filled where active; below, how long each state lasts, and its bound."""
    above, below = axes[:2], axes[2:]
    for ax in (*above[len(data.rasters) :], *below[len(data.rasters) :]):
        ax.set_axis_off()
    for place, (raster, ax, stays) in enumerate(zip(data.rasters, above, below, strict=False)):
        _draw_states(ax, raster, data.y)
        name = {"dead": r"to $S_\mathrm{dead}$", "S+": "to $S_+$"}[raster.fate]
        ax.set_title(f"({'ab'[place]}) {name}")
        columns = np.arange(len(raster.stay))
        stays.semilogy(
            columns,
            raster.bound,
            "_",
            color=style.THEORY,
            markersize=9,
            label=r"bound $4/(M\sqrt{\mu}\,X_{\min} n_a)$",
        )
        stays.semilogy(
            columns,
            raster.stay,
            "o",
            color=style.LEARNED,
            markersize=3.5,
            label="time in the state",
        )
        stays.set(
            xlim=ax.get_xlim(), xticks=range(len(raster.t)), xlabel="start of the state (flow time)"
        )
        stays.set_xticklabels([f"{t:.3g}" for t in raster.t], fontsize=6, rotation=40)
        stays.spines["right"].set_visible(False)
    below[0].set_ylabel("time")
    legend_below(axes)


def _draw_states(ax: Axes, raster: Raster, y: np.ndarray) -> None:
    for k, label in enumerate(y):
        colour, marker = (style.POSITIVE, "P") if label > 0 else (style.NEGATIVE, "X")
        on = raster.active[:, k]
        columns = np.arange(len(on))
        ax.plot(columns, np.full(len(on), -k), "-", color=style.FRAME, linewidth=0.4, zorder=1)
        for chosen, fill, name in (
            (on, colour, f"active, $y_i = {int(label):+d}$"),
            (~on, "white", None),
        ):
            ax.plot(
                columns[chosen],
                np.full(chosen.sum(), -k),
                marker,
                color=fill,
                markeredgecolor=colour,
                markeredgewidth=0.6,
                markersize=6,
                label=name,
            )
    ax.set(
        xlim=(-0.5, len(raster.t) - 0.5),
        ylim=(0.6 - len(y), 0.6),
        xticks=[],
        yticks=[-k for k in range(len(y))],
    )
    ax.set_yticklabels([f"$x_{k + 1}$" for k in range(len(y))])
    for side in ("right", "bottom"):
        ax.spines[side].set_visible(False)


# Figures 14 to 17 ---------------------------------------------------------------------------------------------------


class LatticeFigure(NamedTuple):
    """The states (L + 1, 2) of one neuron of V_+ that reaches S_+, and of the longest path (n + 1, 2)."""

    path: np.ndarray
    longest: np.ndarray

    @property
    def corner(self) -> tuple[int, int]:
        """(n_+, n_-)."""
        return int(self.longest[-1, 0]), int(self.longest[0, 1])

    def moves(self, path: np.ndarray) -> list[lattice.Edge]:
        """Its edges."""
        return lattice.edges((int(plus), int(minus)) for plus, minus in path)


def collect_lattice(findings: Study) -> LatticeFigure:
    """The neuron of V_+ with the most distinct states of those that reach S_+, the first of several."""
    reached = [path for path in unpack(findings) if path.sign > 0 and path.aligned]
    if not reached:
        raise NotDrawable("no neuron of V_+ reaches S_+; take more of them with options.neurons")
    path = max(reached, key=lambda path: len(path.t))
    return LatticeFigure(
        np.array(path.counts(findings.y)), np.array(lattice.maximal_path(*sizes(findings, path)))
    )


def draw_path(axes: Sequence[Axes], data: LatticeFigure) -> None:
    """Figure 14: the path."""
    (ax,) = axes
    _draw_lattice(ax, data)
    _draw_walk(ax, data.path, style.LEARNED, "path of a neuron")
    legend_below(axes)


def draw_both(axes: Sequence[Axes], data: LatticeFigure) -> None:
    """Figure 15: the path and the longest one."""
    (ax,) = axes
    _draw_lattice(ax, data)
    _draw_walk(ax, data.longest, style.THEORY, "maximal path")
    _draw_walk(ax, data.path, style.LEARNED, "path of a neuron")
    legend_below(axes)


def draw_losses(axes: Sequence[Axes], data: LatticeFigure) -> None:
    """Figure 16: edges at which a negative datum is lost, with their counterparts."""
    _draw_counterparts(axes, data, gain=False)


def draw_gains(axes: Sequence[Axes], data: LatticeFigure) -> None:
    """Figure 17: edges at which a positive datum is gained, with their counterparts."""
    _draw_counterparts(axes, data, gain=True)


def _draw_counterparts(axes: Sequence[Axes], data: LatticeFigure, gain: bool) -> None:
    (ax,) = axes
    draw_both(axes, data)
    chosen = [edge for edge in data.moves(data.path) if (edge[1][0] > edge[0][0]) == gain]
    for number, edge in enumerate(chosen, start=1):
        for walk, colour in ((edge, style.LEARNED), (lattice.counterpart(edge), style.THEORY)):
            x, y = np.mean(walk, axis=0)
            shared = walk == lattice.counterpart(edge) == edge
            shift = 0.24 * (-1 if colour == style.THEORY and shared else 1)
            dx, dy = (0.0, shift) if gain or walk[0][0] != walk[1][0] else (shift, 0.0)
            ax.text(
                x + dx,
                y + dy,
                str(number),
                color=colour,
                fontsize=6.5,
                ha="center",
                va="center",
                zorder=5,
            )


def _draw_lattice(ax: Axes, data: LatticeFigure) -> None:
    plus, minus = data.corner
    grid = np.stack(np.meshgrid(np.arange(plus + 1), np.arange(minus + 1)), axis=-1).reshape(-1, 2)
    ax.plot(*grid.T, "o", color=style.DEAD, markersize=2, zorder=1)
    ax.set(
        xlim=(-0.5, plus + 0.5),
        ylim=(-0.5, minus + 0.5),
        aspect="equal",
        xlabel="active positive data $k_+$",
        ylabel="active negative data $k_-$",
    )
    ax.set(xticks=range(plus + 1), yticks=range(minus + 1))
    ax.spines["right"].set_visible(False)


def _draw_walk(ax: Axes, walk: np.ndarray, colour: str, label: str) -> None:
    dashes = "--" if colour == style.THEORY else "-"
    ax.plot(
        *walk.T,
        dashes,
        color=colour,
        linewidth=1.4 if dashes == "-" else 2.2,
        marker="o",
        markersize=3.5,
        zorder=3 if dashes == "-" else 2,
        label=label,
    )


def _lattice_figure(id: str, file: str, caption: str, draw: object) -> Figure:
    layout = (1, 1, style.COLUMN, 3.3)
    return Figure(
        id=id,
        file=file,
        cases=(CLUSTER_PATHS.name,),
        caption=caption,
        layout=layout,
        collect=collect_lattice,
        draw=draw,
    )  # type: ignore[arg-type]


FIGURES = (
    Figure(
        id="4",
        file="figure-4-activation",
        cases=(PLANE_PATHS.name,),
        caption="Activation patterns of a neuron of V_+ that dies and of one that reaches S_+, and how long it keeps them, against the bound.",
        layout=(2, 2, style.PAGE, 3.6),
        collect=collect_rasters,
        draw=draw_rasters,
    ),
    _lattice_figure(
        "14",
        "figure-14-path",
        "Path of the numbers of active positive and negative data of a neuron that reaches S_+.",
        draw_path,
    ),
    _lattice_figure(
        "15",
        "figure-15-maximal-path",
        "The same path and the maximal one, which takes the most time.",
        draw_both,
    ),
    _lattice_figure(
        "16",
        "figure-16-losses",
        "Edges at which a negative datum is lost, and the edges of the maximal path they correspond to.",
        draw_losses,
    ),
    _lattice_figure(
        "17",
        "figure-17-gains",
        "Edges at which a positive datum is gained, and the edges of the maximal path they correspond to.",
        draw_gains,
    ),
)
