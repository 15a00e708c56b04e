"""Sweeps in a storm: no run is lost, none is counted twice, and the summary is that of a calm
sweep.
"""

from __future__ import annotations

import contextlib
import csv
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import stormy_workers
from command_line import Result

from flowrepro.errors import EnvironmentFault
from flowrepro.sweep import cluster, pool

Flowrepro = Callable[..., Result]
SWEEP = (
    *("sweep", "orthogonal", "--set", "geometric=0", "--set", "save_every=10000"),
    *("--grid", "scale=1e-6,1e-4,1e-3", "--seeds", "0:4"),
    *("--summary", "--format", "png"),
)
SHORT, LONG = ("--set", "n_steps=200000"), ("--set", "n_steps=1500000")
RUNS = 12
SEEDS = range(int(os.environ.get("TRIALS", "1")))
"""Of the storms; see 'make storm'."""


def lines(out: Path) -> list[list[str]]:
    """The summary but for the seconds in its last column."""
    (file,) = out.glob("orthogonal/sweep-*/summary.csv")
    return [line[:-1] for line in csv.reader(file.read_text().splitlines())]


def require_all(out: Path, calm: Path) -> None:
    """Every run is there once, whole, and the summary is the calm one."""
    folders = [path for path in out.glob("orthogonal/toy-*") if path.is_dir()]
    assert len(folders) == RUNS
    assert all((folder / "manifest.json").is_file() for folder in folders)
    assert not list(out.rglob("checkpoint.npz"))
    assert lines(out) == lines(calm)


def started(out: Path, *words: str) -> subprocess.Popen[str]:
    line = [sys.executable, "-m", "flowrepro", *SWEEP, *words, "--out", str(out)]
    return subprocess.Popen(line, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def ended(process: subprocess.Popen[str]) -> str:
    """What a sweep said on stderr, once it ended with 0."""
    said = process.communicate(timeout=600)[1]
    assert process.returncode == 0, said
    return said


def children(pid: int) -> list[int]:
    """Workers of a driver, by their parent."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == pid and b"spawn_main" in folder.joinpath("cmdline").read_bytes():
                found.append(int(folder.name))
    return found


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("calm")
    ended(started(out, *LONG, "--workers", "2"))
    return out


@pytest.fixture(scope="module")
def calm_and_short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("short")
    ended(started(out, *SHORT, "--workers", "2"))
    return out


def storm(out: Path, dice: random.Random) -> Counter[str]:
    """Kill and freeze workers, and the driver once, then let the sweep become whole; the blows."""
    blows, dealt = ["killed", "frozen"] * 3 + ["driver killed"], Counter[str]()
    dice.shuffle(blows)
    for _ in range(10):
        process = started(out, *LONG, "--workers", "2")
        while process.poll() is None and blows:
            time.sleep(dice.uniform(0.3, 2.0))
            workers = children(process.pid)
            if process.poll() is None and (workers or blows[-1] == "driver killed"):
                strike(process, workers, blows[-1], dice)
                dealt[blows.pop()] += 1
        said = process.communicate(timeout=600)[1]
        if process.returncode == 0:
            return dealt
    raise AssertionError(said)


def strike(process: subprocess.Popen[str], workers: list[int], blow: str, dice: random.Random) -> None:
    if blow == "driver killed":
        process.kill()
        process.wait()
        return
    worker = dice.choice(workers)
    with contextlib.suppress(ProcessLookupError):
        os.kill(worker, signal.SIGSTOP if blow == "frozen" else signal.SIGKILL)
        time.sleep(dice.uniform(0.5, 2.0))
        os.kill(worker, signal.SIGCONT)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_workers_are_killed_and_frozen(tmp_path: Path, calm: Path, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWREPRO_CHECKPOINT_SECONDS", "0.3")  # most runs go on in their middle
    dealt = storm(tmp_path, random.Random(seed))
    assert dealt == {"killed": 3, "frozen": 3, "driver killed": 1}, dealt
    require_all(tmp_path, calm)


@pytest.mark.slow
@pytest.mark.long
def test_a_frozen_worker_does_not_hold_a_sweep_that_is_stopped(tmp_path: Path) -> None:
    process = started(tmp_path, "--set", "n_steps=100000000", "--workers", "2")
    while not list(tmp_path.glob("orthogonal/*/experiment.json")):
        time.sleep(0.1)
    workers = children(process.pid)
    os.kill(workers[0], signal.SIGSTOP)
    busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
    before = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert time.monotonic() - before < 6.0 * busy
    assert process.returncode == 130, said
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(("serve", "ends"), [("disk_is_full_once", [7, 0]), ("clock_jumps", [0])])
def test_a_full_disk_on_one_worker_and_clocks_that_jump(
    tmp_path: Path,
    flowrepro: Flowrepro,
    monkeypatch: pytest.MonkeyPatch,
    calm_and_short: Path,
    serve: str,
    ends: list[int],
) -> None:
    words = (*SWEEP, *SHORT, "--workers", "2")
    monkeypatch.setattr(pool, "_serve", getattr(stormy_workers, serve))
    assert [flowrepro(*words, "--out", tmp_path).code for _ in ends] == ends
    require_all(tmp_path, calm_and_short)


# ---- Dask


@contextlib.contextmanager
def dask(
    port: int, what: str, *words: str, at: str = "127.0.0.1", where: tuple[str, ...] = ()
) -> Iterator[subprocess.Popen[bytes]]:
    """A scheduler or a worker of Dask in a process of its own, started by the command ``where``."""
    line = [*where, sys.executable, "-m", f"distributed.cli.dask_{what}", *words]
    process = subprocess.Popen(line, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        if what == "scheduler":
            await_port(at, port)
        yield process
    finally:
        process.send_signal(signal.SIGCONT)
        process.kill()
        process.wait()


def await_port(at: str, port: int) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection((at, port), 1):
            return
        time.sleep(0.2)
    raise AssertionError("the scheduler did not come up")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


Running = contextlib.AbstractContextManager[subprocess.Popen[bytes]]


def scheduler(port: int, at: str = "127.0.0.1") -> Running:
    return dask(port, "scheduler", "--host", at, "--port", str(port), "--no-dashboard", at=at)


def worker(port: int, place: Path, at: str = "127.0.0.1", where: tuple[str, ...] = ()) -> Running:
    words = ("--nthreads", "1", "--no-dashboard", "--no-nanny", "--local-directory", str(place))
    return dask(port, "worker", f"tcp://{at}:{port}", *words, where=where)


def some_runs(out: Path, count: int) -> None:
    deadline = time.monotonic() + 240
    while len(list(out.glob("orthogonal/toy-*/claims.json"))) < count:
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("blow", ["killed", "frozen"])
def test_a_scheduler_that_is_killed_and_one_that_is_frozen(tmp_path: Path, calm: Path, blow: str, seed: int) -> None:
    """The scheduler dies and is started again, or hears nobody for longer than the heartbeat."""
    pytest.importorskip("distributed")
    port, out = free_port(), tmp_path / "out"
    words = (*LONG, "--scheduler", f"tcp://127.0.0.1:{port}")
    with worker(port, tmp_path / "one") as first, worker(port, tmp_path / "two"):
        with scheduler(port) as running:
            process = started(out, *words)
            some_runs(out, 1 + seed % 3)
            time.sleep(random.Random(seed).uniform(0, 2))
            if blow == "frozen":
                for one in (running, first):
                    one.send_signal(signal.SIGSTOP)
                time.sleep(40)  # workers are given up after 30 s
                for one in (running, first):
                    one.send_signal(signal.SIGCONT)
                process.communicate(timeout=400)
        if blow == "killed":
            _, said = process.communicate(timeout=200)
            assert process.returncode in (6, 7), said
            assert "Traceback" not in said
            assert "internal error" not in said
        # workers end with their scheduler
        with scheduler(port), worker(port, tmp_path / "three"), worker(port, tmp_path / "four"):
            complete(out, words)
    require_all(out, calm)


def complete(out: Path, words: tuple[str, ...]) -> None:
    """Repeat the command until the sweep is whole."""
    said = ""
    for _ in range(5):
        again = started(out, *words)
        said = again.communicate(timeout=400)[1]
        if again.returncode == 0:
            return
    raise AssertionError(said)


# ---- a network that is cut


def ip(words: str) -> None:
    subprocess.run(["ip", *words.split()], check=True, capture_output=True)


@contextlib.contextmanager
def another_machine() -> Iterator[tuple[str, tuple[str, ...], str]]:
    """A network namespace on a cable: our address, what starts commands there, what cuts it."""
    name, cable = f"flowrepro-{os.getpid()}", f"fr{os.getpid() % 10**8}"
    try:
        ip(f"netns add {name}")
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"network namespaces need root and iproute2: {error}")
    try:
        ip(f"link add {cable}a type veth peer name {cable}b netns {name}")
        ip(f"addr add 10.211.7.1/30 dev {cable}a")
        ip(f"link set {cable}a up")
        ip(f"-n {name} addr add 10.211.7.2/30 dev {cable}b")
        ip(f"-n {name} link set {cable}b up")
        ip(f"-n {name} link set lo up")
        yield "10.211.7.1", ("ip", "netns", "exec", name), f"-n {name} link set {cable}b"
    finally:
        ip(f"netns delete {name}")


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("seed", SEEDS)
def test_a_worker_whose_cable_is_cut(tmp_path: Path, calm: Path, seed: int) -> None:
    """Half of the workers are behind a cable that is cut for longer than the heartbeat."""
    pytest.importorskip("distributed")
    port, out = free_port(), tmp_path / "out"
    with another_machine() as (at, there, cable):
        words = (*LONG, "--scheduler", f"tcp://{at}:{port}")
        with scheduler(port, at), worker(port, tmp_path / "one", at):
            with worker(port, tmp_path / "two", at, there):
                process = started(out, *words)
                some_runs(out, 1 + seed % 3)
                time.sleep(random.Random(seed).uniform(0, 2))
                ip(f"{cable} down")
                time.sleep(45)
                ip(f"{cable} up")
                _, said = process.communicate(timeout=400)
            assert process.returncode in (0, 6, 7), said
            assert "Traceback" not in said
            complete(out, words)
    require_all(out, calm)


@pytest.mark.slow
def test_a_scheduler_without_workers_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "FIRST_WORKER", 1)
    monkeypatch.setattr("logging.disable", lambda: None)  # it would last for the other tests
    port = free_port()
    with scheduler(port), pytest.raises(EnvironmentFault, match="has no worker after 1 s; start one with"):
        cluster.run_on_cluster([], f"tcp://127.0.0.1:{port}", 1, lambda task, answer: None, lambda: False)
