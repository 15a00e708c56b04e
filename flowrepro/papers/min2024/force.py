"""The force on the direction of one small neuron, from the true gradient (min2024, eq. 4; Figures 1 and 3)."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import lower, require, statement, upper
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.claims.options import numbers, positive
from flowrepro.core.config import StudyCase
from flowrepro.core.network import gradient, predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import SUM_EXP
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.constants import point_constants
from flowrepro.papers.min2024.extreme_vectors import active_sum
from flowrepro.papers.min2024.toy_cases import FORCE, FORCE_AT_BOUNDARY
from flowrepro.papers.topic import Progress

ON = 1e-12
"""A cosine below this is a datum on the hyperplane of the neuron."""


def force(study: StudyCase, dataset: Dataset | None, progress: Progress) -> dict[str, np.ndarray]:
    """A neuron of V_+ with w along ``options.w`` and a = ||w|| = ``options.size``; the sum of exponential losses.

    Returns u = w/||w|| (d,), active (n,), pull = x_a(w) (d,), projected = P_w x_a(w), velocity = du/dt from the gradient,
    and f (n,), the output on the data.
    """
    assert dataset is not None
    X, y = dataset.X, dataset.y
    w = np.array(numbers(study, "w"), dtype=np.float64)
    if w.shape != X.shape[1:] or not np.any(w):
        raise UsageError(
            f"options.w must be a list of {X.shape[1]} numbers, not all zero, like the points of the data set, not {study.options['w']}"
        )
    active = (
        X @ w > 0
    )  # before w is rounded to unit length, so that data on its hyperplane stay there
    u = w / np.linalg.norm(w)
    size = positive(study, "size")
    pull = active_sum(X, y, w)
    down, _ = gradient(X[active], y[active], size * u[None], np.array([size]), SUM_EXP)
    progress(1, 1)
    return {
        "u": u,
        "active": active,
        "pull": pull,
        "projected": across(pull, u),
        "velocity": across(-down[0], u) / size,
        "f": predict(X, size * u[None], np.array([size])) * active,
    }


def across(v: np.ndarray, u: np.ndarray) -> np.ndarray:
    """P_u v: the part of v (d,) orthogonal to the unit vector u (d,)."""
    return np.asarray(v - (v @ u) * u)


def approximation_error(findings: Study) -> float:
    """2 n X_max max |f|, the bound of Lemma 4 on what eq. (4) neglects."""
    return (
        2.0
        * len(findings.y)
        * float(np.linalg.norm(findings.X, axis=1).max() * np.abs(findings.arrays["f"]).max())
    )


def small_output(findings: Study) -> str | None:
    """max |f| <= 1, as Lemma 4 asks for."""
    largest = float(np.abs(findings.arrays["f"]).max())
    return (
        None
        if largest <= 1
        else f"Lemma 4 needs max |f| <= 1, here it is {largest:.3g}; take a smaller options.size"
    )


@statement(
    "F1.force",
    Ref("min2024", "eq. (4), Figure 1"),
    "theory",
    (FORCE.name, FORCE_AT_BOUNDARY.name),
    "the direction of a small neuron moves with sign(a) P_w x_a(w)",
    (small_output,),
)
def direction_follows_the_force(findings: Study) -> list[Judgement]:
    """measured: ||du/dt - P_w x_a||; bound: 2 n X_max max |f| (Lemma 4) and the rounding of sums of n points."""
    rounding = 1e-14 * float(np.abs(findings.X).sum())
    error = findings.arrays["velocity"] - findings.arrays["projected"]
    return [
        upper(
            "||du/dt - P_w x_a(w)||",
            float(np.linalg.norm(error)),
            approximation_error(findings) + rounding,
        )
    ]


@statement(
    "F3.inward",
    Ref("min2024", "eq. (7), Figure 3"),
    "theory",
    (FORCE_AT_BOUNDARY.name,),
    "on the hyperplane of a positive (negative) datum a neuron of V_+ moves towards gaining (losing) it",
    (small_output,),
)
def moves_inward(findings: Study) -> list[Judgement]:
    """measured: d/dt <u, y_i x_i/||x_i||> for data with <x_i, w> = 0; bound: mu ||x_a|| - 2 n X_max max |f|, both positive."""
    X, y, arrays = findings.X, findings.y, findings.arrays
    norms = np.linalg.norm(X, axis=1)
    mu = point_constants(X, y).mu
    require(None if mu > 0 else f"Assumption 1 fails: mu = {mu:.4g}")
    require(None if arrays["active"].any() else "the neuron is dead: no force acts on it")
    on = np.flatnonzero(np.abs(X @ arrays["u"]) <= ON * norms)
    require(None if on.size else "no datum lies on the hyperplane of w")
    least = mu * float(np.linalg.norm(arrays["pull"])) - approximation_error(findings)
    speeds = y[on] * (X[on] @ arrays["velocity"]) / norms[on]
    return [
        lower(
            "least y_i <x_i, x_a(w)> of data on the hyperplane",
            float(np.min(y[on] * (X[on] @ arrays["pull"]))),
            0.0,
        ),
        lower("least d/dt <w/||w||, y_i x_i/||x_i||> there", float(speeds.min()), max(0.0, least)),
    ]


CLAIMS = (direction_follows_the_force, moves_inward)
