"""One wing per paper: experiments.py (rows, data only), checks.py (statements), figures.py (collect and draw)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from types import ModuleType

from flowrepro.errors import UsageError
from flowrepro.experiment import Experiment


@dataclass(frozen=True)
class Command:
    """A subcommand: the key of the paper whose rows it owns, and one line of help."""

    paper: str
    summary: str


PAPERS: dict[str, str] = {
    "boursier2022": "Boursier, Pillaud-Vivien, Flammarion: Gradient flow dynamics of shallow ReLU networks for square loss and orthogonal inputs (2022)",
    "min2024": "Min, Mallada, Vidal: Early neuron alignment in two-layer ReLU networks with small initialization (2024)",
}
"""key -> authors, title, year."""

COMMANDS: dict[str, Command] = {
    "orthogonal": Command("boursier2022", "Saddle-to-saddle dynamics towards the minimal-norm interpolator (boursier2022)."),
    "mnist-align": Command("min2024", "Neurons align early with the positive or negative digits, then fit (min2024)."),
}
"""subcommand -> what it runs."""


def wing(paper: str, part: str) -> ModuleType:
    """The module ``papers.<paper>.<part>``; part is experiments, checks or figures."""
    return importlib.import_module(f"flowrepro.papers.{paper}.{part}")


def rows_of(command: str) -> tuple[Experiment, ...]:
    """The rows of a subcommand, in the order they run."""
    if command not in COMMANDS:
        raise UsageError(f"'{command}' is not an experiment; there are {', '.join(COMMANDS)}")
    return tuple(row for row in wing(COMMANDS[command].paper, "experiments").ROWS if row.command == command)


def find_row(command: str, name: str) -> Experiment:
    """The row of that name."""
    rows = {row.name: row for row in rows_of(command)}
    if name not in rows:
        raise UsageError(f"{command} has no row '{name}'; there are {', '.join(rows)}")
    return rows[name]
