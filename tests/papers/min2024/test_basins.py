"""Exact alignment on random sets and the basins of the plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, relabelled, with_arrays

from flowrepro import data
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Study
from flowrepro.engines.alignment import Fate, align
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.beyond import basins as module
from flowrepro.papers.min2024.beyond.basins import BASINS, basin_shares, basins, stays_of, topic

CLAIMS = claims_of(topic)
POINTS = data.load(Data(name="six-points"))


@pytest.fixture(scope="module")
def found() -> Study:
    return computed(basins, BASINS, sets=4, m=8, draws=200, largest_class=6)


def without_sets(found: Study) -> Study:
    return replace(found, arrays={key: one for key, one in found.arrays.items() if key != "t1"})


Change = Callable[[Study], Study]
TABLE: dict[str, tuple[Change, Change, str]] = {
    "theorem-1-time-limit": (
        lambda found: with_arrays(found, t1=lambda t: t * 1e6), without_sets, "no random set",
    ),
    "appendix-c-2-durations-limit": (
        lambda found: with_arrays(found, path=lambda ratio: ratio + 2), without_sets,
        "no random set",
    ),
    "theorem-1-arrival-limit": (
        lambda found: with_arrays(found, missed=lambda count: count + 1), without_sets,
        "no random set",
    ),
    "theorem-1-survivors": (
        lambda found: with_arrays(found, alive=lambda alive: alive & False), relabelled,
        "Assumption 1",
    ),
    "figure-2-basins": (
        lambda found: with_arrays(found, alive=lambda alive: alive | True), relabelled,
        "Assumption 1",
    ),
}  # fmt: skip


@pytest.mark.parametrize("id", TABLE)
def test_each_claim_three_ways(id: str, found: Study) -> None:
    tamper, leave, reason = TABLE[id]
    expect(CLAIMS[id], found, Verdict.PASS)
    expect(CLAIMS[id], tamper(found), Verdict.FAIL)
    expect(CLAIMS[id], leave(found), Verdict.NOT_APPLICABLE, reason)


def test_a_wrong_longest_path_is_noticed(found: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    claim, right = CLAIMS["appendix-c-2-longest-path"], module.longest_path
    expect(claim, found, Verdict.PASS)
    monkeypatch.setattr(module, "longest_path", lambda own, other: right(own, other) + 1e-6)
    expect(claim, found, Verdict.FAIL)


def test_stays_of_an_exact_path_are_its_arcs() -> None:
    angle = np.radians(140.0)
    W = np.array([[np.cos(angle), np.sin(angle)]])
    stays = stays_of(align(POINTS.X, POINTS.y, W, np.ones(1)), POINTS.y)
    expected = [(0, 3), (1, 3), (2, 3), (3, 3), (3, 2), (3, 1), (3, 0)]
    assert list(zip(stays.positive, stays.negative, strict=True)) == expected
    assert stays.t1 == pytest.approx(0.5537, abs=1e-4)
    assert stays.trap.tolist() == [False] * 6 + [True]


def test_basins_of_the_plane_in_closed_form() -> None:
    shares = basin_shares(POINTS.X, POINTS.y)
    assert shares == pytest.approx([0.63596, 0.62067], abs=1e-5)
    angles = np.radians(np.arange(0.5, 360))
    W = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    for sign, fate, share in ((1.0, Fate.POSITIVE, shares[0]), (-1.0, Fate.NEGATIVE, shares[1])):
        fates = align(POINTS.X, POINTS.y, W, np.full(360, sign)).fates
        reached = np.mean([one is fate for one in fates])
        assert reached == pytest.approx(share, abs=1 / 180)
    surrounding = np.array([[1.0, 0.0], [-0.5, 0.8], [-0.5, -0.8]])
    assert basin_shares(surrounding, np.array([1.0, -1.0, -1.0])).tolist() == [1.0, 1.0]


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.draws"):
        basins(POINTS, draws=0)
    assert "t1" not in basins(POINTS, sets=0, draws=1)
