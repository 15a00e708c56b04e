"""Figure 1 and the figures beyond the paper, from small studies."""

import dataclasses
import itertools

import numpy as np
import pytest

from flowrepro.figures import NotDrawable, canvas, style
from flowrepro.figures.numbers import numbers
from flowrepro.papers.boursier2022 import law_figures, timeline_figure
from flowrepro.papers.boursier2022.phase_lemmas import LEMMAS

FIGURES = (timeline_figure.FIGURE, *law_figures.FIGURES)


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_numbers_are_plain_and_nothing_is_cut_off_or_overlaps(figure, findings):
    *_, width, height = figure.layout
    collected = figure.collect(*(findings[name] for name in figure.cases))
    assert numbers(collected)
    with style.paper_style():
        drawn = canvas._drawn(figure, collected)
        box = drawn.get_tightbbox()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
        titles = [
            title
            for ax in drawn.axes
            for title in (ax._left_title, ax.xaxis.label, ax.yaxis.label)
            if title.get_text()
        ]
        boxes = [title.get_window_extent() for title in titles]
        assert not any(left.overlaps(right) for left, right in itertools.combinations(boxes, 2))


def test_the_timeline_is_in_units_of_the_logarithm_of_the_scale(findings):
    """Two points: ||D+|| = sqrt(5)/2, r = 2, eps = 1/8, so the ticks are (1/4, 11/8, 7/4 ... ) / sqrt(5/4)."""
    line = timeline_figure.collect_timeline(findings["log-scale"])
    rate = np.sqrt(5) / 2
    assert line.p == 100
    assert line.eps == pytest.approx(0.125)
    np.testing.assert_allclose(line.ticks, np.array([0.25, 1.375, 1.75, 3.5]) / rate, rtol=1e-12)
    assert (
        line.half[0]
        < line.t2
        < line.ticks[1]
        < line.ticks[2]
        < line.half[1]
        < line.t3
        < line.ticks[3]
    )
    inside = (line.t >= line.ticks[1]) & (line.t <= line.ticks[2])
    assert inside.any()
    assert np.all(line.distance[inside] <= line.bound)


def test_without_a_tiny_scale_there_is_no_timeline(findings):
    few = {name: array[:3] for name, array in findings["log-scale"].arrays.items()}
    with pytest.raises(NotDrawable, match="smaller"):
        timeline_figure.collect_timeline(dataclasses.replace(findings["log-scale"], arrays=few))


def test_the_map_knows_from_where_on_the_lemmas_say_something(findings):
    two, four = law_figures.collect_validity(
        findings["log-scale"], findings["log-scale-four-points"]
    )
    names = [lemma.id for lemma in LEMMAS]
    np.testing.assert_array_equal(two.p[two.applies[names.index("lemma-3")]], [27, 100, 300])
    np.testing.assert_array_equal(two.p[two.applies[names.index("lemma-4")]], [100, 300])
    np.testing.assert_array_equal(four.p[four.applies[names.index("lemma-4")]], [1500])
    assert two.share.shape == (len(LEMMAS), 7)
    assert np.all(two.share[:, -1] == 1.0)


def test_escape_times_need_negligible_stragglers(findings):
    two, four = law_figures.collect_escape(findings["log-scale"], findings["log-scale-four-points"])
    np.testing.assert_array_equal(four.p, [20, 40, 55, 1500])
    assert len(two.p) == 7
    few = {name: array[:1] for name, array in findings["log-scale-four-points"].arrays.items()}
    with pytest.raises(NotDrawable):
        law_figures.collect_escape(
            findings["log-scale"],
            dataclasses.replace(findings["log-scale-four-points"], arrays=few),
        )
