"""The lemmas and Theorem 1 along the flow, on cones and at every step: each claim passes, fails when tampered with, or does not apply."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from flowrepro import data
from flowrepro.claims.old_verdict import Claim, Judgement, Verdict
from flowrepro.core.config import Data, StudyCase, override
from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.papers.min2024 import (
    activation_rule,
    alignment_theorem,
    cones,
    constants,
    convergence,
    small_initialization,
    theory_cases,
    theory_figures,
    theory_states,
)
from flowrepro.papers.min2024.studies import STUDIES

Change = Callable[[dict[str, Any]], None]
EASY = Data(
    name="separated-clusters", options={"seed": 0, "n": 6, "d": 3, "angle": 20.0, "sigma": 0.2}
)
"""Points so well separated that Theorem 1 allows ln eps = -25000."""
SHORT = {"points": 60, "after": 6.0}


def computed(case: StudyCase, **changes: Any) -> Study:
    case = override(replace(case, data=EASY), changes)
    return Study(
        case,
        data.load(case.data),
        STUDIES[case.computes](case, data.load(case.data), lambda done, total: None),
    )


@functools.cache
def findings(kind: str) -> Study:
    if kind == "float":
        return computed(theory_cases.FLOW_10D, m=12, **SHORT)
    if kind == "tiny":
        return computed(theory_cases.LOG_SCALE_10D, m=12, ln_eps=-30_000.0, **SHORT)
    if kind == "cones":
        return computed(theory_cases.CONES_10D, samples=500)
    return computed(theory_cases.RULE_10D, m=10, n_steps=1_500, lr=5e-3)


def tampered(found: Study, change: Change) -> Study:
    arrays = {name: values.copy() for name, values in found.arrays.items()}
    change(arrays)
    return replace(found, arrays=arrays)


def relabelled(found: Study) -> Study:
    assert found.dataset is not None
    return replace(found, dataset=replace(found.dataset, y=np.roll(found.y, 1)))


def slower(arrays: dict[str, Any]) -> None:
    for name in ("stay_start", "stay_end"):
        arrays[name] *= 1e6


def left_trap(arrays: dict[str, Any]) -> None:
    arrays["stay_end"][np.flatnonzero(np.isinf(arrays["stay_end"]))[0]] = 100.0


def all_die(arrays: dict[str, Any]) -> None:
    last = np.isinf(arrays["stay_end"])
    arrays["stay_positive"][last] = arrays["stay_negative"][last] = 0


def scattered(arrays: dict[str, Any]) -> None:
    cases = arrays["Y"][-1]
    away = np.random.default_rng(0).standard_normal((len(cases), cases.shape[1] - 2))
    cases[:, 1:-1] = (
        away
        / np.linalg.norm(away, axis=1, keepdims=True)
        * np.linalg.norm(cases[:, 1:-1], axis=1, keepdims=True)
    )


def flipped(arrays: dict[str, Any]) -> None:
    arrays["Y"][-1, :, 1:-1] *= -1


def radius(shift: float, part: slice) -> Change:
    def change(arrays: dict[str, Any]) -> None:
        arrays["Y"][part, :, 0] += shift

    return change


def column(name: str, change: Callable[[np.ndarray], Any]) -> Change:
    def tamper(arrays: dict[str, Any]) -> None:
        arrays[name] = np.asarray(change(arrays[name]))

    return tamper


def unbalanced(arrays: dict[str, Any]) -> None:
    arrays["Y"][-1, :, -1] *= 0.5


def rising(loss: np.ndarray) -> np.ndarray:
    loss[-1] = 10.0
    return loss


def fitted_too_well(loss: np.ndarray) -> np.ndarray:
    loss[-1] = 1e-300
    return loss


TAMPER: dict[str, tuple[str, Change]] = {
    "L3": ("float", radius(10.0, slice(1, None))),
    "L1": ("float", radius(10.0, slice(1, None))),
    "E4": ("float", slower),
    "T1.t1": ("tiny", slower),
    "T1.dur": ("tiny", slower),
    "T1.path": ("tiny", slower),
    "T1.S": ("tiny", all_die),
    "L12": ("tiny", left_trap),
    "L13": ("float", radius(-1_000.0, slice(1, None))),
    "L14": ("float", radius(-2.0, slice(-1, None))),
    "DEC": ("float", flipped),
    "T1.t2": ("float", column("t", lambda t: t * 1e6)),
    "T1.rate": ("float", column("loss", rising)),
    "T1.rank": ("float", scattered),
    "INV": ("float", scattered),
    "BAL": ("float", unbalanced),
    "LOSS": ("float", column("loss", rising)),
    "NORM": ("float", column("loss", fitted_too_well)),
    "L5": ("cones", column("lemma5", lambda cosine: cosine * 0.5)),
    "L6": ("cones", column("lemma6", lambda inside: ~inside)),
    "L7": ("cones", column("lemma7", lambda cosine: cosine * 0.5)),
    "L8": ("cones", column("lemma8", lambda inside: ~inside)),
    "L9": ("cones", column("lemma9", lambda cosine: cosine + 0.5)),
    "L11": ("cones", column("lemma11", lambda ratio: ratio * 0.5)),
    "E46": ("rule", column("wrong_changes", lambda count: count + 1)),
    "E46.dead": ("rule", column("revived", lambda count: count + 1)),
    "E46.traps": ("rule", column("left", lambda count: count + 1)),
    "E46.once": ("rule", column("changes", lambda counts: counts + 1)),
    "E46.sign": ("rule", column("flips", lambda count: count + 1)),
    "E46.balance": ("rule", column("imbalance", lambda size: size + 1)),
    "E46.loss": ("rule", column("loss", rising)),
}
POINTWISE = {
    "L4": ("float", {"x_max": 0.05}),
    "L10": ("float", {"x_max": 0.05}),
    "E50": ("float", {"x_max": 0.05}),
    "L15": ("float", {"x_min": 1e3}),
}
"""Claims that hold at every state: they fail where a constant of the points is wrong."""
HYPOTHESES = {"A2": "float", "T1.eps": "tiny"}
UNCONDITIONAL = {"BAL", "LOSS", "E46.dead", "E46.loss", "E46.sign", "E46.balance", "L2"}
CLAIMS: dict[str, Claim] = {
    claim.id: claim
    for part in (small_initialization, alignment_theorem, convergence, cones, activation_rule)
    for claim in part.CLAIMS
}


def judged(id: str, found: Study) -> Judgement:
    return CLAIMS[id].function(found)


def test_every_claim_has_its_case() -> None:
    assert TAMPER.keys() | POINTWISE.keys() | HYPOTHESES.keys() | {"L2", "T1.seen"} == CLAIMS.keys()


@pytest.mark.parametrize("id", [*TAMPER, *POINTWISE, *HYPOTHESES])
def test_holds_on_points_that_satisfy_the_assumptions(id: str) -> None:
    kind = HYPOTHESES[id] if id in HYPOTHESES else (TAMPER.get(id) or POINTWISE[id])[0]
    assert judged(id, findings(kind)).verdict is Verdict.PASS, judged(id, findings(kind))


@pytest.mark.parametrize("id", TAMPER)
def test_fails_on_tampered_results(id: str) -> None:
    kind, change = TAMPER[id]
    assert judged(id, tampered(findings(kind), change)).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", POINTWISE)
def test_fails_with_wrong_constants(id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    kind, change = POINTWISE[id]
    wrong = theory_states.points_of(findings(kind))._replace(**change)
    for module in (small_initialization, convergence):
        monkeypatch.setattr(module, "points_of", lambda found: wrong)
    assert judged(id, findings(kind)).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", [id for id in CLAIMS if id not in UNCONDITIONAL])
def test_does_not_apply_where_assumption_1_fails(id: str) -> None:
    kind = (
        "float" if id == "T1.seen" else HYPOTHESES.get(id) or (TAMPER.get(id) or POINTWISE[id])[0]
    )
    result = judged(id, relabelled(findings(kind)))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "Assumption 1" in result.note


def test_all_of_theorem_1_passes_at_a_scale_it_allows_and_is_not_judged_above() -> None:
    parts = [id for id in CLAIMS if id.startswith("T1.") and id != "T1.seen"]
    assert {judged(id, findings("tiny")).verdict for id in parts} == {Verdict.PASS}
    above = {id for id in parts if judged(id, findings("float")).verdict is Verdict.NOT_APPLICABLE}
    assert above == {"T1.eps", "T1.t1", "T1.dur", "T1.path", "T1.S"}
    assert "Theorem 1 asks for eps <= e^-" in judged("T1.t1", findings("float")).note
    assert judged("T1.seen", findings("float")).verdict is Verdict.INFO


@pytest.mark.parametrize("id", ["L4", "L3", "L1", "T1.t1", "L13", "T1.t2"])
def test_a_loss_without_slope_1_is_refused(id: str) -> None:
    found = findings("float")
    other = replace(found, case=override(found.case, {"loss": "logistic"}))
    assert "Lemma 2" in judged(id, other).note
    assert (
        judged(
            "L2",
            replace(findings("cones"), case=override(findings("cones").case, {"loss": "logistic"})),
        ).verdict
        is Verdict.NOT_APPLICABLE
    )


@pytest.mark.parametrize("loss", ["exp", "logistic2"])
def test_both_losses_of_slope_1_satisfy_lemma_2(loss: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def on(name: str) -> Study:
        return replace(findings("cones"), case=override(findings("cones").case, {"loss": name}))

    assert judged("L2", on(loss)).verdict is Verdict.PASS
    monkeypatch.setattr(theory_states, "SLOPE_ONE", ("exp", "logistic2", "logistic"))
    assert judged("L2", on("logistic")).verdict is Verdict.FAIL


def test_logistic2_passes_along_the_flow_too() -> None:
    found = computed(theory_cases.FLOW_10D, m=12, loss="logistic2", **SHORT)
    for id in (
        "L4",
        "L10",
        "L1",
        "L3",
        "E50",
        "L13",
        "L14",
        "DEC",
        "T1.t2",
        "L15",
        "T1.rate",
        "INV",
        "NORM",
    ):
        assert judged(id, found).verdict is Verdict.PASS, judged(id, found)


def test_a_start_without_balance_is_told_apart() -> None:
    found = computed(replace(theory_cases.RULE_UNBALANCED, seed=3), m=8, n_steps=300)
    assert judged("E46", found).verdict is Verdict.PASS
    assert {
        judged(id, found).verdict for id in ("E46.traps", "E46.once", "E46.sign", "E46.balance")
    } == {Verdict.NOT_APPLICABLE}


@pytest.mark.parametrize(
    "id", ["E46", "E46.dead", "E46.traps", "E46.once", "E46.sign", "E46.balance", "E46.loss"]
)
def test_a_descent_that_diverges_is_not_judged(id: str) -> None:
    result = judged(id, tampered(findings("rule"), column("loss", lambda loss: loss * np.nan)))
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "lower options.lr" in result.note


def test_the_rule_notices_a_neuron_that_moves_the_wrong_way() -> None:
    X, y = np.array([[1.0, 0.0], [0.6, 0.8]]), np.ones(2)
    W, a = np.array([[[0.1, 0.1]], [[0.0, 0.1]], [[-0.1, 0.1]]]), np.array([[0.1], [0.1], [-0.1]])
    found: dict[str, np.ndarray] = {
        name: np.array(0) for name in ("wrong_way", "wrong_changes", "revived", "left", "flips")
    }
    found |= {"changes": np.zeros((1, 2), dtype=np.int64), "imbalance": np.array(0.0)}
    activation_rule._judge(X, y, W, a, found)
    assert (
        int(found["wrong_way"]),
        int(found["wrong_changes"]),
        int(found["left"]),
        int(found["flips"]),
    ) == (4, 1, 1, 1)
    assert found["changes"].tolist() == [[1, 0]]


def test_constants_of_six_points() -> None:
    points = data.load(theory_cases.SIX_POINTS)
    found = constants.point_constants(points.X, points.y)
    assert (found.n, found.n_class) == (6, (3, 3))
    assert found.mu == pytest.approx(0.19996, abs=1e-5)
    assert found.xi == pytest.approx(found.mu**2)
    assert found.zeta1 == pytest.approx(0.1221, abs=1e-4)
    assert found.pull == pytest.approx([4.56180, 2.82179], abs=1e-5)


def test_times_in_the_limit_and_at_the_theorems_scale_agree() -> None:
    found = findings("tiny")
    times = theory_states.fit_times(found, theory_states.read_states(found))
    slope = theory_states.points_of(found).pull
    early = theory_states.fit_times(findings("float"), theory_states.read_states(findings("float")))
    growth = (30_000.0 + findings("float").case.options["ln_eps"]) / slope
    assert times - early == pytest.approx(growth, rel=1e-4)


def test_the_figure_of_the_log_scale_draws_and_needs_assumption_1() -> None:
    figure = next(figure for figure in theory_figures.FIGURES if figure.id == "beyond-log-scale")
    drawn = figure.collect(findings("tiny"))
    assert (
        drawn.t1
        == theory_states.read_stays(findings("tiny")).t1
        <= drawn.bound
        <= drawn.approximation
    )
    assert render(figure, drawn, {"seed": "0"}, ["png"])["png"].startswith(b"\x89PNG")
    with pytest.raises(NotDrawable, match="Assumption 1"):
        figure.collect(relabelled(findings("tiny")))
