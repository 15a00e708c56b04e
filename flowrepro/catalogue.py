"""Tables of what the project holds: rows, figures, checks, keys, errata."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowrepro import papers
from flowrepro.drawing import declared_figures
from flowrepro.experiment import Experiment, Row, computing_form, flatten
from flowrepro.pipeline import declared_checks
from flowrepro.theory.result import Check


@dataclass(frozen=True)
class Listing:
    """A table with its header."""

    title: str
    header: tuple[str, ...]
    lines: Sequence[tuple[str, ...]]

    def as_json(self) -> list[dict[str, Any]]:
        """One object per line."""
        return [dict(zip(self.header, line, strict=True)) for line in self.lines]


def everything() -> Listing:
    """Every row with its figures and checks."""
    lines = []
    for command in papers.COMMANDS:
        figures = declared_figures(command)
        for row in papers.rows_of(command):
            shown = " ".join(figure.id for figure in figures if row.name in figure.rows)
            checks = " ".join(check.id for check in (*declared_checks(row), *_checks_of_many_seeds(row)))
            lines.append((command, row.name, row.paper, row.shows, shown, checks))
    return Listing("experiments", ("experiment", "row", "paper", "shows", "figures", "checks"), lines)


def _checks_of_many_seeds(row: Row) -> tuple[Check, ...]:
    return declared_checks(replace(row, seeds=(0, 1))) if isinstance(row, Experiment) else ()


def keys() -> Listing:
    """Every key that --set takes, with its value in each row."""
    lines = []
    for command in papers.COMMANDS:
        for row in papers.rows_of(command):
            lines += [(command, row.name, key, str(value)) for key, value in flatten(computing_form(row)).items() if key != "schema"]
    return Listing("keys", ("experiment", "row", "key", "value"), lines)


def errata() -> Listing:
    """Misprints and errors found in the papers while turning them into checks."""
    lines = []
    for paper in dict.fromkeys(command.paper for command in papers.COMMANDS.values()):
        lines += [(paper, item.id, item.place, item.printed, item.correct, item.reason) for item in papers.wing(paper, "errata").ERRATA]
    return Listing("errata", ("paper", "id", "place", "printed", "correct", "reason"), lines)
