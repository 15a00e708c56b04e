"""The nine settings over many draws."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.figures.tables import csv_text
from flowrepro.papers.lee2022.beyond.many_seeds import (
    MANY_SEEDS,
    bounds_over_draws,
    bounds_over_seeds,
    distances_and_excess,
    many_seeds,
    sample_rate,
)

from .results import NOT_APPLICABLE, PASS, at, changed, drawn, study, three_ways


@cache
def computed() -> Study:
    return study(MANY_SEEDS, n=[400, 2_000], draws=2, coarser=100.0)


def many_draws() -> Study:
    """Made up: distances of 16 draws of three sizes that fall like n^(-1/2)."""
    n = np.array([1_000, 4_000, 16_000])
    scattered = np.random.default_rng(0).uniform(0.5, 1.5, (9, 3, 16)) / np.sqrt(n)[:, None]
    arrays = {**computed().arrays, "n": n, "norm": scattered, "angle": 2 * scattered}
    return replace(computed(), arrays=arrays)


def test_claims_three_ways() -> None:
    three_ways(bounds_over_draws, computed(), changed("high", at((4, 0, 0), 3.0)))
    grows = changed("angle", lambda values: values * np.array([1.0, 3.0, 9.0])[:, None])
    three_ways(sample_rate, many_draws(), grows)


def test_few_draws_have_no_rate() -> None:
    few = changed("norm", lambda values: values[:, :, :5])(many_draws())
    assert sample_rate.judge(few).verdict is NOT_APPLICABLE


def test_the_table_has_a_line_for_each_setting_and_size() -> None:
    lines = bounds_over_seeds.lines(computed())
    assert [line[:2] for line in lines[:3]] == [["1l-sn", 20.0], ["1l-sn", 100.0], ["1l-mn", 20.0]]
    assert len(lines) == 18
    assert all(len(line) == len(bounds_over_seeds.header) for line in lines)
    assert csv_text(bounds_over_seeds, lines).count("\n") == 19


def test_figure_is_drawn() -> None:
    assert len(drawn(distances_and_excess, computed()).axes) == 3
    assert "2 draws" in distances_and_excess.collect(computed()).caption


def test_an_option_out_of_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"options\.draws .* must"):
        many_seeds(draws=0)


@pytest.mark.long
@pytest.mark.slow
def test_holds_as_declared() -> None:
    whole = study(MANY_SEEDS)
    for claim in (sample_rate, bounds_over_draws):
        assert claim.judge(whole).verdict is PASS
