"""The end of training: its claims on runs and studies, its neurons by class."""

from __future__ import annotations

import numpy as np
import pytest
from boursier2024_results import (
    UNDECLARED,
    UNPUBLISHED,
    Row,
    as_declared,
    changed,
    losses,
    negative,
    on_run,
    on_study,
    small,
    states,
    tampered,
)

from flowrepro.claims.verdict import Verdict
from flowrepro.core.initialize import initial_weights
from flowrepro.papers.boursier2024 import section_5_limit as limit
from flowrepro.papers.boursier2024.beyond.basin import idle_positive
from flowrepro.papers.boursier2024.neurons import residuals
from flowrepro.papers.boursier2024.training import law

ELSEWHERE = tampered(distance=lambda d: d + 1.0)
ROWS = [
    on_run(limit.unbalanced_fits, "unbalanced", losses(lambda loss, run: loss + 1e-9), UNPUBLISHED),
    on_run(limit.dominated_minimum, "dominated", states(negative(1e-3)), UNPUBLISHED),
    on_study(limit.limit_is_stationary, "limit-point", tampered(mixed=lambda m: m + 1), ELSEWHERE),
    on_study(limit.limit_nature, "limit-point", tampered(rho=np.zeros(2)), ELSEWHERE),
    on_study(
        limit.limit_radius,
        "limit-point",
        tampered(mse_after_noise=lambda e: e[:, ::-1]),
        UNDECLARED,
        lambda f: changed(as_declared(f), rho=np.array([1e-8, 1e-8])),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row: Row) -> None:
    row.check()


def test_a_zero_neuron_makes_the_limit_a_saddle() -> None:
    result = limit.limit_nature.judge(changed(small("limit-point"), zero=np.array([1.0, 0.0])))
    assert result.verdict is Verdict.PASS
    assert "a saddle" in result.note


def test_the_radius_is_known_before_training() -> None:
    result = small("limit-point")
    X, y, options = result.X, result.y, result.case.options
    for name, rho in zip(options["inits"], result.arrays["rho"], strict=True):
        start = initial_weights(law(name, options["m"], 1e-3), 0, 2)
        assert limit.basin_radius(X, residuals(X, y), idle_positive(X, *start)) == rho


def test_neurons_are_counted_by_class() -> None:
    X, y = small("limit-point").X, small("limit-point").y
    W = np.array([[0.0, 1.0], [0.0, -1.0], [0.0, -2.0], [3.0, 1.0], [0.0, 0.0]])
    found = limit.inventory(X, y, W, np.array([1.0, 1.0, -1.0, 1.0, 0.0]), 1.0)
    kinds = ("all_active", "inactive_positive", "inactive_negative", "mixed", "zero")
    assert [found[name] for name in kinds] == [1, 1, 1, 1, 1]
    assert found["rho"] == pytest.approx(min(1 / np.hypot(0.75, 1), 1 / np.hypot(0.125, 1)))
