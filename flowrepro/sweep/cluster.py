"""The same tasks on dask.distributed: a scheduler that is named, or a cluster on this machine
(extra [sweep]).
"""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from flowrepro import __version__
from flowrepro.errors import EnvironmentFault
from flowrepro.run.console import GRACE
from flowrepro.store import provenance
from flowrepro.sweep.pool import ONE_THREAD, RETRIES, ignored
from flowrepro.sweep.tasks import Answer, Task, perform

WINDOW = 4
"""Tasks in flight per worker: schedulers lose workers when everything is submitted at once."""
LOST = "the scheduler went away; start it again, and its workers"
FIRST_WORKER = 30
"""Seconds that a scheduler may be without a worker when a sweep begins."""


def run_on_cluster(
    tasks: Iterator[Task],
    address: str,
    workers: int,
    done: Callable[[Task, Answer], None],
    stop: Callable[[], bool],
) -> None:
    """As `pool.run_locally`, on the scheduler at ``address`` or, without one, on ``workers``
    processes of this machine.

    Raises EnvironmentFault where distributed is absent, the scheduler cannot be reached, or workers
    run other versions.
    """
    from concurrent.futures import CancelledError

    with _client(address, workers) as client:
        try:
            _drive(client, tasks, done, stop)
        except (OSError, CancelledError) as error:  # of the connection
            raise EnvironmentFault(
                f"the sweep was halted: {LOST}; the same command goes on"
            ) from error


def _drive(
    client: Any,
    tasks: Iterator[Task],
    done: Callable[[Task, Answer], None],
    stop: Callable[[], bool],
) -> None:
    _require_equal_versions(client)
    client.run(_begin)
    flying = dict[Any, Task]()
    upcoming = next(tasks, None)
    told = 0.0
    while flying or (upcoming is not None and not stop()):
        there = client.status == "running"
        if client.status == "closed":
            raise ConnectionError(LOST)
        workers = len(client.nthreads()) if there else 0  # they come and go
        room = WINDOW * max(1, workers) - len(flying) if there else 0
        for _ in range(room):
            if upcoming is None or stop():
                break
            message = upcoming.to_json()
            flying[client.submit(_work, message, _versions(), pure=False, retries=0)] = upcoming
            upcoming = next(tasks, None)
        if stop() and not told:
            told = time.monotonic()
            if there:
                client.run(_ask_to_stop)
        if told and time.monotonic() - told > GRACE:  # what they compute now ends on its own
            if there:
                client.cancel(list(flying))
            return
        for future in _finished(flying):
            task = flying.pop(future)
            done(task, _answer(future, task))


def _finished(flying: Iterable[Any]) -> list[Any]:
    """Futures that are done, waiting a moment for one."""
    from distributed import wait

    with contextlib.suppress(TimeoutError):
        wait(list(flying), timeout=0.5, return_when="FIRST_COMPLETED")
    return [future for future in flying if future.done()]


def _answer(future: Any, task: Task) -> Answer:
    if future.status == "finished":
        return Answer.from_json(future.result())
    if future.status in ("cancelled", "lost"):
        return Answer(halt=LOST)
    return Answer(((task.name, f"the cluster gave it up: {future.exception()!r}"[:300]),))


_STOP = threading.Event()
"""In a worker's process: whether its driver asks it to keep a checkpoint and stop."""


def _begin() -> None:
    _STOP.clear()


def _ask_to_stop() -> None:
    _STOP.set()


def _work(message: str, driver: dict[str, str]) -> str:
    differing = _differing(driver, _versions())
    if differing:  # a worker that came after the claim at the start
        return Answer(
            halt=f"a worker runs other versions ({differing}); install the same on all machines"
        ).to_json()
    if _STOP.is_set():  # it stood in the queue
        return Answer(interrupted=True).to_json()
    return perform(Task.from_json(message), _STOP.is_set).to_json()


@contextlib.contextmanager
def _client(address: str, workers: int) -> Iterator[Any]:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise EnvironmentFault(
            f"sweeps on a cluster need dask.distributed ({error}); pip install "
            "'flowrepro[sweep]', or leave the option out"
        ) from None
    logging.disable()  # its loggers show traces of a lost connection, which we name ourselves
    dask.config.set(
        {"distributed.scheduler.allowed-failures": RETRIES, "distributed.worker.daemon": True}
    )
    with contextlib.ExitStack() as opened:
        if address:
            try:
                client = opened.enter_context(Client(address, timeout="3s"))
            except (OSError, ValueError) as error:
                raise EnvironmentFault(
                    f"the scheduler {address} cannot be reached ({error}); start it, or leave "
                    "--scheduler out"
                ) from None
            try:
                client.wait_for_workers(1, timeout=FIRST_WORKER)
            except TimeoutError:
                raise EnvironmentFault(
                    f"the scheduler {address} has no worker after {FIRST_WORKER} s; start one with "
                    f"'dask worker {address}'"
                ) from None
        else:
            with ignored(signal.SIGINT, signal.SIGHUP):
                one_each = dict.fromkeys(ONE_THREAD, "1")
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    host="127.0.0.1",
                    dashboard_address=None,
                    env=one_each,
                )
            client = opened.enter_context(Client(opened.enter_context(cluster)))
        yield client


def _versions() -> dict[str, str]:
    return {**provenance.versions(), "code": provenance.package_hash()}


def _differing(ours: dict[str, str], theirs: dict[str, str]) -> str:
    return "; ".join(
        f"{name}: {ours[name]} here, {theirs.get(name, 'absent')} there"
        for name in ours
        if ours[name] != theirs.get(name)
    )


def _require_equal_versions(client: Any) -> None:
    try:
        found = client.run(_versions)
    except Exception as error:
        # A worker without flowrepro, or with one too old for this, raises what its import raises.
        raise EnvironmentFault(
            f"a worker cannot tell its versions ({error!r}); install flowrepro {__version__} on "
            "all machines"
        ) from error
    for worker, theirs in found.items():
        if differing := _differing(_versions(), theirs):
            raise EnvironmentFault(
                f"worker {worker} runs other versions ({differing}); install the same on all "
                "machines"
            )
