"""An engine from outside is one class and one line."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from problems import random_problem

from flowrepro import engines
from flowrepro.engines.base import SaveAt
from flowrepro.engines.drive import run
from flowrepro.engines.fused_gd import FusedGD


class Mine(FusedGD):
    """The compiled loop under another name."""

    name = "mine"


def test_one_line_adds_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "my_engines", sys.modules[__name__])
    monkeypatch.setitem(engines.ENGINES, "mine", engines.Member("my_engines", "Mine"))
    problem = random_problem()
    engine, why = engines.choose("mine", problem)
    assert (engine, why) == (Mine, "engine mine as asked")
    assert not engines.is_flow("mine")
    grid = SaveAt(np.arange(problem.n_steps + 1), np.array([0, problem.n_steps]))
    ours, theirs = (run(one, problem, grid) for one in (engine, FusedGD))
    assert np.array_equal(ours.loss, theirs.loss)


def test_an_engine_that_cannot_be_imported_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines.ENGINES, "mine", engines.Member("no_such_module", "Mine", "mine"))
    with pytest.raises(Exception, match="engine 'mine' needs mine"):
        engines.choose("mine", random_problem())
