"""The command line as its users meet it, mostly inside this process."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import Result, in_process, typed

from flowrepro.core.config import Loss
from flowrepro.core.network import gradient, objective, predict
from flowrepro.papers import registry

Call = Callable[..., Result]
SHORT = typed("--set n_steps=300 --set snapshots=[] --set geometric=0 --no-figures")


@pytest.fixture
def points(tmp_path: Path) -> tuple[Path, Path]:
    """Points and weights of a user: n=4, d=3, m=5."""
    rng = np.random.default_rng(1)
    np.savez(tmp_path / "d.npz", x=rng.standard_normal((4, 3)), y=rng.standard_normal(4))
    np.savez(tmp_path / "i.npz", W=0.3 * rng.standard_normal((5, 3)), a=0.3 * rng.standard_normal(5))
    return tmp_path / "d.npz", tmp_path / "i.npz"


def test_list_names_every_case_figure_and_claim(flowrepro: Call) -> None:
    lines = flowrepro("list", "--json").json()
    assert {(line["experiment"], line["case"]) for line in lines} == {
        (c, case.name) for c in registry.commands() for case in registry.cases_of(c)
    }
    assert all(line["claims"] for line in lines)
    assert {"2", "3", "4", "5"} <= {
        figure for line in lines if line["experiment"] == "orthogonal" for figure in line["figures"].split()
    }


def test_list_is_short_and_explains(flowrepro: Call) -> None:
    assert len(flowrepro("list").out.splitlines()) <= 24
    cases = flowrepro("list", "margin").out.splitlines()
    assert len(cases) == 1 + len(registry.cases_of("margin"))
    claim = registry.contents("lyu2021").claims[0]
    told = flowrepro("list", claim.id).out
    assert claim.sentence in told
    assert f"lyu2021, {claim.place}" in told
    assert "protocol.lr" in flowrepro("list", "toy").out
    assert flowrepro("list", "no-such").code == 2


def test_list_misprints(flowrepro: Call) -> None:
    misprints = flowrepro("list", "--misprints", "--json").json()
    assert {line["paper"] for line in misprints} == set(registry.PAPERS)
    alpha = misprints[0]
    assert (alpha["id"], alpha["class"], alpha["place"]) == ("alpha-beta", "constant", "Appendix B.1")
    assert [part["verdict"] for part in alpha["measured"]] == ["FAIL", "PASS"]
    assert alpha["measured"][0]["measured"] == pytest.approx(1 / 3)
    assert [line["id"] for line in misprints if not line["measured"]] == [
        item.id for paper in registry.PAPERS for item in registry.misprints(paper) if not item.proof
    ]


def test_misprints_in_words(flowrepro: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line each in a pipe, a block of wrapped text on a terminal."""
    papers = registry.PAPERS
    monkeypatch.setattr(registry, "PAPERS", {"boursier2022": papers["boursier2022"]})
    header, first, *_ = flowrepro("list", "--misprints").out.splitlines()
    assert header.split("\t")[-1] == "measured"
    said = "as printed, rate without one label: 0.333333 <= -0.589256 FAIL; corrected, rate"
    assert first.split("\t")[-1].startswith(said)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    lines = flowrepro("list", "--misprints").out.splitlines()
    assert lines[1:3] == ["boursier2022", "    id        alpha-beta"]
    assert max(map(len, lines)) <= 60


@pytest.mark.parametrize("engine", ["fused", "torch"])
def test_the_users_points_and_weights(flowrepro: Call, points: tuple[Path, Path], tmp_path: Path, engine: str) -> None:
    data, init = points
    words = (*typed("--set n_steps=800 --set lr=1e-2 --set save_every=200 --out"), tmp_path / "out", "--json")
    result = flowrepro("orthogonal", "--data", data, "--init", init, "--engine", engine, *words)
    assert result.code in (0, 5), result.err
    answer = result.json()
    assert [(run["experiment"], run["case"], run["stop"], run["engine"]) for run in answer["runs"]] == [
        ("orthogonal", "toy", "HORIZON", engine)
    ]
    assert all(
        {"id", "place", "verdict", "measured", "bound", "slack", "note"} <= claim.keys() for claim in answer["claims"]
    )
    assert all(claim["verdict"] == "N/A" for claim in answer["claims"] if claim["kind"] == "reproduction")
    with np.load(Path(answer["runs"][0]["dir"]) / "trajectory.npz", allow_pickle=False) as stored:
        assert stored["step"].tolist() == [0, 200, 400, 600, 800]
        np.testing.assert_allclose(stored["t"], 2 * 1e-2 * stored["step"], rtol=1e-15)
        X, y, W, a = np.load(data)["x"], np.load(data)["y"], np.load(init)["W"], np.load(init)["a"]
        np.testing.assert_array_equal(stored["W"][0], W)
        loss = Loss(name="square", reduction="mean", factor=2.0)
        for step in range(801):
            if step % 200 == 0:
                assert stored["loss"][step // 200] == pytest.approx(objective(loss, predict(X, W, a), y), rel=1e-10)
            if step < 800:
                dW, da = gradient(X, y, W, a, loss)
                W, a = W - 1e-2 * dW, a - 1e-2 * da
        np.testing.assert_allclose(stored["W"][-1], W, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(stored["a"][-1], a, rtol=1e-9, atol=1e-12)


def test_a_constant_feature_only_when_asked_for(flowrepro: Call, points: tuple[Path, Path], tmp_path: Path) -> None:
    answer = flowrepro(
        "orthogonal", "--data", points[0], "--set", "bias=true", *SHORT, "--out", tmp_path, "--json"
    ).json()
    with np.load(Path(answer["runs"][0]["dir"]) / "inputs.npz") as inputs:
        assert inputs["x"].shape == (4, 4)
        assert np.all(inputs["x"][:, -1] == 1)


def test_a_complete_run_is_reused_and_fresh_keeps_it(flowrepro: Call, tmp_path: Path) -> None:
    words = ("orthogonal", "--case", "toy", *SHORT, "--out", tmp_path, "--json")
    first = flowrepro(*words)
    second = flowrepro(*words)
    assert "reusing" in second.err
    assert second.json()["runs"][0]["reused"]
    assert second.json()["claims"] == first.json()["claims"]
    third = flowrepro(*words, "--fresh")
    directory = Path(first.json()["runs"][0]["dir"])
    assert not third.json()["runs"][0]["reused"]
    replaced = directory.with_name(f"{directory.name}.replaced-1")
    assert (replaced / "trajectory.npz").read_bytes() == (directory / "trajectory.npz").read_bytes()


def test_an_invalid_run_is_moved_aside_and_made_anew(flowrepro: Call, tmp_path: Path) -> None:
    words = ("orthogonal", "--case", "toy", *SHORT, "--out", tmp_path, "--json")
    directory = Path(flowrepro(*words).json()["runs"][0]["dir"])
    content = (directory / "trajectory.npz").read_bytes()
    (directory / "trajectory.npz").write_bytes(content[:-7])
    assert flowrepro("verify", directory).code == 3
    result = flowrepro(*words)
    assert "moved aside" in result.err
    assert (directory / "trajectory.npz").read_bytes() == content
    assert directory.with_name(f"{directory.name}.invalid-1").is_dir()


def test_a_later_manifest_is_left_alone(flowrepro: Call, tmp_path: Path) -> None:
    words = ("orthogonal", "--case", "toy", *SHORT, "--out", tmp_path, "--json")
    directory = Path(flowrepro(*words).json()["runs"][0]["dir"])
    (directory / "manifest.json").write_text('{"schema": 99, "flowrepro": "9.9", "files": {}}')
    result = flowrepro(*words)
    assert result.code == 3
    assert "9.9" in result.err


def test_verify_and_show(flowrepro: Call, tmp_path: Path) -> None:
    answer = flowrepro("orthogonal", "--case", "toy", *SHORT, "--out", tmp_path, "--json").json()
    directory = answer["runs"][0]["dir"]
    verified = flowrepro("verify", directory, "--json")
    assert verified.json()["claims"] == answer["claims"]
    shown = flowrepro("show", directory)
    assert shown.code == 0
    assert "trajectory.npz" in shown.out
    assert json.loads(flowrepro("show", directory, "--json").out)["provenance"]["engine"] == "fused"


def test_seeds_give_one_run_each(flowrepro: Call, tmp_path: Path) -> None:
    answer = flowrepro(*typed("orthogonal --case toy --seeds 3:5"), *SHORT, "--out", tmp_path, "--json").json()
    assert [run["seed"] for run in answer["runs"]] == [3, 4]
    assert len({run["dir"] for run in answer["runs"]}) == 2


def test_one_figure_runs_only_its_case(flowrepro: Call, tmp_path: Path) -> None:
    answer = flowrepro(
        *typed("orthogonal --figure 5 --set n_steps=50 --out"), tmp_path, *typed("--json --format png")
    ).json()
    assert [run["case"] for run in answer["runs"]] == ["lazy"]
    assert [Path(path).suffix for path in answer["figures"]] == [".png"]


def test_tables_are_plain_lines_where_nobody_watches(flowrepro: Call, tmp_path: Path) -> None:
    result = flowrepro("orthogonal", "--case", "toy", *SHORT, "--out", tmp_path, "-v")
    assert result.out.splitlines()[0].split("\t")[:2] == ["verdict", "claim"]
    assert "\x1b[" not in result.out + result.err


def test_the_answer_is_short_and_comes_last(flowrepro: Call, tmp_path: Path) -> None:
    words = ("orthogonal", "--case", "toy", "--case", "lazy", *SHORT)
    lines = flowrepro(*words, "--out", tmp_path).out.splitlines()
    assert len(lines) < 40
    assert lines[0] == f"orthogonal  in {tmp_path / 'orthogonal'}"
    assert [line.split("-")[0].strip() for line in lines[1:3]] == ["toy", "lazy"]
    assert re.match(r"\d+ PASS.*, \d+ FAIL, \d+ N/A, \d+ INFO; 0 figures; .* s of computing", lines[-1])


def test_a_figure_shows_the_claims_about_it(flowrepro: Call, tmp_path: Path) -> None:
    words = ("orthogonal", "--figure", "3", *SHORT[:-1], "--format", "png", "--out", tmp_path)
    answer = flowrepro(*words)
    assert "claims not about these figures; " in answer.out.splitlines()[-1]


@pytest.mark.parametrize(("text", "value"), [("init.divide_by=1", "1"), ("init.divide_by=sqrt(m)", "sqrt(m)")])
def test_values_are_read_by_the_type_of_their_field(flowrepro: Call, tmp_path: Path, text: str, value: str) -> None:
    answer = flowrepro("orthogonal", "--case", "toy", "--set", text, *SHORT, "--out", tmp_path)
    assert answer.code in (0, 5)
    (stored,) = tmp_path.rglob("experiment.json")
    assert json.loads(stored.read_text())["init"]["divide_by"] == value


def test_force_color_and_no_color(flowrepro: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" in flowrepro("list").out
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.delenv("FORCE_COLOR")
    assert "\x1b[" not in flowrepro("list").out


def test_the_module_runs_too() -> None:
    assert in_process("--version").out.startswith("flowrepro, version")


def test_a_flow_that_is_not_unique_says_so(flowrepro: Call, tmp_path: Path) -> None:
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
        *typed("--engine flow --no-figures --out"),
        tmp_path / "out",
    )
    words += typed("--set lr=0.05 --set n_steps=60 --set geometric=0 --set snapshots=[] --json")
    result = flowrepro(*words)
    assert result.code in (0, 5), result.err
    assert "one of several flows from t=2.44271" in result.err
    assert flowrepro(*words, "--strict").code == 4


def test_a_scale_far_below_the_smallest_double(flowrepro: Call, tmp_path: Path) -> None:
    words = (
        *typed(
            "orthogonal --case toy --no-figures --set log10_scale=-1000 --set n_steps=3000000 --set save_every=100000 --out"
        ),
        tmp_path,
    )
    words += ("--set", "geometric=0", "--set", "snapshots=[]", "--json")
    refused = flowrepro(*words, "--engine", "fused")
    assert refused.code == 2
    assert "--engine flow" in refused.err
    result = flowrepro(*words, "--engine", "flow")
    assert result.code == 0, result.out
    verdicts = {claim["id"]: claim["verdict"] for claim in result.json()["claims"]}
    assert "FAIL" not in verdicts.values()
    with np.load(Path(result.json()["runs"][0]["dir"]) / "trajectory.npz") as arrays:
        loss, t = arrays["loss"], arrays["t"]
    assert loss[0] == pytest.approx(1.0)
    assert np.all(np.diff(loss) <= 1e-9)
    escape = t[np.searchsorted(-loss, -0.75)]  # near ln(1/lambda) / ||D+||, lambda = 1e-1006 / sqrt(60)
    assert escape == pytest.approx((1006 * np.log(10) + 0.5 * np.log(60)) / (np.sqrt(5) / 2), rel=0.1)


def test_a_papers_own_case_that_nothing_judges_is_no_success(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrepro.claims.claim import Claim
    from flowrepro.claims.verdict import not_applicable

    monkeypatch.setattr(Claim, "judge", lambda claim, result: not_applicable("nothing fits"))
    words = ("orthogonal", "--case", "lazy", "--no-figures", "--out", tmp_path)
    own = flowrepro(*words)
    assert own.code == 5
    assert "no claim could be judged on it" in own.err
    assert flowrepro(*words, "--seed", "7").code == 0, "a changed case may be out of all claims"


def test_the_line_of_a_case_is_true_for_the_users_points(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "mine.npz", x=[[1.0, 0.0], [0.0, 2.0]], y=[1.0, -1.0])
    words = ("orthogonal", "--case", "toy", *SHORT, "--out", tmp_path)
    own = flowrepro(*words, "--data", tmp_path / "mine.npz").out.splitlines()[1]
    assert "data = mine.npz" in own
    assert "Figure" not in own
    assert "seed = 3" in flowrepro(*words, "--seed", "3").out.splitlines()[1]
