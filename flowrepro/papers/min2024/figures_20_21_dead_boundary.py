"""One neuron on the boundary of S_dead: no solution, one, or many (min2024, Figures 20 and 21).

The datum is x = (1, 0). The neuron starts at w = (0, 1), a = 1, where <x, w> = 0. With y = -1 and
relu'(0) = s > 0 descent jumps into S_dead, and no curve solves the equation (Appendix E.3). With
y = +1 and relu'(0) = 0 the neuron may leave at any time (Appendix E.4): with w = (p, 1),

    p' = exp(-a p) a,    a' = exp(-a p) p                                                    (47)

after it left. Only the curve that never leaves is regular (Definition 1).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.integrate import quad, solve_ivp

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, none_of
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Arrows, Line, Mark, Panel, Points, Span, Text, Vertical
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.figures_18_19_held_neuron import descend, velocity
from flowrepro.papers.study import Progress, option, silent
from flowrepro.papers.topic import Topic

X = np.array([[1.0, 0.0]])
W0, A0 = np.array([0.0, 1.0]), 1.0
RTOL = 1e-12
DASHES = ("-", "--", ":", "-.")

topic = Topic(PAPER, "The boundary of the dead cone (Figures 20 and 21)", command="toy2d")


@topic.study
def dead_boundary(
    *,
    slope: list[float] = option([0.5, 1.0], "values of relu'(0) beside 0", within=(0.0, 10.0)),
    lr: list[float] = option([0.1, 1e-3], "step sizes of the descents", within=(1e-9, 1.0)),
    steps: int = option(100, "steps of each descent", within=(1, 100_000)),
    leave: list[float] = option(
        [0.0, 1.0, 2.0], "times at which a curve leaves, beside never", within=(0.0, 1e6)
    ),
    horizon: float = option(5.0, "flow time at which the curves end", within=(1e-3, 1e3)),
    cells: int = option(50_000, "cells of the grid of times", within=(1, 1_000_000)),
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Descent with y = -1 for each value of relu'(0), and curves that leave with y = +1.

    Returns
    -------
    slope (P,), with 0 first, lr (Q,) : the values. force (P, 3) : the velocity of (w, a) at the
        start.
    after (P, Q, 2, 3) : (w, a) of descent after 1 and after all steps.
    leave (M,) : inf last. t (K,), theta (M, K, 3) : the curves. residual (M,) : the largest
        distance from the integral equation, by trapezoids.
    """
    slopes = np.array([0.0, *slope])
    minus, plus = np.array([-1.0]), np.array([1.0])
    runs = [
        [descend(X, minus, W0, A0, step, steps, s)[[1, -1]] for step in lr]
        for s in slopes
    ]  # fmt: skip
    forces = [np.append(*velocity(X, minus, W0, np.array(A0), s)) for s in slopes]
    t, departures = np.linspace(0.0, horizon, cells + 1), np.array([*leave, np.inf])
    curves = []
    for done, start in enumerate(departures, start=1):
        curves.append(leaving(t, float(start)))
        progress(done, len(departures))
    return {
        "slope": slopes,
        "lr": np.array(lr),
        "after": np.array(runs),
        "force": np.stack(forces),
        "leave": departures,
        "t": t,
        "theta": np.stack(curves),
        "residual": np.array([residual(t, curve, plus) for curve in curves]),
    }


DEAD_BOUNDARY = dead_boundary.case(
    "dead-boundary",
    "Figures 20 and 21: no solution for other subgradients, and many solutions, from the boundary "
    "of S_dead",
)


def leaving(t: np.ndarray, start: float) -> np.ndarray:
    """(w, a) (K, 3) at times t (K,): stay until ``start``, then follow the flow (47)."""
    theta = np.tile([*W0, A0], (len(t), 1))
    after = t > start
    if after.any():
        flow = solve_ivp(
            lambda _, s: np.exp(-s[0] * s[1]) * s[::-1],
            (0.0, t[-1] - start),
            [0.0, A0],
            "DOP853",
            t[after] - start,
            rtol=RTOL,
            atol=RTOL,
        )
        theta[after, 0], theta[after, 2] = flow.y
    return theta


def residual(t: np.ndarray, theta: np.ndarray, y: np.ndarray) -> float:
    """max_t |theta(t) - theta(0) - integral of the velocity|, with relu'(0) = 0.

    theta (K, 3) at equidistant t (K,).
    """
    dw, da = velocity(X, y, theta[:, :-1], theta[:, -1])
    speed = np.column_stack([dw, da])
    steps = np.diff(t)[:, None] * (speed[1:] + speed[:-1]) / 2
    moved = np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
    return float(np.abs(theta - theta[0] - moved).max())


def travelled(p: float) -> float:
    """Time since leaving at which w_1 = p.

    With p = sinh s, a = cosh s it is the integral of exp(sinh(2 q) / 2) over q in [0, s].
    """
    end = np.arcsinh(p)
    time = quad(lambda q: np.exp(np.sinh(2 * q) / 2), 0.0, end, epsabs=1e-12, epsrel=1e-12)[0]
    return float(time)


@topic.claim(
    "figure-20-constant",
    "With relu'(0) = 0 the neuron at the boundary of S_dead does not move, which solves the "
    "equation.",
    place="Appendix E.3, Figure 20",
)
def constant(result: Study) -> Iterator[Part]:
    """The velocity at the start, and how far descent moves."""
    zero = result.arrays["slope"] == 0
    require(None if zero.any() else "relu'(0) = 0 was not computed")
    moved = result.arrays["after"][zero] - [*W0, A0]
    speed = float(np.linalg.norm(result.arrays["force"][zero]))
    yield at_most("||velocity|| at the start", speed, 0.0)
    yield at_most("motion under descent", np.abs(moved).max(), 0.0)


@topic.claim(
    "figure-20-jump",
    "With relu'(0) = s > 0 descent jumps once into S_dead, to (-s lr, 1), and the constant curve "
    "is no solution.",
    place="Appendix E.3, Figure 20",
)
def jump(result: Study) -> Iterator[Part]:
    """Distance of (w, a) from (-s lr, 1, 1) after 1 and after many steps.

    The constant curve moves by 0; its velocity integrates to ||force|| t, which is its residual.
    """
    arrays = result.arrays
    positive = arrays["slope"] > 0
    require(None if positive.any() else "options.slope has no positive slope")
    slope = arrays["slope"][positive]
    ends = np.broadcast_arrays(-slope[:, None] * arrays["lr"], 1.0, 1.0)
    expected = np.stack(ends, axis=-1)[:, :, None]
    left = np.linalg.norm(arrays["force"][positive], axis=1)
    yield at_most(
        "distance from (-s lr, 1), a = 1", np.abs(arrays["after"][positive] - expected).max(), 0.0
    )
    yield at_most(
        "|residual of the constant curve at t = 1, minus s|", np.abs(left - slope).max(), 0.0
    )


@topic.claim(
    "figure-21-family",
    "Leaving the boundary at any time, or never, solves the equation with relu'(0) = 0.",
    place="Appendix E.4, Figure 21",
)
def family(result: Study) -> Iterator[Part]:
    """The largest residual, and the distance from the closed form as a distance in w_1.

    The bound of the residual is one cell of the grid, where the velocity jumps.
    """
    t, leave, theta = (result.arrays[name] for name in ("t", "leave", "theta"))
    curves = zip(leave, theta, strict=True)
    gone = [(curve[-1], t[-1] - start) for start, curve in curves if start < t[-1]]
    require(None if gone else "no curve leaves before the horizon")
    late = max(
        abs(travelled(float(end[0])) - time) * np.exp(-end[0] * end[2]) * end[2]
        for end, time in gone
    )
    hyperbola = max(float(np.abs(curve[:, 2] ** 2 - curve[:, 0] ** 2 - 1).max()) for curve in theta)
    yield at_most("largest residual", result.arrays["residual"].max(), t[1] - t[0])
    yield at_most("distance from the closed form at the end", late, 1e-8)
    yield at_most("|a^2 - w_1^2 - 1|", hyperbola, 1e-8)


@topic.claim(
    "figure-21-regular",
    "Only the curve that never leaves is regular (Definition 1).",
    place="Appendix E.4, Figure 21",
)
def regular(result: Study) -> Iterator[Part]:
    """All curves start in S_dead; the regular one stays there."""
    t, leave, theta = (result.arrays[name] for name in ("t", "leave", "theta"))
    stays = np.all(theta[:, :, 0] <= 0, axis=1)
    require(None if np.isinf(leave).any() else "the curve that never leaves was not computed")
    wrong = np.sum(stays != (leave >= t[-1]))
    yield none_of("curves that stay but should not, or leave but should not", wrong)


def _beside_dead(marks: list[Mark], reach: float, title: str) -> Panel:
    """The plane around w = (0, 1) with S_dead shaded."""
    dead = Span(
        x=(-2 * reach, 0.0), colour=style.DEAD, opacity=0.2, label=r"$S_\mathrm{dead}$: no flow"
    )
    return Panel(
        [dead, Vertical(0.0, dash="-"), *marks, Points(*W0, colour=style.DATA, size=4.5, zorder=5)],
        title=title,
        xlim=(-reach, reach),
        ylim=(0.8, 1.2),
        yticks=[0.8, 1.0, 1.2],
        xlabel="$w_1$",
        ylabel="$w_2$",
    )


@topic.figure(
    "20",
    "With relu'(0) = s > 0 descent jumps into S_dead and stays; the limit of small steps is no "
    "solution.",
    layout=(1, 2, style.PAGE, 2.7),
    file="figure-20-subgradient",
)
def no_solution(result: Study) -> Iterator[Panel]:
    """The jump into S_dead, and the residual of the curve that stays."""
    arrays = result.arrays
    ends = arrays["after"][:, :, -1, :2]
    reach, marks = 1.6 * max(float(np.abs(ends[..., 0]).max()), 0.05), list[Mark]()
    for place, (s, reached) in enumerate(zip(arrays["slope"], ends, strict=True)):
        for lr, end in zip(arrays["lr"], reached, strict=True):
            if np.any(end != W0):
                marks.append(Points(*end, size=3.5, zorder=4))
            if abs(end[0]) > 0.1 * reach:
                text, shift = f"$s$ = {s:g}, step {lr:g}", (0.0, 7.0 if place % 2 else -7.0)
                marks += [Text(end[0], end[1], text, offset=shift, size=6.5)]
                marks.append(Arrows(W0, end, zorder=3))
    yield _beside_dead(marks, reach, "where descent jumps to and stays")
    t, speeds = np.linspace(0.0, 1.0, 11), np.linalg.norm(arrays["force"], axis=1)
    yield Panel(
        [
            Line(t, speed * t, colour=style.THEORY if s else style.LEARNED, dash=dash,
                 label=f"relu'(0) = {s:g}")
            for s, speed, dash in zip(arrays["slope"], speeds, DASHES, strict=False)
        ],
        title="is the constant curve a solution?",
        xlim=(0, 1),
        xlabel="flow time",
        ylabel="residual",
    )  # fmt: skip


@topic.figure(
    "21",
    "With relu'(0) = 0 a neuron may leave the boundary of S_dead at any time, or never.",
    layout=(1, 2, style.PAGE, 2.7),
    file="figure-21-many-solutions",
)
def many_solutions(result: Study) -> Iterator[Panel]:
    """The flow beside S_dead, and w_1 of the solutions over time."""
    arrays = result.arrays
    shown = np.linspace(0, len(arrays["t"]) - 1, 501).round().astype(int)
    t, w1 = arrays["t"][shown], arrays["theta"][:, shown, 0]
    p = np.linspace(0.05, 0.95, 7) * max(float(w1.max()), 0.1)
    w = np.column_stack([p, np.full(len(p), W0[1])])
    speed = velocity(X, np.array([1.0]), w, np.sqrt(p**2 + A0**2))[0][:, 0]
    reach = 1.15 * max(float(w1.max()), 0.1)
    ends = np.column_stack([p + 0.16 * reach * speed / speed.max(), w[:, 1]])
    yield _beside_dead([Arrows(w, ends)], reach, "the flow where the neuron is active")
    marks = []
    for leave, curve, dash in zip(arrays["leave"], w1, DASHES, strict=False):
        never = np.isinf(leave)
        label = "stays: the regular solution" if never else f"leaves at $t_0 = {leave:g}$"
        colour = style.DATA if never else style.LEARNED
        marks.append(Line(t, curve, colour=colour, dash=dash, label=label))
    yield Panel(
        marks,
        title="solutions from one start",
        xlim=(0, float(t[-1])),
        xlabel="flow time",
        ylabel="$w_1$",
    )
