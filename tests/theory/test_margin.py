"""The hard-margin separator: closed forms, certificates, an independent solver."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError
from flowrepro.theory.margin import Inseparable, Separator, hard_margin, normalised_margin

SETS = {
    "left": Data(name="symmetric-example"),
    "mid": Data(name="constant-feature"),
    "right": Data(name="hinted"),
    "sym2d": Data(name="symmetric"),
    "sym20d": Data(name="symmetric", options={"d": 20, "h": 15, "seed": 3}),
    "table": Data(name="shifted-gaussian", options={"n": 100, "n_test": 1}),
    "orthogonal": Data(name="orthogonally-separable"),
}


def loaded(name: str) -> Dataset:
    return data.load(SETS[name])


def separator(X: np.ndarray, y: np.ndarray) -> Separator:
    found = hard_margin(X, y)
    assert isinstance(found, Separator)
    return found


@pytest.mark.parametrize("name", SETS)
def test_the_certificate_closes(name: str) -> None:
    """Primal and dual feasible, no gap: nothing better exists (bounds 1e-10; measured about
    1e-15).
    """
    points = loaded(name)
    found = separator(points.X, points.y)
    v, Z = found.w / found.margin, points.y[:, None] * points.X
    assert np.min(Z @ v) >= 1 - 1e-12
    assert np.all(found.duals >= 0)
    np.testing.assert_allclose(found.duals @ Z, v, rtol=0, atol=1e-12 * np.linalg.norm(v))
    assert found.duals.sum() == pytest.approx(v @ v, rel=1e-12)
    assert max(found.infeasibility, found.stationarity, found.gap) <= 1e-13
    assert 0 <= found.upper - found.margin + 1e-14 <= 1e-12


@pytest.mark.parametrize("name", SETS)
def test_a_quadratic_program_agrees(name: str) -> None:
    quadprog = pytest.importorskip("quadprog")
    points = loaded(name)
    Z = points.y[:, None] * points.X
    v = quadprog.solve_qp(np.eye(Z.shape[1]), np.zeros(Z.shape[1]), Z.T, np.ones(len(Z)))[0]
    found = separator(points.X, points.y)
    assert found.margin == pytest.approx(1 / np.linalg.norm(v), rel=1e-10)
    np.testing.assert_allclose(found.w, v / np.linalg.norm(v), atol=1e-10)


@pytest.mark.parametrize(
    ("name", "margin", "w"),
    [("left", 1.0, (1, 0)), ("right", 0.2, (1, 0)), ("mid", 0.1 * 5**0.5, (2 / 5**0.5, 0, 1 / 5**0.5))],
)
def test_separators_in_closed_form(name: str, margin: float, w: tuple[float, ...]) -> None:
    points = loaded(name)
    found = separator(points.X, points.y)
    assert found.margin == pytest.approx(margin, rel=1e-14)
    np.testing.assert_allclose(found.w, w, atol=1e-14)


def test_support_vectors_only_have_multipliers() -> None:
    points = loaded("right")
    assert set(separator(points.X, points.y).support) <= {1, 2}


@pytest.mark.parametrize("seed", range(5))
def test_rotation_order_and_scale_do_not_matter(seed: int) -> None:
    points, rng = loaded("sym20d"), np.random.default_rng(seed)
    rotation, _ = np.linalg.qr(rng.standard_normal((20, 20)))
    order, scale = rng.permutation(len(points.y)), 10.0 ** rng.uniform(-150, 150)
    moved, plain = (separator(scale * (points.X @ rotation)[order], points.y[order]), separator(points.X, points.y))
    assert moved.margin == pytest.approx(scale * plain.margin, rel=1e-12)
    np.testing.assert_allclose(moved.w, plain.w @ rotation, atol=1e-12)


@pytest.mark.parametrize("margin", [1e-1, 1e-3, 1e-5, 1e-6])
def test_small_margins_lose_no_digits(margin: float) -> None:
    found = separator(np.array([[margin, 1.0], [margin, -1.0], [1.0, 0.0]]), np.ones(3))
    assert found.margin == pytest.approx(margin, rel=1e-10)


def test_one_point_is_its_own_separator() -> None:
    found = separator(np.array([[3.0, 4.0]]), np.array([-1.0]))
    assert found.margin == pytest.approx(5.0)
    np.testing.assert_allclose(found.w, [-0.6, -0.8], atol=1e-15)


@pytest.mark.parametrize("seed", range(10))
def test_what_is_not_separable_is_proved_so(seed: int) -> None:
    rng = np.random.default_rng(seed)
    X, y = rng.standard_normal((40, 3)), np.where(rng.random(40) < 0.5, -1.0, 1.0)
    found = hard_margin(X, y)
    assert isinstance(found, Inseparable)
    assert np.all(found.duals >= 0)
    assert found.duals.sum() == pytest.approx(1.0)
    assert np.linalg.norm((found.duals * y) @ X) <= 1e-12 * np.abs(X).max()
    assert found.residual <= 1e-13


def test_a_zero_point_and_opposite_points_are_not_separable() -> None:
    for X, y in (
        (np.zeros((2, 3)), np.ones(2)),
        (np.array([[1.0, 2.0], [1.0, 2.0]]), np.array([1.0, -1.0])),
        (np.array([[1.0], [0.0]]), np.ones(2)),
    ):
        found = hard_margin(X, y)
        assert isinstance(found, Inseparable)
        np.testing.assert_allclose((found.duals * y) @ X, 0.0, atol=1e-12)


@pytest.mark.parametrize("thin", [1e-9, 1e-11, 1e-100])
def test_margins_below_rounding_errors_are_decided_exactly(thin: float) -> None:
    X = np.array([[1.0, thin], [1.0, -thin]])
    found = hard_margin(X, np.array([1.0, -1.0]))
    assert isinstance(found, Separator)
    assert found.margin == pytest.approx(thin, rel=1e-12)
    np.testing.assert_array_equal(found.w, [0.0, 1.0])
    # the same up to one rounding error in the other coordinate
    X = np.array([[1.0, thin], [1.0, thin]])
    assert isinstance(hard_margin(X, np.array([1.0, -1.0])), Inseparable)


def test_hidden_combinations_are_found_exactly() -> None:
    """Dyadic points: the last is minus a combination of the others, or one unit off."""
    Z = np.random.default_rng(0).integers(-8, 9, (5, 6)) / 8.0
    opposite = -(Z.T @ [1, 2, 3, 1, 2]) / 16
    found = hard_margin(np.vstack([Z, opposite]), np.ones(6))
    assert isinstance(found, Inseparable)
    assert found.residual == 0.0
    moved = opposite + np.append(2.0**-45, np.zeros(5))
    assert isinstance(hard_margin(np.vstack([Z, moved]), np.ones(6)), Separator)


def test_points_that_cannot_be_used_are_errors() -> None:
    with pytest.raises(DataError, match="too small for double precision"):
        hard_margin(np.array([[1.0, 1e-160], [-1.0, 1e-160]]), np.ones(2))
    with pytest.raises(DataError, match="finite"):
        hard_margin(np.array([[np.nan]]), np.ones(1))
    with pytest.raises(DataError, match="at least one point"):
        hard_margin(np.empty((0, 2)), np.empty(0))


def test_normalised_margin_is_scale_free() -> None:
    """The pair (w*, -w*, 1, -1) / 2 has margin (1 + alpha) / 4 times the linear one (lyu2021
    Theorem 4.2).
    """
    points = loaded("sym2d")
    found = separator(points.X, points.y)
    W, a = np.array([found.w, -found.w]), np.array([1.0, -1.0])
    for scale in (0.5, 1e-3, 1e3):
        assert normalised_margin(points.X, points.y, scale * W, scale * a, 0.5) == pytest.approx(
            1.5 / 4 * found.margin, rel=1e-14
        )
    assert np.isnan(normalised_margin(points.X, points.y, 0 * W, 0 * a, 0.5))
