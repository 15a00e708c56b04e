"""Panels of Figures 2 and 3: the learned function on the line, and every neuron as a point.

The angle of a neuron is atan2(bias weight, slope). Norm 0 is a circle, not the origin, so that
directions can be seen before the norms grow.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.canvas import DENSE
from flowrepro.figures.line_panels import require_line, shown_steps
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text, Ticks

GRID_POINTS = 201
MOST_RAYS = 8
"""Samples up to which their directions and the cone boundaries are drawn (the paper leaves them out
for 40)."""
MARKS = {
    -1: ("v", 3.0, style.NEGATIVE, "neuron, $a_j<0$"),
    1: ("*", 5.0, style.POSITIVE, "neuron, $a_j>0$"),
    0: (".", 4.0, style.DEAD, "neuron, $a_j=0$"),
}
"""Sign of a neuron -> marker, size, colour, name."""
INNER = 0.36
"""Radius of the circle of norm 0, relative to the largest norm (read off the paper's panels)."""


def with_bias(x: np.ndarray) -> np.ndarray:
    """The points (x, 1), shape (p, 2)."""
    return np.column_stack([x, np.ones_like(x)])


def line_grid(x: np.ndarray) -> np.ndarray:
    """GRID_POINTS abscissas: [-1, 1] where it holds the samples, else a tenth beyond them."""
    low, high = float(x.min()), float(x.max())
    if low >= -1 and high <= 1:
        return np.linspace(-1.0, 1.0, GRID_POINTS)
    margin = 0.1 * (high - low) or 1.0
    return np.linspace(low - margin, high + margin, GRID_POINTS)


def on_line(W: np.ndarray, a: np.ndarray, x: np.ndarray) -> np.ndarray:
    """h(x, 1) = sum_j a_j relu(w_j1 x + w_j2) at increasing abscissas x (p,), in O(m log m + p).

    As x runs in one direction, neurons of one slope switch on one after the other.
    """
    slope, bias = W[:, 0], W[:, 1]
    h = np.full(len(x), float(a[slope == 0] @ np.maximum(bias[slope == 0], 0.0)))
    for facing in (1.0, -1.0):
        chosen = facing * slope > 0
        kink = -bias[chosen] / slope[chosen] * facing
        order = np.argsort(kink)
        terms = a[chosen, None] * W[chosen]
        sums = np.concatenate([np.zeros((1, 2)), np.cumsum(terms[order], axis=0)])
        on = sums[np.searchsorted(kink[order], facing * x, side="left")]
        h += on[:, 0] * x + on[:, 1]
    return h


@dataclass(frozen=True)
class Reference:
    """A function beside h, its values on the grid of the samples (`line_grid`)."""

    name: str
    values: np.ndarray


@dataclass(frozen=True)
class Views:
    """The panels of a run's snapshots, all with one range of values (low, high)."""

    run: Run
    reference: Reference | None
    values: tuple[float, float]

    @classmethod
    def of(
        cls,
        run: Run,
        steps: Sequence[int],
        reference: Reference | None,
        values: tuple[float, float] | None = None,
    ) -> Views:
        """Values that show the samples, the reference and every h at these steps, unless given.

        NotDrawable unless the points lie on a line: d = 2 with a last feature that is constant 1.
        """
        require_line(run)
        if values is None:
            grid = line_grid(run.X[:, 0])
            shown = [run.y, *(on_line(*run.trajectory.at(step), grid) for step in steps)]
            every = np.concatenate(shown + ([] if reference is None else [reference.values]))
            low, high = float(every.min()), float(every.max())
            margin = 0.05 * (high - low) or 1.0
            values = low - margin, high + margin
        return cls(run, reference, values)

    def function(self, step: int) -> Panel:
        """h, the dashed reference and the samples."""
        x, grid = self.run.X[:, 0], line_grid(self.run.X[:, 0])
        h = on_line(*self.run.trajectory.at(step), grid)
        marks: list[Mark] = [Line(grid, h, width=1.8, label="learned function $h$")]
        if self.reference is not None:
            look: Any = {"colour": style.THEORY, "dash": "--", "width": 1.0, "zorder": 3}
            marks.append(Line(grid, self.reference.values, label=self.reference.name, **look))
        marks.append(Points(x, self.run.y, colour=style.DATA, size=3.5, zorder=4, label="data"))
        return Panel(marks, title=f"step {step}", xlabel="$x$", ylabel="$h(x)$", grid=True,
                     xlim=(float(grid[0]), float(grid[-1])), ylim=self.values)  # fmt: skip

    def neurons(self, step: int, titled: bool = False) -> Panel:
        """A mark per neuron; with few samples their directions, and the cone boundaries as rays.

        ``titled`` : the title says the step.
        """
        W, a = self.run.trajectory.at(step)
        angle, radius, sign = np.arctan2(W[:, 1], W[:, 0]), np.hypot(W[:, 0], W[:, 1]), np.sign(a)
        top = 1.06 * (float(radius.max()) or 1.0)
        # The signs are drawn by turns, so that neither covers the other.
        layers = 16 if len(a) <= DENSE else 4
        marks: list[Mark] = []
        for first in range(layers):
            for kind, (marker, size, colour, label) in MARKS.items():
                chosen = np.flatnonzero(sign == kind)[first::layers]
                if len(chosen):
                    marks.append(Points(angle[chosen], radius[chosen], marker=marker, size=size,
                                        edge="none", colour=colour, label=label))  # fmt: skip
        few = len(self.run.y) <= MOST_RAYS
        data = np.arctan2(self.run.X[:, 1], self.run.X[:, 0]) if few else np.empty(0)
        return Panel([*marks, *(directions(data, top) if few else ())],
                     title=f"step {step}" if titled else r"norms $\|w_j\|$",
                     projection="polar", hole=INNER, ylim=(0, top),
                     xticks=degrees(data))  # fmt: skip


def directions(data: np.ndarray, top: float) -> list[Mark]:
    """Boundaries <w, x_k> = 0 as rays, and the directions (n,) of samples on the circle ``top``."""
    rays = np.concatenate([data - np.pi / 2, data + np.pi / 2])
    rim = np.full_like(data, top)
    return [
        Line(np.stack([rays, rays]), np.stack([np.zeros_like(rays), np.full_like(rays, top)]),
             colour=style.FRAME, dash="--", width=0.8, label="boundary of a cone"),
        Points(data, rim, marker="+", size=7.0, colour=style.DATA, clip=False, zorder=5,
               label="direction of a sample $x_k$"),
        Text(data, 1.22 * rim, [f"$x_{k + 1}$" for k in range(len(data))]),
    ]  # fmt: skip


def degrees(taken: np.ndarray) -> Ticks:
    """Every 45 degrees, without a number where the name of a sample stands."""
    places = np.arange(0, 360, 45)
    apart = np.abs(np.angle(np.exp(1j * (np.radians(places)[:, None] - taken)))).min(1, initial=9)
    names = [f"{place}°" if far > 0.35 else "" for place, far in zip(places, apart, strict=True)]
    return Ticks(np.radians(places), names)


def both(run: Run, steps: Sequence[int], reference: Reference | None,
         values: tuple[float, float] | None = None) -> list[Panel]:  # fmt: skip
    """For each step that the run has (`shown_steps`): the function, then the neurons."""
    require_line(run)
    shown = shown_steps(run, steps)
    views = Views.of(run, shown, reference, values)
    return [panel for step in shown for panel in (views.function(step), views.neurons(step))]
