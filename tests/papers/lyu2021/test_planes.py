"""Zeros of networks against closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from margin_results import found

from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT
from flowrepro.papers.lyu2021.shared.planes import crossings, plane, sign_changes, tilt_and_bend, zero_rays


def test_zeros_of_a_polynomial() -> None:
    np.testing.assert_allclose(
        sign_changes(lambda x: (x - 1 / 3) * (x + 2) * (x - np.pi), np.linspace(-5, 5, 101)),
        [-2, 1 / 3, np.pi],
        atol=1e-14,
    )
    assert sign_changes(lambda x: x**2 + 1, np.linspace(-1, 1, 11)).size == 0


@pytest.mark.parametrize("angle", [0.0, 17.0, 80.0, 133.3])
def test_rays_of_a_linear_function(angle: float) -> None:
    w = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    found_rays = zero_rays(np.stack([w, -w]), np.array([1.0, -1.0]), 0.5)
    expected = np.array([angle - 90.0, angle + 90.0])
    np.testing.assert_allclose(np.sort(found_rays % 360.0), np.sort(expected % 360.0), atol=1e-9)


def test_rays_of_the_kkt_network() -> None:
    """Symmetric about the x axis; measured 93.8635 degrees."""
    arrays = found(LEFT).arrays
    np.testing.assert_allclose(zero_rays(arrays["kkt_W"], arrays["kkt_a"], 0.5), [-93.8635, 93.8635], atol=1e-3)


def test_crossings_and_the_tilt_of_a_line() -> None:
    """f(x) = x_1 - 0.5 x_2 + 0.2, by two opposite neurons with a constant feature."""
    w = np.array([1.0, -0.5, 0.2])
    f = plane(np.stack([w, -w]), np.array([1.0, -1.0]), 0.0, np.eye(3)[:2], np.array([0.0, 0.0, 1.0]))
    np.testing.assert_allclose(crossings(f, np.array([0.0, 1.0, -2.0]), 4.0), [-0.2, 0.3, -1.2], atol=1e-12)
    tilt, bend = tilt_and_bend(f, 3.0)
    assert tilt == pytest.approx(np.degrees(np.arctan(0.5)))
    assert bend <= 1e-12


def test_no_crossing_is_no_number() -> None:
    f = plane(np.array([[0.0, 0.0, 1.0]]), np.ones(1), 0.0, np.eye(3)[:2], np.array([0.0, 0.0, 1.0]))
    assert np.isnan(crossings(f, np.array([0.0]), 4.0)).all()
    assert np.isnan(tilt_and_bend(f, 3.0)).all()


def test_a_bent_line_is_not_straight() -> None:
    """x_1 + |x_2|: two positive neurons across."""
    W = np.array([[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    f = plane(W, np.array([1.0, -1.0, 1.0, 1.0]), 0.0, np.eye(2), np.zeros(2))
    tilt, bend = tilt_and_bend(f, 3.0)
    assert tilt == pytest.approx(0.0, abs=1e-9)
    assert bend > 1.0
