"""Claims, run directories, pictures, PyTorch and the examples."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import flowrepro as fr
from flowrepro.papers import registry

EXAMPLES = Path(__file__).parents[2] / "examples"


def toy(engine: str = "flow", **options: Any) -> fr.Run:
    X, y = np.eye(2), np.array([1.0, -0.5])
    W, a = fr.init.balanced(m=12, d=2, scale=options.pop("scale", 1e-5), seed=0)
    if engine == "flow":
        return fr.flow(X, y, W, a, **{"t": 60.0, **options})
    return fr.descend(X, y, W, a, **{"lr": 0.05, "steps": 1200, "engine": engine, **options})


def test_claims_of_orthogonal_points_hold() -> None:
    found = fr.claims(toy())
    assert found.having("FAIL") == ()
    assert len(found.having("PASS")) >= 5
    papers = {claim.place.partition(",")[0] for claim in found}
    assert "boursier2022" in papers
    for claim in found:
        assert claim.sentence in repr(found)
        assert isinstance(claim.measured, float)
    text = repr(found)
    assert found.counts in text
    assert all(reason in text for reason in found.not_applicable)
    assert "<table>" in found._repr_html_()
    assert found[0] in found[:3]


def test_claims_of_generic_points_do_not_fail() -> None:
    rng = np.random.default_rng(3)
    X, y = rng.standard_normal((6, 3)), rng.standard_normal(6)
    W, a = fr.init.gaussian(m=8, d=3, scale=0.5, seed=1)
    for run in (
        fr.flow(X, y, W, a, t=5.0, records=64),
        fr.descend(X, np.sign(y), W, a, loss="exp", lr=0.01, steps=50, engine="torch"),
        fr.flow(X, y, W, a, t=[0.1, 1.0, 5.0]),
    ):
        found = fr.claims(run)
        assert found.having("FAIL") == ()
        assert found.not_applicable


def test_claims_take_runs_only() -> None:
    with pytest.raises(fr.UsageError, match=r"claims judges a run of fr\.flow"):
        fr.claims("runs/toy")


@pytest.mark.parametrize(
    "run",
    [
        lambda: toy(),
        lambda: toy("torch"),
        lambda: toy("torch", batch_size=1, seed=4, steps=40),
        lambda: toy(t=[1.0, 2.0, 50.0]),
        lambda: toy(scale=1.0, log10_scale=-10_000, t=95_000.0, records=8),
    ],
    ids=["flow", "descent", "sgd", "chosen times", "below the smallest double"],
)
def test_saved_and_loaded_it_is_the_same(
    run: Callable[[], fr.Run], tmp_path: Path, flowrepro: Callable[..., Any]
) -> None:
    made = run()
    folder = made.save(tmp_path / "mine")
    again = fr.load(folder)
    for name in ("t", "loss", "step", "W", "a", "log_norms", "patterns", "weights_t"):
        assert np.array_equal(getattr(made, name), getattr(again, name)), name
    assert made.events == again.events
    assert made.stop == again.stop
    t = float(made.weights_t[-1])
    assert np.array_equal(made.at(t).W, again.at(t).W)
    assert made.save(tmp_path / "mine") == folder  # the same run: nothing is written
    assert toy(t=1.0).save(tmp_path / "mine") != folder
    shown = flowrepro("show", folder)
    assert shown.code == 0
    assert "inputs.npz" in shown.out
    verified = flowrepro("verify", folder, "--json")
    assert verified.code == 0
    assert len(verified.json()["claims"]) == len(registry.claims_of(made.case))


def test_a_saved_run_is_repeated_and_reported(tmp_path: Path, flowrepro: Callable[..., Any]) -> None:
    folder = toy("torch", steps=50).save(tmp_path / "mine")
    assert "0 differ" in flowrepro("rerun", folder).out
    assert flowrepro("report", folder, "--out", tmp_path / "page.html").code == 0
    assert "lemma-1" in (tmp_path / "page.html").read_text()


def test_what_load_refuses(tmp_path: Path) -> None:
    with pytest.raises(fr.DataError, match="is not a complete run"):
        fr.load(tmp_path)
    folder = toy("torch", steps=20).save(tmp_path / "mine")
    (folder / "trajectory.npz").write_bytes(b"no")
    with pytest.raises(fr.DataError, match=r"is invalid: trajectory\.npz does not have the sha256"):
        fr.load(folder)


@pytest.mark.parametrize("middle", [nn.ReLU(), nn.LeakyReLU(0.2)], ids=["relu", "leaky"])
@pytest.mark.parametrize("size", [(1, 1), (3, 7), (9, 2)], ids=str)
def test_from_torch_and_back(middle: nn.Module, size: tuple[int, int]) -> None:
    m, d = size
    model = nn.Sequential(nn.Linear(d, m, bias=False), middle, nn.Linear(m, 1, bias=False)).double()
    W, a, alpha = fr.from_torch(model)
    X = np.random.default_rng(0).standard_normal((5, d))
    run = fr.descend(X, np.ones(5), W, a, alpha=alpha, lr=1e-9, steps=1, engine="torch")
    with torch.no_grad():
        expected = model(torch.from_numpy(X))[:, 0].numpy()
        assert np.allclose(fr.models.TwoLayer(W, a, alpha)(torch.from_numpy(X)).numpy(), expected)
    assert np.allclose(run.predict(X, t=0.0), expected, rtol=1e-13)
    V, b, beta = fr.from_torch(run.to_torch())
    assert np.array_equal(V, run.W[-1])
    assert np.array_equal(b, run.a[-1])
    assert beta == alpha


@pytest.mark.parametrize(
    ("model", "start"),
    [
        (nn.Linear(2, 1), "from_torch cannot read Linear; give nn.Sequential("),
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU()), "from_torch cannot read Sequential(Linear, ReLU)"),
        (nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1)), "the first layer has a bias"),
        (
            nn.Sequential(nn.Linear(2, 3, bias=False), nn.Tanh(), nn.Linear(3, 1, bias=False)),
            "from_torch takes ReLU or LeakyReLU, not Tanh",
        ),
        (
            nn.Sequential(nn.Linear(2, 3, bias=False), nn.ReLU(), nn.Linear(3, 2, bias=False)),
            "the last layer has weights of shape (2, 3) and must have (1, 3)",
        ),
    ],
    ids=["one layer", "two", "bias", "tanh", "outputs"],
)
def test_what_from_torch_refuses(model: nn.Module, start: str) -> None:
    with pytest.raises(fr.UsageError) as refusal:
        fr.from_torch(model)
    assert str(refusal.value).startswith(start)


def test_public_names() -> None:
    assert set(fr.__all__) == {*fr._MEMBERS, "__version__"}
    assert set(fr.__all__) <= set(dir(fr))
    for name in fr.__all__:
        assert getattr(fr, name) is not None
    with pytest.raises(AttributeError, match="has no attribute 'flows'"):
        fr.flows  # noqa: B018


@pytest.mark.slow
@pytest.mark.parametrize("name", ["minimal.py", "own_points.py"])
def test_examples_run(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [name])
    runpy.run_path(str(EXAMPLES / name))
    assert "<Run: " in capsys.readouterr().out
    assert list(tmp_path.glob("*.png"))
    assert len((EXAMPLES / "minimal.py").read_text().splitlines()) < 40
