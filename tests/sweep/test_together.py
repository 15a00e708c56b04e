"""Cases of experiments on several workers: the same results, the same answer, and the same
command goes on.
"""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Result, in_process

from flowrepro.core.config import TrainingCase
from flowrepro.core.overrides import override
from flowrepro.errors import DiskFault, FlowreproError
from flowrepro.papers import registry
from flowrepro.papers.lee2022.figure_4_deep import DEEP
from flowrepro.run.console import Board, Signals
from flowrepro.run.estimate import SHORT
from flowrepro.run.kind import Settings
from flowrepro.run.results import kind_of
from flowrepro.sweep import together
from flowrepro.sweep.tasks import Answer, Task

Flowrepro = Callable[..., Result]
FADING = ("margin", "--figure", "beyond-fading", "--quick", "--format", "png")
"""Two studies that take a moment, and a figure of both."""
PLAIN = ("toy2d", "--case", "plane-paths", "--case", "theory-cones", "--format", "png")
"""Two studies that compile nothing: a kernel's last bits may differ where it was just compiled."""
DATED = ("provenance.json", "manifest.json", ".lock")
"""Files that tell when and how long, or hold the sha256 of one that does."""


def kept(root: Path) -> dict[str, bytes]:
    """Everything below a folder that a result is."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name not in DATED
    }


@pytest.mark.slow
def test_two_workers_give_the_folders_of_one_to_the_bit(tmp_path: Path, flowrepro: Flowrepro) -> None:
    alone = flowrepro(*PLAIN, "--out", tmp_path / "1")
    both = flowrepro(*PLAIN, "--workers", 2, "--out", tmp_path / "2")
    assert (alone.code, both.code) == (0, 0), both.err
    files = kept(tmp_path / "1")
    assert sum(name.endswith(".png") for name in files) >= 1
    assert sum(name.endswith("study.npz") for name in files) == 2
    assert kept(tmp_path / "2") == files
    assert [line.split()[0] for line in both.err.splitlines()] == ["1", "2"]
    assert "2 of 2: toy2d " in both.err
    again = flowrepro(*PLAIN, "--json", "--out", tmp_path / "2").json()
    assert all(run["reused"] for run in again["runs"])


@pytest.mark.slow
def test_a_figure_of_two_cases_is_drawn_where_one_worker_draws_it(tmp_path: Path) -> None:
    for name, workers in (("warm", 1), ("1", 1), ("2", 2)):  # the first one may compile
        done = in_process(*FADING, "--workers", workers, "--out", tmp_path / name)
        assert done.code == 0, done.err
    files = kept(tmp_path / "1")
    assert any("fading-right" in name and name.endswith(".png") for name in files)
    assert kept(tmp_path / "2") == files


@pytest.mark.slow
def test_an_interrupted_command_drains_and_goes_on(tmp_path: Path, flowrepro: Flowrepro) -> None:
    words = ["orthogonal", "--workers", "2", "--no-figures", "-v", "--out", str(tmp_path)]
    words += ["--case", "toy", "--case", "five-points", "--set", "n_steps=2000000"]
    words += ["--set", "save_every=1000", "--set", "geometric=0", "--set", "snapshots=[]"]
    env = {**os.environ, "FLOWREPRO_CHECKPOINT_SECONDS": "0.02"}
    command = [sys.executable, "-m", "flowrepro", *words]
    with subprocess.Popen(command, env=env, stderr=subprocess.PIPE, text=True, process_group=0) as process:
        deadline = time.monotonic() + 100
        while not list(tmp_path.rglob("checkpoint.npz")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "resume with: flowrepro orthogonal --workers 2" in err
    assert "Traceback" not in err
    assert list(tmp_path.rglob("checkpoint.npz"))
    result = flowrepro(*words)
    assert result.code in (0, 5), result.err
    assert "resuming" in result.err
    assert not list(tmp_path.rglob("checkpoint.npz"))


def test_the_longest_cases_have_names_that_exist_and_are_begun_first() -> None:
    cases = {f"{c.command} {c.name}": c for name in registry.commands() for c in registry.cases_of(name)}
    assert set(together.SECONDS) <= set(cases)
    assert list(together.SECONDS.values()) == sorted(together.SECONDS.values(), reverse=True)
    assert min(together.SECONDS.values()) >= SHORT
    assert kind_of(DEEP).takes_all_cores(DEEP)


def test_a_case_of_an_engine_whose_sums_depend_on_threads_is_run_alone() -> None:
    toy = registry.find_case("orthogonal", "toy")
    assert isinstance(toy, TrainingCase)
    assert not kind_of(toy).takes_all_cores(toy)
    torch = override(toy, {"protocol.engine": "torch"})
    assert kind_of(torch).takes_all_cores(torch)


@pytest.mark.parametrize(
    ("answer", "error", "code", "words"),
    [
        (Answer((("toy", "too steep"),), code=4), FlowreproError, 4, "too steep"),
        (Answer(halt="no room"), DiskFault, 7, "no room"),
        (Answer((("toy", "internal"),), code=1, trace="line 7"), RuntimeError, None, "internal"),
    ],
)
def test_what_a_worker_met_is_raised_here(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    answer: Answer,
    error: type[Exception],
    code: int | None,
    words: str,
) -> None:
    toy = registry.find_case("orthogonal", "toy")
    tasks = [Task(tmp_path, (toy,)), Task(tmp_path, (dataclasses.replace(toy, seed=1),))]

    def fails_at_once(tasks, workers, done, stop, *rest):  # type: ignore[no-untyped-def]
        done(tasks[0], answer)
        assert stop()

    monkeypatch.setattr(together, "run_locally", fails_at_once)
    with pytest.raises(error, match=words) as raised:
        together.run_tasks(tasks, 2, Board(Signals()), lambda outcome: None)
    assert getattr(raised.value, "exit_code", None) == code
    assert answer.trace in getattr(raised.value, "__notes__", [""])


def test_a_case_waits_for_those_that_its_figure_shows_beside_it(tmp_path: Path) -> None:
    batch = [registry.find_case("margin", name) for name in ("left", "middle", "right", "table")]
    found = together._earlier(batch, Settings(root=tmp_path))
    assert [[case.name for case in earlier] for earlier in found] == [[], [], ["left", "middle"], []]
    assert list(map(len, together._linked(batch, Settings(root=tmp_path)))) == [3, 1]
    assert not any(together._earlier(batch, Settings(root=tmp_path, figures=("4-table",))))
