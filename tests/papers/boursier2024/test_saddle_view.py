"""Plateaus, the rates at which they are left, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from boursier2024_results import changed, computed, small, small_case, with_options

from flowrepro.claims.verdict import Verdict
from flowrepro.figures import NotDrawable
from flowrepro.papers.boursier2024.beyond.saddle_view import (
    fastest_class,
    plateaus,
    rise_rate,
    saddle_plateaus,
    saddle_rates,
    topic,
)

RATES = saddle_rates.judge


def test_two_exponentials_are_two_plateaus() -> None:
    t = np.linspace(0.0, 30.0, 3001)
    height = -np.abs(t - 10.0) * 1.4
    height[t > 18.0] = height[t <= 18.0][-1] + 0.8 * (t[t > 18.0] - 18.0)
    assert len(plateaus(np.exp(height))) == 1  # the second rise goes on
    height[t > 28.0] -= 3.0 * (t[t > 28.0] - 28.0)
    found = plateaus(np.exp(height))
    assert [(round(t[i]), round(t[peak])) for i, peak in found] == [(0, 10), (18, 28)]
    assert [rise_rate(t, np.exp(height), *pair) for pair in found] == pytest.approx([0.7, 0.4])


def test_rounding_is_no_plateau() -> None:
    t = np.linspace(0.0, 40.0, 400)
    noise = 1e-17 * np.random.default_rng(0).standard_normal(len(t))
    assert len(plateaus(np.exp(-2.0 * np.abs(t - 10.0)) + noise)) == 1
    assert plateaus(np.exp(-2.0 * t) + noise) == []


def test_a_steep_rise_between_two_samples_has_no_rate() -> None:
    assert np.isnan(rise_rate(np.arange(4.0), np.array([1e-9, 1e-8, 1e-1, 1.0]), 0, 3))


def test_the_fastest_class_is_that_of_the_best_direction_in_it() -> None:
    X = small("saddle-view").X
    pull = np.array([0.4, -0.5, 0.1]) / 3
    W = np.random.default_rng(0).standard_normal((200, 2))
    a = np.sign(np.random.default_rng(1).standard_normal(200))
    angle = np.linspace(0.0, 2 * np.pi, 20_001)
    edges = np.column_stack([X[:, 1], -X[:, 0]]) / np.linalg.norm(X, axis=1, keepdims=True)
    around = np.vstack([np.column_stack([np.cos(angle), np.sin(angle)]), edges, -edges])
    G = np.maximum(around @ X.T, 0.0) @ pull  # on the circle, every class being occupied
    assert fastest_class(X, pull, W, a) == pytest.approx(np.abs(G).max(), abs=1e-6)
    assert fastest_class(X, pull, W, np.ones(200)) == pytest.approx(G.max(), abs=1e-6)


def test_the_first_rate_is_the_length_of_the_extremal_vector() -> None:
    arrays = small("saddle-view").arrays
    assert arrays["predicted"][0] == pytest.approx(0.714969, abs=1e-5)
    assert arrays["plateau"].tolist() == sorted(arrays["plateau"])


def test_neurons_that_have_not_settled_are_not_judged() -> None:
    findings = small("saddle-view")
    half = changed(findings, fastest=lambda r: r * [1.0, 0.5], measured=lambda r: r * [1.0, 0.5])
    assert RATES(half).verdict is Verdict.PASS
    assert RATES(changed(findings, fastest=lambda r: 0.5 * r)).verdict is Verdict.NOT_APPLICABLE
    assert RATES(with_options(findings, m=100)).verdict is Verdict.NOT_APPLICABLE


def test_a_run_without_plateaus_is_no_picture() -> None:
    short = computed(small_case("saddle-view", horizon=1.0))
    assert len(short.arrays["predicted"]) == 0
    assert RATES(short).verdict is Verdict.NOT_APPLICABLE
    assert saddle_plateaus.judge(short).verdict is Verdict.NOT_APPLICABLE  # not the declared case
    with pytest.raises(NotDrawable, match="plateaus"):
        topic.figures[0].collect(short, small("saddle-view-eight"))
