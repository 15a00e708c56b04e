"""How every mark is drawn."""

import numpy as np
import pytest
from drawn_panels import X, alone, drawn, texts

from flowrepro.figures import style
from flowrepro.figures.panels import (
    Arrows,
    Band,
    Bars,
    Contour,
    Custom,
    ErrorBars,
    HeatMap,
    Horizontal,
    Image,
    Line,
    Note,
    Panel,
    Points,
    Region,
    Span,
    Text,
    Vertical,
)


def test_a_line_and_its_looks():
    (line,) = alone(Line(X, X, dash="--", width=2, marker="s", fill="none", colour=style.DATA)).lines
    assert (line.get_linestyle(), line.get_linewidth(), line.get_marker()) == ("--", 2, "s")
    assert (line.get_color(), line.get_markerfacecolor()) == (style.DATA, "none")


def test_a_line_of_many_curves_has_one_label():
    ax = alone(Line(X, np.stack([X, 2 * X, 3 * X], axis=1), label="three"))
    assert len(ax.lines) == 3
    assert ax.get_legend_handles_labels()[1] == ["three"]


def test_points_have_no_line():
    (line,) = alone(Points(X, X, marker="*", edge="white", clip=False)).lines
    assert (line.get_linestyle(), line.get_marker(), line.get_clip_on()) == ("None", "*", False)


def test_a_band_between_a_level_and_a_curve():
    (area,) = alone(Band(X, 0.0, X, opacity=0.5)).collections
    assert area.get_alpha() == 0.5
    assert area.get_paths()[0].vertices[:, 1].min() == 0.0


def test_error_bars():
    (bars,) = alone(ErrorBars([1, 2], [3, 4], yerr=[[0.1, 0.1], [0.5, 0.5]])).containers
    ends = np.array(bars[2][0].get_segments())[:, :, 1]
    np.testing.assert_allclose(ends, [[2.9, 3.5], [3.9, 4.5]])


def test_bars_beside_each_other():
    bars = alone(Bars([0.0, 1.0], [2, 3], width=0.4)).patches
    assert [bar.get_height() for bar in bars] == [2, 3]
    assert bars[0].get_x() == pytest.approx(-0.2)


def test_a_heat_map_by_index_on_a_grid_and_as_contours():
    value = np.arange(6.0).reshape(2, 3)
    (image,) = alone(HeatMap(value)).images
    assert image.origin == "lower"
    (mesh,) = alone(HeatMap(value, x=[0, 1, 3], y=[5.0, 6.0])).collections
    assert mesh.get_array().size == 6
    corners = mesh.get_coordinates()
    np.testing.assert_allclose(corners[0, :, 0], [-0.5, 0.5, 2.0, 4.0])
    assert alone(HeatMap(value, levels=5)).collections


def test_a_contour_is_in_the_legend_even_where_it_is_not_crossed():
    value = np.subtract.outer(X, X)
    crossed = alone(Contour(X, X, value, label="zero"))
    beside = alone(Contour(X, X, value + 100, label="zero"))
    assert len(crossed.collections) == 1
    assert len(beside.collections) == 0
    assert beside.get_legend_handles_labels()[1] == ["zero"]


def test_an_image_has_neither_ticks_nor_frame():
    ax = drawn(Panel([Image(np.eye(4))]))[0][0]
    assert ax.images[0].origin == "upper"
    assert not any(spine.get_visible() for spine in ax.spines.values())
    assert not len(ax.get_xticks())


def test_arrows_from_one_start():
    ax = alone(Arrows([0, 0], [[1, 2], [3, 4]]))
    assert [tuple(arrow.xy) for arrow in ax.texts] == [(1, 2), (3, 4)]
    assert all(arrow.arrow_patch is not None for arrow in ax.texts)


def test_regions_and_spans():
    ax = alone(Region([0, 1, 1], [0, 0, 1]), Span(x=(1, 2)), Span(y=(0, 1)))
    assert len(ax.patches) == 3


def test_reference_lines_with_their_names():
    ax = alone(Line([0, 10], [0, 1]), Vertical([1, 9.5], tag="T"), Horizontal(0.5, tag="level"))
    assert len(ax.lines) == 4
    assert [text.get_ha() for text in ax.texts if text.get_text() == "T"] == ["left", "right"]
    assert "level" in texts(ax)


def test_texts_stand_on_the_side_of_their_offset():
    ax = alone(Text([1, 2], [1, 2], ["a", "b"], offset=(3, 0)), Text(1, 1, "c", offset=(0, -4)))
    found = texts(ax)
    assert (found["a"].get_ha(), found["b"].get_va()) == ("left", "center")
    assert (found["c"].get_ha(), found["c"].get_va()) == ("center", "top")


def test_a_note_stands_in_its_place():
    note = texts(alone(Note("here", "lower left")))["here"]
    assert (note.get_ha(), note.get_va()) == ("left", "bottom")


def test_a_custom_mark_draws_by_itself_also_in_space():
    z = np.add.outer(X, X)

    def surface(ax, data):
        ax.plot_surface(X[None, :], X[:, None], data)

    ax = drawn(Panel([Custom(surface, z)], projection="3d"))[0][0]
    assert len(ax.collections) == 1
