"""Many seeds from the command line: one folder, claims and a figure of its own, resumed, reused,
verified.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result, typed

from flowrepro import data
from flowrepro.cli.select import ENSEMBLE_FROM, chosen_cases
from flowrepro.core.config import TrainingCase, from_json, run_id, to_json
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.engines import ensemble
from flowrepro.engines.fused_gd import FusedGD
from flowrepro.errors import UsageError
from flowrepro.papers import registry
from flowrepro.run.console import Console
from flowrepro.run.training import prepare

Call = Callable[..., Result]
TOY = registry.find_case("orthogonal", "toy")
SHORT = ("orthogonal", "--case", "toy", "--set", "n_steps=500")


def cases(command: str = "orthogonal", **options: Any) -> list[list[TrainingCase]]:
    nothing: dict[str, Any] = {"case_names": (), "figures": (), "assignments": (), "quick": False}
    nothing |= dict.fromkeys(("seed", "seeds", "engine", "device", "data_file", "init_file"))
    return chosen_cases(command, **(nothing | options))


def test_one_folder_holds_every_seed(flowrepro: Call, tmp_path: Path) -> None:
    result = flowrepro(*SHORT, "--seeds", "3:63", "--out", tmp_path, "--json", "--format", "png")
    assert result.code == 0, result.err
    (run,) = result.json()["runs"]
    assert (run["seed"], run["seeds"], run["engine"], run["stop"]) == (None, [3, 63], "fused", "HORIZON")
    assert "toy-seeds-3-to-62-" in run["dir"]
    assert [Path(path).stem for path in result.json()["figures"]] == ["figure-3-seeds-toy-loss"]
    with np.load(Path(run["dir"]) / "ensemble.npz", allow_pickle=False) as stored:
        assert stored["seeds"].tolist() == list(range(3, 63))
        assert stored["loss"].shape == (60, len(stored["step"]))
        assert stored["W"].shape == (60, 2, 60, 2)
        np.testing.assert_allclose(stored["t"], 2e-3 * stored["step"], rtol=1e-15)
        case = override(TOY, {"n_steps": 500, "seed": 40})
        dataset = data.load(case.data)
        engine = FusedGD(prepare(case, dataset))
        np.testing.assert_array_equal(stored["loss"][37], engine.advance(stored["step"]))
        np.testing.assert_array_equal(stored["W"][37, 0], initial_weights(case.init, 40, 2)[0])
        np.testing.assert_array_equal(stored["W"][37, 1], engine.weights()[0])
    again = flowrepro(*SHORT, "--seeds", "3:63", "--out", tmp_path, "--json", "--format", "png")
    assert again.json()["runs"][0]["reused"]
    assert again.json()["claims"] == result.json()["claims"]
    assert flowrepro("verify", run["dir"], "--json").json()["claims"] == result.json()["claims"]
    shown = json.loads(flowrepro("show", run["dir"], "--json").out)
    assert shown["provenance"]["seeds"] == [3, 63]
    assert "seed" not in shown["provenance"]


def test_an_interrupted_ensemble_is_resumed_bit_for_bit(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = typed("orthogonal --case toy --seeds 0:50 --set n_steps=3000 --no-figures")
    assert flowrepro(*words, "--out", tmp_path / "whole").code == 0
    (whole,) = (tmp_path / "whole").rglob("ensemble.npz")
    monkeypatch.setattr(ensemble, "LONGEST_CHUNK", 400)
    for stop_after in (3, 2):
        asked = iter(range(1_000))
        with monkeypatch.context() as patch:
            patch.setattr(
                Console, "interrupted", lambda self, asked=asked, stop_after=stop_after: next(asked) == stop_after
            )
            stopped = flowrepro(*words, "--out", tmp_path / "broken")
        assert "resume with: flowrepro orthogonal" in stopped.err
        assert list(tmp_path.glob("broken/**/checkpoint.npz"))
        assert not list(tmp_path.glob("broken/**/ensemble.npz"))
    result = flowrepro(*words, "--out", tmp_path / "broken")
    assert result.code == 0
    assert "resuming" in result.err
    (resumed,) = (tmp_path / "broken").rglob("ensemble.npz")
    assert resumed.read_bytes() == whole.read_bytes()


def test_a_diverging_ensemble_ends_with_4(flowrepro: Call, tmp_path: Path) -> None:
    words = typed("orthogonal --case toy --seeds 0:50 --set n_steps=200 --set lr=5 --set init.scale=1 --set alpha=0.5")
    result = flowrepro(*words, "--out", tmp_path)
    assert result.code == 4
    assert "members diverged" in result.err
    assert "figure 3-seeds is not drawn" in result.err


def test_the_users_points_from_many_seeds(flowrepro: Call, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    np.savez(tmp_path / "d.npz", x=rng.standard_normal((4, 3)), y=rng.standard_normal(4))
    words = (
        "orthogonal",
        "--data",
        tmp_path / "d.npz",
        *typed("--seeds 0:50 --set n_steps=50 --out"),
        tmp_path,
        "--json",
        "--no-figures",
    )
    answer = flowrepro(*words).json()
    assert all(claim["verdict"] == "N/A" for claim in answer["claims"])
    (tmp_path / "d.npz").unlink()
    assert flowrepro("verify", answer["runs"][0]["dir"], "--json").json()["claims"] == answer["claims"]


# ---- which cases become ensembles


def test_few_seeds_are_run_one_by_one_and_many_at_once() -> None:
    assert [[case.seed for case in batch] for batch in cases(case_names=("toy",), seeds="3:6")] == [[3], [4], [5]]
    ((toy, five, lazy),) = cases(case_names=("toy", "five-points", "lazy"), seeds="0:50")
    assert toy.seeds == five.seeds == lazy.seeds == (0, 50)
    assert cases(case_names=("toy",))[0][0].seeds is None


def test_the_help_says_from_how_many(flowrepro: Call) -> None:
    assert f"{ENSEMBLE_FROM} or more" in flowrepro("orthogonal", "--help").out


def test_cases_that_cannot_be_run_at_once_are_run_one_by_one() -> None:
    for change in (
        {"engine": "torch"},
        {"assignments": ("dtype=float32",)},
        {"assignments": ("batch_size=1",)},
        {"assignments": ("target_loss=0.1",)},
    ):
        batches = cases(case_names=("toy",), seeds="0:50", **change)
        assert [batch[0].seed for batch in batches] == list(range(50))
        assert all(batch[0].seeds is None for batch in batches)


def test_large_cases_are_run_one_by_one() -> None:
    ((small,),) = cases(case_names=("toy",), seeds="0:50", assignments=("m=2500",))
    assert small.seeds == (0, 50)
    assert len(cases(case_names=("toy",), seeds="0:50", assignments=("m=2501",))) == 50


def test_figures_decide_too() -> None:
    ((few,),) = cases(figures=("3-seeds",), seeds="0:5")
    assert few.seeds == (0, 5)
    assert len(cases(figures=("3",), seeds="0:50")) == 50
    with pytest.raises(UsageError, match="--seeds 0:1000"):
        cases(figures=("3-seeds",))
    with pytest.raises(UsageError, match="two commands"):
        cases(figures=("3", "3-seeds"), seeds="0:50")


def test_a_figure_of_many_seeds_that_cannot_be_had_says_why(flowrepro: Call, tmp_path: Path) -> None:
    result = flowrepro(*typed("orthogonal --figure 3-seeds --seeds 0:9 --engine torch --out"), tmp_path)
    assert result.code == 2
    assert "asks for torch" in result.err


def test_levels_belong_to_ensembles() -> None:
    ((case,),) = cases(case_names=("toy",), seeds="0:50", assignments=("levels=[0.5]",))
    assert case.record.levels == (0.5,)
    with pytest.raises(UsageError, match="levels must be positive"):
        cases(case_names=("toy",), seeds="0:50", assignments=("levels=[-1]",))


def test_the_seeds_are_in_the_id_and_leave_that_of_a_run_alone() -> None:
    many = override(from_json({**to_json(TOY), "seeds": [0, 9]}), {})
    assert run_id(many).startswith("toy-seeds-0-to-8-")
    assert run_id(many) == run_id(from_json({**to_json(many), "seed": 7}))
    assert run_id(many)[-10:] != run_id(from_json({**to_json(many), "seeds": [0, 10]}))[-10:]
    assert run_id(TOY) == run_id(
        override(from_json({**to_json(TOY), "record": {**to_json(TOY)["record"], "levels": []}}), {})
    )
    for seeds in ([3, 3], [0, 1, 2]):
        with pytest.raises(UsageError, match="seeds"):
            override(from_json({**to_json(TOY), "seeds": seeds}), {})
