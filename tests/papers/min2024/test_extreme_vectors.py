from __future__ import annotations

import numpy as np
import pytest

from flowrepro.core.trajectory import Run
from flowrepro.papers.min2024.extreme_vectors import active_sum, extreme_vector
from flowrepro.theory.alignment import class_sums


def six_points() -> tuple[np.ndarray, np.ndarray]:
    X = np.array([[1.5, 0.3], [1.4, 0.7], [1.2, 1.0], [-0.75, 0.6], [-0.9, 0.5], [-0.8, 0.3]])
    return X, np.repeat([1.0, -1.0], 3)


@pytest.mark.parametrize("sign", [1, -1])
def test_orthogonally_separable_data_pull_along_the_sum_of_their_class(sign: int) -> None:
    X, y = six_points()
    found = extreme_vector(X, y, sign)
    own = class_sums(X, y)[0 if sign > 0 else 1]
    assert found.settled
    assert found.pull == pytest.approx(np.linalg.norm(own), rel=1e-12)
    assert found.u == pytest.approx(own / np.linalg.norm(own), abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_digits_settle_at_a_rest_point_of_the_direction_near_their_sum(
    sign: int, quick_run: Run
) -> None:
    found = extreme_vector(quick_run.X, quick_run.y, sign)
    pull = active_sum(quick_run.X.astype(np.float64), quick_run.y, found.u)
    assert found.settled
    assert sign * pull == pytest.approx(found.pull * found.u, rel=1e-7, abs=1e-7 * found.pull)
    own = class_sums(quick_run.X, quick_run.y)[0 if sign > 0 else 1]
    assert 0.999 < found.u @ own / np.linalg.norm(own) < 1.0


def test_does_not_settle_without_data_of_the_class() -> None:
    X, y = six_points()
    assert not extreme_vector(X, np.ones(6), -1).settled
    assert extreme_vector(X, np.ones(6), 1).settled
    assert not extreme_vector(X, y, 1, max_iterations=0).settled
