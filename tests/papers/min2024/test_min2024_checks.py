from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from flowrepro.claims.old_verdict import Judgement, Verdict
from flowrepro.core.config import Data, override
from flowrepro.core.trajectory import Dataset, Run, Stop, StopReason, Trajectory
from flowrepro.papers.min2024 import figure_5_observations as claims
from flowrepro.papers.min2024.digits_cases import DIGITS_1_0
from flowrepro.papers.min2024.experiments import CASES
from flowrepro.papers.min2024.figure_5_observations import CLAIMS
from flowrepro.theory.alignment import class_alignment

BY_ID = {claim.id: claim for claim in CLAIMS}
Tamper = Callable[[Run], Run]


def verdict(id: str, run: Run) -> Verdict:
    result = BY_ID[id].function(run)
    assert (result.id, result.ref) == (id, BY_ID[id].ref)
    return result.verdict


def observing(name: str, change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Tamper:
    """Replace an observed quantity by change(step, its values)."""

    def tamper(run: Run) -> Run:
        trajectory = run.trajectory
        changed = {
            **trajectory.observed,
            name: change(trajectory.step, trajectory.observed[name].copy()),
        }
        return replace(run, trajectory=replace(trajectory, observed=changed))

    return tamper


def losing(change: Callable[[np.ndarray, np.ndarray], np.ndarray]) -> Tamper:
    return lambda run: replace(
        run,
        trajectory=replace(
            run.trajectory, loss=change(run.trajectory.step, run.trajectory.loss.copy())
        ),
    )


def relabelled(run: Run) -> Run:
    return replace(run, dataset=replace(run.dataset, y=np.roll(run.y, len(run.y) // 4)))


def shifted(run: Run) -> Run:
    return replace(run, dataset=replace(run.dataset, X=run.X + 0.01))


def aligned_at_once(run: Run) -> Run:
    W = run.trajectory.W.copy()
    W[0] = W[2]
    return replace(run, trajectory=replace(run.trajectory, W=W))


def swapped_signs(run: Run) -> Run:
    return replace(run, trajectory=replace(run.trajectory, a=-run.trajectory.a))


def late(step: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    cosines[step < 1_500] = 0.0
    return cosines


def one_side_ends_aligned(_: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    cosines[-1, 1] = 0.9999
    return cosines


def bumped(_: np.ndarray, loss: np.ndarray) -> np.ndarray:
    loss[100] *= 1.0001
    return loss


TAMPERED: dict[str, Tamper] = {
    "F5.corr": relabelled,
    "F5.opposite": shifted,
    "F5.init": aligned_at_once,
    "F5.align": observing("aligned_share", lambda step, share: share * 0.8),
    "F5.first": observing("mean_cos", late),
    "F5.drop": observing("mean_cos", one_side_ends_aligned),
    "F5.grow": losing(lambda step, loss: np.where(step < 3_400, 1.0, loss)),
    "F5.srank": observing("frobenius2", lambda step, frobenius2: 1.06 * frobenius2),
    "F5.rate": observing("spectral2", lambda step, spectral2: spectral2**1.03),
    "F5.loss": losing(lambda step, loss: 3 * loss),
    "F5.descent": losing(bumped),
    "F5.pics": swapped_signs,
}
NOT_JUDGED = {"A1": Verdict.NOT_APPLICABLE, "F5.flips": Verdict.INFO}
"""A hypothesis, which the digits do not satisfy, and a number without a claim."""


def test_every_claim_is_tested_and_declared_for_an_existing_case() -> None:
    assert TAMPERED.keys() | NOT_JUDGED.keys() | {"F5.flow"} == BY_ID.keys()
    assert len(BY_ID) == len(CLAIMS)
    assert {case for claim in CLAIMS for case in claim.cases} <= {case.name for case in CASES}


@pytest.mark.parametrize("id", TAMPERED)
def test_holds_on_the_papers_run(id: str, paper_run: Run) -> None:
    assert verdict(id, paper_run) is Verdict.PASS


@pytest.mark.parametrize("id", TAMPERED)
def test_fails_on_a_tampered_run(id: str, paper_run: Run) -> None:
    assert verdict(id, TAMPERED[id](paper_run)) is Verdict.FAIL


@pytest.mark.parametrize("id", NOT_JUDGED)
def test_reports_without_judging(id: str, paper_run: Run) -> None:
    result = BY_ID[id].function(paper_run)
    assert result.verdict is NOT_JUDGED[id]
    assert np.isfinite(result.measured)


@pytest.mark.parametrize("id", TAMPERED)
def test_is_not_applicable_to_the_users_points(id: str) -> None:
    assert verdict(id, users_run(separable())) is Verdict.NOT_APPLICABLE


CURVES = sorted(TAMPERED.keys() - {"F5.corr", "F5.opposite"})


@pytest.mark.parametrize("id", CURVES)
@pytest.mark.parametrize(
    "change",
    [
        {"m": 49},
        {"init.scale": 1e-5},
        {"loss.name": "logistic"},
        {"alpha": 0.1},
        {"depth": 3},
        {"positive": 3},
        {"subset": 500},
        {"save_every": 101},
    ],
)
def test_is_not_applicable_to_another_case(
    id: str, change: dict[str, object], paper_run: Run
) -> None:
    assert (
        verdict(id, replace(paper_run, case=override(paper_run.case, change)))
        is Verdict.NOT_APPLICABLE
    )


@pytest.mark.parametrize("id", CURVES)
@pytest.mark.parametrize(
    "change", [{"seed": 3}, {"subset_seed": 4}, {"dtype": "float64"}, {"engine": "torch"}]
)
def test_judges_the_papers_case_under_another_seed_or_precision(
    id: str, change: dict[str, object], paper_run: Run
) -> None:
    assert verdict(id, replace(paper_run, case=override(paper_run.case, change))) is Verdict.PASS


def test_the_quick_variant_judges_what_it_reaches(quick_run: Run) -> None:
    verdicts = {id: BY_ID[id].function(quick_run) for id in TAMPERED}
    unreached = {id for id, result in verdicts.items() if result.verdict is Verdict.NOT_APPLICABLE}
    assert unreached == {"F5.drop", "F5.loss", "F5.pics"}
    assert all("needs iteration 15000" in verdicts[id].note for id in unreached)
    assert {result.verdict for id, result in verdicts.items() if id not in unreached} == {
        Verdict.PASS
    }


def test_missing_records_are_named(paper_run: Run) -> None:
    def without(**changes: object) -> Run:
        return replace(paper_run, trajectory=replace(paper_run.trajectory, **changes))  # type: ignore[arg-type]

    blind = without(observed={})
    assert "record.observe" in BY_ID["F5.align"].function(blind).note
    assert "record.observe" in BY_ID["F5.flips"].function(blind).note
    kept = slice(None, -1)
    weightless = without(
        snapshot_step=paper_run.trajectory.snapshot_step[kept],
        W=paper_run.trajectory.W[kept],
        a=paper_run.trajectory.a[kept],
    )
    assert "record.snapshots" in BY_ID["F5.pics"].function(weightless).note


def test_alignment_is_judged_by_the_window_of_its_case(paper_run: Run) -> None:
    early = observing(
        "mean_cos",
        lambda step, cosines: np.where((step >= 400)[:, None], np.maximum(cosines, 0.995), cosines),
    )
    assert verdict("F5.align", early(paper_run)) is Verdict.FAIL
    assert "first iteration with both mean cosines" in BY_ID["F5.align"].function(paper_run).note


def test_the_rate_is_not_judged_without_an_extreme_vector(
    paper_run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = claims.extreme_vector
    monkeypatch.setattr(
        claims, "extreme_vector", lambda X, y, sign: found(X, y, sign, max_iterations=1)
    )
    result = BY_ID["F5.rate"].function(paper_run)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "no extreme vector is reached from x_+" in result.note


def the_flow(run: Run, change: Tamper = lambda run: run) -> Run:
    """A run on all images by the engine of the flow, which has the descent's losses where they are known."""
    step = np.array([0, *claims.DESCENT_LOSS])
    trajectory = replace(
        run.trajectory,
        step=step,
        t=2e-3 * step,
        loss=np.array([1.0, *claims.DESCENT_LOSS.values()]),
    )
    return change(
        replace(
            run,
            engine="smooth-flow",
            case=override(run.case, {"subset": None, "rtol": 1e-3}),
            trajectory=trajectory,
        )
    )


def test_the_flow_is_compared_with_the_descent(paper_run: Run) -> None:
    assert verdict("F5.flow", the_flow(paper_run)) is Verdict.PASS
    assert (
        verdict(
            "F5.flow",
            the_flow(
                paper_run, losing(lambda step, loss: np.where(step == 3_400, 1.04 * loss, loss))
            ),
        )
        is Verdict.FAIL
    )
    assert (
        verdict(
            "F5.flow",
            the_flow(
                paper_run, losing(lambda step, loss: np.where(step == 15_000, 0.98 * loss, loss))
            ),
        )
        is Verdict.FAIL
    )


@pytest.mark.parametrize("change", [{"seed": 1}, {"subset": 1_000}, {"init.scale": 1e-5}])
def test_other_flows_and_descents_are_not_compared(
    change: dict[str, object], paper_run: Run
) -> None:
    flow = the_flow(paper_run)
    assert (
        verdict("F5.flow", replace(flow, case=override(flow.case, change)))
        is Verdict.NOT_APPLICABLE
    )
    assert verdict("F5.flow", replace(flow, engine="torch")) is Verdict.NOT_APPLICABLE
    unrecorded = replace(
        flow,
        trajectory=replace(
            flow.trajectory, step=flow.trajectory.step + (flow.trajectory.step == 3_400)
        ),
    )
    assert "needs a record at iteration 3400" in BY_ID["F5.flow"].function(unrecorded).note


def test_flips_are_counted_once_per_neuron(paper_run: Run) -> None:
    signs = np.ones((len(paper_run.trajectory.step), 50), dtype=np.int8)
    signs[3:, 0] = -1
    signs[5:7, 1] = -1
    result = BY_ID["F5.flips"].function(observing("sign", lambda step, sign: signs)(paper_run))
    assert result.measured == 2
    assert "by iteration 140" in result.note


def test_assumption_1_on_small_sets() -> None:
    def judged(points: Dataset) -> Judgement:
        return BY_ID["A1"].function(users_run(points))

    separable_set = judged(separable())
    assert separable_set.verdict is Verdict.PASS
    assert separable_set.measured == pytest.approx(0.6, abs=1e-6)
    assert (
        "worst y_i y_j cos(x_i, x_j) = -0.9600"
        in judged(replace(separable(), y=np.array([1.0, -1.0, -1.0]))).note
    )
    assert (
        judged(Dataset(np.eye(2), np.array([1.0, -1.0]), "orthogonal")).verdict
        is Verdict.NOT_APPLICABLE
    )
    assert judged(replace(separable(), y=np.zeros(3))).verdict is Verdict.NOT_APPLICABLE


@pytest.mark.parametrize("id", BY_ID)
@pytest.mark.parametrize("labels", [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0], [0.3, -2.0, 0.0]])
def test_survives_odd_data_and_a_diverged_run(id: str, labels: list[float]) -> None:
    points = Dataset(np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 2.0]]), np.array(labels), "odd")
    run = users_run(points)
    diverged = replace(
        run, trajectory=replace(run.trajectory, observed={}, stop=Stop(StopReason.DIVERGED, 0, 0.0))
    )
    as_digits = replace(diverged, case=DIGITS_1_0)
    for odd in (run, diverged, as_digits):
        assert verdict(id, odd) in (Verdict.NOT_APPLICABLE, Verdict.INFO) or id in (
            "F5.opposite",
            "F5.corr",
        )


def separable() -> Dataset:
    return Dataset(
        np.array([[1.0, 0.0], [0.6, 0.8], [-0.8, -0.6]]), np.array([1.0, 1.0, -1.0]), "three points"
    )


def users_run(points: Dataset) -> Run:
    """Two neurons that stay where they are for three records."""
    W, a = np.array([[1.0, 0.5], [0.0, -1.0]]), np.array([0.5, -0.5])
    seen = class_alignment(points.X, points.y)(W, a)
    step = np.array([0, 20, 40])
    trajectory = Trajectory(
        step=step,
        t=2e-3 * step,
        loss=np.array([1.0, 0.9, 0.8]),
        snapshot_step=np.array([0, 40]),
        W=np.stack([W, W]),
        a=np.stack([a, a]),
        group=np.arange(2),
        stop=Stop(StopReason.HORIZON, 40, 0.08),
        observed={name: np.stack([value] * 3) for name, value in seen.items()},
    )
    return Run(
        replace(DIGITS_1_0, data=Data(name="file", options={"path": "points.csv"})),
        points,
        trajectory,
        "torch",
    )
