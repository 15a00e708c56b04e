"""Panels drawn by one hand. The house rules live here and nowhere else.

1. A panel has no top and right spine, but for the right one of a twin. Heat maps and planes without
   ticks are boxed.
2. Titles stand left, and are lettered (a), (b), ... where a figure has several.
3. Axes with ticks are named. A name repeated along a row or column stands at the outer panel only.
4. Labels are unique: in one legend below the figure, or in the panel that has a place for it.
5. A colour bar shows its ends. A polar panel shows a radius, where its marks leave room for it.
6. Below a floor of rounding errors values mean nothing; a thin line says where it lies.
7. Ticks placed by hand have no smaller ones between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby, pairwise
from typing import Any

import numpy as np

from flowrepro.figures import style
from flowrepro.figures.declare import Layout
from flowrepro.figures.draw_marks import SMALL, put, shades, value_range
from flowrepro.figures.panels import HeatMap, Horizontal, Image, Line, Panel, Text, Ticks, Vertical


@dataclass(frozen=True)
class Drawn:
    """A panel, its axes, and those of its twin."""

    panel: Panel
    ax: Any
    twin: Any = None

    def axis(self, side: str) -> Any:
        """The x or the y axis."""
        return self.ax.xaxis if side == "x" else self.ax.yaxis

    def named(self, side: str) -> tuple[str, str]:
        """What the axis measures, and where it stands."""
        return self.axis(side).get_label_text(), self.panel.yside if side == "y" else ""

    @property
    def plain(self) -> bool:
        """Whether the axes are right-angled and shown."""
        return self.panel.frame and not self.panel.projection and not self.panel.has(Image)


def draw(canvas: Any, panels: Sequence[Panel], layout: Layout, share: str = "") -> list[Any]:
    """Draw panels into an empty figure of matplotlib.

    Returns
    -------
    Its axes in the order of the panels, without those of twins and colour bars.
    """
    axes = _axes(canvas, layout, panels)
    titles = _lettered([panel.title for panel in panels])
    drawn = [
        _draw_panel(ax, panel, title)
        for ax, panel, title in zip(axes, panels, titles, strict=False)
    ]
    for ax in axes[len(panels) :]:
        ax.set_axis_off()
    _share(drawn, share)
    every = [*drawn, *(Drawn(each.panel.twin, each.twin) for each in drawn if each.panel.twin)]
    for each in every:
        _name_smaller_ticks(each.ax)
        _name_lines(each)
    _colour_bars(canvas, drawn)
    _legend_below(canvas, [each for each in drawn if not each.panel.legend])
    _tag_curves(canvas, every)
    return axes


def _axes(canvas: Any, layout: Layout, panels: Sequence[Panel]) -> list[Any]:
    kinds = [panel.projection or None for panel in panels]
    if isinstance(layout[0], str):
        letters = sorted(set(layout[0]) - set(";.\n"))
        known: dict[Any, Any] = {
            letter: {"projection": kind} for letter, kind in zip(letters, kinds, strict=False)
        }
        places = len(letters)
        axes = (
            canvas.subplot_mosaic(layout[0], per_subplot_kw=known) if len(panels) <= places else {}
        )
        found = [axes[letter] for letter in letters if letter in axes]
    else:
        rows, columns = layout[0], int(layout[1])
        places = rows * columns
        kinds += [None] * (places - len(kinds))
        found = [
            canvas.add_subplot(rows, columns, k + 1, projection=kinds[k]) for k in range(places)
        ]
    if len(panels) > places:
        raise ValueError(
            f"{len(panels)} panels do not fit into {places} places; enlarge the layout {layout}"
        )
    return found


def _lettered(titles: Sequence[str]) -> list[str]:
    several, letters = sum(map(bool, titles)) > 1, iter("abcdefghijklmnopqrstuvwxyz")
    return [f"({next(letters)}) {title}" if title and several else title for title in titles]


def _draw_panel(ax: Any, panel: Panel, title: str) -> Drawn:
    """The marks and everything that needs no other panel."""
    if missing := panel.missing_labels():
        named = " and no ".join(missing)
        raise ValueError(f"panel '{title}' has no {named}; name the axis, or give it no ticks")
    if panel.projection != "3d":
        _scale(ax, panel)
    for mark in panel.marks:
        put(mark, ax)
    if panel.floor is not None:
        put(Horizontal([panel.floor], width=0.6), ax)
    _dress(ax, panel)
    ax.set_title(title, pad=16 if panel.projection and panel.has(Text) else None)
    if panel.projection == "polar":
        _dress_polar(ax, panel)
    drawn = Drawn(panel, ax, None if panel.twin is None else _draw_twin(ax, panel, panel.twin))
    if panel.legend:
        entries = _entries([drawn])
        ax.legend(
            list(entries.values()),
            list(entries),
            loc=panel.legend.replace("center center", "center"),
        )
    if panel.has(Image) or not panel.frame:
        ax.set(xticks=[], yticks=[])
        ax.spines[:].set_visible(False)
        ax.patch.set_visible(False)
    return drawn


def _scale(ax: Any, panel: Panel) -> None:
    for axis, name in zip("xy", panel.scale.split("-"), strict=True):
        if name != "linear":
            known = {"linthresh": 1.0} if name == "symlog" else {}
            getattr(ax, f"set_{axis}scale")(name, **known)


def _name_smaller_ticks(ax: Any) -> None:
    """Numbers at the smaller ticks of a logarithmic axis that shows no two powers of ten."""
    from matplotlib.ticker import LogFormatterSciNotation

    for axis in (ax.xaxis, ax.yaxis):
        if axis.get_scale() == "log":
            low, high = np.sort(np.log10(axis.get_view_interval()))
            most = 2.0 if np.floor(high) <= np.ceil(low) else 0.0
            sparse = LogFormatterSciNotation(minor_thresholds=(most, 0.3))
            axis.set_minor_formatter(sparse)


def _dress(ax: Any, panel: Panel) -> None:
    """Limits, ticks, labels and spines."""
    if panel.aspect:
        ax.set_aspect(panel.aspect)
        ax.set_anchor("N")
    for axis, limits, ticks in (("x", panel.xlim, panel.xticks), ("y", panel.ylim, panel.yticks)):
        if limits is not None:
            getattr(ax, f"set_{axis}lim")(*limits)
        _set_ticks(getattr(ax, f"{axis}axis"), ticks)
    for name in ("xlabel", "ylabel"):
        if label := getattr(panel, name):
            ax.set(**{name: label})
    if panel.grid and panel.projection != "polar":
        ax.grid(alpha=0.3)
    if panel.projection:
        return
    ax.spines["top"].set_visible(panel.boxed)
    ax.spines["right"].set_visible(panel.boxed or panel.yside == "right")
    if panel.yside == "right":
        ax.yaxis.tick_right()
        ax.yaxis.set_label_position("right")
        ax.spines["left"].set_visible(panel.boxed)
    if panel.ycolour is not None:
        ax.tick_params(axis="y", colors=panel.ycolour)
        ax.yaxis.label.set_color(panel.ycolour)
        ax.spines[panel.yside].set_color(panel.ycolour)


def _set_ticks(axis: Any, ticks: Any) -> None:
    if ticks is None:
        return
    if isinstance(ticks, int):
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(ticks, steps=[1, 2, 2.5, 5, 10]))
        return
    known = ticks if isinstance(ticks, Ticks) else Ticks(ticks)
    labels = None
    if known.labels is not None:
        labels = list(known.labels)
    elif axis.get_scale() != "linear":
        powers = np.log10(np.asarray(known.at, dtype=float))
        exact = bool(np.all(powers == powers.round())) and bool(np.any(np.abs(powers) > 3))
        labels = [f"$10^{{{p:g}}}$" if exact else f"{10.0**p:.4g}" for p in powers]
    axis.set_ticks(np.asarray(known.at), labels)
    axis.set_ticks([], minor=True)
    if known.rotation:
        axis.set_tick_params(labelrotation=known.rotation)


def _draw_twin(ax: Any, panel: Panel, twin: Panel) -> Any:
    """The second panel below the marks of the first one, its y axis on the right."""
    right = ax.twinx()
    right.set_yscale(twin.scale.split("-")[1])
    for mark in twin.marks:
        put(mark, right)
    _dress(right, replace(twin, yside="right", xlabel="", xlim=panel.xlim, xticks=panel.xticks))
    ax.set_zorder(1)
    ax.patch.set_visible(False)
    return right


def _dress_polar(ax: Any, panel: Panel) -> None:
    """Circles with their radius, written where the marks leave most room; one circle of a round
    radius if none is given."""
    low, top = ax.get_ylim()
    if panel.hole:
        low = 0.0
        ax.set_rorigin(-panel.hole * top)
    if panel.yticks is None:
        power = 10.0 ** np.floor(np.log10(top))
        ax.set_yticks([max(step * power for step in (1, 2, 5) if step * power <= top)])
    ax.set_ylim(low, top)
    ax.set_yticklabels([])
    angles = [np.ravel(mark.x) for mark in panel.marks if isinstance(mark, Line)]
    taken = np.concatenate([*angles, np.linspace(0, 2 * np.pi, 8, endpoint=False)])
    places = np.linspace(0, 2 * np.pi, 72, endpoint=False)
    away = np.angle(np.exp(1j * (places[:, None] - taken[np.isfinite(taken)])))
    place = places[np.argmax(np.abs(away).min(axis=1).round(6))]
    box = {"boxstyle": "square,pad=0.1", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    for radius in ax.get_yticks():
        look = {"ha": "center", "va": "center", "fontsize": 6, "color": style.FRAME, "zorder": 10}
        ax.text(place, radius, f"{radius:g}", bbox=box, **look)
    ax.grid(alpha=0.3)
    ax.tick_params(axis="x", pad=-2)


def _groups(drawn: Sequence[Drawn], side: str) -> Iterator[list[Drawn]]:
    """Neighbours in a column ("x", from the bottom) or in a row ("y", from the left) with one
    label."""
    spans: dict[tuple[int, int], list[tuple[int, int]]] = {}
    for k, each in enumerate(drawn):
        if each.plain:
            place = each.ax.get_subplotspec()
            rows, columns = place.rowspan, place.colspan
            along, outer = (columns, -rows.start) if side == "x" else (rows, columns.start)
            spans.setdefault((along.start, along.stop), []).append((outer, k))
    for found in spans.values():
        ordered = [drawn[k] for _, k in sorted(found)]
        for _, alike in groupby(ordered, lambda each: each.named(side)):
            yield list(alike)


def _share(drawn: Sequence[Drawn], share: str) -> None:
    """Rule 3, and common limits where the figure says so."""
    for side in "xy":
        shared = share in (side, "both")
        for group in _groups(drawn, side):
            if shared:
                ends = np.array([getattr(each.ax, f"get_{side}lim")() for each in group])
                low, high = ends.min(), ends.max()
                for each in group:  # in the direction of the outer one
                    limits = (low, high) if ends[0, 0] <= ends[0, 1] else (high, low)
                    getattr(each.ax, f"set_{side}lim")(*limits)
            for each in group[1:]:
                each.axis(side).label.set_visible(False)
                if shared:
                    off = dict.fromkeys(("labelleft", "labelright", "labelbottom"), False)
                    each.axis(side).set_tick_params(**off)
            for each, right in pairwise(group) if side == "y" else ():
                if (
                    each.twin is not None and right.twin is not None
                ):  # their outer side is the right
                    each.twin.yaxis.label.set_visible(False)
                    each.twin.tick_params(labelright=not shared)


def _entries(drawn: Sequence[Drawn]) -> dict[str, Any]:
    """Label -> the first artist that has it; those of a twin after those of its panel."""
    found: dict[str, Any] = {}
    for ax in (ax for each in drawn for ax in (each.ax, each.twin) if ax is not None):
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    return found


def _legend_below(canvas: Any, drawn: Sequence[Drawn]) -> None:
    """One legend under the figure, in as many columns as its width allows."""
    entries = _entries(drawn)
    if not entries:
        return
    room = canvas.bbox.width - 8
    for rows in range(1, len(entries) + 1):
        columns = -(-len(entries) // rows)
        look = {
            "loc": "outside lower center",
            "ncols": columns,
            "columnspacing": 1.4,
            "handletextpad": 0.5,
        }
        legend = canvas.legend(list(entries.values()), list(entries), **look)
        if columns == 1 or legend.get_window_extent().width <= room:
            return
        legend.remove()


def _colour_bars(canvas: Any, drawn: Sequence[Drawn]) -> None:
    """One bar for all heat maps that name it alike, as long as their panels."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import Normalize

    named: dict[str, list[tuple[Any, HeatMap]]] = {}
    for each in drawn:
        for mark in each.panel.marks:
            if isinstance(mark, HeatMap) and mark.bar:
                named.setdefault(mark.bar, []).append((each.ax, mark))
    for name, found in named.items():
        mark = found[0][1]
        low, high = value_range(mark)
        ticks = [low, (low + high) / 2, high] if mark.bar_ticks is None else list(mark.bar_ticks)
        colours = ScalarMappable(Normalize(low, high), shades(mark))
        axes = [ax for ax, _ in found]
        look = {"label": name, "ticks": ticks}
        if len(axes) == 1 and axes[0].get_aspect() != "auto":  # it would stand far from the cells
            below = mark.bar_side == "bottom"
            inset = axes[0].inset_axes((0, -0.1, 1, 0.05) if below else (1.04, 0, 0.05, 1))
            look["orientation"] = "horizontal" if below else "vertical"
            canvas.colorbar(colours, cax=inset, **look)
        else:
            canvas.colorbar(colours, ax=axes, location=mark.bar_side, **look)


def _name_lines(drawn: Drawn) -> None:
    """Tags of vertical and horizontal lines, on the side where there is room."""
    ax, panel = drawn.ax, drawn.panel
    floor = [] if panel.floor is None else [Horizontal([panel.floor], tag="rounding")]
    for mark in (*panel.marks, *floor):
        if not isinstance(mark, Vertical | Horizontal) or not mark.tag:
            continue
        look = {"textcoords": "offset points", "fontsize": SMALL, "color": mark.colour}
        if isinstance(mark, Horizontal):
            look |= {"xycoords": ax.get_yaxis_transform(), "ha": "right", "va": "bottom"}
            for y in np.ravel(mark.y):
                ax.annotate(mark.tag, (1.0, y), (-2, 2), **look)
            continue
        look |= {"xycoords": ax.get_xaxis_transform(), "va": "center"}
        for x in np.ravel(mark.x):
            late = ax.transAxes.inverted().transform(ax.transData.transform((x, 1.0)))[0] > 0.7
            side, shift = ("right", -3) if late else ("left", 3)
            ax.annotate(mark.tag, (x, mark.at), (shift, 0), ha=side, **look)


def _tag_curves(canvas: Any, drawn: Sequence[Drawn]) -> None:
    """Names of curves at the end where these are further apart, moved up where two overlap."""
    tagged = [
        (each.ax, [mark for mark in each.panel.marks if isinstance(mark, Line) and mark.tag])
        for each in drawn
    ]
    if not any(marks for _, marks in tagged):
        return
    canvas.draw_without_rendering()  # places are known in pixels from here on
    for ax, marks in tagged:
        ends = [found for mark in marks if (found := _ends(ax, mark)) is not None]
        if not ends:
            continue
        heights = ax.transData.transform([end for _, *pair in ends for end in pair])[:, 1]
        heights = heights.reshape(-1, 2) * 72 / canvas.dpi
        gaps = np.diff(np.sort(heights, axis=0), axis=0)
        side = int(gaps.min(axis=0).argmax()) if len(ends) > 1 else 0
        free = -np.inf
        for k in np.argsort(heights[:, side], kind="stable"):
            mark, *pair = ends[k]
            place = max(float(heights[k, side]), free)
            free = place + 1.15 * SMALL
            x, y = pair[side]
            put(Text(x, y, mark.tag, colour=mark.colour, offset=((3, -3)[side], 0.0)), ax)
            ax.texts[-1].set_position(((3, -3)[side], place - heights[k, side]))


def _ends(ax: Any, mark: Line) -> tuple[Line, tuple[float, float], tuple[float, float]] | None:
    """The rightmost and the leftmost visible points of a curve; None where it has no visible
    one."""
    x, y = np.ravel(mark.x).astype(float), np.ravel(mark.y).astype(float)
    (left, right), (low, high) = np.sort(ax.get_xlim()), np.sort(ax.get_ylim())
    seen = np.flatnonzero((x >= left) & (x <= right) & (y >= low) & (y <= high))
    if not len(seen):
        return None
    last, first = seen[np.argmax(x[seen])], seen[np.argmin(x[seen])]
    return mark, (float(x[last]), float(y[last])), (float(x[first]), float(y[first]))
