from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from flowrepro.experiment import Init
from flowrepro.initialize import INITS, effective_scale, initial_weights


@pytest.mark.parametrize("name", INITS)
def test_draws_have_their_shapes_and_repeat(name: str) -> None:
    W, a = initial_weights(Init(name=name, m=6, scale=0.5), 3, 4)
    again = initial_weights(Init(name=name, m=6, scale=0.5), 3, 4)
    other = initial_weights(Init(name=name, m=6, scale=0.5), 4, 4)
    assert (W.shape, a.shape, W.dtype, a.dtype) == ((6, 4), (6,), np.float64, np.float64)
    assert np.array_equal(W, again[0])
    assert np.array_equal(a, again[1])
    assert not np.array_equal(W, other[0])


def test_reference_values_of_the_balanced_draw() -> None:
    """Seed 0, d = 2, m = 60: the numbers every reference of boursier2022 was computed with."""
    W, a = initial_weights(Init(name="balanced", m=60, scale=1.0), 0, 2)
    assert W[0] == pytest.approx([0.12573022, -0.13210486], abs=1e-8)
    assert np.sign(a[:6]).tolist() == [1, 1, -1, -1, 1, -1]


def test_balanced_means_equal_norms_of_both_layers_at_any_scale() -> None:
    """Norms are taken before scaling: 1e-200 squared would underflow."""
    for scale in (1.0, 1e-200, 1e-300):
        W, a = initial_weights(Init(name="balanced", m=20, scale=scale), 1, 3)
        assert np.abs(a) / scale == pytest.approx(np.linalg.norm(W / scale, axis=1), rel=1e-12)


def test_dominated_second_layer_is_at_least_as_large() -> None:
    W, a = initial_weights(Init(name="dominated", m=200, scale=1e-3), 0, 3)
    assert np.all(np.abs(a) >= np.linalg.norm(W, axis=1))
    assert np.abs(a) == pytest.approx(1e-3 * np.sqrt(3))
    assert np.all(np.abs(W) <= 1e-3)


@pytest.mark.parametrize(("name", "std_W", "std_a"), [("gaussian", 1.0, 1.0), ("he", np.sqrt(2 / 5), np.sqrt(2 / 4000)), ("balanced", 1.0, np.sqrt(5))])
def test_moments(name: str, std_W: float, std_a: float) -> None:
    """Within five standard errors: std / sqrt(2 N)."""
    W, a = initial_weights(Init(name=name, m=4000, scale=1.0), 0, 5)
    assert W.std() == pytest.approx(std_W, rel=5 / np.sqrt(2 * W.size))
    assert np.sqrt(np.mean(a**2)) == pytest.approx(std_a, rel=5 / np.sqrt(2 * a.size))
    assert abs(np.mean(np.sign(a))) < 5 / np.sqrt(4000)


@pytest.mark.parametrize(("divide_by", "expected"), [("1", 3.0), ("sqrt(m)", 1.0), ("sqrt(m*d)", 0.5)])
def test_effective_scale(divide_by: Literal["1", "sqrt(m)", "sqrt(m*d)"], expected: float) -> None:
    init = Init(name="gaussian", m=9, scale=3.0, divide_by=divide_by)
    assert effective_scale(init, 4) == pytest.approx(expected)
    unit = INITS["gaussian"](np.random.default_rng(2), 9, 4)[0]
    assert initial_weights(init, 2, 4)[0] == pytest.approx(expected * unit)
