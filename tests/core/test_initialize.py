from __future__ import annotations

from typing import Literal

import numpy as np
import pytest

from flowrepro.core.config import Init
from flowrepro.core.initialize import INITS, STUDENT, effective_scale, initial_weights
from flowrepro.errors import UsageError

DRAWN = [name for name in INITS if not name.endswith("-quadrature")]


@pytest.mark.parametrize("name", DRAWN)
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


@pytest.mark.parametrize(
    ("name", "std_W", "std_a"),
    [("gaussian", 1.0, 1.0), ("he", np.sqrt(2 / 5), np.sqrt(2 / 4000)), ("balanced", 1.0, np.sqrt(5))],
)
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


def second_moments(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    theta = np.column_stack([W, a])
    return theta.T @ theta / len(a)


@pytest.mark.parametrize(
    ("law", "d"), [("balanced", 2), ("balanced", 3), ("gaussian", 1), ("gaussian", 2), ("dominated", 2)]
)
def test_nodes_have_the_moments_of_the_law(law: str, d: int) -> None:
    """E theta theta^T of the draw: exact values, against which the draw itself errs by 1 /
    sqrt(m).
    """
    expected = np.diag(
        np.append(np.full(d, 1 / 3 if law == "dominated" else 1.0), 1.0 if law == "gaussian" else float(d))
    )
    nodes = initial_weights(Init(name=f"{law}-quadrature", m=2000, scale=1.0), 0, d)
    drawn = initial_weights(Init(name=law, m=100_000, scale=1.0), 0, d)
    assert second_moments(*nodes) == pytest.approx(expected, abs=2e-3)
    assert second_moments(*drawn) == pytest.approx(expected, abs=2e-2)


@pytest.mark.parametrize(("law", "d"), [("balanced", 2), ("balanced", 3), ("gaussian", 2), ("dominated", 2)])
def test_nodes_fill_every_cap_as_the_law_does(law: str, d: int) -> None:
    """The share of |theta|^2 in half spaces of theta, nodes against a large draw (standard error
    1e-3).
    """
    nodes = np.column_stack(initial_weights(Init(name=f"{law}-quadrature", m=4000, scale=1.0), 0, d))
    drawn = np.column_stack(initial_weights(Init(name=law, m=200_000, scale=1.0), 1, d))
    for normal in np.random.default_rng(2).standard_normal((20, 1 + d)):
        shares = [
            np.mean((theta @ normal > 0.5 * np.linalg.norm(theta, axis=1)) * np.sum(theta**2, axis=1))
            for theta in (nodes, drawn)
        ]
        assert shares[0] == pytest.approx(shares[1], abs=0.03)


def test_nodes_need_no_seed_and_keep_the_norms_of_the_law() -> None:
    W, a = initial_weights(Init(name="balanced-quadrature", m=60, scale=1e-200), 0, 2)
    again = initial_weights(Init(name="balanced-quadrature", m=60, scale=1e-200), 7, 2)
    assert np.array_equal(W, again[0])
    assert np.abs(a) / 1e-200 == pytest.approx(np.linalg.norm(W / 1e-200, axis=1))
    assert np.sum(a > 0) == 30
    W, a = initial_weights(Init(name="dominated-quadrature", m=60, scale=1.0), 0, 2)
    assert np.all(np.abs(a) >= np.linalg.norm(W, axis=1))


@pytest.mark.parametrize(
    ("law", "m", "d", "says"),
    [
        ("balanced", 7, 2, "init.m=8"),
        ("dominated", 7, 2, "init.m=8"),
        ("balanced", 8, 4, "2 or 3"),
        ("gaussian", 8, 3, "1 or 2"),
        ("dominated", 8, 3, "2 only"),
    ],
)
def test_nodes_that_do_not_exist_are_refused(law: str, m: int, d: int, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        initial_weights(Init(name=f"{law}-quadrature", m=m, scale=1.0), 0, d)


def test_a_student_is_the_neuron_that_the_points_come_with() -> None:
    z0 = np.array([3.0, 0.0, 4.0])
    W, a = initial_weights(Init(name=STUDENT, m=1, scale=0.1), 0, 3, z0)
    assert pytest.approx(0.1 * z0[None]) == W
    assert a == pytest.approx([0.5])
    assert np.array_equal(W, initial_weights(Init(name=STUDENT, m=1, scale=0.1), 7, 3, z0)[0]), (
        "the points fix it, not the seed"
    )


def test_without_one_the_student_is_drawn_from_the_seed() -> None:
    W, a = initial_weights(Init(name=STUDENT, m=1, scale=2.0), 5, 4)
    assert np.array_equal(W[0], 2.0 * np.random.default_rng(5).standard_normal(4))
    assert a == pytest.approx(np.linalg.norm(W, axis=1))


def test_a_student_of_another_width_is_refused() -> None:
    with pytest.raises(UsageError, match=r"init\.m=1"):
        initial_weights(Init(name=STUDENT, m=2, scale=1.0), 0, 3, np.ones(3))


def test_unit_outputs_are_not_scaled() -> None:
    W, a = initial_weights(Init(name="unit-output", m=200, scale=1e-6), 0, 5)
    assert np.std(W) == pytest.approx(1e-6, rel=0.1)
    assert set(a.tolist()) == {-1.0, 1.0}
    assert abs(a.mean()) < 0.3
