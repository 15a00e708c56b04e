"""What was changed in a case against its declaration, in words: for captions, headings and reports.

Two results that differ never look the same, and a paper's sentence stands only over the paper's
own setting.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowrepro.core.config import Case, computing_form, flatten
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Dataset
from flowrepro.papers import registry
from flowrepro.run.kind import Result

UNSAID = ("record.", "protocol.device", "options.device")
"""Keys that change nothing of what a figure shows."""


def declared(case: Case) -> Case | None:
    """The case of that name as its paper declares it; None where there is none."""
    if case.command not in registry.commands():
        return None
    return next((own for own in registry.cases_of(case.command) if own.name == case.name), None)


def changes(case: Case) -> dict[str, Any]:
    """Key -> value of what differs from the declaration; own points and weights by their file."""
    own = declared(case)
    if own is None:
        return {}
    leaves = flatten(computing_form(case))
    found: dict[str, Any] = {}
    for part in ("data", "init"):
        value = getattr(case, part, None)
        if value is not None and value.name == "file":
            path = value.options["path"] if part == "data" else value.file
            found[part] = Path(str(path)).name
    for key in departures(case, own, (*UNSAID, "seeds")):
        if key.partition(".")[0] not in found and key in leaves:
            found[key] = leaves[key]
    if case.seeds is not None:
        found.pop("seed", None)
    return found


def told(case: Case) -> str:
    """'init.scale = 1e-08, seed = 3'; empty for a case as it is declared."""
    return ", ".join(f"{key} = {value}" for key, value in changes(case).items())


def headline(case: Case) -> str:
    """What a case shows, behind what was changed in it; for other points only what was changed."""
    changed = told(case)
    if case.data is not None and case.data.name == "file":
        return changed
    return f"{changed}: {case.shows}" if changed else case.shows


def caption(sentence: str, file: str, results: Sequence[Result]) -> str:
    """The caption of a figure for these results.

    The declared ``sentence`` stands over the declared cases. For other points it would describe
    what is not drawn: there the caption names the points. Any other change is named behind it.
    """
    first = results[0]
    data: Dataset | None = first.dataset
    changed = "; ".join(dict.fromkeys(filter(None, (told(result.case) for result in results))))
    if first.case.data is not None and first.case.data.name == "file" and data is not None:
        return f"{data.note}: the panels of {file} for these points ({changed})."
    return f"{sentence} Changed against the paper: {changed}." if changed else sentence
