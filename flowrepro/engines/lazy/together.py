"""Several runs on the same samples at once, on all cores."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np

from flowrepro.core.trajectory import Trajectory
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.errors import UsageError


def run_together(
    problems: Sequence[Problem], save_at: SaveAt, *, threads: int | None = None
) -> list[Trajectory]:
    """One trajectory per problem, in order; every one is the same to the bit as that of a run by
    itself.

    The problems share X (n, d), which is held once, and may differ in all else (lee2022, Figure 1:
    labels, student, depth and step size). The compiled steps release the interpreter lock, so
    threads are enough. ``save_at.observe``, where given, is called from several threads.

    Parameters
    ----------
    threads : runs at a time; None for as many as there are cores.

    Raises
    ------
    UsageError
        If the problems have different samples, or the engine cannot run one of them.
    """
    for i, problem in enumerate(problems):
        if not np.array_equal(problem.X, problems[0].X):
            raise UsageError(
                f"runs together share their samples and problem {i} has others than problem 0; "
                "run it by itself"
            )
        reason = LazyGD.supports(problem)
        if reason:
            raise UsageError(f"engine 'lazy' cannot run problem {i}: {reason}")

    def one(problem: Problem) -> Trajectory:
        return run(LazyGD, replace(problem, X=problems[0].X), save_at)

    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        return list(pool.map(one, problems))
