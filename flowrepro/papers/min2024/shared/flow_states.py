"""Reading the study `theory_flow`: states in logarithms, stays in patterns, and the times t1, t2.

The theorem allows only scales that no double can hold. W is therefore never formed: a state is the
logarithm of each norm and a unit direction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024.shared.constants import StartConstants, points_of, start_constants

FIT = 0.25
"""|f| at which a class is fitted: t2+ and t2- are the first times beyond it (Appendix D.2)."""


class States(NamedTuple):
    """The flow at T times. W = exp(ln_w) U underflows at the theorem's scale.

    t : (T,). ln_w, ln_a : (T, m) ln ||w_j||, ln |a_j|. U : (T, m, d) unit directions. sign : (m,).
    loss : (T,). active : (T, m, n) activations; none of a dead neuron, which stays on its last
    hyperplane up to rounding.
    ln_f : (T,) ln max_k |f(x_k)|, -inf where all f are 0. relative_f : (T, n) f(x_k) / max |f|.
    f : (T, n), with underflow.
    """

    t: np.ndarray
    ln_w: np.ndarray
    ln_a: np.ndarray
    U: np.ndarray
    sign: np.ndarray
    loss: np.ndarray
    active: np.ndarray
    ln_f: np.ndarray
    relative_f: np.ndarray
    f: np.ndarray


def read_states(result: Study) -> States:
    """The states of the study."""
    Y = result.arrays["Y"]
    sizes = np.linalg.norm(Y[..., 1:-1], axis=-1)
    ln_w, ln_a = Y[..., 0] + np.log(sizes), Y[..., 0] + np.log(np.abs(Y[..., -1]))
    U, sign = Y[..., 1:-1] / sizes[..., None], np.sign(Y[0, :, -1])
    t, heights = result.arrays["t"], U @ result.X.T
    active = (heights > 0) & ~(t[:, None] >= deaths(result))[..., None]
    ln_size = ln_w + ln_a
    top = ln_size.max(axis=1)
    scaled = np.einsum("tmn,tm->tn", heights * active, sign * np.exp(ln_size - top[:, None]))
    largest = np.abs(scaled).max(axis=1)
    with np.errstate(divide="ignore"):
        ln_f = np.log(largest) + top
    relative = scaled / np.where(largest > 0, largest, 1.0)[:, None]
    f = np.exp(ln_f)[:, None] * relative
    return States(t, ln_w, ln_a, U, sign, result.arrays["loss"], active, ln_f, relative, f)


def start_of(result: Study) -> StartConstants:
    """The constants of the start."""
    Y = result.arrays["Y"][0]
    sizes = np.linalg.norm(Y[:, 1:-1], axis=1)
    return start_constants(
        result.X,
        result.y,
        Y[:, 1:-1] / sizes[:, None],
        Y[:, 0] + np.log(sizes),
        np.sign(Y[:, -1]),
        float(result.case.options["ln_eps"]),
    )


class Stays(NamedTuple):
    """Every stay of a neuron in an activation pattern, (E,).

    neuron : its index. start, end : the times. positive, negative : active data of both classes.
    trap : whether the pattern is a trap: S+ (a > 0), S- (a < 0) or the dead cone (Lemma 12).
    """

    neuron: np.ndarray
    start: np.ndarray
    end: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    trap: np.ndarray

    @property
    def active(self) -> np.ndarray:
        """n_a, the number of active data (E,)."""
        return np.asarray(self.positive + self.negative)

    @property
    def t1(self) -> float:
        """First time at which every neuron is in a trap; inf if one never is."""
        return float(np.max(self.end[~self.trap], initial=0.0))


def read_stays(result: Study) -> Stays:
    """The stays of the study."""
    names = ("neuron", "start", "end", "positive", "negative")
    columns = [result.arrays[f"stay_{name}"] for name in names]
    return stays_with_traps(columns, result.arrays["Y"][0, :, -1] > 0, points_of(result).n_class)


def stays_with_traps(
    columns: Sequence[np.ndarray], up: np.ndarray, counts: tuple[int, int]
) -> Stays:
    """Stays of neurons of which ``up`` (m,) have a > 0, for that many data of each class."""
    neuron, start, end, positive, negative = columns
    own = np.where(
        up[neuron],
        (positive == counts[0]) & (negative == 0),
        (negative == counts[1]) & (positive == 0),
    )
    return Stays(neuron, start, end, positive, negative, own | (positive + negative == 0))


def deaths(result: Study) -> np.ndarray:
    """Time (m,) at which each neuron dies, inf for those that live."""
    stays = read_stays(result)
    ends = np.flatnonzero(np.isinf(stays.end) & (stays.active == 0))
    died: np.ndarray = np.full(result.arrays["Y"].shape[1], np.inf)
    died[stays.neuron[ends]] = stays.start[ends]
    return died


def settled_classes(result: Study) -> tuple[np.ndarray, np.ndarray]:
    """V~+ and V~- as masks (m,): neurons of each sign that never die."""
    alive, output = np.isinf(deaths(result)), result.arrays["Y"][0, :, -1]
    return alive & (output > 0), alive & (output < 0)


def fit_times(result: Study, states: States) -> np.ndarray:
    """t2+ and t2- (2,): first time with max |f| > 1/4 on the data of the class, inf without one.

    Between two records ln |f| is taken to be a straight line.
    """
    found = []
    for chosen in (result.y > 0, result.y < 0):
        with np.errstate(divide="ignore"):
            largest = np.abs(states.relative_f[:, chosen]).max(axis=1, initial=0.0)
            ln_f = np.log(largest) + states.ln_f
        above = np.flatnonzero(ln_f > np.log(FIT))
        i = int(above[0]) if above.size else -1
        if i <= 0:
            found.append(np.inf if i < 0 else 0.0)
            continue
        share = (np.log(FIT) - ln_f[i - 1]) / (ln_f[i] - ln_f[i - 1])
        found.append(float(states.t[i - 1] + share * (states.t[i] - states.t[i - 1])))
    return np.array(found)
