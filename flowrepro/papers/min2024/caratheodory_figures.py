"""Figures 18 to 21 of min2024, sketches there, drawn from computations here: one neuron where the flow is discontinuous."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.min2024.dead_boundary import A0, W0
from flowrepro.papers.min2024.held_neuron import descents, labels, velocity
from flowrepro.papers.min2024.plane import draw_arrow
from flowrepro.papers.min2024.toy_cases import DEAD_BOUNDARY, HELD

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DASHES = ("-", "--", ":", "-.")

# Figures 18 and 19 --------------------------------------------------------------------------------------------------


class Curve(NamedTuple):
    """Descent with one step size: times t (K,), distance <x_1, w> (K,), and w (K, 2)."""

    lr: float
    crossings: int
    t: np.ndarray
    height: np.ndarray
    w: np.ndarray


class HeldFigure(NamedTuple):
    """The curves, coarsest step first; the flow (T, 2) of w; the velocity (q, 2) of w at points (q, 2) with the same a."""

    curves: tuple[Curve, ...]
    flow: np.ndarray
    points: np.ndarray
    arrows: np.ndarray


def collect_held(findings: Study) -> HeldFigure:
    """The case in which the neuron is held (Figure 18)."""
    return _collect(findings, "held")


def collect_crossing(findings: Study) -> HeldFigure:
    """The case in which it crosses (Figure 19)."""
    return _collect(findings, "crossing")


def _collect(findings: Study, case: str) -> HeldFigure:
    X, arrays = findings.X, findings.arrays
    if X.shape != (2, 2):
        raise NotDrawable("this figure is of two points of the plane")
    curves = []
    for i, one in enumerate(descents(findings, case)):
        theta = arrays[f"{case}.{i}"]
        curves.append(
            Curve(
                one.lr,
                one.crossings,
                one.lr * np.arange(len(theta)),
                theta[:, :2] @ X[0],
                theta[:, :2],
            )
        )
    curves.sort(key=lambda curve: -curve.lr)
    w = curves[0].w
    middle = np.array([0.0, (w[:, 1].max() + w[:, 1].min()) / 2])  # the hyperplane in the middle
    half = np.array([1.1 * np.abs(w[:, 0]).max(), 0.6 * np.ptp(w[:, 1])])
    sides = np.stack(
        np.meshgrid(np.linspace(-0.9, 0.9, 8), np.linspace(-0.9, 0.9, 5)), axis=-1
    ).reshape(-1, 2)
    points = middle + half * sides
    a = np.full(len(points), float(arrays[f"{case}.0"][0, 2]))
    return HeldFigure(
        tuple(curves),
        arrays[f"{case}.flow"][:, :2],
        points,
        velocity(X, labels(findings.y, case), points, a)[0],
    )


def draw_held(axes: Sequence[Axes], data: HeldFigure) -> None:
    """(a) w in the plane with the flow on both sides of the hyperplane; (b) its distance from it over time."""
    plane, distance = axes
    scale = np.linalg.norm(data.arrows, axis=1, keepdims=True)
    arrows = data.arrows / np.where(scale > 0, scale, 1.0)
    plane.quiver(
        *data.points.T, *arrows.T, color=style.DEAD, angles="xy", scale=14, width=0.005, zorder=1
    )
    plane.plot(*data.curves[0].w.T, "-", color=style.LEARNED, linewidth=0.9, zorder=3)
    plane.plot(
        *data.flow.T, "--", color=style.THEORY, linewidth=1.4, zorder=4, label="Filippov flow"
    )
    plane.plot(*data.curves[0].w[0], "o", color=style.LEARNED, markersize=4, zorder=5)
    plane.axvline(0.0, color=style.FRAME, linewidth=0.8, label=r"$\langle x_1, w\rangle = 0$")
    plane.set(xlabel="$w_1$", ylabel="$w_2$", title=f"(a) descent with step {data.curves[0].lr:g}")
    plane.locator_params(nbins=4)
    colours = (style.LEARNED, style.DATA, style.FRAME, style.DEAD)
    for curve, colour, dashes in zip(data.curves, colours, DASHES, strict=False):
        times = "crossing" if curve.crossings == 1 else "crossings"
        distance.plot(
            curve.t,
            curve.height,
            dashes,
            color=colour,
            linewidth=1.0,
            label=f"step {curve.lr:g}: {curve.crossings} {times}",
        )
    distance.axhline(0.0, color=style.FRAME, linewidth=0.8, zorder=0)
    top = max(float(np.abs(curve.height[curve.t > curve.t[-1] / 2]).max()) for curve in data.curves)
    distance.set(
        xlabel="flow time",
        ylabel=r"$\langle x_1, w\rangle$",
        title="(b) distance from the hyperplane",
        ylim=(-1.6 * top, 1.6 * top),
    )
    for ax in axes:
        ax.spines["right"].set_visible(False)
    legend_below(axes, columns=3)


# Figure 20 ----------------------------------------------------------------------------------------------------------


class NoSolution(NamedTuple):
    """Slopes s (P,), ends (P, Q, 2) of w under descent with step sizes lr (Q,), and residual (P, T) of the constant curve at t (T,)."""

    slope: np.ndarray
    lr: np.ndarray
    ends: np.ndarray
    t: np.ndarray
    residual: np.ndarray


def collect_no_solution(findings: Study) -> NoSolution:
    """Where descent jumps to for other subgradients, and why its limit is no solution."""
    arrays = findings.arrays
    t = np.linspace(0.0, 1.0, 11)
    return NoSolution(
        arrays["slope"],
        arrays["lr"],
        arrays["after"][:, :, -1, :2],
        t,
        np.linalg.norm(arrays["force"], axis=1)[:, None] * t,
    )


def draw_no_solution(axes: Sequence[Axes], data: NoSolution) -> None:
    """(a) the jump into S_dead; (b) the residual of the curve that stays."""
    plane, curves = axes
    reach = 1.6 * max(float(np.abs(data.ends[..., 0]).max()), 0.05)
    _shade_dead(plane, reach)
    for place, (s, ends) in enumerate(zip(data.slope, data.ends, strict=True)):
        shift, side = ((0, 7), "bottom") if place % 2 else ((0, -7), "top")
        for lr, end in zip(data.lr, ends, strict=True):
            if np.any(end != W0):
                plane.plot(*end, "o", color=style.LEARNED, markersize=3.5, zorder=4)
                if abs(end[0]) > 0.1 * reach:
                    plane.annotate(
                        f"$s$ = {s:g}, step {lr:g}",
                        (float(end[0]), float(end[1])),
                        shift,
                        textcoords="offset points",
                        fontsize=6.5,
                        ha="center",
                        va=side,
                    )
                    draw_arrow(plane, W0, end, style.LEARNED, zorder=3)
    plane.plot(*W0, "o", color=style.DATA, markersize=4.5, zorder=5)
    plane.set_title("(a) where descent jumps to and stays")
    for s, residual, dashes in zip(data.slope, data.residual, DASHES, strict=False):
        curves.plot(
            data.t,
            residual,
            dashes,
            color=style.THEORY if s else style.LEARNED,
            label=f"relu'(0) = {s:g}",
        )
    curves.set(
        xlabel="flow time",
        ylabel="residual",
        title="(b) is the constant curve a solution?",
        xlim=(0, 1),
    )
    curves.spines["right"].set_visible(False)
    legend_below(axes)


def _shade_dead(ax: Axes, reach: float) -> None:
    ax.axvspan(
        -2 * reach,
        0.0,
        color=style.DEAD,
        alpha=0.2,
        linewidth=0,
        label=r"$S_\mathrm{dead}$: no flow",
    )
    ax.axvline(0.0, color=style.FRAME, linewidth=0.8)
    ax.set(
        xlim=(-reach, reach),
        ylim=(0.8, 1.2),
        xlabel="$w_1$",
        ylabel="$w_2$",
        yticks=[0.8, 1.0, 1.2],
    )
    ax.spines["right"].set_visible(False)


# Figure 21 ----------------------------------------------------------------------------------------------------------


class Family(NamedTuple):
    """When each curve leaves (M,), inf for never; w_1 (M, K) at t (K,); and the velocity of w_1 at (p, 1) for p (V,)."""

    leave: np.ndarray
    t: np.ndarray
    w1: np.ndarray
    p: np.ndarray
    speed: np.ndarray


def collect_family(findings: Study) -> Family:
    """The solutions that leave the boundary of S_dead at different times."""
    arrays = findings.arrays
    shown = np.linspace(0, len(arrays["t"]) - 1, 501).round().astype(int)
    w1 = arrays["theta"][:, shown, 0]
    p = np.linspace(0.05, 0.95, 7) * max(float(w1.max()), 0.1)
    w = np.column_stack([p, np.full(len(p), W0[1])])
    speed, _ = velocity(np.array([[1.0, 0.0]]), np.array([1.0]), w, np.sqrt(p**2 + A0**2))
    return Family(arrays["leave"], arrays["t"][shown], w1, p, speed[:, 0])


def draw_family(axes: Sequence[Axes], data: Family) -> None:
    """(a) the flow beside S_dead; (b) w_1 of the solutions over time."""
    plane, curves = axes
    reach = 1.15 * max(float(data.w1.max()), 0.1)
    _shade_dead(plane, reach)
    for p, speed in zip(data.p, data.speed / data.speed.max(), strict=True):
        draw_arrow(plane, (float(p), 1.0), (float(p + 0.16 * reach * speed), 1.0), style.LEARNED)
    plane.plot(*W0, "o", color=style.DATA, markersize=4.5, zorder=5)
    plane.set_title("(a) the flow where the neuron is active")
    for leave, w1, dashes in zip(data.leave, data.w1, DASHES, strict=False):
        never = np.isinf(leave)
        label = "stays: the regular solution" if never else f"leaves at $t_0 = {leave:g}$"
        curves.plot(data.t, w1, dashes, color=style.DATA if never else style.LEARNED, label=label)
    curves.set(
        xlabel="flow time",
        ylabel="$w_1$",
        title="(b) solutions from one start",
        xlim=(0, float(data.t[-1])),
    )
    curves.spines["right"].set_visible(False)
    legend_below(axes, columns=3)


LAYOUT = (1, 2, style.PAGE, 2.7)
FIGURES = (
    Figure(
        id="18",
        file="figure-18-no-solution",
        cases=(HELD.name,),
        caption="The flow points to a hyperplane from both sides: descent crosses it ever more often as the step gets smaller.",
        layout=LAYOUT,
        collect=collect_held,
        draw=draw_held,
    ),
    Figure(
        id="19",
        file="figure-19-crossing",
        cases=(HELD.name,),
        caption="The flow points through the hyperplane, as Assumption 1 ensures: it is crossed once.",
        layout=LAYOUT,
        collect=collect_crossing,
        draw=draw_held,
    ),
    Figure(
        id="20",
        file="figure-20-subgradient",
        cases=(DEAD_BOUNDARY.name,),
        caption="With relu'(0) = s > 0 descent jumps into S_dead and stays; the limit of small steps is no solution.",
        layout=LAYOUT,
        collect=collect_no_solution,
        draw=draw_no_solution,
    ),
    Figure(
        id="21",
        file="figure-21-many-solutions",
        cases=(DEAD_BOUNDARY.name,),
        caption="With relu'(0) = 0 a neuron may leave the boundary of S_dead at any time, or never.",
        layout=LAYOUT,
        collect=collect_family,
        draw=draw_family,
    ),
)
