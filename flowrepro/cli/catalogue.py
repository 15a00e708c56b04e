"""Tables of what the project holds: cases, figures, claims, keys, misprints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import combine, listed
from flowrepro.core.config import Case, TrainingCase, computing_form, flatten
from flowrepro.errors import UsageError
from flowrepro.papers import registry
from flowrepro.papers.paper import Readings


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
    """Every case with its figures and claims."""
    lines = []
    for command in registry.commands():
        figures = registry.figures_of(command)
        for case in registry.cases_of(command):
            shown = " ".join(figure.id for figure in figures if case.name in figure.cases)
            claims = " ".join(
                claim.id for claim in (*registry.claims_of(case), *_claims_of_many_seeds(case))
            )
            lines.append((command, case.name, case.paper, case.shows, shown, claims))
    return Listing(
        "experiments", ("experiment", "case", "paper", "shows", "figures", "claims"), lines
    )


def _claims_of_many_seeds(case: Case) -> tuple[Claim, ...]:
    return registry.claims_of(replace(case, seeds=(0, 1))) if isinstance(case, TrainingCase) else ()


def overview() -> Listing:
    """One line per experiment, with how much it holds."""
    lines = []
    for command, declared in registry.commands().items():
        cases = registry.cases_of(command)
        claims = {claim.id for case in cases for claim in registry.claims_of(case)}
        figures = registry.figures_of(command)
        counts = (str(len(found)) for found in (cases, claims, figures))
        lines.append((command, *counts, declared.summary))
    return Listing("experiments", ("experiment", "cases", "claims", "figures", "shows"), lines)


def experiment(command: str) -> Listing:
    """The cases of one experiment, with their figures and how many claims judge each."""
    figures, lines = registry.figures_of(command), []
    for case in registry.cases_of(command):
        shown = " ".join(figure.id for figure in figures if case.name in figure.cases)
        lines.append((case.name, str(len(registry.claims_of(case))), shown, case.shows))
    return Listing(command, ("case", "claims", "figures", "shows"), lines)


def explained(name: str) -> Listing:
    """A claim or a case in words; UsageError where there is neither."""
    lines: list[tuple[str, ...]] = []
    for paper in registry.PAPERS:
        contents = registry.contents(paper)
        for claim in contents.claims:
            if claim.id == name:
                lines += [
                    ("claim", claim.id),
                    ("states", claim.sentence),
                    ("place", f"{paper}, {claim.place}"),
                    ("cases", ", ".join(case.name for case in claim.cases)),
                    ("measures", " ".join((claim.measure.__doc__ or "").split())),
                    *([("label", claim.label)] if claim.label else []),
                ]
        for case in contents.cases:
            if case.name == name:
                found = flatten(computing_form(case)).items()
                lines += [("case", f"{case.command} --case {case.name}"), ("shows", case.shows)]
                lines += [
                    (key, str(value)) for key, value in found if key not in ("schema", "data")
                ]
    if not lines:
        raise UsageError(
            f"'{name}' is no experiment, case or claim; 'flowrepro list' shows the experiments"
        )
    return Listing(name, ("what", "value"), lines)


def keys(name: str | None = None) -> Listing:
    """Every key that --set takes, of all cases, of an experiment, or of a case with its values."""
    from flowrepro.cli.keys import HEADER, of_cases

    every = [case for command in registry.commands() for case in registry.cases_of(command)]
    chosen = [case for case in every if name in (None, case.command, case.name)]
    if not chosen:
        raise UsageError(
            f"'{name}' is no experiment or case; 'flowrepro list' shows the experiments"
        )
    return Listing("keys", HEADER, of_cases(chosen, own_values=len(chosen) == 1))


def misprints() -> Listing:
    """Misprints and errors found in the papers, with what their proofs measure now."""
    lines = [(*line.values(), _measured(parts)) for line, parts in _misprints()]
    return Listing("misprints", MISPRINT, lines)


def misprints_as_json() -> list[dict[str, Any]]:
    """As `misprints`, the measured parts as objects."""
    return [
        {**line, MISPRINT[-1]: combine(parts).to_json()["parts"] if parts else []}
        for line, parts in _misprints()
    ]


MISPRINT = ("paper", "id", "class", "place", "printed", "correct", "proof", "measured")


def _misprints() -> Iterator[tuple[dict[str, str], Readings]]:
    for paper in registry.PAPERS:
        for item in registry.misprints(paper):
            told = (item.id, item.kind, item.place, item.printed, item.correct, item.reason)
            yield dict(zip(MISPRINT, (paper, *told), strict=False)), item.readings()


def _measured(readings: Readings) -> str:
    """The parts of a proof as one line: the printed reading, the corrected one, hypotheses."""
    labels = ("as printed, ", "corrected, ", *[""] * len(readings))
    said = (f"{listed(part)} {part.verdict.value}" for part in readings)
    return "; ".join(label + text for label, text in zip(labels, said, strict=False))
