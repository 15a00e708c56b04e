"""How nets are trained by descent: the options of all studies that do, and many of them at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from flowrepro.engines.log_domain import ENGINES
from flowrepro.engines.log_domain.descent import on_torch
from flowrepro.papers.study import Progress, option

Cell = TypeVar("Cell")
Found = TypeVar("Found")
ENGINE = option("auto", "what computes the descent", choices=ENGINES)
DEVICE = option("cpu", "device of engine torch: cpu, cuda, cuda:INDEX or auto")
# Appendix J has all points in a step.
BATCH_SIZE = option(None, "points in a mini-batch, null for all", within=(1, 1_000_000))


def in_threads(
    one: Callable[[Cell], Found],
    cells: Sequence[Cell],
    progress: Progress,
    **how: Any,
) -> list[Found]:
    """What ``one`` finds for each cell; nothing of it depends on the number of threads.

    ``how`` holds the options below: with PyTorch one cell after the other, as its small steps
    would only wait for each other.
    """
    kept = []
    with ThreadPoolExecutor(1 if on_torch(**how) else os.cpu_count()) as pool:
        pending = [pool.submit(one, cell) for cell in cells]
        try:
            for done, future in enumerate(pending, 1):
                kept.append(future.result())
                progress(done, len(cells))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return kept
