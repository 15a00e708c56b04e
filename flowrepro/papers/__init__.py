"""One wing per paper: experiments.py (rows, data only), checks.py (statements), figures.py (collect and draw)."""

from __future__ import annotations

import importlib
from types import ModuleType

from flowrepro.errors import UsageError
from flowrepro.experiment import Experiment

COMMANDS: dict[str, str] = {"orthogonal": "boursier2022", "mnist-align": "min2024"}
"""subcommand -> key of the paper whose rows it owns."""


def wing(paper: str, part: str) -> ModuleType:
    """The module ``papers.<paper>.<part>``; part is experiments, checks or figures."""
    return importlib.import_module(f"flowrepro.papers.{paper}.{part}")


def rows_of(command: str) -> tuple[Experiment, ...]:
    """The rows of a subcommand, in the order they run."""
    if command not in COMMANDS:
        raise UsageError(f"'{command}' is not an experiment; there are {', '.join(COMMANDS)}")
    return tuple(row for row in wing(COMMANDS[command], "experiments").ROWS if row.command == command)


def find_row(command: str, name: str) -> Experiment:
    """The row of that name."""
    rows = {row.name: row for row in rows_of(command)}
    if name not in rows:
        raise UsageError(f"{command} has no row '{name}'; there are {', '.join(rows)}")
    return rows[name]
