"""A shell is offered the values of options, at once, and only names that exist."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.shell_completion import BashComplete

from flowrepro.cli import completion
from flowrepro.cli.main import cli
from flowrepro.engines import ENGINES
from flowrepro.papers import registry

PROGRAM = """
import atexit, json, sys, time
sys.argv = ["flowrepro"]
heavy = ("torch", "numba", "matplotlib", "scipy", "numpy", "rich", "dask")
said = lambda: json.dumps([time.process_time(), [name for name in heavy if name in sys.modules]])
atexit.register(lambda: print(said(), file=sys.stderr))
from flowrepro.cli.main import main
main()
"""
SLOWEST = 0.4
"""Seconds of computing that a person does not notice."""


def offered(*words: str, shell: str = "bash", plugin: Path | None = None) -> tuple[list[str], float, list[str]]:
    """What a shell offers for the last word, the seconds it took, and heavy modules imported."""
    line = ["flowrepro", *(["--plugin", str(plugin)] if plugin else []), *words]
    asked = {"COMP_WORDS": " ".join(line), "_FLOWREPRO_COMPLETE": f"{shell}_complete"}
    asked["COMP_CWORD"] = words[-1] if shell == "fish" else str(len(line) - 1)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        capture_output=True, text=True, check=True, env={**os.environ, **asked},
    )  # fmt: skip
    seconds, heavy = json.loads(done.stderr.splitlines()[-1])
    lines = done.stdout.splitlines()
    if shell == "zsh":  # three lines for each: its type, its value, its help
        return lines[1::3], seconds, heavy
    return [line.partition(",")[2] for line in lines], seconds, heavy


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (
            ("orthogonal", "--case", "l"),
            ["lazy", "lazy-unbalanced", "lazy-orthogonal", "log-scale", "log-scale-four-points"],
        ),
        (("orthogonal", "--figure", "3"), ["3", "3-seeds"]),
        (("orthogonal", "--set", "init.s"), ["init.scale=", "init.sha256="]),
        (("margin", "--engine", "f"), ["fused", "flow"]),
        (("sweep", "ortho"), ["orthogonal"]),
        (("sweep", "orthogonal", "--case", "five"), ["five-points"]),
        (("sweep", "orthogonal", "--grid", "protocol.l"), ["protocol.lr="]),
        (("train", "x.csv", "--engine", "gro"), ["grouped", "grouped-boost"]),
        (("verify", "toy"), ["toy2d"]),
        (("list", "assumption-1"), ["assumption-1"]),
    ],
)
def test_values_are_offered(words: tuple[str, ...], found: list[str]) -> None:
    shell = BashComplete(cli, {}, "flowrepro", "_FLOWREPRO_COMPLETE")
    *before, begun = words
    assert [item.value for item in shell.get_completions(before, begun)] == found


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_shell_gets_names_without_heavy_imports(shell: str) -> None:
    found, _, heavy = offered("orthogonal", "--case", "five", shell=shell)
    assert (found, heavy) == (["five-points"], [])


def test_the_answer_comes_at_once() -> None:
    seconds = min(offered("list", "le")[1] for _ in range(2))
    assert seconds < SLOWEST


def test_the_index_holds_what_the_papers_declare() -> None:
    stored = json.loads(completion.INDEX.read_text())
    assert stored == completion.declared(registry.commands()), "'make names' writes the index anew"
    assert completion.offer_engines(None, None, "") == ["auto", *ENGINES]  # type: ignore[arg-type]


def test_a_plug_in_is_asked_itself() -> None:
    plugin = Path(__file__).parents[2] / "examples" / "later_paper" / "later_paper.py"
    values, _, _ = offered("early-directions", "--case", "", plugin=plugin)
    assert values
    assert offered("early-directions", "--case", values[0], plugin=plugin)[0] == values[:1]
