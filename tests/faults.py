"""What several tests of faults need: a small run, one that is killed, and what a refusal looks
like.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from command_line import Result, call, typed

Call = Callable[..., Result]
TOY = typed("orthogonal --case toy --set geometric=0 --set snapshots=[] --no-figures")

SHORT_TOY = typed("orthogonal --case toy --set geometric=0 --set snapshots=[] --set n_steps=50 --no-figures")


def refused(result: Result, code: int, *words: str) -> None:
    """The command ended with ``code`` and one sentence holding the words, without a traceback."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert "internal error" not in result.err
    for word in words:
        assert word in result.err


def long_run(out: Path, n_steps: int) -> list[str]:
    words = typed(f"--set n_steps={n_steps} --set save_every=1000 --out")
    return [*TOY, *words, str(out)]


def begun(out: Path, n_steps: int, checkpoint_s: float = 0.05) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "flowrepro", *long_run(out, n_steps)],
        env={**os.environ, "FLOWREPRO_CHECKPOINT_SECONDS": str(checkpoint_s)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finished(out: Path, n_steps: int) -> bytes:
    """The trajectory of the run once it is complete, which takes no process of its own."""
    code, err = call(long_run(out, n_steps))
    assert code in (0, 5), err
    (directory,) = [path for path in (out / "orthogonal").iterdir() if path.is_dir()]
    assert not list(directory.rglob(".writing-*"))
    assert not (directory / "checkpoint.npz").exists()
    return (directory / "trajectory.npz").read_bytes()


def wait_for(out: Path, name: str = "checkpoint.npz") -> None:
    deadline = time.monotonic() + 60
    while not list(out.rglob(name)):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def workers_of(driver: int) -> list[int]:
    """Process ids of the workers of a sweep."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = folder.joinpath("stat").read_text().rpartition(")")[2].split()[1]
            if int(parent) == driver and b"spawn_main" in folder.joinpath("cmdline").read_bytes():
                found.append(int(folder.name))
    return found
