"""Workers that die: their tasks are done by others, a task that always kills its worker is
named.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import mortal_workers
import pytest

from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.sweep import pool
from flowrepro.sweep.tasks import Answer, Task

SEEDS = (1, 2, 3, 7)


def test_tasks_of_dead_workers_are_done_and_a_poisonous_one_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_serve", mortal_workers.serve)
    answers: dict[int, Answer] = {}
    tasks = [Task(tmp_path, (replace(TOY, seed=seed),)) for seed in SEEDS]
    pool.run_locally(tasks, 2, lambda task, answer: answers.__setitem__(task.cases[0].seed, answer), lambda: False)
    assert sorted(answers) == [*SEEDS]
    assert [seed for seed, answer in answers.items() if answer.failed] == [7]
    assert answers[7].failed[0][1] == "its worker died 3 times"
    assert {path.name for path in tmp_path.iterdir()} == {
        f"{k}.{a}" for k in SEEDS for a in range(3 if k == 7 else 2 - k % 2)
    }


def test_a_task_that_is_not_ready_lets_others_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_serve", mortal_workers.serve)
    ended: list[int] = []
    tasks = [Task(tmp_path, (replace(TOY, seed=seed),)) for seed in (1, 3, 5)]
    pool.run_locally(
        tasks,
        2,
        lambda task, answer: ended.append(task.cases[0].seed),
        lambda: False,
        lambda task: task.cases[0].seed != 1 or len(ended) == 2,
    )
    assert ended[2] == 1


def test_nothing_is_given_out_after_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pool, "_serve", mortal_workers.serve)
    seen: list[int] = []
    tasks = [Task(tmp_path, (replace(TOY, seed=seed),)) for seed in (1, 3, 5)]
    pool.run_locally(tasks, 1, lambda task, answer: seen.append(task.cases[0].seed), lambda: len(seen) >= 1)
    assert seen == [1]
