"""What makes a task of a sweep, and what a worker does with it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from flowrepro.core.config import run_id
from flowrepro.core.overrides import override
from flowrepro.errors import DiskFault, NumericalError
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.run import pipeline
from flowrepro.sweep.grid import Point
from flowrepro.sweep.tasks import Answer, Task, cases_of, is_done, perform

SMALL = override(TOY, {"n_steps": 20, "m": 4, "save_every": 5})


def test_tasks_and_answers_survive_their_message(tmp_path: Path) -> None:
    task = Task(tmp_path, (SMALL, replace(SMALL, seeds=(0, 5))), {"formats": ("png",)}, (SMALL,))
    assert Task.from_json(task.to_json()) == task
    answer = Answer((("a", "b"),), True, "full", 4, "line 7", ({"figures": ["a.png"]},))
    assert Answer.from_json(answer.to_json()) == answer


def test_seeds_are_cases_or_ensembles_that_cover_them_once() -> None:
    alone = [case for _, case in cases_of([Point((), SMALL)], (3, 6), lambda case: False)]
    assert [case.seed for case in alone] == [3, 4, 5]
    long = override(TOY, {"n_steps": 60_000})
    together = [case.seeds for _, case in cases_of([Point((), long)], (0, 2_500), lambda case: True)]
    assert together == [(0, 1_000), (1_000, 2_000), (2_000, 2_500)]


def test_a_task_computes_its_cases_once(tmp_path: Path) -> None:
    cases = tuple(replace(SMALL, seed=seed) for seed in range(2))
    answer = perform(Task(tmp_path, cases), lambda: False)
    assert not answer.failed
    assert [form["reused"] for form in answer.done] == [False, False]
    assert all(is_done(tmp_path, case) for case in cases)


def test_a_failing_case_is_named_and_the_others_are_computed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = pipeline.execute_case

    def fail(case, *rest):  # type: ignore[no-untyped-def]
        if case.seed == 0:
            raise NumericalError("too steep")
        if case.seed == 1:
            raise ZeroDivisionError("oops")
        return real(case, *rest)

    monkeypatch.setattr(pipeline, "execute_case", fail)
    cases = tuple(replace(SMALL, seed=seed) for seed in range(3))
    answer = perform(Task(tmp_path, cases), lambda: False)
    assert answer.failed == (
        (run_id(cases[0]), "too steep"),
        (run_id(cases[1]), "internal error: ZeroDivisionError: oops"),
    )
    assert is_done(tmp_path, cases[2])


def test_a_full_disk_halts_and_an_interruption_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert perform(Task(tmp_path, (SMALL,)), lambda: True).interrupted

    def full(*_: object) -> None:
        raise DiskFault("no room")

    monkeypatch.setattr(pipeline, "execute_case", full)
    assert perform(Task(tmp_path, (SMALL,)), lambda: False).halt == "no room"
