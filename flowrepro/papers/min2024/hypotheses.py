"""Hypotheses of min2024: of the points, of the loss, and of the start and the end of a flow.

Each function returns None where a result satisfies it, else one sentence that says why not.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024.shared.constants import (
    approximation_time,
    ln_largest_scale,
    ln_moderate_scale,
    points_of,
)
from flowrepro.papers.min2024.shared.flow_states import (
    FIT,
    fit_times,
    read_states,
    read_stays,
    settled_classes,
    start_of,
)

LossName = Literal["exp", "logistic2", "logistic"]
LOSS_NAMES = get_args(LossName)
"""Losses that a study may take; the last one violates Lemma 2."""
SLOPE_ONE = ("exp", "logistic2", "square")
"""Losses with slope 1 at f = 0, which Lemma 2 needs."""


def assumption_1(result: Study) -> str | None:
    """Labels +1 and -1, and y_i y_j <x_i, x_j> > 0 for all pairs."""
    if not np.all(np.abs(result.y) == 1.0):
        return "the labels are not all +1 and -1"
    mu = points_of(result).mu
    return None if mu > 0 else f"Assumption 1 fails (mu = {mu:.4g})"


def two_points_at_least(result: Study) -> str | None:
    """n >= 2, without which log n bounds nothing."""
    return None if len(result.y) >= 2 else "the bounds have log n and there is one point"


def slope_one(result: Study) -> str | None:
    """The loss has slope 1 at f = 0 (Lemma 2)."""
    name = result.case.options["loss"]
    if name in SLOPE_ONE:
        return None
    return (
        f"Lemma 2 does not hold for the loss '{name}', l'(0) = 1/2; "
        "--set options.loss=logistic2 has slope 1"
    )


def assumption_2(result: Study) -> str | None:
    """No neuron of V_+ starts along x_-, none of V_- along x_+."""
    furthest = start_of(result).furthest
    return None if furthest < 1 else f"Assumption 2 fails (cosine {furthest:.17g})"


def moderate_scale(result: Study) -> str | None:
    """eps <= 1 / (4 sqrt(m) X_max W_max^2) and T > 0 (Lemmas 1 and 3)."""
    points, start = points_of(result), start_of(result)
    limit = ln_moderate_scale(points, start)
    if start.ln_eps > limit:
        return f"eps = e^{start.ln_eps:.4g} exceeds 1/(4 sqrt(m) X_max W_max^2) = e^{limit:.4g}"
    if approximation_time(points, start) > 0:
        return None
    return "T = log(1/(sqrt(m) eps))/(4 n X_max) is not positive"


def theorem_scale(result: Study) -> str | None:
    """eps satisfies (28)."""
    start = start_of(result)
    limit = min(ln_largest_scale(points_of(result), start))
    if start.ln_eps <= limit:
        return None
    return f"Theorem 1 asks for eps <= e^{limit:.6g} (28), this run has e^{start.ln_eps:.6g}"


def aligned(result: Study) -> str | None:
    """All neurons are in a trap at t1, both classes keep neurons, and |f| <= 1/4 until then."""
    t1 = read_stays(result).t1
    if not np.isfinite(t1):
        return "some neuron reaches no trap, so there is no t1"
    if not all(chosen.any() for chosen in settled_classes(result)):
        return "no neuron is left to fit one of the classes"
    states = read_states(result)
    largest = np.exp(states.ln_f[states.t <= t1].max())
    return None if largest <= FIT else f"max |f| = {largest:.3g} > 1/4 before t1"


def fitted(result: Study) -> str | None:
    """Both classes reach |f| > 1/4 before the flow ends."""
    if np.all(np.isfinite(fit_times(result, read_states(result)))):
        return None
    return "the flow ends before both classes have |f| > 1/4; raise options.after"


THEORY = (assumption_1, slope_one)
"""What the lemmas on the flow need."""
ALIGNMENT = (assumption_1, two_points_at_least, assumption_2, slope_one, theorem_scale)
"""What the first part of Theorem 1 needs."""
CONVERGENCE = (assumption_1, slope_one, aligned)
"""What the second part of Theorem 1 needs."""
