"""Reading the findings of `late_flows`: records of one run, distances of functions, and hypotheses about cases of this kind."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable
from flowrepro.claims.old_verdict import Ref
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.theory.margin import Separator

FIRST_LEVEL = 2
"""Records 0 and 1 are the start and the first with n L < ln 2."""


class Record(NamedTuple):
    """One kept state of one run: min q, ||theta||, W (m, d), a (m,)."""

    q: float
    rho: float
    W: np.ndarray
    a: np.ndarray


def ref(place: str) -> Ref:
    """A place in the paper."""
    return Ref("lyu2021", place)


def alpha(f: Study) -> float:
    """Slope of the leaky part."""
    return float(f.case.options["alpha"])


def record(f: Study, run: int, index: int) -> Record:
    """Record ``index`` of run ``run``; nan where the run has none."""
    arrays = f.arrays
    return Record(
        float(arrays["q"][run, index]),
        float(arrays["rho"][run, index]),
        arrays["W"][run, index],
        arrays["a"][run, index],
    )


def start(f: Study, run: int) -> Record:
    """The initial weights."""
    return record(f, run, 0)


def past(f: Study, run: int, least: float) -> list[Record]:
    """The records at levels of min q from ``least`` on."""
    found = [
        record(f, run, FIRST_LEVEL + k)
        for k, level in enumerate(f.arrays["level"])
        if level >= least
    ]
    return [state for state in found if np.isfinite(state.q)]


def separated_runs(f: Study) -> np.ndarray:
    """Indices of the runs that reached L < ln 2 / n."""
    return np.flatnonzero(np.isfinite(f.arrays["q"][:, 1]))


def some_separate(f: Study) -> str | None:
    """Some run reached L < ln 2 / n, and a level after it (hypothesis of Theorem 3.1)."""
    kept = np.isfinite(f.arrays["q"][:, 1]) & np.isfinite(f.arrays["q"][:, FIRST_LEVEL:]).any(
        axis=1
    )
    return None if kept.any() else "no run reached L < ln 2 / n and a margin that was to be kept"


def leaky(f: Study) -> str | None:
    """0 < alpha < 1."""
    return (
        None
        if 0 < alpha(f) < 1
        else f"the statement is for slopes strictly between 0 and 1, not alpha = {alpha(f):g}"
    )


def labelled(f: Study) -> str | None:
    """Labels +1 and -1."""
    return None if np.all(np.abs(f.y) == 1) else "the labels are not +1 and -1"


def separable(f: Study) -> str | None:
    """Assumption 3.2."""
    return (
        None
        if geometry.separator(f.X, f.y) is not None
        else "the points are not linearly separable (Assumption 3.2)"
    )


def symmetric(f: Study) -> str | None:
    """Assumption 4.1."""
    return None if geometry.mirrored(f.X, f.y) else "the data are not symmetric (Assumption 4.1)"


def not_orthogonal_to_mean(f: Study) -> str | None:
    """Assumption 4.5, with a margin of 1e-9 that rounding does not cross."""
    cosines = np.abs(geometry.unit(f.X) @ geometry.unit(geometry.mean(f.X, f.y)))
    return None if cosines.min() > 1e-9 else "some <mu, x_i> is zero (Assumption 4.5)"


def balanced(f: Study) -> str | None:
    """|a_j| = ||w_j|| at the start of every run."""
    a, sizes = np.abs(f.arrays["a"][:, 0]), np.linalg.norm(f.arrays["W"][:, 0], axis=-1)
    return (
        None
        if np.all(np.abs(a - sizes) <= 1e-12 * sizes)
        else "the start is not balanced (|a_k| = ||w_k||)"
    )


def small(most: float) -> Callable[[Study], str | None]:
    """Factory: all scales are at most ``most``, small enough for the limit of vanishing initialisation (measured)."""

    def hypothesis(f: Study) -> str | None:
        largest = float(np.max(f.arrays["scale"]))
        return (
            None
            if largest <= most
            else f"the scale {largest:g} is not small; take at most {most:g}"
        )

    return hypothesis


def separator_of(f: Study, sign: float | None = None) -> Separator:
    """w^* (or w^+, w^- for sign +1, -1); NotApplicable where the points are not separable."""
    found = (
        geometry.separator(f.X, f.y)
        if sign is None
        else geometry.one_neuron(f.X, f.y, alpha(f), sign)
    )
    if found is None:
        raise NotApplicable("the points are not linearly separable (Assumption 3.2)")
    return found


def function_distance(f: Study, state: Record, target: np.ndarray) -> float:
    """max |f(x) / rho^2 - target(x)| over the probes, ``target`` (2000,) given there."""
    return float(
        np.abs(predict(f.arrays["probe"], state.W, state.a, alpha(f)) / state.rho**2 - target).max()
    )


def margins(f: Study, state: Record) -> np.ndarray:
    """q_i = y_i f(x_i), (n,)."""
    return np.asarray(f.y * predict(f.X, state.W, state.a, alpha(f)))


def velocity(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float
) -> tuple[np.ndarray, np.ndarray]:
    """g = sum_i p_i grad q_i, p = softmax of ln(-l'(q_i)), the direction of -grad L: (W part (m, d), a part (m,)); sigma'(0) = alpha."""
    Z = X @ W.T
    ln_slope = -np.logaddexp(0.0, y * (activation(Z, alpha) @ a))
    p = np.exp(ln_slope - ln_slope.max())
    p *= y / p.sum()
    return a[:, None] * ((np.where(Z > 0, 1.0, alpha) * p[:, None]).T @ X), activation(
        Z, alpha
    ).T @ p
