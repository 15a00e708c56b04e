"""One neuron on the boundary of S_dead: no solution, one, or many (min2024, Appendices E.3 and E.4; Figures 20 and 21).

The datum is x = (1, 0), the neuron starts at w = (0, 1), a = 1, where <x, w> = 0.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import quad, solve_ivp

from flowrepro.claims.old_claim import none_of, require, statement, upper
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.claims.options import at_least_one, numbers, positive
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.min2024.held_neuron import descend, velocity
from flowrepro.papers.min2024.toy_cases import DEAD_BOUNDARY
from flowrepro.papers.topic import Progress

X = np.array([[1.0, 0.0]])
W0, A0 = np.array([0.0, 1.0]), 1.0
RTOL = 1e-12


def dead_boundary(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """What becomes of the neuron with relu'(0) = 0 or another slope, y = -1, and of leaving at ``options.leave`` or never, y = +1.

    slope (P,) and lr (Q,); after (P, Q, 2, 3), rows (w, a) of descent after 1 and after ``options.steps`` steps; force
    (P, 3), the velocity at the start. leave (M,), inf last; t (K,); theta (M, K, 3), the curves; residual (M,), the
    largest distance from the integral equation, by trapezoids.
    """
    slopes, step_sizes = np.array([0.0, *numbers(study, "slope")]), numbers(study, "lr")
    minus, plus = np.array([-1.0]), np.array([1.0])
    runs = [
        [
            descend(X, minus, W0, A0, lr, at_least_one(study, "steps"), slope)[[1, -1]]
            for lr in step_sizes
        ]
        for slope in slopes
    ]
    forces = [np.append(*velocity(X, minus, W0, np.array(A0), slope)) for slope in slopes]
    t = np.linspace(0.0, positive(study, "horizon"), at_least_one(study, "cells") + 1)
    leave = np.array([*numbers(study, "leave"), np.inf])
    curves = []
    for done, start in enumerate(leave):
        curves.append(leaving(t, float(start)))
        progress(done + 1, len(leave))
    theta = np.stack(curves)
    found = {
        "slope": slopes,
        "lr": np.array(step_sizes),
        "after": np.array(runs),
        "force": np.stack(forces),
    }
    return {
        **found,
        "leave": leave,
        "t": t,
        "theta": theta,
        "residual": np.array([residual(t, curve, plus) for curve in theta]),
    }


def leaving(t: np.ndarray, start: float) -> np.ndarray:
    """(K, 3), rows (w, a): stay until ``start``, then follow the flow of the active neuron, eq. (47): p' = exp(-a p) a, a' = exp(-a p) p, w = (p, 1)."""
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
    """max_t |theta(t) - theta(0) - integral of the velocity with relu'(0) = 0|, theta (K, 3) at equidistant t (K,)."""
    dw, da = velocity(X, y, theta[:, :-1], theta[:, -1])
    speed = np.column_stack([dw, da])
    steps = np.diff(t)[:, None] * (speed[1:] + speed[:-1]) / 2
    return float(
        np.abs(
            theta - theta[0] - np.concatenate([np.zeros((1, 3)), np.cumsum(steps, axis=0)])
        ).max()
    )


def travelled(p: float) -> float:
    """Time since leaving at which w_1 = p: with p = sinh s, a = cosh s it is the integral of exp(sinh(2 q) / 2) over q in [0, s]."""
    return float(
        quad(lambda q: np.exp(np.sinh(2 * q) / 2), 0.0, np.arcsinh(p), epsabs=1e-12, epsrel=1e-12)[
            0
        ]
    )


# ---- statements

CASES = (DEAD_BOUNDARY.name,)
E3, E4 = Ref("min2024", "Appendix E.3, Figure 20"), Ref("min2024", "Appendix E.4, Figure 21")


@statement(
    "F20.constant",
    E3,
    "theory",
    CASES,
    "with relu'(0) = 0 the neuron at the boundary of S_dead does not move, which solves the equation",
)
def constant(findings: Study) -> list[Judgement]:
    """measured: the velocity at the start, and how far descent moves, with relu'(0) = 0."""
    zero = findings.arrays["slope"] == 0
    require(None if zero.any() else "relu'(0) = 0 was not computed")
    moved = findings.arrays["after"][zero] - [*W0, A0]
    return [
        upper(
            "||velocity|| at the start", float(np.linalg.norm(findings.arrays["force"][zero])), 0.0
        ),
        upper("motion under descent", np.abs(moved).max(), 0.0),
    ]


@statement(
    "F20.jump",
    E3,
    "theory",
    CASES,
    "with relu'(0) = s > 0 descent jumps once into S_dead, to (-s lr, 1), and the constant curve is no solution",
)
def jump(findings: Study) -> list[Judgement]:
    """measured: distance of (w, a) from (-s lr, 1, 1) after 1 and after many steps; |residual of the constant curve at t = 1, minus s|."""
    arrays = findings.arrays
    positive = arrays["slope"] > 0
    require(None if positive.any() else "options.slope has no positive slope")
    slope = arrays["slope"][positive]
    expected = np.stack(np.broadcast_arrays(-slope[:, None] * arrays["lr"], 1.0, 1.0), axis=-1)[
        :, :, None
    ]
    left = np.linalg.norm(
        arrays["force"][positive], axis=1
    )  # the constant curve moves by 0, its velocity integrates to this times t
    return [
        upper(
            "distance from (-s lr, 1), a = 1",
            np.abs(arrays["after"][positive] - expected).max(),
            0.0,
        ),
        upper(
            "|residual of the constant curve at t = 1, minus s|", np.abs(left - slope).max(), 0.0
        ),
    ]


@statement(
    "F21.family",
    E4,
    "theory",
    CASES,
    "leaving the boundary at any time, or never, solves the equation with relu'(0) = 0",
)
def family(findings: Study) -> list[Judgement]:
    """measured: largest residual of the integral equation (bound: one cell of the grid, where the velocity jumps), and distance from the closed form."""
    t, leave, theta = (findings.arrays[name] for name in ("t", "leave", "theta"))
    gone = [
        (curve[-1], t[-1] - start)
        for start, curve in zip(leave, theta, strict=True)
        if start < t[-1]
    ]
    require(None if gone else "no curve leaves before the horizon")
    late = max(
        abs(travelled(float(end[0])) - time) * np.exp(-end[0] * end[2]) * end[2]
        for end, time in gone
    )  # as a distance in w_1
    hyperbola = max(float(np.abs(curve[:, 2] ** 2 - curve[:, 0] ** 2 - 1).max()) for curve in theta)
    return [
        upper("largest residual", findings.arrays["residual"].max(), t[1] - t[0]),
        upper("distance from the closed form at the end", late, 1e-8),
        upper("|a^2 - w_1^2 - 1|", hyperbola, 1e-8),
    ]


@statement(
    "F21.regular", E4, "theory", CASES, "only the curve that never leaves is regular (Definition 1)"
)
def regular(findings: Study) -> list[Judgement]:
    """measured: curves that leave S_dead although they should stay, or the other way round; all start in S_dead."""
    t, leave, theta = (findings.arrays[name] for name in ("t", "leave", "theta"))
    stays = np.all(theta[:, :, 0] <= 0, axis=1)
    require(None if np.isinf(leave).any() else "the curve that never leaves was not computed")
    return [
        none_of(
            "curves that stay but should not, or leave but should not",
            np.sum(stays != (leave >= t[-1])),
        )
    ]


CLAIMS = (constant, jump, family, regular)
