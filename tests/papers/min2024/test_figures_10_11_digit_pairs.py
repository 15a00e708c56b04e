from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from min2024_results import claims_of, expect, losing, observing, trained, with_trajectory

from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Run
from flowrepro.papers.min2024.figure_5_mnist import FALLS
from flowrepro.papers.min2024.figures_10_11_digit_pairs import DIGITS_1_7, DIGITS_3_8, ONE_SEVEN, THREE_EIGHT, topic

CLAIMS = claims_of(topic)
CASES = {case.name: case for case in (DIGITS_3_8, DIGITS_1_7)}


@functools.cache
def pair_run(name: str) -> Run:
    """The paper's run on 1000 of its images, as a flow: the same up to O(lr), in a second."""
    return trained(override(CASES[name], {"subset": 1_000, "rtol": 1e-3}), "smooth-flow")


def relabelled(run: Run) -> Run:
    return replace(run, dataset=replace(run.dataset, y=np.roll(run.y, len(run.y) // 4)))


def bumped(_: np.ndarray, loss: np.ndarray) -> np.ndarray:
    loss[10] *= 1.001
    return loss


TAMPER: dict[str, Callable[[Run], Run]] = {
    "figure-10-correlation": relabelled,
    "figure-10-alignment": lambda run: observing(run, "mean_cos", lambda _, cosine: 0.9 * cosine),
    "section-2-plateau": lambda run: observing(run, "mean_cos", lambda _, cosine: 0.98 * cosine),
    "figure-10-growth": lambda run: losing(run, lambda step, L: np.where(step < 7_500, 1.0, L)),
    "figure-10-descent": lambda run: losing(run, bumped),
    "figure-10-fit": lambda run: losing(run, lambda _, loss: 10 * loss),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("id", CLAIMS)
def test_each_claim_three_ways(id: str, name: str) -> None:
    run = pair_run(name)
    expect(CLAIMS[id], run, Verdict.PASS)
    expect(CLAIMS[id], TAMPER[id](run), Verdict.FAIL)
    elsewhere = replace(run, case=override(run.case, {"positive": 5}))
    expect(CLAIMS[id], elsewhere, Verdict.NOT_APPLICABLE)


def test_missing_records_are_named() -> None:
    run = pair_run("digits-1-7")
    t = run.trajectory
    short = with_trajectory(run, step=t.step[:100], t=t.t[:100], loss=t.loss[:100])
    expect(CLAIMS["figure-10-growth"], short, Verdict.NOT_APPLICABLE, "needs iteration")
    blind = with_trajectory(run, observed={})
    expect(CLAIMS["figure-10-alignment"], blind, Verdict.NOT_APPLICABLE, "record.observe")


def test_the_windows_of_the_three_pairs_follow_each_other() -> None:
    assert FALLS[1] < ONE_SEVEN.falls[0]
    assert ONE_SEVEN.falls[1] < THREE_EIGHT.falls[0]
