"""What a training says of itself: one sentence where its numbers would mislead."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result, typed

import flowrepro as fr

X, Y = np.eye(2), np.array([1.0, -0.5])


def descent(lr: float, **options: Any) -> fr.Run:
    W, a = fr.init.balanced(m=12, d=2, scale=options.pop("scale", 1e-2), seed=0)
    X_, y = options.pop("X", X), options.pop("y", Y)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        return fr.descend(X_, y, W, a, lr=lr, engine="torch", **{"steps": 300, **options})


def test_a_descent_that_follows_the_flow_says_nothing() -> None:
    assert descent(0.05).remarks == ()
    assert descent(0.05, y=np.sign(Y), loss="exp").remarks == ()
    assert descent(0.05, alpha=0.1, batch_size=1).remarks == ()


def test_the_loss_that_rose_and_the_neurons_that_died() -> None:
    run = descent(100.0, steps=2000)
    rose, dead = run.remarks[:2]
    assert rose.startswith("the loss rose above its start, from 0.3125 to ")
    assert "lower the step size" in rose
    assert "all 12 neurons are dead at the end" in dead


def test_neurons_that_are_dead_from_the_start() -> None:
    run = _inactive()
    assert len(run.remarks) == 1
    assert "the neuron is dead from the start" in run.remarks[0]


def _inactive() -> fr.Run:
    with pytest.warns(RuntimeWarning, match="dead from the start"):
        return fr.descend(X, Y, [[-1.0, -1.0]], [1.0], lr=0.1, steps=3, engine="torch")


@pytest.mark.parametrize("loss", ["exp", "logistic", "logistic2"])
def test_a_loss_that_underflows(loss: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        run = fr.descend(X[:1], [1], [[30.0, 0.0]], [30.0], lr=0.1, steps=3, loss=loss, engine="torch")
    assert any(f"the loss {loss} underflowed to 0 at step 0" in said for said in run.remarks)


@pytest.mark.parametrize(
    ("size", "words"), [(1e-150, "the gradient underflowed to 0"), (1e-200, "the square loss underflowed to 0")]
)
def test_weights_and_targets_that_underflow(size: float, words: str) -> None:
    W, a = [[1e-200, 1e-200]], [1e-200]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        run = fr.descend(X, [size, 2 * size], W, a, lr=0.1, steps=3, engine="torch")
    assert any(words in said for said in run.remarks)


def test_steps_near_the_edge_of_stability() -> None:
    # At the fit a_j ||w_j|| = y, so the sharpness of one pair of neurons is 2 max |y| / n = 1.
    (said,) = descent(1.9, steps=3000).remarks
    assert said.startswith("lr times sharpness is 1.9 ")
    assert "far from the flow" in said
    assert "with lr = 0.1" in said


def test_the_command_line_says_and_stores_it(flowrepro: Callable[..., Result], tmp_path: Path) -> None:
    words = ("orthogonal", "--case", "toy", "--set", "lr=100", "--set", "n_steps=600")
    more = ("--engine", "torch", "--no-figures", "--json", "--out", tmp_path)
    for _ in range(2):  # computed, then stored
        done = flowrepro(*words, *more)
        assert done.err.count("warning: the loss rose above its start") == 1
        (run,) = done.json()["runs"]
        assert any("the loss rose" in sentence for sentence in run["warnings"])
    stored = json.loads((Path(run["dir"]) / "provenance.json").read_text())
    assert stored["warnings"] == run["warnings"]


def test_settings_that_the_engine_does_not_use(flowrepro: Callable[..., Result], tmp_path: Path) -> None:
    np.savez(tmp_path / "w.npz", W=np.eye(2), a=[1.0, -1.0])
    words = (*typed("orthogonal --case toy --set n_steps=20 --no-figures --out"), tmp_path)
    idle = ("--init", tmp_path / "w.npz", "--seed", "3", "--set", "rtol=1e-9")
    (run,) = flowrepro(*words, *idle, "--json").json()["runs"]
    tolerance, seed = run["warnings"][:2]
    assert tolerance.startswith("protocol.rtol had no effect: engine fused makes equal steps; take")
    assert seed.startswith("seed had no effect on the training: the weights are those of the file")
    (run,) = flowrepro(*words, "--seed", "3", "--json").json()["runs"]
    assert run["warnings"] == []


def test_compiled_code_that_cannot_be_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.caching import CacheImpl

    from flowrepro.run.remarks import uncached

    assert uncached.__wrapped__() == ""
    monkeypatch.setattr(CacheImpl, "_locator_classes", [])
    assert "set NUMBA_CACHE_DIR to a folder that can be written" in uncached.__wrapped__()


@pytest.mark.parametrize("n", [1, 40, 300])
def test_the_largest_eigenvalue_is_that_of_the_whole_spectrum(n: int) -> None:
    from flowrepro.run.remarks import _largest_eigenvalue

    G = np.random.default_rng(n).normal(size=(n, 7))
    form = G @ G.T / n
    assert _largest_eigenvalue(form) == pytest.approx(np.linalg.eigvalsh(form)[-1], rel=1e-6)
    assert _largest_eigenvalue(np.zeros((n, n))) == 0.0
