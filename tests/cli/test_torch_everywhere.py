"""Every subcommand trains in PyTorch, on the CPU and on a GPU, as its own engine does."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from command_line import Result
from device_times import Timed, table

from flowrepro.cli.select import chosen_cases, without_effect
from flowrepro.core.trajectory import Study
from flowrepro.papers import registry
from flowrepro.run.results import load
from flowrepro.store.run_directory import RunDirectory

Call = Callable[..., Result]

SMALL = {
    "orthogonal": ("toy", "n_steps=60"),
    "toy2d": ("six-points", "n_steps=60"),
    "mnist-align": ("digits-1-0", "subset=40", "n_steps=5", "m=6", "dtype=float64"),
    "three-point": ("figure-1", "m=50", "n_steps=60"),
    "margin": ("left", "m=6", "scale=0.1", "lr=0.1", "q=20"),
    "single-neuron": ("3l-sn", "n=300", "n_steps=60"),
}
"""Subcommand -> case and what makes it small."""


def trained(
    call: Call, command: str, out: Path, *words: str, case: str = "", sets: tuple[str, ...] = ()
) -> tuple[str, dict[str, np.ndarray]]:
    """The engine's name and the arrays of what a subcommand trained."""
    own, *small = SMALL[command]
    changes = [word for text in (*(sets or small),) for word in ("--set", text)]
    found = call(command, "--case", case or own, *changes, "--no-figures", "--json", "--out", out, *words)
    assert found.code == 0, found.err
    (run,) = found.json()["runs"]
    result = load(RunDirectory.named(Path(run["dir"])))
    if isinstance(result, Study):
        return str(result.case.options.get("engine")), dict(result.arrays)
    trajectory = result.trajectory
    return run["engine"], {"loss": trajectory.loss, "W": trajectory.W, "a": trajectory.a}


def same(ours: dict[str, np.ndarray], other: dict[str, np.ndarray], tolerance: float) -> None:
    names = [name for name in other if name in ("loss", "W", "a", "net_W", "net_q_min", "net_step")]
    names += [name for name in other if name.endswith(("_loss", "_norms"))]
    assert names
    for name in names:
        size = max(float(np.abs(other[name]).max()), 1e-300)
        assert np.abs(ours[name] - other[name]).max() <= tolerance * size, name


def test_no_subcommand_is_forgotten() -> None:
    assert set(SMALL) == set(registry.commands())


@pytest.mark.parametrize("command", SMALL)
def test_every_subcommand_trains_in_pytorch(flowrepro: Call, tmp_path: Path, command: str) -> None:
    """By --engine torch, and to the numbers of the engine that it takes by itself."""
    engine, ours = trained(flowrepro, command, tmp_path, "--engine", "torch", "--device", "cpu")
    assert engine == "torch"
    taken, other = trained(flowrepro, command, tmp_path)
    assert taken != "torch"
    same(ours, other, 1e-9)


@pytest.fixture
def started_gpu() -> None:
    """The device is started before anything is timed."""
    torch.zeros(1, device="cuda").cpu()


def seconds(out: Path) -> float:
    """What the one run below a folder took to train."""
    (manifest,) = out.rglob("manifest.json")
    return float(RunDirectory.named(manifest.parent).provenance()["wall_s"])


@pytest.mark.gpu
@pytest.mark.usefixtures("started_gpu")
@pytest.mark.parametrize("command", SMALL)
def test_every_subcommand_trains_on_a_gpu(flowrepro: Call, tmp_path: Path, command: str, measured: list[Timed]) -> None:
    gpu, cpu = tmp_path / "gpu", tmp_path / "cpu"
    _, ours = trained(flowrepro, command, gpu, "--engine", "torch", "--device", "cuda")
    _, other = trained(flowrepro, command, cpu, "--engine", "torch")
    measured.append(Timed(f"{command} {' '.join(SMALL[command])}", seconds(cpu), seconds(gpu)))
    same(ours, other, 1e-8)


@pytest.mark.gpu
@pytest.mark.usefixtures("started_gpu")
def test_own_points_are_trained_on_a_gpu(flowrepro: Call, tmp_path: Path, measured: list[Timed]) -> None:
    (tmp_path / "own.csv").write_text("a,b,y\n1.0,0.2,1\n0.1,1.0,-1\n-1.0,0.3,1\n")
    words = ("--engine", "torch", "--steps", "200", "--lr", "0.05", "--no-figures")
    losses = {}
    for device in ("cuda", "cpu"):
        place = ("--device", device, "--out", tmp_path / device, "--json")
        done = flowrepro("train", tmp_path / "own.csv", *words, *place)
        assert done.code == 0, done.err
        losses[device] = done.json()["runs"][0]["loss"]
    measured.append(Timed("train", seconds(tmp_path / "cpu"), seconds(tmp_path / "cuda")))
    assert losses["cuda"] == pytest.approx(losses["cpu"], rel=1e-8)


def test_seconds_are_read_from_a_run_and_told_in_a_table(flowrepro: Call, tmp_path: Path) -> None:
    """All of the tests on a GPU that can be seen without one."""
    trained(flowrepro, "orthogonal", tmp_path, "--engine", "torch")
    assert 0 < seconds(tmp_path) < 60
    heading, line = table([Timed("orthogonal", 1.5, 0.5)])
    assert heading.split() == ["training", "CPU", "GPU", "CPU", "/", "GPU"]
    assert line.split() == ["orthogonal", "1.50", "s", "0.50", "s", "3.00"]


@pytest.mark.gpu
@pytest.mark.usefixtures("started_gpu")
def test_device_alone_takes_the_gpu(flowrepro: Call, tmp_path: Path) -> None:
    """An engine that is not named is PyTorch there; Figure 4 of lee2022 has no other."""
    engine, _ = trained(flowrepro, "single-neuron", tmp_path, "--device", "cuda")
    assert engine == "torch"
    sets = ("options.n=200", "small_steps=20", "large_steps=20")
    _, ours = trained(flowrepro, "single-neuron", tmp_path, "--device", "cuda", case="deep", sets=sets)
    _, other = trained(flowrepro, "single-neuron", tmp_path, case="deep", sets=sets)
    same(ours, other, 1e-4)


def test_the_device_of_a_study_is_an_option_too(flowrepro: Call, tmp_path: Path) -> None:
    sets = ("--set", "options.n=50", "--set", "small_steps=5", "--set", "large_steps=5")
    words = ("single-neuron", "--case", "deep", *sets, "--no-figures", "--json", "--out", tmp_path)
    found = flowrepro(*words, "--device", "auto")
    assert found.code == 0, found.err
    (run,) = found.json()["runs"]
    assert RunDirectory.named(Path(run["dir"])).case().options["device"] == "auto"  # type: ignore[union-attr]
    refused = flowrepro(*words, "--device", "gpu")
    assert refused.code == 2
    assert "device must be one of auto, cpu" in refused.err


def test_who_takes_an_engine_is_said(flowrepro: Call, tmp_path: Path) -> None:
    """A case that was named takes it or refuses; of all cases, those that cannot are left alone."""
    given = {
        "case_names": (), "figures": (), "assignments": (), "seed": None, "seeds": None,
        "engine": "torch", "device": None, "data_file": None, "init_file": None, "quick": False,
    }  # fmt: skip
    (cases,) = chosen_cases("margin", **given)  # type: ignore[arg-type]
    torch_cases = {case.name for case in cases if case.options.get("engine") == "torch"}  # type: ignore[union-attr]
    assert torch_cases == {
        "left", "middle", "right", "table", "table-mirrored", "early-stopping", "table-optimum",
    }  # fmt: skip
    for words, message in (
        (("--case", "separator", "--engine", "torch"), "add --set method=gd"),
        (("--case", "edges", "--engine", "torch"), "means nothing to case 'edges' of margin"),
        (("--case", "left", "--engine", "fused"), "must be one of auto, log-domain, torch"),
        (("--case", "left", "--set", "batch_size=0"), "options.batch_size .* must lie in"),
    ):
        refused = flowrepro("margin", *words, "--out", tmp_path)
        assert refused.code == 2
        assert re.search(message, refused.err), refused.err


def test_left_out_cases_are_named() -> None:
    given = {
        "case_names": (), "figures": (), "assignments": (), "seed": None, "seeds": None,
        "engine": "torch", "device": None, "data_file": None, "init_file": None, "quick": False,
        "animate": False, "no_figures": False, "formats": (),
    }  # fmt: skip
    batches = chosen_cases("margin", **given)  # type: ignore[arg-type]
    (sentence,) = without_effect(batches, **given)  # type: ignore[arg-type]
    assert sentence.startswith("--engine torch changes nothing in separator, ")
    assert sentence.endswith("which compute in their own way")
    only = chosen_cases("margin", **{**given, "case_names": ("left",)})  # type: ignore[arg-type]
    assert without_effect(only, **given) == []  # type: ignore[arg-type]
