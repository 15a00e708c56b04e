"""Misprints that a computation shows."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.data import separable
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.paper import CONTENTS
from flowrepro.theory.margin import normalised_margin

POINTS = separable.constant_feature()


def test_the_mean_has_a_product_below_one_with_the_separator() -> None:
    X = geometry.scaled(POINTS.X)
    w = geometry.best_separator(X, POINTS.y).w
    assert geometry.mean(X, POINTS.y) @ w == pytest.approx(0.45166, abs=1e-5)


def test_assumption_a_9_as_printed_excludes_the_network_it_is_about() -> None:
    y = -POINTS.y  # ||mu^-|| > ||mu^+||
    minus = geometry.one_neuron(POINTS.X, y, 0.5, -1.0)
    assert minus is not None
    W, a = -minus.w[None] / np.sqrt(2), np.array([-1 / np.sqrt(2)])
    own = normalised_margin(POINTS.X, y, W, a, 0.5)
    assert own == pytest.approx(minus.margin / 2, rel=1e-12)


def test_those_of_the_extracted_text_say_so() -> None:
    reasons = {misprint.id: misprint.reason for misprint in CONTENTS.misprints}
    for id in ("section-4-3-mean", "assumption-a-9-sign", "probability-simplex"):
        assert "extracted text" in reasons[id]
    assert reasons["theorem-a-7"].startswith("statement false")
