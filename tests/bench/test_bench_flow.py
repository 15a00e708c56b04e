"""The comparison with general solvers: it counts, it stops them, it names what is absent."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.bench import flow as bench_flow
from flowrepro.bench.flow import Outcome, compare_flow, stall_problem


def test_outcomes_are_counted_and_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_flow, "HORIZON", 2.0)
    monkeypatch.setattr(bench_flow, "_installed", lambda name: False)
    results = compare_flow(quick=True)
    assert [result.job.partition(": ")[2] for result in results] == [
        "scipy RK45 / flow",
        "scipy DOP853 / flow",
        "scipy LSODA / flow",
        "other libraries",
    ]
    for result in results[:3]:
        assert result.ratio == pytest.approx(result.plain / result.ours)
        assert "2 of 2 reach the horizon" in result.note
    assert "torchdiffeq, diffrax" in results[3].note


def test_a_solver_that_stalls_is_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_flow, "CAP", 50)
    outcome = bench_flow._scipy("RK45")(stall_problem(0, 0.3))
    assert outcome == Outcome(50, None)


def test_errors_are_those_at_the_horizon() -> None:
    end = np.zeros(3)
    said = bench_flow._said([Outcome(1, end + 0.5), Outcome(1, None)], [end, end])
    assert said == "1 of 2 reach the horizon, largest error 5.0e-01"
