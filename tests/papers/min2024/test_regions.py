from __future__ import annotations

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.alignment import Fate, classify
from flowrepro.papers.min2024.shared.regions import (
    DEAD,
    FATES,
    NEGATIVE,
    OTHER,
    POSITIVE,
    degrees,
    direction,
    outside,
    own_cosines,
    regions,
    sectors,
)

SETS = ("six-points", "two-positive-points", "sketch-points")


def points(name: str) -> Dataset:
    return data.load(Data(name=name))


@pytest.mark.parametrize("name", SETS)
def test_regions_are_those_of_single_patterns(name: str) -> None:
    shown = points(name)
    W = np.random.default_rng(0).standard_normal((4, 50, 2))
    expected = [[classify(shown.X @ w > 0, shown.y) for w in case] for case in W]
    assert [[FATES[code] for code in case] for case in regions(shown.X, shown.y, W)] == expected


@pytest.mark.parametrize("name", SETS)
def test_sectors_cover_the_circle_once_and_agree_with_regions(name: str) -> None:
    shown = points(name)
    found = sectors(shown.X, shown.y)
    assert sum(sector.end - sector.start for sector in found) == pytest.approx(360.0)
    for sector in found:
        inside = direction(np.linspace(sector.start, sector.end, 9)[1:-1])
        assert {FATES[code] for code in regions(shown.X, shown.y, inside)} == {sector.region}


def test_cones_of_the_six_points() -> None:
    """S_dead = [249.444, 281.310] degrees; S_+ and S_- are half-planes less the other class."""
    shown = points("six-points")
    found = {sector.region: sector for sector in sectors(shown.X, shown.y) if sector.region is not Fate.OTHER}
    assert found[Fate.DEAD].start == pytest.approx(249.44395, abs=1e-4)
    assert found[Fate.DEAD].end == pytest.approx(281.30993, abs=1e-4)
    assert found[Fate.POSITIVE].end - 360.0 == pytest.approx(51.34019, abs=1e-4)


def test_outside_is_alive_and_in_no_cone_of_its_sign() -> None:
    shown = points("six-points")
    W = direction(np.array([26.0, 26.0, 150.0, 150.0, 265.0, 265.0, 90.0, 90.0]))
    a = np.tile([1.0, -1.0], 4)
    assert regions(shown.X, shown.y, W).tolist() == [POSITIVE, POSITIVE, NEGATIVE, NEGATIVE, DEAD, DEAD, OTHER, OTHER]
    assert outside(shown.X, shown.y, W, a).tolist() == [False, True, True, False, False, False, True, True]


def test_own_cosines_are_with_the_sum_of_the_own_class() -> None:
    shown = points("six-points")
    plus, minus = shown.X[:3].sum(axis=0), shown.X[3:].sum(axis=0)
    np.testing.assert_allclose(
        own_cosines(shown.X, shown.y, np.stack([plus, minus, plus]), np.array([1.0, -1.0, -1.0]))[:2], 1.0
    )
    one_class = points("two-positive-points")
    assert np.isnan(own_cosines(one_class.X, one_class.y, np.eye(2), -np.ones(2))).all()


def test_angles_and_directions_are_inverse() -> None:
    angles = np.array([0.0, 37.0, 199.5, 359.0])
    np.testing.assert_allclose(degrees(direction(angles)), angles, atol=1e-10)
