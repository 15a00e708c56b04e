"""Reading the study `theory_flow`: states in logarithms, the constants, t1 and t2, and the hypotheses of min2024's statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_verdict import Ref
from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024.constants import (
    PointConstants,
    StartConstants,
    approximation_time,
    ln_largest_scale,
    ln_moderate_scale,
    point_constants,
    start_constants,
)
from flowrepro.papers.min2024.theory_flow import FIT

SLOPE_ONE = ("exp", "logistic2")
"""Losses with slope 1 at f = 0, which Lemma 2 needs."""


def ref(place: str) -> Ref:
    """A place in the paper."""
    return Ref("min2024", place)


class States(NamedTuple):
    """The flow at T times. W = exp(ln_w) U is never formed: at the theorem's scale it underflows.

    t : (T,). ln_w, ln_a : (T, m) ln ||w_j||, ln |a_j|. U : (T, m, d) unit directions. sign : (m,). loss : (T,).
    active : (T, m, n) activations; none of a dead neuron, which stays on its last hyperplane up to rounding.
    ln_f : (T,) ln max_k |f(x_k)|, -inf where all f are 0. relative_f : (T, n) f(x_k) / max |f|. f : (T, n), with underflow.
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


def read_states(findings: Study) -> States:
    """The states of the study."""
    Y = findings.arrays["Y"]
    sizes = np.linalg.norm(Y[..., 1:-1], axis=-1)
    ln_w, ln_a = Y[..., 0] + np.log(sizes), Y[..., 0] + np.log(np.abs(Y[..., -1]))
    U, sign = Y[..., 1:-1] / sizes[..., None], np.sign(Y[0, :, -1])
    t, heights = findings.arrays["t"], U @ findings.X.T
    active = (heights > 0) & (t[:, None] < deaths(findings))[..., None]
    ln_size = ln_w + ln_a
    top = ln_size.max(axis=1)
    scaled = np.einsum("tmn,tm->tn", heights * active, sign * np.exp(ln_size - top[:, None]))
    largest = np.abs(scaled).max(axis=1)
    with np.errstate(divide="ignore"):
        ln_f = np.log(largest) + top
    relative = scaled / np.where(largest > 0, largest, 1.0)[:, None]
    return States(
        t,
        ln_w,
        ln_a,
        U,
        sign,
        findings.arrays["loss"],
        active,
        ln_f,
        relative,
        np.exp(ln_f)[:, None] * relative,
    )


def points_of(findings: Study) -> PointConstants:
    """The constants of the points."""
    return point_constants(findings.X, findings.y)


def start_of(findings: Study) -> StartConstants:
    """The constants of the start."""
    Y = findings.arrays["Y"][0]
    sizes = np.linalg.norm(Y[:, 1:-1], axis=1)
    return start_constants(
        findings.X,
        findings.y,
        Y[:, 1:-1] / sizes[:, None],
        Y[:, 0] + np.log(sizes),
        np.sign(Y[:, -1]),
        float(findings.case.options["ln_eps"]),
    )


class Stays(NamedTuple):
    """Every stay of a neuron in an activation pattern (E,): its neuron, times, active data of both classes, and whether it is a trap.

    Traps are S+ (a > 0), S- (a < 0) and the dead cone (min2024 Lemma 12).
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


def read_stays(findings: Study) -> Stays:
    """The stays of the study."""
    columns = [
        findings.arrays[f"stay_{name}"]
        for name in ("neuron", "start", "end", "positive", "negative")
    ]
    return stays_with_traps(
        columns, findings.arrays["Y"][0, :, -1] > 0, points_of(findings).n_class
    )


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


def deaths(findings: Study) -> np.ndarray:
    """Time (m,) at which each neuron dies, inf for those that live."""
    stays = read_stays(findings)
    ends = np.flatnonzero(np.isinf(stays.end) & (stays.active == 0))
    died: np.ndarray = np.full(findings.arrays["Y"].shape[1], np.inf)
    died[stays.neuron[ends]] = stays.start[ends]
    return died


def settled_classes(findings: Study) -> tuple[np.ndarray, np.ndarray]:
    """V~+ and V~- as masks (m,): neurons of each sign that never die."""
    alive, output = np.isinf(deaths(findings)), findings.arrays["Y"][0, :, -1]
    return alive & (output > 0), alive & (output < 0)


def fit_times(findings: Study, states: States) -> np.ndarray:
    """t2+ and t2- (2,): first time with max_{I+-} |f| > 1/4, on the straight line of ln |f| between two records; inf without one."""
    found = []
    for chosen in (findings.y > 0, findings.y < 0):
        with np.errstate(divide="ignore"):
            ln_f = (
                np.log(np.abs(states.relative_f[:, chosen]).max(axis=1, initial=0.0)) + states.ln_f
            )
        above = np.flatnonzero(ln_f > np.log(FIT))
        i = int(above[0]) if above.size else -1
        if i <= 0:
            found.append(np.inf if i < 0 else 0.0)
            continue
        share = (np.log(FIT) - ln_f[i - 1]) / (ln_f[i] - ln_f[i - 1])
        found.append(float(states.t[i - 1] + share * (states.t[i] - states.t[i - 1])))
    return np.array(found)


# ---- hypotheses


def assumption_1(findings: Study) -> str | None:
    """Labels +1 and -1, and y_i y_j <x_i, x_j> > 0 for all pairs."""
    if not np.all(np.abs(findings.y) == 1.0):
        return "the labels are not all +1 and -1"
    mu = points_of(findings).mu
    return None if mu > 0 else f"Assumption 1 fails (mu = {mu:.4g})"


def two_points_at_least(findings: Study) -> str | None:
    """n >= 2, without which log n bounds nothing."""
    return None if len(findings.y) >= 2 else "the bounds have log n and there is one point"


def assumption_2(findings: Study) -> str | None:
    """No neuron of V_+ starts along x_-, none of V_- along x_+."""
    furthest = start_of(findings).furthest
    return None if furthest < 1 else f"Assumption 2 fails (cosine {furthest:.17g})"


def slope_one(findings: Study) -> str | None:
    """The loss has slope 1 at f = 0 (Lemma 2)."""
    name = findings.case.options["loss"]
    return (
        None
        if name in SLOPE_ONE
        else f"Lemma 2 does not hold for the loss '{name}', l'(0) = 1/2; --set options.loss=logistic2 has slope 1"
    )


def moderate_scale(findings: Study) -> str | None:
    """eps <= 1 / (4 sqrt(m) X_max W_max^2) and T > 0 (Lemmas 1 and 3)."""
    points, start = points_of(findings), start_of(findings)
    limit = ln_moderate_scale(points, start)
    if start.ln_eps > limit:
        return f"eps = e^{start.ln_eps:.4g} exceeds 1/(4 sqrt(m) X_max W_max^2) = e^{limit:.4g}"
    return (
        None
        if approximation_time(points, start) > 0
        else "T = log(1/(sqrt(m) eps))/(4 n X_max) is not positive"
    )


def theorem_scale(findings: Study) -> str | None:
    """eps satisfies (28)."""
    start = start_of(findings)
    limit = min(ln_largest_scale(points_of(findings), start))
    if start.ln_eps <= limit:
        return None
    return f"Theorem 1 asks for eps <= e^{limit:.6g} (28), this run has e^{start.ln_eps:.6g}"


def aligned(findings: Study) -> str | None:
    """All neurons are in a trap at t1, both classes keep neurons, and |f| <= 1/4 until then."""
    t1 = read_stays(findings).t1
    if not np.isfinite(t1):
        return "some neuron reaches no trap, so there is no t1"
    if not all(chosen.any() for chosen in settled_classes(findings)):
        return "no neuron is left to fit one of the classes"
    states = read_states(findings)
    until = states.ln_f[states.t <= t1]
    return (
        None
        if np.exp(until.max()) <= FIT
        else f"max |f| = {np.exp(until.max()):.3g} > 1/4 before t1"
    )


def fitted(findings: Study) -> str | None:
    """Both classes reach |f| > 1/4 before the flow ends."""
    return (
        None
        if np.all(np.isfinite(fit_times(findings, read_states(findings))))
        else "the flow ends before both classes have |f| > 1/4; raise options.after"
    )


THEORY = (assumption_1, slope_one)
ALIGNMENT = (assumption_1, two_points_at_least, assumption_2, slope_one, theorem_scale)
CONVERGENCE = (assumption_1, slope_one, aligned)
