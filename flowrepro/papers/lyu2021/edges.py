r"""StudyCase "edges": flow on a ridge, in a valley and across a refraction edge (lyu2021, Figure 3), in closed form and by Euler steps.

    ridge        L(u, v) = -|u| - v/2        from (0, -3/2): slides along u = 0 and leaves it at any time, to either side
    valley       L(u, v) =  |u| - v/2        from (+-1, -3/2): reaches u = 0 at t = 1 and stays
    refraction   L(u, v) = -psi(u) - v/2     from (-1, -3/2): velocity (1, 1/2), then (2, 1/2); psi(u) = u, 2u for u < 0, u >= 0

The figure is a sketch without numbers; heights and starts are ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, style
from flowrepro.papers.lyu2021.experiments import EDGES
from flowrepro.papers.lyu2021.late_records import ref
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from mpl_toolkits.mplot3d.axes3d import Axes3D

KINDS = ("ridge", "valley", "refraction")
START = -1.5
"""v at t = 0."""
END = 4.0
"""Last time."""


def surface(kind: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """L(u, v)."""
    bent = {"ridge": -np.abs(u), "valley": np.abs(u), "refraction": -np.where(u < 0, u, 2 * u)}[
        kind
    ]
    return np.asarray(bent - 0.5 * v)


def velocity(kind: str, u: float) -> float:
    """du/dt = -dL/du; 0 on the ridge and in the valley, whose Clarke subdifferentials hold 0."""
    return {
        "ridge": float(np.sign(u)),
        "valley": -float(np.sign(u)),
        "refraction": 1.0 if u < 0 else 2.0,
    }[kind]


def closed_form(
    kind: str, t: np.ndarray, start: float = 0.0, leaves: float = np.inf, side: float = 1.0
) -> np.ndarray:
    """U(t): the ridge left at time ``leaves`` towards ``side``, the valley from ``start``, the refraction edge from ``start`` < 0."""
    if kind == "ridge":
        return side * np.maximum(t - leaves, 0.0)
    if kind == "valley":
        return np.asarray(np.sign(start) * np.maximum(abs(start) - t, 0.0))
    return np.where(t < -start, start + t, 2 * (t + start))


def euler(kind: str, start: float, t: np.ndarray) -> np.ndarray:
    """U at the times of an even grid, by Euler steps of its width."""
    h, u = float(t[1] - t[0]), [start]
    for _ in t[1:]:
        u.append(u[-1] + h * velocity(kind, u[-1]))
    return np.array(u)


def study_edges(case: StudyCase, dataset: Dataset | None, progress: Progress) -> Mapping[str, Any]:
    """t (T,) every ``step``; ridge_leaves (P,) (inf: never) and ridge (2 P - 1, T); valley (2, T) and refraction (1, T); the same after "euler_".

    euler_ridge (3, T) starts from -``nudge``, 0 and ``nudge`` beside the crest.
    """
    require_ranges(case.options, {"step": (1e-5, 0.1), "nudge": (0.0, 1e-3), "leaves": (0.0, END)})
    step, nudge = float(case.options["step"]), float(case.options["nudge"])
    t = np.linspace(0.0, END, round(END / step) + 1)
    leaves = np.array([*map(float, case.options["leaves"]), np.inf])
    found = {
        "t": t,
        "ridge_leaves": leaves,
        "ridge": np.stack(
            [
                closed_form("ridge", t, leaves=when, side=side)
                for when in leaves
                for side in ((1.0, -1.0) if np.isfinite(when) else (1.0,))
            ]
        ),
        "valley": np.stack([closed_form("valley", t, start) for start in (1.0, -1.0)]),
        "refraction": closed_form("refraction", t, -1.0)[None],
        "euler_ridge": np.stack([euler("ridge", start, t) for start in (-nudge, 0.0, nudge)]),
        "euler_valley": np.stack([euler("valley", start, t) for start in (1.0, -1.0)]),
        "euler_refraction": euler("refraction", -1.0, t)[None],
    }
    progress(1, 1)
    return found


@statement(
    "figure-3-unique",
    ref("Figure 3 b, c"),
    "reproduction",
    ("edges",),
    "in a valley and across a refraction edge the flow is unique",
    (as_declared(EDGES, ("seed",)),),
)
def unique(run: Study) -> list[Judgement]:
    """measured: largest distance between Euler's path and the closed form; Euler chatters across the valley by one step."""
    distance = {
        kind: np.abs(run.arrays[f"euler_{kind}"] - run.arrays[kind]).max()
        for kind in ("valley", "refraction")
    }
    return [
        upper(f"{kind}: Euler's path from the closed form", value, 5e-3)
        for kind, value in distance.items()
    ]


@statement(
    "figure-3-branching",
    ref("Figure 3 a"),
    "reproduction",
    ("edges",),
    "on a ridge the flow branches",
    (as_declared(EDGES, ("seed",)),),
)
def branching(run: Study) -> list[Judgement]:
    """measured: product of the signs of the ends of two paths that start 2e-12 apart (1e-12 on either side of the crest): -1."""
    left, middle, right = run.arrays["euler_ridge"][:, -1]
    return [
        window("signs of the two ends, multiplied", np.sign(left) * np.sign(right), -1.0, -1.0),
        upper("path that starts on the crest: largest |u|", np.abs(middle), 0.0),
        number("distance of the two ends", right - left),
    ]


CLAIMS: tuple[Claim, ...] = (unique, branching)


class Edges(NamedTuple):
    """Heights L (3, 41, 41) over u and v (41,), and the paths: of each landscape u (P, T), and v (T,) of all."""

    u: np.ndarray
    v: np.ndarray
    heights: np.ndarray
    path_v: np.ndarray
    ridge: np.ndarray
    valley: np.ndarray
    refraction: np.ndarray


def collect_edges(run: Study) -> Edges:
    """The three surfaces and the paths on them."""
    u, v = np.linspace(-2.0, 2.0, 41), np.linspace(START, START + END / 2, 41)
    heights = np.stack([surface(kind, u[None, :], v[:, None]) for kind in KINDS])
    arrays = run.arrays
    return Edges(
        u,
        v,
        heights,
        START + 0.5 * arrays["t"],
        arrays["ridge"],
        arrays["valley"],
        arrays["refraction"],
    )


def draw_edges(axes: Sequence[Axes3D], data: Edges) -> None:
    """Surfaces seen from below their far edge, paths in red and a little above them."""
    for index, (ax, kind) in enumerate(zip(axes, KINDS, strict=True)):
        ax.plot_surface(
            data.u[None, :],
            data.v[:, None],
            data.heights[index],
            color="0.8",
            alpha=0.55,
            linewidth=0.2,
            edgecolor="0.5",
            rstride=4,
            cstride=4,
            shade=False,
        )
        for path in getattr(data, kind):
            kept = np.abs(path) <= data.u[-1]
            path, v = path[kept], data.path_v[kept]
            ax.plot(
                path,
                v,
                surface(kind, path, v) + 0.02,
                color=style.NEGATIVE,
                linewidth=1.3,
                zorder=5,
            )
            ax.plot(
                path[:1],
                v[:1],
                surface(kind, path[:1], v[:1]) + 0.02,
                "o",
                color=style.DATA,
                markersize=3,
                zorder=6,
            )
        ax.set_title(f"({'abc'[index]}) {kind}{' edge' if kind == 'refraction' else ''}", pad=0)
        ax.set_xlabel("$u$", labelpad=-10)
        ax.set_ylabel("$v$", labelpad=-10)
        ax.set_zlabel("$L$", labelpad=-12)
        ax.tick_params(labelsize=6, pad=-4)
        ax.set_xticks([-2, 0, 2])
        ax.set_yticks([-1, 0])
        ax.locator_params(axis="z", nbins=4)
        ax.view_init(elev=34, azim=-78)
        ax.set_box_aspect((1, 1, 0.75), zoom=1.0)


FIGURES = (
    Figure(
        id="3",
        file="figure-3-edges",
        cases=("edges",),
        caption="Gradient flow on a ridge, where it branches, in a valley, where it stays, and across a refraction edge, where it turns.",
        layout=(1, 3, style.PAGE, 2.3),
        collect=collect_edges,
        draw=draw_edges,
        projections={"0": "3d", "1": "3d", "2": "3d"},
    ),
)
