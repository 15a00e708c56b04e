import numpy as np
import pytest

from flowrepro.core.config import Data, Init
from flowrepro.core.initialize import initial_weights
from flowrepro.data import load
from flowrepro.data.nearly_orthogonal import nearly_orthogonal
from flowrepro.errors import UsageError


def test_the_points_of_figures_6_and_7():
    """Numbers of the authors' draw, made with torch in their order."""
    points = load(Data(name="nearly-orthogonal"))
    assert points.X.shape == (75, 150)
    np.testing.assert_allclose(points.y[:3], [0.25591, -0.09953, -0.22730], atol=5e-6)
    assert (np.sum(points.y > 0), np.sum(points.y < 0)) == (36, 39)
    assert np.mean(points.y**2) == pytest.approx(0.0780721, abs=2e-7)
    assert np.sum(points.y[points.y < 0] ** 2) / 75 == pytest.approx(0.0370050, abs=2e-7)
    unit = points.X / np.linalg.norm(points.X, axis=1, keepdims=True)
    assert np.abs(unit @ unit.T - np.eye(75)).max() == pytest.approx(0.317, abs=5e-4)
    D = [np.linalg.norm(points.y[s * points.y > 0] @ points.X[s * points.y > 0]) / 75 for s in (1, -1)]
    np.testing.assert_allclose(D, [0.32623, 0.28344], atol=1e-5)


def test_the_student_is_balanced_and_scaled_by_the_row():
    student = nearly_orthogonal().extra["student"]
    assert np.sum(student[:, -1] > 0) == 108
    W, a = initial_weights(Init(name="student", m=200, scale=1e-20, divide_by="sqrt(m*d)"), 0, 150, student)
    np.testing.assert_allclose(np.abs(a), np.linalg.norm(W * 1e20, axis=1) / 1e20, rtol=1e-12)
    np.testing.assert_allclose(W, student[:, :-1] * 1e-20 / np.sqrt(200 * 150))


def test_the_number_of_neurons_is_that_of_the_student():
    with pytest.raises(UsageError, match=r"init\.m=200"):
        initial_weights(Init(name="student", m=60, scale=1.0), 0, 150, nearly_orthogonal().extra["student"])


@pytest.mark.parametrize(
    "options", [{"n": 0}, {"d": 1.5}, {"teachers": True}, {"students": 10**6}, {"seed": -1}, {"seed": 2**32}]
)
def test_options_out_of_range_are_named(options):
    with pytest.raises(UsageError, match=next(iter(options))):
        nearly_orthogonal(**options)
