"""The code blocks of the manual, and what runs them."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BLOCK = re.compile(
    r"^(?P<indent> *)(?:<!-- (?P<remark>[^\n]*) -->\n *)?```(?P<language>[\w{}-]*)[^\n]*\n"
    r"(?P<body>.*?)^ *```$",
    re.MULTILINE | re.DOTALL,
)


class Block(NamedTuple):
    """A fenced block: its line, its language, the remark above it and its text."""

    line: int
    language: str
    remark: str
    body: str

    @property
    def kind(self) -> str:
        """'slow', 'file', 'not run' or ''."""
        return self.remark.split(":")[0]


def pages() -> list[str]:
    """Names of the pages, the README among them."""
    return ["../README.md", *sorted(str(path.relative_to(DOCS)) for path in DOCS.rglob("*.md"))]


def blocks(page: str) -> Iterator[Block]:
    text = (DOCS / page).read_text(encoding="utf-8")
    for found in BLOCK.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        body = textwrap.dedent(found["body"])
        yield Block(line, found["language"], found["remark"] or "", body)


def commands(block: Block) -> list[str]:
    """The commands of a console block, each on one line."""
    joined = block.body.replace("\\\n", " ")
    return [line.removeprefix("$ ") for line in joined.splitlines() if line.startswith("$ ")]


def run_console(block: Block, folder: Path) -> None:
    """Run the commands of a block in a folder, as a shell that stops at the first failure."""
    shims = folder / ".bin"
    shims.mkdir(exist_ok=True)
    for name, words in (("flowrepro", "-m flowrepro"), ("python", ""), ("python3", "")):
        shim = shims / name
        shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words} "$@"\n')
        shim.chmod(0o755)
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands(block))],
        cwd=folder,
        env={**os.environ, "PATH": f"{shims}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"line {block.line}: {done.stderr[-2000:]}"


def run_page(found: list[Block], folder: Path) -> None:
    """Run blocks one after the other in a folder; those in Python share their names."""
    names: dict[str, Any] = {"__name__": "manual"}
    for block in found:
        if block.kind == "file":
            with (folder / block.remark.removeprefix("file: ")).open("a") as file:
                file.write(block.body + "\n")
        elif block.language == "python":
            code = compile("\n" * block.line + block.body, "manual", "exec")
            exec(code, names)
        elif block.language == "console":
            run_console(block, folder)
