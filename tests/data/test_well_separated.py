from __future__ import annotations

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, UsageError


def load(name: str, **options: object) -> Dataset:
    return data.load(Data(name=name, options=options))


def separation(dataset: Dataset) -> float:
    Z = dataset.y[:, None] * dataset.X / np.linalg.norm(dataset.X, axis=1, keepdims=True)
    return float(np.min(Z @ Z.T))


def test_the_six_points_satisfy_assumption_1() -> None:
    six = load("six-points")
    assert separation(six) == pytest.approx(0.19996, abs=1e-5)
    np.testing.assert_allclose([six.X[six.y > 0].sum(axis=0), six.X[six.y < 0].sum(axis=0)], [[4.1, 2.0], [-2.45, 1.4]])
    assert separation(load("sketch-points")) > 0
    assert separation(load("held-points")) < 0


@pytest.mark.parametrize("theta", [0.1, 0.001, 0.0])
def test_two_positive_points_have_the_separation_they_say(theta: float) -> None:
    assert separation(load("two-positive-points", theta=theta)) == pytest.approx(np.sin(theta), abs=1e-15)


def test_orthogonal_means_exactly_orthogonal() -> None:
    assert np.array_equal(load("two-positive-points", theta=0.0).X, np.eye(2))
    with pytest.raises(UsageError, match="theta"):
        load("two-positive-points", theta=-0.1)


@pytest.mark.parametrize(("seed", "mu"), [(0, 0.0216108), (1, 0.1832569), (2, 0.1532604)])
def test_clusters_are_separated_and_reproducible(seed: int, mu: float) -> None:
    clusters = load("separated-clusters", seed=seed)
    assert clusters.X.shape == (12, 10)
    assert separation(clusters) == pytest.approx(mu, abs=1e-6)


def test_clusters_that_cannot_be_are_refused() -> None:
    with pytest.raises(UsageError, match="at least 2"):
        load("separated-clusters", n=1)
    with pytest.raises(DataError, match="sigma"):
        load("separated-clusters", sigma=50.0)
