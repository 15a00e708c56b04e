"""What the pictures of a run show, as panels: over its whole time, or at one of its records."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.api.geometry import cones
from flowrepro.api.run import Run
from flowrepro.core.network import activation, gain
from flowrepro.errors import DataError, UsageError
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Contour, HeatMap, Line, Mark, Panel, Points, Text, Vertical
from flowrepro.theory.arrangement import cover_bound
from flowrepro.theory.ranks import effective_rank, stable_rank

MOST_NEURONS = 200
"""Neurons that are drawn, those of the largest norm at the end."""
CHANGES = ("cross-", "cross+", "slide", "leave-", "leave+")
"""Kinds of events by which a neuron starts or ceases to be active on a sample."""
MOST_EVENTS = 2000
"""Events up to which each is marked."""
MOST_CONES = 2500
"""Open cones up to which the extremal vectors are looked for: those of 50 points in dimension 3,
some seconds."""
TIME = "flow time"
GRID = 81
"""Values of a coordinate at which the learned function is drawn in the plane; on the line 6 times
as many."""
TILT = np.deg2rad((-25.0, 20.0))
"""Turns of the sphere about its first two principal axes, so that directions in one plane do not
all lie on its rim."""


@dataclass(frozen=True, eq=False)
class View:
    """The panels of a run; ``k`` is the place of a record among ``run.weights_t``."""

    run: Run

    def __post_init__(self) -> None:
        """UsageError for what is no run."""
        if not isinstance(self.run, Run):
            raise UsageError(
                "fr.plot shows a run of fr.flow, fr.descend or fr.load, not "
                f"{type(self.run).__name__}"
            )

    # ---- what is drawn

    @functools.cached_property
    def shown(self) -> np.ndarray:
        """Indices of the neurons that are drawn: by the sign of a_j and by norm at the end."""
        size = np.nan_to_num(self.run.log_norms[-1], neginf=-1e300)
        largest = np.argsort(-size, kind="stable")[:MOST_NEURONS]
        signs = np.sign(self.run.log_weights()[-1, largest, -1])
        return largest[np.argsort(-signs, kind="stable")]

    @functools.cached_property
    def groups(self) -> list[tuple[str, str, np.ndarray]]:
        """Colour, name and members (K,) bool: neurons of either sign, and those that are never
        active; none that is empty.
        """
        run, shown = self.run, self.shown
        positive = run.log_weights()[-1, shown, -1] > 0
        dead = (run.case.model.alpha == 0) & np.all(run.patterns[-1, shown] <= 0, axis=1)
        found = [
            (style.POSITIVE, "$a_j > 0$", positive & ~dead),
            (style.NEGATIVE, "$a_j < 0$", ~positive & ~dead),
            (style.DEAD, "active on no sample", dead),
        ]
        return [group for group in found if group[2].any()]

    @functools.cached_property
    def extremal(self) -> np.ndarray | None:
        """The extremal directions (e, d); None where there are many cones, or none is found."""
        run, (n, d) = self.run, self.run.X.shape
        if cover_bound(n, min(n, d)) > MOST_CONES:
            return None
        return _extremal(
            run.X.tobytes(), run.y.tobytes(), run.X.shape, run.case.model.alpha, run.case.loss.name
        )

    @functools.cached_property
    def paths(self) -> np.ndarray:
        """Directions of the neurons that are drawn, (S, K, d); 0 where w_j = 0."""
        return np.asarray(np.nan_to_num(self.run.directions[:, self.shown]))

    @property
    def selection(self) -> str:
        """One sentence where not all neurons are drawn."""
        m = self.run.problem.shape[2]
        if m <= MOST_NEURONS:
            return ""
        return f" Drawn: the {MOST_NEURONS} of {m} neurons of the largest norm."

    # ---- over the whole time

    def _lines(self, values: np.ndarray) -> list[Line]:
        """Curves of values (S, K) over time in the colours of the groups."""
        t = self.run.weights_t[:, None]
        return [
            Line(
                np.broadcast_to(t, values[:, group].shape),
                values[:, group],
                colour=colour,
                label=label,
                width=0.8,
            )
            for colour, label, group in self.groups
        ]

    def loss(self, k: int | None = None) -> Panel:
        """The loss over the logarithm of time, with a line at record k."""
        run = self.run
        later = run.t > 0
        loss = np.where(run.loss > 0, run.loss, np.nan)[later]
        scale = "log-log" if np.isfinite(loss).any() else "log-linear"
        marks: list[Mark] = [Line(run.t[later], loss)]
        if k is not None:
            now = max(float(run.weights_t[k]), float(run.t[later][0]))
            marks.append(Vertical(now, colour=style.DATA))
        return Panel(marks, title="Loss", xlabel=TIME, ylabel="loss", scale=scale)

    def norms(self) -> Panel:
        """ln ||w_j|| over ln 10, which no scale makes underflow."""
        norms = self.run.log_norms[:, self.shown]
        values = np.where(np.isfinite(norms), norms, np.nan) / np.log(10.0)
        return Panel(
            self._lines(values),
            title="Norms",
            xlabel=TIME,
            ylabel=r"$\log_{10} \Vert w_j \Vert$",
        )

    def cosines(self) -> Panel:
        """Cosine with the nearest extremal vector, or with the neuron's own last direction."""
        paths = self.run.directions[:, self.shown]
        if self.extremal is None:
            cosines, name = np.sum(paths * paths[-1], axis=-1), "cosine with the last direction"
        else:
            cosines = np.max(paths @ self.extremal.T, axis=-1)
            name = "cosine with an extremal vector"
        return Panel(
            self._lines(cosines), title="Directions", xlabel=TIME, ylabel=name, ylim=(None, 1.02)
        )

    def ranks(self) -> Panel:
        """Effective and stable rank of the first layer, all neurons included."""
        run = self.run
        size = np.nan_to_num(run.log_norms, neginf=-1e300)
        scaled = np.exp(np.maximum(size - size.max(axis=1, keepdims=True), -800.0))
        W = scaled[..., None] * np.nan_to_num(run.directions)
        t = run.weights_t
        return Panel(
            [
                Line(t, effective_rank(W), label="effective rank of W"),
                Line(t, stable_rank(W), label="stable rank of W", dash="--", width=1.0),
            ],
            title="Effective rank",
            xlabel=TIME,
            ylabel="rank",
            ylim=(0.9, None),
        )

    def raster(self) -> Panel:
        """The share of samples on which each neuron is active, with the activation events."""
        run, shown = self.run, self.shown
        active = (run.patterns[:, shown] > 0).mean(axis=-1).T
        row = np.full(run.patterns.shape[1], -1)
        row[shown] = np.arange(len(shown))
        marks: list[Mark] = [
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
            height = np.full(2, changes[0] + 0.5)
            marks.append(Line([0.0, run.weights_t[-1]], height, colour=style.FRAME, width=0.6))
        return Panel(
            marks,
            title="Activation patterns",
            xlabel=TIME,
            ylabel="neuron",
            xlim=(0.0, float(run.weights_t[-1])),
        )

    # ---- at a record

    def when(self, k: int) -> str:
        """'t = 12.5'."""
        return f"t = {self.run.weights_t[k]:.4g}"

    @functools.cached_property
    def axes(self) -> tuple[np.ndarray, float]:
        """Orthonormal axes (2 or 3, d), and the share of the squared norms in their plane.

        The coordinates in d <= 2; the sphere as it is looked at, from the third axis, in d = 3;
        else the first two principal axes of the last directions, weighted by their norms.
        """
        d = self.paths.shape[-1]
        if d <= 2:
            return np.eye(2, d), 1.0
        size = self.run.log_norms[-1, self.shown]
        weight = np.exp(np.nan_to_num(size - size.max(), neginf=-800.0))
        _, values, axes = np.linalg.svd(weight[:, None] * self.paths[-1], full_matrices=True)
        squares = np.square(np.pad(values, (0, max(0, 2 - len(values)))))
        share = float(squares[:2].sum() / max(squares.sum(), 1e-300))
        if d > 3:
            return axes[:2], share
        (a, b) = TILT
        first = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
        second = np.array([[np.cos(b), 0, np.sin(b)], [0, 1, 0], [-np.sin(b), 0, np.cos(b)]])
        return second @ first @ axes, share

    def directions(self, k: int = -1) -> Panel:
        """The paths of the directions up to record k."""
        axes, share = self.axes
        paths = self.paths[: k % len(self.paths) + 1] @ axes.T
        marks: list[Mark] = [*_rim()]
        for colour, label, group in self.groups:
            marks += _two_sides(paths[:, group], colour, label)
        if self.extremal is not None:
            marks += _crosses(self.extremal @ axes.T)
        d = self.paths.shape[-1]
        title = "Directions of the neurons" if k == -1 else f"Directions, {self.when(k)}"
        look: dict[str, Any] = {"title": title, "aspect": "equal"}
        look |= {"xlim": (-1.12, 1.12), "ylim": (-1.12, 1.12)}
        if d == 3:
            marks += _coordinates(axes)
            return Panel(marks, frame=False, **look)
        names = ("first coordinate", "second coordinate")
        if d > 3:
            names = (f"first principal axis (plane: {100 * share:.0f} %)", "second principal axis")
        return Panel(marks, xlabel=names[0], ylabel=names[1], **look)

    # ---- the learned function

    @functools.cached_property
    def free(self) -> int:
        """Coordinates that vary: all, but for a last one that is 1 on every point (a bias)."""
        d = self.run.X.shape[1]
        return int(d) - int(d > 1 and bool(np.all(self.run.X[:, -1] == 1.0)))

    def require_function(self) -> None:
        """NotDrawable where the points have more than two coordinates."""
        if self.free > 2:
            raise NotDrawable(
                f"the learned function is drawn over one or two coordinates, and the points have "
                f"{self.free}; run.predict gives its values"
            )

    @functools.cached_property
    def grid(self) -> list[np.ndarray]:
        """Values of each coordinate, from beside the points to beside them."""
        points = self.run.X[:, : self.free]
        low, high = points.min(axis=0), points.max(axis=0)
        room = 0.15 * np.where(high > low, high - low, np.maximum(np.abs(high), 1.0))
        count = GRID if self.free == 2 else 6 * GRID
        return [np.linspace(*ends, count) for ends in zip(low - room, high + room, strict=True)]

    def values(self, k: int) -> np.ndarray:
        """The learned function on the grid, (R, C), or (T,) on a line, at record k."""
        run = self.run
        Z = np.stack([z.ravel() for z in np.meshgrid(*self.grid)], axis=1)
        Z = np.column_stack([Z, np.ones((len(Z), run.X.shape[1] - self.free))])
        out, W, a = np.zeros(len(Z)), run.W[k], gain(run.a[k], run.problem.depth)
        for first in range(0, len(a), 1000):  # so many neurons at a time
            part = slice(first, first + 1000)
            out += activation(Z @ W[part].T, run.problem.alpha) @ a[part]
        return out.reshape([len(z) for z in reversed(self.grid)])

    @functools.cached_property
    def ends(self) -> tuple[float, float]:
        """What f lies between: on a line with 0 and the targets, in the plane from -max |f| on."""
        values = np.nan_to_num(self.values(-1))
        if self.free == 2:
            most = float(np.abs(values).max()) or 1.0
            return -most, most
        values = np.concatenate([values, self.run.y, [0.0]])
        room = 0.1 * (float(np.ptp(values)) or 1.0)
        return float(values.min()) - room, float(values.max()) + room

    def function(self, k: int = -1) -> Panel:
        """The learned function at record k: a curve, or shades with the line f = 0."""
        self.require_function()
        values, X, y = self.values(k), self.run.X, self.run.y
        title = "Learned function" + ("" if k == -1 else f", {self.when(k)}")
        if self.free == 1:
            marks: list[Mark] = [
                Line(self.grid[0], values, label="learned function"),
                Points(X[:, 0], y, colour=style.DATA, label="samples"),
            ]
            return Panel(marks, title=title, xlabel="x", ylabel="f(x)", ylim=self.ends)
        x, z = self.grid
        marks = [
            HeatMap(values, x=x, y=z, colours="diverging", low=self.ends[0], high=self.ends[1],
                    bar="f(x)"),
            Contour(x, z, values, colour=style.FRAME, width=1.0, label="f(x) = 0"),
        ]  # fmt: skip
        for chosen, fill, label in ((y > 0, None, "$y > 0$"), (y <= 0, "white", r"$y \leq 0$")):
            if chosen.any():
                at = X[chosen, :2].T
                marks.append(Points(*at, colour=style.DATA, fill=fill, label=f"samples, {label}"))
        names = ("first coordinate", "second coordinate")
        return Panel(marks, title=title, xlabel=names[0], ylabel=names[1])


@functools.lru_cache(maxsize=8)
def _extremal(
    X: bytes, y: bytes, shape: tuple[int, int], alpha: float, loss: Any
) -> np.ndarray | None:
    """The extremal directions of points; kept, as several runs have the same points."""
    try:
        found = cones(
            np.frombuffer(X).reshape(shape), np.frombuffer(y), alpha, loss=loss
        ).directions
    except DataError:
        return None
    return found if len(found) else None


# ---- marks of the circle and of the sphere


def _rim() -> Iterator[Line]:
    angle = np.linspace(0, 2 * np.pi, 200)
    yield Line(np.cos(angle), np.sin(angle), colour=style.FRAME, width=0.6)


def _two_sides(paths: np.ndarray, colour: str, label: str) -> Iterator[Mark]:
    """Paths (T, K, 2 or 3) with markers at their ends; what lies behind is faint and open.

    Empty markers keep the label in the legend.
    """
    x, y = paths[..., 0], paths[..., 1]
    front = paths[..., 2] >= 0 if paths.shape[-1] == 3 else np.full(x.shape, True)
    for side, opacity, fill in ((front, 0.6, None), (~front, 0.2, "white")):
        yield Line(np.where(side, x, np.nan), np.where(side, y, np.nan), colour=colour, width=0.7,
                   opacity=opacity)  # fmt: skip
        last = side[-1]
        yield Points(x[-1, last], y[-1, last], colour=colour, fill=fill, label=label)
        label = ""


def _crosses(at: np.ndarray) -> Iterator[Points]:
    """Extremal vectors at (e, 2 or 3)."""
    front = at[:, 2] >= 0 if at.shape[1] == 3 else np.full(len(at), True)
    for side, size, label in ((front, 5.0, "extremal vectors"), (~front, 3.0, "")):
        yield Points(at[side, 0], at[side, 1], colour=style.THEORY, marker="x", label=label,
                     size=size, zorder=4)  # fmt: skip


def _coordinates(axes: np.ndarray) -> Iterator[Mark]:
    """The circles between the coordinate axes of the sphere, faint behind, and the axes' names."""
    angle = np.linspace(0, 2 * np.pi, 200)
    for j in range(3):
        circle = np.zeros((len(angle), 3))
        circle[:, (j + 1) % 3], circle[:, (j + 2) % 3] = np.cos(angle), np.sin(angle)
        x, y, z = (circle @ axes.T).T
        for side, shade in ((z >= 0, "0.7"), (z < 0, "0.9")):
            yield Line(np.where(side, x, np.nan), np.where(side, y, np.nan), colour=shade,
                       width=0.5, zorder=0)  # fmt: skip
        x, y, z = axes[:, j]
        colour = style.DATA if z >= 0 else style.FRAME
        yield Text(x, y, f"$x_{j + 1}$", offset=(9 * x, 9 * y), colour=colour)
    yield Points([], [], colour=style.FRAME, fill="white", label="on the far side")
