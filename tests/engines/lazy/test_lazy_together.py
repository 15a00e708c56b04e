"""Runs on shared samples: the same bits as alone, whatever the number of threads."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from flowrepro.core.config import Loss
from flowrepro.data.synthetic import gaussian_teacher
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.engines.lazy.together import run_together
from flowrepro.errors import UsageError

SAVE_AT = SaveAt(np.arange(0, 601, 50), np.array([0, 300, 600]))


def runs(n: int = 300, d: int = 6) -> list[Problem]:
    """Five runs of depths 1, 2 and 3 and two students on one draw of the samples."""
    problems = []
    for depth, ratio in ((1, 0.1), (1, 2.0), (2, 0.5), (2, 2.0), (3, 1.0)):
        points = gaussian_teacher(n, d, 0, 0.4, depth)
        w = ratio * 0.4 * points.extra["student"]
        problems.append(
            Problem(
                points.X,
                points.y,
                w[None],
                np.array([np.linalg.norm(w)]),
                Loss(name="square", reduction="mean"),
                0.05,
                600,
                depth=depth,
            )
        )
    return problems


@pytest.mark.parametrize("threads", [None, 1, 4])
def test_runs_together_are_those_alone_to_the_bit(threads: int | None) -> None:
    problems = runs()
    together = run_together(problems, SAVE_AT, threads=threads)
    assert len(together) == len(problems)
    for problem, trajectory in zip(problems, together, strict=True):
        alone = run(LazyGD, problem, SAVE_AT)
        assert np.array_equal(trajectory.loss, alone.loss)
        assert np.array_equal(trajectory.W, alone.W)
        assert np.array_equal(trajectory.a, alone.a)
        assert trajectory.stats == alone.stats
        assert trajectory.stop == alone.stop
    assert sum(trajectory.stats["activation_flips"] for trajectory in together) > 100


def test_no_run_gives_no_trajectory() -> None:
    assert run_together([], SAVE_AT) == []


def test_other_samples_and_other_losses_are_refused() -> None:
    first, second, *_ = runs()
    with pytest.raises(UsageError, match="problem 1 has others than problem 0"):
        run_together([first, replace(second, X=second.X + 1.0)], SAVE_AT)
    with pytest.raises(UsageError, match="cannot run problem 1: it needs the square loss"):
        run_together([first, replace(second, loss=Loss(name="exp", reduction="mean"))], SAVE_AT)
