"""Descent of a deep network: against the derivative by hand, its records, and how it ends when it
diverges.
"""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.engines.torch_deep import descend, outputs
from flowrepro.errors import EnvironmentFault


def network(seed: int = 0, scale: float = 0.6) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    rng = np.random.default_rng(seed)
    layers = [scale * rng.standard_normal(shape) for shape in ((6, 4), (5, 6), (1, 5))]
    X = rng.standard_normal((30, 4))
    return X, rng.standard_normal(30), layers


def gradients_by_hand(X: np.ndarray, y: np.ndarray, layers: list[np.ndarray]) -> list[np.ndarray]:
    A, B, c = layers
    first = np.maximum(X @ A.T, 0.0)
    second = np.maximum(first @ B.T, 0.0)
    residual = ((second @ c[0]) - y) / len(y)
    to_second = residual[:, None] * c * (second > 0)
    to_first = to_second @ B * (first > 0)
    return [to_first.T @ X, to_second.T @ first, (residual @ second)[None]]


def test_steps_are_those_of_the_derivative_by_hand() -> None:
    X, y, layers = network()
    path = descend(X, y, layers, 0.05, [0, 1, 2, 3], dtype="float64")
    for k in range(4):
        f = outputs(X, layers)
        assert path.loss[k] == pytest.approx(0.5 * np.mean((f - y) ** 2), rel=1e-12)
        assert path.norms[k] == pytest.approx([np.linalg.norm(W) for W in layers], rel=1e-12)
        layers = [W - 0.05 * g for W, g in zip(layers, gradients_by_hand(X, y, layers), strict=True)]


def test_float32_follows_float64_and_the_norm_identity_is_exact() -> None:
    X, y, layers = network(1)
    single, double = (
        descend(X, y, layers, 0.05, range(0, 101, 10), dtype=dtype, euler_every=5) for dtype in ("float32", "float64")
    )
    assert single.loss == pytest.approx(double.loss, rel=1e-4)
    assert np.flatnonzero(np.isfinite(double.euler)).tolist() == [0, 5, 10]
    assert max(np.nanmax(single.euler), np.nanmax(double.euler)) < 1e-13


def test_a_step_that_is_too_large_ends_the_records() -> None:
    X, y, layers = network(3, scale=3.0)
    path = descend(X, y, layers, 1.0, range(50))
    assert path.diverged
    assert 0 < len(path.step) < 50
    assert np.all(np.isfinite(path.loss))
    assert len(path.norms) == len(path.euler) == len(path.step)


def test_progress_may_stop_it() -> None:
    X, y, layers = network()

    def stop(step: int) -> None:
        if step == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        descend(X, y, layers, 0.05, range(5), progress=stop)


def test_a_missing_gpu_is_named() -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(EnvironmentFault, match="cuda"):
        descend(*network(), 0.05, [0, 1], device="cuda")


@pytest.mark.gpu
def test_the_gpu_makes_the_same_steps() -> None:
    X, y, layers = network(3)
    cpu, gpu = (
        descend(X, y, layers, 0.05, range(0, 51, 10), dtype="float64", device=device) for device in ("cpu", "cuda")
    )
    assert gpu.loss == pytest.approx(cpu.loss, rel=1e-10)
    assert gpu.norms == pytest.approx(cpu.norms, rel=1e-10)
