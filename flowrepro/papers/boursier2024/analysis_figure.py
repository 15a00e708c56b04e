"""The plane of a neuron before training: cones, forces, extremal vectors, the function G and the exact alignment times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_NAMED = 8
"""Samples up to which their directions carry a name."""
GRID = 721


class Plane(NamedTuple):
    """Angles in degrees, in [0, 360).

    data (n,); boundary (b,) of the rays; sector (c, 2) from and to, of the open cones, force (c, 2) = (angle, norm) of their
    D_u, kind (c,): 1 holds its own D_u, -1 holds -D_u, 2 no force, 0 else; extremal (q, 2) = (angle of the critical point,
    value of G) and maximum (q,); phi, G (GRID,); start (s,), settled (s, 2) for a > 0 and a < 0, empty for leaky activations.
    """

    data: np.ndarray
    boundary: np.ndarray
    sector: np.ndarray
    force: np.ndarray
    kind: np.ndarray
    extremal: np.ndarray
    maximum: np.ndarray
    phi: np.ndarray
    G: np.ndarray
    start: np.ndarray
    settled: np.ndarray


def collect_plane(findings: Study) -> Plane:
    """The analysis of points in the plane. Raises NotDrawable for another dimension."""
    arrays, X = findings.arrays, findings.X
    if X.shape[1] != 2 or int(arrays["rank"]) != 2:
        raise NotDrawable(
            f"the cones are drawn for points that span the plane; these span {int(arrays['rank'])} of {X.shape[1]} dimensions"
        )
    cells = arrays["dimension"] == 2
    boundary = np.sort(angle(arrays["inside"][~cells]))
    centre = angle(arrays["inside"][cells])
    after = np.searchsorted(boundary, centre) % len(boundary)
    sector = np.column_stack([boundary[after - 1], boundary[after]])
    D, own, opposite = (arrays[name][cells] for name in ("D", "own", "opposite"))
    norm = np.linalg.norm(D, axis=1)
    phi = np.linspace(0.0, 360.0, GRID)
    Z = np.column_stack([np.cos(np.radians(phi)), np.sin(np.radians(phi))]) @ X.T
    sign = arrays["extremal_sign"]
    return Plane(
        data=angle(X),
        boundary=boundary,
        sector=sector + [[0.0, 360.0]] * (sector[:, :1] > sector[:, 1:]),
        force=np.column_stack([angle(D), norm]),
        kind=np.where(norm == 0, 2, own.astype(int) - opposite),
        extremal=np.column_stack(
            [
                angle(sign[:, None] * arrays["extremal_D"]),
                sign * np.linalg.norm(arrays["extremal_D"], axis=1),
            ]
        ),
        maximum=arrays["extremal_kind"] == "maximum",
        phi=phi,
        G=np.where(Z > 0, Z, findings.case.options["alpha"] * Z) @ findings.y / len(findings.y),
        start=angle(arrays["start"]),
        settled=arrays["settled"],
    )


def angle(W: np.ndarray) -> np.ndarray:
    """Angles (p,) of vectors (p, 2), in degrees from 0 to 360."""
    return np.asarray(np.degrees(np.arctan2(W[:, 1], W[:, 0])) % 360.0)


def draw_plane(axes: Sequence[Axes], data: Plane) -> None:
    """The cones with their forces on a polar axes; G and the alignment times over the angle."""
    cones, ascent, times = axes
    _draw_cones(cones, data)
    ascent.axhline(0.0, color=style.FRAME, linewidth=0.6)
    ascent.plot(data.phi, data.G, color=style.LEARNED, label="$G$")
    for shown, marker, name in ((data.maximum, "^", "maximum"), (~data.maximum, "v", "minimum")):
        if shown.any():
            ascent.plot(
                *data.extremal[shown].T,
                marker,
                color=style.THEORY,
                markersize=5,
                label=f"{name} of $G$",
            )
    ascent.set_title("(b) $G(w) = \\langle w, D(w) \\rangle$ on the circle")
    times.set_title("(c) time until a neuron is aligned, $\\lambda \\to 0$")
    if data.start.size:
        order = np.argsort(data.start, kind="stable")
        times.plot(
            data.start[order],
            data.settled[order, 0],
            color=style.POSITIVE,
            linewidth=1.0,
            label="$a > 0$",
        )
        times.plot(
            data.start[order],
            data.settled[order, 1],
            "--",
            color=style.NEGATIVE,
            linewidth=1.0,
            label="$a < 0$",
        )
    times.set_xlabel("direction of $w$ (degrees)")
    for ax in (ascent, times):
        ax.set_xlim(0.0, 360.0)
        ax.set_xticks(range(0, 361, 60))
        for boundary in data.boundary if len(data.boundary) <= 4 * MOST_NAMED else ():
            ax.axvline(boundary, color=style.FRAME, linewidth=0.4, linestyle=":")
    ascent.tick_params(labelbottom=False)
    legend_below(axes, columns=5)


def _draw_cones(ax: Axes, data: Plane) -> None:
    top = float(data.force[:, 1].max()) or 1.0
    fills = {
        1: (style.POSITIVE, "cone holds its force"),
        -1: (style.NEGATIVE, "cone holds the opposite"),
        2: (style.DEAD, "no force"),
    }
    for kind, (colour, label) in fills.items():
        for (low, high), named in zip(
            np.radians(data.sector[data.kind == kind]),
            (label, *[None] * len(data.sector)),
            strict=False,
        ):
            ax.bar(
                (low + high) / 2,
                1.12 * top,
                width=high - low,
                color=colour,
                alpha=0.25,
                linewidth=0,
                label=named,
            )
    for boundary in np.radians(data.boundary):
        ax.plot(
            [boundary, boundary],
            [0.0, 1.12 * top],
            color=style.FRAME,
            linewidth=0.5,
            linestyle="--",
        )
    moving = data.force[:, 1] > 0
    arrow = {
        "arrowstyle": "-|>",
        "color": style.LEARNED,
        "linewidth": 0.8,
        "shrinkA": 0,
        "shrinkB": 0,
    }
    for phi, size in data.force[moving] if len(data.force) <= 4 * MOST_NAMED else ():
        ax.annotate("", (np.radians(phi), size), (0.0, 0.0), arrowprops=arrow)
    ax.plot(
        np.radians(data.force[moving, 0]),
        data.force[moving, 1],
        ".",
        color=style.LEARNED,
        markersize=2,
        label="$D_u$",
    )
    for phi, height in data.extremal:
        ax.plot(
            np.radians(phi),
            abs(height),
            "*",
            color=style.THEORY,
            markersize=8,
            label="critical point of $G$",
        )
    ax.plot(
        np.radians(data.data),
        np.full(len(data.data), 1.12 * top),
        "+",
        color=style.DATA,
        markersize=7,
        clip_on=False,
        label="data",
    )
    for k, phi in enumerate(data.data[:MOST_NAMED] if len(data.data) <= MOST_NAMED else ()):
        ax.annotate(
            f"$x_{k + 1}$",
            (np.radians(phi), 1.12 * top),
            (np.radians(phi), 1.27 * top),
            ha="center",
            va="center",
            annotation_clip=False,
            fontsize=7,
        )
    ax.set_ylim(0.0, 1.12 * top)
    ax.set_yticklabels([])
    ax.grid(visible=False)
    ax.set_xticklabels([])
    ax.set_title("(a) cones, forces and extremal vectors", pad=18)


def _figure(id: str, file: str, case: str, which: str) -> Figure:
    return Figure(
        id=id,
        file=file,
        cases=(case,),
        caption=f"{which}: activation cones with the force D_u of each and the extremal vectors, the function G, and the exact time of alignment.",
        layout=("AB;AC", style.PAGE, 3.6),
        collect=collect_plane,
        draw=draw_plane,
        projections={"A": "polar"},
    )


FIGURES = (
    _figure("arrangement", "arrangement", "analysis", "The points of Figure 2"),
    _figure("arrangement-boxes", "arrangement-boxes", "analysis-boxes", "The points of Figure 1"),
)
