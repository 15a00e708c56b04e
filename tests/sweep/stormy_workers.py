"""Workers for tests that really compute, while a fault comes and goes."""

from __future__ import annotations

import errno
import os
import random
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

from flowrepro.sweep import pool
from flowrepro.sweep.tasks import Answer, Task

_perform = pool.perform
_serve = pool._serve
_fsync, _time = os.fsync, time.time


def disk_is_full_once(pipe: Connection, driver: int) -> None:
    """A worker whose disk is full in the middle of a run, the first time that any gets seed 3."""

    def perform(task: Task, *told: Callable[..., Any]) -> Answer:
        mark = task.root / "full"
        if task.cases[0].seed == 3 and not mark.exists():
            mark.touch()
            os.fsync = _full
        try:
            return _perform(task, *told)
        finally:
            os.fsync = _fsync

    pool.perform = perform
    _serve(pipe, driver)


def _full(descriptor: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def clock_jumps(pipe: Connection, driver: int) -> None:
    """A worker whose clock jumps by up to ten years whenever it is read."""
    dice = random.Random(driver)
    time.time = lambda: _time() + dice.uniform(-3e8, 3e8)
    _serve(pipe, driver)
