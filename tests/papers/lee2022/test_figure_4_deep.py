"""The norm of a deep network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.figure_4_deep import (
    DEEP,
    WIDTHS,
    balance,
    large_falls,
    norm_and_loss,
    norm_identity,
    small_grows,
    small_is_slower,
    topic,
)
from flowrepro.run.pipeline import quick_variant

from .results import NOT_APPLICABLE, PASS, Tampered, at, changed, drawn, ids, study, three_ways


def computed() -> Study:
    """What Figure 4 looks like, made up: the norm grows from the small start and falls from the
    large one, on one of two draws after a jump."""
    drawn = np.linspace(2.0, 1.9, 31) * np.ones((2, 1))
    drawn[1, 2] = 2.1
    arrays: dict[str, Any] = {"first_norms": drawn}
    for name, factor, loss in (
        ("small", [1.0, 1.00001, 1.0001, 1.001, 1.01, 1.1], [1.0, 1.0, 1.0, 1.0, 0.9, 0.2]),
        ("large", [1.0, 0.96, 0.95, 0.92, 0.91, 0.9], [1.0, 9.0, 2.0, 0.3, 0.2, 0.1]),
    ):
        # the layers' differences are kept
        squares = np.array([2.0, 1.0, 1.0, 1.0, 0.5]) + (np.square(factor)[:, None] - 1)
        arrays |= {
            f"{name}_step": np.array([0, 1, 5, 10, 100, 1_000]),
            f"{name}_loss": np.array(loss),
            f"{name}_norms": np.sqrt(squares),
            f"{name}_euler": np.full(6, 1e-16),
            f"{name}_lr": np.array(DEEP.options[f"{name}_lr"]),
            f"{name}_seed": np.array(0),
            f"{name}_diverged": np.array([], dtype=np.int64),
            f"{name}_teacher_norms": np.ones(5),
        }
    return Study(DEEP, None, arrays)


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (small_grows, changed("small_norms", at(4, 1.0))),
        (large_falls, changed("large_norms", at(5, 2.0))),
        (large_falls, changed("large_norms", at(1, 2.0))),
        (norm_identity, changed("large_euler", at(2, 1e-9))),
        (balance, changed("small_norms", at((5, 0), 2.0))),
        (small_is_slower, changed("large_loss", at(4, 2.0))),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


@pytest.mark.parametrize("claim", [small_grows, small_is_slower], ids=ids)
def test_an_overflowed_network_is_not_judged(claim: Claim) -> None:
    result = claim.judge(changed("small_diverged", lambda seeds: np.array([0]))(computed()))
    assert result.verdict is NOT_APPLICABLE
    assert "overflowed" in result.note


@pytest.mark.parametrize(
    ("options", "word"),
    [({"n": 50}, "samples"), ({"large": 0.3}, "options.large"), ({"small_lr": 0.1}, "options.small_lr")],
)
def test_another_network_is_not_the_papers(options: dict[str, Any], word: str) -> None:
    found = computed()
    other = replace(found, case=replace(DEEP, options={**DEEP.options, **options}))
    for claim in (small_grows, large_falls, small_is_slower):
        result = claim.judge(other)
        assert result.verdict is NOT_APPLICABLE
        assert word in result.note


def test_a_loss_that_is_not_halved_is_not_compared() -> None:
    slow = changed("small_loss", at(5, 0.9))(computed())
    assert small_is_slower.judge(slow).verdict is NOT_APPLICABLE


def test_the_caption_says_how_far_the_case_is_from_the_papers() -> None:
    assert len(drawn(norm_and_loss, computed()).axes) == 6
    caption = norm_and_loss.collect(computed()).caption
    assert "2500 steps from the small start (the paper: 100000)" in caption
    assert "40 times as large" in caption
    assert "10000 samples" not in caption
    assert "from 2.345 to 2.133. On 1 of 2 draws it falls from the start" in caption


def test_the_readings_of_the_caption_are_told_apart() -> None:
    note = large_falls.judge(changed("large_norms", at(1, 2.0))(computed())).note
    assert "under the reading 'from step 10 on', such records: 0" in note
    assert "of 2 draws, falls from T = 0 on: 1; of them, falls from step 10 on: 2" in note


def test_a_deep_network_is_trained_and_recorded() -> None:
    found = study(DEEP, n=60, small_steps=30, large_steps=30, large_lr=5e-6, draws=2).arrays
    for name in ("small", "large"):
        assert found[f"{name}_step"].tolist() == list(range(31))
        assert found[f"{name}_norms"].shape == (31, len(WIDTHS) - 1)
        assert np.nanmax(found[f"{name}_euler"]) < 1e-13
        assert found[f"{name}_diverged"].size == 0
        assert found[f"{name}_loss"][0] != found[f"{name}_loss"][-1]
    assert found["first_norms"].shape == (2, 31)
    large = np.sqrt(np.sum(np.square(found["large_norms"]), axis=1))
    np.testing.assert_allclose(found["first_norms"][0], large)


def test_a_network_that_overflows_is_tried_with_the_next_seeds() -> None:
    found = study(DEEP, n=30, small_steps=1, large_steps=40, large_lr=1e-3, attempts=2)
    assert found.arrays["large_diverged"].tolist() == [0, 1]
    assert large_falls.judge(found).verdict is NOT_APPLICABLE


@pytest.mark.slow
@pytest.mark.long
def test_figure_4_in_its_quick_variant() -> None:
    found = study(quick_variant(DEEP))
    for claim in topic.claims:
        assert claim.judge(found).verdict is PASS, claim.id
