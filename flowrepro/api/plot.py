"""Pictures of a run, as figures of matplotlib: ``fr.plot.overview(run).savefig("run.png")``."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flowrepro.api.run import Run
from flowrepro.api.views import View
from flowrepro.figures import style
from flowrepro.figures.declare import Figure, Film
from flowrepro.figures.panels import Panel

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas


def overview(run: Run) -> Canvas:
    """A run in five panels: loss, norms, directions, rank, activation patterns.

    The loss over the logarithm of time; ln ||w_j|| over ln 10, which no scale makes underflow; the
    cosine of each neuron with the nearest extremal vector of the data (with its own last direction
    where there are too many cones); the effective rank of W, exp of the entropy of its normalised
    singular values (Roy and Vetterli 2007), beside the stable rank ||W||_F^2 / ||W||_2^2 (min2024);
    the share of samples on which each neuron is active, with the activation events that were
    located.

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
    return _drawn(pictures(run)["overview"])


def directions(run: Run) -> Canvas:
    """The paths of the neurons' directions w_j / ||w_j||: on the circle, on the sphere, or in the
    plane that holds most of them.

    In d = 2 it is the plane itself. In d = 3 it is the sphere, looked at along the third principal
    axis of the last directions, a little turned; what lies behind is faint, with open markers. In
    d > 3 it is the plane of the two principal axes of the last directions, weighted by their norms;
    its label says which share of the squared norms it holds. Markers are the last directions,
    crosses the extremal vectors of the data where there are few cones.

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
    return _drawn(pictures(run)["directions"])


def function(run: Run) -> Canvas:
    """The learned function at the end: a curve, or shades over the plane with the line f = 0.

    Points of one coordinate have a curve, those of two have shades. A last coordinate that is 1 on
    every point is a bias, and does not count.

    Parameters
    ----------
    run : Run

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    UsageError
        The points have more than two coordinates.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> X = np.column_stack([[-1.0, 0.0, 1.0], np.ones(3)])
    >>> W, a = fr.init.balanced(m=6, d=2, scale=0.1, seed=0)
    >>> run = fr.descend(X, [1, 0, 1], W, a, lr=0.1, steps=200, engine="torch")
    >>> fr.plot.function(run).axes[0].get_ylabel()
    'f(x)'
    """
    View(run).require_function()
    return _drawn(pictures(run)["function"])


@dataclass(frozen=True, eq=False)
class Animation:
    """A moving picture of a run: ``save`` writes it, and a notebook shows it."""

    run: Run

    def save(self, path: str | Path) -> Path:
        """Write it as gif, webp, or mp4 where ffmpeg is installed, by the ending of the path.

        UsageError for another ending, EnvironmentFault where a format cannot be written here.
        """
        from flowrepro.figures import animation as drawing

        path = Path(path).expanduser()
        kind = path.suffix.removeprefix(".").lower()
        path.write_bytes(drawing.render(film(self.run), self.run.result, [kind])[kind])
        return path

    def _repr_html_(self) -> str:
        from flowrepro.figures import animation as drawing

        gif = drawing.render(film(self.run), self.run.result)["gif"]
        return f'<img src="data:image/gif;base64,{base64.b64encode(gif).decode()}">'


def animation(run: Run) -> Animation:
    """The neurons' directions along training, beside the learned function, or beside the loss where
    the points have more than two coordinates.

    A frame for each record of the weights on a schedule that is geometric in time, as in the
    animations of boursier2024.

    Parameters
    ----------
    run : Run

    Returns
    -------
    Animation

    Examples
    --------
    >>> import tempfile, pathlib, numpy as np, flowrepro as fr
    >>> W, a = fr.init.balanced(m=4, d=2, scale=0.1, seed=0)
    >>> run = fr.descend(np.eye(2), [1, -1], W, a, lr=0.1, steps=2, engine="torch")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     written = fr.plot.animation(run).save(pathlib.Path(folder) / "run.gif").read_bytes()
    >>> written[:3]
    b'GIF'
    """
    return Animation(View(run).run)


# ---- as declarations, which `flowrepro train` draws


def pictures(run: Run) -> dict[str, Figure]:
    """The figures of a run by name; the learned function only where it can be drawn."""
    view = View(run)
    found = (
        Figure(
            "overview",
            "overview",
            lambda _: _about_overview(view),
            lambda _: (view.loss(), view.norms(), view.cosines(), view.ranks(), view.raster()),
            cases=(),
            layout=("AB;CD;EE", style.PAGE, 6.6),
        ),
        Figure(
            "directions",
            "directions",
            lambda _: _about_directions(view),
            lambda _: (view.directions(),),
            cases=(),
            layout=(1, 1, style.COLUMN, 3.9),
        ),
        Figure(
            "function",
            "function",
            lambda _: _about_function(view),
            lambda _: (view.function(),),
            cases=(),
            layout=(1, 1, style.COLUMN, 2.9),
        ),
    )
    return {figure.id: figure for figure in found if figure.id != "function" or view.free <= 2}


def film(run: Run) -> Film:
    """The animation of a run."""
    view = View(run)
    beside = "the learned function" if view.free <= 2 else "the loss"
    return Film(
        "training",
        "training",
        f"The directions of the neurons, and {beside}, along training.{view.selection}",
        lambda _: _frames(view),
        case=run.case.name,
        layout=(1, 2, style.PAGE, 3.9),
    )


def _frames(view: View) -> Iterator[list[Panel]]:
    import numpy as np

    from flowrepro.figures.animation import schedule

    steps = view.run.weights_step
    for k in np.searchsorted(steps, schedule(steps)):
        yield [view.directions(k), view.function(k) if view.free <= 2 else view.loss(k)]


def _about_overview(view: View) -> str:
    run = view.run
    towards = "the nearest extremal vector of the points"
    if view.extremal is None:
        towards = "its own last direction, as no extremal vectors are known for these points"
    located = f", with the {len(run.events)} events" if run.events else ""
    return (
        f"Loss; norms of the neurons; cosine of each neuron with {towards}; effective rank of W "
        "(Roy and Vetterli 2007) and its stable rank; the share of samples on which each neuron is "
        f"active{located}.{view.selection}"
    )


def _about_directions(view: View) -> str:
    d, share = view.run.X.shape[1], view.axes[1]
    place = (
        "Their plane" if d <= 2
        else "The sphere; open markers and faint lines are behind" if d == 3
        else f"The plane of the principal axes, with {100 * share:.0f} % of the squared norms"
    )  # fmt: skip
    crosses = "" if view.extremal is None else " Crosses are the extremal vectors of the points."
    return (
        f"Directions of the neurons from t = 0 (start of a line) to {view.when(-1)} (marker). "
        f"{place}.{crosses}{view.selection}"
    )


def _about_function(view: View) -> str:
    bias = ", the last one of the network's inputs being the bias" * (
        view.free < view.run.X.shape[1]
    )
    return f"The learned function at {view.when(-1)} over {view.free} coordinate" + (
        "s" * (view.free > 1) + f"{bias}, and the samples."
    )


def _drawn(figure: Figure) -> Canvas:
    from flowrepro.figures.canvas import drawn

    return drawn(tuple(figure.panels(None)), figure.layout)
