"""The tables of the manual on mutants: ``make mutants`` writes them, from stored results."""

from __future__ import annotations

import argparse
import functools
import time
from pathlib import Path
from typing import Any

import control_page
from mutants import Fate, counted, fates_of, judged, row

from flowrepro.claims.claim import Claim
from flowrepro.papers import registry

Key = tuple[str, str, tuple[int, int] | None]
COUNTS, LEFT = "Mutants of the claims", "Mutants that nothing notices"
"""Headings of the tables."""
CASES = 2
"""Results that a mutant meets at most, those first that are judged soonest."""


def judged_on(paper: str, out: Path) -> dict[Claim, list[tuple[float, Key]]]:
    """For every claim, (seconds, (command, case, seeds)) of the results on which it passes."""
    found: dict[Claim, list[tuple[float, Key]]] = {}
    for key in control_page.results_of(paper):
        result = stored(key, out)
        for claim in control_page.passing(result):
            begun = time.perf_counter()
            judged(claim, result)
            found.setdefault(claim, []).append((time.perf_counter() - begun, key))
    return found


@functools.lru_cache(maxsize=8)
def stored(key: Key, out: Path) -> Any:
    return control_page.computed(key[0], key[1], out, key[2])


def main() -> None:
    """Judge the mutants of all claims on stored results, and write the tables of the page."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs"), help="where results lie")
    parser.add_argument("papers", nargs="*", default=control_page.PAPERS)
    given = parser.parse_args()
    counts, left = control_page.cells(COUNTS), control_page.cells(LEFT)
    for paper in given.papers:
        left = {name: cell for name, cell in left.items() if name.split()[0] != paper}
        found: dict[str, list[Fate]] = {}
        for claim, results in judged_on(paper, given.out).items():
            soonest = sorted(results, key=lambda one: one[0])[:CASES]
            own = [stored(key, given.out) for _, key in soonest]
            found[claim.id] = fates = fates_of(claim, own)
            print(paper, claim.id, *counted(fates), flush=True)
            if counted(fates)[1]:
                left[f"{paper} {claim.id}"] = row(claim, own[0], fates)
        noticed, missed, same = map(sum, zip(*map(counted, found.values()), strict=True))
        counts[paper] = (
            f"{noticed} of {noticed + missed} ({noticed / (noticed + missed):.1%}), of {len(found)} "
            f"claims; {same} changes more change no number"
        )
        print(paper, counts[paper], flush=True)
        control_page.write(COUNTS, {key: counts[key] for key in control_page.PAPERS if key in counts})
        control_page.write(LEFT, dict(sorted(left.items(), key=_place_of)))


def _place_of(entry: tuple[str, str]) -> tuple[int, int]:
    """The paper and the claim of a line of the table, in their order."""
    paper, claim = entry[0].split()
    ids = [one.id for one in registry.contents(paper).claims]
    return control_page.PAPERS.index(paper), ids.index(claim)


if __name__ == "__main__":
    main()
