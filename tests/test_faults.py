"""Faults by injection: a clear sentence, a documented exit code, no traceback, nothing lost."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Result, in_process

Call = Callable[..., Result]
TOY = (
    "orthogonal",
    "--case",
    "toy",
    "--set",
    "geometric=0",
    "--set",
    "snapshots=[]",
    "--no-figures",
)


def refused(result: Result, code: int, *words: str) -> None:
    """The command ended with ``code`` and one sentence holding the words, without a traceback."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    for word in words:
        assert word in result.err


# ---- 1, 2, 20, 21: killed, interrupted, resumed


def begun(out: Path, n_steps: int, checkpoint_s: float = 0.05) -> subprocess.Popen[str]:
    words = [*TOY, "--set", f"n_steps={n_steps}", "--set", "save_every=1000", "--out", str(out)]
    env = {**os.environ, "FLOWREPRO_CHECKPOINT_SECONDS": str(checkpoint_s)}
    return subprocess.Popen(
        [sys.executable, "-m", "flowrepro", *words],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(out: Path, n_steps: int) -> bytes:
    process = begun(out, n_steps)
    _, err = process.communicate(timeout=200)
    assert process.returncode in (0, 5), err
    (directory,) = [path for path in (out / "orthogonal").iterdir() if path.is_dir()]
    assert not list(directory.rglob(".writing-*"))
    assert not (directory / "checkpoint.npz").exists()
    return (directory / "trajectory.npz").read_bytes()


def killed_and_resumed(tmp_path: Path, n_steps: int, moments: int) -> None:
    whole = finished(tmp_path / "whole", n_steps)
    started = time.perf_counter()
    finished(tmp_path / "timed", n_steps)
    lasts = time.perf_counter() - started
    rng = random.Random(0)
    resumed = 0
    for moment in range(moments):
        out = tmp_path / f"killed-{moment}"
        process = begun(out, n_steps)
        if moment == 0:
            wait_for_checkpoint(out)
        else:
            time.sleep(rng.uniform(0.2, 0.95) * lasts)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        resumed += bool(list(out.rglob("checkpoint.npz")))
        assert finished(out, n_steps) == whole, f"moment {moment}"
    assert resumed > 0


def test_kill_9_and_the_same_command_is_bit_identical(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 6_000_000, 3)


@pytest.mark.slow
@pytest.mark.long
def test_kill_9_at_twenty_random_moments(tmp_path: Path) -> None:
    killed_and_resumed(tmp_path, 20_000_000, 20)


def wait_for_checkpoint(out: Path) -> None:
    deadline = time.monotonic() + 60
    while not list(out.rglob("checkpoint.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_the_first_signal_checkpoints_and_prints_the_resume_command(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    process = begun(tmp_path, 100_000_000)
    wait_for_checkpoint(tmp_path)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code, err
    assert "resume with: flowrepro orthogonal" in err
    assert "Traceback" not in err
    assert list(tmp_path.rglob("checkpoint.npz"))


def test_the_second_signal_stops_at_once(tmp_path: Path) -> None:
    process = begun(tmp_path, 100_000_000)
    wait_for_checkpoint(tmp_path)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=5)
    assert process.returncode == 130
    assert "Traceback" not in err


@pytest.mark.parametrize("remedy", ["--new", "--force-resume"])
def test_a_run_begun_under_other_conditions_is_not_mixed_silently(
    tmp_path: Path, flowrepro: Call, monkeypatch: pytest.MonkeyPatch, remedy: str
) -> None:
    process = begun(tmp_path, 10_000_000)
    wait_for_checkpoint(tmp_path)
    process.kill()
    process.communicate()
    words = (*TOY, "--set", "n_steps=10000000", "--set", "save_every=1000", "--out", tmp_path)
    monkeypatch.setattr("flowrepro.store.provenance.cpu", lambda: "another processor")
    refused(flowrepro(*words), 2, "another processor", "--new", "--force-resume")
    result = flowrepro(*words, remedy)
    assert result.code in (0, 5), result.err
    folders = {
        path.name.partition(".")[2]: path
        for path in (tmp_path / "orthogonal").iterdir()
        if path.is_dir()
    }
    mixed = json.loads((folders[""] / "provenance.json").read_text())[
        "resumed_under_other_conditions"
    ]
    assert ("another processor" in str(mixed)) == (remedy == "--force-resume")
    assert ("unfinished-1" in folders) == (remedy == "--new")


# ---- 3, 4, 5: disk and lock


def test_output_folder_is_a_file(flowrepro: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(flowrepro(*TOY, "--out", tmp_path / "file"), 7, "is a file", "--out")


def test_disk_full_at_any_write(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from flowrepro.store import files as storage

    original, count = os.fsync, [0]
    words = (
        "orthogonal",
        "--figure",
        "5",
        "--format",
        "png",
        "--set",
        "n_steps=100",
        "--out",
        tmp_path,
    )
    for failing in range(1, 60):
        count[0] = 0

        def full(descriptor: int, failing: int = failing) -> None:
            count[0] += 1
            if count[0] == failing:
                raise OSError(errno.ENOSPC, "No space left on device")
            original(descriptor)

        monkeypatch.setattr(storage.os, "fsync", full)
        result = flowrepro(*words)
        if count[0] < failing:
            break
        refused(result, 7, "No space left")
        assert not list(tmp_path.rglob(".writing-*"))
    monkeypatch.setattr(storage.os, "fsync", original)
    assert failing > 5
    assert flowrepro(*words).code in (0, 5)


def test_two_processes_on_one_run(tmp_path: Path, flowrepro: Call) -> None:
    process = begun(tmp_path, 100_000_000)
    try:
        wait_for_checkpoint(tmp_path)
        words = (*TOY, "--set", "n_steps=100000000", "--set", "save_every=1000", "--out", tmp_path)
        refused(flowrepro(*words), 7, f"in use by process {process.pid}", "--wait")
    finally:
        process.kill()
        process.communicate()


# ---- 7, 8: the user's data (more in tests/data)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.ones((3, 2)), "y": np.ones(2)}, ("y",)),
        ({"x": np.array([[1.0, np.nan]]), "y": np.ones(1)}, ("finite",)),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, ("no ",)),
        ({"x": np.array([["a"]]), "y": np.ones(1)}, ("x",)),
        ({"z": np.ones(2)}, ("x",)),
    ],
)
def test_bad_points(
    flowrepro: Call, tmp_path: Path, arrays: dict[str, np.ndarray], words: tuple[str, ...]
) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    refused(
        flowrepro("orthogonal", "--data", tmp_path / "d.npz", "--out", tmp_path), 3, "d.npz", *words
    )


def test_missing_files(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro("orthogonal", "--data", tmp_path / "no.csv", "--out", tmp_path), 3, "no.csv")
    refused(flowrepro("orthogonal", "--init", tmp_path / "no.npz", "--out", tmp_path), 3, "no.npz")


def test_weights_of_another_dimension(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "i.npz", W=np.ones((4, 5)), a=np.ones(4))
    refused(
        flowrepro(*TOY, "--init", tmp_path / "i.npz", "--out", tmp_path),
        3,
        "dimension 5",
        "dimension 2",
    )


def test_labels_for_a_classification_loss(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((2, 3)), y=np.array([0.5, 1.0]))
    refused(
        flowrepro("mnist-align", "--data", tmp_path / "d.npz", "--out", tmp_path), 3, "{-1, +1}"
    )


def test_degenerate_points_run_with_a_warning(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.array([[1.0, 2.0], [1.0, 2.0]]), y=np.array([1.0, 1.0]))
    result = flowrepro(
        "orthogonal",
        "--data",
        tmp_path / "d.npz",
        "--set",
        "n_steps=50",
        "--out",
        tmp_path / "o",
        "--format",
        "png",
    )
    assert result.code in (0, 5), result.err
    assert "warning" in result.err


# ---- 9, 10, 11: numbers


@pytest.mark.parametrize("value", ["nan", "0", "-1e-3", "inf", "1e-400", "fast"])
def test_bad_step_sizes(flowrepro: Call, tmp_path: Path, value: str) -> None:
    refused(flowrepro(*TOY, "--set", f"lr={value}", "--out", tmp_path), 2, "lr")


def test_a_diverging_run_keeps_its_last_finite_state(flowrepro: Call, tmp_path: Path) -> None:
    words = (
        *TOY,
        "--set",
        "lr=5",
        "--set",
        "init.scale=1",
        "--set",
        "alpha=0.5",
        "--out",
        tmp_path,
    )
    result = flowrepro(*words)
    refused(result, 4, "DIVERGED", "2/L", "lr=5")
    (stored,) = tmp_path.rglob("trajectory.npz")
    with np.load(stored) as arrays:
        assert np.all(np.isfinite(arrays["loss"]))
        assert np.all(np.isfinite(arrays["W"]))
        assert arrays["snapshot_step"][-1] == arrays["step"][-1] > 0
    assert flowrepro(*words).code == 4


# ---- 13, 14, 17: devices and installation


def test_cuda_without_cuda(flowrepro: Call, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    refused(
        flowrepro(*TOY, "--engine", "torch", "--device", "cuda", "--out", tmp_path),
        7,
        "cuda",
        "--device cpu",
    )


@pytest.mark.parametrize("device", ["cdua", "cuda:77", "mps"])
def test_devices_that_do_not_exist(flowrepro: Call, tmp_path: Path, device: str) -> None:
    result = flowrepro(*TOY, "--engine", "torch", "--device", device, "--out", tmp_path)
    assert result.code in (2, 7)
    refused(result, result.code, device, "cpu")


@pytest.fixture
def broken_torch(tmp_path: Path) -> dict[str, str]:
    """An environment whose torch cannot be imported."""
    (tmp_path / "poison" / "torch").mkdir(parents=True)
    (tmp_path / "poison" / "torch" / "__init__.py").write_text(
        "raise ImportError('libtorch_cpu.so: undefined symbol')"
    )
    return {"PYTHONPATH": str(tmp_path / "poison")}


def test_everything_but_the_torch_engine_works_without_torch(
    tmp_path: Path, broken_torch: dict[str, str]
) -> None:
    out = tmp_path / "out"
    assert in_process("--help", env=broken_torch).code == 0
    trained = in_process(*TOY, "--set", "n_steps=100", "--out", out, "--json", env=broken_torch)
    assert trained.code in (0, 5), trained.err
    directory = trained.json()["runs"][0]["dir"]
    assert in_process("verify", directory, env=broken_torch).code in (0, 5)
    assert in_process("show", directory, env=broken_torch).code == 0
    refused(
        in_process(*TOY, "--engine", "torch", "--out", out, env=broken_torch),
        7,
        "torch",
        "undefined symbol",
        "reinstall",
    )


def test_unknown_engines_cases_figures_formats(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--engine", "warp", "--out", tmp_path), 2, "warp", "fused")
    refused(flowrepro("orthogonal", "--case", "nope", "--out", tmp_path), 2, "nope", "toy")
    refused(flowrepro("orthogonal", "--figure", "99", "--out", tmp_path), 2, "99")
    refused(flowrepro("orthogonal", "--format", "bmp", "--out", tmp_path), 2, "bmp", "png")
    refused(flowrepro("orthogonal", "--seeds", "3:1", "--out", tmp_path), 2, "A:B")
    refused(flowrepro("orthogonal", "--bogus"), 2, "bogus")
    refused(flowrepro("verify", tmp_path / "nothing"), 2, "nothing")
    refused(flowrepro("show", tmp_path), 3, "not a run directory")


def test_an_engine_that_cannot_run_a_case_says_why(flowrepro: Call, tmp_path: Path) -> None:
    refused(
        flowrepro(*TOY, "--engine", "fused", "--set", "dtype=float32", "--out", tmp_path),
        2,
        "fused",
        "float64",
    )
    assert not list(tmp_path.rglob("experiment.json")), "a refused run leaves no unfinished folder"


def test_unknown_members_named_by_keys(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--set", "init.name=foo", "--out", tmp_path), 2, "foo", "balanced")
    refused(flowrepro(*TOY, "--set", "observe=foo", "--out", tmp_path), 2, "foo", "class-alignment")
    refused(flowrepro(*TOY, "--set", "data.name=foo", "--out", tmp_path), 2, "foo", "two-points")
    refused(
        flowrepro(*TOY, "--set", "seed=4", "--seed", "3", "--out", tmp_path),
        2,
        "--seed",
        "same key",
    )


def test_auto_without_torch_is_a_fault_of_the_installation(
    tmp_path: Path, broken_torch: dict[str, str]
) -> None:
    refused(
        in_process("mnist-align", "--quick", "--out", tmp_path / "o", env=broken_torch),
        7,
        "torch",
        "undefined symbol",
    )


def test_a_bad_checkpoint_interval(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLOWREPRO_CHECKPOINT_SECONDS", "abc")
    refused(
        flowrepro(*TOY, "--set", "n_steps=10", "--out", tmp_path),
        2,
        "FLOWREPRO_CHECKPOINT_SECONDS",
        "abc",
    )


# ---- 22: what lies on disk


@pytest.mark.parametrize("content", ["[]", "{", '{"schema": 1}', '{"schema": 1, "files": []}'])
def test_a_damaged_manifest(flowrepro: Call, tmp_path: Path, content: str) -> None:
    out = tmp_path / "schema"  # a path with this word was once mistaken for a later schema
    words = (*TOY, "--set", "n_steps=50", "--out", out, "--json")
    directory = Path(flowrepro(*words).json()["runs"][0]["dir"])
    (directory / "manifest.json").write_text(content)
    refused(flowrepro("show", directory), 3, "manifest.json")
    refused(flowrepro("show", directory, "--json"), 3, "manifest.json")
    refused(flowrepro("verify", directory), 3, "manifest.json")
    again = flowrepro(*words)
    assert again.code in (0, 5)
    assert "moved aside" in again.err


def test_verdicts_of_an_earlier_attempt_are_not_believed(flowrepro: Call, tmp_path: Path) -> None:
    words = (*TOY, "--set", "n_steps=50", "--out", tmp_path, "--json")
    first = flowrepro(*words).json()
    directory = Path(first["runs"][0]["dir"])
    stored = json.loads((directory / "claims.json").read_text())
    stored["claims"][0] |= {"verdict": "FAIL", "measured": 99.0}
    (directory / "claims.json").write_text(json.dumps(stored))
    (directory / "manifest.json").unlink()
    assert flowrepro(*words).json()["claims"] == first["claims"]


def test_a_checkpoint_of_something_else_is_not_used(flowrepro: Call, tmp_path: Path) -> None:
    words = (*TOY, "--set", "n_steps=50", "--out", tmp_path, "--json")
    directory = Path(flowrepro(*words).json()["runs"][0]["dir"])
    (directory / "manifest.json").unlink()
    np.savez(directory / "checkpoint.npz", step=np.array(3))
    again = flowrepro(*words)
    assert again.code in (0, 5)
    assert "computing from the start" in again.err


def test_verify_of_a_failed_run(flowrepro: Call, tmp_path: Path) -> None:
    words = (
        *TOY,
        "--set",
        "lr=5",
        "--set",
        "init.scale=1",
        "--set",
        "alpha=0.5",
        "--out",
        tmp_path,
        "--json",
    )
    assert flowrepro("verify", flowrepro(*words).json()["runs"][0]["dir"]).code == 4


def test_finished_cases_are_shown_when_a_later_one_fails(flowrepro: Call, tmp_path: Path) -> None:
    words = (
        "orthogonal",
        "--case",
        "lazy",
        "--case",
        "toy",
        "--no-figures",
        "--set",
        "n_steps=50",
        "--out",
        tmp_path,
        "--json",
    )
    directory = Path(flowrepro(*words).json()["runs"][1]["dir"])
    (directory / "manifest.json").write_text('{"schema": 99, "files": {}}')
    result = flowrepro(*words)
    assert result.code == 3
    assert [run["case"] for run in result.json()["runs"]] == ["lazy"]


def test_many_processes_may_begin_in_one_folder(tmp_path: Path) -> None:
    script = (
        "from pathlib import Path; from flowrepro.store.files import require_writable\nfor _ in "
        f"range(200): require_writable(Path({str(tmp_path)!r}))"
    )
    processes = [subprocess.Popen([sys.executable, "-c", script]) for _ in range(3)]
    assert [process.wait() for process in processes] == [0, 0, 0]


# ---- 24: figures


def test_figures_do_not_depend_on_the_users_matplotlib(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "text.usetex: True\nfont.family: No Such Font\nbackend: QtAgg\n"
    )
    env = {
        "MPLCONFIGDIR": "/proc/nowhere",
        "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "DISPLAY": "",
        "MPLBACKEND": "TkAgg",
    }
    words = ("orthogonal", "--figure", "5", "--set", "n_steps=50", "--format", "png")
    hostile = in_process(*words, "--out", tmp_path / "a", env=env)
    assert hostile.code in (0, 5), hostile.err
    plain = in_process(*words, "--out", tmp_path / "b")
    assert plain.code in (0, 5), plain.err
    images = [next((tmp_path / name).rglob("*.png")).read_bytes() for name in "ab"]
    assert images[0] == images[1]


def test_a_bad_source_date_epoch(tmp_path: Path) -> None:
    words = ("orthogonal", "--figure", "5", "--set", "n_steps=50", "--out", tmp_path)
    refused(in_process(*words, env={"SOURCE_DATE_EPOCH": "abc"}), 2, "SOURCE_DATE_EPOCH")


# ---- 25: terminals and paths


def test_a_closed_stdout_is_quiet(tmp_path: Path) -> None:
    command = f"{sys.executable} -m flowrepro list --keys | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in ("0", "141")
    assert done.stderr == ""


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-"])
def test_closed_streams(closed: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m flowrepro list {closed}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_full_stdout_is_said() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m flowrepro list > /dev/full"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "Traceback" not in done.stderr


def test_nohup_is_respected(tmp_path: Path) -> None:
    words = " ".join(
        [*TOY, "--set", "n_steps=30000000", "--set", "save_every=10000", "--out", str(tmp_path)]
    )
    command = f"trap '' HUP; exec {sys.executable} -m flowrepro {words}"
    env = {**os.environ, "FLOWREPRO_CHECKPOINT_SECONDS": "0.05"}
    process = subprocess.Popen(
        ["bash", "-c", command], env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    wait_for_checkpoint(tmp_path)
    process.send_signal(signal.SIGHUP)
    assert process.wait(timeout=120) in (0, 5)


def test_locale_terminal_and_odd_paths(tmp_path: Path) -> None:
    out = tmp_path / "with space and \u00fc\u4e2d"
    env = {
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "ascii",
        "TERM": "dumb",
        "NO_COLOR": "1",
    }
    result = in_process(
        "orthogonal",
        "--case",
        "toy",
        "--set",
        "n_steps=50",
        "--format",
        "png",
        "--out",
        out,
        env=env,
    )
    assert result.code in (0, 5), result.err
    assert "\x1b" not in result.out + result.err
    assert list(out.rglob("manifest.json"))


def test_a_path_that_is_too_long(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--out", tmp_path / ("y" * 300)), 7, "too long")
