"""What several tests of faults need: a small run, one that is killed, and what a refusal looks
like.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from command_line import Result, typed

Call = Callable[..., Result]
TOY = typed("orthogonal --case toy --set geometric=0 --set snapshots=[] --no-figures")

SHORT_TOY = typed(
    "orthogonal --case toy --set geometric=0 --set snapshots=[] --set n_steps=50 --no-figures"
)


def refused(result: Result, code: int, *words: str) -> None:
    """The command ended with ``code`` and one sentence holding the words, without a traceback."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert "internal error" not in result.err
    for word in words:
        assert word in result.err


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


def wait_for_checkpoint(out: Path) -> None:
    deadline = time.monotonic() + 60
    while not list(out.rglob("checkpoint.npz")):
        assert time.monotonic() < deadline
        time.sleep(0.02)
