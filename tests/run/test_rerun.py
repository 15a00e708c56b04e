"""A stored run is repeated and compared bit by bit: runs, ensembles, studies of the user's points;
a changed bit is found.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Result, typed

from flowrepro.store.reading import npz_bytes, read_npz
from flowrepro.store.run_directory import RunDirectory

Flowrepro = Callable[..., Result]
SHORT = ("--set", "n_steps=200", "--set", "geometric=0", "--no-figures")


def stored(flowrepro: Flowrepro, *words: object) -> Path:
    done = flowrepro("orthogonal", *words, *SHORT, "--json")
    return Path(json.loads(done.out)["runs"][0]["dir"])


@pytest.fixture
def points(tmp_path: Path) -> Path:
    file = tmp_path / "points.csv"
    file.write_text("1,0.5,1\n-0.25,1,-0.5\n")
    return file


def test_a_run_is_repeated_bit_by_bit(tmp_path: Path, flowrepro: Flowrepro) -> None:
    done = flowrepro("rerun", stored(flowrepro, "--case", "toy", "--out", tmp_path))
    assert done.code == 0, done.err
    assert "0 differ" in done.out
    assert "not as it was" not in done.out


def test_an_ensemble_is_repeated(tmp_path: Path, flowrepro: Flowrepro) -> None:
    run = stored(flowrepro, "--case", "toy", "--seeds", "0:60", "--out", tmp_path)
    assert flowrepro("rerun", run, "--json").json()["differences"] == []


def test_the_users_own_points_and_weights_are_those_that_were_kept(
    tmp_path: Path, points: Path, flowrepro: Flowrepro
) -> None:
    weights = tmp_path / "weights.npz"
    rng = np.random.default_rng(0)
    weights.write_bytes(npz_bytes({"W": rng.standard_normal((4, 2)), "a": rng.standard_normal(4)}))
    run = stored(
        flowrepro, "--data", points, "--init", weights, "--out", tmp_path, *typed("--engine flow --set log10_scale=-2")
    )
    points.write_text("gone\n")
    weights.unlink()
    assert flowrepro("rerun", run, "--json").json()["differences"] == []


def test_a_changed_bit_is_found_and_told(tmp_path: Path, flowrepro: Flowrepro) -> None:
    run = stored(flowrepro, "--case", "toy", "--out", tmp_path)
    directory = RunDirectory(run)
    arrays = read_npz(directory.file("trajectory.npz"))
    arrays["loss"][7] = np.nextafter(arrays["loss"][7], 2)
    directory.write("trajectory.npz", npz_bytes(arrays))
    directory.seal()
    done = flowrepro("rerun", run)
    assert done.code == 5
    assert "loss differs in 1 of 201 entries" in done.out


def test_what_is_no_complete_run_is_refused(tmp_path: Path, flowrepro: Flowrepro) -> None:
    assert flowrepro("rerun", tmp_path).code == 3
    run = stored(flowrepro, "--case", "toy", "--out", tmp_path)
    (run / "trajectory.npz").write_bytes(b"damaged")
    done = flowrepro("rerun", run)
    assert done.code == 3
    assert "sha256" in done.err
