"""Effective and stable rank, against their closed forms."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.theory.ranks import effective_rank, stable_rank


@pytest.mark.parametrize("k", [1, 2, 4])
def test_k_equal_singular_values_have_the_rank_k(k: int) -> None:
    rows = np.linalg.qr(np.random.default_rng(k).standard_normal((9, 4)))[0][:, :k]
    W = 1e-200 * np.pad(rows, ((0, 0), (0, 4 - k)))
    assert effective_rank(W) == pytest.approx(k, rel=1e-6)
    assert stable_rank(1e200 * W) == pytest.approx(k)


def test_two_singular_values_have_the_closed_form() -> None:
    W = np.array([[3.0, 0.0], [0.0, 1.0], [0.0, 0.0]])
    assert effective_rank(W) == pytest.approx(4 / 3**0.75)
    assert stable_rank(W) == pytest.approx(10 / 9)
    both = effective_rank(np.stack([W, 2 * W[:, ::-1]]))
    assert both == pytest.approx([4 / 3**0.75] * 2)


def test_zero_has_none() -> None:
    assert np.isnan(effective_rank(np.zeros((3, 2))))
    assert np.isnan(stable_rank(np.zeros((3, 2))))
