"""The separable sets of lyu2021: their geometry as measured and as the paper's assumptions state
it.
"""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError
from flowrepro.theory.margin import Separator, hard_margin


def loaded(name: str, **options: float) -> Dataset:
    return data.load(Data(name=name, options=options))


def mean_direction(points: Dataset) -> np.ndarray:
    return np.asarray((points.y[:, None] * points.X).mean(axis=0))


def separator(points: Dataset) -> Separator:
    found = hard_margin(points.X, points.y)
    assert isinstance(found, Separator)
    return found


def class_mean(points: Dataset, alpha: float, sign: float) -> np.ndarray:
    """mu+- of lyu2021 Appendix A: the mean of y x with the samples of the other class scaled by
    alpha.
    """
    scaled = np.where(points.y == sign, 1.0, alpha)[:, None]
    return np.asarray((points.y[:, None] * scaled * points.X).mean(axis=0))


@pytest.mark.parametrize(("alpha", "degrees"), [(0.0, 45.0), (0.1, 40.3923), (0.5, 25.3015), (0.9, 9.9542)])
def test_symmetric_example(alpha: float, degrees: float) -> None:
    points = loaded("symmetric-example", alpha=alpha)
    assert np.degrees(np.arctan2(1.0, points.X[0, 1])) == pytest.approx(degrees, abs=1e-4)
    np.testing.assert_array_equal(points.X[3:], -points.X[:3])
    b = np.arctan2(1.0, points.X[0, 1])
    assert (2 * np.sin(b) ** 2 + np.cos(b)) * alpha**2 - (1 + np.cos(b)) * alpha + np.cos(2 * b) == pytest.approx(
        0.0, abs=1e-14
    )


def test_the_first_example_of_the_paper() -> None:
    points = loaded("symmetric-example", alpha=0.0)
    np.testing.assert_allclose(points.X[:3], [[1, 1], [1, 0], [1, -1]], atol=1e-14)
    np.testing.assert_allclose(points.extra["a"], [2**-0.25, 2**-0.25, -1], rtol=1e-14)
    np.testing.assert_allclose(points.extra["W"], [[2**-0.75, 2**-0.75], [2**-0.75, -(2**-0.75)], [-1, 0]], atol=1e-14)
    np.testing.assert_allclose(points.extra["duals"], [0.5**0.5, 0, 0.5**0.5, 0, 1, 0], atol=1e-14)


@pytest.mark.parametrize(
    ("d", "h", "seed", "margin", "degrees"),
    [(2, 6, 0, 0.2393017, 34.5), (3, 8, 1, 0.3222335, 11.4), (5, 10, 2, 0.1937023, 24.7), (20, 15, 3, 0.2115313, 31.0)],
)
def test_symmetric_sets(d: int, h: int, seed: int, margin: float, degrees: float) -> None:
    points = loaded("symmetric", d=d, h=h, seed=seed)
    found, mu = separator(points), mean_direction(points)
    assert found.margin == pytest.approx(margin, abs=1e-7)
    assert np.degrees(np.arccos(mu @ found.w / np.linalg.norm(mu))) == pytest.approx(degrees, abs=0.06)
    np.testing.assert_array_equal(points.X[h:], -points.X[:h])
    assert np.linalg.norm(points.X, axis=1).max() == pytest.approx(1.0, rel=1e-14)


@pytest.mark.parametrize(
    ("name", "size", "radius", "slack", "lengths"),
    [
        ("symmetric-example", 6, 2.340, -0.158, (0.75, 0.75)),
        ("constant-feature", 13, 4.319, 0.2246, (1.92419, 1.30778)),
        ("hinted", 11, 4.0, 0.1327, (1.06372, 0.85920)),
    ],
)
def test_geometry_of_figure_1(name: str, size: int, radius: float, slack: float, lengths: tuple[float, float]) -> None:
    """Size, radius, the slack of lyu2021 Assumption A.2 for alpha = 1/2 (negative: it fails), and
    ||mu+||, ||mu-||.
    """
    points, alpha = loaded(name), 0.5
    n, Z = len(points.y), points.y[:, None] * points.X
    assert n == size
    assert np.linalg.norm(points.X, axis=1).max() == pytest.approx(radius, abs=5e-4)
    pairs = np.maximum(-Z @ Z.T, 0.0).sum(axis=1)
    assert np.min(Z @ mean_direction(points) - (1 - alpha) / (n * alpha) * pairs) == pytest.approx(slack, abs=5e-4)
    assert [np.linalg.norm(class_mean(points, alpha, s)) for s in (1.0, -1.0)] == pytest.approx(lengths, abs=5e-5)


def test_the_one_neuron_margin_is_set_by_the_near_points() -> None:
    """The best one-neuron classifier w+ separates x+ (negative samples scaled by alpha) with margin
    g+ (lyu2021 Appendix A).
    """
    for name, margin, support in (("constant-feature", 0.2236068, {0, 1}), ("hinted", 0.2, {1, 2})):
        points = loaded(name)
        found = hard_margin(np.where(points.y > 0, 1.0, 0.5)[:, None] * points.X, points.y)
        assert isinstance(found, Separator)
        assert found.margin == pytest.approx(margin, abs=1e-7)
        assert set(found.support) == support


def test_shifted_gaussian_is_the_table_s_sampling() -> None:
    points = loaded("shifted-gaussian", n=30, seed=2, n_test=100)
    rng = np.random.default_rng(2030)
    X = rng.standard_normal((30, 50))
    y = np.sign(X[:, 0])
    X[:, 0] += 0.45 * y
    np.testing.assert_array_equal(points.X[:, :50], X)
    np.testing.assert_array_equal(points.y, y)
    assert np.all(points.X[:, 50] == 0.1)
    assert points.extra["X_test"].shape == (100, 51)
    assert np.all(np.abs(points.extra["X_test"][:, 0]) > 0.45)


def test_the_linear_classifier_s_errors_fall_as_in_table_1() -> None:
    """Seeds 0, 1, 2 at n = 10, 50, 100, in per cent (measured; the paper has 30.2, 6.4, 2.9 for one
    seed each).
    """
    for n, measured in ((10, (20.0, 23.7, 17.9)), (50, (9.8, 8.8, 8.4)), (100, (2.6, 7.4, 3.2))):
        errors = []
        for seed in range(3):
            points = loaded("shifted-gaussian", n=n, seed=seed)
            errors.append(100 * np.mean(points.extra["y_test"] * (points.extra["X_test"] @ separator(points).w) <= 0))
        assert errors == pytest.approx(measured, abs=0.051)


@pytest.mark.parametrize("seed", range(5))
def test_orthogonally_separable(seed: int) -> None:
    """lyu2021 Definition H.1, strictly inside each class."""
    points = loaded("orthogonally-separable", seed=seed)
    Z = points.y[:, None] * points.X
    same = points.y[:, None] == points.y
    assert np.all(Z @ Z.T >= 0)
    assert np.all((Z @ Z.T)[same] > 0)
    assert np.linalg.norm(points.X, axis=1).max() == pytest.approx(1.0)


def test_the_symmetric_example_needs_a_slope_below_one() -> None:
    with pytest.raises(UsageError, match="alpha of the symmetric example"):
        loaded("symmetric-example", alpha=1.0)
