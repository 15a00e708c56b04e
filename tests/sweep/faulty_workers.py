"""Workers for tests that really compute, until a fault reaches them."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from flowrepro.sweep import pool
from flowrepro.sweep.tasks import Answer, Task

_perform = pool.perform
_serve = pool._serve


def dies_on_seed_1(pipe: Connection, driver: int) -> None:
    """A worker that the system kills whenever it gets seed 1."""

    def perform(task: Task, *told: Callable[..., Any]) -> Answer:
        if task.cases[0].seed == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return _perform(task, *told)

    pool.perform = perform
    _serve(pipe, driver)


def told_to_stop_once(pipe: Connection, driver: int) -> None:
    """A worker that somebody sends SIGTERM, the first time that any of them begins."""

    def perform(task: Task, *told: Callable[..., Any]) -> Answer:
        mark = task.root / "told"
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGTERM)
        return _perform(task, *told)

    pool.perform = perform
    _serve(pipe, driver)
