"""Runs of the wing's rows, trained once per session."""

import functools

import pytest

from flowrepro import data, engines, initialize
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.base import run as drive
from flowrepro.experiment import override
from flowrepro.papers.boursier2024.experiments import ROWS
from flowrepro.trajectory import Run


@functools.cache
def trained(name, **changes):
    """A row's run; figure 2 with 2000 neurons unless ``m`` says otherwise."""
    row = {row.name: row for row in ROWS}[name]
    row = override(row, {**({"m": 2000} if name == "figure-2" else {}), **changes})
    dataset = data.load(row.data)
    weights = initialize.initial_weights(row.init, row.seed, dataset.X.shape[1])
    problem = Problem.of(row, dataset.X, dataset.y, *weights)
    return Run(row, dataset, drive(engines.load("grouped"), problem, SaveAt.of(row.record, row.protocol.n_steps)), "grouped")


@pytest.fixture(scope="session")
def run_of():
    return trained
