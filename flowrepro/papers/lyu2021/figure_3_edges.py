r"""Figure 3: the flow on a ridge, in a valley and across a refraction edge.

    ridge        L(u, v) = -|u| - v/2      from (0, -3/2): leaves u = 0 at any time, to either side
    valley       L(u, v) =  |u| - v/2      from (+-1, -3/2): reaches u = 0 at t = 1 and stays
    refraction   L(u, v) = -psi(u) - v/2   from (-1, -3/2): velocity (1, 1/2), then (2, 1/2)

with psi(u) = u, 2u for u < 0, u >= 0; in closed form and by Euler steps. The figure is a sketch
without numbers; heights and starts are ours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Custom, Panel
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.study import option
from flowrepro.papers.topic import Topic

if TYPE_CHECKING:
    from mpl_toolkits.mplot3d.axes3d import Axes3D

START = -1.5
"""v at t = 0."""
END = 4.0
"""Last time."""

topic = Topic(PAPER, "Figure 3: edges")


def surface(kind: str, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """L(u, v)."""
    ridge, refraction = -np.abs(u), -np.where(u < 0, u, 2 * u)
    bent = {"ridge": ridge, "valley": np.abs(u), "refraction": refraction}[kind]
    return np.asarray(bent - 0.5 * v)


def velocity(kind: str, u: float) -> float:
    """du/dt = -dL/du; 0 on the ridge and in the valley, whose Clarke subdifferentials hold 0."""
    if kind == "refraction":
        return 1.0 if u < 0 else 2.0
    return float(np.sign(u)) if kind == "ridge" else -float(np.sign(u))


def closed_form(
    kind: str, t: np.ndarray, start: float = 0.0, leaves: float = np.inf, side: float = 1.0
) -> np.ndarray:
    """u(t) from ``start``, below 0 for the refraction edge.

    The ridge, on which the path starts, is left at time ``leaves`` towards ``side``.
    """
    if kind == "ridge":
        return side * np.maximum(t - leaves, 0.0)
    if kind == "valley":
        return np.asarray(np.sign(start) * np.maximum(abs(start) - t, 0.0))
    return np.where(t < -start, start + t, 2 * (t + start))


def euler(kind: str, start: float, t: np.ndarray) -> np.ndarray:
    """u at the times of an even grid, by Euler steps of its width."""
    h, u = float(t[1] - t[0]), [start]
    for _ in t[1:]:
        u.append(u[-1] + h * velocity(kind, u[-1]))
    return np.array(u)


@topic.study
def edges(
    *,
    step: float = option(1e-3, "step of the times and of Euler's method", within=(1e-5, 0.1)),
    nudge: float = option(1e-12, "start beside the crest of the ridge", within=(0.0, 1e-3)),
    leaves: list[float] = option(
        [1.0, 2.0, 3.0], "times at which the ridge is left", within=(0.0, END)
    ),
) -> dict[str, np.ndarray]:
    """Paths u at the times t (T,): in closed form, and by Euler's method with "euler_" before.

    ridge (2 P - 1, T), left at the P times ridge_leaves (inf: never) to either side; valley (2, T),
    refraction (1, T); euler_ridge (3, T) starts from -``nudge``, 0 and ``nudge``.
    """
    t = np.linspace(0.0, END, round(END / step) + 1)
    sides = [(when, side) for when in leaves for side in (1.0, -1.0)] + [(np.inf, 1.0)]
    return {
        "t": t,
        "ridge_leaves": np.array([*leaves, np.inf]),
        "ridge": np.stack(
            [closed_form("ridge", t, leaves=when, side=side) for when, side in sides]
        ),
        "valley": np.stack([closed_form("valley", t, start) for start in (1.0, -1.0)]),
        "refraction": closed_form("refraction", t, -1.0)[None],
        "euler_ridge": np.stack([euler("ridge", start, t) for start in (-nudge, 0.0, nudge)]),
        "euler_valley": np.stack([euler("valley", start, t) for start in (1.0, -1.0)]),
        "euler_refraction": euler("refraction", -1.0, t)[None],
    }


EDGES = edges.case("edges", "Figure 3: flow on a ridge, in a valley, across a refraction edge.")


@topic.claim(
    "figure-3-unique",
    "The flow is unique in a valley and across a refraction edge.",
    place="Figure 3 b, c",
    kind="reproduction",
    label="identity",
    given=(as_declared(EDGES, ("seed",)),),
)
def unique(result: Study) -> Iterable[Part]:
    """Largest distance between Euler's path and the closed form.

    Euler's path crosses the valley back and forth by one step.
    """
    for kind in ("valley", "refraction"):
        distance = np.abs(result.arrays[f"euler_{kind}"] - result.arrays[kind]).max()
        yield at_most(f"{kind}: Euler's path from the closed form", distance, 5e-3)


@topic.claim(
    "figure-3-branching",
    "The flow branches on a ridge.",
    place="Figure 3 a",
    kind="reproduction",
    label="identity",
    given=(as_declared(EDGES, ("seed",)),),
)
def branching(result: Study) -> Iterable[Part]:
    """Signs of the ends of two paths that start 2e-12 apart, 1e-12 on either side of the crest."""
    left, middle, right = result.arrays["euler_ridge"][:, -1]
    signs = np.sign(left) * np.sign(right)
    yield within("signs of the two ends, multiplied", signs, -1.0, -1.0)
    yield at_most("path that starts on the crest: largest |u|", np.abs(middle), 0.0)
    yield number("distance of the two ends", right - left)


@topic.figure(
    "3",
    "Gradient flow on a ridge, where it branches, in a valley, where it stays, and across a"
    " refraction edge, where it turns.",
    layout=(1, 3, style.PAGE, 2.3),
    file="figure-3-edges",
)
def landscapes(result: Study) -> Iterable[Panel]:
    """The three surfaces and the paths on them."""
    u, v = np.linspace(-2.0, 2.0, 41), np.linspace(START, START + END / 2, 41)
    for kind in ("ridge", "valley", "refraction"):
        values = {
            "u": u,
            "v": v,
            "heights": surface(kind, u[None, :], v[:, None]),
            "path_v": START + 0.5 * result.arrays["t"],
            kind: result.arrays[kind],
        }
        title = "refraction edge" if kind == "refraction" else kind
        yield Panel([Custom(draw_landscape, values)], title=title, projection="3d",
                    xlabel="$u$", ylabel="$v$", xticks=(-2, 0, 2), yticks=(-1, 0))  # fmt: skip


def draw_landscape(ax: Axes3D, values: Mapping[str, np.ndarray]) -> None:
    """A surface and its paths in red, a little above it, from below their far edge."""
    u, v, heights, path_v, paths = values.values()
    kind = list(values)[-1]
    ax.plot_surface(
        u[None, :], v[:, None], heights, color="0.8", alpha=0.55, linewidth=0.2, edgecolor="0.5",
        rstride=4, cstride=4, shade=False,
    )  # fmt: skip
    for path in paths:
        kept = np.abs(path) <= u[-1]
        x, y = path[kept], path_v[kept]
        z = surface(kind, x, y) + 0.02
        ax.plot(x, y, z, color=style.NEGATIVE, linewidth=1.3, zorder=5)
        ax.plot(x[:1], y[:1], z[:1], "o", color=style.DATA, markersize=3, zorder=6)
    ax.xaxis.labelpad = ax.yaxis.labelpad = -10
    ax.set_zlabel("$L$", labelpad=-12)
    ax.tick_params(labelsize=6, pad=-4)
    ax.locator_params(axis="z", nbins=4)
    ax.view_init(elev=34, azim=-78)
    ax.set_box_aspect((1, 1, 0.75), zoom=1.0)
