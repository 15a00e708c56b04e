"""Work is estimated before it starts, and much of it is done only where it is meant."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import click
import pytest
from faults import SHORT_TOY, Call, refused

from flowrepro.core.config import StudyCase, TrainingCase
from flowrepro.core.overrides import override
from flowrepro.papers import registry
from flowrepro.run import estimate
from flowrepro.run.kind import Settings
from flowrepro.run.pipeline import quick_variant
from flowrepro.run.results import compute
from flowrepro.store.run_directory import RunDirectory

EVERY = [case for command in registry.commands() for case in registry.cases_of(command)]
TRAININGS = {f"{case.command} {case.name}" for case in EVERY if isinstance(case, TrainingCase)}


@pytest.mark.parametrize("key", sorted(TRAININGS & estimate.SECONDS.keys()))
def test_trainings_take_about_what_was_measured(key: str) -> None:
    measured = estimate.SECONDS[key]
    assert measured / 6 < estimate.estimate(registry.find_case(*key.split())).seconds < 6 * measured


def test_a_training_takes_about_the_memory_that_is_estimated(tmp_path: Path) -> None:
    changes = {"n_steps": 800, "m": 400, "snapshot_every": 1, "geometric": 0}
    case = override(registry.find_case("orthogonal", "toy"), changes)
    quiet = dict.fromkeys(("say", "doing", "progress"), lambda *_: None)
    report = SimpleNamespace(**quiet, interrupted=lambda: False)
    compute(case, RunDirectory.of(tmp_path / "warm", case), Settings(root=tmp_path), report)
    tracemalloc.start()
    try:
        compute(case, RunDirectory.of(tmp_path / "run", case), Settings(root=tmp_path), report)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak / 2 < estimate.estimate(case).bytes < 4 * peak


def test_nothing_that_a_paper_declares_is_asked_about() -> None:
    assert estimate.excess(EVERY) is None
    assert estimate.excess([quick_variant(case) for case in EVERY]) is None
    assert estimate.excess([override(case, {"seed": 7}) for case in EVERY], workers=2) is None


def test_seeds_of_a_study_are_work_and_its_seed_is_none() -> None:
    case = registry.find_case("margin", "probability-right")
    assert isinstance(case, StudyCase)
    more = override(case, {"options.seeds": 10 * case.options["seeds"]})
    assert not estimate.is_packaged(more)
    assert estimate.estimate(more).seconds == 10 * estimate.SECONDS["margin probability-right"]
    assert estimate.is_packaged(override(case, {"seed": 3}))


MUCH = {
    "orthogonal --case toy --set n_steps=10000000000": "720 GB",
    "orthogonal --case toy --set n_steps=10000000000 --set save_every=1000000": "minutes",
    "orthogonal --case toy --set m=100000000 --set n_steps=3": "35 GB",
    "margin --case probability-right --set options.seeds=90000": "at the declared options, times",
    "margin --case early-symmetric-5d --set options.m=1000 --set options.seeds=1000": "hours",
    "single-neuron --case 1l-sn --set data.options.n=1000000000": "GB of memory",
    "three-point --case figure-3 --engine torch": "engine torch",
    "three-point --case figure-3 --seeds 0:40": "39 runs",
    "orthogonal --case toy --seeds 0:500000 --set n_steps=1000000": "500,000 seeds",
    "sweep orthogonal --case high-dimension --grid lr=1e-3,2e-3 --seeds 0:20": "39 runs",
    "train POINTS --width 3000000": "engine flow",
    "train POINTS --engine torch --steps 100000000": "8.3 hours",
}


@pytest.mark.parametrize("words", MUCH)
def test_much_work_is_refused_before_it_starts(flowrepro: Call, tmp_path: Path, words: str) -> None:
    points = tmp_path / "points.csv"
    points.write_text("0,0,1\n1,2,-1\n.5,-1,1\n")
    out = tmp_path / "runs"
    line = [str(points) if word == "POINTS" else word for word in words.split()]
    refused(flowrepro(*line, "--out", out), 2, "this takes about", MUCH[words], "--yes")
    assert not [path for path in out.rglob("*") if path.is_file()]


@pytest.fixture
def everything_is_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "MOST_SECONDS", 0.0)


@pytest.mark.usefixtures("everything_is_much")
def test_what_is_meant_is_done_and_what_is_there_is_not_asked_about(flowrepro: Call, tmp_path: Path) -> None:
    words = (*SHORT_TOY, "--out", tmp_path)
    refused(flowrepro(*words), 2, "case 'toy'", "--yes")
    assert flowrepro(*words, "--yes").code in (0, 5)
    found = flowrepro(*words, "--json")
    assert found.json()["runs"][0]["reused"]
    refused(flowrepro(*words, "--fresh"), 2, "--yes")
    refused(flowrepro("rerun", found.json()["runs"][0]["dir"]), 2, "--yes")
    assert flowrepro("rerun", found.json()["runs"][0]["dir"], "--yes").code == 0


@pytest.mark.usefixtures("everything_is_much")
@pytest.mark.parametrize(("answer", "codes"), [(True, (0, 5)), (False, (2,))])
def test_a_terminal_asks(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bool, codes: tuple[int, ...]
) -> None:
    asked = []
    monkeypatch.setattr(click, "confirm", lambda text, err: asked.append(text) or answer)
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("flowrepro.cli.asking.sys.stderr.isatty", lambda: True)
    assert flowrepro(*SHORT_TOY, "--out", tmp_path).code in codes
    assert "go on?" in asked[0]


def test_the_options_are_those_of_the_help(flowrepro: Call) -> None:
    for command in ("orthogonal", "all", "train", "sweep", "rerun"):
        assert "--yes" in flowrepro(command, "--help").out
    assert json.loads(flowrepro("list", "--json").out)
