from __future__ import annotations

import numpy as np
import pytest
from min2024_results import claims_of, computed, expect, png, with_arrays

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.beyond.pair_laws import DROP, PAIRS, growth_step, pair_laws, topic

CLAIMS = claims_of(topic)


@pytest.fixture(scope="module")
def pairs() -> Study:
    return computed(pair_laws, PAIRS, digits=[1, 0, 7], subset=400, n_steps=6_000)


@pytest.mark.parametrize(
    ("id", "wrong", "unknown"), [("growth", {"predicted": 1.2}, "growth"), ("plateau", {"plateau": 0.9}, "seen")]
)
def test_each_claim_three_ways(id: str, wrong: dict[str, float], unknown: str, pairs: Study) -> None:
    claim = CLAIMS[f"beyond-pairs-{id}"]
    expect(claim, pairs, Verdict.PASS)
    ((name, factor),) = wrong.items()
    expect(claim, with_arrays(pairs, **{name: lambda values: factor * values}), Verdict.FAIL)
    lost = with_arrays(pairs, **{unknown: lambda values: np.nan * values})
    expect(claim, lost, Verdict.NOT_APPLICABLE)


def test_the_figure_is_drawn(pairs: Study) -> None:
    assert png(topic.figures[0], pairs)


def test_pairs_need_two_digits() -> None:
    with pytest.raises(UsageError, match="at least two"):
        pair_laws(digits=[1])
    with pytest.raises(UsageError, match=r"options\.digits"):
        pair_laws(digits=[1, 12])


def test_the_growth_step_solves_its_equation() -> None:
    fold, pull = np.array([300.0, 250.0]), np.array([1.5, 1.2])
    k = growth_step(fold, pull, 50, 1e-6)
    assert np.sum(50 * 1e-12 / 4 * np.exp(2 * k / fold) * pull) == pytest.approx(DROP)
    assert np.isnan(growth_step(np.array([300.0, np.nan]), pull, 50, 1e-6))
