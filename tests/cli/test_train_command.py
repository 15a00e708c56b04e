"""`flowrepro train`: own points from a file to stored runs, verdicts, and what to try next."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result

import flowrepro as fr
from flowrepro.api.suggest import horizon, next_steps, step_size
from flowrepro.core.config import Loss

Call = Callable[..., Result]
POINTS = "a,b,label\n1.0,0.0,1\n0.0,1.0,-1\n"
SQUARE = Loss(name="square", reduction="mean")


@pytest.fixture
def points(tmp_path: Path) -> Path:
    (tmp_path / "own.csv").write_text(POINTS)
    return tmp_path / "own.csv"


def descent(points: Path, *more: Any) -> tuple[Any, ...]:
    words = ("--engine", "torch", "--width", "6", "--steps", "60", "--lr", "0.05")
    return ("train", points, *words, "--out", points.parent / "runs", *more)


def test_several_scales_and_seeds_are_runs_of_their_own(flowrepro: Call, points: Path) -> None:
    words = ("--scale", "1e-2", "--scale", "1e-3", "--seed", "0:2", "--format", "png", "--json")
    done = flowrepro(*descent(points, *words))
    assert done.code == 0, done.err
    found = done.json()
    starts = [(run["scale"], run["seed"]) for run in found["runs"]]
    assert starts == [("1e-2", 0), ("1e-2", 1), ("1e-3", 0), ("1e-3", 1)]
    folders = {Path(run["dir"]) for run in found["runs"]}
    assert len(folders) == 4
    for folder in folders:
        assert (folder / "figures" / "overview.png").is_file()
        assert fr.load(folder).W.shape[1:] == (6, 2)
    assert found["runs"][0]["loss"][0] == pytest.approx(0.5, rel=1e-3)
    assert all("dir" in claim for claim in found["claims"])
    assert "2 points of own.csv in dimension 2 (y = label, header: a b label)" in done.err
    assert "scale 1e-2, seed 0: engine torch, lr = 0.05, 60 steps to t = 3" in done.err
    page = points.parent / "page.md"
    assert flowrepro("report", points.parent / "runs", "--markdown", "--out", page).code == 0
    assert page.read_text().count("figures/overview.png)") >= 4
    assert flowrepro("verify", min(folders), "--out", points.parent / "runs").code == 0


def test_the_answer_is_short_and_ends_with_what_to_try(flowrepro: Call, points: Path) -> None:
    done = flowrepro(*descent(points, "--scale", "1e-6", "--no-figures"))
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("own.csv  in ")
    assert "scale 1e-6, seed 0  loss 0.5 -> 0.5 at t = 3" in lines[1]
    assert any(line.startswith("boursier2022  ") and " PASS" in line for line in lines)
    assert any(line.startswith("N/A ") for line in lines)
    assert "the loss has not moved" in lines[-2] + lines[-1]
    assert not list(points.parent.rglob("*.png"))


def test_what_a_run_says_of_itself_is_said(flowrepro: Call, points: Path) -> None:
    done = flowrepro(*descent(points, "--lr", "100", "--scale", "0.1", "--no-figures", "--json"))
    assert "warning: the loss rose above its start" in done.err
    (run,) = done.json()["runs"]
    assert any("the loss rose" in sentence for sentence in run["warnings"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--engine", "flow", "--lr", "0.1"), "takes no --lr"),
        (("--engine", "flow", "--device", "cuda"), "needs --engine torch"),
        (("--steps", "5", "--time", "5"), "give one of them"),
        (("--seed", "3:3"), "A:B with 0 <= A < B"),
        (("--scale", "0"), "--scale must be a positive number"),
        (("--scale", "1_0"), "--scale must be a positive number"),
        (("--scale", "1e-400", "--engine", "fused"), "take --engine flow"),
        (("--loss", "expp"), "did you mean 'exp'"),
        (("--init", "gausian"), "did you mean 'gaussian'"),
        (("--engine", "fusd"), "did you mean 'fused'"),
        (("--engine", "torch", "--lr", "0"), "lr must be positive"),
        (("--engine", "torch", "--time", "-1"), "time must be positive"),
        (("--time", "0"), "give a positive horizon"),
        (("--width", "0"), "between 1 and"),
        (("--format", "gif"), "not as 'gif'"),
    ],
)
def test_wrong_options(flowrepro: Call, points: Path, words: Any, message: str) -> None:
    done = flowrepro("train", points, *words, "--out", points.parent / "runs")
    assert done.code == 2, done.err
    assert message in done.err.splitlines()[-1]


def test_labels_are_named_with_their_remedy(flowrepro: Call, points: Path) -> None:
    points.write_text(POINTS.replace("-1", "0"))
    done = flowrepro(*descent(points, "--loss", "exp"))
    assert done.code == 3
    assert "write 0 as -1 (2 y - 1)" in done.err


def test_the_horizon_grows_with_the_logarithm_of_the_scale() -> None:
    X, y = np.eye(2), np.array([1.0, -1.0])
    early, late = (horizon(X, y, np.log(s), SQUARE, 0.0) for s in (1e-2, 1e-4))
    assert late - early == pytest.approx(2 * np.log(100) / 0.5, abs=10)
    assert horizon(X, 0 * y, -5.0, SQUARE, 0.0) == 1.0
    assert step_size(X, y, SQUARE) == 0.002


def test_what_to_try_next_names_numbers() -> None:
    W, a = fr.init.balanced(m=6, d=2, scale=1e-6, seed=0)
    run = fr.descend(np.eye(2), [1, -1], W, a, lr=0.1, steps=10, engine="torch")
    reasons = {
        "the scale 0.01 is not below lambda* = 0.001 of eq (22)": ("a", "b"),
        "the step is too coarse for a statement on the flow (dt D_max = 0.1 > 0.01)": ("c",),
    }
    longer, smaller, finer = next_steps([run], [fr.Claims([], reasons)])
    assert longer.startswith("--time 4: the loss has not moved")
    assert smaller.startswith("a --scale 20 times smaller: 2 claims")
    assert finer.startswith("--lr 0.01 or --engine flow: 1 claim")
