"""Figures 1 to 4, the user's own points and the convergence laws: what they collect, and that they draw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from margin_findings import computed, found, quick, small_table

from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, NotDrawable
from flowrepro.figures.canvas import render
from flowrepro.figures.numbers import numbers
from flowrepro.papers.lyu2021 import convergence, edges, examples_figures, own_points, table_figures
from flowrepro.papers.lyu2021.examples_figures import collect_examples, collect_trained
from flowrepro.papers.lyu2021.experiments import CASES

FIGURES: tuple[Figure, ...] = (
    *examples_figures.FIGURES,
    *edges.FIGURES,
    *table_figures.FIGURES,
    *own_points.FIGURES,
    *convergence.FIGURES,
)
EXAMPLES = ("left", "middle", "right")


def findings_of(figure: Figure) -> list[Study]:
    small = {"table": small_table, "convergence": lambda: quick("convergence")}
    return [small[name]() if name in small else found(name) for name in figure.cases]


def test_ids_and_cases() -> None:
    assert [figure.id for figure in FIGURES] == [
        "1",
        "2",
        "3",
        "4",
        "4-table",
        "separator",
        "convergence",
    ]
    assert {name for figure in FIGURES for name in figure.cases} <= {case.name for case in CASES}


@pytest.mark.parametrize("figure", FIGURES, ids=lambda figure: figure.id)
def test_collected_numbers_draw(figure: Figure) -> None:
    data = figure.collect(*findings_of(figure))
    assert numbers(data)
    image = render(figure, data, {}, ("png",))["png"]
    assert image.startswith(b"\x89PNG")


def test_boundaries_of_figure_1() -> None:
    data = collect_examples(*map(found, EXAMPLES))
    assert [example.hints for example in data] == [0, 0, 3]
    np.testing.assert_allclose(data.left.optimum.line[:, 0], 0.0, atol=1e-9)
    np.testing.assert_allclose(data.middle.kkt.line[:, 0], -0.05, atol=1e-9)
    np.testing.assert_allclose(
        np.degrees(np.arctan2(*data.right.optimum.line[-1, ::-1])), 115.0169, atol=1e-3
    )
    for example in data:
        assert example.kkt.margin < example.optimum.margin
        assert example.kkt.residual <= 1e-12
        assert 0 <= example.optimum.residual <= 1e-7


def test_contours_of_figure_2_are_the_trained_nets() -> None:
    data = collect_trained(*map(found, EXAMPLES))
    for name, panel in zip(EXAMPLES, data, strict=True):
        assert panel.value.shape == (81, 81)
        assert panel.margin == found(name).arrays["net_normalised_margin"][-1]
        inside = np.interp(0.0, panel.line[:, 1], panel.line[:, 0])
        heights = panel.value[40]
        assert np.interp(inside, panel.x, heights) == pytest.approx(0.0, abs=0.02 * np.ptp(heights))


def test_figures_of_the_examples_are_not_of_other_points() -> None:
    others = computed("left", Dataset(np.array([[1.0], [-2.0]]), np.array([1.0, -1.0]), ""), q=10.0)
    others = replace(others, case=replace(others.case, data=Data(name="file")))
    for figure in examples_figures.FIGURES:
        with pytest.raises(NotDrawable, match="figure separator draws your own points"):
            figure.collect(others, found("middle"), found("right"))


def test_the_portrait_of_points_on_a_line() -> None:
    points = Dataset(np.array([[1.0], [2.0], [-3.0]]), np.array([1.0, 1.0, -1.0]), "")
    data = own_points.collect_portrait(computed("separator", points, q=100.0))
    np.testing.assert_allclose(np.abs(data.points[:, 0]), [1.0, 2.0, 3.0])
    np.testing.assert_array_equal(data.points[:, 1], 0.0)
    figure = own_points.FIGURES[0]
    assert render(figure, data, {}, ("svg",))["svg"]


def test_closed_forms_of_figure_3() -> None:
    arrays = found("edges").arrays
    t = arrays["t"]
    assert arrays["ridge"].shape == (7, len(t))
    np.testing.assert_allclose(arrays["ridge"][:, -1], [3, -3, 2, -2, 1, -1, 0])
    np.testing.assert_allclose(arrays["valley"][:, t >= 1], 0.0, atol=1e-12)
    assert arrays["refraction"][0, -1] == pytest.approx(6.0)
