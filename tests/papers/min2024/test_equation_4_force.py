"""The force on one small neuron, and extreme vectors."""

from __future__ import annotations

import numpy as np
import pytest
from min2024_studies import Change, change, computed, expect, ids

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data, StudyCase
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.equation_4_force import (
    FORCE,
    FORCE_AT_BOUNDARY,
    active_sum,
    direction_follows_the_force,
    extreme_vector,
    moves_inward,
    topic,
)
from flowrepro.theory.alignment import class_sums

SIX = np.array([[1.5, 0.3], [1.4, 0.7], [1.2, 1.0], [-0.75, 0.6], [-0.9, 0.5], [-0.8, 0.3]])
LABELS = np.repeat([1.0, -1.0], 3)
force_is_off = change(velocity=lambda v: v + 1e-6)
output_is_large = change(f=lambda f: f + 2.0)
TABLE = (
    (direction_follows_the_force, FORCE, force_is_off, output_is_large),
    (direction_follows_the_force, FORCE_AT_BOUNDARY, force_is_off, output_is_large),
    (moves_inward, FORCE_AT_BOUNDARY, change(velocity=lambda v: -v), change(u=lambda u: u[::-1])),
)


def test_the_table_covers_every_claim() -> None:
    assert ids(claim for claim, *_ in TABLE) == ids(topic.claims)


@pytest.mark.parametrize(("claim", "case", "tamper", "leave"), TABLE)
def test_each_claim_three_ways(claim: Claim, case: StudyCase, tamper: Change, leave: Change) -> None:
    found = computed(case)
    expect(claim, found, Verdict.PASS)
    expect(claim, tamper(found), Verdict.FAIL)
    expect(claim, leave(found), Verdict.NOT_APPLICABLE)


def test_figure_1_is_the_papers_sketch() -> None:
    found = computed(FORCE).arrays
    assert found["active"].tolist() == [True, True, False]
    np.testing.assert_allclose(found["pull"], [1.7, 0.3])
    np.testing.assert_allclose(found["velocity"], [1.7, 0.0], atol=1e-12)


def test_a_larger_neuron_departs_from_the_force_by_no_more_than_lemma_4_allows() -> None:
    result = direction_follows_the_force.judge(computed(FORCE_AT_BOUNDARY, size=0.3))
    assert result.verdict is Verdict.PASS
    assert result.measured > 1e-3


@pytest.mark.parametrize(("name", "value"), [("w", [1.0]), ("w", [0.0, 0.0]), ("size", 0.0)])
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        computed(FORCE, **{name: value})


@pytest.mark.parametrize("sign", [1, -1])
def test_orthogonally_separable_data_pull_along_the_sum_of_their_class(sign: int) -> None:
    found = extreme_vector(SIX, LABELS, sign)
    own = class_sums(SIX, LABELS)[0 if sign > 0 else 1]
    assert found.settled
    assert found.pull == pytest.approx(np.linalg.norm(own), rel=1e-12)
    assert found.u == pytest.approx(own / np.linalg.norm(own), abs=1e-9)


@pytest.mark.parametrize("sign", [1, -1])
def test_digits_settle_at_a_rest_point_of_the_direction_near_their_sum(sign: int) -> None:
    digits = data.load(
        Data(
            name="digits", options={"dataset": "mnist", "positive": 1, "negative": 0, "subset": 1000, "subset_seed": 0}
        )
    )
    X, y = digits.X.astype(np.float64), digits.y
    found = extreme_vector(X, y, sign)
    pull = active_sum(X, y, found.u)
    assert found.settled
    assert sign * pull == pytest.approx(found.pull * found.u, rel=1e-7, abs=1e-7 * found.pull)
    own = class_sums(X, y)[0 if sign > 0 else 1]
    assert 0.999 < found.u @ own / np.linalg.norm(own) < 1.0


def test_does_not_settle_without_data_of_the_class() -> None:
    assert not extreme_vector(SIX, np.ones(6), -1).settled
    assert extreme_vector(SIX, np.ones(6), 1).settled
    assert not extreme_vector(SIX, LABELS, 1, max_iterations=0).settled
