"""Panels as data: their numbers, the house rules, and what is refused."""

import io
import subprocess
import sys

import numpy as np
import pytest
from drawn_panels import NAMED, X, alone, drawn, numbered, shown, texts
from PIL import Image as Picture

from flowrepro.figures import canvas, style
from flowrepro.figures.animation import render as render_film
from flowrepro.figures.declare import Figure, Film
from flowrepro.figures.numbers import numbers as plain_numbers
from flowrepro.figures.panels import (
    Band,
    Custom,
    HeatMap,
    Line,
    Mark,
    Note,
    Panel,
    Points,
    Span,
    Ticks,
    Vertical,
    numbers,
)

# Numbers ------------------------------------------------------------------------------------------


def test_numbers_are_named_by_panel_mark_and_field():
    curve = Line([0, 1], [2.0, np.nan], label="learned function $h$")
    twin = Panel([Points([1], [5])], ylabel="z")
    panels = [Panel([curve, Vertical(3, label="left at 5210")], twin=twin), Panel([Band(X, 0, X)])]
    found = numbers(panels)
    assert found["0.0-learned-function-h.y"] == [2.0, None]
    assert found["0.1-left-at.x"] == [3]  # a measured number may differ, the name does not
    assert found["0.twin.0-points.y"] == [5]
    assert len(found["1.0-band.low"]) == len(X)


def test_numbers_of_a_picture_are_those_of_its_panels():
    panels = [Panel([Line(X, X)]), Panel([Custom(lambda ax, data: None, {"z": np.arange(3)})])]
    figure = Figure("1", "f", "c", lambda: panels, cases=(), layout=(1, 2, 5, 2))
    assert plain_numbers(figure.collect()) == numbers(panels)
    assert numbers(panels)["1.0-custom.values.z"] == [0, 1, 2]


def test_looks_are_no_numbers_and_long_series_are_thinned():
    found = numbers([Panel([Line(np.arange(1000), np.arange(1000), width=7, size=9)])])
    assert set(found) == {"0.0-line.x", "0.0-line.y"}
    assert len(found["0.0-line.y"]) == 200


def test_panels_are_importable_without_matplotlib():
    script = "import sys, flowrepro.figures.declare; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)


# House rules --------------------------------------------------------------------------------------


def test_spines():
    twin = Panel([Line(X, X)], ylabel="z")
    panels = [[Line(X, X)], [Line(X, X)], [HeatMap(np.eye(3))]]
    made = [Panel(marks, twin=twin if k == 1 else None, **NAMED) for k, marks in enumerate(panels)]
    (plain, double, heat), figure = drawn(*made)
    assert not plain.spines["top"].get_visible()
    assert not plain.spines["right"].get_visible()
    assert heat.spines["top"].get_visible()
    assert heat.spines["right"].get_visible()
    (right,) = set(figure.axes) - {plain, double, heat}
    assert right.spines["right"].get_visible()
    assert right.get_ylabel() == "z"


def test_titles_are_lettered_where_there_are_several():
    titles = [Panel([], title=title, **NAMED) for title in ("one", "", "two")]
    assert [ax.get_title("left") for ax in drawn(*titles)[0]] == ["(a) one", "", "(b) two"]
    assert drawn(Panel([], title="one", **NAMED))[0][0].get_title("left") == "one"


def test_axes_must_be_named():
    with pytest.raises(ValueError, match="panel 'loss' has no ylabel; name the axis"):
        drawn(Panel([], xlabel="x", title="loss"))
    with pytest.raises(ValueError, match="no ylabel of the twin"):
        drawn(Panel([], twin=Panel([]), **NAMED))
    drawn(Panel([], xticks=(), yticks=()), Panel([], frame=False), Panel([], projection="polar"))


def test_repeated_labels_stand_outside_only():
    panels = [Panel([Line(X, X)], **NAMED) for _ in range(4)]
    axes, _ = drawn(*panels, layout=(2, 2, 6, 4))
    assert [shown(ax.yaxis.label) for ax in axes] == ["y", "", "y", ""]
    assert [shown(ax.xaxis.label) for ax in axes] == ["", "", "x", "x"]
    assert all(numbered(ax) for ax in axes)  # their scales may differ


def test_shared_scales_have_one_range_and_numbers_outside_only():
    panels = [Panel([Line(X, k * X)], **NAMED) for k in range(1, 5)]
    axes, _ = drawn(*panels, layout=(2, 2, 6, 4), share="both")
    assert axes[0].get_ylim() == axes[1].get_ylim() != axes[2].get_ylim()
    assert [numbered(ax) for ax in axes] == [True, False, True, False]
    assert [numbered(ax, "x") for ax in axes] == [False, False, True, True]


def test_panels_of_other_quantities_share_nothing():
    panels = [Panel([Line(X, k * X)], xlabel="x", ylabel=name) for k, name in enumerate("abb", 1)]
    axes, _ = drawn(*panels, share="y")
    assert axes[0].get_ylim() != axes[1].get_ylim() == axes[2].get_ylim()
    assert [numbered(ax) for ax in axes] == [True, True, False]


def test_a_shared_scale_may_run_downwards():
    panels = [Panel([Line(X, X)], ylim=(k, 0), **NAMED) for k in (1, 2)]
    axes, _ = drawn(*panels, share="y")
    assert [ax.get_ylim() for ax in axes] == [(2, 0), (2, 0)]


def test_a_plane_without_ticks_is_boxed():
    ax = drawn(Panel([Points(X, X)], xticks=(), yticks=()))[0][0]
    assert all(spine.get_visible() for spine in ax.spines.values())


def test_tags_of_a_twin_are_drawn():
    twin = Panel([Line(X, X, tag="norm"), Vertical(1, tag="T")], ylabel="z")
    axes, figure = drawn(Panel([Line(X, X)], twin=twin, **NAMED))
    (right,) = set(figure.axes) - set(axes)
    assert set(texts(right)) == {"norm", "T"}


def test_twins_are_named_at_the_right_end():
    panel = Panel([Line(X, X)], twin=Panel([Line(X, X)], ylabel="z"), **NAMED)
    axes, figure = drawn(panel, panel, share="y")
    twins = [ax for ax in figure.axes if ax not in axes]
    assert [shown(twin.yaxis.label) for twin in twins] == ["", "z"]


def test_one_legend_below_with_unique_labels():
    first = Panel([Line(X, X, label="flow"), Line(X, X, label="flow")], **NAMED)
    second = Panel([Line(X, X, label="flow"), Points(X, X, label="data")], **NAMED)
    inside = Panel([Line(X, X, label="own")], legend="upper left", **NAMED)
    axes, figure = drawn(first, second, inside)
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["flow", "data"]
    assert [text.get_text() for text in axes[2].get_legend().get_texts()] == ["own"]


def test_a_wide_legend_is_broken():
    marks = [Line(X, X, label=f"a rather long name of a curve, number {k}") for k in range(6)]
    _, figure = drawn(Panel(marks, **NAMED))
    assert figure.legends[0].get_window_extent().width <= figure.bbox.width
    assert figure.legends[0]._ncols == 2


def test_colour_bars_are_complete_and_common():
    heat = HeatMap(np.eye(3), bar="share", low=0, high=2)
    axes, figure = drawn(Panel([heat], **NAMED), Panel([heat], **NAMED))
    (bar,) = [ax for ax in figure.axes if ax not in axes]
    assert list(bar.get_yticks()) == [0, 1, 2]
    assert bar.get_ylabel() == "share"


def test_a_floor_of_rounding_errors_is_marked():
    ax = alone(Line(X, np.exp(-9 * X)), scale="linear-log", floor=1e-12)
    assert any(set(line.get_ydata()) == {1e-12} for line in ax.lines)
    assert "rounding" in texts(ax)


def test_polar_panels_have_a_radial_scale():
    marks = [Points(np.linspace(0, 3, 9), np.linspace(0.1, 0.7, 9))]
    panel = Panel(marks, projection="polar", hole=0.25, ylim=(0, 0.8))
    ax = drawn(panel)[0][0]
    assert "0.5" in texts(ax)
    assert ax.get_rorigin() == pytest.approx(-0.2)


def test_tags_stand_at_their_curves_and_do_not_overlap():
    slopes = {"a": 1.0, "b": 1.01, "c": 2.0}
    marks = [Line(X, k * X, tag=name, colour=style.THEORY) for name, k in slopes.items()]
    ax = alone(*marks)
    found = texts(ax)
    heights = [found[name].get_window_extent().y0 for name in slopes]
    assert np.all(np.diff(heights) > 0.9 * found["a"].get_window_extent().height)
    assert [found[name].xy[1] for name in slopes] == pytest.approx([5.0, 5.05, 10.0])


def test_tags_stand_where_curves_part():
    ax = alone(*(Line(X, k * (5 - X), tag=str(k)) for k in (1, 2)))
    assert [text.xy[0] for text in ax.texts] == pytest.approx([0.1, 0.1])


def test_ticks_by_hand():
    ax = alone(Points([1, 10], [1, 2]), scale="log-linear", xticks=[1, 10], yticks=Ticks([1], ["p"], 45))
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["1", "10"]
    assert not len(ax.xaxis.get_minorticklocs())
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["p"]
    assert len(alone(Line(X, X), xticks=3).get_xticks()) <= 5


# Figures and films --------------------------------------------------------------------------------


def sample():
    yield Panel([Line(X, X, label="one", tag="t")], title="a", **NAMED)
    yield Panel([Points(np.zeros(3000), np.arange(3000))], title="b", **NAMED)


SAMPLE = Figure("1", "sample", lambda: "caption", sample, cases=(), layout=("AB", 5, 2))


def test_a_figure_gives_the_same_bytes_twice_and_keeps_its_caption():
    picture = SAMPLE.collect()
    files = canvas.render(picture, SAMPLE.layout, {"case": "toy"})
    assert files == canvas.render(SAMPLE.collect(), SAMPLE.layout, {"case": "toy"})
    assert Picture.open(io.BytesIO(files["png"])).text["Description"] == "caption"
    assert b"<image" in files["svg"]  # 3000 points are pixels


def test_missing_panels_leave_places_blank_and_too_many_are_refused():
    axes, _ = drawn(Panel([], **NAMED), layout=(1, 2, 4, 2))
    assert [ax.axison for ax in axes] == [True, False]
    with pytest.raises(ValueError, match="3 panels do not fit into 2 places"):
        drawn(*[Panel([], **NAMED)] * 3, layout=("AB", 4, 2))


def test_a_film_keeps_its_axes_in_place():
    def frames(run):
        for k in run:
            yield [Panel([Line([0, 1], [0, 10.0**k])], twin=Panel([], ylabel="z"), **NAMED)]

    film = Film("1", "film", "grows", frames, case="toy", layout=(1, 1, 2, 2))
    movie = Picture.open(io.BytesIO(render_film(film, (0, 1, 2))["gif"]))
    assert movie.n_frames == 3
    assert render_film(film, (0, 1, 2)) == render_film(film, (0, 1, 2))


# What is refused ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Line([1, 2], [1], label="h"), "Line 'h': x has 2, y has 1 entries"),
        (lambda: Line([1], [1], colour="red"), "'red' is no colour of flowrepro.figures.style"),
        (lambda: Span(), "either x=.* or y="),
        (lambda: Note("n", "top"), "place of a note: 'top'; choose among 'upper left'"),
        (lambda: Panel([], scale="log"), "scale='log': join two of linear, log, symlog"),
        (lambda: Panel([], projection="map"), "projection: 'map'; choose among"),
        (lambda: Figure("1", "f", "c", sample, cases=(), layout=(1, 1, 1, 1), share="z"), "share='z'"),
    ],
)
def test_wrong_marks_and_panels_are_refused_with_a_reason(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_an_unknown_mark_is_refused():
    with pytest.raises(TypeError, match="no way is known to draw a Mark"):
        alone(Mark())
