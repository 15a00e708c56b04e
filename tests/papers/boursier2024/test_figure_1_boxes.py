"""Figure 1: two neurons, least squares, and what is refused."""

import numpy as np
import pytest
from boursier2024_results import UNPUBLISHED, losses, on_run, trained, with_points

from flowrepro.core.network import predict
from flowrepro.figures import NotDrawable, canvas
from flowrepro.papers.boursier2024 import figure_1_boxes as figure_1
from flowrepro.papers.boursier2024.neuron_panels import with_bias
from flowrepro.papers.boursier2024.neurons import least_mse, least_squares, residuals

(FIGURE,) = figure_1.topic.figures


def test_training_ends_at_least_squares():
    wrong = losses(lambda loss, run: 1.001 * loss)
    on_run(figure_1.ends_at_least_squares, "figure-1", wrong, UNPUBLISHED).check()


def test_two_neurons_fit_where_labels_fall_and_rise():
    x, y = np.array([0.9, -0.9, 0.05]), np.array([1.05, 1.1, 0.1])
    W, a = figure_1.two_neurons(x, y)
    assert np.all(a > 0)
    assert np.allclose(predict(with_bias(x), W, a), y, rtol=0, atol=1e-14)
    assert figure_1.two_neurons(np.array([-1.0, 0.0, 1.0]), np.array([1.0, 2.0, 3.0])) is None
    assert figure_1.two_neurons(np.array([-1.0, 0.0, 0.01]), np.array([1.0, 0.9, 1.0])) is None


def test_least_squares_of_figure_2():
    """Exact by hand: beta* = (-4/65, 251/390), residual (16/39, -112/195, 32/195)."""
    X, y = with_bias(np.array([-0.75, -0.5, 0.125])), np.array([1.1, 0.1, 0.8])
    assert np.allclose(least_squares(X, y), [-4 / 65, 251 / 390], rtol=0, atol=1e-14)
    assert np.allclose(residuals(X, y), [16 / 39, -112 / 195, 32 / 195], rtol=0, atol=1e-14)
    assert least_mse(X, y) == pytest.approx(0.17504273504, abs=1e-11)


def test_the_figure_shows_boxes_and_three_functions():
    run = trained("figure-1", m=500, n_steps=2000)
    picture = FIGURE.collect(run)
    *boxes, pair, _, fitted, data = picture.panels[0].marks
    assert boxes[1].x.tolist() == pytest.approx([-1 / 6, 1 / 6, 1 / 6, -1 / 6])
    assert boxes[1].y.tolist() == pytest.approx([0.0, 0.0, 1 / 6, 1 / 6])
    for x, y, box in zip(np.sort(data.x), data.y[np.argsort(data.x)], boxes, strict=True):
        assert box.x.min() <= x <= box.x.max()
        assert box.y.min() <= y <= box.y.max()
    assert np.allclose(np.interp(data.x, pair.x, pair.y), data.y, atol=1e-2)
    assert np.allclose(fitted.y, with_bias(fitted.x) @ least_squares(run.X, data.y))
    assert canvas.render(picture, FIGURE.layout, {}, ("png",), share=FIGURE.share)["png"].startswith(b"\x89PNG")


def test_the_figure_needs_three_points_that_two_neurons_fit():
    run = trained("figure-1", m=500, n_steps=2000)
    with pytest.raises(NotDrawable, match="three points"):
        FIGURE.collect(with_points(run, with_bias(np.arange(4.0)), np.ones(4)))
    with pytest.raises(NotDrawable, match="fall, then rise"):
        FIGURE.collect(with_points(run, run.X, [1.0, 2.0, 3.0]))
    with pytest.raises(NotDrawable, match="line"):
        FIGURE.collect(with_points(run, [[0.0, 2.0], [1.0, 1.0], [1.0, 3.0]], run.y))
