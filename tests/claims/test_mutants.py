"""Most mutants of claims are noticed: on a part of the cases here, on all of them in the manual."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import control_page
import mutants
import numpy as np
import pytest
from control_page import computed, passing
from mutant_page import COUNTS, LEFT

from flowrepro.papers import registry

LEAST = 0.9
"""Share of mutants that is noticed at least."""
CASES = {
    "orthogonal": ("gronwall", "five-points", "toy"),
    "toy2d": ("plane-paths", "cluster-paths", "dead-boundary", "fit-time", "theory-cones",
              "theory-rule-unbalanced", "two-points-0.1"),
    "three-point": ("saddle-view", "leaky-slopes"),
    "margin": ("edges", "two-neurons"),
    "single-neuron": ("curvature", "solved-flow", "small-starts", "dips", "implicit"),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.long
def test_most_mutants_are_noticed(tmp_path: Path) -> None:
    found: list[mutants.Fate] = []
    for command, names in CASES.items():
        for name in names:
            result = computed(command, name, tmp_path)
            for claim in passing(result):
                fates = mutants.fates_of(claim, [result])
                print(claim.paper, claim.id, mutants.row(claim, result, fates))
                found += fates
    noticed, missed, same = mutants.counted(found)
    print(f"{noticed} of {noticed + missed} are noticed; {same} changes are no mutants")
    assert noticed + missed > 300
    assert noticed >= LEAST * (noticed + missed)


def said_of(paper: str) -> tuple[int, int, int]:
    """Mutants of a paper that are noticed, all of them, and their claims, as the manual has it."""
    said = re.match(r"(\d+) of (\d+) \(.+\), of (\d+) claims", control_page.cells(COUNTS)[paper])
    assert said
    noticed, made, claims = map(int, said.groups())
    return noticed, made, claims


def test_the_manual_has_nine_of_ten_mutants_noticed() -> None:
    noticed, made, claims = map(sum, zip(*map(said_of, control_page.PAPERS), strict=True))
    print(f"{noticed} of {made}, of {claims} claims")
    assert noticed >= LEAST * made > 1500


@pytest.mark.parametrize("paper", control_page.PAPERS)
def test_the_manual_has_the_mutants_of_every_paper(paper: str) -> None:
    """Those that nothing notices are listed with their claims."""
    noticed, made, claims = said_of(paper)
    judged = {claim.id: claim for claim in registry.contents(paper).claims if not claim.label}
    left = {name.split()[1]: text for name, text in control_page.cells(LEFT).items() if name.split()[0] == paper}
    assert set(left) <= set(judged)
    assert claims >= 0.8 * len(judged)
    assert noticed >= 0.85 * made
    assert sum(text.count("` (") for text in left.values()) == made - noticed


def test_a_place_is_changed_and_changed_back(tmp_path: Path) -> None:
    result = computed("toy2d", "force", tmp_path)
    (claim,) = passing(result)
    own = claim.measure.__code__
    good = mutants.judged(claim, result)
    fates = mutants.fates_of(claim, [result])
    noticed, missed, same = mutants.counted(fates)
    assert noticed >= LEAST * (noticed + missed) > 0
    assert len(fates) == noticed + missed + same <= mutants.DRAWN
    assert claim.measure.__code__ is own
    assert mutants.judged(claim, result) == good
    doubled = next(place for place in mutants.places(own) if place.what.endswith("doubled"))
    with mutants.Mutated(doubled):
        assert claim.measure.__code__ is not own
        assert mutants.numbers(mutants.judged(claim, result)) != mutants.numbers(good)


@pytest.mark.slow
def test_functions_that_a_claim_calls_are_found(tmp_path: Path) -> None:
    result: Any = computed("toy2d", "theory-cones", tmp_path)
    for claim in passing(result):
        found = mutants.measured_by(claim, result)
        assert claim.measure.__code__ in found
        assert all(mutants.functions(code) for code in found)


def test_a_mutant_that_does_not_end_is_stopped() -> None:
    from test_claim import claim

    def endless(result: Any) -> Any:
        while np.isfinite(result):
            pass

    assert mutants.judged(claim(endless), 1.0, 0.1) == ("unreadable", [])
