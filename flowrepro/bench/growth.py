"""How the cost of a step grows with samples, dimension, width, seeds and a smaller start.

    python -m flowrepro.bench.growth cost.png

draws it. One size is varied, the others stay; the slope is that of ln cost against ln size.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from flowrepro import data
from flowrepro.bench.clock import Work, advancing, interleaved
from flowrepro.bench.engines import on_a_line, toy_flow
from flowrepro.bench.result import BenchResult
from flowrepro.core.initialize import initial_weights
from flowrepro.data.points import three_points
from flowrepro.engines import load
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.papers.boursier2022.figures_2_3_toy import MSE, TOY
from flowrepro.run.training import prepare
from flowrepro.store.files import write_atomic

CROSSED = 200_000
"""From this step on hardly any neuron of boursier2024's Figure 2 crosses a boundary (measured)."""


class Growth(NamedTuple):
    """Microseconds at each size: of a step, for the flow of all of it."""

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
    curves: list[tuple[str, str, Sequence[float], Callable[[float, int], Work], int]] = [
        ("grouped", "m", (2_000, 20_000, 200_000, 2_000_000), _wide, 50_000),
        ("fused", "m", (50, 200, 800), _descent("fused", n=5, d=2), 500),
        ("fused", "d", (500, 5_000, 50_000), _descent("fused", n=20, m=20), 200),
        ("lazy", "n", (1_000, 10_000, 100_000), _descent("lazy", d=20, m=1), 500),
        ("fused", "seeds", (100, 1_000, 10_000), _seeds, 200),
        ("flow", "ln(1 / scale)", [k * np.log(10.0) for k in (6, 60, 600, 6_000)], _flow, 1),
    ]
    return [
        measured(engine, size, values, made, steps, repeats)
        for engine, size, values, made, steps in curves
    ]


def measured(
    engine: str,
    size: str,
    values: Sequence[float],
    made: Callable[[float, int], Work],
    steps: int,
    repeats: int,
) -> Growth:
    """The curve of ``made(size, steps)``, which is work of so many steps."""
    times = interleaved([made(value, steps) for value in values], repeats)
    return Growth(engine, size, values, [time / steps * 1e6 for time in times])


def compare_growth(repeats: int = 3) -> list[BenchResult]:
    """A line for each curve: its cost at the largest and the smallest size, and its slope as the
    ratio.
    """
    return [
        BenchResult(
            f"{found.engine}: cost against {found.size}",
            found.cost[-1],
            found.cost[0],
            "us",
            found.slope,
            "<= 1.2",
            f"largest, smallest, slope; {found.said}",
        )
        for found in growths(repeats)
    ]


def _wide(m: float, steps: int) -> Work:
    """Figure 2 of boursier2024 once its neurons have crossed."""
    engine = load("grouped")(on_a_line(three_points(), int(m), "balanced", CROSSED))
    engine.advance(np.array([CROSSED]))
    return advancing(engine, steps)


def _descent(engine: str, **sizes: int) -> Callable[[float, int], Work]:
    """Steps on random points from a small start, far from any fit; one of n, d, m is varied."""
    (varied,) = {"n", "d", "m"} - set(sizes)

    def made(size: float, steps: int) -> Work:
        n, d, m = ({**sizes, varied: int(size)}[name] for name in ("n", "d", "m"))
        rng = np.random.default_rng((n, d, m))
        X, W, a = rng.standard_normal((n, d)), rng.standard_normal((m, d)), rng.standard_normal(m)
        start = 1e-3 * W / np.sqrt(d), 1e-3 * np.abs(a)
        return advancing(load(engine)(Problem(X, np.ones(n), *start, MSE, 1e-3, 10**9)), steps)

    return made


def _seeds(count: float, steps: int) -> Work:
    """Steps of so many seeds of the toy."""
    seeds = np.arange(int(count))
    problem = replace(prepare(TOY, data.load(TOY.data)), n_steps=steps)
    starts = [initial_weights(TOY.init, int(seed), 2) for seed in seeds]
    W, a = (np.stack(arrays) for arrays in zip(*starts, strict=True))
    ends = SaveAt(np.array([0, steps]), np.array([0, steps]))
    return lambda: run_ensemble(problem, Members(seeds, W, a), ends)


def _flow(smallness: float, _: int) -> Work:
    return toy_flow(-smallness)[0]


def main(place: Path) -> None:
    """Draw all curves into a PNG; a file of yours that is there is set aside."""
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
    caption = "Cost of a step, or of a whole flow, against one size; the others are fixed."
    images = render(Picture((panel,), caption), (1, 1, 5.0, 3.6), {}, ("png",))
    write_atomic(place, images["png"])
    for one in curves:
        print(f"{one.engine} against {one.size}: slope {one.slope:.2f}; {one.said}")


if __name__ == "__main__":
    words = argparse.ArgumentParser(description=main.__doc__)
    words.add_argument("place", type=Path)
    main(words.parse_args().place)
