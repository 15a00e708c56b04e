"""Local workers: processes of their own that may die.

A task whose worker died is given to another, at most RETRIES times.
"""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from flowrepro.run.console import GRACE, interrupt
from flowrepro.sweep.tasks import Answer, Remark, Task, perform

RETRIES = 2
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""One thread per worker, set before a worker imports anything that computes."""
FROZEN = 2 * GRACE
"""Seconds after which a worker that was asked to stop is ended: it hears nothing. What it wrote is
whole, and its last checkpoint is kept.
"""
CHECKPOINTS = {"FLOWREPRO_CHECKPOINT_SECONDS": "5"}
"""Workers keep checkpoints more often than a person's run: they are killed more often."""


class Worker:
    """One process and the pipe to it."""

    def __init__(self, limits: Sequence[str]) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, os.getpid()), daemon=True
        )
        with (
            ignored(signal.SIGINT, signal.SIGHUP),
            _inherited(limits),
        ):  # signals reach the whole group; the driver passes them on in order
            self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        """Send a task; a worker that died is found out when its answer is read."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(task.to_json().encode())

    def message(self) -> Answer | Remark | None:
        """Its answer, a remark on its way there, or None if it died."""
        try:
            text = self.pipe.recv_bytes().decode()
        except (EOFError, OSError):
            return None
        return json.loads(text) if text.startswith("[") else Answer.from_json(text)

    def interrupt(self) -> None:
        """Ask it to keep a checkpoint and stop."""
        if self.process.is_alive() and self.process.pid:
            os.kill(self.process.pid, signal.SIGTERM)

    def end(self) -> None:
        """Let it go: no more tasks."""
        self.pipe.close()
        self.process.join(timeout=5)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def run_locally(
    tasks: Iterable[Task],
    workers: int,
    done: Callable[[Task, Answer], None],
    stop: Callable[[], bool],
    ready: Callable[[Task], bool] = lambda task: True,
    heard: Callable[[Task, Remark], None] = lambda task, remark: None,
    limits: Sequence[str] = ONE_THREAD,
) -> None:
    """Give every task to a worker, in order.

    ``done`` gets each task's answer, a lost one's too. No new task once ``stop`` says so. A task
    that is not ``ready`` lets others go first; the last tasks left must be. ``heard`` gets what
    workers say on the way, "begins" first. ``limits`` are the variables that are 1 for workers.
    """
    upcoming, attempts = iter(tasks), Counter[str]()
    queue = deque[Task]()  # met, and not given to a worker yet
    idle, busy = list[Worker](), list[tuple[Worker, Task]]()
    told = math.inf

    def chosen() -> Task | None:
        """The first task that is ready, taken out of the queue."""
        if (task := next(filter(ready, queue), None)) is not None:
            queue.remove(task)
            return task
        for task in upcoming:
            if ready(task):
                return task
            queue.append(task)
        return None

    try:
        while True:
            while len(busy) < workers and not stop() and (task := chosen()) is not None:
                busy.append((idle.pop() if idle else Worker(limits), task))
                busy[-1][0].give(task)
                heard(task, ["begins"])
            if not busy:
                break
            if stop() and told == math.inf:
                told = time.monotonic()
                for worker, _ in busy:
                    worker.interrupt()
            if time.monotonic() - told > FROZEN:
                for worker, _ in busy:
                    worker.process.kill()
                break
            spoken = wait([worker.pipe for worker, _ in busy], timeout=0.2)
            for worker, task in [pair for pair in busy if pair[0].pipe in spoken]:
                answer = worker.message()
                if isinstance(answer, list):
                    heard(task, answer)
                    continue
                busy.remove((worker, task))
                if answer is None or (
                    answer.interrupted and told == math.inf
                ):  # it died, or was told to stop by somebody else
                    answer = None
                    worker.end()
                    if stop():
                        continue
                    attempts[task.name] += 1
                    if attempts[task.name] <= RETRIES:
                        queue.append(task)
                        continue
                    answer = Answer(((task.name, f"its worker died {RETRIES + 1} times"),))
                else:
                    idle.append(worker)
                done(task, answer)
    finally:
        for worker in (*idle, *(worker for worker, _ in busy)):
            worker.end()


@contextlib.contextmanager
def _inherited(limits: Sequence[str]) -> Iterator[None]:
    """What a worker inherits that is started inside; this process's environment stays."""
    before = os.environ.copy()
    os.environ.update(CHECKPOINTS | before | dict.fromkeys(limits, "1"))
    try:
        yield
    finally:
        for name in (*limits, *CHECKPOINTS):
            os.environ.pop(name, None)
            os.environ.update({name: before[name]} if name in before else {})


@contextlib.contextmanager
def ignored(*numbers: signal.Signals) -> Iterator[None]:
    """Signals that processes started inside never see, not even while they import; this one sees
    them again afterwards.
    """
    before = (
        {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
        if threading.current_thread() is threading.main_thread()
        else {}
    )
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _serve(pipe: Connection, driver: int) -> None:
    """A worker's life: tasks in, answers out, until the driver closes the pipe or dies."""
    asked = threading.Event()

    def ask(*_: object) -> None:
        asked.set()
        signal.setitimer(signal.ITIMER_REAL, GRACE)

    signal.signal(signal.SIGTERM, ask)
    signal.signal(signal.SIGALRM, interrupt)
    threading.Thread(target=_follow, args=(driver,), daemon=True).start()
    while True:
        try:
            task = Task.from_json(pipe.recv_bytes().decode())
        except (EOFError, OSError):
            return
        try:
            answer = perform(task, asked.is_set, lambda said: pipe.send_bytes(_packed(said)))
            signal.setitimer(signal.ITIMER_REAL, 0)
            pipe.send_bytes(answer.to_json().encode())
        except OSError:
            return


def _packed(remark: Remark) -> bytes:
    return json.dumps(remark).encode()


def _follow(driver: int) -> None:
    """End with the driver: its death leaves no orphan that goes on writing."""
    while os.getppid() == driver:
        time.sleep(0.5)
    os._exit(1)
