"""Hypotheses of the statements of lyu2021: assumptions on the points, the slope and the start.

Each is None where a result satisfies it, else one sentence that says why not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.core.trajectory import Study
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.theory.margin import Separator

STRICT = 1e-9
"""Relative distance from equality at which a strict inequality holds, above the solvers' errors."""


def alpha(result: Study) -> float:
    """Slope of the leaky part of the activation."""
    return float(result.case.options["alpha"])


def separator_of(result: Study, sign: float | None = None) -> Separator:
    """w* (or w+, w- for sign +1, -1); NotApplicable where the points are not separable."""
    if sign is None:
        found = geometry.separator(result.X, result.y)
    else:
        found = geometry.one_neuron(result.X, result.y, alpha(result), sign)
    if found is None:
        raise NotApplicable("the points are not linearly separable (Assumption 3.2)")
    return found


def labelled(result: Study) -> str | None:
    """The labels are +1 and -1."""
    return None if np.all(np.abs(result.y) == 1) else "the labels are not +1 and -1"


def leaky(result: Study) -> str | None:
    """0 < alpha < 1."""
    if 0 < (slope := alpha(result)) < 1:
        return None
    return f"the statement is for slopes strictly between 0 and 1, not alpha = {slope:g}"


def separable(result: Study) -> str | None:
    """Assumption 3.2."""
    if geometry.separator(result.X, result.y) is not None:
        return None
    return "the points are not linearly separable (Assumption 3.2)"


def symmetric(result: Study) -> str | None:
    """Assumption 4.1."""
    if geometry.mirrored(result.X, result.y):
        return None
    return "the data are not symmetric (Assumption 4.1)"


def not_orthogonal_to_mean(result: Study) -> str | None:
    """Assumption 4.5, with a margin of 1e-9 that rounding does not cross."""
    mu = geometry.mean(result.X, result.y)
    cosines = np.abs(geometry.unit(result.X) @ geometry.unit(mu))
    return None if cosines.min() > 1e-9 else "some <mu, x_i> is zero (Assumption 4.5)"


def aligned_means(result: Study) -> str | None:
    """Assumption A.2."""
    slack = float(geometry.alignment_slack(result.X, result.y, alpha(result)).min())
    return None if slack > 0 else f"Assumption A.2 fails (least slack {slack:.4g})"


def one_sign_grows_faster(result: Study) -> str | None:
    """Assumption A.3."""
    kappa = geometry.lag(result.X, result.y, alpha(result))
    if kappa > 1e-12:
        return None
    excess = f"||mu^+|| does not exceed ||mu^-|| (Assumption A.3, kappa = {kappa:.4g})"
    return f"{excess}; flip all labels"


def negatives_fall_short(result: Study) -> str | None:
    """Assumption A.5, from certified bounds of the largest margin without positive outputs."""
    own = local_optimum.support(result.X, result.y, alpha(result))
    if own is None:
        return "the reweighted points are not separable (Assumption A.5)"
    half = own.best.margin / 2
    try:
        low, high = local_optimum.negative_margin(own, alpha(result))
    except (UsageError, NumericalError, DataError) as fault:
        return f"Assumption A.5 could not be decided: {fault}"
    if high < half * (1 - STRICT):
        return None
    return (
        "Assumption A.5 fails: without positive output weights the largest margin on the support "
        f"of w+ is {low:.6g}, not less than gamma+/2 = {half:.6g}"
    )


def negatives_grow_slower(result: Study) -> str | None:
    """What the proof of Theorem G.11 needs in the place of Assumption A.5: rate(lam*) < gamma+."""
    own = local_optimum.support(result.X, result.y, alpha(result))
    if own is None:
        return "the reweighted points are not separable (Assumption A.5)"
    try:
        rate, _ = local_optimum.negative_rate(own, alpha(result))
    except (UsageError, DataError) as fault:
        return f"the growth of negative neurons could not be computed: {fault}"
    if rate < own.best.margin * (1 - STRICT):
        return None
    return (
        f"negative neurons grow at the rate {rate:.6g}, not slower than gamma+ = "
        f"{own.best.margin:.6g}: Theorem A.7 is false there as printed (case counterexample-a7)"
    )


SEPARABLE = (labelled, leaky, separable)
"""What all theorems on leaky ReLU networks assume."""
SECTION_4 = (*SEPARABLE, symmetric)
"""Symmetric points."""
APPENDIX_A = (*SEPARABLE, aligned_means, one_sign_grows_faster)
"""Points without symmetry, on which positive neurons grow faster."""


def orthogonally_separable(result: Study) -> str | None:
    """Definition H.1."""
    if geometry.orthogonally_separable(result.X, result.y):
        return None
    return "the data are not orthogonally separable (Definition H.1)"


def balanced(result: Study) -> str | None:
    """|a_k| = ||w_k|| at the start of every run."""
    a = np.abs(result.arrays["a"][:, 0])
    sizes = np.linalg.norm(result.arrays["W"][:, 0], axis=-1)
    if np.all(np.abs(a - sizes) <= 1e-12 * sizes):
        return None
    return "the start is not balanced (|a_k| = ||w_k||)"


def small(most: float) -> Callable[[Study], str | None]:
    """Hypothesis: all scales are at most ``most``, which limits of small starts need."""

    def hypothesis(result: Study) -> str | None:
        known = result.arrays if "scale" in result.arrays else result.case.options
        largest = float(np.max(known["scale"]))
        if largest <= most:
            return None
        return f"the scale {largest:g} is not small; take at most {most:g}"

    return hypothesis
