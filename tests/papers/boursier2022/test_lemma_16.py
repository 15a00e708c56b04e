"""Lemma 16 as corrected, as printed, and its extreme function."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import edited, judged_three_ways, study_of

from flowrepro.papers.boursier2022 import lemma_16
from flowrepro.papers.boursier2022.lemma_16 import GRONWALL


@pytest.fixture(scope="module")
def study():
    return study_of(GRONWALL, draws=300)


def test_three_ways(study):
    bad = edited(study, corrected=lambda array: array + 0.5)
    case = dataclasses.replace(GRONWALL, options={**GRONWALL.options, "other": 1})
    judged_three_ways(lemma_16.lemma_16, study, bad, dataclasses.replace(study, case=case))


def test_the_extreme_function_solves_its_equation():
    a, b, c, f0 = (np.array([value]) for value in (0.7, 1.3, 0.4, 2.0))
    t = np.linspace(0.0, 3.0, 3001)
    f = lemma_16.extreme(a, b, f0, c, t)[0] * np.exp(b / a * t)
    integral = np.concatenate([[0.0], np.cumsum((f[1:] + f[:-1]) / 2) * (t[1] - t[0])])
    right = -a * f + b * integral + c
    np.testing.assert_allclose(np.gradient(f, t, edge_order=2), right, atol=1e-4)
    assert f[0] == pytest.approx(2.0)


def test_as_printed_it_fails_for_small_a_only(study):
    broken = study.arrays["printed"] > 1
    assert broken.any()
    assert np.all(study.arrays["a"][broken] < 1)
