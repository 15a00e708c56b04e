"""Every claim on a study of boursier2024: PASS on a good one, FAIL on a tampered one, N/A outside its hypotheses."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from study_findings import as_declared, changed, small, with_options

from flowrepro.claims.old_verdict import Verdict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.boursier2024.checks import CLAIMS
from flowrepro.papers.boursier2024.study_cases import STUDY_CASES

Change = Callable[[Study], Study]
OURS = {
    claim.id: claim for claim in CLAIMS if set(claim.cases) <= {case.name for case in STUDY_CASES}
}


def on(X: np.ndarray, y: np.ndarray) -> Change:
    """The same arrays, said to be of other points."""
    return lambda f: Study(f.case, Dataset(X, y, "other points"), f.arrays)


COLLINEAR = on(np.array([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]]), np.array([1.0, 2.0, 3.0]))
"""Points that a linear function fits."""


def with_radius(findings: Study) -> Study:
    return changed(as_declared(findings), rho=np.array([1e-8, 1e-8]))


GOOD: dict[str, tuple[str, Change]] = {
    "cone-count": ("analysis", lambda f: f),
    "lemma-2": ("analysis", lambda f: f),
    "lemma-3": ("analysis", lambda f: f),
    "saddles": ("analysis", lambda f: f),
    "positive-constants": ("analysis", lambda f: f),
    "settling-bound": ("analysis", lambda f: f),
    "lemma-8": ("analysis-boxes", lambda f: f),
    "single-extremal-vector": ("analysis", lambda f: f),
    "analysis-numbers": ("analysis-boxes", as_declared),
    "lemma-8-samples": ("boxes", lambda f: f),
    "lemma-8-assumption-5": ("boxes", as_declared),
    "theorem-2-boxes": ("boxes", lambda f: f),
    "limit-is-stationary": ("limit-point", lambda f: f),
    "limit-nature": ("limit-point", lambda f: f),
    "limit-radius": ("limit-point", with_radius),
    "tau-2-law": ("scaling", lambda f: f),
    "misalignment-law": ("scaling", lambda f: f),
    "phase-2b-length": ("scaling", lambda f: f),
    "phase-2b-measured": ("scaling", as_declared),
    "width-independence": ("critical-scale", lambda f: f),
    "critical-scale": ("critical-scale", lambda f: measured_map(as_declared(f))),
    "basin-width": ("basin", lambda f: f),
    "basin-escape": ("basin", lambda f: f),
    "unbalanced-leaves": ("unbalanced-width", lambda f: f),
    "unbalanced-plateau": (
        "unbalanced-width",
        lambda f: changed(
            as_declared(f), departure=lambda t: np.concatenate([t, t + 101.0 * 2], axis=1)
        ),
    ),
    "width-error": ("infinite-width", lambda f: f),
    "infinite-width": (
        "infinite-width",
        lambda f: changed(as_declared(f), finite=lambda h: np.repeat(h, 2, axis=0)[1:]),
    ),
    "relu-trapped": ("leaky-slopes", lambda f: f),
    "leaky-leaves": ("leaky-slopes", lambda f: with_leaky(f)),
    "omnidirectionality": ("omnidirectionality", lambda f: f),
    "unbalanced-directions": ("omnidirectionality", as_declared),
    "eight-piece-sets": ("eight-piece-sets", as_declared),
    "saddle-rates": ("saddle-view-eight", lambda f: f),
    "saddle-plateaus": ("saddle-view", as_declared),
    "lost-data": ("label-signs", lambda f: f),
    "both-signs": ("label-signs", as_declared),
}
"""claim -> study, and how its findings become a good case."""


def measured_map(findings: Study) -> Study:
    """What the declared case gives, but for the time it takes."""
    escaped = np.array(findings.case.options["scales"]) >= 0.12
    return changed(
        findings,
        escaped=np.broadcast_to(escaped[:, None], (3, 8, 3)),
        bracket=np.array([[0.0944, 0.0946], [0.2278, 0.2281]]),
    )


def with_leaky(findings: Study) -> Study:
    places = [0, 1, 1, 1, 1, 2, 3, 3]
    return changed(as_declared(findings), end=lambda e: e[places], kinds=lambda k: k[places])


TAMPERED: dict[str, Change] = {
    "cone-count": lambda f: changed(f, cells=np.array(7)),
    "lemma-2": lambda f: changed(f, generic_boundary=np.array(0.0)),
    "lemma-3": lambda f: changed(f, extremal_kind=np.array([], dtype="U8")),
    "saddles": lambda f: changed(f, extremal_kind=np.array(["saddle"])),
    "positive-constants": lambda f: changed(f, delta_outer=np.array(0.0)),
    "settling-bound": lambda f: changed(f, settled=lambda t: t + 1e4),
    "lemma-8": lambda f: changed(f, assumption_6=lambda s: -s),
    "single-extremal-vector": lambda f: changed(f, extremal_D=lambda D: 1.01 * D),
    "analysis-numbers": lambda f: changed(f, D_min=lambda v: 1.001 * v),
    "lemma-8-samples": lambda f: changed(f, residual=lambda r: r - 1.0),
    "lemma-8-assumption-5": lambda f: changed(f, ratio=lambda r: r + 1.0),
    "theorem-2-boxes": lambda f: changed(f, distance=lambda d: d + 1e-3),
    "limit-is-stationary": lambda f: changed(f, mixed=lambda m: m + 1),
    "limit-nature": lambda f: changed(f, rho=np.zeros(2)),
    "limit-radius": lambda f: changed(f, mse_after_noise=lambda e: e[:, ::-1]),
    "tau-2-law": lambda f: changed(f, tau_2=lambda t: 1.01 * t),
    "misalignment-law": lambda f: changed(f, misalignment=np.sqrt),
    "phase-2b-length": lambda f: changed(f, tau_3=lambda t: t + np.arange(len(t))),
    "phase-2b-measured": lambda f: changed(f, tau_3=lambda t: t + 1.0),
    "width-independence": lambda f: changed(f, dominated=np.ones_like),
    "critical-scale": lambda f: changed(f, bracket=lambda b: 1.1 * b),
    "basin-width": lambda f: changed(f, rho=np.sqrt),
    "basin-escape": lambda f: changed(f, escaped=lambda e: ~e),
    "unbalanced-leaves": lambda f: changed(f, departure=lambda t: t + np.inf),
    "unbalanced-plateau": lambda f: changed(f, departure=lambda t: t**0.5),
    "width-error": lambda f: changed(f, finite=lambda h: h + 0.1),
    "infinite-width": lambda f: changed(f, limit=lambda h: h + 1e-3),
    "relu-trapped": lambda f: changed(f, end=lambda e: 0.0 * e),
    "leaky-leaves": lambda f: changed(f, end=lambda e: 0.0 * e + 1.0),
    "omnidirectionality": lambda f: changed(f, part=lambda p: p + 0.01),
    "unbalanced-directions": lambda f: changed(f, part=lambda p: 0.0 * p),
    "eight-piece-sets": lambda f: changed(f, mse=lambda e: 1e-3 * e),
    "saddle-rates": lambda f: changed(f, measured=lambda r: 1.2 * r),
    "saddle-plateaus": lambda f: changed(f, predicted=lambda r: 1.1 * r),
    "lost-data": lambda f: changed(
        f, lost=lambda d: d | (np.arange(len(d)) == 0)[:, None, None, None]
    ),
    "both-signs": lambda f: changed(f, lost=np.zeros_like),
}

UNDECLARED: Change = lambda f: with_options(f, another=1)  # noqa: E731
NOT_GENERIC: Change = lambda f: changed(f, generic_independence=np.array(0.0))  # noqa: E731
NOT_REACHED: Change = lambda f: changed(f, tau_3=lambda t: np.nan * t)  # noqa: E731
ELSEWHERE: Change = lambda f: changed(f, distance=lambda d: d + 1.0)  # noqa: E731

OUTSIDE: dict[str, Change] = {
    "lemma-2": NOT_GENERIC,
    "lemma-3": NOT_GENERIC,
    "saddles": NOT_GENERIC,
    "positive-constants": NOT_GENERIC,
    "settling-bound": lambda f: with_options(f, alpha=0.1),
    "lemma-8": lambda f: changed(f, assumption_3=np.array(-0.1)),
    "single-extremal-vector": lambda f: changed(f, assumption_4=np.array(-0.1)),
    "analysis-numbers": UNDECLARED,
    "lemma-8-samples": lambda f: with_options(f, eta=[0.3]),
    "lemma-8-assumption-5": UNDECLARED,
    "theorem-2-boxes": lambda f: with_options(f, eta=[0.3]),
    "limit-is-stationary": ELSEWHERE,
    "limit-nature": ELSEWHERE,
    "limit-radius": UNDECLARED,
    "tau-2-law": NOT_REACHED,
    "misalignment-law": NOT_REACHED,
    "phase-2b-length": COLLINEAR,
    "phase-2b-measured": UNDECLARED,
    "width-independence": COLLINEAR,
    "critical-scale": UNDECLARED,
    "basin-width": lambda f: changed(f, rho=lambda r: r + np.inf),
    "basin-escape": lambda f: changed(f, end_mse=lambda e: e + 1.0),
    "unbalanced-leaves": COLLINEAR,
    "unbalanced-plateau": UNDECLARED,
    "width-error": lambda f: with_options(f, widths=[100, 200]),
    "infinite-width": UNDECLARED,
    "relu-trapped": COLLINEAR,
    "leaky-leaves": UNDECLARED,
    "omnidirectionality": lambda f: with_options(f, inits=["gaussian", "he"]),
    "unbalanced-directions": UNDECLARED,
    "eight-piece-sets": UNDECLARED,
    "saddle-rates": lambda f: with_options(f, scale=0.1),
    "saddle-plateaus": UNDECLARED,
    "lost-data": lambda f: changed(f, y=np.ones(3)),
    "both-signs": UNDECLARED,
}


def good(id: str) -> Study:
    study, prepare = GOOD[id]
    return prepare(small(study))


def test_no_two_claims_of_the_wing_share_an_id() -> None:
    assert len({claim.id for claim in CLAIMS}) == len(CLAIMS)


def test_the_tables_name_every_claim() -> None:
    silent = {"assumption-slacks"}  # never a claim
    assert set(GOOD) | silent == set(OURS)
    assert set(TAMPERED) == set(GOOD)
    assert set(GOOD) - set(OUTSIDE) == {"cone-count"}  # holds for any points


@pytest.mark.parametrize("id", GOOD)
def test_a_good_study_passes(id: str) -> None:
    result = OURS[id].function(good(id))
    assert result.verdict is Verdict.PASS, result.note


@pytest.mark.parametrize("id", TAMPERED)
def test_a_tampered_study_fails(id: str) -> None:
    assert OURS[id].function(TAMPERED[id](good(id))).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", OUTSIDE)
def test_outside_its_hypotheses_a_claim_does_not_apply(id: str) -> None:
    result = OURS[id].function(OUTSIDE[id](good(id)))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert result.note


def test_slacks_are_shown_without_a_claim() -> None:
    result = OURS["assumption-slacks"].function(small("analysis"))
    assert result.verdict is Verdict.INFO
    assert "Assumption 6: 0.0305" in result.note


def test_saddles_are_counted_without_a_claim_in_space() -> None:
    X = np.random.default_rng(0).standard_normal((5, 3))
    assert OURS["saddles"].function(on(X, np.ones(5))(small("analysis"))).verdict is Verdict.INFO


def test_a_zero_neuron_makes_the_limit_a_saddle() -> None:
    result = OURS["limit-nature"].function(changed(small("limit-point"), zero=np.array([1.0, 0.0])))
    assert result.verdict is Verdict.PASS
    assert "a saddle" in result.note
