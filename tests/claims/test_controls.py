"""Every claim that passes fails on some wrong result, or is listed here with the reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import quiet

from flowrepro.claims.controls import CONTROLS, OWN, Control, altered, control_that_fails, outcomes
from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers import registry
from flowrepro.run import results
from flowrepro.run.kind import Settings
from flowrepro.run.pipeline import quick_variant
from flowrepro.store.run_directory import RunDirectory

FAST = {
    "toy2d": ("force", "force-at-boundary", "theory-cones-10d", "theory-cones", "two-points-0.001",
              "two-points-orthogonal", "two-points-0.1", "cluster-paths", "plane-paths",
              "alignment-time", "six-points", "dead-boundary"),
    "orthogonal": ("lazy", "gronwall", "five-points"),
    "three-point": ("analysis", "analysis-boxes"),
}  # fmt: skip
SLOW = {
    "toy2d": ("theory-flow", "theory-flow-10d", "theory-rule", "held-neuron",
              "theory-log-scale-10d", "fit-time", "sign-flips", "rank-limit"),
    "orthogonal": ("toy", "log-scale", "closest-approach", "sign-jumps", "without-assumption-3"),
    "three-point": ("unbalanced-width", "saddle-view"),
    "margin": ("left", "left-slopes", "right", "separator"),
    "single-neuron": ("2l-ln", "1l-ln"),
}  # fmt: skip
POPULATION = "it judges the population flow, which is solved anew from the start of the run"
FOLLOWS = "its hypotheses look at the whole run: on a wrong one it does not apply"
BLIND = {
    "theorem-3-3": POPULATION, "theorem-3-4": POPULATION, "theorem-3-8": POPULATION,
    "theorem-3-9": POPULATION, "lemma-c-2": POPULATION,
    **dict.fromkeys(
        ("lemma-5", "lemma-6", "lemma-7", "lemma-11", "lemma-16", "lemma-18", "lemma-20",
         "lemma-21", "lemmas-23-24", "equation-48", "corollary-1", "lemma-13-shrinking",
         "lemma-15-descent"), FOLLOWS),
}  # fmt: skip
"""Claims that no control makes fail: some control makes them N/A at least."""


def cases(listed: dict[str, tuple[str, ...]]) -> list[Any]:
    found = [(command, name) for command, names in listed.items() for name in names]
    return [pytest.param(*pair, id="-".join(pair)) for pair in found]


def computed(command: str, name: str, folder: Path) -> Any:
    """The result of a case's quick variant."""
    case = quick_variant(registry.find_case(command, name))
    settings = Settings(root=folder, figures=())
    return results.compute(case, RunDirectory.of(folder, case), settings, quiet())


def has_teeth(command: str, name: str, folder: Path) -> None:
    result = computed(command, name, folder)
    blind, judged = [], 0
    for claim in registry.claims_of(result.case):
        if claim.label or claim.judge(result).verdict is not Verdict.PASS:
            continue
        judged += 1
        if control_that_fails(claim, result) is None:
            blind.append(claim.id)
            if claim.id in BLIND:
                assert "N/A" in outcomes(claim, result).values(), claim.id
    assert judged
    assert set(blind) <= set(BLIND)


@pytest.mark.parametrize(("command", "name"), cases(FAST))
def test_claims_fail_on_controls(command: str, name: str, tmp_path: Path) -> None:
    has_teeth(command, name, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("command", "name"),
    [*cases(SLOW), pytest.param("three-point", "phases", marks=pytest.mark.long)],
)
def test_claims_fail_on_controls_slow(command: str, name: str, tmp_path: Path) -> None:
    has_teeth(command, name, tmp_path)


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
    if control.name == "slower":
        assert not wrong, "a study has no step size"
        return
    assert wrong
    for result in wrong:
        assert result.X.shape == (3, 2)
        assert {k: v.shape for k, v in result.arrays.items()} == {
            k: np.shape(v) for k, v in STUDY.arrays.items()
        }
        same = [np.array_equal(v, STUDY.arrays[k]) for k, v in result.arrays.items()]
        points = np.array_equal(result.X, STUDY.X) and np.array_equal(result.y, STUDY.y)
        assert not (all(same) and points)


def test_arrays_are_also_changed_one_by_one() -> None:
    triple = next(control for control in CONTROLS if control.name == "triple")
    changed = [
        {k for k, v in result.arrays.items() if not np.array_equal(v, STUDY.arrays[k])}
        for result in triple.results(STUDY)
    ]
    assert changed == [{"t", "v"}, {"t"}, {"v"}]


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
