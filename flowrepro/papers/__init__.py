"""One wing per paper: experiments.py (rows, data only), studies.py (what study rows compute), checks.py (statements),
figures.py (collect and draw), errata.py."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any

from flowrepro.errors import UsageError
from flowrepro.experiment import Row, Study

if TYPE_CHECKING:
    import numpy as np

    from flowrepro.trajectory import Dataset

Progress = Callable[[int, int], None]
"""progress(done, total): called between units of work; it may raise to stop."""
StudyFunction = Callable[[Study, "Dataset | None", Progress], "Mapping[str, np.ndarray]"]
"""What a study row computes; a member of a wing's STUDIES."""


@dataclass(frozen=True)
class Flag:
    """An option of one subcommand.

    rows : the rows it selects, all where empty.
    changes : row -> key -> value that it sets there.
    takes : keys of the rows that get the values given with the option; without any it is a switch.
    metavar, kind : how those values are shown, and their type.
    """

    help: str
    rows: tuple[str, ...] = ()
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    metavar: str = ""
    kind: type = str

    def overrides(self, row: str, values: Any) -> dict[str, Any]:
        """What the option, given with these values, sets in a row."""
        given = dict(zip(self.takes, values if len(self.takes) > 1 else [values], strict=True)) if self.takes else {}
        return {**self.changes.get(row, {}), **given}


@dataclass(frozen=True)
class Law:
    """What a theorem predicts for a column of a sweep's summary: ``predict`` takes the row at a point of the grid.

    rows, key, measure : the rows, the swept key and the column for which it holds. place : where the paper states it.
    """

    rows: tuple[str, ...]
    key: str
    measure: str
    place: str
    predict: Callable[[Any], float]


@dataclass(frozen=True)
class Command:
    """A subcommand: the key of the paper whose rows it owns, and one line of help.

    data_rows : names of the rows that run on a user's own points; none means the first one.
    flags : options of this subcommand alone, by name.
    """

    paper: str
    summary: str
    data_rows: tuple[str, ...] = ()
    flags: Mapping[str, Flag] = field(default_factory=dict)


PAPERS: dict[str, str] = {
    "boursier2022": "Boursier, Pillaud-Vivien, Flammarion: Gradient flow dynamics of shallow ReLU networks for square loss and orthogonal inputs (2022)",
    "min2024": "Min, Mallada, Vidal: Early neuron alignment in two-layer ReLU networks with small initialization (2024)",
    "boursier2024": "Boursier, Flammarion: Early alignment in two-layer networks training is a two-edged sword (2024)",
    "lyu2021": "Lyu, Li, Wang, Arora: Gradient descent on two-layer nets: margin maximization and simplicity bias (2021)",
    "lee2022": "Lee, Sim, Ye: Magnitude and angle dynamics in training single ReLU neurons (2022)",
}
"""key -> authors, title, year."""

COMMANDS: dict[str, Command] = {
    "orthogonal": Command("boursier2022", "Saddle-to-saddle dynamics towards the minimal-norm interpolator (boursier2022).", data_rows=("toy",)),
    "toy2d": Command("min2024", "Early alignment in the plane, neuron by neuron, against its theorems (min2024).", data_rows=("six-points",)),
    "mnist-align": Command(
        "min2024",
        "Neurons align early with the positive or negative digits, then fit (min2024).",
        flags={
            "digits": Flag("Only this pair of digits, P (+1) against N (-1).", ("digits-1-0",), takes=("positive", "negative"), metavar="P N", kind=int),
            "dataset": Flag("mnist, fashion-mnist, kmnist or emnist instead of MNIST.", ("digits-1-0",), takes=("dataset",), metavar="NAME"),
        },
    ),
    "three-point": Command(
        "boursier2024",
        "Early alignment can trap training at a spurious point (boursier2024).",
        data_rows=("phases", "analysis"),
        flags={
            "analyse": Flag("Only the static analysis: activation cones, extremal vectors, constants, assumptions.", ("analysis",)),
            "paper-width": Flag("Figure 3 at the paper's 200000 neurons instead of 20000.", changes={"figure-3": {"init.m": 200_000, "record.geometric": 0.0}}),
        },
    ),
    "margin": Command("lyu2021", "Leaky ReLU nets converge to (or miss) the max-margin classifier (lyu2021).", data_rows=("separator",)),
    "single-neuron": Command(
        "lee2022",
        "Magnitude and angle bounds for one ReLU neuron, any depth (lee2022).",
        data_rows=("1l-sn", "1l-mn", "1l-ln", "2l-mn", "3l-mn"),
        flags={
            "full": Flag(
                "Figure 4 with 10000 samples and 100000 steps instead of 2000 and 10000.",
                changes={"deep": {"n": 10_000, "small_lr": 8e-4, "small_steps": 100_000, "large_steps": 30_000}},
            ),
        },
    ),
}
"""subcommand -> what it runs."""


def wing(paper: str, part: str) -> ModuleType:
    """The module ``papers.<paper>.<part>``; part is experiments, studies, checks, figures, errata or laws."""
    return importlib.import_module(f"flowrepro.papers.{paper}.{part}")


def declared(paper: str, part: str) -> tuple[Any, ...]:
    """What a wing declares in a part that it may not have: LAWS in laws.py, TABLES in tables.py, ANIMATIONS in animations.py."""
    if paper not in PAPERS or importlib.util.find_spec(f"flowrepro.papers.{paper}.{part}") is None:
        return ()
    members: tuple[Any, ...] = getattr(wing(paper, part), part.upper())
    return members


def law_for(row: Row, key: str, measure: str) -> Law | None:
    """The law that predicts a column of a sweep over one key."""
    laws: tuple[Law, ...] = declared(row.paper, "laws")
    return next((law for law in laws if row.name in law.rows and (law.key, law.measure) == (key, measure)), None)


def rows_of(command: str) -> tuple[Row, ...]:
    """The rows of a subcommand, in the order they run."""
    if command not in COMMANDS:
        raise UsageError(f"'{command}' is not an experiment; there are {', '.join(COMMANDS)}")
    return tuple(row for row in wing(COMMANDS[command].paper, "experiments").ROWS if row.command == command)


def find_row(command: str, name: str) -> Row:
    """The row of that name."""
    rows = {row.name: row for row in rows_of(command)}
    if name not in rows:
        raise UsageError(f"{command} has no row '{name}'; there are {', '.join(rows)}")
    return rows[name]
