"""Every statement of the theory, and of the laws beyond it, three ways: it holds, a tampered run fails, outside its hypotheses it is N/A."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest
from theory_findings import changed, found, with_options, with_points

from flowrepro.claims.old_verdict import Verdict
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import beyond_claims, geometry, point_claims, theory_claims

CLAIMS = {claim.id: claim for claim in (*theory_claims.CLAIMS, *beyond_claims.CLAIMS)}
Change = Callable[[Study], Study]


def last(name: str, factor: float) -> Change:
    """``name`` times ``factor`` at the last record of every run."""

    def change(f: Study) -> Study:
        values = f.arrays[name].copy()
        values[:, -1] *= factor
        return changed(f, **{name: values})

    return change


def at(name: str, index: int, factor: float) -> Change:
    """``name`` times ``factor`` at record ``index`` of every run."""

    def change(f: Study) -> Study:
        values = f.arrays[name].copy()
        values[:, index] *= factor
        return changed(f, **{name: values})

    return change


def times(name: str, factor: float) -> Change:
    return lambda f: changed(f, **{name: factor * f.arrays[name]})


def plus(name: str, term: float) -> Change:
    return lambda f: changed(f, **{name: f.arrays[name] + term})


def growing(f: Study) -> Study:
    """Neurons that grow 10 % faster from record to record."""
    factor = 1.1 ** np.arange(f.arrays["grow_t"].shape[-1])
    return changed(
        f,
        grow_W=f.arrays["grow_W"] * factor[:, None, None],
        grow_a=f.arrays["grow_a"] * factor[:, None],
    )


def one_sign(f: Study) -> Study:
    return changed(f, W=f.arrays["W"] * np.sign(f.arrays["a"])[..., None], a=np.abs(f.arrays["a"]))


def first_late(f: Study) -> Study:
    times_ = f.arrays["entry_t"].copy()
    times_[:, 0] *= 1.1
    return changed(f, entry_t=times_)


def mirrored_less(f: Study) -> Study:
    agreement = f.arrays["agreement"].copy()
    agreement[:, 1] -= 0.3
    return changed(f, agreement=agreement)


TAMPERED: dict[str, tuple[str, Change]] = {
    "loss-and-norm": ("flow-middle", plus("loss_rises", 1)),
    "smoothed-margin": ("flow-middle", plus("implicit_drop", 1e-3)),
    "smoothed-and-true-margin": ("flow-middle", times("smoothed", 1.1)),
    "kkt-direction": ("flow-middle", last("W", 1.5)),
    "motion-aligns": ("flow-middle", at("W", 3, 1.5)),
    "conserved-differences": ("flow-symmetric", at("a", 2, 1.001)),
    "balanced-neurons": ("flow-middle", at("a", 2, 1.001)),
    "kkt-balance": ("flow-middle", last("W", 1.1)),
    "optimum-is-linear": ("assumptions-symmetric", times("largest", 1.001)),
    "linear-limit": ("flow-symmetric", last("W", 1.1)),
    "linear-limit-probability": ("probability-symmetric", one_sign),
    "one-neuron-probability": ("probability-right", times("W", -1.0)),
    "linear-growth": ("early-symmetric", times("near_t", -1.0)),
    "near-linear": ("early-symmetric", times("near_a", 3.0)),
    "power-iteration": ("early-symmetric", times("near_a", 3.0)),
    "embedded-pair": ("early-symmetric", times("copy_a", 1 + 1e-6)),
    "pair-from-zero": ("early-symmetric", times("pair_a", 2.0)),
    "approximate-embedding": ("early-symmetric", times("wide_a", 1.001)),
    "two-neuron-limit": ("two-neurons", last("W", 1.1)),
    "pair-monotone": ("two-neurons", lambda f: changed(f, W=f.arrays["W"][:, ::-1])),
    "two-neuron-feasible": ("two-neurons", times("feasible_u", 0.5)),
    "attracting-optimum": ("local-maximum", plus("gap", 1.0)),
    "negative-outputs-fall-short": ("assumptions-middle", times("negative", 3.0)),
    "locally-optimal": ("assumptions-middle", times("perturbed", 2.0)),
    "suboptimal-margin": ("assumptions-middle", times("largest", 0.5)),
    "cone-test": ("flow-middle", at("W", 1, -1.0)),
    "one-neuron-limit": ("flow-middle", last("W", 1.3)),
    "single-neuron": ("flow-one-neuron", last("W", 1.1)),
    "cone-entry": ("early-middle", first_late),
    "growth-rates": ("early-middle", growing),
    "aligned-power-iteration": (
        "early-middle",
        lambda f: changed(
            f, grow_a=-f.arrays["grow_a"] * np.sign(f.arrays["grow_t"] - 1e-9)[..., None]
        ),
    ),
    "one-function": ("flow-orthogonal", last("W", 1.1)),
    "monotone-neurons": ("flow-orthogonal-leaky", last("W", -1.0)),
    "loss-vanishes": ("inequalities-right", times("separated_t", np.nan)),
    "escape-exponent": (
        "escape-symmetric",
        lambda f: changed(f, ratio=f.arrays["ratio"] * np.sqrt(f.arrays["level"])),
    ),
    "escape-reaches-optimum": ("escape-symmetric", times("gamma", 0.9)),
    "small-enough": ("small-enough", plus("stray", 1)),
    "fading-sign": ("fading-middle", lambda f: changed(f, ratio=f.arrays["ratio"] ** 2)),
    "hint-takes-over": ("hint-crossover", times("gamma", 0.8)),
    "convergence-constants": ("convergence-constants", times("gap", 100.0)),
}
"""id -> the case on which the statement holds, and what breaks it."""

unlabelled: Change = lambda f: with_points(f, y=2 * f.y)  # noqa: E731
asymmetric: Change = lambda f: with_points(f, X=f.X * np.linspace(1.0, 1.1, len(f.X))[:, None])  # noqa: E731
linear: Change = lambda f: with_options(f, alpha=1.0)  # noqa: E731
flipped: Change = lambda f: with_points(f, y=-f.y)  # noqa: E731
inseparable: Change = lambda f: with_points(f, y=np.where(np.arange(len(f.y)) == 0, -f.y, f.y))  # noqa: E731
no_end: Change = lambda f: changed(f, q=np.full_like(f.arrays["q"], np.nan))  # noqa: E731

OUTSIDE: dict[str, Change] = {
    "loss-and-norm": no_end,
    "smoothed-margin": no_end,
    "smoothed-and-true-margin": unlabelled,
    "kkt-direction": no_end,
    "motion-aligns": no_end,
    "conserved-differences": no_end,
    "balanced-neurons": at("a", 0, 1.1),
    "kkt-balance": no_end,
    "optimum-is-linear": asymmetric,
    "linear-limit": asymmetric,
    "linear-limit-probability": lambda f: with_options(f, scale=1.0),
    "one-neuron-probability": lambda f: with_options(f, init="gaussian"),
    "linear-growth": asymmetric,
    "near-linear": inseparable,
    "power-iteration": lambda f: with_options(f, radii=[10.0, 10.0]),
    "embedded-pair": lambda f: changed(f, pair_t=np.full_like(f.arrays["pair_t"], np.nan)),
    "pair-from-zero": linear,
    "approximate-embedding": times("wide_a", 10.0),
    "two-neuron-limit": times("q", 1e-6),
    "pair-monotone": asymmetric,
    "two-neuron-feasible": lambda f: changed(f, feasible_u=f.arrays["feasible_u"][:0]),
    "attracting-optimum": asymmetric,
    "negative-outputs-fall-short": flipped,
    "locally-optimal": flipped,
    "suboptimal-margin": linear,
    "cone-test": lambda f: changed(f, scale=1e6 * f.arrays["scale"]),
    "one-neuron-limit": flipped,
    "single-neuron": at("a", 0, 1.1),
    "cone-entry": times("entry_t", np.nan),
    "growth-rates": times("grow_a", np.nan),
    "aligned-power-iteration": flipped,
    "one-function": lambda f: with_options(f, alpha=0.5),
    "monotone-neurons": inseparable,
    "loss-vanishes": times("start_a", 1e-9),
    "escape-exponent": times("ratio", np.nan),
    "escape-reaches-optimum": times("ratio", 0.1),
    "small-enough": times("scale", 1e6),
    "fading-sign": times("ratio", np.nan),
    "hint-takes-over": times("slack", -1.0),
    "convergence-constants": plus("uneven", 1.0),
    "principal-direction": lambda f: found("assumptions-right"),
    "mean-cone": lambda f: with_points(f, X=np.vstack([f.X, f.X]), y=np.append(f.y, f.y)),
    "sufficient-hints": lambda f: found("assumptions-right"),
    "function-bound": unlabelled,
    "linearised-loss": unlabelled,
    "weights-near-half": unlabelled,
    "gradient-bound": unlabelled,
    "progress-along-separator": inseparable,
}

OF_DATA = {
    "principal-direction": "assumptions-strict",
    "mean-cone": "assumptions-middle",
    "sufficient-hints": "assumptions-strict",
    "function-bound": "inequalities-right",
    "linearised-loss": "inequalities-right",
    "weights-near-half": "inequalities-right",
    "gradient-bound": "inequalities-right",
    "progress-along-separator": "inequalities-right",
}
"""Statements true of any data or weights: a tampered run does not break them, a wrong ingredient does (below)."""
BY_HAND = (
    "mirror-images-linearise",
    "early-stopping-beats-svm",
    "table-margins",
    "data-assumptions",
)


def verdict(id: str, f: Study) -> Verdict:
    return CLAIMS[id].function(f).verdict


def test_every_claim_is_tested() -> None:
    assert set(CLAIMS) == {*TAMPERED, *OF_DATA, *BY_HAND}
    assert set(OUTSIDE) == {*TAMPERED, *OF_DATA}


@pytest.mark.parametrize("id", [*TAMPERED, *OF_DATA])
def test_it_holds(id: str) -> None:
    case = OF_DATA.get(id) or TAMPERED[id][0]
    assert case in CLAIMS[id].cases
    result = CLAIMS[id].function(found(case))
    assert result.verdict is Verdict.PASS, result.note


@pytest.mark.parametrize("id", TAMPERED)
def test_a_tampered_run_fails(id: str) -> None:
    case, change = TAMPERED[id]
    assert verdict(id, change(found(case))) is Verdict.FAIL


@pytest.mark.parametrize("id", OUTSIDE)
def test_outside_its_hypotheses_it_does_not_apply(id: str) -> None:
    case = OF_DATA.get(id) or TAMPERED[id][0]
    result = CLAIMS[id].function(OUTSIDE[id](found(case)))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert result.note


def test_wrong_ingredients_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    strict, middle, right = (
        found(case) for case in ("assumptions-strict", "assumptions-middle", "inequalities-right")
    )
    with monkeypatch.context() as patch:
        patch.setattr(geometry, "alignment_slack", lambda X, y, alpha: np.full(len(y), -1.0))
        assert verdict("principal-direction", strict) is Verdict.FAIL
        assert verdict("sufficient-hints", strict) is Verdict.FAIL
        assert verdict("mean-cone", middle) is Verdict.FAIL
    with monkeypatch.context() as patch:
        patch.setattr(point_claims, "largest_norm", lambda W, a: np.full(len(a), 1e-9))
        for id in ("function-bound", "linearised-loss", "weights-near-half"):
            assert verdict(id, right) is Verdict.FAIL
    with monkeypatch.context() as patch:
        patch.setattr(geometry, "scaled", lambda X: 100 * X)
        assert verdict("gradient-bound", right) is Verdict.FAIL
    best = geometry.separator(geometry.scaled(right.X), right.y)
    assert best is not None
    with monkeypatch.context() as patch:
        patch.setattr(
            geometry, "separator", lambda X, y: dataclasses.replace(best, margin=100 * best.margin)
        )
        assert verdict("progress-along-separator", right) is Verdict.FAIL


def test_the_assumptions_are_listed_without_a_claim() -> None:
    assert verdict("data-assumptions", found("assumptions-middle")) is Verdict.INFO
    assert (
        verdict("data-assumptions", unlabelled(found("assumptions-middle")))
        is Verdict.NOT_APPLICABLE
    )


def along(net: float, mirrored_agreement: float = 0.99) -> Study:
    """Errors of one set of 100 points: the separator's 4 %, the net's ``net`` at every margin."""
    agreement = np.full((1, 2, 1, 3), 0.97)
    agreement[:, 1] = mirrored_agreement
    arrays = {
        "size": np.array([100]),
        "q": np.array([1.0, 10.0, 100.0]),
        "svm": np.full((1, 2, 1), 0.04),
        "net": np.full((1, 2, 1, 3), net),
        "agreement": agreement,
    }
    return dataclasses.replace(found("early-stopping"), arrays=arrays)


def test_mirror_images_and_early_stopping() -> None:
    assert verdict("mirror-images-linearise", along(0.03)) is Verdict.PASS
    assert verdict("mirror-images-linearise", along(0.03, 0.9)) is Verdict.FAIL
    assert verdict("mirror-images-linearise", found("early-stopping")) is Verdict.NOT_APPLICABLE
    assert verdict("early-stopping-beats-svm", along(0.03)) is Verdict.PASS
    assert verdict("early-stopping-beats-svm", along(0.05)) is Verdict.FAIL
    assert verdict("early-stopping-beats-svm", found("early-stopping")) is Verdict.NOT_APPLICABLE


def optimum(trained: float) -> Study:
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
    return dataclasses.replace(found("table-optimum"), arrays=arrays)


def test_margins_of_the_table() -> None:
    assert verdict("table-margins", optimum(0.99)) is Verdict.PASS
    assert verdict("table-margins", optimum(0.85)) is Verdict.FAIL
    assert verdict("table-margins", optimum(1.1)) is Verdict.FAIL
    assert verdict("table-margins", found("table-optimum")) is Verdict.NOT_APPLICABLE
    arrays = found("table-optimum").arrays
    assert np.all(arrays["improved"] >= arrays["trained"][..., -1] * (1 - 1e-9))
    assert np.all(arrays["improved"] <= arrays["bound"])
