"""The rule of activations at every step of a descent."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
from min2024_studies import Change, change, easy, expect, ids, relabelled

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.min2024 import activation_rule as rule


@functools.cache
def found() -> Study:
    """A failure counts as one on the case as it is declared."""
    return dataclasses.replace(easy(rule.RULE_10D, m=10, n_steps=1_500), case=rule.RULE_10D)


def rising(loss: np.ndarray) -> np.ndarray:
    loss[-1] = 10.0
    return loss


NEED_ASSUMPTION_1 = (rule.one_way, rule.traps, rule.once)
NEED_BALANCE = (rule.traps, rule.once, rule.signs, rule.balance)
TABLE = (
    (rule.one_way, change(wrong_changes=lambda count: count + 1)),
    (rule.dead_stay, change(revived=lambda count: count + 1)),
    (rule.traps, change(left=lambda count: count + 1)),
    (rule.once, change(changes=lambda counts: counts + 1)),
    (rule.signs, change(flips=lambda count: count + 1)),
    (rule.balance, change(imbalance=lambda size: size + 1)),
    (rule.loss_falls, change(loss=rising)),
)


def test_the_table_covers_every_claim() -> None:
    assert ids(claim for claim, _ in TABLE) == ids(rule.topic.claims)


@pytest.mark.parametrize(("claim", "tamper"), TABLE)
def test_each_claim_three_ways(claim: Claim, tamper: Change) -> None:
    expect(claim, found(), Verdict.PASS)
    expect(claim, tamper(found()), Verdict.FAIL)
    diverged = change(loss=lambda loss: loss * np.nan)(found())
    expect(claim, diverged, Verdict.NOT_APPLICABLE, "lower options.lr")


@pytest.mark.parametrize("claim", NEED_ASSUMPTION_1, ids=lambda claim: claim.id)
def test_the_rule_needs_assumption_1(claim: Claim) -> None:
    expect(claim, relabelled(found()), Verdict.NOT_APPLICABLE, "Assumption 1")


def test_a_loss_that_underflows_has_not_risen() -> None:
    gone = change(loss=lambda loss: np.append(loss[:-2], [0.0, 0.0]))
    with np.errstate(all="raise"):
        expect(rule.loss_falls, gone(found()), Verdict.PASS)


def test_a_coarse_step_on_own_points_accuses_no_paper() -> None:
    data = Data(name="file", options={"path": "own.csv"})
    own = dataclasses.replace(found(), case=dataclasses.replace(found().case, data=data))
    for claim, tamper in TABLE:
        exact = claim in (rule.one_way, rule.dead_stay)
        verdict = Verdict.FAIL if exact else Verdict.NOT_APPLICABLE
        expect(claim, tamper(own), verdict, "" if exact else "lr = 0.001")


def test_a_start_without_balance_is_told_apart() -> None:
    case = dataclasses.replace(rule.RULE_UNBALANCED, seed=3)
    unbalanced = easy(case, m=8, n_steps=300)
    expect(rule.one_way, unbalanced, Verdict.PASS)
    for claim in NEED_BALANCE:
        expect(claim, unbalanced, Verdict.NOT_APPLICABLE, "balanced")


def test_the_rule_notices_a_neuron_that_moves_the_wrong_way() -> None:
    X, y = np.array([[1.0, 0.0], [0.6, 0.8]]), np.ones(2)
    W, a = np.array([[[0.1, 0.1]], [[0.0, 0.1]], [[-0.1, 0.1]]]), np.array([[0.1], [0.1], [-0.1]])
    counts = rule.no_changes(1, 2)
    rule.add_changes(X, y, W, a, counts)
    names = ("wrong_way", "wrong_changes", "left", "flips")
    assert [int(counts[name]) for name in names] == [4, 1, 1, 1]
    assert counts["changes"].tolist() == [[1, 0]]


@pytest.mark.parametrize(("name", "value"), [("reduction", "median"), ("lr", 0.0), ("m", 0)])
def test_options_out_of_range_are_named(name: str, value: object) -> None:
    with pytest.raises(UsageError, match=rf"options\.{name}"):
        easy(rule.RULE, **{name: value})
