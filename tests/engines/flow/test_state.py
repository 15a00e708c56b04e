"""Log-polar coordinates, the invariant, and hyperplanes instead of samples."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.core.config import Loss
from flowrepro.engines.flow.net import make_net, merge
from flowrepro.engines.flow.state import cartesian, log_polar, project_row

HALF_MSE = Loss(name="square", reduction="mean")


def test_there_and_back() -> None:
    rng = np.random.default_rng(0)
    W, a = rng.standard_normal((5, 3)), rng.standard_normal(5)
    W[2], a[2] = 0.0, 0.0
    Y = log_polar(W, a)
    assert Y[2, 0] == -np.inf
    for ours, theirs in zip(cartesian(Y), (W, a), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_extreme_scales_keep_their_digits(scale: float) -> None:
    W, a = np.array([[3.0, 0.0]]), np.array([4.0])
    np.testing.assert_allclose(log_polar(scale * W, scale * a)[0], [np.log(5 * scale), 0.6, 0.0, 0.8], rtol=1e-14)
    far = log_polar(W, a, ln_scale=-1e5)
    assert far[0, 0] == np.log(5.0) - 1e5
    assert np.all(cartesian(far)[0] == 0.0)


@pytest.mark.parametrize("ratio", [0.2, 1.0, 5.0])
def test_projection_restores_the_invariant_and_keeps_the_prediction(ratio: float) -> None:
    """a^2 - ||w||^2 = c for c < 0, = 0, > 0; a_j ||w_j||, hence h, unchanged to rounding."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        w = rng.standard_normal(4)
        a = ratio * np.linalg.norm(w) * rng.choice([-1.0, 1.0])
        row = log_polar(w[None], np.array([a]))[0]
        c0, rho0 = row[-1] ** 2 - row[1:-1] @ row[1:-1], row[0]
        if ratio == 1.0:
            c0 = 0.0
        row[0] += 0.3 * rng.standard_normal()
        row[1:] += 1e-6 * rng.standard_normal(5)
        if c0 != 0.0 and abs(c0) * np.exp(2 * (rho0 - row[0])) > 0.9:
            continue
        (u,), (b,) = cartesian(row[None])
        product = b * u
        project_row(row, c0, rho0)
        (u,), (b,) = cartesian(row[None])
        np.testing.assert_allclose(b * u, product, rtol=2e-15, atol=0)
        assert abs(b**2 - u @ u - c0 * np.exp(2 * rho0)) <= 1e-14 * np.exp(2 * row[0])
        assert abs(row[1:] @ row[1:] - 1) <= 1e-15


def test_parallel_samples_share_a_plane() -> None:
    X = np.array([[1.0, 2.0], [3.0, -1.0], [2.0, 4.0], [-3.0, 1.0], [1.0, 2.0]])
    normal, plane, side = merge(X)
    assert len(normal) == 2
    assert list(plane) == [0, 1, 0, 1, 0]
    assert list(side) == [1.0, 1.0, 1.0, -1.0, 1.0]
    np.testing.assert_allclose(side[:, None] * np.linalg.norm(X, axis=1)[:, None] * normal[plane], X, rtol=1e-15)


def test_many_planes_are_told_apart() -> None:
    X = np.random.default_rng(2).standard_normal((300, 3))
    normal, plane, _ = merge(np.concatenate([X, -0.5 * X]))
    assert len(normal) == 300
    np.testing.assert_array_equal(plane[:300], plane[300:])


def test_zero_samples_move_nothing_but_count() -> None:
    net = make_net(np.array([[0.0, 0.0], [1.0, 0.0]]), np.array([3.0, 1.0]), HALF_MSE, 0.0)
    assert len(net.y) == 1
    assert net.weight == 0.5
    assert net.constant == 0.5 * 4.5
