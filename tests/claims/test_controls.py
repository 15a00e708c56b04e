"""Every claim that passes fails on some wrong result, or is listed here with the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import control_page
import numpy as np
import pytest
from control_page import PAPERS, computed, excused, named, passing
from mutants import judged

from flowrepro.claims.claim import Claim
from flowrepro.claims.controls import (
    CONTROLS,
    OWN,
    Control,
    _recorded,
    altered,
    control_that_fails,
    outcomes,
)
from flowrepro.claims.verdict import Part
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers import registry

FAST = {
    "toy2d": ("force", "force-at-boundary", "theory-cones-10d", "theory-cones", "two-points-0.001",
              "two-points-orthogonal", "two-points-0.1", "plane-paths", "alignment-time",
              "six-points"),
    "orthogonal": ("lazy-orthogonal", "gronwall", "five-points"),
    "single-neuron": ("curvature", "implicit"),
    "margin": ("edges", "fading-right"),
}  # fmt: skip
LONG = {
    "orthogonal": ("high-dimension", "without-assumption-3", "log-scale-four-points"),
    "toy2d": ("rank-limit", "six-points-seeds", "theory-basins"),
    "mnist-align": tuple(case.name for case in registry.cases_of("mnist-align")),
    "three-point": ("figure-1", "figure-2", "figure-3", "critical-scale", "eight-piece-sets", "phases",
                    "dominated", "basin", "held-neurons", "early-alignment"),
    "margin": ("table", "table-optimum", "table-mirrored", "early-stopping", "random-a7",
               "early-middle", "counterexample-a7", "inequalities", "inequalities-right"),
    "single-neuron": ("deep", "many-seeds", "initial-norms", "moments", "descent-of-flow"),
}  # fmt: skip
"""Cases that take more than some 5 s."""


def cases() -> Iterator[Any]:
    """All cases of all papers, and the ensembles that claims over seeds judge."""
    for paper in PAPERS:
        for command, name, seeds in control_page.results_of(paper):
            marks = [pytest.mark.slow] if seeds or name not in FAST.get(command, ()) else []
            if seeds or name in LONG.get(command, ()):
                marks.append(pytest.mark.long)
            id = f"{command}-{name}{'-seeds' if seeds else ''}"
            yield pytest.param(command, name, seeds, id=id, marks=marks)


@pytest.mark.parametrize(("command", "name", "seeds"), list(cases()))
def test_claims_fail_on_the_controls_that_the_manual_names(
    command: str, name: str, seeds: tuple[int, int] | None, tmp_path: Path
) -> None:
    cells = control_page.cells(registry.paper_of(command).key)
    result = computed(command, name, tmp_path, seeds)
    unseen = {}
    for claim in passing(result):
        cell = cells[claim.id]
        names = named(cell)
        found = control_that_fails(claim, result, names) if names else cell
        print(f"{name} {claim.id}: {found}")
        assert found or name in excused(cell), f"{claim.id} fails on none of {names}"
        alone = command != "mnist-align"  # where judging takes seconds, all at once are enough
        unseen[claim.id] = passes_without_numbers(claim, result, alone) - NAN_MEANS.get(claim.id, set())
    assert not {name: arrays for name, arrays in unseen.items() if arrays}, "claims pass on nan"


LOST = Control("lost", "every number is nan", lambda array: np.full_like(array, np.nan))
OF_NUMBERS = [control for control in CONTROLS if control.numbers is not None]


NAN_MEANS = {
    # no such network, or no separation
    "section-3-largest-margin": {"gamma_star", "kkt_margin", "net_normalised_margin"},
    # another theorem is the one that applies
    "theorem-4-3-predicted-limit": {"mu_x_least", "mu_plus", "mu_minus", "largest_lower"},
    # a neuron that does not die
    "equation-50-gradient": {"t", "stay_start", "stay_end"},
    "lemma-1-directions": {"stay_start"},
    "lemma-15-descent": {"stay_start"},
    # further numbers, and what only names or selects
    "figure-2-left": {"largest_lower"},
    "figure-2-middle": {"largest_lower"},
    "figure-2-right": {"largest_lower"},
    "figure-4b": {"a"},
    "footnote-4-cones": {"generic_independence"},
    "theorem-1-settling-bound": {"start_cosine"},
    "theorem-4-1-constant": {"v0"},
    "theorem-4-1-converse": {"v0"},
    "theorem-4-1-order": {"v0"},
}
"""Arrays in which a nan has a meaning of its own for a claim."""


def passes_without_numbers(claim: Claim, result: Any, alone: bool = True) -> set[str]:
    """Arrays without whose numbers a claim passes, though it judges what depends on them; "all",
    and if ``alone`` each by itself.
    """
    floats = [name for name, array in _recorded(result).items() if np.issubdtype(array.dtype, np.floating)]
    unseen = set()
    for k, name in enumerate(["all", *floats] if alone and len(floats) > 1 else ["all"] * bool(floats)):
        (lost,) = islice(LOST.results(result), k, k + 1)
        verdict, parts = judged(claim, lost)
        if verdict == "PASS":
            wrong = (one for control in OF_NUMBERS for one in islice(control.results(result), k, k + 1))
            if any(_moved(parts, judged(claim, one)[1]) for one in wrong):
                unseen.add(name)
    return unseen


def _moved(parts: list[Part], others: list[Part]) -> bool:
    """Whether a part that both have measures something else."""
    known = {(part.note, part.measured) for part in parts}
    shared = {part.note for part in parts} & {part.note for part in others}
    return any((part.note, part.measured) not in known for part in others if part.note in shared)


@pytest.mark.parametrize("paper", PAPERS)
def test_the_manual_has_the_controls_of_every_claim(paper: str) -> None:
    claims = {claim.id: claim for claim in registry.contents(paper).claims}
    cells = control_page.cells(paper)
    assert list(cells) == list(claims)
    known = {control.name for control in CONTROLS}
    for name, cell in cells.items():
        print(f"{paper} {name}: {cell}")
        claim = claims[name]
        if claim.label:
            assert cell == claim.label, name
        else:
            assert set(named(cell)) <= known | ({OWN} if claim.control else set()), name


CASE = StudyCase(name="toy", command="margin", paper="lyu2021", shows="", computes="nothing")
STUDY = Study(
    CASE,
    Dataset(np.arange(6.0).reshape(3, 2), np.array([1.0, -1.0, 1.0]), "three points"),
    {
        "t": np.array([0.0, 1.0, 3.0, 7.0]),
        "v": np.random.default_rng(0).standard_normal((4, 3)),
        "k": np.array([1, 2]),
        "ok": np.array(True),
    },
)


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_a_control_keeps_shapes_and_changes_something(control: Control) -> None:
    wrong = list(control.results(STUDY))
    if control.name in ("slower", "outer", "inner"):
        assert not wrong, "a study has no step size, and this one no weights"
        return
    assert wrong
    for result in wrong:
        assert result.X.shape == (3, 2)
        assert {k: v.shape for k, v in result.arrays.items()} == {k: np.shape(v) for k, v in STUDY.arrays.items()}
        same = [np.array_equal(v, STUDY.arrays[k]) for k, v in result.arrays.items()]
        points = np.array_equal(result.X, STUDY.X) and np.array_equal(result.y, STUDY.y)
        assert not (all(same) and points)


@pytest.mark.parametrize("name", ["outer", "inner"])
def test_rebalanced_layers_are_the_same_function(name: str) -> None:
    W, a = np.ones((3, 2, 2)), np.full((3, 2), 5.0)
    (wrong,) = next(c for c in CONTROLS if c.name == name).results(altered(STUDY, W=W, a=a))
    assert np.allclose(wrong.arrays["a"][..., None] * wrong.arrays["W"], a[..., None] * W)
    assert np.array_equal(wrong.arrays["a"][0], a[0])
    assert not np.isclose(wrong.arrays["a"][1:], a[1:]).any()


def test_arrays_are_also_changed_one_by_one() -> None:
    triple = next(control for control in CONTROLS if control.name == "triple")
    changed = [
        {k for k, v in result.arrays.items() if not np.array_equal(v, STUDY.arrays[k])}
        for result in triple.results(STUDY)
    ]
    assert changed == [{"t", "v"}, {"t"}, {"v"}]


def test_a_claim_that_does_not_see_a_nan_is_found() -> None:
    from test_claim import claim

    from flowrepro.claims.verdict import none_of

    def blind(result: Any) -> Any:
        yield none_of("larger than 9", np.sum(result.arrays["v"] > 9))

    def sees(result: Any) -> Any:
        yield none_of("larger than 9", np.sum(~(result.arrays["v"] <= 9)))

    def counts(result: Any) -> Any:
        yield none_of("counts above 2", np.sum(result.arrays["k"] > 2))

    unseen = [passes_without_numbers(claim(one), STUDY) for one in (blind, sees, counts)]
    assert unseen == [{"all", "v"}, set(), set()]


def test_a_claim_without_teeth_is_found_and_its_own_control_counts() -> None:
    from test_claim import claim

    blind = claim()
    assert control_that_fails(blind, STUDY) is None
    assert set(outcomes(blind, STUDY).values()) == {"PASS"}

    def measure(result: Any) -> Any:
        from flowrepro.claims.verdict import at_most

        yield at_most("entries", len(result.arrays["k"]), 2)

    own = replace(claim(measure), control=lambda result: altered(result, k=np.arange(5)))
    assert control_that_fails(own, STUDY) == OWN
    assert outcomes(own, STUDY)[OWN] == "FAIL"


def test_the_command_names_claims_without_teeth(flowrepro: Any, tmp_path: Path) -> None:
    flowrepro("toy2d", "--case", "theory-cones", "--no-figures", "--out", tmp_path)
    (run,) = (tmp_path / "toy2d").glob("theory-cones-*")
    answer = flowrepro("controls", run)
    assert answer.code == 0
    assert "theory-cones lemma-2-slope: identity" in answer.out
    assert answer.out.splitlines()[-1] == "8 claims pass; 6 of them fail on a control"
    claims = flowrepro("controls", "--json", run).json()["claims"]
    said = {claim["id"]: claim["controls"] for claim in claims}
    assert said["lemma-6-convexity"]["counts"] == "FAIL"
    answer = flowrepro("controls", tmp_path)
    assert answer.code == 3
    assert "is not a run directory" in answer.err
