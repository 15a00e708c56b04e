from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from min2024_results import claims_of, expect, losing, observing, png, with_trajectory

from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import Data
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Run, Stop, StopReason, Trajectory
from flowrepro.figures import NotDrawable
from flowrepro.papers.min2024 import figure_5_mnist
from flowrepro.papers.min2024.figure_5_mnist import DESCENT_LOSS, DIGITS_1_0, topic
from flowrepro.theory.alignment import class_alignment

CLAIMS = claims_of(topic)
PASS, FAIL, OUTSIDE = Verdict.PASS, Verdict.FAIL, Verdict.NOT_APPLICABLE


def relabelled(run: Run) -> Run:
    return replace(run, dataset=replace(run.dataset, y=np.roll(run.y, len(run.y) // 4)))


def aligned_at_once(run: Run) -> Run:
    W = run.trajectory.W.copy()
    W[0] = W[2]
    return with_trajectory(run, W=W)


def one_side_ends_aligned(_: np.ndarray, cosines: np.ndarray) -> np.ndarray:
    cosines[-1, 1] = 0.9999
    return cosines


def bumped(_: np.ndarray, loss: np.ndarray) -> np.ndarray:
    loss[100] *= 1.0001
    return loss


TAMPERED: dict[str, Callable[[Run], Run]] = {
    "figure-5-correlation": relabelled,
    "section-4-opposite-sums": lambda run: replace(run, dataset=replace(run.dataset, X=run.X + 0.01)),
    "section-4-start": aligned_at_once,
    "figure-5-alignment": lambda run: observing(run, "aligned_share", lambda _, share: 0.8 * share),
    "figure-5-first-alignment": lambda run: observing(
        run, "mean_cos", lambda step, cosines: np.where((step < 1_500)[:, None], 0.0, cosines)
    ),
    "figure-5-drop": lambda run: observing(run, "mean_cos", one_side_ends_aligned),
    "figure-5-growth": lambda run: losing(run, lambda step, L: np.where(step < 3_400, 1.0, L)),
    "figure-5-stable-rank": lambda run: observing(run, "frobenius2", lambda _, norm: 1.06 * norm),
    "equation-4-rate": lambda run: observing(run, "spectral2", lambda _, norm: norm**1.03),
    "figure-5-fit": lambda run: losing(run, lambda _, loss: 3 * loss),
    "figure-5-descent": lambda run: losing(run, bumped),
    "figure-5-images": lambda run: with_trajectory(run, a=-run.trajectory.a),
}
CURVES = sorted(TAMPERED.keys() - {"figure-5-correlation", "section-4-opposite-sums"})


def test_every_claim_is_tested() -> None:
    assert CLAIMS.keys() == {*TAMPERED, "section-4-sign-changes", "figure-5-flow"}


@pytest.mark.parametrize("id", TAMPERED)
def test_each_claim_three_ways(id: str, paper_run: Run) -> None:
    expect(CLAIMS[id], paper_run, PASS)
    expect(CLAIMS[id], TAMPERED[id](paper_run), FAIL)
    expect(CLAIMS[id], users_run(SEPARABLE), OUTSIDE)


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
def test_does_not_apply_to_another_case(change: dict[str, Any], paper_run: Run) -> None:
    other = replace(paper_run, case=override(paper_run.case, change))
    for id in CURVES:
        expect(CLAIMS[id], other, OUTSIDE)


@pytest.mark.parametrize("change", [{"seed": 3}, {"subset_seed": 4}, {"dtype": "float64"}, {"engine": "torch"}])
def test_applies_under_another_seed_or_precision(change: dict[str, Any], paper_run: Run) -> None:
    other = replace(paper_run, case=override(paper_run.case, change))
    for id in CURVES:
        expect(CLAIMS[id], other, PASS)


def test_the_quick_variant_is_judged_as_far_as_it_reaches(quick_run: Run) -> None:
    unreached = {"figure-5-drop", "figure-5-fit", "figure-5-images"}
    for id in TAMPERED:
        late = id in unreached
        expect(CLAIMS[id], quick_run, OUTSIDE if late else PASS, "iteration 15000" if late else "")


def test_missing_records_are_named(paper_run: Run) -> None:
    blind = with_trajectory(paper_run, observed={})
    expect(CLAIMS["figure-5-alignment"], blind, OUTSIDE, "record.observe")
    expect(CLAIMS["section-4-sign-changes"], blind, OUTSIDE, "record.observe")
    t = paper_run.trajectory
    weightless = with_trajectory(paper_run, snapshot_step=t.snapshot_step[:-1], W=t.W[:-1], a=t.a[:-1])
    expect(CLAIMS["figure-5-images"], weightless, OUTSIDE, "record.snapshots")


def test_alignment_is_judged_by_the_window_of_its_case(paper_run: Run) -> None:
    def early(step: np.ndarray, cosines: np.ndarray) -> np.ndarray:
        return np.where((step >= 400)[:, None], np.maximum(cosines, 0.995), cosines)

    expect(CLAIMS["figure-5-alignment"], observing(paper_run, "mean_cos", early), FAIL)


def test_the_rate_needs_an_extreme_vector(paper_run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    found = figure_5_mnist.extreme_vector
    monkeypatch.setattr(figure_5_mnist, "extreme_vector", lambda X, y, sign: found(X, y, sign, max_iterations=1))
    note = "no extreme vector is reached from x_+"
    expect(CLAIMS["equation-4-rate"], paper_run, OUTSIDE, note)


def the_flow(run: Run) -> Run:
    """A run on all images by the engine of the flow, which has the descent's losses."""
    step = np.array([0, *DESCENT_LOSS])
    loss = np.array([1.0, *DESCENT_LOSS.values()])
    flow = with_trajectory(run, step=step, t=2e-3 * step, loss=loss)
    case = override(run.case, {"subset": None, "rtol": 1e-3})
    return replace(flow, engine="smooth-flow", case=case)


def test_the_flow_is_compared_with_the_descent(paper_run: Run) -> None:
    claim, flow = CLAIMS["figure-5-flow"], the_flow(paper_run)
    expect(claim, flow, PASS)
    for at, factor in ((3_400, 1.04), (15_000, 0.98)):
        there = flow.trajectory.step == at
        changed = np.where(there, factor, 1.0) * flow.trajectory.loss
        expect(claim, with_trajectory(flow, loss=changed), FAIL)
    for change in ({"seed": 1}, {"subset": 1_000}, {"init.scale": 1e-5}):
        expect(claim, replace(flow, case=override(flow.case, change)), OUTSIDE)
    expect(claim, replace(flow, engine="torch"), OUTSIDE)
    step = flow.trajectory.step
    unrecorded = with_trajectory(flow, step=step + (step == 3_400))
    expect(claim, unrecorded, OUTSIDE, "needs a record at iteration 3400")


def test_sign_changes_are_counted_once_per_neuron(paper_run: Run) -> None:
    signs = np.ones((len(paper_run.trajectory.step), 50), dtype=np.int8)
    signs[3:, 0] = -1
    signs[5:7, 1] = -1
    judged = CLAIMS["section-4-sign-changes"].judge(observing(paper_run, "sign", lambda step, sign: signs))
    assert judged.verdict is Verdict.INFO
    assert judged.measured == 2
    assert "by iteration 140" in judged.note


@pytest.mark.parametrize("labels", [[1.0, 1.0, 1.0], [-1.0, -1.0, -1.0], [0.3, -2.0, 0.0]])
def test_survives_odd_data_and_a_diverged_run(labels: list[float]) -> None:
    points = Dataset(np.array([[1.0, 0.0], [0.0, 0.0], [1.0, 2.0]]), np.array(labels), "odd")
    run = users_run(points)
    diverged = with_trajectory(run, observed={}, stop=Stop(StopReason.DIVERGED, 0, 0.0))
    any_data = ("section-4-opposite-sums", "figure-5-correlation")
    for odd in (run, diverged, replace(diverged, case=DIGITS_1_0)):
        for id, claim in CLAIMS.items():
            assert claim.judge(odd).verdict in (OUTSIDE, Verdict.INFO) or id in any_data


SEPARABLE = Dataset(np.array([[1.0, 0.0], [0.6, 0.8], [-0.8, -0.6]]), np.array([1.0, 1.0, -1.0]), "three points")


def users_run(points: Dataset) -> Run:
    """Two neurons that stay where they are for three records."""
    W, a = np.array([[1.0, 0.5], [0.0, -1.0]]), np.array([0.5, -0.5])
    case = replace(DIGITS_1_0, data=Data(name="file", options={"path": "points.csv"}))
    return recorded(case, points, np.stack([W, W, W]), np.stack([a, a, a]), [1.0, 0.9, 0.8])


def recorded(case: Any, points: Dataset, W: np.ndarray, a: np.ndarray, loss: list[float]) -> Run:
    """Three records of weights W (3, m, d), a (3, m)."""
    observe = class_alignment(points.X, points.y)
    seen = [observe(weights, outputs) for weights, outputs in zip(W, a, strict=True)]
    step = np.array([0, 20, 40])
    trajectory = Trajectory(
        step=step, t=2e-3 * step, loss=np.array(loss), snapshot_step=step[[0, 2]], W=W[[0, 2]],
        a=a[[0, 2]], group=np.arange(W.shape[1]), stop=Stop(StopReason.HORIZON, 40, 0.08),
        observed={name: np.stack([values[name] for values in seen]) for name in seen[0]},
    )  # fmt: skip
    return Run(case, points, trajectory, "torch")


# ---- the figure


def small_run(d: int = 9, labels: tuple[float, ...] = (1.0, 1.0, -1.0)) -> Run:
    """Two neurons over three records; data e1, twice, and -2 e2."""
    X = np.zeros((3, d))
    X[0, 0] = X[1, 0] = 1.0
    X[2, 1] = -2.0
    W = np.zeros((3, 2, d))
    W[:, 0, 0], W[:, 1, 1] = [1.0, 2.0, 3.0], [1.0, 1.0, -1.0]
    points = Dataset(X, np.array(labels), "small")
    return recorded(DIGITS_1_0, points, W, np.tile([1.0, -1.0], (3, 1)), [1.0, 0.5, 0.25])


def test_the_figure_shows_what_the_run_holds() -> None:
    (figure,) = topic.figures
    heat, up, down, loss, rank, norm, *images = figure.collect(small_run()).panels
    expected = [[1.0, 1.0, 0.0], [1.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    np.testing.assert_array_equal(heat.marks[0].value, expected)
    assert "33.3 %" in heat.title
    step = [0, 20, 40]
    for panel, mark, values in (
        (up, 1, [1.0, 1.0, 1.0]),
        (down, 1, [-1.0, -1.0, 1.0]),
        (loss, 0, [1.0, 0.5, 0.25]),
        (rank, 0, [2.0, 5 / 4, 10 / 9]),
        (norm, 0, [1.0, 4.0, 9.0]),
    ):
        np.testing.assert_array_equal(panel.marks[mark].x, step)
        np.testing.assert_array_equal(panel.marks[mark].y, values)
    unit = np.eye(9)
    for panel, vector in zip(images, (3 * unit[0], -unit[1], unit[0], -2 * unit[1]), strict=True):
        np.testing.assert_array_equal(panel.marks[0].value, vector.reshape(3, 3))


def test_the_figure_needs_the_alignment_and_names_other_points() -> None:
    (figure,) = topic.figures
    with pytest.raises(NotDrawable, match=r"record\.observe"):
        figure.collect(with_trajectory(small_run(), observed={}))
    assert "MNIST digits 1 and 0" in figure.collect(small_run()).caption
    assert figure.collect(users_run(SEPARABLE)).caption.startswith("3 points in dimension 2 (file)")


def cut_short(run: Run) -> Run:
    seen = {name: values[:1] for name, values in run.trajectory.observed.items()}
    return with_trajectory(run, observed=seen)


@pytest.mark.slow
@pytest.mark.parametrize(
    "run",
    [small_run(), small_run(d=5), small_run(labels=(1.0, 1.0, 1.0)), cut_short(small_run())],
    ids=["square", "strips", "one-class", "cut-short"],
)
def test_the_figure_is_drawn(run: Run) -> None:
    (figure,) = topic.figures
    assert len(png(figure, run)) > 1_000
