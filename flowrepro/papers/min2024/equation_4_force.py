"""The force on the direction of one small neuron (min2024, eqs. 4, 5 and 7; Figures 1 and 3).

While the output of the network is negligible, the direction u = w/||w|| of a neuron with output
weight a follows

    du/dt = sign(a) P_u x_a(u),    x_a(u) = sum over <x_i, u> > 0 of y_i x_i,    P_u = I - u u^T.

The claims compare this with the true gradient. An extreme vector is a direction at rest, where u is
parallel to sign(a) x_a(u): small neurons turn to it, and grow there at the rate ||x_a(u)||.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, at_most
from flowrepro.core.config import Data
from flowrepro.core.network import gradient, predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import SUM_EXP
from flowrepro.errors import UsageError
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import assumption_1
from flowrepro.papers.min2024.shared.constants import SIX_POINTS, points_of
from flowrepro.papers.study import option
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import class_sums

ON = 1e-12
"""A datum whose cosine with the neuron is below this lies on its hyperplane."""


def active_sum(X: np.ndarray, y: np.ndarray, u: np.ndarray) -> np.ndarray:
    """x_a(u) = sum over <x_i, u> > 0 of y_i x_i, shape (d,)   (min2024 eq. 5)."""
    active = X @ u > 0
    return (y * active) @ X  # type: ignore[no-any-return]


class ExtremeVector(NamedTuple):
    """A direction u (d,) parallel to s x_a(u), the norm of x_a(u), and whether the search ended."""

    u: np.ndarray
    pull: float
    settled: bool


def extreme_vector(
    X: np.ndarray, y: np.ndarray, sign: int, max_iterations: int = 1000, tolerance: float = 1e-10
) -> ExtremeVector:
    """The extreme vector reached from x_+ (sign = 1) or x_- (sign = -1).

    Damped fixed point u <- normalised(u + s x_a(u) / ||x_a(u)||), s = ``sign``. The stable rest
    points of du/dt = s P_u x_a(u) have u = s x_a(u) / ||x_a(u)||. There, with a_j balancing
    ||w_j||, the norm of a neuron grows like exp(eta k ||x_a(u)|| / n) over the steps k of a descent
    on the mean of a loss with slope 1 at f = 0.

    Not settled where the data of that class are missing, or where the iteration does not come to
    rest.
    """
    u = class_sums(X, y)[0 if sign > 0 else 1]
    if not np.any(u):
        return ExtremeVector(np.full(X.shape[1], np.nan), float("nan"), settled=False)
    X, u = X.astype(np.float64), u / np.linalg.norm(u)
    for _ in range(max_iterations):
        pull = active_sum(X, y, u)
        norm = float(np.linalg.norm(pull))
        if norm == 0.0:
            break
        ahead = u + sign * pull / norm
        ahead /= np.linalg.norm(ahead)
        if np.linalg.norm(ahead - u) <= tolerance:
            return ExtremeVector(ahead, norm, settled=True)
        u = ahead
    return ExtremeVector(u, float("nan"), settled=False)


topic = Topic(PAPER, "The force on a small neuron (eq. 4, Figures 1 and 3)", command="toy2d")


@topic.study
def force(
    data: Dataset,
    *,
    w: list[float] = option([0.0, 1.0], "direction of the neuron, d numbers", within=(-1e6, 1e6)),
    size: float = option(1e-8, "norm of the neuron and its output weight", within=(1e-150, 10.0)),
) -> dict[str, np.ndarray]:
    """A neuron of V_+ with ||w|| = a = ``size``, under the sum of exponential losses.

    Returns u = w/||w|| (d,), active (n,), pull = x_a(w) (d,), projected = P_w x_a(w), velocity =
    du/dt from the gradient, and f (n,), the output on the data.
    """
    X, y, along = data.X, data.y, np.array(w)
    if along.shape != X.shape[1:] or not np.linalg.norm(along) > 0:
        raise UsageError(
            f"options.w must be a list of {X.shape[1]} numbers, not all zero, like the points of "
            f"the data set, not {w}"
        )
    active = X @ along > 0  # before w has unit length, so that data on its hyperplane stay there
    u = along / np.linalg.norm(along)
    W, a = size * u[None], np.array([size])
    pull = active_sum(X, y, along)
    down, _ = gradient(X[active], y[active], W, a, SUM_EXP)
    return {
        "u": u,
        "active": active,
        "pull": pull,
        "projected": across(pull, u),
        "velocity": across(-down[0], u) / size,
        "f": predict(X, W, a) * active,
    }


def across(v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """P_u v: the part of v (d,) orthogonal to the unit vector u (d,)."""
    return np.asarray(v - (v @ u) * u)


FORCE = force.case(
    "force",
    "Figure 1: the force on the direction of a small neuron is P_w x_a(w)",
    data=Data(name="sketch-points"),
)
FORCE_AT_BOUNDARY = force.case(
    "force-at-boundary",
    "Figure 3: where <x_3, w> = 0, a neuron of V_+ gains the positive datum x_3",
    data=SIX_POINTS,
    w=[-1.0, 1.2],  # orthogonal to x_3 = (1.2, 1.0), active on the three negative data
)


def approximation_error(result: Study) -> float:
    """2 n X_max max |f|, the bound of Lemma 4 on what eq. (4) neglects."""
    largest = np.linalg.norm(result.X, axis=1).max() * np.abs(result.arrays["f"]).max()
    return 2.0 * len(result.y) * float(largest)


def small_output(result: Study) -> str | None:
    """max |f| <= 1, as Lemma 4 asks for."""
    largest = float(np.abs(result.arrays["f"]).max())
    if largest <= 1:
        return None
    return f"Lemma 4 needs max |f| <= 1, here it is {largest:.3g}; take a smaller options.size"


@topic.claim(
    "figure-1-force",
    "The direction of a small neuron moves with sign(a) P_w x_a(w).",
    place="eq. (4), Figure 1",
    given=(small_output,),
)
def direction_follows_the_force(result: Study) -> Iterator[Part]:
    """The bound is that of Lemma 4 plus the rounding of sums of n points."""
    rounding = 1e-14 * float(np.abs(result.X).sum())
    error = float(np.linalg.norm(result.arrays["velocity"] - result.arrays["projected"]))
    yield at_most("||du/dt - P_w x_a(w)||", error, approximation_error(result) + rounding)


@topic.claim(
    "figure-3-inward",
    "On the hyperplane of a positive (negative) datum, a neuron of V_+ moves towards gaining "
    "(losing) it.",
    place="eq. (7), Figure 3",
    on=(FORCE_AT_BOUNDARY,),
    given=(small_output, assumption_1),
)
def moves_inward(result: Study) -> Iterator[Part]:
    """d/dt <u, y_i x_i/||x_i||> >= mu ||x_a|| - 2 n X_max max |f| for data with <x_i, w> = 0."""
    X, y, arrays = result.X, result.y, result.arrays
    norms = np.linalg.norm(X, axis=1)
    require(None if arrays["active"].any() else "the neuron is dead: no force acts on it")
    on = np.flatnonzero(np.abs(X @ arrays["u"]) <= ON * norms)
    require(None if on.size else "no datum lies on the hyperplane of w")
    least = points_of(result).mu * float(np.linalg.norm(arrays["pull"]))
    speeds = y[on] * (X[on] @ arrays["velocity"]) / norms[on]
    yield at_least(
        "least y_i <x_i, x_a(w)> of data on the hyperplane",
        float(np.min(y[on] * (X[on] @ arrays["pull"]))),
        0.0,
    )
    yield at_least(
        "least d/dt <w/||w||, y_i x_i/||x_i||> there",
        float(speeds.min()),
        max(0.0, least - approximation_error(result)),
    )
