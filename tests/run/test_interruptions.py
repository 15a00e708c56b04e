"""Killed, interrupted and resumed runs: the same command ends bit-identical, or says why not."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from command_line import quiet
from faults import SHORT_TOY, TOY, Call, begun, finished, long_run, refused, wait_for

from flowrepro.core.overrides import override
from flowrepro.errors import Interrupted
from flowrepro.papers import registry
from flowrepro.run import console
from flowrepro.run.kind import Settings
from flowrepro.run.results import compute
from flowrepro.store.run_directory import RunDirectory


def killed_and_resumed(tmp_path: Path, n_steps: int, moments: int) -> None:
    started = time.perf_counter()
    whole = finished(tmp_path / "whole", n_steps)
    lasts = time.perf_counter() - started
    rng = random.Random(0)
    resumed = 0
    for moment in range(moments):
        out = tmp_path / f"killed-{moment}"
        process = begun(out, n_steps)
        wait_for(out, "experiment.json" if moment else "checkpoint.npz")
        time.sleep(rng.uniform(0.0, 0.95) * lasts if moment else 0)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        resumed += bool(list(out.rglob("checkpoint.npz")))
        assert finished(out, n_steps) == whole, f"moment {moment}"
    assert resumed > 0


def test_kill_9_and_the_same_command_is_bit_identical(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 3_000_000, 1)


@pytest.mark.slow
@pytest.mark.long
def test_kill_9_at_twenty_random_moments(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 20_000_000, 20)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_checkpoints_and_prints_the_resume_command(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals, code: int
) -> None:
    def send() -> None:
        wait_for(tmp_path)
        os.kill(os.getpid(), number)

    monkeypatch.setenv("FLOWREPRO_CHECKPOINT_SECONDS", "0.05")
    sender = threading.Thread(target=send)
    sender.start()
    refused(flowrepro(*long_run(tmp_path, 100_000_000)), code, "resume with: flowrepro orthogonal")
    sender.join()
    assert list(tmp_path.rglob("checkpoint.npz"))


def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    process = begun(tmp_path, 100_000_000)
    wait_for(tmp_path)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("remedy", ["--new", "--force-resume"])
def test_a_run_begun_under_other_conditions_is_not_mixed_silently(
    tmp_path: Path, flowrepro: Call, monkeypatch: pytest.MonkeyPatch, remedy: str
) -> None:
    words = long_run(tmp_path, 10_000)
    with monkeypatch.context() as patch:
        patch.setattr(console.Console, "interrupted", lambda self: True)
        assert "resume with" in flowrepro(*words).err
    monkeypatch.setattr("flowrepro.store.provenance.cpu", lambda: "another processor")
    refused(flowrepro(*words), 2, "another processor", "--new", "--force-resume")
    result = flowrepro(*words, remedy)
    assert result.code in (0, 5), result.err
    paths = [path for path in (tmp_path / "orthogonal").iterdir() if path.is_dir()]
    folders = {path.name.partition(".")[2]: path for path in paths}
    provenance = json.loads((folders[""] / "provenance.json").read_text())
    mixed = provenance["resumed_under_other_conditions"]
    assert ("another processor" in str(mixed)) == (remedy == "--force-resume")
    assert ("unfinished-1" in folders) == (remedy == "--new")


def test_two_processes_on_one_run(tmp_path: Path, flowrepro: Call) -> None:
    process = begun(tmp_path, 100_000_000)
    try:
        wait_for(tmp_path)
        refused(flowrepro(*long_run(tmp_path, 100_000_000)), 7, f"in use by process {process.pid}", "--wait")
    finally:
        process.kill()
        process.communicate()


def test_a_bad_checkpoint_interval(flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLOWREPRO_CHECKPOINT_SECONDS", "abc")
    refused(flowrepro(*TOY, "--set", "n_steps=10", "--out", tmp_path), 2, "FLOWREPRO_CHECKPOINT_SECONDS", "abc")


def test_a_checkpoint_of_something_else_is_not_used(flowrepro: Call, tmp_path: Path) -> None:
    words = (*TOY, "--set", "n_steps=50", "--out", tmp_path, "--json")
    directory = Path(flowrepro(*words).json()["runs"][0]["dir"])
    (directory / "manifest.json").unlink()
    np.savez(directory / "checkpoint.npz", step=np.array(3))
    again = flowrepro(*words)
    assert again.code in (0, 5)
    assert "computing from the start" in again.err


def test_many_processes_may_begin_in_one_folder(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from flowrepro.store.files import require_writable\nfor _ in "
        f"range(200): require_writable(Path({str(tmp_path)!r}))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


@pytest.mark.slow
def test_nohup_is_respected(tmp_path: Path) -> None:
    words = " ".join(long_run(tmp_path, 5_000_000))
    command = f"trap '' HUP; exec {sys.executable} -m flowrepro {words}"
    env = {**os.environ, "FLOWREPRO_CHECKPOINT_SECONDS": "0.05"}
    process = subprocess.Popen(["bash", "-c", command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_for(tmp_path)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=120) in (0, 5)


def test_clocks_that_jump_do_not_matter(flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    backwards = iter(range(10**9, 0, -10_000))
    monkeypatch.setattr(time, "time", lambda: float(next(backwards)))
    directory = Path(flowrepro(*SHORT_TOY, "--out", tmp_path, "--json").json()["runs"][0]["dir"])
    assert json.loads((directory / "provenance.json").read_text())["wall_s"] >= 0
    for k, path in enumerate(sorted(directory.rglob("*"))):
        os.utime(path, (0, 0) if k % 2 else (4e9, 4e9))
    again = flowrepro(*SHORT_TOY, "--out", tmp_path, "--json").json()
    assert again["runs"][0]["reused"]


def endless(signals: console.Signals, swallows: list[str]) -> None:
    """Work without a safe moment, of which a library swallows the first interrupt."""
    with signals.caught():
        os.kill(os.getpid(), signal.SIGINT)
        deadline = time.monotonic() + 20
        for name in ("first", "second"):
            try:
                while time.monotonic() < deadline:
                    pass
            except Exception:
                swallows.append("a fault")
            except Interrupted:
                if name == "second":
                    raise
                swallows.append(name)


def test_work_without_a_safe_moment_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "GRACE", 0.1)
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)]
    signals, swallows = console.Signals(), list[str]()
    with pytest.raises(Interrupted):
        endless(signals, swallows)
    assert swallows == ["first"]
    assert signals.exit_code == 130
    assert before == [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGALRM)]


def test_a_safe_moment_may_take_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "GRACE", 0.1)
    signals = console.Signals()
    with signals.caught():
        os.kill(os.getpid(), signal.SIGINT)
        assert console.Console(signals).interrupted()
        time.sleep(0.4)


def test_an_interrupted_run_does_nothing_more_than_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowrepro.run.training.remarks", lambda run: pytest.fail("work goes on"))
    case = override(registry.find_case("orthogonal", "toy"), {"n_steps": 10**6, "init.m": 3})
    with pytest.raises(Interrupted, match="its checkpoint is in"):
        compute(case, RunDirectory.of(tmp_path, case), Settings(root=tmp_path), quiet(interrupted=lambda: True))


LONG = (
    "orthogonal --quick",
    "margin --quick",
    "single-neuron --quick",
    "toy2d --quick",
    "mnist-align --quick",
    "mnist-align --case digits-3-8",
    "single-neuron --case deep",
    "single-neuron --case many-seeds",
    "toy2d --case theory-flow",
    "sweep orthogonal --case toy --grid scale=1e-3,1e-2 --seeds 0:40 --workers 2 --summary",
)


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("words", LONG)
def test_an_interrupt_is_heard_at_random_moments(tmp_path: Path, words: str) -> None:
    heard([*words.split(), "--out", str(tmp_path)], random.Random(words))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("command", ["verify", "report"])
def test_reading_what_is_stored_hears_an_interrupt(tmp_path: Path, flowrepro: Call, command: str) -> None:
    assert flowrepro("toy2d", "--quick", "--no-figures", "--out", tmp_path / "runs").code == 0
    folders = [str(path.parent) for path in tmp_path.rglob("manifest.json")]
    heard([command, *folders] + (["--out", str(tmp_path / "a.html")] if command == "report" else []), random.Random(0))


def heard(words: list[str], dice: random.Random) -> None:
    """A command ends within 5 s of Ctrl-C, at three moments; more on a machine with other work."""
    for moment in range(3):
        process = subprocess.Popen(
            [sys.executable, "-m", "flowrepro", *words], stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        time.sleep(dice.uniform(2.0, 20.0) if moment else 1.5)
        busy = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
        started = time.monotonic()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=120)
        assert time.monotonic() - started < 5.0 * busy, f"moment {moment}: {err}"
        assert process.returncode in (0, 5, 130, -signal.SIGINT), err  # the last while it imports
        assert "Traceback" not in err
