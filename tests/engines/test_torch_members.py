"""Ensembles on a device: the batched steps are those of the compiled loop, losses and first steps
included.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from problems import random_problem

from flowrepro.core.config import Loss, Record
from flowrepro.core.trajectory import EnsembleTrajectory
from flowrepro.engines import ensemble
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.torch_members import DeviceMembers

LOSSES = [
    Loss(name=name, reduction=reduction, factor=1.5)
    for name in ("square", "logistic", "logistic2", "exp")
    for reduction in ("mean", "sum")
]  # type: ignore[arg-type]


def both(
    problem: Problem, monkeypatch: pytest.MonkeyPatch, R: int = 5, device: str = "cpu"
) -> tuple[EnsembleTrajectory, EnsembleTrajectory]:
    """The ensemble by the compiled loop and by batched products on a device."""
    rng = np.random.default_rng(1)
    members = ensemble.Members(
        np.arange(R), rng.standard_normal((R, *problem.W0.shape)), rng.standard_normal((R, *problem.a0.shape))
    )
    save_at = SaveAt.of(Record(save_every=7), problem.n_steps)
    fused = ensemble.run_ensemble(problem, members, save_at, levels=(1.0, 0.5))
    monkeypatch.setattr(ensemble, "kernel", lambda given: (DeviceMembers(replace(given, device=device)), "torch"))
    return fused, ensemble.run_ensemble(problem, members, save_at, levels=(1.0, 0.5))


def assert_alike(fused: EnsembleTrajectory, batched: EnsembleTrajectory) -> None:
    for name in ("loss", "W", "a"):
        ours, reference = getattr(batched, name), getattr(fused, name)
        assert ours.shape == reference.shape
        assert np.abs(ours - reference).max() <= 1e-12 * np.abs(reference).max()
    assert np.array_equal(batched.first_below, fused.first_below)
    assert np.array_equal(batched.step, fused.step)


@pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: f"{loss.name}-{loss.reduction}")
def test_members_are_those_of_the_compiled_loop(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(6, 3, 9, loss, lr=5e-3, n_steps=50)
    fused, batched = both(problem, monkeypatch)
    assert_alike(fused, batched)
    assert (fused.loss[:, -1] < fused.loss[:, 0]).all()


@pytest.mark.parametrize("changes", [{"alpha": 0.3}, {"train": "first"}, {"n_steps": 1}])
def test_slopes_layers_and_single_steps(changes: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(4, 2, 5, Loss(name="square", reduction="mean"), lr=1e-2, n_steps=30)
    assert_alike(*both(replace(problem, **changes), monkeypatch))  # type: ignore[arg-type]


def test_the_cpu_keeps_the_compiled_loop() -> None:
    problem = random_problem(4, 2, 5, Loss(name="square", reduction="mean"))
    assert ensemble.kernel(problem)[1] == "fused"
    assert ensemble.supports(replace(problem, device="cuda")) is None
    assert "float32" in str(ensemble.supports(replace(problem, dtype="float32")))


@pytest.mark.gpu
def test_a_gpu_gives_the_members_of_the_compiled_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = random_problem(6, 3, 9, Loss(name="square", reduction="mean"), lr=5e-3, n_steps=50)
    assert_alike(*both(problem, monkeypatch, device="cuda"))
