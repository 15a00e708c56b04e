from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from min2024_results import expect

from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.min2024.assumption_1 import assumption_1

SEPARABLE = Dataset(np.array([[1.0, 0.0], [0.6, 0.8], [-0.8, -0.6]]), np.array([1.0, 1.0, -1.0]), "three points")
CASE = StudyCase(name="points", command="toy2d", paper="min2024", shows="", computes="")


def test_assumption_1_on_small_sets() -> None:
    holds = assumption_1.judge(Study(CASE, SEPARABLE, {}))
    assert holds.verdict is Verdict.PASS
    assert holds.measured == pytest.approx(0.6, abs=1e-6)
    mixed = replace(SEPARABLE, y=np.array([1.0, -1.0, -1.0]))
    fails = assumption_1.judge(Study(CASE, mixed, {}))
    assert fails.verdict is Verdict.NOT_APPLICABLE
    assert fails.measured == pytest.approx(-0.96, abs=1e-6)
    assert "worst y_i y_j cos(x_i, x_j) = -0.9600" in fails.note
    orthogonal = Dataset(np.eye(2), np.array([1.0, -1.0]), "orthogonal")
    for points in (orthogonal, replace(SEPARABLE, y=np.zeros(3))):
        expect(assumption_1, Study(CASE, points, {}), Verdict.NOT_APPLICABLE)


def test_the_paper_s_digits_do_not_satisfy_it(quick_run: object) -> None:
    expect(assumption_1, quick_run, Verdict.NOT_APPLICABLE, "-0.6557")
