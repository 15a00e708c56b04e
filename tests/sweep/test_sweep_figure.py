"""The picture of a sweep as panels: a line with a band, or a map; what a law predicts."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from flowrepro.errors import UsageError
from flowrepro.figures import canvas
from flowrepro.figures.panels import Band, HeatMap, Line
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.paper import Law
from flowrepro.sweep.driver import Plan
from flowrepro.sweep.figure import LAYOUT, picture, place
from flowrepro.sweep.grid import parse_axis


def plan(*grids: str) -> Plan:
    axes = tuple(parse_axis(TOY, grid) for grid in grids)
    return Plan(TOY, axes, (0, 1), Path())


def lines(swept: Plan, values: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    """A line of the table for each point and seed."""
    keys = [axis.key for axis in swept.axes]
    return [
        {**dict(zip(keys, point.values, strict=True)), "seed": seed, "loss": value}
        for (point, _), seeds in zip(swept.cases(), values, strict=True)
        for seed, value in enumerate(seeds)
    ]


def test_one_key_makes_a_line_with_the_band_of_its_seeds() -> None:
    swept = plan("lr=1e-3,2e-3")
    found = picture(swept, lines(swept, [[1, 2, 3], [4, 5, 9]]), "loss", None)
    (panel,) = found.panels
    band, median = panel.marks
    assert isinstance(band, Band)
    assert isinstance(median, Line)
    np.testing.assert_array_equal(median.x, [1e-3, 2e-3])
    np.testing.assert_array_equal(median.y, [2, 5])
    np.testing.assert_allclose(band.low, [1.1, 4.1])
    np.testing.assert_allclose(band.high, [2.9, 8.6])
    assert (panel.xlabel, panel.ylabel) == ("protocol.lr", "loss")
    assert found.caption == "loss over protocol.lr, by seeds."
    assert band.label == "5 to 95 % of 3 seeds"


def test_wide_ranges_are_logarithmic_also_below_the_smallest_double() -> None:
    swept = plan("scale=1e-2,1e-10000")
    (panel,) = picture(swept, lines(swept, [[1], [1e-9]]), "loss", None).panels
    np.testing.assert_array_equal(panel.marks[0].x, [-2, -10000])
    assert panel.xlabel == "log10 init.scale"
    assert panel.scale == "linear-log"


def test_words_are_places_with_their_name() -> None:
    assert [list(place(["one", "two"])[0]), place(["one", "two"])[1]] == [[0, 1], False]
    swept = plan("dtype=float64,float32")
    (panel,) = picture(swept, lines(swept, [[1], [2]]), "loss", None).panels
    assert panel.xticks.labels == ("float64", "float32")


def test_a_law_is_drawn_with_what_it_predicts() -> None:
    swept = plan("lr=1e-3,2e-3")
    law = Law((TOY,), "protocol.lr", "loss", "here", lambda case: 3 * case.protocol.lr)
    (panel,) = picture(swept, lines(swept, [[1], [2]]), "loss", law).panels
    np.testing.assert_allclose(panel.marks[-1].y, [3e-3, 6e-3])
    assert panel.marks[-1].label == "predicted"


def test_two_keys_make_a_map_of_medians_with_gaps_for_what_is_missing() -> None:
    swept = plan("lr=1e-3,2e-3", "m=5,6")
    values = [[1, 2, 3], [4, 4], [7], [float("nan")]]
    found = picture(swept, lines(swept, values), "loss", None)
    (panel,) = found.panels
    (heat,) = panel.marks
    assert isinstance(heat, HeatMap)
    np.testing.assert_array_equal(heat.value, [[2, 4], [7, np.nan]])
    assert (panel.xlabel, panel.ylabel) == ("init.m", "protocol.lr")
    assert heat.bar == "median of loss"


def test_three_keys_make_none() -> None:
    swept = plan("lr=1e-3,2e-3", "m=5,6", "scale=1,2")
    with pytest.raises(UsageError, match="a sweep of 3 keys has no picture"):
        picture(swept, lines(swept, [[1]] * 8), "loss", None)


@pytest.mark.parametrize("grids", [("lr=1e-3,2e-3",), ("lr=1e-3,2e-3", "m=5,6")])
def test_the_picture_is_drawn(grids: tuple[str, ...]) -> None:
    swept = plan(*grids)
    found = picture(swept, lines(swept, [[1, 2]] * len(swept.grid)), "loss", None)
    assert canvas.render(found, LAYOUT, {}, ["png"])["png"].startswith(b"\x89PNG")
