"""The peers make our iterates; the table says what is not installed."""

from __future__ import annotations

import numpy as np
import pytest
from problems import random_problem

from flowrepro.bench import peers
from flowrepro.core.config import Loss
from flowrepro.engines import load

STEPS = 300
LOSSES = [
    Loss(name="square", reduction="mean", factor=2.0),
    Loss(name="logistic", reduction="sum"),
    Loss(name="logistic2", reduction="mean"),
    Loss(name="exp", reduction="mean"),
]


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)
@pytest.mark.parametrize("name", peers.PEERS)
def test_a_peer_makes_the_iterates_of_ours(name: str, loss: Loss) -> None:
    module, make = peers.PEERS[name]
    pytest.importorskip(module)
    problem = random_problem(6, 3, 5, loss, lr=1e-2)
    engine, peer = load("fused")(problem), make(problem)
    engine.advance(np.array([STEPS]))
    peer.advance(STEPS)
    for ours, theirs, start in zip(engine.weights(), peer.weights(), (problem.W0, problem.a0), strict=True):
        np.testing.assert_allclose(theirs, ours, rtol=1e-10, atol=1e-12)
        assert np.abs(ours - start).max() > 1e-3


def test_what_is_not_installed_is_named_and_the_rest_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_installed", lambda module: module == "torch")
    monkeypatch.setattr(peers, "machine_rates", lambda: (1e10, 1e10))
    tiny = peers.Job("tiny", random_problem(lr=1e-3), 20, 2)
    monkeypatch.setattr(peers, "jobs", lambda: [tiny])
    compared, absent = peers.compare_peers(quick=True)
    assert compared.job == "tiny: eager PyTorch / fused"
    assert compared.ratio == pytest.approx(compared.plain / compared.ours)
    assert "a dense step takes" in compared.note
    assert absent.job == "JAX scan: not compared"
    assert absent.note == "jax is not installed; pip install 'flowrepro[bench]' brings it"


def test_a_dense_step_is_limited_by_its_products_or_by_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(6, 3, 5)
    assert peers.floor(problem, (1e6, 1e12))[0] == pytest.approx(4 * 6 * 3 * 5)
    assert peers.floor(problem, (1e12, 1e6))[0] == pytest.approx(4 * 6 * 3 * 5 / 1e6)  # in a cache
    monkeypatch.setattr(peers, "CACHED", 0)
    assert peers.floor(problem, (1e12, 1e6))[0] == pytest.approx(8 * (6 * 3 + 2 * 5 * 4))
