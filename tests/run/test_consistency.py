"""A stored result that is not that of its own case passes nothing."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result as Answer
from command_line import quiet
from control_page import CHANGED, cells

from flowrepro.core.config import TrainingCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Ensemble, Run, Study
from flowrepro.papers import registry
from flowrepro.run.consistency import inconsistencies
from flowrepro.run.kind import Result, Settings
from flowrepro.run.results import compute, load
from flowrepro.store.run_directory import RunDirectory

SHORT = {"n_steps": 600, "init.m": 8, "init.scale": 0.1, "snapshot_every": 100}


def computed(root: Path, case: Any) -> tuple[Result, RunDirectory]:
    directory = RunDirectory.of(root, case)
    compute(case, directory, Settings(root=root), quiet())
    return load(directory), directory


def toy(**changes: Any) -> TrainingCase:
    case = override(registry.find_case("orthogonal", "toy"), {**SHORT, **changes})
    assert isinstance(case, TrainingCase)
    return case


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    found, _ = computed(tmp_path_factory.mktemp("runs"), toy())
    assert isinstance(found, Run)
    return found


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"save_every": 7},
        {"engine": "torch"},
        {"engine": "torch", "protocol.dtype": "float32"},
        {"engine": "torch", "protocol.batch_size": 1, "save_every": 3},
        {"engine": "flow"},
        {"protocol.train": "first"},
        {"model.alpha": 0.3},
        {"loss.name": "logistic"},
        {"lr": 100.0},
        {"lr": 1e9, "save_every": 7},  # ends between two records of the loss
    ],
)
def test_what_was_computed_is_consistent(tmp_path: Path, changes: dict[str, Any]) -> None:
    found, directory = computed(tmp_path, toy(**changes))
    assert inconsistencies(found, directory) == []


@pytest.mark.parametrize("depth", [1, 3])
def test_other_depths_are_consistent(tmp_path: Path, depth: int) -> None:
    case = override(
        registry.find_case("single-neuron", f"{depth}l-mn"),
        {"data.options.n": 200, "data.options.d": 5, "n_steps": 200, "save_every": 10},
    )
    found, directory = computed(tmp_path, case)
    assert inconsistencies(found, directory) == []


def tampered(run: Run, **arrays: np.ndarray) -> Run:
    return dataclasses.replace(run, trajectory=dataclasses.replace(run.trajectory, **arrays))


def at_end(values: np.ndarray, change: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    changed = values.copy()
    changed[-1] = change(values[-1])
    return changed


def at_start(values: np.ndarray, factor: float) -> np.ndarray:
    changed = values.copy()
    changed[0] *= factor
    return changed


NOISE = np.random.default_rng(0)
TAMPERS: dict[str, tuple[Callable[[Any], dict[str, np.ndarray]], str]] = {
    "all weights times 3": (lambda t: {"W": 3 * t.W}, "not the draw"),
    "last output weights times 5": (lambda t: {"a": at_end(t.a, lambda a: 5 * a)}, "the loss"),
    "first weights times 100": (lambda t: {"W": at_start(t.W, 100.0)}, "not the draw"),
    "first weights times 1.01": (lambda t: {"W": at_start(t.W, 1.01)}, "not the draw"),
    "half of the last weights is noise": (
        lambda t: {"W": at_end(t.W, lambda W: W * NOISE.uniform(0.5, 1.5, W.shape))},
        "the loss",
    ),
    "loss to the power 1.02": (lambda t: {"loss": t.loss**1.02}, "the loss"),
    "loss reversed": (lambda t: {"loss": t.loss[::-1].copy()}, "the loss"),
    "an exponential for a loss": (lambda t: {"loss": t.loss[0] * np.exp(-0.01 * t.step)}, "the loss"),
    "loss right at snapshots only": (
        lambda t: {"loss": np.where(np.isin(t.step, t.snapshot_step), t.loss, t.loss * 1.001)},
        "plain step",
    ),
    "steps reversed": (lambda t: {"step": t.step[::-1].copy()}, "increase"),
    "a negative snapshot": (lambda t: {"snapshot_step": t.snapshot_step - 1}, "increase"),
    "whole weights": (lambda t: {"W": t.W.astype(np.int64)}, "int64"),
    "another time": (lambda t: {"t": 1.001 * t.t}, "flow time"),
}


ENSEMBLES: dict[str, Callable[[Any], dict[str, np.ndarray]]] = {
    "weights of many seeds times 2": lambda t: {"W": 2 * t.W},
    "losses of many seeds times 1.1": lambda t: {"loss": 1.1 * t.loss},
    "each seed called the next one": lambda t: {"seeds": t.seeds + 1},
}
SEED, FLOW, STUDY = "another seed", "the loss of a flow between its snapshots", "a study's number"
PARTS = {
    "steps, times and types": ("increase", "flow time", "int64", "its seeds are"),
    "first weights": ("not the draw", "not its draw"),
    "losses of the stored weights": ("the loss recorded at", "the loss of seed"),
    "plain steps, or a plain solution of the flow": ("plain step", "the flow from"),
    "computing it again": ("computed again",),
}
"""Part of the proof -> words of its sentences."""


def expect(name: str, sentences: list[str]) -> None:
    """The parts of the proof that notice a change are those that the manual names."""
    parts = [part for part, words in PARTS.items() if any(w in s for w in words for s in sentences)]
    print(f"{name}: {'; '.join(parts)}")
    assert cells(CHANGED)[name] == "; ".join(parts), sentences


def test_the_manual_has_every_change() -> None:
    assert list(cells(CHANGED)) == [*TAMPERS, SEED, FLOW, *ENSEMBLES, STUDY]


@pytest.mark.parametrize("name", TAMPERS)
def test_tampered_runs_are_named(run: Run, name: str) -> None:
    change, words = TAMPERS[name]
    sentences = inconsistencies(tampered(run, **change(run.trajectory)))
    assert any(words in sentence for sentence in sentences)
    expect(name, sentences)


def test_another_seed_is_named(run: Run) -> None:
    other = dataclasses.replace(run, case=override(run.case, {"seed": 99}))
    sentences = inconsistencies(other)
    assert any("seed 99" in sentence for sentence in sentences)
    expect(SEED, sentences)


def test_a_flow_with_another_loss_is_named(tmp_path: Path) -> None:
    found, _ = computed(tmp_path, toy(engine="flow", save_every=1))
    assert isinstance(found, Run)
    trajectory = found.trajectory
    keeps = np.isin(trajectory.step, trajectory.snapshot_step)
    bent = np.where(keeps, trajectory.loss, trajectory.loss - 0.3 * np.gradient(trajectory.loss))
    assert inconsistencies(found) == []
    expect(FLOW, inconsistencies(tampered(found, loss=bent)))


def test_ensembles(tmp_path: Path) -> None:
    case = dataclasses.replace(toy(), seeds=(0, 20))
    found, directory = computed(tmp_path, case)
    assert isinstance(found, Ensemble)
    assert inconsistencies(found, directory) == []
    for name, change in ENSEMBLES.items():
        trajectory = dataclasses.replace(found.trajectory, **change(found.trajectory))
        expect(name, inconsistencies(dataclasses.replace(found, trajectory=trajectory), directory))


def test_a_short_study_is_computed_again(tmp_path: Path) -> None:
    case = registry.find_case("orthogonal", "gronwall")
    found, directory = computed(tmp_path, override(case, dict(case.quick)))
    assert isinstance(found, Study)
    assert inconsistencies(found, directory) == []
    arrays = dict(found.arrays)
    name = next(name for name, values in arrays.items() if values.dtype.kind == "f")
    arrays[name] = arrays[name] * 1.01
    expect(STUDY, inconsistencies(dataclasses.replace(found, arrays=arrays), directory))


def reseal(directory: Path, name: str) -> None:
    manifest = json.loads((directory / "manifest.json").read_text())
    content = (directory / name).read_bytes()
    manifest["files"][name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content)}
    (directory / "manifest.json").write_text(json.dumps(manifest, indent=2) + "\n")


def test_verify_fails_on_a_resealed_tamper(flowrepro: Callable[..., Answer], tmp_path: Path) -> None:
    _, directory = computed(tmp_path, toy())
    assert flowrepro("verify", directory.path).code in (0, 5)
    with np.load(directory.path / "trajectory.npz") as stored:
        arrays = {name: stored[name] for name in stored.files}
    arrays["loss"] = arrays["loss"] ** 1.02
    np.savez_compressed(directory.path / "trajectory.npz", **arrays)
    reseal(directory.path, "trajectory.npz")
    answer = flowrepro("verify", directory.path, "--json")
    assert answer.code == 5
    claims = answer.json()["claims"]
    assert all(claim["verdict"] == "FAIL" for claim in claims)
    assert "the loss recorded at step" in claims[-1]["note"]


def test_verify_refuses_a_folder_that_is_not_its_case(flowrepro: Callable[..., Answer], tmp_path: Path) -> None:
    _, directory = computed(tmp_path, toy())
    form = json.loads((directory.path / "experiment.json").read_text())
    for change, words in (({"seed": 99}, "was changed"), ({"name": "no-such"}, "was changed")):
        (directory.path / "experiment.json").write_text(json.dumps({**form, **change}))
        reseal(directory.path, "experiment.json")
        answer = flowrepro("verify", directory.path)
        assert answer.code == 3
        assert words in answer.err
