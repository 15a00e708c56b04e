"""What several test files need: calling the command line inside this process and in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest

os.environ.setdefault("MPLBACKEND", "Agg")


class Result(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def flowrepro(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
    """Run the command line in this process: flowrepro("list", "--json") -> Result."""
    from flowrepro.cli import main

    def call(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["flowrepro", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        code = stop.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


def in_process(*words: object, env: dict[str, str] | None = None, cwd: object = None, **options: Any) -> Result:
    """Run the command line in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "flowrepro", *map(str, words)],
        capture_output=True,
        text=True,
        env={**os.environ, **(env or {})},
        cwd=cwd,  # type: ignore[arg-type]
        timeout=240,
        **options,
    )
    return Result(done.returncode, done.stdout, done.stderr)
