"""Options that name what does not exist."""

from __future__ import annotations

from pathlib import Path

import pytest
from command_line import typed
from faults import TOY, Call, refused

from flowrepro.cli.select import chosen_cases
from flowrepro.papers import registry


def test_unknown_engines_cases_figures_formats(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--engine", "warp", "--out", tmp_path), 2, "warp", "fused")
    refused(flowrepro("orthogonal", "--case", "nope", "--out", tmp_path), 2, "nope", "toy")
    refused(flowrepro("orthogonal", "--figure", "99", "--out", tmp_path), 2, "99")
    refused(flowrepro("orthogonal", "--format", "bmp", "--out", tmp_path), 2, "bmp", "png")
    refused(flowrepro("orthogonal", "--seeds", "3:1", "--out", tmp_path), 2, "A:B")
    refused(flowrepro("orthogonal", "--bogus"), 2, "bogus")
    refused(flowrepro("verify", tmp_path / "nothing"), 2, "nothing")
    refused(flowrepro("show", tmp_path), 3, "not a run directory")


def test_an_engine_that_cannot_run_a_case_says_why(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--engine", "fused", "--set", "dtype=float32", "--out", tmp_path), 2, "fused", "float64")
    assert not list(tmp_path.rglob("experiment.json")), "a refused run leaves no unfinished folder"


def test_unknown_members_named_by_keys(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--set", "init.name=foo", "--out", tmp_path), 2, "foo", "balanced")
    refused(flowrepro(*TOY, "--set", "observe=foo", "--out", tmp_path), 2, "foo", "class-alignment")
    refused(flowrepro(*TOY, "--set", "data.name=foo", "--out", tmp_path), 2, "foo", "two-points")
    refused(flowrepro(*TOY, "--set", "seed=4", "--seed", "3", "--out", tmp_path), 2, "--seed", "same key")


def test_a_case_and_a_figure_that_do_not_go_together(flowrepro: Call, tmp_path: Path) -> None:
    out = ("--out", tmp_path)
    lazy = ("orthogonal", "--case", "lazy", *out)
    refused(flowrepro(*lazy, "--figure", "3"), 2, "figure 3", "'lazy'", "it shows toy")
    both = (*lazy, "--figure", "5", "--figure", "3")
    refused(flowrepro(*both), 2, "figure 3", "'lazy'", "it shows toy")
    toy = ("--case", "toy", "--figure", "5")
    refused(flowrepro(*lazy, *toy), 2, "figure 5", "'toy'", "it shows lazy")
    assert not list(tmp_path.iterdir())


def test_a_figure_of_several_cases_takes_each_of_them() -> None:
    chosen = {"assignments": (), "seed": None, "seeds": None, "engine": None, "device": None}
    chosen |= {"data_file": None, "init_file": None, "quick": False}
    figure = next(one for one in registry.figures_of("margin") if len(one.cases) > 1)
    for name in figure.cases:
        (batch,) = chosen_cases("margin", case_names=(name,), figures=(figure.id,), **chosen)
        assert {case.name for case in batch} == set(figure.cases)


def test_options_without_effect_are_named(flowrepro: Call, tmp_path: Path) -> None:
    out = ("--out", tmp_path, "--no-figures")
    words = ("--case", "lazy", "--case", "gronwall", "--set", "n_steps=50", "--engine", "fused")
    told = flowrepro("orthogonal", *words, *out, "--format", "png", "--set", "draws=100").err
    assert "--set n_steps=50 changes nothing in gronwall, which has no key n_steps; --case" in told
    assert "--engine fused changes nothing in gronwall" in told
    assert "--set draws=100 changes nothing in lazy" in told
    assert "--format changes nothing beside --no-figures; leave one of them out" in told
    told = flowrepro("orthogonal", "--case", "lazy", "--set", "n_steps=50", *out).err
    assert "changes nothing" not in told
    told = flowrepro("margin", "--case", "left-slopes", "--quick", "--animate", *out).err
    assert "--quick changes nothing: left-slopes has no reduced variant" in told
    assert "--animate changes nothing: these cases have no animation" in told


def test_finished_cases_are_shown_when_a_later_one_fails(flowrepro: Call, tmp_path: Path) -> None:
    words = (*typed("orthogonal --case lazy --case toy --no-figures --set n_steps=50 --out"), tmp_path, "--json")
    directory = Path(flowrepro(*words).json()["runs"][1]["dir"])
    (directory / "manifest.json").write_text('{"schema": 99, "files": {}}')
    result = flowrepro(*words)
    assert result.code == 3
    assert [run["case"] for run in result.json()["runs"]] == ["lazy"]


@pytest.mark.parametrize("value", ["[" * 2000, "[" * 2000 + "]" * 2000, "[" * 40 + "]" * 40])
def test_deep_values_are_refused(flowrepro: Call, tmp_path: Path, value: str) -> None:
    words = ("orthogonal", "--case", "toy", "--out", tmp_path)
    for key in ("snapshots", "x"):
        refused(flowrepro(*words, "--set", f"{key}={value}"), 2, key)
    if "]" in value:
        refused(flowrepro(*words, "--set", f"x={value}"), 2, "32 deep; give a flat list")


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        ("single-neuron sphere", "options.n_steps=0", "must lie in"),
        ("single-neuron directions", "data=[]", "must be an object"),
        ("toy2d theory-rule-10d", "data.options.seed=-1", "cannot be made with seed=-1"),
        ("margin early-symmetric-5d", "data.options.h=1000000.0", "cannot be made with"),
        ("margin flow-symmetric", "options.far=[0]", "must lie in"),
        ("toy2d sign-flips", "options.seeds=1e6", "options.seeds"),
        ("toy2d sign-flips", "options.seeds=1000000", "seeds"),
    ],
)
def test_options_outside_of_their_range(flowrepro: Call, tmp_path: Path, case: str, change: str, words: str) -> None:
    command, name = case.split()
    result = flowrepro(command, "--case", name, "--set", change, "--out", tmp_path)
    refused(result, 2, words)


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        "margin --case probability-right --quick --set options.widths=[1]",
        "three-point --case unbalanced-width --set options.widths=[20]",
        "three-point --case scaling --set options.log10_scales=[-2.0]",
    ],
)
def test_a_changed_grid_fails_no_claim(flowrepro: Call, tmp_path: Path, words: str) -> None:
    result = flowrepro(*words.split(), "--no-figures", "--out", tmp_path)
    assert result.code == 0, result.err


def test_more_seeds_than_can_be_run_are_refused_at_once(flowrepro: Call, tmp_path: Path) -> None:
    words = ("--seeds", "0:9999999999999", "--out", tmp_path)
    refused(flowrepro("orthogonal", "--case", "toy", *words), 2, "fewer seeds")
    refused(flowrepro("mnist-align", "--case", "digits-1-0", *words), 2, "fewer seeds")
