"""Descent that loses its negative neurons, three ways, and its figure."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import drawn, edited, judged_three_ways, marks, study_of

from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError
from flowrepro.papers.boursier2022.beyond import sign_jumps
from flowrepro.papers.boursier2022.beyond.sign_jumps import SIGN_JUMPS


@pytest.fixture(scope="module")
def study():
    return study_of(SIGN_JUMPS, seeds=1)


def test_three_ways(study):
    bad = edited(study, left_flow=lambda array: array * np.nan)
    outside = dataclasses.replace(study, case=override(study.case, {"options.lr": 1e-4}))
    judged_three_ways(sign_jumps.flow_leaves, study, bad, outside)


def test_descent_loses_its_negative_neurons_where_the_flow_keeps_them(study):
    """Seed 0 at 1e-5: descent has no active negative neuron left, and stays at the saddle."""
    arrays = study.arrays
    (at,) = np.flatnonzero(arrays["p"] == 5)
    assert np.isnan(arrays["left_descent"][at])
    assert arrays["negative_descent"][at] == 0
    assert arrays["changed_descent"][at] > 0
    assert arrays["negative_flow"][at] > 0
    assert np.all(np.diff(arrays["left_flow"]) > 0)  # later from smaller scales


def test_points_outside_the_plane_are_refused():
    with pytest.raises(UsageError, match="d = 2"):
        sign_jumps.sign_jumps(Dataset(np.eye(3), np.ones(3), "own"))


def test_the_figure_tells_the_runs_that_stay(study):
    (figure,) = sign_jumps.topic.figures
    times, _ = drawn(figure, study)[0].panels
    (stays,) = marks(times, "gradient descent, step 0.001: stays")
    assert len(stays.x) == np.isnan(study.arrays["left_descent"]).sum()
    assert np.all(stays.y == 600.0)
