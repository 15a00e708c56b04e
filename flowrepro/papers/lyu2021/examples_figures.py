"""Figures 1 and 2 of lyu2021: boundaries of KKT networks and optima, and contours of trained nets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021.boundaries import crossings, plane, zero_rays
from flowrepro.papers.lyu2021.experiments import LEFT, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.shading import draw_classes, shade

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("left", "middle", "right")
KKT = "#E69F00"
"""The paper's orange, of the palette of ``figures.style``."""
HINTS = 3
"""The first so many points of the right example are its hints."""
CELLS = 81
"""Grid lines of a contour plot in each direction."""


class Boundary(NamedTuple):
    """A network's zero line (K, 2), its normalised margin, and the residual of the certificate of what is claimed of it."""

    line: np.ndarray
    margin: float
    residual: float


class Example(NamedTuple):
    """Points (n, 2), labels (n,), how many of the first are hints, and two boundaries; limits (2, 2) of the picture."""

    points: np.ndarray
    label: np.ndarray
    hints: int
    kkt: Boundary
    optimum: Boundary
    limits: np.ndarray


class Examples(NamedTuple):
    """The three panels of Figure 1."""

    left: Example
    middle: Example
    right: Example


def collect_examples(left: Study, middle: Study, right: Study) -> Examples:
    """Both boundaries of every example, and what certifies them; NotDrawable for other points."""
    require_examples(left, middle, right)
    return Examples(
        *(
            _example(run, HINTS if name == "right" else 0)
            for name, run in zip(NAMES, (left, middle, right), strict=True)
        )
    )


def require_examples(*runs: Study) -> None:
    """Raise NotDrawable unless these are the paper's three data sets."""
    if [run.case.data for run in runs] != [LEFT.data, MIDDLE.data, RIGHT.data]:
        raise NotDrawable(
            "this figure is of the paper's three data sets; figure separator draws your own points"
        )


def limits_around(points: np.ndarray) -> np.ndarray:
    """(2, 2): lower and upper ends of both axes, with a margin of a fifth of the spread."""
    low, high = points.min(axis=0), points.max(axis=0)
    return np.stack([low - 0.2 * (high - low), high + 0.2 * (high - low)])


def _example(run: Study, hints: int) -> Example:
    arrays, limits = run.arrays, limits_around(run.X[:, :2])
    kkt = Boundary(
        zero_line(run, "kkt", limits),
        float(arrays["kkt_margin"]),
        float(max(arrays["kkt_eps"], arrays["kkt_delta"])),
    )
    optimum = Boundary(
        zero_line(run, "largest", limits),
        float(arrays["largest_lower"]),
        float(arrays["largest_upper"] - arrays["largest_lower"]),
    )
    return Example(run.X[:, :2], run.y, hints, kkt, optimum, limits)


def zero_line(run: Study, name: str, limits: np.ndarray) -> np.ndarray:
    """Points (K, 2) of the zero line from bottom to top: two rays from 0 for points in the plane, else x(y) at the first point's last feature."""
    W, a, alpha = run.arrays[f"{name}_W"], run.arrays[f"{name}_a"], float(run.case.options["alpha"])
    reach = 2 * float(np.abs(limits).max())
    if run.X.shape[1] == 2:
        angles = np.radians(zero_rays(W, a, alpha))
        if not angles.size:
            raise NotDrawable(
                "a network of this figure has the same sign everywhere, so it has no boundary to draw"
            )
        ends = reach * np.column_stack([np.cos(angles), np.sin(angles)])
        return np.stack([ends[0], np.zeros(2), ends[-1]])
    heights = np.linspace(limits[0, 1], limits[1, 1], 41)
    x = crossings(
        plane(W, a, alpha, np.eye(run.X.shape[1])[:2], np.append([0.0, 0.0], run.X[0, 2:])),
        heights,
        reach,
    )
    return np.column_stack([x, heights])


def draw_points(ax: Axes, points: np.ndarray, label: np.ndarray, hints: int) -> None:
    """Both classes, the hints as crosses."""
    draw_classes(ax, points[hints:], label[hints:])
    if hints:
        ax.plot(
            *points[:hints].T,
            "x",
            color=style.POSITIVE,
            markersize=5.5,
            markeredgewidth=1.8,
            label="hint, $y=+1$",
            zorder=4,
        )


def set_limits(ax: Axes, limits: np.ndarray) -> None:
    """Both axes."""
    ax.set_xlim(*limits[:, 0])
    ax.set_ylim(*limits[:, 1])
    ax.spines["right"].set_visible(False)


def draw_examples(axes: Sequence[Axes], data: Examples) -> None:
    """Three panels; each states both margins and the residuals of their certificates."""
    titles = ("(left) symmetric", "(middle) constant feature", "(right) three hints")
    for ax, example, title in zip(axes, data, titles, strict=True):
        ax.plot(
            *example.kkt.line.T,
            "--",
            color=KKT,
            linewidth=1.8,
            label="KKT network, not optimal",
            zorder=3,
        )
        ax.plot(
            *example.optimum.line.T,
            color=style.DATA,
            linewidth=1.4,
            label="largest margin",
            zorder=2,
        )
        draw_points(ax, example.points, example.label, example.hints)
        set_limits(ax, example.limits)
        ax.set_title(title)
        ax.set_xlabel(
            f"KKT: $\\gamma={example.kkt.margin:.4f}$, residual {example.kkt.residual:.0e}\n"
            f"largest: $\\gamma={example.optimum.margin:.4f}$, bracket {example.optimum.residual:.0e}",
            fontsize=6.5,
        )
    legend_below(axes, columns=5)


class Contours(NamedTuple):
    """f / rho^2 (CELLS, CELLS) over x and y (CELLS,), its zero line (K, 2), points and labels; margin, its part of the largest, KKT residual."""

    x: np.ndarray
    y: np.ndarray
    value: np.ndarray
    line: np.ndarray
    points: np.ndarray
    label: np.ndarray
    hints: int
    q: float
    margin: float
    share: float
    residual: float


class Trained(NamedTuple):
    """The three panels of Figure 2."""

    left: Contours
    middle: Contours
    right: Contours


def collect_trained(left: Study, middle: Study, right: Study) -> Trained:
    """The trained nets on a grid that covers the data; NotDrawable for other points."""
    require_examples(left, middle, right)
    return Trained(
        *(
            _contours(run, HINTS if name == "right" else 0)
            for name, run in zip(NAMES, (left, middle, right), strict=True)
        )
    )


def _contours(run: Study, hints: int) -> Contours:
    arrays, limits = run.arrays, limits_around(run.X[:, :2])
    x, y = (np.linspace(limits[0, k], limits[1, k], CELLS) for k in (0, 1))
    offset = np.append([0.0, 0.0], run.X[0, 2:])
    f = plane(
        arrays["net_W"],
        arrays["net_a"],
        float(run.case.options["alpha"]),
        np.eye(run.X.shape[1])[:2],
        offset,
    )
    grid = np.stack(np.meshgrid(x, y), axis=-1)
    margin = float(arrays["net_normalised_margin"][-1])
    return Contours(
        x,
        y,
        f(grid.reshape(-1, 2)).reshape(CELLS, CELLS) / float(arrays["net_rho"][-1]) ** 2,
        zero_line(run, "net", limits),
        run.X[:, :2],
        run.y,
        hints,
        float(arrays["net_q_min"][-1]),
        margin,
        margin / float(arrays["largest_lower"]),
        float(arrays["net_eps"][-1]),
    )


def draw_trained(axes: Sequence[Axes], data: Trained) -> None:
    """Three contour plots, lighter is higher."""
    for ax, panel, title in zip(
        axes, data, ("(a) left", "(b) middle, $z=c$", "(c) right"), strict=True
    ):
        shade(ax, panel.x, panel.y, panel.value)
        ax.plot(
            *panel.line.T, color=style.LEARNED, linewidth=2.0, label="trained net, $f=0$", zorder=3
        )
        draw_points(ax, panel.points, panel.label, panel.hints)
        set_limits(ax, np.array([[panel.x[0], panel.y[0]], [panel.x[-1], panel.y[-1]]]))
        ax.set_title(title)
        ax.set_xlabel(
            f"$q={panel.q:.0f}$, KKT residual {panel.residual:.0e}\n$\\gamma={panel.margin:.4f}={panel.share:.3f}$ of the largest",
            fontsize=6.5,
        )
    legend_below(axes, columns=4)


FIGURES = (
    Figure(
        id="1",
        file="figure-1-margins",
        cases=NAMES,
        caption="Linearly separable data with KKT networks that are not optimal: their zero lines, those of the networks of largest margin, "
        "and the residuals that certify both.",
        layout=(1, 3, style.PAGE, 2.9),
        collect=collect_examples,
        draw=draw_examples,
        tolerance=(1e-5, 1e-6),
    ),
    Figure(
        id="2",
        file="figure-2-trained",
        cases=NAMES,
        caption="Nets of 100 neurons trained by descent from 0.001 times the He initialisation to q = 1000: contours of f / ||theta||^2, lighter is higher.",
        layout=(1, 3, style.PAGE, 2.9),
        collect=collect_trained,
        draw=draw_trained,
        tolerance=(5e-2, 5e-3),
    ),
)
