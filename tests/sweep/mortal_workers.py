"""Workers for tests: some die in the middle of a task."""

from __future__ import annotations

import os
import signal
from multiprocessing.connection import Connection
from pathlib import Path

from flowrepro.sweep.tasks import Answer, Task


def serve(pipe: Connection, driver: int) -> None:
    """Write a mark per attempt; die by SIGKILL on seed 7 always, on even seeds at the first
    attempt.
    """
    while True:
        try:
            task = Task.from_json(pipe.recv_bytes().decode())
        except EOFError:
            return
        (case,) = task.cases
        mark = Path(
            task.root, f"{case.seed}.{sum(path.name.startswith(f'{case.seed}.') for path in Path(task.root).iterdir())}"
        )
        mark.touch()
        if case.seed == 7 or (case.seed % 2 == 0 and mark.name.endswith(".0")):
            os.kill(os.getpid(), signal.SIGKILL)
        pipe.send_bytes(Answer().to_json().encode())
