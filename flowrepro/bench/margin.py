"""The margin that training reaches in a given time: descent with backtracking on ln L beside a
plain PyTorch loop with a constant step.

With a constant step q = min_i y_i f(x_i) grows like the logarithm of the number of steps, so no
patience makes up for it.
"""

from __future__ import annotations

import time

import numpy as np

from flowrepro import data
from flowrepro.bench.clock import shape
from flowrepro.bench.result import BenchResult
from flowrepro.core.config import Loss, StudyCase
from flowrepro.core.initialize import INITS
from flowrepro.core.network import predict
from flowrepro.engines.base import Problem
from flowrepro.engines.log_domain import Classification
from flowrepro.papers.lyu2021.classifiers import train
from flowrepro.papers.lyu2021.figure_1_kkt_networks import MIDDLE

FURTHER = 2e5
"""Margin to which ours is trained here, 200 times the figure's, so that the plain loop has seconds
for its steps (chosen).
"""
BATCH = 20
"""Steps of the plain loop between two looks at the clock."""


def compare_margin(q: float = FURTHER, case: StudyCase = MIDDLE) -> BenchResult:
    """Least output margins of the net of one panel of Figure 2 of lyu2021: ours trained to ``q``,
    the plain loop's after the same wall time.
    """
    from flowrepro.engines.torch_baseline import PlainLoop

    assert case.data is not None
    points, options = data.load(case.data), {**case.options, "q": q}
    task = Classification(points.X, points.y, options["alpha"])
    training = {name: value for name, value in options.items() if name != "alpha"}
    train(task, **{**training, "q": 2.0}, seed=case.seed)  # compiles
    started = time.perf_counter()
    run = train(task, **training, seed=case.seed)
    spent = time.perf_counter() - started
    W, a = INITS[options["init"]](np.random.default_rng(case.seed), options["m"], points.X.shape[1])
    scale, loss = options["scale"], Loss(name="logistic", reduction="mean")
    problem = Problem(
        points.X, points.y, scale * W, scale * a, loss, options["lr"], 1, alpha=options["alpha"]
    )
    PlainLoop(problem).advance(1)  # allocates
    loop, steps, started = PlainLoop(problem), 0, time.perf_counter()
    while not steps or time.perf_counter() - started < spent:
        loop.advance(BATCH)
        steps += BATCH
    ours, plain = (
        float(run.q_min[-1]),
        float(np.min(points.y * predict(points.X, *loop.weights(), options["alpha"]))),
    )
    note = (
        f"{shape(problem)}, {spent:.2f} s each; least margin q reached: {ours:.4g} in "
        f"{run.step[-1]} steps (loss e^{run.ln_loss[-1]:.0f}), "
        f"{plain:.2g} in {steps} plain steps"
    )
    return BenchResult(
        f"lyu2021 Figure 2, {case.name}: backtracking / plain PyTorch loop, same time",
        ours,
        plain,
        "q",
        ours / plain if plain > 0 else float("inf"),
        ">= 50",
        note,
    )
