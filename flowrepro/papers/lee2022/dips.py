"""How far the norm dips on its way, by the number of layers, and from which starts it grows or falls throughout (beyond lee2022, Section 3.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import overlap
from flowrepro.figures import Figure, style
from flowrepro.papers.lee2022.beyond_cases import DIPS
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.lee2022.solved_flow import falls_throughout, grows_throughout, solve
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GROWS, DIPS_BELOW, FALLS = range(3)
RANGES = {
    "m": (0, 200),
    "ratios": (1e-3, 10.0),
    "theta0": (0.01, 3.1),
    "grid": (2, 200),
    "grid_depths": (1, 5),
}
LAST_MINIMUM, LAST_FALL = 1e-3, 1e-5
"""Angles to which orbits are followed: for the depth of a dip, and for telling a dip from a fall (a late dip is theta^2 deep)."""
ROUNDING = 1e-12
CELLS = 300
MOST_ALIGNED = 2.75
"""Largest phi_0 of the grid: nearer to pi, two layers dip by less than rounding shows."""
NEAR = 0.05
"""Relative distance of v_0^(m+1) from S(phi_0) within which a dip may be over before the second point of its orbit."""


def compute_dips(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Least norms, and the shape of the norm over a grid of starts.

    m : (M,), ratios : (R,), least : (R, M) least ||w|| / v*, limit : (M,) S(phi_0)^(1/(m+1)), below which it cannot fall from above.
    grid_depth : (D,), grid_ratio, grid_phi : (G,), shape : (D, G, G) GROWS, DIPS_BELOW or FALLS by ratio and phi.
    """
    require_ranges(study.options, RANGES)
    theta0, size = float(study.options["theta0"]), int(study.options["grid"])
    m, ratios = (
        [int(value) for value in study.options["m"]],
        [float(value) for value in study.options["ratios"]],
    )
    depths = [int(depth) for depth in study.options["grid_depths"]]
    least = np.array([[_least(power + 1, ratio, theta0) for power in m] for ratio in ratios])
    progress(1, 1 + len(depths))
    grid_ratio, grid_phi = np.geomspace(0.1, 10.0, size), np.linspace(0.1, MOST_ALIGNED, size)
    shape = np.empty((len(depths), size, size), dtype=np.int64)
    for k, depth in enumerate(depths):
        shape[k] = [[_shape(depth, ratio, np.pi - phi) for phi in grid_phi] for ratio in grid_ratio]
        progress(2 + k, 1 + len(depths))
    limit = overlap(np.asarray(theta0)) ** (1.0 / (np.array(m) + 1))
    return {
        "m": np.array(m), "ratios": np.array(ratios), "least": least, "limit": limit,
        "grid_depth": np.array(depths), "grid_ratio": grid_ratio, "grid_phi": grid_phi, "shape": shape,
    }  # fmt: skip


def _least(depth: int, ratio: float, theta0: float) -> float:
    """Least ||w|| / v* of an orbit, by a parabola through the least of its points and its neighbours."""
    values = solve(depth, float(np.log(ratio)), theta0, LAST_MINIMUM).ln_norm
    at = int(np.clip(values.argmin(), 1, len(values) - 2))
    before, here, after = values[at - 1 : at + 2]
    bend = before - 2 * here + after
    return float(np.exp(here - (after - before) ** 2 / (8 * bend) if bend > 0 else here))


def _shape(depth: int, ratio: float, theta0: float) -> int:
    """Of an orbit, from its points alone."""
    values = solve(depth, float(np.log(ratio)), theta0, LAST_FALL, CELLS).ln_norm
    if np.all(np.diff(values) > -ROUNDING):
        return GROWS
    return DIPS_BELOW if values.min() < -ROUNDING else FALLS


GIVEN = (as_declared(DIPS, ("seed", "options")),)


@statement(
    "beyond-dip",
    ref("Section 3.2, beyond the paper"),
    "theory",
    ("dips",),
    "from v_0 >= v* the norm dips the less the more layers there are",
    GIVEN,
)
def dips_shrink(findings: Study) -> list[Judgement]:
    """measured: values of m at which the least norm does not rise; least norm over its bound S(phi_0)^(1/(m+1)); share of that bound the deepest net uses."""
    arrays = findings.arrays
    order = np.argsort(arrays["m"])
    least, limit = arrays["least"][arrays["ratios"] >= 1][:, order], arrays["limit"][order]
    used = (1 - least) / (1 - limit)
    return [
        none_of("m without a smaller dip", int(np.sum(np.diff(least, axis=1) <= 0))),
        lower("least norm / S^(1/(m+1)), least", (least / limit).min(), 1.0),
        upper("largest norm at a minimum, v*", least.max(), 1.0),
        number("dip / (1 - S^(1/(m+1))) of the deepest", used[:, -1].max()),
    ]


@statement(
    "beyond-shapes",
    ref("eq 11, beyond the paper"),
    "theory",
    ("dips",),
    "which starts grow, dip or fall: S(phi_0) and, for one layer, sin phi_0 + pi cos phi_0",
    GIVEN,
)
def shapes_as_solved(findings: Study) -> list[Judgement]:
    """measured: starts of the grid whose orbit has another shape than the closed form says; starts that fall throughout, by layers."""
    arrays = findings.arrays
    ratio, phi = arrays["grid_ratio"][:, None], arrays["grid_phi"]
    parts = []
    for depth, shape in zip(arrays["grid_depth"], arrays["shape"], strict=True):
        expected = np.where(
            grows_throughout(int(depth), ratio, phi),
            GROWS,
            np.where(falls_throughout(int(depth), ratio, phi), FALLS, DIPS_BELOW),
        )
        clear = np.abs(ratio**depth / overlap(np.pi - phi) - 1) > NEAR
        parts.append(
            none_of(f"{depth} layers: other shapes", int(np.sum(clear & (shape != expected))))
        )
        parts.append(
            number(f"{depth} layers: share that falls throughout", float(np.mean(shape == FALLS)))
        )
    return parts


CLAIMS = (dips_shrink, shapes_as_solved)


# ---- figure


class Dips(NamedTuple):
    """Least norms by m, and the curves between the shapes for one and two layers, as v_0/v* over phi (P,)."""

    layers: np.ndarray
    ratios: np.ndarray
    dip: np.ndarray
    limit: np.ndarray
    phi: np.ndarray
    grows_below: np.ndarray
    falls_above: np.ndarray


def collect_dips(findings: Study) -> Dips:
    """Dips of the study; curves in closed form: S^(1/(m+1)) and -phi / (sin phi + pi cos phi), nan where that is not positive."""
    arrays = findings.arrays
    phi = np.linspace(0.02, np.pi - 0.02, 300)
    grows = np.stack([overlap(np.pi - phi) ** (1.0 / depth) for depth in (1, 2)])
    slope = -(np.sin(phi) + np.pi * np.cos(phi))
    falls = np.divide(phi, slope, out=np.full(len(phi), np.nan), where=slope > 0)
    return Dips(
        arrays["m"] + 1,
        arrays["ratios"],
        1 - arrays["least"],
        1 - arrays["limit"],
        phi,
        grows,
        falls,
    )


def draw_dips(axes: Sequence[Axes], data: Dips) -> None:
    """Left: depth of the dip over layers; middle and right: the plane of starts for one layer and for two."""
    left, *planes = axes
    for dip, ratio, marker in zip(data.dip, data.ratios, "osD^v" * len(data.ratios), strict=False):
        left.plot(
            data.layers,
            dip,
            marker,
            color=style.LEARNED,
            markersize=4,
            markerfacecolor="none" if marker != "o" else None,
            label=f"$v_0={ratio:g}\\,v^*$",
        )
    left.plot(
        data.layers,
        data.limit,
        color=style.THEORY,
        linewidth=1.0,
        label=r"$1-S(\varphi_0)^{1/(m+1)}$",
    )
    left.set(
        xscale="log",
        yscale="log",
        ylim=(0.01, 1.0),
        xlabel="layers $m+1$",
        ylabel=r"dip $1-\min\|w\|/v^*$",
        title="(a) depth of the dip",
    )
    left.set_yticks([0.01, 0.1, 1.0], minor=False)
    left.legend(loc="lower left")
    for k, (ax, title) in enumerate(zip(planes, ("(b) one layer", "(c) two layers"), strict=True)):
        top = data.falls_above if k == 0 else np.full(len(data.phi), np.nan)
        ax.fill_between(
            data.phi, 0.1, data.grows_below[k], color=style.LEARNED, alpha=0.25, linewidth=0
        )
        ax.fill_between(
            data.phi,
            top,
            10.0,
            where=np.isfinite(top) & (top < 10),
            color=style.THEORY,
            alpha=0.3,
            linewidth=0,
        )
        ax.plot(data.phi, data.grows_below[k], color=style.LEARNED, linewidth=1.2)
        ax.plot(data.phi, top, color=style.THEORY, linewidth=1.2)
        ax.text(2.35, 0.22, "grows", ha="center")
        ax.text(0.9, 1.6, "falls, then grows", ha="center")
        if k == 0:
            ax.text(2.62, 4.5, "falls", ha="center")
        ax.set(
            yscale="log",
            xlim=(0, np.pi),
            ylim=(0.1, 10),
            xlabel=r"initial angle $\varphi_0$ [rad]",
            title=title,
        )
        ax.tick_params(labelleft=k == 0)
    planes[0].set_ylabel(r"initial norm $v_0/v^*$")
    for ax in axes:
        ax.spines["right"].set_visible(False)


FIGURES = (
    Figure(
        id="beyond-dips",
        file="beyond-dips",
        cases=("dips",),
        caption="How far the norm dips below the teacher's, by the number of layers; and the starts from which it grows, dips or falls.",
        layout=(1, 3, style.PAGE, 2.5),
        collect=collect_dips,
        draw=draw_dips,
    ),
)
