"""Dips of the norm, and the starts from which there is none (beyond lee2022, Section 3.2).

How far the norm dips below v* on its way, by the number of layers, and from which starts it grows
or falls throughout, against the closed form of the flow (`closed_form`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import overlap
from flowrepro.figures import style
from flowrepro.figures.panels import Band, Line, Mark, Panel, Points, Text
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.beyond.closed_form import falls_throughout, grows_throughout, solve
from flowrepro.papers.lee2022.beyond.small_starts import RIGHT_ANGLE
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.section_5_runs import counted
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Dips of the norm", given=(draws_its_points,))

GROWS, DIPS_BELOW, FALLS = range(3)
LAST_MINIMUM, LAST_FALL = 1e-3, 1e-5
"""Angles to which orbits are followed: for the depth of a dip, and for telling a dip from a fall
(a late dip is theta^2 deep)."""
ROUNDING = 1e-12
CELLS = 300
MOST_ALIGNED = 2.75
"""Largest phi_0 of the grid: nearer to pi, two layers dip by less than rounding shows."""
NEAR = 0.05
"""Relative distance of v_0^(m+1) from S(phi_0) within which a dip may be over before the second
point of its orbit."""


@topic.study
def dips(
    *,
    m: list[int] = option([0, 1, 2, 3, 5, 8, 12, 20, 50], "numbers of scalars", within=(0, 200)),
    ratios: list[float] = option([1.0, 2.0], "v_0 / v* of the dips", within=(1e-3, 10.0)),
    theta0: float = option(RIGHT_ANGLE, "initial angle of the dips", within=(0.01, 3.1)),
    grid: int = option(32, "norms, and angles, of the grid of starts", within=(2, 200)),
    grid_depths: list[int] = option([1, 2, 3], "numbers of layers of the grid", within=(1, 5)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Least norms, and the shape of the norm over a grid of starts.

    m : (M,), ratios : (R,), least : (R, M) least ||w|| / v*, limit : (M,) S(phi_0)^(1/(m+1)), below
    which it cannot fall from above. grid_depth : (D,), grid_ratio, grid_phi : (G,), shape :
    (D, G, G) GROWS, DIPS_BELOW or FALLS by ratio and phi.
    """
    least = np.array([[_least(power + 1, ratio, theta0) for power in m] for ratio in ratios])
    progress(1, 1 + len(grid_depths))
    grid_ratio, grid_phi = np.geomspace(0.1, 10.0, grid), np.linspace(0.1, MOST_ALIGNED, grid)
    shape = np.empty((len(grid_depths), grid, grid), dtype=np.int64)
    for k, depth in enumerate(grid_depths):
        shape[k] = [[_shape(depth, ratio, np.pi - phi) for phi in grid_phi] for ratio in grid_ratio]
        progress(2 + k, 1 + len(grid_depths))
    limit = overlap(np.asarray(theta0)) ** (1.0 / (np.array(m) + 1))
    found = {"m": np.array(m), "ratios": np.array(ratios), "least": least, "limit": limit}
    starts = {"grid_depth": np.array(grid_depths), "grid_ratio": grid_ratio, "grid_phi": grid_phi}
    return {**found, **starts, "shape": shape}


def _least(depth: int, ratio: float, theta0: float) -> float:
    """Least ||w|| / v* of an orbit, by a parabola through its least points."""
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


DIPS = dips.case(
    "dips",
    "beyond Section 3.2: how far the norm dips, by the number of layers, and from which starts",
    quick={"grid": 12},
)


@topic.claim(
    "beyond-dip",
    "From v_0 >= v* the norm dips below v*, and the less the more layers there are.",
    place="Section 3.2, beyond the paper",
)
def dips_shrink(study: Study) -> Iterator[Part]:
    """Values of m without a rise of the least norm; least norm over S(phi_0)^(1/(m+1))."""
    arrays = study.arrays
    order = np.argsort(arrays["m"])
    least, limit = arrays["least"][arrays["ratios"] >= 1][:, order], arrays["limit"][order]
    yield none_of("m without a smaller dip", int(np.sum(~(np.diff(least, axis=1) > 0))))
    yield at_least("least norm / S^(1/(m+1)), least", (least / limit).min(), 1.0)
    yield at_most("largest norm at a minimum, v*", least.max(), 1.0)
    used = (1 - least) / (1 - limit)
    yield number("dip / (1 - S^(1/(m+1))) of the deepest", used[:, -1].max())


@topic.claim(
    "beyond-shapes",
    "S(phi_0) and, for one layer, sin phi_0 + pi cos phi_0 say from which starts the norm grows, "
    "dips or falls.",
    place="eq 11, beyond the paper",
)
def shapes_as_solved(study: Study) -> Iterator[Part]:
    """Starts whose orbit has another shape than the closed form says."""
    arrays = study.arrays
    ratio, phi = arrays["grid_ratio"][:, None], arrays["grid_phi"]
    for depth, shape in zip(arrays["grid_depth"], arrays["shape"], strict=True):
        falls = np.where(falls_throughout(int(depth), ratio, phi), FALLS, DIPS_BELOW)
        expected = np.where(grows_throughout(int(depth), ratio, phi), GROWS, falls)
        clear = ~(np.abs(ratio**depth / overlap(np.pi - phi) - 1) <= NEAR)
        wrong = int(np.sum(clear & (shape != expected)))
        yield none_of(f"{depth} layers: other shapes", wrong)
        share = float(np.mean(shape == FALLS))
        yield number(f"{depth} layers: share that falls throughout", share)


@topic.figure(
    "beyond-dips",
    "How far the norm dips below the teacher's, by the number of layers; and the starts from which "
    "it grows, dips or falls.",
    layout=(1, 3, style.PAGE, 2.5),
    share="y",
)
def depth_and_shapes(study: Study) -> Iterable[Panel]:
    """Depth of the dip over layers; the plane of starts for one layer and for two."""
    arrays = study.arrays
    depth = arrays["m"] + 1
    marks: list[Mark] = [
        Points(depth, 1 - least, marker=marker, fill=None if marker == "o" else "none",
               label=rf"$v_0={ratio:g}\,v^*$")
        for least, ratio, marker in zip(
            arrays["least"], arrays["ratios"], style.MARKERS, strict=False)
    ]  # fmt: skip
    named = r"$1-S(\varphi_0)^{1/(m+1)}$"
    marks.append(Line(depth, 1 - arrays["limit"], colour=style.THEORY, width=1.0, label=named))
    yield Panel(marks, title="depth of the dip", xlabel="layers $m+1$", scale="log-log",
                ylabel=r"dip $1-\min\|w\|/v^*$", ylim=(0.01, 1.0), yticks=[0.01, 0.1, 1.0],
                legend="lower left")  # fmt: skip
    phi = np.linspace(0.02, np.pi - 0.02, 300)
    slope = -(np.sin(phi) + np.pi * np.cos(phi))
    falls = np.divide(phi, slope, out=np.full(len(phi), np.nan), where=slope > 0)
    for count in (1, 2):
        grows = overlap(np.pi - phi) ** (1.0 / count)
        plane: list[Mark] = [
            Band(phi, 0.1, grows),
            Line(phi, grows, width=1.2),
            Text([2.35, 0.9], [0.22, 1.6], ["grows", "falls, then grows"], size=8),
        ]
        if count == 1:
            above = np.where(falls < 10, falls, np.nan)
            plane += [
                Band(phi, above, 10.0, colour=style.THEORY),
                Line(phi, falls, colour=style.THEORY, width=1.2),
                Text(2.62, 4.5, "falls", size=8),
            ]
        yield Panel(plane, title=counted(count), xlabel=r"initial angle $\varphi_0$ [rad]",
                    ylabel=r"initial norm $v_0/v^*$", scale="linear-log",
                    xlim=(0, np.pi), ylim=(0.1, 10))  # fmt: skip
