from __future__ import annotations

import numpy as np
import pytest

from flowrepro.papers.min2024.shared import correlation
from flowrepro.papers.min2024.shared.correlation import correlations, even_subsample


@pytest.mark.parametrize("n", [2, 7, 8, 9, 40])
def test_equals_the_full_matrix(n: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation, "BLOCK", 8)
    rng = np.random.default_rng(n)
    X, y = rng.standard_normal((n, 5)), np.where(rng.random(n) < 0.6, 1.0, -1.0)
    y[0], y[1] = 1.0, -1.0
    X[0] = 0.0
    unit = X / np.maximum(np.linalg.norm(X, axis=1, keepdims=True), 1e-300)
    cosines = np.outer(y, y) * (unit @ unit.T)
    others, same = ~np.eye(n, dtype=bool), np.outer(y, y) > 0
    found = correlations(X, y)
    assert found.share == np.mean(cosines[others] > 0)
    assert found.across == np.mean(cosines[~same] > 0)
    for share, chosen in ((found.positive, y > 0), (found.negative, y < 0)):
        pairs = others & np.outer(chosen, chosen)
        assert share == pytest.approx(np.mean(cosines[pairs] > 0), nan_ok=True) if pairs.any() else np.isnan(share)
    assert found.worst == pytest.approx(cosines.min(), abs=1e-6)


def test_one_class_has_no_mixed_pairs() -> None:
    found = correlations(np.eye(3) + 0.1, np.ones(3))
    assert (found.share, found.positive) == (1.0, 1.0)
    assert np.isnan(found.across)
    assert np.isnan(found.negative)


def test_rotating_or_rescaling_the_points_changes_nothing() -> None:
    rng = np.random.default_rng(1)
    X, y = rng.standard_normal((30, 4)), np.where(rng.random(30) < 0.5, 1.0, -1.0)
    rotation = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    moved = correlations((X * rng.uniform(0.5, 2.0, (30, 1))) @ rotation, y)
    assert moved == pytest.approx(correlations(X, y), abs=1e-6)


def test_points_whose_squares_overflow_or_underflow_have_cosines_too() -> None:
    rng = np.random.default_rng(2)
    X, y = rng.standard_normal((20, 4)), np.where(rng.random(20) < 0.5, 1.0, -1.0)
    for size in (1e200, 1e-200):
        assert correlations(size * X, y) == pytest.approx(correlations(X, y), abs=1e-6)


def test_subsample_is_even_with_positives_first() -> None:
    y = np.tile([1.0, -1.0, -1.0], 100)
    chosen = even_subsample(y, 50)
    assert np.array_equal(y[chosen], np.repeat([1.0, -1.0], 50))
    assert np.array_equal(chosen[:50], np.arange(50) * 6)
    assert np.array_equal(even_subsample(y, 10_000), np.concatenate([np.flatnonzero(y > 0), np.flatnonzero(y < 0)]))
    assert even_subsample(np.ones(4), 2).tolist() == [0, 2]
