"""The KKT certificate at the network of lyu2021 Figure 1 (left), whose multipliers are known, and
away from it.
"""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro import data
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError
from flowrepro.theory import margin_kkt
from flowrepro.theory.margin import Separator, hard_margin, normalised_margin
from flowrepro.theory.margin_kkt import kkt_certificate

MARGINS = {0.0: 0.2071068, 0.1: 0.2377884, 0.5: 0.3561072, 0.9: 0.4713976}


def example(alpha: float) -> tuple[Dataset, np.ndarray, np.ndarray]:
    points = data.load(Data(name="symmetric-example", options={"alpha": alpha}))
    return points, points.extra["W"], points.extra["a"]


@pytest.mark.parametrize("alpha", MARGINS)
def test_the_nonlinear_kkt_network(alpha: float) -> None:
    """A KKT point whose margin is not the largest: residual <= 1e-12, all margins 1, |a_k| =
    ||w_k||.
    """
    points, W, a = example(alpha)
    found = kkt_certificate(points.X, points.y, W, a, alpha)
    assert found.eps <= 1e-12
    assert found.delta <= 1e-12
    assert found.balance <= 1e-12
    assert found.kinks == 4
    np.testing.assert_allclose(np.abs(a), np.linalg.norm(W, axis=1), rtol=1e-14)
    margin = normalised_margin(points.X, points.y, W, a, alpha)
    assert margin == pytest.approx(MARGINS[alpha], abs=1e-6)
    assert margin < (1 + alpha) / 4


@pytest.mark.parametrize("alpha", MARGINS)
def test_the_multipliers_of_the_paper_are_stationary(alpha: float) -> None:
    """theta = sum_i lam_i grad q_i with lyu2021's lam and a suitable slope at the kinks (Appendix
    I.1.1).
    """
    points, W, a = example(alpha)
    lam = points.extra["duals"]
    assert np.all(lam >= 0)
    assert 2 * lam.sum() == pytest.approx(np.vdot(W, W) + a @ a, rel=1e-12)
    columns, owner, _ = margin_kkt._subgradients(points.X, points.y, W, a, alpha)
    theta = np.append(W.ravel(), a)
    active = lam[owner] > 0
    weights = np.linalg.lstsq(
        np.vstack([columns[active].T, owner[active] == np.flatnonzero(lam)[:, None]]),
        np.append(theta, lam[lam > 0]),
        rcond=None,
    )[0]
    np.testing.assert_allclose(weights @ columns[active], theta, atol=1e-12)
    np.testing.assert_allclose(np.bincount(owner[active], weights, minlength=6), lam, atol=1e-12)


def test_without_the_vertices_at_the_kinks_the_residual_is_not_zero(monkeypatch: pytest.MonkeyPatch) -> None:
    """The neurons are turned by rounding, so that those of positive points at a kink are active."""
    points, W, a = example(0.5)
    W = W * [1.0, 1.0 - 1e-13]
    monkeypatch.setattr(margin_kkt, "KINK", -1.0)
    assert kkt_certificate(points.X, points.y, W, a, 0.5).eps == pytest.approx(0.23, abs=0.005)


def test_the_optimum_is_a_kkt_point_of_any_scale() -> None:
    points = data.load(Data(name="symmetric", options={"d": 5, "h": 10, "seed": 2}))
    best = hard_margin(points.X, points.y)
    assert isinstance(best, Separator)
    for scale in (1e-3, 1.0, 1e4):
        found = kkt_certificate(
            points.X, points.y, scale * np.array([best.w, -best.w]), scale * np.array([1.0, -1.0]), 0.5
        )
        assert max(found.eps, found.delta, found.balance) <= 1e-12


def test_a_tampered_network_is_no_kkt_point() -> None:
    points, W, a = example(0.5)
    found = kkt_certificate(points.X, points.y, W + 0.05 * np.array([[0.0, 1.0], [0.0, 0.0], [0.0, 0.0]]), a, 0.5)
    assert found.eps > 1e-2


def test_networks_without_a_margin_or_with_too_many_kinks_are_refused() -> None:
    points, W, a = example(0.5)
    with pytest.raises(UsageError, match="separates the data"):
        kkt_certificate(points.X, points.y, -W, a, 0.5)
    idle = np.zeros((margin_kkt.MOST_KINKS + 1, 2))
    with pytest.raises(UsageError, match="bend at one sample"):
        kkt_certificate(points.X, points.y, np.vstack([W, idle]), np.append(a, np.ones(len(idle))), 0.5)
    assert (
        kkt_certificate(points.X, points.y, np.vstack([W, idle]), np.append(a, np.zeros(len(idle))), 0.5).eps <= 1e-12
    )
