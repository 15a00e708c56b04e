"""The run directory: complete, unfinished, damaged, resumed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Stop, StopReason, Trajectory
from flowrepro.errors import DataError, UsageError
from flowrepro.papers import registry
from flowrepro.store import files as storage
from flowrepro.store.checkpoint import Checkpointer, resume
from flowrepro.store.run_directory import RunDirectory
from flowrepro.store.trajectories import load_trajectory, save_trajectory


def trajectory() -> Trajectory:
    rng = np.random.default_rng(0)
    return Trajectory(
        step=np.array([0, 5]),
        t=np.array([0.0, 0.01]),
        loss=rng.random(2),
        snapshot_step=np.array([0, 5]),
        W=rng.random((2, 3, 2)),
        a=rng.random((2, 3)),
        group=np.arange(3),
        stop=Stop(StopReason.HORIZON, 5, 0.01, "a note"),
        observed={"norm": rng.random((2, 4))},
        stats={"gradient_evaluations": 6},
        events={"t": rng.random(3), "kinds": np.array(["cross+", "death"])},
    )


@pytest.fixture
def directory(tmp_path: Path) -> RunDirectory:
    case = override(registry.find_case("orthogonal", "toy"), {"n_steps": 5})
    directory = RunDirectory.of(tmp_path, case)
    directory.begin(case)
    directory.write("trajectory.npz", save_trajectory(trajectory()))
    directory.seal()
    return directory


def test_a_trajectory_survives_the_disk(directory: RunDirectory) -> None:
    stored, original = load_trajectory(directory.file("trajectory.npz")), trajectory()
    for name in ("step", "t", "loss", "snapshot_step", "W", "a", "group"):
        assert np.array_equal(getattr(stored, name), getattr(original, name))
    assert stored.stop == original.stop
    assert stored.stats == original.stats
    assert np.array_equal(stored.observed["norm"], original.observed["norm"])
    assert {name: array.tolist() for name, array in stored.events.items()} == {
        name: array.tolist() for name, array in original.events.items()
    }
    assert save_trajectory(stored) == save_trajectory(original)


def test_the_public_format(directory: RunDirectory) -> None:
    with np.load(directory.file("trajectory.npz"), allow_pickle=False) as archive:
        shapes = {name: archive[name].shape for name in archive.files}
    assert shapes["step"] == shapes["t"] == shapes["loss"] == (2,)
    assert (shapes["snapshot_step"], shapes["W"], shapes["a"], shapes["group"]) == ((2,), (2, 3, 2), (2, 3), (3,))


def test_the_case_is_stored(directory: RunDirectory) -> None:
    assert directory.case() == override(registry.find_case("orthogonal", "toy"), {"n_steps": 5})


def test_an_intact_run_has_no_damage(directory: RunDirectory) -> None:
    assert directory.is_complete()
    assert directory.damage() == []


def test_a_flipped_bit_is_found(directory: RunDirectory) -> None:
    path = directory.file("trajectory.npz")
    content = bytearray(path.read_bytes())
    content[100] ^= 1
    path.write_bytes(bytes(content))
    assert directory.damage() == ["trajectory.npz does not have the sha256 of the manifest"]


def test_a_missing_file_is_found(directory: RunDirectory) -> None:
    directory.file("experiment.json").unlink()
    assert directory.damage() == ["experiment.json is missing"]


@pytest.mark.parametrize("text", ["{", "[]", "null", '{"schema": 1}'])
def test_a_broken_manifest_is_damage(directory: RunDirectory, text: str) -> None:
    directory.file("manifest.json").write_text(text)
    assert len(directory.damage()) == 1


def test_a_later_schema_says_who_reads_it(directory: RunDirectory) -> None:
    directory.write_json("manifest.json", {"schema": 2, "flowrepro": "9.1", "files": {}})
    with pytest.raises(DataError, match=r"written by flowrepro 9\.1"):
        directory.damage()


def test_set_aside_deletes_nothing(directory: RunDirectory) -> None:
    content = directory.file("trajectory.npz").read_bytes()
    target = directory.set_aside("invalid")
    assert not directory.path.exists()
    assert (target / "trajectory.npz").read_bytes() == content


def test_a_checkpoint_is_resumed_only_under_the_same_conditions(directory: RunDirectory) -> None:
    arrays = {"step": np.int64(3), "loss": np.array([1.0])}
    Checkpointer(directory, {"code": "1", "threads": "2"}, 4.5)(lambda: arrays, True)
    resumed = resume(directory, {"code": "1", "threads": "2"}, force=False)
    assert resumed is not None
    assert (int(resumed.arrays["step"]), resumed.mixed) == (3, [])
    assert 4.5 <= resumed.spent < 60.0
    with pytest.raises(UsageError, match=r"code: 1 -> 9.*--new.*--force-resume"):
        resume(directory, {"code": "9", "threads": "2"}, force=False)
    forced = resume(directory, {"code": "9", "threads": "2"}, force=True)
    assert forced is not None
    assert forced.mixed == ["code: 1 -> 9"]


def test_a_torn_checkpoint_is_an_error_not_a_crash(directory: RunDirectory) -> None:
    directory.file("checkpoint.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="damaged"):
        resume(directory, {}, force=False)


def test_the_manifest_leaves_checkpoints_and_torn_files_out(directory: RunDirectory) -> None:
    directory.file(f"{storage.TEMPORARY}1-x").write_text("")
    Checkpointer(directory, {}, 0.0)(lambda: {"step": np.array(1)}, True)
    directory.seal()
    files = json.loads(directory.file("manifest.json").read_text())["files"]
    assert sorted(files) == ["experiment.json", "trajectory.npz"]
    assert not directory.file("checkpoint.npz").exists()
