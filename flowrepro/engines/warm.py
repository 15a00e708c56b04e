"""Compile every engine now: ``python -m flowrepro.engines.warm``, as ``make setup`` does.

Without it each engine compiles at its first use, the flow for one to two minutes. The machine code
is kept on disk, see `compiled`.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import replace
from functools import partial

import numpy as np

from flowrepro import engines
from flowrepro.core.config import Loss
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.fused_gd import SPAN_PAYS
from flowrepro.store.provenance import cores


def _train(name: str, n: int = 3, d: int = 2) -> None:
    from flowrepro.engines.drive import run

    run(engines.load(name), _problem(n, d), SaveAt(np.array([0, 1]), np.array([0, 1])))


def _problem(n: int = 3, d: int = 2, m: int = 4) -> Problem:
    rng = np.random.default_rng(0)
    X, W, a = rng.standard_normal((n, d)), rng.standard_normal((m, d)), rng.standard_normal(m)
    square = Loss(name="square", reduction="mean")
    return Problem(X, np.ones(n), W, a, square, 0.01, n_steps=1)


def _fused() -> None:
    from flowrepro.engines.ensemble import Members, run_ensemble

    _train("fused")
    _train("fused", d=SPAN_PAYS)  # in the span of the points
    problem, save_at = _problem(), SaveAt(np.array([0, 1]), np.array([1]))
    run_ensemble(problem, Members(np.zeros(1, int), problem.W0[None], problem.a0[None]), save_at)


def _interpolated() -> None:
    for problem in (_problem(), replace(_problem(), dtype="float32")):
        engines.load("interpolated")(problem).advance(np.array([64]))


def _late_phases() -> None:
    from flowrepro.engines.log_domain import Classification, integrate

    problem = _problem()
    integrate(Classification(problem.X, problem.y), problem.W0, problem.a0, [50.0])


JOBS: dict[str, Callable[[], None]] = {
    "flow": partial(_train, "flow"),
    "grouped": partial(_train, "grouped"),
    "lazy": partial(_train, "lazy"),
    "late phases": _late_phases,
    "interpolated": _interpolated,
    "fused": _fused,
}
"""What is compiled, the longest first, each in a process of its own."""


def timed(name: str) -> float:
    """Seconds until an engine has made its first steps."""
    began = time.perf_counter()
    JOBS[name]()
    return time.perf_counter() - began


def main() -> None:
    """Compile all, one engine per core at a time, and say how far it is."""
    print("compiling the engines, once: one to three minutes on two cores", flush=True)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(cores(), len(JOBS)), context) as pool:
        started = {pool.submit(timed, name): name for name in JOBS}
        for done, job in enumerate(as_completed(started), 1):
            print(f"{done} of {len(JOBS)}: {started[job]}, {job.result():.0f} s", flush=True)


if __name__ == "__main__":
    main()
