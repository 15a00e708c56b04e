"""Runs of the wing's cases, trained once per session."""

import functools

import pytest

from flowrepro import data, engines
from flowrepro.core import initialize
from flowrepro.core.config import override
from flowrepro.core.trajectory import Run
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.papers.boursier2024.experiments import CASES


@functools.cache
def trained(name, **changes):
    """A case's run; figure 2 with 2000 neurons unless ``m`` says otherwise."""
    case = {case.name: case for case in CASES}[name]
    case = override(case, {**({"m": 2000} if name == "figure-2" else {}), **changes})
    dataset = data.load(case.data)
    weights = initialize.initial_weights(case.init, case.seed, dataset.X.shape[1])
    problem = Problem.of(case, dataset.X, dataset.y, *weights)
    return Run(
        case,
        dataset,
        drive(engines.load("grouped"), problem, SaveAt.of(case.record, case.protocol.n_steps)),
        "grouped",
    )


@pytest.fixture(scope="session")
def run_of():
    return trained
