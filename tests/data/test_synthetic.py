from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowrepro.core.config import Data
from flowrepro.data import load
from flowrepro.data.synthetic import gaussian_teacher
from flowrepro.errors import UsageError


def test_seed_zero_has_the_known_norms_and_angle() -> None:
    """||z*|| = 11.087, ||z0|| = 9.773 and their angle pi - 1.5416, from an independent program with
    the same draws.
    """
    data = load(Data(name="gaussian-teacher", options={"seed": 0}))
    teacher, student = data.extra["teacher"], data.extra["student"]
    assert data.X.shape == (10_000, 100)
    assert np.linalg.norm(teacher) == pytest.approx(11.087, abs=1e-3)
    assert np.linalg.norm(student) == pytest.approx(9.773, abs=1e-3)
    cosine = teacher @ student / np.linalg.norm(teacher) / np.linalg.norm(student)
    assert np.pi - np.arccos(cosine) == pytest.approx(1.5416, abs=1e-4)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_labels_are_those_of_a_balanced_chain(depth: int) -> None:
    data, unit = gaussian_teacher(50, 4, 3, 0.5, depth), gaussian_teacher(50, 4, 3)
    assert np.array_equal(data.X, unit.X)
    assert np.array_equal(data.extra["student"], unit.extra["student"])
    assert np.array_equal(data.extra["teacher"], 0.5 * unit.extra["teacher"])
    assert np.allclose(data.y, np.linalg.norm(data.extra["teacher"]) ** (depth - 1) * 0.5 * unit.y, rtol=1e-14)
    assert 0.2 < np.mean(data.y == 0) < 0.8


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 0}, r"data.options.n must be a whole number from 1"),
        ({"d": 2.5}, "data.options.d must be"),
        ({"depth": 0}, "data.options.depth must be"),
        ({"seed": -1}, "data.options.seed must be"),
        ({"scale": 0.0}, "data.options.scale must be a positive number"),
        ({"scale": float("nan")}, "data.options.scale"),
    ],
)
def test_options_out_of_range_are_named(options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        gaussian_teacher(**options)
