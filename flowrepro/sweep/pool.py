"""Local workers: processes of their own that may die.

A task whose worker died is given to another, at most RETRIES times.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from flowrepro.run.console import GRACE, interrupt
from flowrepro.sweep.tasks import Answer, Task, perform

RETRIES = 2
ONE_THREAD = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
"""One thread per worker, set before a worker imports anything that computes."""
CHECKPOINTS = {"FLOWREPRO_CHECKPOINT_SECONDS": "5"}
"""Workers keep checkpoints more often than a person's run: they are killed more often."""


class Worker:
    """One process and the pipe to it."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        self.process: SpawnProcess = context.Process(
            target=_serve, args=(theirs, os.getpid()), daemon=True
        )
        with ignored(
            signal.SIGINT, signal.SIGHUP
        ):  # these reach the whole group; the driver passes them on in order
            self.process.start()
        theirs.close()

    def give(self, task: Task) -> None:
        """Send a task; a worker that died is found out when its answer is read."""
        with contextlib.suppress(OSError):
            self.pipe.send_bytes(task.to_json().encode())

    def answer(self) -> Answer | None:
        """Its answer, or None if it died."""
        try:
            return Answer.from_json(self.pipe.recv_bytes().decode())
        except (EOFError, OSError):
            return None

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
) -> None:
    """Give every task to a worker;

    ``done`` gets each task's answer, a lost one's too. No new task once ``stop`` says so.
    """
    queue, attempts = deque(tasks), Counter[str]()
    idle, busy = [Worker() for _ in range(min(workers, len(queue)))], list[tuple[Worker, Task]]()
    told = False
    try:
        while busy or (queue and not stop()):
            while queue and idle and not stop():
                busy.append((idle.pop(), queue.popleft()))
                busy[-1][0].give(busy[-1][1])
            if stop() and not told:
                told = True
                for worker, _ in busy:
                    worker.interrupt()
            ready = wait([worker.pipe for worker, _ in busy], timeout=0.2)
            for worker, task in [pair for pair in busy if pair[0].pipe in ready]:
                busy.remove((worker, task))
                answer = worker.answer()
                if answer is None or (
                    answer.interrupted and not told
                ):  # it died, or was told to stop by somebody else
                    answer = None
                    worker.end()
                    if stop():
                        continue
                    worker = Worker()
                    attempts[task.name] += 1
                    if attempts[task.name] <= RETRIES:
                        queue.append(task)
                    else:
                        answer = Answer(((task.name, f"its worker died {RETRIES + 1} times"),))
                idle.append(worker)
                if answer is not None:
                    done(task, answer)
    finally:
        for worker in (*idle, *(worker for worker, _ in busy)):
            worker.end()


def one_thread_per_worker() -> None:
    """Set what workers inherit, before the first is started."""
    os.environ.update(dict.fromkeys(ONE_THREAD, "1"))
    for name, value in CHECKPOINTS.items():
        os.environ.setdefault(name, value)


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
        answer = perform(task, asked.is_set)
        signal.setitimer(signal.ITIMER_REAL, 0)
        try:
            pipe.send_bytes(answer.to_json().encode())
        except OSError:
            return


def _follow(driver: int) -> None:
    """End with the driver: its death leaves no orphan that goes on writing."""
    while os.getppid() == driver:
        time.sleep(0.5)
    os._exit(1)
