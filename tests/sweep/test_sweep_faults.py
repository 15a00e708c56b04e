"""Faults in a sweep: full disks, dying workers, damaged results, other versions, far too many
runs.
"""

from __future__ import annotations

import csv
import errno
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import faulty_workers
import pytest
from command_line import Result, typed
from faults import workers_of

from flowrepro.errors import EnvironmentFault
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.store import files as storage
from flowrepro.sweep import cluster, pool, tasks

Flowrepro = Callable[..., Result]
SMALL = ("sweep", "orthogonal", "--set", "n_steps=20", "--set", "geometric=0")
GRID = (*SMALL, "--grid", "lr=1e-3", "--seeds", "0:4", "--workers", "1")


def folders(out: Path) -> list[Path]:
    """Run directories, those set aside included."""
    return sorted(path for path in out.glob("orthogonal/toy-*") if path.is_dir())


def statuses(out: Path) -> list[str]:
    (file,) = out.glob("orthogonal/sweep-*/summary.csv")
    return [line["status"] for line in csv.DictReader(io.StringIO(file.read_text()))]


# ---- the disk


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_ends_the_submission_and_the_same_command_goes_on(
    tmp_path: Path, flowrepro: Flowrepro, here: list[str], monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    original = os.fsync

    def full(descriptor: int) -> None:
        if len(list(tmp_path.rglob("claims.json"))) >= 1:
            raise OSError(code, os.strerror(code))
        original(descriptor)

    monkeypatch.setattr(storage.os, "fsync", full)
    halted = flowrepro(*GRID, "--out", tmp_path)
    assert halted.code == 7, halted.err
    assert "the sweep was halted" in halted.err
    assert os.strerror(code) in halted.err
    assert "are free" in halted.err
    assert len(here) <= 2, "nothing is submitted once a write has failed"
    assert not list(tmp_path.rglob(".writing-*"))
    monkeypatch.setattr(storage.os, "fsync", original)
    again = flowrepro(*GRID, "--out", tmp_path, "--json")
    assert again.code == 0, again.err
    assert again.json()["missing"] == 0
    assert again.json()["computed"] >= 3
    assert len(folders(tmp_path)) == 4


def test_a_damaged_run_is_moved_aside_and_computed_anew_the_others_are_left(
    tmp_path: Path, flowrepro: Flowrepro, here: list[str]
) -> None:
    assert flowrepro(*GRID, "--out", tmp_path).code == 0
    bad, *good = folders(tmp_path)
    before = {path: path.stat().st_mtime_ns for folder in good for path in folder.rglob("*")}
    with (bad / "trajectory.npz").open("r+b") as file:
        file.write(b"x")
    again = flowrepro(*GRID, "--out", tmp_path, "--json")
    assert (again.code, again.json()["computed"], again.json()["missing"]) == (0, 1, 0)
    assert bad.with_name(f"{bad.name}.invalid-1").is_dir()
    assert here[4:] == [bad.name]
    assert {path: path.stat().st_mtime_ns for folder in good for path in folder.rglob("*")} == before


def test_a_run_of_a_later_version_is_named_and_left_alone(
    tmp_path: Path, flowrepro: Flowrepro, here: list[str]
) -> None:
    assert flowrepro(*GRID, "--out", tmp_path).code == 0
    later = folders(tmp_path)[0] / "manifest.json"
    later.write_text(json.dumps({"schema": 99, "flowrepro": "9.9", "files": {}}))
    again = flowrepro(*GRID, "--out", tmp_path)
    assert again.code == 6
    assert "flowrepro 9.9" in again.err
    assert json.loads(later.read_text())["schema"] == 99


# ---- refused before anything is computed


@pytest.mark.parametrize(
    ("words", "env", "sentence"),
    [(("--format", "bmp"), {}, "not as 'bmp'"), ((), {"SOURCE_DATE_EPOCH": "abc"}, "SOURCE_DATE_EPOCH")],
)
def test_a_figure_that_cannot_be_written_is_said_first(
    tmp_path: Path,
    flowrepro: Flowrepro,
    monkeypatch: pytest.MonkeyPatch,
    words: tuple[str, ...],
    env: dict[str, str],
    sentence: str,
) -> None:
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    refused = flowrepro(*GRID, "--summary", *words, "--out", tmp_path / "out")
    assert refused.code == 2
    assert sentence in refused.err
    assert not (tmp_path / "out").exists()


def test_a_million_runs_ask_for_yes_at_once_with_their_extent(tmp_path: Path, flowrepro: Flowrepro) -> None:
    started = time.process_time()
    words = typed("--grid lr=lin:1e-4:1e-3:1000 --grid scale=log:1e-8:1e-2:1000 --set n_steps=60000")
    refused = flowrepro("sweep", "orthogonal", *words, "--out", tmp_path / "out")
    assert refused.code == 2
    assert "1,000,000 runs of up to 60,000 steps, 6.0e+10 in all" in refused.err
    assert "--yes" in refused.err
    assert time.process_time() - started < 5, "the cases are not made before the question"
    assert not (tmp_path / "out").exists()


def test_a_sweep_of_nothing_but_failures_tells_them_and_has_no_figure(
    tmp_path: Path, flowrepro: Flowrepro, here: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks.RunDirectory, "begin", lambda *_: 1 / 0)
    done = flowrepro(*GRID, "--out", tmp_path, "--summary", "--format", "png")
    assert done.code == 6, done.err
    assert "internal error: ZeroDivisionError" in done.err
    assert "no figure: no run is complete" in done.err
    assert statuses(tmp_path) == ["internal error: ZeroDivisionError: division by zero"] * 4


# ---- workers


@pytest.mark.slow
def test_a_run_that_kills_its_workers_is_named_and_only_it_is_missing(
    tmp_path: Path, flowrepro: Flowrepro, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_serve", faulty_workers.dies_on_seed_1)
    words = (*SMALL, *typed("--grid lr=1e-3 --seeds 0:3 --out"), tmp_path, *typed("--workers 1 --summary --format png"))
    done = flowrepro(*words, "--json")
    assert done.code == 6, done.err
    assert (done.json()["computed"], done.json()["missing"]) == (2, 1)
    ((name, reason),) = done.json()["failed"].items()
    assert reason == "its worker died 3 times"
    assert f"{name}: {reason}" in done.err
    assert statuses(tmp_path) == ["HORIZON", reason, "HORIZON"]
    monkeypatch.undo()
    monkeypatch.setattr(
        pool, "run_locally", lambda queue, *rest: [rest[1](task, tasks.perform(task, lambda: False)) for task in queue]
    )
    again = flowrepro(*words, "--json")
    assert (again.code, again.json()["computed"], again.json()["missing"]) == (0, 1, 0)
    assert (tmp_path / "orthogonal" / name / "manifest.json").exists()
    assert statuses(tmp_path) == ["HORIZON"] * 3


@pytest.mark.slow
def test_a_worker_that_is_told_to_stop_by_somebody_else_is_replaced(
    tmp_path: Path, flowrepro: Flowrepro, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "_serve", faulty_workers.told_to_stop_once)
    done = flowrepro(*GRID, "--out", tmp_path, "--json")
    assert (tmp_path / "told").exists()
    assert (done.code, done.json()["computed"], done.json()["missing"]) == (0, 4, 0), done.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("signals", "to_group", "code"),
    [
        ((signal.SIGKILL,), False, -9),
        ((signal.SIGINT, signal.SIGINT), True, 130),
        ((signal.SIGHUP,), True, 129),
        ((signal.SIGTERM,), True, 143),
    ],
)
def test_however_the_driver_ends_no_worker_stays(
    tmp_path: Path, signals: tuple[signal.Signals, ...], to_group: bool, code: int
) -> None:
    words = [
        *typed("sweep orthogonal --grid scale=1e-3,1e-2 --set n_steps=100000000 --set save_every=10000 --workers 2")
    ]
    command = [sys.executable, "-m", "flowrepro", *words, *typed("--set geometric=0 --out"), str(tmp_path)]
    env = {**os.environ, "FLOWREPRO_CHECKPOINT_SECONDS": "0.5"}
    driver = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True, env=env)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.rglob("checkpoint.npz"))) < 2:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    workers = workers_of(driver.pid)
    assert len(workers) == 2
    for number in signals:
        (os.killpg if to_group else os.kill)(driver.pid, number)
        time.sleep(0.1)
    _, said = driver.communicate(timeout=60)
    assert driver.returncode == code, said
    assert "Traceback" not in said
    ended = time.monotonic()
    while any(Path(f"/proc/{pid}").exists() for pid in workers):
        assert time.monotonic() - ended < 5
        time.sleep(0.05)
    assert len(list(tmp_path.rglob("checkpoint.npz"))) == 2


# ---- a cluster of other versions


class Workers:
    """A client of Dask as far as versions are asked for."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def run(self, function: Callable[[], dict[str, str]]) -> dict[str, dict[str, str]]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"tcp://there:1": {**function(), **self.answer}}


def test_workers_of_the_same_versions_are_taken() -> None:
    cluster._require_equal_versions(Workers({}))


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            {"flowrepro": "0.0.1"},
            r"worker tcp://there:1 runs other versions \(flowrepro: .* here, 0.0.1 there\); "
            r"install the same",
        ),
        ({"code": "0000"}, "code: .* here, 0000 there"),
        (ModuleNotFoundError("No module named 'flowrepro'"), "No module named 'flowrepro'.*install flowrepro"),
    ],
)
def test_workers_of_other_versions_are_refused(answer: Any, sentence: str) -> None:
    with pytest.raises(EnvironmentFault, match=sentence):
        cluster._require_equal_versions(Workers(answer))


def test_a_worker_of_another_version_that_comes_late_computes_nothing(tmp_path: Path) -> None:
    message = tasks.Task(tmp_path, (TOY,)).to_json()
    answer = tasks.Answer.from_json(cluster._work(message, {**cluster._versions(), "numpy": "1.0"}))
    assert "numpy: 1.0 here" in answer.halt
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("status", ["cancelled", "lost"])
def test_a_run_whose_scheduler_went_away_halts_the_sweep(tmp_path: Path, status: str) -> None:
    def asked() -> None:
        raise AssertionError("such a future raises what it is asked for, or waits for ever")

    future = SimpleNamespace(status=status, exception=asked, result=asked)
    answer = cluster._answer(future, tasks.Task(tmp_path, (TOY,)))
    assert "the scheduler went away" in answer.halt
    assert not answer.failed
