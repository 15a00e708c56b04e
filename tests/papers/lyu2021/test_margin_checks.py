"""Claims of Figures 1 to 4 and of any points: each passes on a good study, fails on a tampered one, is N/A outside its hypotheses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from margin_findings import elsewhere, found, mirrored_table, quick, table, tampered

from flowrepro.claims.old_verdict import Claim, Verdict
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import convergence, edges, examples, own_points, table_claims, trained

CLAIMS: tuple[Claim, ...] = (
    *own_points.CLAIMS,
    *examples.CLAIMS,
    *trained.CLAIMS,
    *edges.CLAIMS,
    *table_claims.CLAIMS,
    *convergence.CLAIMS,
)
NO_CLAIM = {"which-theorem"}
ALWAYS = {"separator-certificate", "largest-margin", "which-theorem"}
"""Statements without hypotheses."""


def end(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    """Multiplies the last entry."""

    def change(values: np.ndarray) -> np.ndarray:
        values[-1] *= factor
        return values

    return change


def times(factor: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda values: factor * values


Good = Callable[[], Study]
TABLE: dict[str, tuple[Good, dict[str, Any], dict[str, Any]]] = {
    "separator-certificate": (lambda: found("separator"), {"star_residual": 1e-3}, {}),
    "largest-margin": (lambda: found("separator"), {"largest_upper": times(0.5)}, {}),
    "trained-margin": (
        lambda: found("separator"),
        {"net_smoothed_margin": end(0.5)},
        {"net_switch": -1},
    ),
    "predicted-limit": (
        lambda: found("separator"),
        {"net_normalised_margin": end(0.99)},
        {"net_q_min": times(1e-3)},
    ),
    "figure-1-left": (lambda: found("left"), {"kkt_W": times(1.01)}, {"alpha": 0.4}),
    "figure-1-left-slopes": (
        lambda: found("left-slopes"),
        {"kkt_margin": times(1.01)},
        {"alphas": [0.5]},
    ),
    "figure-1-middle": (
        lambda: found("middle"),
        {"largest_W": lambda W: W + np.array([0.0, 0.1, 0.0])},
        {"alpha": 0.4},
    ),
    "figure-1-right": (
        lambda: found("right"),
        {"largest_W": lambda W: W * np.array([1.0, 1.1])},
        {"alpha": 0.4},
    ),
    "figure-2-left": (
        lambda: found("left"),
        {"net_W": lambda W: W[:, ::-1]},
        {"net_q_min": times(0.1)},
    ),
    "figure-2-middle": (
        lambda: found("middle"),
        {"net_plus": end(10.0)},
        {"net_q_min": times(0.1)},
    ),
    "figure-2-right": (
        lambda: found("right"),
        {"net_normalised_margin": end(1.1)},
        {"net_q_min": times(0.1)},
    ),
    "figure-3-unique": (lambda: found("edges"), {"valley": times(1.01)}, {"step": 1e-2}),
    "figure-3-branching": (lambda: found("edges"), {"euler_ridge": np.abs}, {"step": 1e-2}),
    "table-1-svm": (table, {"svm": times(2.0)}, {"shift": 0.5}),
    "table-1-nearly-equal": (table, {"net": times(0.5)}, {"reached": times(0.5)}),
    "table-1-agreement": (table, {"agreement": times(0.9)}, {"shift": 0.5}),
    "table-1-trend": (table, {"net": lambda errors: errors[::-1]}, {"shift": 0.5}),
    "figure-4": (table, {"tilt_net": times(1.5)}, {"shift": 0.5}),
    "table-mirrored": (mirrored_table, {"agreement": times(0.9)}, {"mirror": False}),
    "margin-gap-law": (
        lambda: quick("convergence"),
        {"gap": lambda gap: np.sqrt(gap)},
        {"uneven": times(1e9)},
    ),
    "function-distance-law": (
        lambda: quick("convergence"),
        {"distance": lambda distance: np.sqrt(distance)},
        {"q": times(1e-3)},
    ),
}
"""id -> good findings, arrays that spoil them, arrays or options outside the hypotheses."""


def test_every_claim_is_here() -> None:
    assert {claim.id for claim in CLAIMS} - NO_CLAIM == TABLE.keys()


@pytest.mark.parametrize(
    "claim", [claim for claim in CLAIMS if claim.id not in NO_CLAIM], ids=lambda claim: claim.id
)
def test_good_findings_pass(claim: Claim) -> None:
    result = claim.function(TABLE[claim.id][0]())
    assert result.verdict is Verdict.PASS, result.note
    assert (result.id, result.ref) == (claim.id, claim.ref)


@pytest.mark.parametrize(
    "claim", [claim for claim in CLAIMS if claim.id not in NO_CLAIM], ids=lambda claim: claim.id
)
def test_tampered_findings_fail(claim: Claim) -> None:
    good, spoiled, _ = TABLE[claim.id]
    result = claim.function(tampered(good(), **spoiled))
    assert result.verdict is Verdict.FAIL, result.note
    assert not result.slack >= 0


@pytest.mark.parametrize(
    "claim", [claim for claim in CLAIMS if claim.id not in ALWAYS], ids=lambda claim: claim.id
)
def test_outside_its_hypotheses_it_says_why(claim: Claim) -> None:
    good, _, left = TABLE[claim.id]
    findings = good()
    arrays, options = (
        {key: value for key, value in left.items() if (key in findings.arrays) is held}
        for held in (True, False)
    )
    result = claim.function(tampered(elsewhere(findings, **options), **arrays))
    assert result.verdict is Verdict.NOT_APPLICABLE, (result.verdict, result.note)
    assert len(result.note) > 10


@pytest.mark.parametrize("name", ["left", "middle", "right"])
@pytest.mark.parametrize("claim", own_points.CLAIMS, ids=lambda claim: claim.id)
def test_what_is_said_of_any_points_holds_on_the_examples(claim: Claim, name: str) -> None:
    if name in claim.cases:
        assert claim.function(found(name)).verdict in (Verdict.PASS, Verdict.INFO)


def test_quick_variants_are_judged_by_theory_only() -> None:
    for name in ("left", "edges"):
        for claim in CLAIMS:
            if name in claim.cases:
                assert claim.function(quick(name)).verdict is not Verdict.FAIL, claim.id


PREDICTIONS = [
    ({"alpha": 0.0}, {}, "strictly between 0 and 1"),
    ({"scale": 1.0}, {}, "not small"),
    ({}, {"mirrored": False, "alignment": -0.1}, "A.2 fails"),
    ({}, {"mirrored": False, "one_class": False}, "both labels"),
    (
        {},
        {"mirrored": False, "one_class": True, "mu_plus": 2.0, "net_a0": -np.ones(10)},
        "no neuron starts",
    ),
    (
        {},
        {"mirrored": False, "one_class": True, "net_aligned": np.zeros(10, dtype=bool)},
        "cone test",
    ),
    ({}, {"mu_x_least": 0.0}, "Assumption 4.5"),
    ({}, {"net_a0": np.full(10, 1e3)}, "one sign"),
    ({}, {"net_a": np.append(np.ones(9), -9.0)}, "not even yet"),
]


@pytest.mark.parametrize(
    ("options", "arrays", "reason"), PREDICTIONS, ids=[reason for _, _, reason in PREDICTIONS]
)
def test_where_no_theorem_names_the_limit_the_reason_is_said(
    options: dict[str, Any], arrays: dict[str, Any], reason: str
) -> None:
    claim = next(claim for claim in CLAIMS if claim.id == "predicted-limit")
    result = claim.function(tampered(elsewhere(found("separator"), **options), **arrays))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert reason in result.note
