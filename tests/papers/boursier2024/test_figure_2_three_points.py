"""Figure 2 and its animation: claims, panels, and outputs on the line."""

import dataclasses

import numpy as np
import pytest
from boursier2024_results import UNPUBLISHED, at, copied, on_run, scaled, states, trained, turned, with_points

from flowrepro.core.network import predict
from flowrepro.figures import NotDrawable, animation, canvas
from flowrepro.figures.panels import Points
from flowrepro.papers.boursier2024 import figure_2_three_points as figure_2
from flowrepro.papers.boursier2024.neuron_panels import GRID_POINTS, line_grid, on_line, with_bias

(FIGURE,) = figure_2.topic.figures
TAMPERS = (
    (figure_2.width, states(scaled(1.1), at(5374))),
    (figure_2.frames_agree, states(scaled(1.2), at(11_526))),
    (figure_2.aligned_early, states(turned(90), at(3031))),
    (figure_2.start_to_grow, copied(0, 3031)),
    (figure_2.near_least_squares, states(scaled(1.2), at(6504))),
    (figure_2.ends, states(scaled(1.01))),
    (figure_2.turn, states(turned(5))),
)
ROWS = [on_run(claim, "figure-2", wrong, UNPUBLISHED) for claim, wrong in TAMPERS]


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_claims_hold_fail_and_do_not_apply(row):
    row.check()


def test_every_claim_is_broken():
    assert {row.claim.id for row in ROWS} == {claim.id for claim in figure_2.topic.claims}


def test_outputs_on_a_line_are_those_of_the_network():
    rng = np.random.default_rng(0)
    W, a, x = rng.standard_normal((300, 2)), rng.standard_normal(300), np.linspace(-2, 2, 41)
    W[:4, 0] = 0.0
    assert np.allclose(on_line(W, a, x), predict(with_bias(x), W, a), rtol=0, atol=1e-12)
    assert np.array_equal(on_line(W[:0], a[:0], x), np.zeros(41))


def test_the_grid_is_the_papers_where_it_holds_the_points():
    assert line_grid(np.array([-0.5, 0.9]))[[0, -1]].tolist() == [-1.0, 1.0]
    assert line_grid(np.array([0.0, 10.0]))[[0, -1]].tolist() == [-1.0, 11.0]


@pytest.mark.slow
def test_the_panels_show_what_the_neurons_are():
    run = trained("figure-2", n_steps=7000)
    picture = FIGURE.collect(run)
    titles = [panel.title for panel in picture.panels[::2]]
    assert titles == ["step 0", "step 3669", "step 5374", "step 7000"]  # as many kept steps
    function, neurons = picture.panels[4:6]
    assert function.marks[0].y.shape == (GRID_POINTS,)
    assert function.ylim == pytest.approx((-0.5, 1.5))
    W, a = run.trajectory.at(5374)
    stars = [mark for mark in neurons.marks if isinstance(mark, Points) and mark.marker == "*"]
    shown = np.concatenate([mark.y * np.exp(1j * mark.x) for mark in stars])
    assert np.allclose(np.sort(shown), np.sort((W[:, 0] + 1j * W[:, 1])[a > 0]))
    samples = neurons.marks[-2]
    assert np.degrees(samples.x) == pytest.approx([126.870, 116.565, 82.875], abs=1e-3)
    assert canvas.render(picture, FIGURE.layout, {}, ("png",), share=FIGURE.share)["png"].startswith(b"\x89PNG")
    with pytest.raises(NotDrawable, match="line"):
        FIGURE.collect(with_points(run, [[0.0, 2.0], [1.0, 1.0], [1.0, 3.0]], run.y))


def test_the_animation_has_a_frame_for_each_step_of_the_schedule():
    run = trained("phases", m=500, n_steps=300)
    for film in figure_2.topic.animations:
        frames = list(film.frames(run))
        steps = animation.schedule(run.trajectory.snapshot_step)
        assert [panels[0].title for panels in frames] == [f"step {step}" for step in steps]
        few = dataclasses.replace(film, frames=lambda run, frames=frames: frames[-2:])
        images = animation.draw_film(few, run)
        assert len(images) == 2
        assert images[0].size == images[1].size
