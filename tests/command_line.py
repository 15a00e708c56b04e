"""Calling the command line in a process of its own, and what a call gives."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple


class Result(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def quiet(**members: Any) -> Any:
    """A report that nobody reads; ``members`` stand in for some of its own."""
    nothing = dict.fromkeys(("say", "doing", "progress", "interrupted"), lambda *_: None)
    return SimpleNamespace(**{**nothing, **members})


def typed(line: str) -> tuple[str, ...]:
    """The words of a command line, none of which has a space."""
    return tuple(line.split())


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


def call(line: list[str]) -> tuple[int, str]:
    """Exit code and stderr of a command line, in this process."""
    from flowrepro.cli.main import main

    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8") for _ in range(2))
    before = sys.argv
    sys.argv = ["flowrepro", *line]
    try:
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as stop:
        err.flush()
        return int(stop.code or 0), err.buffer.getvalue().decode("utf-8", "replace")  # type: ignore[attr-defined]
    finally:
        sys.argv = before
    raise AssertionError("the command line did not end with an exit code")
