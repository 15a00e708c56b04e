"""Networks on which Assumption 3 may fail, three ways, and what is counted."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import drawn, edited, judged_three_ways, study_of

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.overrides import override
from flowrepro.errors import DataError
from flowrepro.papers.boursier2022.beyond import narrow_networks as narrow
from flowrepro.papers.boursier2022.beyond.narrow_networks import WITHOUT_ASSUMPTION_3

TABLE = [
    (narrow.uncovered_loss, {"loss": lambda array: array + 1e-6}),
    (narrow.uncovered_norm, {"ratio": lambda array: array + 0.1}),
    (narrow.width, {"share": np.flip}),
]


@pytest.fixture(scope="module")
def study():
    return study_of(WITHOUT_ASSUMPTION_3, m=[4, 16, 48], seeds=3, draws=400)


def test_the_table_covers_every_claim():
    assert [claim for claim, _ in TABLE] == narrow.topic.claims


@pytest.mark.parametrize(("claim", "edits"), TABLE)
def test_three_ways(claim, edits, study):
    shorter = override(study.case, {"options.horizon": 10.0})
    outside = dataclasses.replace(study, case=shorter)
    judged_three_ways(claim, study, edited(study, **edits), outside)


def test_points_that_are_not_orthogonal_are_refused():
    with pytest.raises(DataError, match="orthogonal"):
        narrow.uncovered(data.load(Data(name="five-points")))


def test_covered_labels():
    X, y = np.eye(3), np.array([1.0, -1.0, 1.0])
    W, a = np.array([[1.0, 1.0, -1.0], [-1.0, 1.0, 1.0]]), np.array([1.0, -1.0])
    np.testing.assert_array_equal(narrow.covered(X, y, W, a), [True, True, False])


def test_plateaus_are_counted_above_the_limit_only():
    t = np.linspace(0.0, 400.0, 401)
    loss = 1.0 - 0.5 / (1 + np.exp(-(t - 100.0))) - 0.4 / (1 + np.exp(-(t - 250.0)))
    assert narrow.plateaus(t, loss, limit=0.1) == 2
    assert narrow.plateaus(t, loss, limit=0.0) == 3
    assert narrow.plateaus(t[:1], loss[:1], limit=0.0) == 0


def test_the_figure_shows_every_run_once(study):
    (figure,) = narrow.topic.figures
    norms, plateaus, shares = drawn(figure, study)[0].panels
    for panel in (norms.marks[1:], plateaus.marks):
        assert sum(len(mark.y) for mark in panel) == len(study.arrays["m"])
    np.testing.assert_array_equal(shares.marks[0].y, narrow.probabilities(study))
