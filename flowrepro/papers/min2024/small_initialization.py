"""How far a small network is from the approximate dynamics of directions, eq. (4) of min2024.

Lemmas 1, 3, 4 and 10, and (50), along the flow of Theorem 1. A balanced neuron with s_j = sign(a_j)
turns by

    d/dt (w_j/||w_j||) = s_j P_w sum over active k of -l'(y_k, f_k) x_k,

exactly, and by s_j P_w x_a(w_j) according to (4), as -l'(y, 0) = y. All errors are kept relative to
max |f|, which underflows at the scale of the theorem.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_most
from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import THEORY, moderate_scale
from flowrepro.papers.min2024.shared.constants import approximation_time, points_of
from flowrepro.papers.min2024.shared.flow_states import States, read_states, start_of
from flowrepro.papers.min2024.theorem_1_flow import FLOWS
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import class_sums

EXACT = 1e-12
"""Rounding of an inequality between numbers of order 1."""

topic = Topic(PAPER, "Small initialisation (Lemmas 1, 3, 4 and 10)", THEORY, command="toy2d")
along_the_flow = partial(topic.claim, on=FLOWS)
until_t = partial(topic.claim, on=FLOWS, given=(moderate_scale,))


def force_defects(loss: str, f: np.ndarray, relative_f: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(-l'(y_k, f_k) - y_k) / max_k |f_k|, (..., n), which stays exact where f itself underflows.

    The slope of -l' at 0 is -y^2 = -1 for exp and for square, and half of it for logistic2.
    """
    if loss == "square":
        return -relative_f
    largest = np.abs(f).max(axis=-1, keepdims=True)
    defect = y * np.expm1(-y * f) if loss == "exp" else -y * np.tanh(y * f / 2)
    limit = -relative_f * (1.0 if loss == "exp" else 0.5)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(largest > 1e-300, defect / largest, limit)


def active_force(result: Study, states: States) -> np.ndarray:
    """sum over active k of -l'(y_k, f_k) x_k for every neuron, (T, m, d)."""
    y, name = result.y, result.case.options["loss"]
    defects = force_defects(name, states.f, states.relative_f, y)
    pulls = y + defects * np.exp(states.ln_f)[:, None]
    return np.asarray((states.active * pulls[:, None, :]) @ result.X)


def direction_errors(result: Study, states: States) -> np.ndarray:
    """(d/dt (w_j/||w_j||) - s_j P_w x_a(w_j)) / max |f| of balanced neurons, (T, m, d)."""
    name = result.case.options["loss"]
    defects = force_defects(name, states.f, states.relative_f, result.y)
    force = (states.active * defects[:, None, :]) @ result.X
    along = np.sum(force * states.U, axis=-1, keepdims=True)
    return np.asarray(states.sign[:, None] * (force - along * states.U))


def negligible(states: States) -> np.ndarray:
    """(T,) where max |f| <= 1; NotApplicable if nowhere."""
    small = states.ln_f <= 0
    if not small.any():
        raise NotApplicable("max |f| > 1 at every record")
    return small


@along_the_flow(
    "lemma-4-directions",
    "While |f| <= 1, directions turn as in (4) up to 2 n X_max max |f|.",
    place="Lemma 4",
    label="identity",
)
def directions(result: Study) -> Iterator[Part]:
    """max_j ||d/dt w_j/||w_j|| - s_j P x_a(w_j)|| wherever max |f| <= 1.

    The derivative is that of the flow's equation at the state, so that this is Lemma 2 for all
    weights.
    """
    yield turns_as_in_4(result, read_states(result))


def turns_as_in_4(result: Study, states: States) -> Part:
    """Lemma 4 at the states of a flow."""
    points = points_of(result)
    errors = np.linalg.norm(direction_errors(result, states), axis=-1)[negligible(states)]
    ratio = errors.max() / (2 * points.n * points.x_max)
    return at_most("largest error over 2 n X_max max |f|", ratio, 1.0 + EXACT)


@along_the_flow(
    "lemma-10-cosine",
    "The cosine with x_+, x_- and y_i x_i follows its own equation up to 2 n X_max max |f|.",
    place="Lemma 10",
    label="identity",
)
def cosine(result: Study) -> Iterator[Part]:
    """|d psi_rj/dt - (psi_ra - psi_rj psi_aj) ||x_a||| for the unit vectors x_r of these."""
    points, states = points_of(result), read_states(result)
    directions = np.concatenate([class_sums(result.X, result.y), result.y[:, None] * result.X])
    directions = directions[np.any(directions != 0, axis=1)]
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    errors = np.abs(direction_errors(result, states) @ directions.T)[negligible(states)]
    ratio = errors.max() / (2 * points.n * points.x_max)
    yield at_most("largest error over 2 n X_max max |f|", ratio, 1.0 + EXACT)


@until_t(
    "lemma-3-norms",
    "Until T, ||w_j||^2 stays below 2 eps W_max^2/sqrt(m), and |f| below 2 eps sqrt(m) X_max "
    "W_max^2.",
    place="Lemma 3",
)
def norms(result: Study) -> Iterator[Part]:
    """For t <= T = log(1/(sqrt(m) eps))/(4 n X_max), in logarithms."""
    return stays_small(result, read_states(result))


def stays_small(result: Study, states: States) -> Iterator[Part]:
    """Lemma 3 at the states of a flow."""
    points, start = points_of(result), start_of(result)
    early = states.t <= approximation_time(points, start)
    ln_unit = np.log(2.0) + start.ln_eps + 2 * np.log(start.w_max)
    ln_norm = 2 * states.ln_w[early].max() - (ln_unit - 0.5 * np.log(start.m))
    ln_output = ln_unit + 0.5 * np.log(start.m) + np.log(points.x_max)
    yield at_most("ln of max ||w_j||^2 over its bound", ln_norm, 0.0)
    yield at_most("ln of max |f| over its bound", states.ln_f[early].max() - ln_output, 0.0)


@until_t(
    "lemma-1-directions",
    "Until T, directions turn as in (4) up to 4 eps n sqrt(m) X_max^2 W_max^2.",
    place="Lemma 1",
)
def approximation(result: Study) -> Iterator[Part]:
    """For t <= T, in logarithms."""
    yield turns_until_t(result, read_states(result))


def turns_until_t(result: Study, states: States) -> Part:
    """Lemma 1 at the states of a flow."""
    points, start = points_of(result), start_of(result)
    early = states.t <= approximation_time(points, start)
    errors = np.linalg.norm(direction_errors(result, states), axis=-1).max(axis=1)
    with np.errstate(divide="ignore"):
        ln_error = float((np.log(errors) + states.ln_f)[early].max())
    ln_bound = np.log(4 * points.n * points.x_max**2 * start.w_max**2) + 0.5 * np.log(start.m)
    ln_bound += start.ln_eps
    return at_most("ln of the largest error over its bound", ln_error - ln_bound, 0.0)


@along_the_flow(
    "equation-50-gradient",
    "The gradient grows at most linearly: ||grad L|| <= X_max L(0) ||theta||.",
    place="eq. (50)",
)
def gradient_grows(result: Study) -> Iterator[Part]:
    """In the Frobenius norm, at every record; theta is known up to a common factor."""
    states, Y = read_states(result), result.arrays["Y"]
    size = np.exp(Y[..., 0] - Y[..., 0].max(axis=1, keepdims=True))  # of theta_j
    force = active_force(result, states)
    on_w = (Y[..., -1] * size)[..., None] * force
    on_a = size * np.sum(Y[..., 1:-1] * force, axis=-1)
    squares = np.sum(on_w**2, axis=(1, 2)) + np.sum(on_a**2, axis=1)
    largest = np.sqrt(squares / np.sum(size**2, axis=1)).max()
    yield at_most(
        "largest ||grad L|| / (X_max L(0) ||theta||)",
        largest / (points_of(result).x_max * states.loss[0]),
        1.0 + EXACT,
    )
