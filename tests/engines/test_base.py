from __future__ import annotations

import numpy as np
import pytest
from problems import HALF_SQUARE, random_problem

from flowrepro.core.config import Record
from flowrepro.core.network import gradient
from flowrepro.engines import ENGINES, choose, load
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import step_bound
from flowrepro.errors import EnvironmentFault, UsageError


def test_linear_grids_of_snapshots() -> None:
    grid = SaveAt.of(Record(save_every=30, snapshots=(5,), snapshot_every=40), 100)
    assert grid.snapshots.tolist() == [0, 5, 40, 80, 100]


def test_grids_hold_both_ends_and_the_geometric_steps() -> None:
    grid = SaveAt.of(Record(save_every=30, snapshots=(50, 10, 999), geometric=2.0), 100)
    assert grid.curve.tolist() == [0, 30, 60, 90, 100]
    assert grid.snapshots.tolist() == [0, 1, 3, 7, 10, 15, 31, 50, 63, 100]


def test_step_bound_is_two_over_the_curvature_of_a_scalar_problem() -> None:
    """f = a w x: the tangent kernel is (a^2 + w^2) x^2."""
    problem = Problem(np.array([[2.0]]), np.ones(1), np.array([[3.0]]), np.array([0.5]), HALF_SQUARE, 0.1, 1)
    assert step_bound(problem, problem.W0, problem.a0) == pytest.approx(2 / (4 * (0.25 + 9)))


def test_step_bound_is_the_eigenvalue_of_the_jacobians_gram_matrix() -> None:
    problem = random_problem(6, 3, 4, alpha=0.3)
    rows = [
        np.concatenate(
            [part.ravel() for part in gradient(problem.X[[k]], np.zeros(1), problem.W0, problem.a0, HALF_SQUARE, 0.3)]
        )
        for k in range(6)
    ]
    residuals = [
        np.where(x @ problem.W0.T > 0, x @ problem.W0.T, 0.3 * (x @ problem.W0.T)) @ problem.a0 for x in problem.X
    ]
    jacobian = np.array(rows) / np.array(residuals)[:, None]
    top = np.linalg.eigvalsh(jacobian @ jacobian.T)[-1] / 6
    assert step_bound(problem, problem.W0, problem.a0) == pytest.approx(2 / top)


def test_step_bound_of_overflowing_weights_is_zero_without_a_warning() -> None:
    problem = random_problem()
    assert step_bound(problem, problem.W0 * 1e200, problem.a0 * 1e200) == 0.0


def test_auto_takes_the_compiled_loop_for_small_problems_and_torch_for_large_ones() -> None:
    assert choose("auto", random_problem())[0].name == "fused"
    large = Problem(np.zeros((5000, 100)), np.zeros(5000), np.zeros((50, 100)), np.zeros(50), HALF_SQUARE, 0.1, 10)
    chosen, why = choose("auto", large)
    assert chosen.name == "torch"
    assert "matrix products" in why


def test_a_named_engine_says_why_it_cannot() -> None:
    with pytest.raises(UsageError, match=r"engine 'fused' cannot run this case.*float32"):
        choose("fused", random_problem(dtype="float32"))
    with pytest.raises(UsageError, match=r"one of auto, .*fused"):
        load("warp")


def test_flows_are_known_by_name() -> None:
    assert {name: member.kind for name, member in ENGINES.items()} == {name: load(name).kind for name in ENGINES}


def test_a_broken_dependency_is_an_environment_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENGINES, "torch", ENGINES["torch"]._replace(module="flowrepro.no_such_module"))
    with pytest.raises(EnvironmentFault, match="needs torch"):
        load("torch")
    assert choose("auto", random_problem())[0].name == "fused"
