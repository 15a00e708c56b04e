"""How costs grow: slopes of what is measured; no test depends on a clock."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from flowrepro.bench import growth
from flowrepro.bench.growth import Growth, compare_growth


def test_the_slope_is_that_of_a_power() -> None:
    found = Growth("fused", "m", (1.0, 10.0, 100.0), [3 * m**1.5 for m in (1.0, 10.0, 100.0)])
    assert found.slope == pytest.approx(1.5)
    assert "30" in Growth("fused", "m", (10.0,), [30.0]).said


def test_each_size_makes_its_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    for made in (growth._steps("fused", 5, 2, 6, 3), growth._steps("lazy", 50, 3, 1, 3), growth._seeds(3)):
        made()
    result = growth._toy_flow(10.0)()
    assert result.loss[-1] < 1e-3 * np.mean(growth.data.load(growth.TOY.data).y ** 2)


def test_cost_is_that_of_one_step_and_a_steep_one_misses_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = itertools.count()
    monkeypatch.setattr(growth, "interleaved", lambda sides, repeats: [next(calls), 2.0, 8.0][: len(sides)])
    found = growth._measured("fused", "m", (1, 2), lambda m: lambda: m, 4, 1)
    assert found.cost == [0.0, 0.5e6]
    monkeypatch.setattr(growth, "growths", lambda repeats: [Growth("flow", "m", (1, 2), [1.0, 8.0])])
    (result,) = compare_growth()
    assert (result.ratio, result.met) == (pytest.approx(3.0), "no")
