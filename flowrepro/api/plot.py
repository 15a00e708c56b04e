"""Pictures of a run, as figures of matplotlib: ``fr.plot.overview(run).savefig("run.png")``."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from flowrepro.api.geometry import cones
from flowrepro.api.run import Run
from flowrepro.errors import DataError
from flowrepro.figures import style
from flowrepro.figures.panels import HeatMap, Line, Panel, Points
from flowrepro.theory.arrangement import cover_bound

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NEURONS = 200
"""Neurons that are drawn, those of the largest norm at the end."""
CHANGES = ("cross-", "cross+", "slide", "leave-", "leave+")
"""Kinds of events by which a neuron starts or ceases to be active on a sample."""
MOST_EVENTS = 2000
"""Events up to which each is marked."""
MOST_CONES = 500
"""Open cones up to which the extremal vectors are looked for (chosen: about a second)."""
TIME = "flow time"
OVERVIEW = (2, 2, style.PAGE, 4.6)
"""Rows, columns, width and height of `overview`."""


def overview(run: Run) -> Figure:
    """A run in four panels: loss, norms, directions, activation patterns.

    The loss over the logarithm of time; ln ||w_j|| over ln 10, which no scale makes underflow; the
    cosine of each neuron with the nearest extremal vector of the data (with its own last direction
    where there are too many cones); the share of samples on which each neuron is active, with the
    activation events that were located.

    Parameters
    ----------
    run : Run

    Returns
    -------
    matplotlib.figure.Figure
        Save it with ``savefig``; colours say the sign of a_j at the end, grey that a neuron is
        active on no sample.

    Examples
    --------
    >>> import io, numpy as np, flowrepro as fr
    >>> W, a = fr.init.balanced(m=6, d=2, scale=1e-3, seed=0)
    >>> run = fr.descend(np.eye(2), [1.0, -0.5], W, a, lr=0.05, steps=400, engine="torch")
    >>> figure = fr.plot.overview(run)
    >>> [axes.get_title(loc="left") for axes in figure.axes][:2]
    ['(a) Loss', '(b) Norms']
    """
    return _figure(overview_panels(run), OVERVIEW)


def overview_panels(run: Run) -> tuple[Panel, ...]:
    """The panels of `overview`."""
    shown = _shown(run)
    return _loss(run), _norms(run, shown), _cosines(run, shown), _raster(run, shown)


def directions(run: Run) -> Figure:
    """The paths of the neurons' directions w_j / ||w_j||, in the plane that holds most of them.

    In d = 2 it is the plane itself; else that of the two principal axes of the last directions,
    weighted by their norms. Markers are the last directions, crosses the extremal vectors of the
    data where there are few cones.

    Parameters
    ----------
    run : Run

    Returns
    -------
    matplotlib.figure.Figure

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> W, a = fr.init.balanced(m=6, d=3, scale=1e-3, seed=0)
    >>> run = fr.descend(np.eye(3), [1, -1, 1], W, a, lr=0.1, steps=100, engine="torch")
    >>> len(fr.plot.directions(run).axes)
    1
    """
    shown = _shown(run)
    paths = np.nan_to_num(run.directions[:, shown])
    axes = _plane(run, paths[-1], shown)
    marks: list[Any] = []
    for colour, label, group in _groups(run, shown):
        if not group.any():
            continue
        x, y = np.moveaxis(paths[:, group] @ axes.T, -1, 0)
        marks += [
            Line(x, y, colour=colour, width=0.7, opacity=0.6),
            Points(x[-1], y[-1], colour=colour, label=label),
        ]
    extremal = _extremal(run)
    if extremal is not None:
        x, y = (extremal @ axes.T).T
        marks.append(Points(x, y, colour=style.THEORY, marker="x", label="extremal vectors"))
    angle = np.linspace(0, 2 * np.pi, 200)
    marks.append(Line(np.cos(angle), np.sin(angle), colour=style.FRAME, width=0.6))
    names = (
        ("first coordinate", "second coordinate")
        if run.X.shape[1] == 2
        else ("first principal axis", "second principal axis")
    )
    panel = Panel(
        marks, xlabel=names[0], ylabel=names[1], aspect="equal", title="Directions of the neurons"
    )
    return _figure((panel,), (1, 1, style.COLUMN, 3.9))


def _figure(panels: Iterable[Panel], layout: tuple[int, int, float, float]) -> Figure:
    from flowrepro.figures.canvas import drawn

    return drawn(tuple(panels), layout)


def _shown(run: Run) -> np.ndarray:
    """Indices of the neurons that are drawn: by the sign of a_j and by norm at the end."""
    size = np.nan_to_num(run.log_norms[-1], neginf=-1e300)
    largest = np.argsort(-size, kind="stable")[:MOST_NEURONS]
    return largest[np.argsort(-np.sign(run.log_weights()[-1, largest, -1]), kind="stable")]


def _groups(run: Run, shown: np.ndarray) -> list[tuple[str, str, np.ndarray]]:
    """Colour, name and members (K,) bool: neurons of either sign, and those that are never
    active.
    """
    positive = run.log_weights()[-1, shown, -1] > 0
    dead = (run.case.model.alpha == 0) & np.all(run.patterns[-1, shown] <= 0, axis=1)
    return [
        (style.POSITIVE, "$a_j > 0$", positive & ~dead),
        (style.NEGATIVE, "$a_j < 0$", ~positive & ~dead),
        (style.DEAD, "active on no sample", dead),
    ]


def _lines(run: Run, shown: np.ndarray, values: np.ndarray) -> list[Line]:
    """Curves of values (S, K) over time in the colours of the groups."""
    t = run.weights_t
    return [
        Line(
            np.broadcast_to(t[:, None], values[:, group].shape),
            values[:, group],
            colour=colour,
            label=label,
            width=0.8,
        )
        for colour, label, group in _groups(run, shown)
        if group.any()
    ]


def _loss(run: Run) -> Panel:
    later = run.t > 0
    loss = np.where(run.loss > 0, run.loss, np.nan)[later]
    scale = "log-log" if np.isfinite(loss).any() else "log-linear"
    return Panel([Line(run.t[later], loss)], title="Loss", xlabel=TIME, ylabel="loss", scale=scale)


def _norms(run: Run, shown: np.ndarray) -> Panel:
    values = np.where(np.isfinite(run.log_norms), run.log_norms, np.nan)[:, shown] / np.log(10.0)
    return Panel(
        _lines(run, shown, values),
        title="Norms",
        xlabel=TIME,
        ylabel=r"$\log_{10} \Vert w_j \Vert$",
    )


def _cosines(run: Run, shown: np.ndarray) -> Panel:
    paths, extremal = run.directions[:, shown], _extremal(run)
    if extremal is None:
        cosines, name = np.sum(paths * paths[-1], axis=-1), "cosine with the last direction"
    else:
        cosines, name = np.max(paths @ extremal.T, axis=-1), "cosine with an extremal vector"
    return Panel(
        _lines(run, shown, cosines), title="Directions", xlabel=TIME, ylabel=name, ylim=(None, 1.02)
    )


def _extremal(run: Run) -> np.ndarray | None:
    """The extremal directions (e, d); None where there are many cones, or none is found."""
    n, d = run.X.shape
    if cover_bound(n, min(n, d)) > MOST_CONES:
        return None
    try:
        found = cones(run.X, run.y, run.case.model.alpha, loss=run.case.loss.name).directions
    except DataError:
        return None
    return found if len(found) else None


def _raster(run: Run, shown: np.ndarray) -> Panel:
    active = (run.patterns[:, shown] > 0).mean(axis=-1).T
    row = np.full(run.patterns.shape[1], -1)
    row[shown] = np.arange(len(shown))
    marks: list[Any] = [
        HeatMap(
            active,
            x=run.weights_t,
            y=np.arange(len(shown)),
            low=0.0,
            high=1.0,
            bar="share of active samples",
        )
    ]
    events = [event for event in run.events if row[event.neuron] >= 0 and event.kind in CHANGES]
    if 0 < len(events) <= MOST_EVENTS:
        places = ([event.t for event in events], [row[event.neuron] for event in events])
        marks.append(Points(*places, colour=style.DATA, size=1.5, label="activation events"))
    changes = np.flatnonzero(np.diff(np.sign(run.log_weights()[-1, shown, -1])))
    if changes.size:
        marks.append(
            Line(
                [0.0, run.weights_t[-1]],
                np.full(2, changes[0] + 0.5),
                colour=style.FRAME,
                width=0.6,
            )
        )
    return Panel(
        marks,
        title="Activation patterns",
        xlabel=TIME,
        ylabel="neuron",
        xlim=(0.0, float(run.weights_t[-1])),
    )


def _plane(run: Run, last: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """Two orthonormal axes (2, d).

    Those of the coordinates in d = 2, and one of them 0 in d = 1.
    """
    d = last.shape[1]
    if d <= 2:
        return np.eye(2, d)
    size = run.log_norms[-1, shown]
    weight = np.exp(np.nan_to_num(size - size.max(), neginf=-800.0))
    return np.linalg.svd(weight[:, None] * last, full_matrices=True)[2][:2]
