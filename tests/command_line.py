"""Calling the command line in a process of its own, and what a call gives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any, NamedTuple


class Result(NamedTuple):
    """Exit code and output of a command."""

    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


def in_process(
    *words: object, env: dict[str, str] | None = None, cwd: object = None, **options: Any
) -> Result:
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
