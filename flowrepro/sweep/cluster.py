"""The same tasks on dask.distributed: a scheduler that is named, or a cluster on this machine (extra [sweep])."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flowrepro import provenance
from flowrepro.errors import EnvironmentFault
from flowrepro.sweep.pool import ONE_THREAD, RETRIES
from flowrepro.sweep.tasks import Answer, Task, perform

WINDOW = 4
"""Tasks in flight per worker: schedulers lose workers when everything is submitted at once."""


def run_on_cluster(tasks: Sequence[Task], address: str, workers: int, done: Callable[[Task, Answer], None], stop: Callable[[], bool]) -> None:
    """As `pool.run_locally`, on the scheduler at ``address`` or, without one, on ``workers`` processes of this machine.

    Raises EnvironmentFault where distributed is absent, the scheduler cannot be reached, or workers run other versions.
    """
    with _client(address, workers) as client:
        _require_equal_versions(client)
        from distributed import as_completed

        team = max(1, len(client.scheduler_info()["workers"]))
        waiting, flying = list(reversed(tasks)), dict[str, Task]()
        completed = as_completed()

        def submit() -> None:
            while waiting and len(flying) < WINDOW * team and not stop():
                task = waiting.pop()
                future = client.submit(_work, task.to_json(), pure=False, retries=0)
                flying[future.key] = task
                completed.add(future)

        submit()
        while flying:
            future = next(completed)
            task = flying.pop(future.key)
            done(task, _answer(future, task))
            if stop() and flying:
                client.cancel(list(completed.futures))
                return
            submit()


def _answer(future: Any, task: Task) -> Answer:
    if future.status == "finished":
        return Answer.from_json(future.result())
    return Answer(((task.name, f"the cluster gave it up: {future.exception()!r}"[:300]),))


def _work(message: str) -> str:
    return perform(Task.from_json(message), lambda: False).to_json()


@contextlib.contextmanager
def _client(address: str, workers: int) -> Iterator[Any]:
    try:
        import dask
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise EnvironmentFault(f"sweeps on a cluster need dask.distributed ({error}); pip install 'flowrepro[sweep]', or leave the option out") from None
    dask.config.set({"distributed.scheduler.allowed-failures": RETRIES, "distributed.worker.daemon": True})
    if address:
        try:
            with Client(address, timeout="3s") as client:
                yield client
        except OSError as error:
            raise EnvironmentFault(f"the scheduler {address} cannot be reached ({error}); start it, or leave --scheduler out") from None
        return
    with (
        LocalCluster(n_workers=workers, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, env=dict.fromkeys(ONE_THREAD, "1")) as cluster,
        Client(cluster) as client,
    ):
        yield client


def _versions() -> dict[str, str]:
    return {**provenance.versions(), "code": provenance.package_hash()}


def _require_equal_versions(client: Any) -> None:
    ours = _versions()
    for worker, theirs in client.run(_versions).items():
        differing = [f"{name}: {ours[name]} here, {theirs.get(name, 'absent')} there" for name in ours if ours[name] != theirs.get(name)]
        if differing:
            raise EnvironmentFault(f"worker {worker} runs other versions ({'; '.join(differing)}); install the same on all machines")
