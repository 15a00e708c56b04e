from __future__ import annotations

import numpy as np
import pytest
from min2024_results import png

from flowrepro import data
from flowrepro.core.config import StudyCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Arrows, Line
from flowrepro.papers import registry
from flowrepro.papers.min2024.figures_1_to_3_sketches import topic
from flowrepro.papers.study import silent

FIGURES = {figure.id: figure for figure in topic.figures}


def computed(name: str, **options: object) -> Study:
    case = registry.find_case("toy2d", name)
    case = override(case, {f"options.{key}": value for key, value in options.items()})
    assert case.data is not None
    points = data.load(case.data)
    study = registry.study_of(case)
    assert isinstance(case, StudyCase)
    return Study(case, points, study.compute(case, points, silent))


@pytest.mark.parametrize("figure", FIGURES.values(), ids=FIGURES)
def test_figures_are_drawn(figure: Figure) -> None:
    assert png(figure, computed(figure.cases[0]))


def test_the_force_of_figure_1_is_that_of_the_paper_s_sketch() -> None:
    panel = FIGURES["1"].collect(computed("force")).panels[0]
    neuron, pull, moved = (mark for mark in panel.marks if isinstance(mark, Arrows))
    np.testing.assert_allclose(neuron.end, [[0.0, 1.0]])
    np.testing.assert_allclose(pull.end, [[1.7, 0.3]])
    np.testing.assert_allclose(moved.end, [[1.7, 1.0]])


def test_figure_3_marks_the_hyperplane_of_one_datum() -> None:
    panel = FIGURES["3"].collect(computed("force-at-boundary")).panels[0]
    (line,) = (mark for mark in panel.marks if mark.label.startswith("hyperplane"))
    assert line.x @ [1.2, 1.2] + line.y @ [1.0, 1.0] == pytest.approx(0.0)


def test_the_paths_of_figure_2_end_where_the_cones_begin() -> None:
    panel = FIGURES["2"].collect(computed("plane-paths")).panels[0]
    arcs = [
        np.degrees(np.arctan2(mark.y, mark.x)) % 360
        for mark in panel.marks
        if isinstance(mark, Line) and mark.label.startswith("neuron")
    ]
    inside, to_dead, to_positive = arcs
    assert inside[0] == pytest.approx(151.0)
    assert inside[-1] == pytest.approx(to_dead[0])
    assert to_positive[-1] == pytest.approx(51.34, abs=1.0)


def test_what_cannot_be_drawn_says_why() -> None:
    with pytest.raises(NotDrawable, match="two"):
        FIGURES["2"].collect(computed("plane-paths", start=[151.0]))
    three = computed("cluster-paths", neurons=2)
    with pytest.raises(NotDrawable, match="d = 10"):
        FIGURES["1"].collect(three)
