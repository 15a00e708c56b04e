"""The sets of Table 1: early stopping, mirror images and the largest margin."""

from __future__ import annotations

import functools

import numpy as np
import pytest
from margin_results import computed, drawn

from flowrepro.claims.verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021 import table_1
from flowrepro.papers.lyu2021.beyond import table_optimum
from flowrepro.papers.lyu2021.beyond.table_optimum import EARLY_STOPPING, TABLE_OPTIMUM


@functools.cache
def early() -> Study:
    return computed(EARLY_STOPPING, sizes=[10], seeds=1, n_test=100, q=[1.0, 3.0])


@functools.cache
def optimum() -> Study:
    return computed(TABLE_OPTIMUM, sizes=[10], seeds=1, m=10, q=[1.0, 3.0])


def declared_errors(net: float, mirrored_agreement: float = 0.99) -> Study:
    """One set of 100 points: error 4 % of the separator, and ``net`` of the net everywhere."""
    agreement = np.full((1, 2, 1, 3), 0.97)
    agreement[:, 1] = mirrored_agreement
    arrays = {
        "size": np.array([100]),
        "q": np.array([1.0, 10.0, 100.0]),
        "svm": np.full((1, 2, 1), 0.04),
        "net": np.full((1, 2, 1, 3), net),
        "agreement": agreement,
    }
    return Study(EARLY_STOPPING, None, arrays)


def test_mirror_images() -> None:
    judge = table_optimum.mirror_images_linearise.judge
    assert judge(declared_errors(0.03)).verdict is Verdict.PASS
    assert judge(declared_errors(0.03, 0.9)).verdict is Verdict.FAIL
    assert judge(early()).verdict is Verdict.NOT_APPLICABLE


def test_early_stopping() -> None:
    judge = table_optimum.early_nets_are_better.judge
    assert judge(declared_errors(0.03)).verdict is Verdict.PASS
    assert judge(declared_errors(0.05)).verdict is Verdict.FAIL
    assert judge(early()).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize(("trained", "verdict"), [(0.99, Verdict.PASS), (0.85, Verdict.FAIL), (1.1, Verdict.FAIL)])
def test_margins(trained: float, verdict: Verdict) -> None:
    """One set: the linear pair has margin 0.9, the best found 1, the bound is 1.5."""
    one = np.ones((1, 1))
    arrays = {
        "size": np.array([10]),
        "q": np.array([100.0]),
        "linear": 0.9 * one,
        "trained": trained * one[..., None],
        "improved": one,
        "bound": 1.5 * one,
    }
    judged = table_optimum.margins.judge(Study(TABLE_OPTIMUM, None, arrays))
    assert judged.verdict is verdict


def test_column_generation_improves_on_the_trained_net() -> None:
    arrays = optimum().arrays
    assert table_optimum.margins.judge(optimum()).verdict is Verdict.NOT_APPLICABLE
    assert np.all(arrays["improved"] >= arrays["trained"][..., -1] * (1 - 1e-9))
    assert np.all(arrays["improved"] <= arrays["bound"])


def test_figures() -> None:
    (panel,) = drawn(table_optimum.errors, early())
    np.testing.assert_array_equal(panel.marks[0].x, [1.0, 3.0])
    (panel,) = drawn(table_optimum.optimum, optimum())
    assert [mark.label for mark in panel.marks[1:]] == ["upper bound", "trained net", "linear pair"]


def test_ranges() -> None:
    with pytest.raises(UsageError, match=r"options\.lr"):
        computed(EARLY_STOPPING, lr=0.0)
    with pytest.raises(UsageError, match=r"options\.sizes"):
        computed(TABLE_OPTIMUM, sizes=[1])


def test_a_net_that_never_separates_the_points_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """One ReLU neuron is inactive on some point."""
    monkeypatch.setattr(table_1, "MOST_STEPS", 100)
    with pytest.raises(UsageError, match="take more neurons"):
        computed(TABLE_OPTIMUM, sizes=[10], seeds=1, m=1, alpha=0.0, q=[1.0])
