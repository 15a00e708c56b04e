"""Options that name what does not exist."""

from __future__ import annotations

from pathlib import Path

from faults import TOY, Call, refused


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
    refused(
        flowrepro(*TOY, "--engine", "fused", "--set", "dtype=float32", "--out", tmp_path),
        2,
        "fused",
        "float64",
    )
    assert not list(tmp_path.rglob("experiment.json")), "a refused run leaves no unfinished folder"


def test_unknown_members_named_by_keys(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--set", "init.name=foo", "--out", tmp_path), 2, "foo", "balanced")
    refused(flowrepro(*TOY, "--set", "observe=foo", "--out", tmp_path), 2, "foo", "class-alignment")
    refused(flowrepro(*TOY, "--set", "data.name=foo", "--out", tmp_path), 2, "foo", "two-points")
    refused(
        flowrepro(*TOY, "--set", "seed=4", "--seed", "3", "--out", tmp_path),
        2,
        "--seed",
        "same key",
    )


def test_finished_cases_are_shown_when_a_later_one_fails(flowrepro: Call, tmp_path: Path) -> None:
    words = (
        "orthogonal",
        "--case",
        "lazy",
        "--case",
        "toy",
        "--no-figures",
        "--set",
        "n_steps=50",
        "--out",
        tmp_path,
        "--json",
    )
    directory = Path(flowrepro(*words).json()["runs"][1]["dir"])
    (directory / "manifest.json").write_text('{"schema": 99, "files": {}}')
    result = flowrepro(*words)
    assert result.code == 3
    assert [run["case"] for run in result.json()["runs"]] == ["lazy"]
