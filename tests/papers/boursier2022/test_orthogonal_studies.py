"""Every claim of a study three ways: as computed, made wrong in what it measures, and outside its hypotheses."""

import dataclasses

import numpy as np
import pytest
from boursier2022_studies import compute

from flowrepro import data
from flowrepro.claims.old_verdict import Verdict
from flowrepro.core.config import Data, StudyCase, override
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError
from flowrepro.papers.boursier2022 import gronwall, phase_lemmas, uncovered
from flowrepro.papers.boursier2022.checks import CLAIMS as ALL
from flowrepro.papers.boursier2022.experiments import CASES, LOG_SCALE
from flowrepro.papers.boursier2022.studies import STUDIES

STUDY_CASES = {case.name for case in CASES if isinstance(case, StudyCase)}
CLAIMS = tuple(claim for claim in ALL if STUDY_CASES.issuperset(claim.cases))


def scaled(factor):
    return lambda array: factor * array


def shifted(by):
    return lambda array: array + by


TAMPERED = {
    "lemma-6-flow": {"activations": shifted(1)},
    "lemma-2": {"cos_fast": shifted(-0.1)},
    "lemma-2-proof": {"cos_slow": shifted(-0.1)},
    "lemma-7-iii": {"wrong_fast": shifted(0.1)},
    "lemma-9": {"ln_least_slow": scaled(3.0)},
    "growth": {"ln_growth": shifted(0.01)},
    "lemma-3": {"cos_fast": shifted(-0.1)},
    "fact-1": {"to_saddle": shifted(1.0)},
    "lemma-4": {"moved": shifted(2.0)},
    "lemma-12": {"to_limit": shifted(2.0)},
    "theorem-1-flow": {"norm_ratio": shifted(0.2)},
    "escape-times": {"half_time_predicted": scaled(1.01)},
    "limit-distance": {"to_limit": lambda array: array**1.2},
    "closest-approach": {"nearest": lambda array: array**1.2},
    "uncovered-loss": {"loss": shifted(1e-6)},
    "uncovered-norm": {"ratio": shifted(0.1)},
    "assumption-3-width": {"share": lambda array: np.flip(array)},
    "sign-jumps": {"left_flow": lambda array: array * np.nan},
    "lemma-16": {"corrected": shifted(0.5)},
}


def outside(claim, findings):
    """Study that the claim has nothing to say about."""
    name = claim.cases[-1]
    good = findings[name]
    if name == "log-scale-four-points":
        return dataclasses.replace(
            good,
            dataset=Dataset(np.diag([1.0, 2.0, 1.0, 1.0]), good.y, "norms differ within a class"),
        )
    if name == "gronwall":
        return dataclasses.replace(
            good, case=dataclasses.replace(good.case, options={**good.case.options, "other": 1})
        )
    changed = {
        "closest-approach": {"options.decades": [1.0, 2.0]},
        "without-assumption-3": {"options.horizon": 10.0},
        "sign-jumps": {"options.lr": 1e-4},
    }[name]
    return dataclasses.replace(good, case=override(good.case, changed))


def test_the_table_covers_every_claim_and_every_study_is_declared():
    assert set(TAMPERED) == {claim.id for claim in CLAIMS}
    assert {case.computes for case in CASES if isinstance(case, StudyCase)} == set(STUDIES)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_as_computed_it_passes(claim, findings):
    for name in claim.cases:
        result = claim.function(findings[name])
        assert result.verdict is Verdict.PASS, (name, result.note)
        assert (result.id, result.ref) == (claim.id, claim.ref)


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_tampered_it_fails(claim, tampered):
    result = claim.function(tampered(claim.cases[0], **TAMPERED[claim.id]))
    assert result.verdict is Verdict.FAIL, result.note
    assert result.slack < 0


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_outside_its_hypotheses_it_says_why(claim, findings):
    result = claim.function(outside(claim, findings))
    assert result.verdict is Verdict.NOT_APPLICABLE, (result.verdict, result.note)
    assert len(result.note) > 10


@pytest.mark.parametrize("lemma", phase_lemmas.LEMMAS, ids=lambda lemma: lemma.id)
def test_no_lemma_is_judged_without_assumption_3_or_where_it_says_nothing(
    lemma, findings, tampered
):
    none = tampered("log-scale", complete=lambda array: array & False)
    assert "Assumption 3" in lemma.check().function(none).note
    if lemma.id != "lemma-6-flow":
        good = findings["log-scale"]
        first = {name: array[:1] for name, array in good.arrays.items()}  # the scale 1e-2
        assert (
            lemma.check().function(dataclasses.replace(good, arrays=first)).verdict
            is Verdict.NOT_APPLICABLE
        )


def test_phases_that_were_not_followed_to_their_end_do_not_hold(tampered):
    cut = tampered("log-scale", deficit_slow=lambda array: array + 1.0)
    lemma = next(lemma for lemma in phase_lemmas.LEMMAS if lemma.id == "lemma-4")
    assert not any(lemma.holds(trace) for trace in phase_lemmas.traces(cut))
    assert lemma.check().function(cut).verdict is Verdict.NOT_APPLICABLE


# ---- what the studies compute


def test_the_flow_of_the_study_is_the_closed_form(findings):
    """The two points of the paper from 1e-6, seed 0: half-fits at 12.459659 and 25.854345, last deactivations from the draw."""
    arrays = findings["log-scale"].arrays
    (at,) = np.flatnonzero(arrays["p"] == 6)
    np.testing.assert_allclose(arrays["half_time_predicted"][at], [12.459659, 25.854345], atol=1e-6)
    t, share = arrays["t"][at], arrays["share_fast"][at]
    np.testing.assert_allclose(share, 1 / (1 + np.exp(-2 * 1.118034 * (t - 12.459659))), atol=1e-4)
    np.testing.assert_allclose(arrays["settled"][at], arrays["settled_predicted"][at], atol=1e-6)
    assert np.all(np.diff(t) >= 0)


def test_the_study_starts_at_the_scale_it_names(findings):
    arrays = findings["log-scale"].arrays
    np.testing.assert_allclose(arrays["ll"], arrays["p"] * np.log(10) + 0.5 * np.log(60))
    assert np.all(np.abs(arrays["ln_growth"][:, 0]) < 1e-12)


@pytest.mark.parametrize("name", ["log-scale", "without-assumption-3"])
def test_points_that_are_not_orthogonal_are_refused(name):
    case = next(case for case in CASES if case.name == name)
    with pytest.raises(UsageError, match="orthogonal"):
        STUDIES[case.computes](case, data.load(Data(name="five-points")), lambda done, total: None)


def test_the_positive_fit_needs_points_of_the_plane():
    case = next(case for case in CASES if case.name == "sign-jumps")
    with pytest.raises(UsageError, match="d = 2"):
        STUDIES["sign-jumps"](case, Dataset(np.eye(3), np.ones(3), "own"), lambda done, total: None)


@pytest.mark.parametrize("size", [1e200, 1e-200])
def test_points_whose_squares_leave_double_precision_are_refused(size):
    with pytest.raises(UsageError, match="rescale"):
        STUDIES["log-scale"](
            LOG_SCALE,
            Dataset(size * np.eye(2), np.array([1.0, -0.5]), "own"),
            lambda done, total: None,
        )


@pytest.mark.parametrize(
    "change",
    [{"p": ["small"]}, {"p": []}, {"seeds": 0}, {"seeds": True}, {"m": 1.5}, {"fractions": [2.0]}],
)
def test_options_out_of_range_are_named(change):
    case = dataclasses.replace(LOG_SCALE, options={**LOG_SCALE.options, **change})
    with pytest.raises(UsageError, match=f"options.{next(iter(change))} must be"):
        STUDIES["log-scale"](case, data.load(case.data), lambda done, total: None)


@pytest.mark.parametrize("m", [1, 2])
def test_a_network_without_assumption_3_is_traced_but_not_judged(m):
    findings = compute(override(LOG_SCALE, {"options.p": [6], "options.seeds": 1, "options.m": m}))
    assert not findings.arrays["complete"][0]
    for claim in CLAIMS:
        if "log-scale" in claim.cases:
            assert claim.function(findings).verdict is Verdict.NOT_APPLICABLE


def test_lemmas_are_judged_for_labels_of_order_one_only(findings):
    good = findings["log-scale"]
    large = dataclasses.replace(good, dataset=Dataset(good.X, 1e6 * good.y, "large labels"))
    for claim in CLAIMS:
        if "log-scale" in claim.cases:
            assert "rescale" in claim.function(large).note


def test_ratios_without_a_visible_saddle_are_refused():
    case = next(case for case in CASES if case.name == "closest-approach")
    with pytest.raises(UsageError, match="ratios"):
        STUDIES[case.computes](
            override(case, {"options.ratios": [1.0]}), None, lambda done, total: None
        )


def test_progress_may_stop_a_study():
    def stop(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        STUDIES["log-scale"](
            override(LOG_SCALE, {"options.p": [2]}), data.load(LOG_SCALE.data), stop
        )


def test_descent_loses_its_negative_neurons_where_the_flow_keeps_them(findings):
    """Seed 0 at 1e-5: none of the active negative neurons is left to descent at the paper's step, and the saddle is not left."""
    arrays = findings["sign-jumps"].arrays
    (at,) = np.flatnonzero(arrays["p"] == 5)
    assert np.isnan(arrays["left_descent"][at])
    assert arrays["negative_descent"][at] == 0
    assert arrays["changed_descent"][at] > 0
    assert arrays["negative_flow"][at] > 0
    assert np.all(np.diff(arrays["left_flow"]) > 0)  # later from smaller scales


def test_covered_labels():
    X, y = np.eye(3), np.array([1.0, -1.0, 1.0])
    W, a = np.array([[1.0, 1.0, -1.0], [-1.0, 1.0, 1.0]]), np.array([1.0, -1.0])
    np.testing.assert_array_equal(uncovered.covered(X, y, W, a), [True, True, False])


def test_plateaus_are_counted_above_the_limit_only():
    t = np.linspace(0.0, 400.0, 401)
    loss = 1.0 - 0.5 / (1 + np.exp(-(t - 100.0))) - 0.4 / (1 + np.exp(-(t - 250.0)))
    assert uncovered.plateaus(t, loss, limit=0.1) == 2
    assert uncovered.plateaus(t, loss, limit=0.0) == 3
    assert uncovered.plateaus(t[:1], loss[:1], limit=0.0) == 0


def test_the_extreme_function_of_lemma_16_solves_its_equation():
    a, b, c, f0 = (np.array([value]) for value in (0.7, 1.3, 0.4, 2.0))
    t = np.linspace(0.0, 3.0, 3001)
    f = gronwall.extreme(a, b, f0, c, t)[0] * np.exp(b / a * t)
    integral = np.concatenate([[0.0], np.cumsum((f[1:] + f[:-1]) / 2) * (t[1] - t[0])])
    np.testing.assert_allclose(
        np.gradient(f, t, edge_order=2), -a * f + b * integral + c, atol=1e-4
    )
    assert f[0] == pytest.approx(2.0)


def test_lemma_16_as_printed_fails_for_small_a_only(findings):
    arrays = findings["gronwall"].arrays
    broken = arrays["printed"] > 1
    assert broken.any()
    assert np.all(arrays["a"][broken] < 1)
