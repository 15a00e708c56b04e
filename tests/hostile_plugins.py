"""Plug-ins that somebody wrote wrongly, and how a command that is given one must end."""

from __future__ import annotations

import contextlib
import functools
import os
import re
import sys
import tempfile
from pathlib import Path
from unittest import mock

import hostile
import numpy as np
from command_line import call

from flowrepro.cli.main import cli
from flowrepro.papers import registry

EXAMPLE = Path(__file__).parents[1] / "examples/later_paper/later_paper.py"
CODES = {0, 2, 3, 4, 5, 6, 7}
NASTY = ("0", "-1", "1e308", "10**20", "None", "''", "[]", "{}", "()", "True", "int", "lambda *x: x", "[[]]", "1 / 0")
TOKENS = re.compile(r'"[^"\n]*"|\w+|[^\w\s]')
LINES = (
    ("list",), ("list", "early-directions"), ("list", "--json"), ("early-directions", "--case", "small", "--no-figures"),
    ("early-directions", "--case", "large", "--json", "--no-figures"),
)  # fmt: skip


def mutated(text: str, dice: np.random.Generator) -> str:
    """A plug-in with one to three of its words, marks or lines exchanged, added or left out."""
    head = text.index("PAPER =")
    for _ in range(int(dice.integers(1, 4))):
        found = list(TOKENS.finditer(text, head))
        if not found:
            break
        one, other = (found[int(dice.integers(len(found)))] for _ in range(2))
        new = ("", other[0], NASTY[int(dice.integers(len(NASTY)))], one[0] * 2)[int(dice.integers(4))]
        text = text[: one.start()] + new + text[one.end() :]
        if dice.random() < 0.1:
            lines = text.splitlines(keepends=True)
            del lines[int(dice.integers(len(lines)))]
            text = "".join(lines)
            head = min(head, len(text))
    return text[: int(dice.integers(len(text)))] if dice.random() < 0.02 else text


def attack(seed: int, number: int) -> str:
    """What went wrong with a mutated plug-in, or empty."""
    dice = np.random.default_rng([seed, number])
    line = LINES[int(dice.integers(len(LINES)))]
    if line[0] == "early-directions":
        line = (*line, "--set", "n_steps=200", "--out", "out")
    kept = (registry.PAPERS, registry._ADDED, cli.commands)
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder), contextlib.ExitStack() as restored:
        for names in (*kept, os.environ):
            restored.enter_context(mock.patch.dict(names))
        restored.callback(registry.contents.cache_clear)
        restored.callback(sys.modules.pop, "mutant_paper", None)
        Path("mutant_paper.py").write_text(mutated(EXAMPLE.read_text(), dice))
        words = ["--plugin", "mutant_paper.py", *line]
        fault = hostile.fault_of(functools.partial(call, words), CODES)
    return f"({seed}, {number}) {' '.join(line)}: {fault}" if fault else ""
