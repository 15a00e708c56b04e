"""How the cost of a step grows with samples, dimension, width, seeds and a smaller start.

    python -m flowrepro.bench.growth cost.png

draws it. One size is varied, the others stay; the slope is that of ln cost against ln size.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flowrepro import data
from flowrepro.bench.clock import advancing, interleaved
from flowrepro.bench.engines import WIDTH_STEPS, on_a_line
from flowrepro.bench.result import BenchResult
from flowrepro.core.initialize import initial_weights
from flowrepro.data.points import three_points
from flowrepro.engines import load
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.engines.flow.flow import integrate
from flowrepro.papers.boursier2022.figures_2_3_toy import MSE, TOY
from flowrepro.run.training import prepare

Made = Callable[[], object]


class Growth(NamedTuple):
    """Microseconds of a step (of a whole flow, in scales) at each size; the last size is the
    largest.
    """

    engine: str
    size: str
    values: Sequence[float]
    cost: Sequence[float]

    @property
    def slope(self) -> float:
        """Of ln cost against ln size."""
        return float(np.polyfit(np.log(self.values), np.log(self.cost), 1)[0])

    @property
    def said(self) -> str:
        """All costs in words."""
        pairs = zip(self.values, self.cost, strict=True)
        return ", ".join(f"{cost:.3g} us at {value:.6g}" for value, cost in pairs)


def growths(repeats: int = 3) -> list[Growth]:
    """All curves, some twenty seconds."""
    return [
        _measured("grouped", "m", (2_000, 20_000, 200_000, 2_000_000), _wide, 50_000, repeats),
        _measured(
            "fused", "m", (50, 200, 800), lambda m: _steps("fused", 5, 2, m, 500), 500, repeats
        ),
        _measured(
            "fused",
            "d",
            (500, 5_000, 50_000),
            lambda d: _steps("fused", 20, d, 20, 200),
            200,
            repeats,
        ),
        _measured(
            "lazy",
            "n",
            (1_000, 10_000, 100_000),
            lambda n: _steps("lazy", n, 20, 1, 500),
            500,
            repeats,
        ),
        _measured("fused", "seeds", (100, 1_000, 10_000), _seeds, 200, repeats),
        _measured(
            "flow",
            "ln(1 / scale)",
            tuple(np.log(10) * np.array([6, 60, 600, 6_000])),
            _toy_flow,
            1,
            repeats,
        ),
    ]


def compare_growth(repeats: int = 3) -> list[BenchResult]:
    """A line for each curve: its cost at both ends, and its slope."""
    return [
        BenchResult(
            f"{found.engine}: cost against {found.size}",
            found.cost[-1],
            found.cost[0],
            "us",
            found.slope,
            "<= 1.2",
            f"slope; {found.said}",
        )
        for found in growths(repeats)
    ]


def _measured(
    engine: str,
    size: str,
    values: Sequence[float],
    made: Callable[[int], Made],
    steps: int,
    repeats: int,
) -> Growth:
    times = interleaved([made(value) for value in values], repeats)  # type: ignore[arg-type]
    return Growth(engine, size, values, [time / steps * 1e6 for time in times])


def _wide(m: int) -> Made:
    """Figure 2 of boursier2024 once its neurons have crossed."""
    engine = load("grouped")(on_a_line(three_points(), m, "balanced", WIDTH_STEPS))
    engine.advance(np.array([WIDTH_STEPS]))
    return advancing(engine, 50_000)


def _steps(engine: str, n: int, d: int, m: int, steps: int) -> Made:
    """Random points and a small start, far from any fit."""
    rng = np.random.default_rng((n, d, m))
    X, W, a = rng.standard_normal((n, d)), rng.standard_normal((m, d)), rng.standard_normal(m)
    start = 1e-3 * W / np.sqrt(d), 1e-3 * np.abs(a)
    return advancing(load(engine)(Problem(X, np.ones(n), *start, MSE, 1e-3, 10**9)), steps)


def _seeds(count: int) -> Made:
    """200 steps of so many seeds of the toy."""
    problem = replace(prepare(TOY, data.load(TOY.data)), n_steps=200)
    starts = [initial_weights(TOY.init, seed, 2) for seed in range(count)]
    W, a = (np.stack(arrays) for arrays in zip(*starts, strict=True))
    ends = SaveAt(np.array([0, 200]), np.array([0, 200]))
    return lambda: run_ensemble(problem, Members(np.arange(count), W, a), ends)


def _toy_flow(smallness: float) -> Made:
    """The toy from a start of scale e^-smallness until it fits, some 3 e-foldings later."""
    points = data.load(TOY.data)
    W, a = initial_weights(replace(TOY.init, scale=1.0), TOY.seed, 2)
    horizon = 4.0 * smallness + 60.0
    return lambda: integrate(points.X, points.y, W, a, MSE, horizon, ln_scale=-smallness)


def main(place: Path) -> None:
    """Draw all curves."""
    from flowrepro.figures import style
    from flowrepro.figures.canvas import render
    from flowrepro.figures.declare import Picture
    from flowrepro.figures.panels import Line, Panel

    curves = growths()
    looks = (style.POSITIVE, style.NEGATIVE, style.DATA, style.LEARNED, style.THEORY, style.DEAD)
    lines = [
        Line(
            np.array(one.values) / one.values[0],
            np.array(one.cost) / one.cost[0],
            colour=colour,
            marker=marker,
            label=f"{one.engine} against {one.size}: {one.slope:.2f}",
        )
        for one, colour, marker in zip(curves, looks, style.MARKERS, strict=False)
    ]
    panel = Panel(
        lines, xlabel="size over the first", ylabel="cost over the first", scale="log-log"
    )
    caption = "Cost of a step against one size, the others fixed."
    images = render(Picture((panel,), caption), (1, 1, 5.0, 3.6), {}, ("png",))
    place.write_bytes(images["png"])
    for one in curves:
        print(f"{one.engine} against {one.size}: slope {one.slope:.2f}; {one.said}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
