"""Initial weights. Every draw is float64 from ``numpy.random.default_rng(seed)``, in the order
written here.

The members ending in "-quadrature" draw nothing: their m neurons are nodes of equal weight for the
law of the draw of that name, so that a case with divide_by="sqrt(m)" trains the limit of infinite
width up to the error of the nodes. As neurons of a ReLU network are homogeneous, only E[|theta|^2]
in each direction of theta = (w, a) matters, and isotropic laws need nodes on one sphere only
(boursier2024).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.config import Init
from flowrepro.errors import UsageError

Weights = tuple[np.ndarray, np.ndarray]


def balanced(rng: np.random.Generator, m: int, d: int) -> Weights:
    """g_j ~ N(0, I_d), then fair signs s_j: w_j = g_j, a_j = s_j ||g_j||   (boursier2022 eq 4)."""
    g = rng.standard_normal((m, d))
    s = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    return g, s * np.linalg.norm(g, axis=1)


def gaussian(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j ~ N(0, I_d), then a_j ~ N(0, 1), unbalanced   (min2024 Sec. 4; boursier2024's unbalanced
    variant).
    """
    W = rng.standard_normal((m, d))
    return W, rng.standard_normal(m)


def dominated(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j uniform in [-1, 1]^d, then a_j = s_j sqrt(d) with fair signs, so |a_j| >= ||w_j||
    (boursier2024).
    """
    W = rng.uniform(-1.0, 1.0, (m, d))
    s = np.where(rng.random(m) < 0.5, -1.0, 1.0)
    return W, s * np.sqrt(d)


def unit_output(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j ~ N(0, I_d), then a_j = +1 or -1 with equal probability; a is not scaled (min2024
    Appendix A.5).
    """
    W = rng.standard_normal((m, d))
    return W, np.where(rng.random(m) < 0.5, -1.0, 1.0)


def he(rng: np.random.Generator, m: int, d: int) -> Weights:
    """w_j ~ N(0, (2/d) I_d), then a_j ~ N(0, 2/m)   (He et al., the usual large initialisation)."""
    W = rng.standard_normal((m, d)) * np.sqrt(2.0 / d)
    return W, rng.standard_normal(m) * np.sqrt(2.0 / m)


def balanced_quadrature(rng: np.random.Generator, m: int, d: int) -> Weights:
    """Infinite width of `balanced`: m/2 equidistributed directions of w, |w| = sqrt(d), each with a
    = |w| and a = -|w|; d = 2 or 3.
    """
    W = np.sqrt(d) * _sphere("balanced-quadrature", _half("balanced-quadrature", m), d, d)
    return np.tile(W, (2, 1)), np.repeat([1.0, -1.0], len(W)) * np.sqrt(d)


def gaussian_quadrature(rng: np.random.Generator, m: int, d: int) -> Weights:
    """Infinite width of `gaussian`: m equidistributed directions of (w, a), |(w, a)| = sqrt(d + 1);
    d = 1 or 2.
    """
    theta = np.sqrt(d + 1.0) * _sphere("gaussian-quadrature", m, d + 1, d)
    return theta[:, :-1].copy(), theta[:, -1].copy()


def dominated_quadrature(rng: np.random.Generator, m: int, d: int) -> Weights:
    """Infinite width of `dominated`: m/2 equidistributed w in the square, each with a = sqrt(2) and
    a = -sqrt(2); d = 2.
    """
    count = _half("dominated-quadrature", m)
    if d != 2:
        raise UsageError(_without_nodes("dominated-quadrature", d, "2"))
    return np.tile(2.0 * _square(count) - 1.0, (2, 1)), np.repeat([1.0, -1.0], count) * np.sqrt(d)


def _square(count: int) -> np.ndarray:
    """``count`` equidistributed points of the unit square: a lattice turned by the golden ratio;
    (count, 2).
    """
    j = np.arange(count)
    return np.column_stack([(j + 0.5) / count, (j + 0.5) * (np.sqrt(5.0) - 1.0) / 2.0 % 1.0])


def _sphere(name: str, count: int, dimension: int, d: int) -> np.ndarray:
    """``count`` equidistributed unit vectors: equal angles on the circle, the Fibonacci lattice on
    the sphere; (count, dimension).
    """
    if dimension == 2:
        angle = 2.0 * np.pi * (np.arange(count) + 0.5) / count
        return np.column_stack([np.cos(angle), np.sin(angle)])
    if dimension == 3:
        u, v = _square(count).T
        height, angle = 1.0 - 2.0 * u, 2.0 * np.pi * v
        return np.column_stack(
            [
                np.sqrt(1.0 - height**2) * np.cos(angle),
                np.sqrt(1.0 - height**2) * np.sin(angle),
                height,
            ]
        )
    raise UsageError(_without_nodes(name, d, f"{2 + d - dimension} or {3 + d - dimension}"))


def _half(name: str, m: int) -> int:
    if m % 2:
        raise UsageError(
            f"init.m must be even for init.name={name}, where every w occurs with either sign of "
            f"a, not {m}; set init.m={m + 1}"
        )
    return m // 2


def _without_nodes(name: str, d: int, known: str) -> str:
    drawn = name.removesuffix("-quadrature")
    return (
        f"init.name={name} has nodes for points of dimension {known} only, not {d}; draw the "
        f"weights with init.name={drawn}"
    )


INITS: dict[str, Callable[[np.random.Generator, int, int], Weights]] = {
    "balanced": balanced,
    "gaussian": gaussian,
    "dominated": dominated,
    "unit-output": unit_output,
    "he": he,
    "balanced-quadrature": balanced_quadrature,
    "gaussian-quadrature": gaussian_quadrature,
    "dominated-quadrature": dominated_quadrature,
}
"""Weights of unit scale that are drawn; `initial_weights` multiplies them by `scale`, but for the
outputs of UNSCALED_OUTPUT.

STUDENT and "file" are the inits that are not drawn here."""


UNSCALED_OUTPUT = ("unit-output",)
"""Members whose second layer is taken as it is drawn."""

STUDENT = "student"
"""The neurons that the data set holds, drawn with its points: z0 (d,), which stands for w = z0, a =
||z0||   (lee2022), or rows
(w_j, a_j) (m, d + 1)   (boursier2022, Figure 6). Without any: one neuron at z0 ~ N(0, I_d) from the
seed.
"""


def _from_student(init: Init, student: np.ndarray) -> Weights:
    rows = np.append(student, np.linalg.norm(student))[None] if student.ndim == 1 else student
    if init.m != len(rows):
        raise UsageError(
            f"init.name={STUDENT} starts the {len(rows)} neurons of the data set, not {init.m}; "
            f"set init.m={len(rows)}"
        )
    return rows[:, :-1].copy(), rows[:, -1].copy()


def effective_scale(init: Init, d: int) -> float:
    """scale / divide_by: the factor of the unit draw, the lambda (alpha, eps) of the papers."""
    divisor = {"1": 1.0, "sqrt(m)": np.sqrt(init.m), "sqrt(m*d)": np.sqrt(init.m * d)}[
        init.divide_by
    ]
    return float(init.scale / divisor)


def require_known(name: str) -> None:
    """Raise UsageError unless there is a law of that name, or the data set brings the start."""
    if name not in (*INITS, STUDENT):
        raise UsageError(
            f"init.name must be one of {', '.join((*INITS, STUDENT))}, or file through --init "
            f"FILE, not '{name}'"
        )


def initial_weights(init: Init, seed: int, d: int, student: np.ndarray | None = None) -> Weights:
    """(W (m, d), a (m,)) in float64 for a member of INITS; norms are taken before scaling, so none
    underflows.

    ``student``, (d,) or (m, d + 1), is what STUDENT starts from: that of the data set, or None.
    """
    if init.name == STUDENT:
        W, a = _from_student(
            init, np.random.default_rng(seed).standard_normal(d) if student is None else student
        )
    else:
        require_known(init.name)
        W, a = INITS[init.name](np.random.default_rng(seed), init.m, d)
    scale = effective_scale(init, d)
    return scale * W, a if init.name in UNSCALED_OUTPUT else scale * a
