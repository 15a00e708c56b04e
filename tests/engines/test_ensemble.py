"""Many seeds at once: bit for bit the single runs, for any size, thread count, cut or
interruption.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numba
import numpy as np
import pytest
from problems import random_problem

from flowrepro.core.config import Loss
from flowrepro.core.trajectory import EnsembleTrajectory, StopReason
from flowrepro.engines import ensemble
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import CHUNK_SECONDS
from flowrepro.engines.drive import run as drive
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.engines.fused_gd import FusedGD
from flowrepro.errors import UsageError

LOGISTIC = Loss(name="logistic", reduction="sum")
CURVE, SNAPSHOTS = np.array([0, 7, 8, 30, 40]), np.array([0, 8, 13, 40])


def drawn(n: int, d: int, m: int, R: int, **options: Any) -> tuple[Problem, Members]:
    """A problem and R initial weights of its size."""
    problems = [random_problem(n, d, m, seed=seed, **options) for seed in range(R)]
    return problems[0], Members(
        np.arange(R) + 5, np.stack([p.W0 for p in problems]), np.stack([p.a0 for p in problems])
    )


def equal(left: EnsembleTrajectory, right: EnsembleTrajectory) -> bool:
    names = [field.name for field in dataclasses.fields(left) if isinstance(getattr(left, field.name), np.ndarray)]
    return left.stop == right.stop and all(
        getattr(left, name).tobytes() == getattr(right, name).tobytes() for name in names
    )


@pytest.mark.parametrize(
    ("n", "d", "m"), [(1, 1, 1), (2, 2, 60), (3, 1, 7), (5, 4, 8), (7, 3, 9), (4, 11, 17), (13, 2, 65)]
)
@pytest.mark.parametrize(
    "options",
    [{}, {"loss": LOGISTIC, "alpha": 0.3}, {"train": "first", "lr": 0.2}],
    ids=["square", "logistic", "first"],
)
def test_members_are_the_single_runs_bit_for_bit(n: int, d: int, m: int, options: dict[str, Any]) -> None:
    problem, members = drawn(n, d, m, 5, **options)
    many = run_ensemble(problem, members, SaveAt(CURVE, SNAPSHOTS))
    for r in range(5):
        own = dataclasses.replace(problem, W0=members.W0[r], a0=members.a0[r])
        single = drive(FusedGD, own, SaveAt(CURVE, SNAPSHOTS))
        np.testing.assert_array_equal(many.loss[r], single.loss)
        np.testing.assert_array_equal(many.W[r], single.W)
        np.testing.assert_array_equal(many.a[r], single.a)
    np.testing.assert_array_equal(many.step, CURVE)
    np.testing.assert_array_equal(many.t, single.t)
    assert many.stop == single.stop
    assert many.seeds.tolist() == [5, 6, 7, 8, 9]
    assert many.stats["gradient_evaluations"] == 5 * single.stats["gradient_evaluations"]


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one core")
def test_threads_change_no_bit_and_their_number_is_given_back() -> None:
    problem, members = drawn(5, 3, 20, 7, n_steps=300)
    save_at = SaveAt(np.array([0, 100, 300]), np.array([0, 300]))
    numba.set_num_threads(2)
    try:
        results = [run_ensemble(problem, members, save_at, levels=(0.3,), threads=threads) for threads in (1, 2, None)]
        assert numba.get_num_threads() == 2
    finally:
        numba.set_num_threads(1)
    assert all(equal(results[0], other) for other in results[1:])


def test_first_steps_below_are_those_of_every_step() -> None:
    problem, members = drawn(4, 2, 9, 6, n_steps=200)
    many = run_ensemble(problem, members, SaveAt(np.array([0, 200]), np.array([0, 200])), levels=(0.4, 0.1, 1e-9))
    for r in range(6):
        own = FusedGD(dataclasses.replace(problem, W0=members.W0[r], a0=members.a0[r]))
        losses = own.advance(np.arange(201))
        for level in (0.4, 0.1, 1e-9):
            expected = np.flatnonzero(losses < level)
            assert many.first_steps_below(level)[r] == (expected[0] if expected.size else np.inf)
    assert np.isinf(many.first_steps_below(1e-9)).all()
    with pytest.raises(KeyError, match=r"0\.2"):
        many.first_steps_below(0.2)


def test_levels_leave_the_losses_alone() -> None:
    problem, members = drawn(4, 2, 9, 3)
    without, with_levels = (
        run_ensemble(problem, members, SaveAt(CURVE, SNAPSHOTS), levels=levels) for levels in ((), (0.5,))
    )
    np.testing.assert_array_equal(without.loss, with_levels.loss)
    assert without.first_below.shape == (3, 0)


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_an_interrupted_run_goes_on_bit_for_bit(cut: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "LONGEST_CHUNK", 11)
    problem, members = drawn(5, 2, 12, 4)
    save_at, levels = SaveAt(CURVE, SNAPSHOTS), (0.5, 0.2)
    kept: list[dict[str, np.ndarray]] = []
    asked = iter(range(100))
    broken = run_ensemble(
        problem,
        members,
        save_at,
        levels=levels,
        checkpoint=lambda take, last: kept.append({name: array.copy() for name, array in take().items()}),
        interrupted=lambda: next(asked) == cut,
    )
    assert broken.stop.reason is StopReason.INTERRUPTED
    assert 0 < broken.stop.step < 40
    assert len(broken.step) < len(CURVE)
    whole = run_ensemble(problem, members, save_at, levels=levels)
    assert equal(run_ensemble(problem, members, save_at, levels=levels, resume=kept[-1]), whole)


def test_progress_ends_at_the_last_step_and_grows() -> None:
    problem, members = drawn(3, 2, 5, 2, n_steps=5_000)
    seen: list[int] = []
    run_ensemble(problem, members, SaveAt(np.array([0, 5_000]), np.array([5_000])), progress=seen.append)
    assert seen == sorted(set(seen))
    assert seen[-1] == 5_000
    assert CHUNK_SECONDS < 1


def test_divergence_is_a_stop_that_names_the_seeds() -> None:
    problem, members = drawn(5, 2, 7, 4, lr=0.05, n_steps=400)
    members.W0[2] *= 1e3
    many = run_ensemble(problem, members, SaveAt(np.arange(401), np.array([0, 400])))
    assert many.stop.reason is StopReason.DIVERGED
    assert "1 of 4 members diverged" in many.stop.note
    assert "seed 7" in many.stop.note
    assert np.isfinite(many.loss[:, : many.stop.step + 1]).all()
    assert not np.isfinite(many.loss[:, many.stop.step + 1]).all()
    assert np.isfinite(many.loss[[0, 1, 3]]).all()


def test_says_what_cannot_be_run_at_once() -> None:
    problem, _ = drawn(3, 2, 5, 1)
    assert ensemble.supports(problem) is None
    assert "depth 3" in (ensemble.supports(dataclasses.replace(problem, depth=3)) or "")
    assert "float32" in (ensemble.supports(dataclasses.replace(problem, dtype="float32")) or "")


def test_more_than_the_memory_holds_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ensemble, "MOST_BYTES", 1_000)
    problem, members = drawn(3, 2, 5, 2)
    with pytest.raises(UsageError, match="fewer seeds"):
        run_ensemble(problem, members, SaveAt(CURVE, SNAPSHOTS))


def test_statistics_over_the_seeds_are_those_of_single_runs() -> None:
    problem, members = drawn(4, 3, 10, 30)
    many = run_ensemble(problem, members, SaveAt(CURVE, np.array([0, 40])))
    single = []
    for W0, a0 in zip(members.W0, members.a0, strict=True):
        engine = FusedGD(dataclasses.replace(problem, W0=W0, a0=a0))
        single.append(engine.advance(CURVE))
    np.testing.assert_array_equal(
        np.percentile(many.loss, [5, 50, 95], axis=0), np.percentile(single, [5, 50, 95], axis=0)
    )
    np.testing.assert_array_equal(many.losses_at(30), np.array(single)[:, 3])
    with pytest.raises(KeyError, match="31"):
        many.losses_at(31)
