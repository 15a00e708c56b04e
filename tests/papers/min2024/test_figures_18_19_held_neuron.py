"""Figures 18 and 19: one neuron that is held on a hyperplane, or crosses it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from min2024_studies import change, computed, drawn, expect, ids, with_options

from flowrepro import data
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.network import gradient
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import SUM_EXP
from flowrepro.errors import UsageError
from flowrepro.figures import NotDrawable
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Arrows
from flowrepro.papers.min2024.figures_18_19_held_neuron import (
    HELD,
    LABELLINGS,
    crossing,
    descents,
    filippov,
    held_on_the_hyperplane,
    through_the_hyperplane,
    topic,
    velocity,
    zeno,
)


@pytest.fixture(scope="module")
def held() -> Study:
    return computed(HELD)


def swapped(result: Study) -> Study:
    """The second descent of each labelling is that of the other one."""
    a, b = result.arrays["held.1"], result.arrays["crossing.1"]
    arrays = {**result.arrays, "held.1": b, "crossing.1": a}
    return dataclasses.replace(result, arrays=arrays)


elsewhere = change(**{"held.flow": lambda flow: flow + 0.1})
TABLE = ((zeno, swapped), (filippov, elsewhere), (crossing, swapped))


def test_the_table_covers_every_claim() -> None:
    assert ids(claim for claim, _ in TABLE) == ids(topic.claims)


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_each_claim_three_ways(claim: Claim, tamper: object, held: Study) -> None:
    expect(claim, held, Verdict.PASS)
    expect(claim, tamper(held), Verdict.FAIL)  # type: ignore[operator]
    expect(claim, with_options(held, horizon=0.6), Verdict.NOT_APPLICABLE)


def test_velocity_is_minus_the_gradient() -> None:
    points = data.load(HELD.data)  # type: ignore[arg-type]
    rng = np.random.default_rng(0)
    w, a = rng.standard_normal((5, 2)), rng.standard_normal(5)
    dw, da = velocity(points.X, points.y, w, a)
    for j in range(5):
        grad_W, grad_a = gradient(points.X, points.y, w[[j]], a[[j]], SUM_EXP)
        np.testing.assert_allclose(dw[j], -grad_W[0], atol=1e-14)
        np.testing.assert_allclose(da[j], -grad_a[0], atol=1e-14)


def test_a_subgradient_at_zero_counts_only_there() -> None:
    X, y, a = np.array([[1.0, 0.0]]), np.array([-1.0]), np.array(1.0)
    on, _ = velocity(X, y, np.array([0.0, 1.0]), a, at_zero=0.5)
    np.testing.assert_array_equal(on, [-0.5, 0.0])
    beside, _ = velocity(X, y, np.array([-1e-300, 1.0]), a, at_zero=0.5)
    np.testing.assert_array_equal(beside, [0.0, 0.0])


def test_crossings_and_share_of_the_held_neuron(held: Study) -> None:
    found = list(descents(held, "held"))
    assert [one.crossings for one in found] == [31, 310, 3096]
    assert found[-1].active == pytest.approx(0.4902, abs=1e-4)
    assert found[-1].weight == pytest.approx(0.4901, abs=1e-4)


def test_the_flow_stays_on_the_hyperplane(held: Study) -> None:
    stays, crosses = (held.arrays[f"{labelling}.flow"] for labelling in LABELLINGS)
    assert abs(stays[-1, 0]) < 1e-12
    assert crosses[-1, 0] > 0.05


@pytest.mark.parametrize(
    ("name", "value"), [("lr", [1e-9]), ("lr", []), ("lr", [0.7]), ("w", [1.0, 2.0, 1.5]), ("horizon", 0.0)]
)
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        computed(HELD, **{name: value})


@pytest.mark.parametrize(
    ("figure", "labels"),
    [
        (held_on_the_hyperplane, ["31 crossings", "310 crossings", "3096 crossings"]),
        (through_the_hyperplane, ["1 crossing"] * 3),
    ],
)
def test_figures_show_the_flow_and_the_crossings(figure: Figure, labels: list[str], held: Study) -> None:
    plane, distance = drawn(figure, held).panels
    assert [mark.label.split(": ")[1] for mark in distance.marks[1:]] == labels
    arrows = plane.marks[0]
    assert isinstance(arrows, Arrows)
    start, end = np.asarray(arrows.start), np.asarray(arrows.end)
    towards = (end - start)[:, 0] * (-np.sign(start[:, 0]) if len(set(labels)) > 1 else 1.0)
    assert np.all(towards > 0)


def test_three_dimensions_are_not_drawn(held: Study) -> None:
    solid = dataclasses.replace(held, dataset=Dataset(np.eye(3), np.ones(3), "solid"))
    with pytest.raises(NotDrawable, match="plane"):
        held_on_the_hyperplane.collect(solid)


def test_a_neuron_that_stays_at_zero_is_not_drawn() -> None:
    with pytest.raises(NotDrawable, match="axes"):
        held_on_the_hyperplane.collect(computed(HELD, w=[0.0, 0.0], lr=[1e-2]))
