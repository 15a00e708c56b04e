from __future__ import annotations

import numba
import numpy as np
import pytest
from numba.core import caching
from problems import random_problem

from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import gradient, objective, predict
from flowrepro.data import load as load_data
from flowrepro.engines.base import Problem
from flowrepro.engines.compiled import compiled, is_compiled
from flowrepro.engines.fused_gd import FusedGD, works_in_span
from flowrepro.engines.torch_gd import TorchGD
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY


@pytest.mark.parametrize(
    ("change", "reason"),
    [({"dtype": "float32"}, "float32"), ({"device": "cuda"}, "CPU"), ({"batch_size": 2}, "mini-batches")],
    ids=["dtype", "device", "batch"],
)
def test_says_what_it_cannot_do(change: dict[str, object], reason: str) -> None:
    assert reason in (FusedGD.supports(random_problem(**change)) or "")  # type: ignore[arg-type]


def test_recommends_itself_unless_matrix_products_are_large() -> None:
    assert FusedGD.advises_against(random_problem(75, 75, 60)) is None
    assert FusedGD.advises_against(random_problem(2000, 3, 300)) is None
    assert "n m d = 2" in (FusedGD.advises_against(random_problem(500, 80, 50)) or "")


@pytest.mark.parametrize(
    ("n", "train", "alpha"), [(4, "both", 0.0), (5, "first", 0.2), (6, "both", 0.3), (7, "both", 0.0)]
)
def test_the_loop_in_the_span_of_the_samples_makes_the_steps_of_autograd(n: int, train: str, alpha: float) -> None:
    problem = random_problem(n, 40, 700, lr=0.02, train=train, alpha=alpha)
    assert works_in_span(problem)
    fused, torch = FusedGD(problem), TorchGD(problem)
    steps = np.array([0, 1, 2, 30])
    np.testing.assert_allclose(fused.advance(steps), torch.advance(steps), rtol=1e-12)
    for ours, reference in zip(fused.weights(), torch.weights(), strict=True):
        np.testing.assert_allclose(ours, reference, rtol=0, atol=1e-12)


def test_the_loop_in_the_span_does_not_depend_on_cuts_and_resumes_bit_for_bit() -> None:
    problem = random_problem(5, 40, 700)
    whole, parts = FusedGD(problem), FusedGD(problem)
    whole.advance(np.array([20]))
    parts.advance(np.array([3, 11]))
    resumed = FusedGD(problem)
    resumed.restore(parts.state(), 11)
    resumed.advance(np.array([20]))
    for ours, expected in zip(resumed.weights(), whole.weights(), strict=True):
        np.testing.assert_array_equal(ours, expected)


def test_it_recommends_itself_where_it_works_in_the_span() -> None:
    assert FusedGD.advises_against(random_problem(75, 150, 200)) is None
    assert not works_in_span(random_problem(75, 75, 200))


def test_losses_far_out_are_those_of_numpy() -> None:
    """Margins of +-700 neither overflow nor lose the exponent."""
    for name in ("logistic", "logistic2", "exp"):
        for size in (-700.0, -30.0, 30.0, 700.0):
            problem = random_problem(1, 1, 1, lr=1e-300)
            loss = type(problem.loss)(name=name, reduction="sum")  # type: ignore[arg-type]
            problem = Problem(
                np.ones((1, 1)), np.ones(1), np.array([[abs(size)]]), np.array([np.sign(size)]), loss, 1e-300, 1
            )
            engine = FusedGD(problem)
            value = engine.advance(np.array([0]))[0]
            assert value == pytest.approx(
                objective(loss, predict(problem.X, problem.W0, problem.a0), problem.y), rel=1e-13
            )
            engine = FusedGD(Problem(problem.X, problem.y, problem.W0, problem.a0, loss, 1.0, 1))
            engine.advance(np.array([1]))
            step = gradient(problem.X, problem.y, problem.W0, problem.a0, loss)[1]
            assert engine.weights()[1] == pytest.approx(problem.a0 - step, rel=1e-13)


def test_leaves_the_plateaus_of_the_toy_at_the_known_steps() -> None:
    """Seed 0: 5210 and 10568, the steps of an independent plain numpy loop."""
    dataset = load_data(TOY.data)
    engine = FusedGD(Problem.of(TOY, dataset.X, dataset.y, *initial_weights(TOY.init, 0, 2)))
    losses = engine.advance(np.arange(20_001))
    assert int(np.argmax(losses < 0.99)) == 5210
    assert int(np.argmax(losses < 0.495)) == 10568
    assert losses[-1] < 1e-10


def test_a_second_process_finds_the_compiled_loop() -> None:
    FusedGD(random_problem()).advance(np.array([1]))
    assert FusedGD.is_compiled()


def test_compiles_in_memory_where_no_cache_can_be_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """With neither the package nor the home writable numba finds no place ("no locator available"):
    no cache, no word.
    """
    monkeypatch.setattr(caching.CacheImpl, "_locator_classes", [])
    with pytest.raises(RuntimeError, match="locator"):
        numba.njit(cache=True)(_double)
    double = compiled(_double)
    assert not is_compiled(double)
    assert double(21) == 42
    assert is_compiled(double)


def _double(x: int) -> int:
    return 2 * x


def test_division_by_zero_is_inf() -> None:
    assert compiled(_reciprocal)(0.0) == np.inf


def _reciprocal(x: float) -> float:
    return 1.0 / x
