"""flowrepro sweep, end to end: what is missing is computed, once; the table and the picture are
read from disk.
"""

from __future__ import annotations

import csv
import io
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Result, typed
from faults import workers_of

from flowrepro.store.reading import read_json

Flowrepro = Callable[..., Result]
GRID = typed("orthogonal --grid scale=1e-3,1e-2 --set n_steps=300 --set geometric=0 --seeds 0:2")


def table(folder: Path) -> list[dict[str, str]]:
    (file,) = folder.glob("orthogonal/sweep-*/summary.csv")
    return list(csv.DictReader(io.StringIO(file.read_text())))


def without_times(folder: Path) -> list[list[str]]:
    return [list(line.values())[:-1] for line in table(folder)]


def test_a_sweep_computes_what_is_missing_and_tells_it(
    tmp_path: Path, flowrepro: Flowrepro, request: pytest.FixtureRequest
) -> None:
    first = flowrepro("sweep", *GRID, "--out", tmp_path, "--workers", 2, "--summary", "--format", "png")
    assert first.code == 0, first.err
    assert "4 runs: 4 computed now, 0 missing, 0 failed" in first.out
    lines = table(tmp_path)
    assert [(line["init.scale"], line["seed"]) for line in lines] == [
        (scale, seed) for scale in ("1e-3", "1e-2") for seed in "01"
    ]
    assert all(line["status"] == "HORIZON" and float(line["loss"]) > 0 for line in lines)
    assert list(lines[0])[-1] == "wall_s"
    assert lines[0]["lemma-1"] == "PASS"
    (image,) = tmp_path.glob("orthogonal/sweep-*/summary.png")
    assert image.stat().st_size > 5_000

    lost = sorted(tmp_path.glob("orthogonal/toy-*"))[1]
    shutil.rmtree(lost)
    before = without_times(tmp_path)
    request.getfixturevalue("here")
    second = flowrepro(
        "sweep", *GRID, "--out", tmp_path, "--workers", 1, "--json", "--summary", "--format", "png"
    ).json()
    assert (second["computed"], second["missing"], second["failed"]) == (1, 0, {})
    assert without_times(tmp_path) == before


@pytest.mark.usefixtures("here")
def test_many_seeds_of_a_small_case_are_lines_of_ensembles(tmp_path: Path, flowrepro: Flowrepro) -> None:
    words = typed("orthogonal --grid lr=1e-3,2e-3 --set n_steps=200 --seeds 0:60 --measure loss")
    done = flowrepro("sweep", *words, "--out", tmp_path, "--workers", 1, "--summary", "--format", "svg")
    assert done.code == 0, done.err
    assert len(list(tmp_path.glob("orthogonal/toy-seeds-*"))) == 2
    lines = table(tmp_path)
    assert [(line["protocol.lr"], int(line["seed"])) for line in lines] == [
        (lr, seed) for lr in ("1e-3", "2e-3") for seed in range(60)
    ]
    assert len({line["loss"] for line in lines}) > 100


@pytest.mark.usefixtures("here")
def test_two_keys_make_a_map_and_three_make_none(tmp_path: Path, flowrepro: Flowrepro) -> None:
    words = typed("orthogonal --grid lr=1e-3,2e-3 --grid scale=log:1e-3:1e-2:2 --set n_steps=50 --set geometric=0")
    words = (*words, "--workers", "1", "--summary", "--format", "png")
    assert flowrepro("sweep", *words, "--out", tmp_path).code == 0
    assert len(list(tmp_path.glob("orthogonal/sweep-*/summary.png"))) == 1
    third = flowrepro("sweep", *words, "--grid", "m=5", "--out", tmp_path / "three")
    assert third.code == 0
    assert "a sweep of 3 keys has none" in third.err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "needs a grid"),
        (("--grid", "lr=1e-3", "--grid", "protocol.lr=1e-4"), "names a key twice"),
        (("--grid", "n_steps=lin:1000:101000:100000", "--seeds", "0:2"), "add --yes"),
        (("--grid", "lr=1e-3", "--seeds", "5:5"), "--seeds takes A:B"),
        (("--grid", "lr=1e-3", "--scheduler", "tcp://x:1", "--local-cluster", "2"), "exclude each other"),
        (("--grid", "lr=1e-3", "--case", "tyo"), "no case 'tyo'"),
        (("--grid", "lr=1e-3", "--seeds", "0:\u00b2"), "--seeds takes A:B"),
        (("--grid", "seed=1,2,3"), "are given by --seeds"),
        (("--grid", "lr=1e-3", "--set", "seed=5"), "are given by --seeds"),
        (("--grid", "lr=1e-3,0.001"), "names the same run twice"),
        (("--grid", "scale=log:1:1e2000000:3"), "a range is log"),
        (("--grid", "lr=lin:1:1e9999999:2"), "a range is lin"),
        (("--grid", "scale=nan"), "init.scale"),
        (("--grid", "scale=1e-99999999"), "log10_scale must lie in"),
    ],
)
def test_bad_sweeps_are_refused_in_a_sentence(
    tmp_path: Path, flowrepro: Flowrepro, words: tuple[str, ...], sentence: str
) -> None:
    done = flowrepro("sweep", "orthogonal", *words, "--out", tmp_path)
    assert done.code == 2
    assert sentence in done.err
    assert "Traceback" not in done.err


def test_a_measure_that_is_no_column_is_refused_with_those_there_are(tmp_path: Path, flowrepro: Flowrepro) -> None:
    words = ("orthogonal", "--grid", "scale=1e-3", "--set", "n_steps=5", "--workers", 1)
    done = flowrepro("sweep", *words, "--out", tmp_path, "--summary", "--measure", "lsos")
    assert done.code == 2
    assert "loss" in done.err


@pytest.mark.slow
def test_a_cluster_gives_the_same_table(tmp_path: Path, flowrepro: Flowrepro) -> None:
    pytest.importorskip("distributed")
    words = [sys.executable, "-m", "flowrepro", "sweep", *GRID, "--summary", "--format", "png"]
    subprocess.run([*words, "--out", tmp_path / "pool"], check=True, capture_output=True)
    done = subprocess.run(
        [*words, "--out", tmp_path / "dask", "--local-cluster", "2"], check=False, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert without_times(tmp_path / "dask") == without_times(tmp_path / "pool")
    absent = subprocess.run(
        [*words, "--out", tmp_path / "none", "--scheduler", "tcp://127.0.0.1:9"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert absent.returncode == 7
    assert "cannot be reached" in absent.stderr


@pytest.mark.usefixtures("here")
def test_the_seed_is_the_cases_own_and_moves_points_that_come_with_the_start(
    tmp_path: Path, flowrepro: Flowrepro
) -> None:
    words = (
        *typed("--set n_steps=20 --set n=30 --set d=3 --grid lr=1e-4 --out"),
        tmp_path,
        *typed("--workers 1 --json"),
    )
    assert (
        flowrepro(
            *typed("sweep single-neuron --case 1l-sn"), *words, *typed("--seeds 0:3 --set record.snapshots=[]")
        ).json()["computed"]
        == 3
    )
    losses = {tuple(np.load(file)["loss"]) for file in tmp_path.glob("single-neuron/*/trajectory.npz")}
    assert len(losses) == 3
    own = (
        *typed("sweep toy2d --case two-points-0.001 --grid lr=2e-3 --set n_steps=20 --out"),
        tmp_path,
        "--workers",
        "1",
    )
    assert flowrepro(*own).code == 0
    (case,) = tmp_path.glob("toy2d/two-points-0.001-*/experiment.json")
    assert read_json(case)["seed"] == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    "cluster", [(), pytest.param(("--local-cluster", "1"), marks=pytest.mark.slow)], ids=["pool", "dask"]
)
def test_ctrl_c_leaves_no_worker_and_the_same_command_goes_on(tmp_path: Path, cluster: tuple[str, ...]) -> None:
    if cluster:
        pytest.importorskip("distributed")
    words = (
        *typed("orthogonal --grid scale=1e-3,1e-2 --set n_steps=3000000 --set save_every=1000 --out"),
        str(tmp_path),
        "--workers",
        "2",
        "--summary",
        *cluster,
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "flowrepro", "sweep", *words], stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    while not list(tmp_path.glob("orthogonal/*/experiment.json")):
        time.sleep(0.1)
    workers = workers_of(process.pid)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "the same command goes on" in said
    assert "Traceback" not in said
    assert not list(tmp_path.glob("orthogonal/sweep-*")), "it reads and draws what there is"
    assert len(workers) == (1 if cluster else 2)
    assert not any(Path(f"/proc/{pid}").exists() for pid in workers)


@pytest.mark.long
@pytest.mark.slow
def test_a_sweep_survives_the_death_of_workers_and_of_the_driver(tmp_path: Path) -> None:
    words = [
        sys.executable,
        *typed("-m flowrepro sweep orthogonal --grid scale=log:1e-6:1e-3:4 --set geometric=0 --seeds 0:6"),
    ]
    words += [*typed("--set n_steps=2000000 --set save_every=10000 --workers 2 --summary --format png")]
    subprocess.run([*words, "--out", tmp_path / "calm"], check=True, capture_output=True)
    dice, out = random.Random(0), tmp_path / "stormy"
    killed = 0
    for attempt in range(20):
        process = subprocess.Popen([*words, "--out", out], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 4.0
        while process.poll() is None:
            time.sleep(2 + 2 * dice.random())  # a worker needs one to two seconds to start
            if attempt == 0 and time.monotonic() > until:
                process.kill()
            elif workers := workers_of(process.pid):
                os.kill(dice.choice(workers), signal.SIGKILL)
                killed += 1
        if process.wait() == 0:
            break
    assert process.returncode == 0
    assert killed >= 2
    assert without_times(out) == without_times(tmp_path / "calm")
