"""How the benchmark measures: wall clocks around work that is ready to run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np

from flowrepro.engines.base import Engine, Problem

Work = Callable[[], object]


def seconds(work: Work) -> float:
    """Wall-clock seconds of one call."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def interleaved(sides: Sequence[Work], repeats: int) -> list[float]:
    """Median seconds of each side; every round runs all of them once, after one round that is not
    counted.
    """
    rounds = [[seconds(side) for side in sides] for _ in range(repeats + 1)]
    return [median(times) for times in zip(*rounds[1:], strict=True)]


def advancing(engine: Engine, steps: int) -> Callable[[], None]:
    """A call makes so many further steps."""

    def advance() -> None:
        engine.advance(np.array([engine.step + steps]))

    return advance


def shape(problem: Problem) -> str:
    """The sizes of a problem in words."""
    n, d, m = problem.shape
    return f"n={n}, d={d}, m={m}"
