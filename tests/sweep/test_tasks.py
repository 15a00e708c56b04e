"""What makes a task of a sweep, and what a worker does with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowrepro import pipeline
from flowrepro.errors import DiskFault, NumericalError
from flowrepro.experiment import override, run_id
from flowrepro.papers.boursier2022.experiments import TOY
from flowrepro.sweep.grid import Point
from flowrepro.sweep.tasks import Answer, Task, is_done, perform, rows_of

SMALL = override(TOY, {"n_steps": 20, "m": 4, "save_every": 5})


def test_tasks_and_answers_survive_their_message(tmp_path: Path) -> None:
    task = Task(tmp_path, (SMALL, replace(SMALL, seeds=(0, 5))))
    assert Task.from_json(task.to_json()) == task
    answer = Answer((("a", "b"),), interrupted=True, halt="full")
    assert Answer.from_json(answer.to_json()) == answer


def test_seeds_are_rows_or_ensembles_that_cover_them_once() -> None:
    alone = [row for _, row in rows_of([Point((), SMALL)], (3, 6), lambda row: False)]
    assert [row.seed for row in alone] == [3, 4, 5]
    long = override(TOY, {"n_steps": 60_000})
    together = [row.seeds for _, row in rows_of([Point((), long)], (0, 2_500), lambda row: True)]
    assert together == [(0, 1_000), (1_000, 2_000), (2_000, 2_500)]


def test_a_task_computes_its_rows_once(tmp_path: Path) -> None:
    rows = tuple(replace(SMALL, seed=seed) for seed in range(2))
    assert perform(Task(tmp_path, rows), lambda: False) == Answer()
    assert all(is_done(tmp_path, row) for row in rows)


def test_a_failing_row_is_named_and_the_others_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pipeline.execute_row

    def fail(row, *rest):  # type: ignore[no-untyped-def]
        if row.seed == 0:
            raise NumericalError("too steep")
        if row.seed == 1:
            raise ZeroDivisionError("oops")
        return real(row, *rest)

    monkeypatch.setattr(pipeline, "execute_row", fail)
    rows = tuple(replace(SMALL, seed=seed) for seed in range(3))
    answer = perform(Task(tmp_path, rows), lambda: False)
    assert answer.failed == ((run_id(rows[0]), "too steep"), (run_id(rows[1]), "internal error: ZeroDivisionError: oops"))
    assert is_done(tmp_path, rows[2])


def test_a_full_disk_halts_and_an_interruption_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert perform(Task(tmp_path, (SMALL,)), lambda: True).interrupted

    def full(*_: object) -> None:
        raise DiskFault("no room")

    monkeypatch.setattr(pipeline, "execute_row", full)
    assert perform(Task(tmp_path, (SMALL,)), lambda: False).halt == "no room"
