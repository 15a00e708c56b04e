"""What no engine can do: steps that diverge, tolerances, caps, memory, flows that are not
unique.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import typed
from faults import SHORT_TOY, TOY, Call, refused
from PIL import Image

from flowrepro.core.trajectory import Run
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Line, Panel
from flowrepro.run import drawing
from flowrepro.run.console import Console, Signals
from flowrepro.run.results import load
from flowrepro.store.run_directory import RunDirectory


def _loss(run: Run) -> Iterator[Panel]:
    yield Panel([Line(run.trajectory.t, run.trajectory.loss)], xlabel="t", ylabel="loss")


@pytest.mark.parametrize("value", ["nan", "0", "-1e-3", "inf", "1e-400", "fast"])
def test_bad_step_sizes(flowrepro: Call, tmp_path: Path, value: str) -> None:
    refused(flowrepro(*TOY, "--set", f"lr={value}", "--out", tmp_path), 2, "lr")


def test_a_diverging_run_keeps_its_last_finite_state(flowrepro: Call, tmp_path: Path) -> None:
    words = (*TOY, *typed("--set lr=5 --set init.scale=1 --set alpha=0.5 --out"), tmp_path)
    result = flowrepro(*words)
    refused(result, 4, "DIVERGED", "2/L", "lr=5")
    (stored,) = tmp_path.rglob("trajectory.npz")
    with np.load(stored) as arrays:
        assert np.all(np.isfinite(arrays["loss"]))
        assert np.all(np.isfinite(arrays["W"]))
        assert arrays["snapshot_step"][-1] == arrays["step"][-1] > 0
    assert flowrepro(*words).code == 4


def test_too_many_seeds_are_refused_before_any_is_drawn(flowrepro: Call, tmp_path: Path) -> None:
    started = time.process_time()
    refused(
        flowrepro(*typed("orthogonal --case toy --seeds 0:100000000 --no-figures --out"), tmp_path),
        2,
        "100000000 seeds",
        "GB",
    )
    assert time.process_time() - started < 5
    assert not list(tmp_path.rglob("experiment.json"))


def test_memory_that_runs_out_is_one_sentence(flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MemoryError("Unable to allocate 7.45 TiB")

    monkeypatch.setattr("flowrepro.run.training.initial_weights", full)
    refused(flowrepro(*SHORT_TOY, "--out", tmp_path), 7, "too little memory", "7.45 TiB", "fewer neurons")


@pytest.mark.slow
@pytest.mark.long
def test_a_million_neurons_are_judged_within_a_minute(flowrepro: Call, tmp_path: Path) -> None:
    words = typed("orthogonal --case toy --set init.m=1000000 --set n_steps=3 --no-figures --out")
    started = time.process_time()
    assert flowrepro(*words, tmp_path).code == 0
    assert time.process_time() - started < 60.0


@pytest.mark.parametrize("value", ["1e-20", "0", "-1e-8", "1", "nan"])
def test_a_tolerance_that_doubles_do_not_resolve_is_refused(flowrepro: Call, tmp_path: Path, value: str) -> None:
    refused(flowrepro(*SHORT_TOY, "--engine", "flow", "--set", f"rtol={value}", "--out", tmp_path), 2, "rtol")
    assert not list(tmp_path.iterdir())


def test_a_flow_that_hits_its_cap_keeps_what_it_has(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrepro.engines.flow import engine

    monkeypatch.setattr(engine, "Integration", functools.partial(engine.Integration, max_steps=20))
    words = (
        *typed("orthogonal --case toy --set geometric=0 --set n_steps=5000 --engine flow --no-figures --out"),
        tmp_path,
    )
    refused(flowrepro(*words), 4, "MAX_STEPS")
    (stored,) = tmp_path.rglob("trajectory.npz")
    with np.load(stored) as arrays:
        assert 0 < arrays["step"][-1] < 5000
        assert np.all(np.isfinite(arrays["loss"]))
        assert arrays["snapshot_step"][-1] == arrays["step"][-1]
        assert np.all(np.isfinite(arrays["W"]))
        assert json.loads(str(arrays["stop"]))["reason"] == "MAX_STEPS"
    assert flowrepro(*words).code == 4, "a reused run says the same"


def test_one_of_several_flows_is_flagged_in_the_folder_and_in_every_image(flowrepro: Call, tmp_path: Path) -> None:
    """The problem of test_cli.py: a neuron may leave its activation boundary to either side at t =
    2.44271.
    """
    rng = np.random.default_rng(17)
    X, W = rng.standard_normal((5, 3)), 0.5 * rng.standard_normal((8, 3))
    rng.choice([-1.0, 1.0], 8)
    np.savez(tmp_path / "d.npz", x=X, y=rng.standard_normal(5))
    np.savez(tmp_path / "i.npz", W=W, a=0.1 * np.random.default_rng(17).standard_normal(8))
    words = (
        "orthogonal",
        "--data",
        tmp_path / "d.npz",
        "--init",
        tmp_path / "i.npz",
        *typed("--engine flow --no-figures --json --strict"),
    )
    result = flowrepro(*words, *typed("--set lr=0.05 --set n_steps=60 --set geometric=0 --out"), tmp_path / "out")
    assert result.code == 4
    directory = RunDirectory(Path(result.json()["runs"][0]["dir"]))
    assert directory.provenance()["stats"]["unique_until"] == pytest.approx(2.44271, abs=1e-5)
    run = load(directory)
    assert isinstance(run, Run)
    assert run.trajectory.events["t"].size > 0
    figure = Figure("x", "x", "Loss.", _loss, cases=("toy",), layout=(1, 1, 3.0, 2.0))
    images = drawing.draw(figure, [run], directory, ("png", "svg"), Console(Signals()))
    with Image.open(images[0]) as image:
        assert image.info["one of several flows"] == "from t=2.44271 on"
    assert "one of several flows=from t=2.44271 on" in images[1].read_text()
