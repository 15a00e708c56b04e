"""The page of the manual on controls: its tables are written and read here, by ``make controls``
and by the tests that compute them again.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from flowrepro.claims.claim import Claim
from flowrepro.claims.controls import control_that_fails
from flowrepro.claims.verdict import Verdict
from flowrepro.papers import registry
from flowrepro.run import results
from flowrepro.run.kind import Settings
from flowrepro.store.run_directory import RunDirectory

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "controls.md"
NONE = "none: "
"""What a claim's cell begins with where no control makes it fail; the reason follows."""
NOT_ON = "; none on "
"""What comes before the cases on which a claim fails on no control, though on others it does."""
PAPERS = ("boursier2022", "min2024", "boursier2024", "lyu2021", "lee2022")
CHANGED = "Stored results that were changed"
"""The heading of the table of tampers."""
SEEDS = (0, 100)
"""Seeds of the ensembles that are judged by claims over seeds."""


def cells(section: str) -> dict[str, str]:
    """Name -> cell of the table below a heading of the page."""
    text = PAGE.read_text(encoding="utf-8").partition(f"\n## {section}\n")[2].partition("\n## ")[0]
    return dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", text, re.MULTILINE))


def write(section: str, found: dict[str, str]) -> None:
    """Replace the lines of a table of the page."""
    text = PAGE.read_text(encoding="utf-8")
    before, heading, after = text.partition(f"\n## {section}\n")
    own, following, rest = after.partition("\n## ")
    head = own[: own.index("| --- | --- |\n")] + "| --- | --- |\n"
    lines = "".join(f"| `{name}` | {cell} |\n" for name, cell in found.items())
    PAGE.write_text(before + heading + head + lines + following + rest, encoding="utf-8")


def computed(command: str, name: str, folder: Path, seeds: tuple[int, int] | None = None) -> Any:
    """The result of a case, or of many seeds of it; what ``folder`` holds already is read."""
    case = registry.find_case(command, name)
    if seeds is not None:
        case = replace(case, seeds=seeds)
    directory = RunDirectory.of(folder, case)
    if directory.is_complete():
        return results.load(directory)
    said = dict.fromkeys(("say", "doing", "progress", "interrupted"), lambda *_: None)
    quiet: Any = SimpleNamespace(**said)
    return results.compute(case, directory, Settings(root=folder, figures=()), quiet)


def passing(result: Any) -> Iterator[Claim]:
    """The claims that pass on a result, but for those that are labelled."""
    for claim in registry.claims_of(result.case):
        if not claim.label and claim.judge(result).verdict is Verdict.PASS:
            yield claim


def named(cell: str) -> list[str]:
    """The controls that a cell names."""
    return [] if cell.startswith(NONE) else cell.partition(NOT_ON)[0].split(", ")


def excused(cell: str) -> list[str]:
    """The cases that a cell excepts."""
    return [name for name in cell.partition(NOT_ON)[2].split(", ") if name]


def cell_of(controls: list[str], blind: list[str]) -> str:
    """The cell that names these controls and excepts these cases."""
    return ", ".join(controls) + (NOT_ON + ", ".join(blind) if blind else "")


def results_of(paper: str) -> Iterator[tuple[str, str, tuple[int, int] | None]]:
    """(command, case, None) of all cases, and (command, case, seeds) of those that claims over
    seeds judge.
    """
    declared = registry.contents(paper)
    over_seeds = [case for claim in declared.claims if claim.over_seeds for case in claim.cases]
    for case in declared.cases:
        yield case.command, case.name, None
        if case in over_seeds:
            yield case.command, case.name, SEEDS


def main() -> None:
    """Add to the tables what they do not say yet of the results of all cases.

    Reasons in words, which no program can find, are kept.
    """
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where results lie")
    out = parser.parse_args().out
    for key in PAPERS:
        declared, before = registry.contents(key), cells(key)
        found = {c.id: before.get(c.id, f"{NONE}no case passes") for c in declared.claims}
        found |= {claim.id: claim.label for claim in declared.claims if claim.label}
        for command, name, seeds in results_of(key):
            result = computed(command, name, out, seeds)
            for claim in passing(result):
                cell = found[claim.id]
                known, blind = named(cell), excused(cell)
                if known and control_that_fails(claim, result, known):
                    continue
                if new := control_that_fails(claim, result):
                    known.append(new)
                elif known and name not in blind:
                    blind.append(name)
                if known:
                    found[claim.id] = cell_of(known, blind)
        write(key, found)


if __name__ == "__main__":
    main()
