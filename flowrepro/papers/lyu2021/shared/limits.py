"""Which theorem names the limit of the flow on a set of points, from what `classifiers` finds."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021.hypotheses import STRICT
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.theory.margin import Inseparable, hard_margin


def value(result: Study, name: str) -> float:
    """A number that the study found."""
    return float(result.arrays[name])


def linear_margin(result: Study) -> float:
    """(1 + alpha)/4 gamma*, the normalised margin of the linear pair."""
    return (1 + float(result.case.options["alpha"])) / 4 * value(result, "gamma_star")


def linearly_separable(result: Study) -> str | None:
    """Assumption 3.2, with the proof where it fails."""
    if np.isfinite(value(result, "gamma_star")):
        return None
    found = hard_margin(result.X, result.y)
    known = geometry.inseparable(found) if isinstance(found, Inseparable) else "no separator"
    return f"Assumption 3.2 fails: {known}"


def class_lengths(result: Study) -> tuple[float, float]:
    """||w+|| and ||w-|| of problem (Q)."""
    plus, minus = (geometry.class_separator(result.X, result.y, sign) for sign in (1.0, -1.0))
    return float(np.linalg.norm(plus)), float(np.linalg.norm(minus))


def plus_grows_faster(result: Study) -> bool:
    """Whether ||mu+|| > ||mu-||: Theorem A.7 is about these points, else A.10."""
    return value(result, "mu_plus") > value(result, "mu_minus")


def predicted_limit(result: Study) -> tuple[str, float, str]:
    """The limit of the flow from a vanishing start; NotApplicable where no theorem names it.

    The theorem, the limit's margin, and the limit: "linear", the neuron "plus" or "minus", or
    "orthogonal", one neuron for each class.
    """
    alpha, arrays = float(result.case.options["alpha"]), result.arrays
    if fails := linearly_separable(result):
        raise NotApplicable(fails)
    if alpha == 0 and arrays["orthogonally_separable"]:
        return "H.2", 1 / (2 * sum(class_lengths(result))), "orthogonal"
    if not 0 < alpha < 1:
        raise NotApplicable(
            "the theorems that name a limit are for slopes strictly between 0 and 1, or for ReLU "
            f"on orthogonally separable points, not for alpha = {alpha:g} on these"
        )
    if arrays["mirrored"]:
        if orthogonal_to_mean(result):
            raise NotApplicable("some <mu, x_i> is zero (Assumption 4.5)")
        mu = geometry.unit(geometry.mean(result.X, result.y))
        if len(set(np.sign(arrays["net_W0"] @ mu + arrays["net_a0"]))) < 2:
            raise NotApplicable(
                "all neurons grow with one sign (probability 2^-(m - 1)), "
                "so the limit is a single neuron"
            )
        return "4.3", linear_margin(result), "linear"
    plus = plus_grows_faster(result)
    name, sign, theorem = ("plus", 1.0, "A.7") if plus else ("minus", -1.0, "A.10")
    if not value(result, "alignment") > 0:
        raise NotApplicable(
            "the points are not symmetric, and Assumption A.2 fails "
            f"(least slack {value(result, 'alignment'):.3g}): only Theorem 3.1 applies"
        )
    if reason := other_sign_wins(result):
        raise NotApplicable(f"{reason}: only Theorem 3.1 applies")
    if not np.any(np.sign(arrays["net_a0"]) == sign):
        raise NotApplicable(f"no neuron starts with output sign {sign:+.0f} (probability 2^-m)")
    if not np.all(arrays["net_aligned"]):
        raise NotApplicable(
            f"{np.sum(~arrays['net_aligned'])} neurons fail the cone test of Lemma G.4 "
            "at L = ln 2 / n; take a smaller scale"
        )
    return theorem, value(result, f"gamma_{name}") / 2, name


def other_sign_wins(result: Study) -> str | None:
    """Assumption A.5 (or A.9) for the leading sign, and what the proof needs besides."""
    bound, rate = float(result.arrays["other_sign"][1]), value(result, "other_rate")
    if not (np.isfinite(bound) and np.isfinite(rate)):
        return "Assumption A.5 could not be decided, as the support of the leading neuron is large"
    if not bound < 1 - STRICT:
        return f"Assumption A.5 fails: the other sign alone has {bound:.4g} times the margin"
    if not rate < 1 - STRICT:
        return (
            f"neurons of the other sign grow {rate:.4g} times as fast near the one-neuron network, "
            "and there Theorem A.7 is false as printed (case counterexample-a7)"
        )
    return None


def orthogonal_to_mean(result: Study) -> bool:
    """Some <mu, x_i> is zero, against Assumption 4.5."""
    largest = np.linalg.norm(result.X, axis=1).max()
    return bool(value(result, "mu_x_least") <= 1e-9 * largest**2)


def unevenness(result: Study, limit: str) -> float:
    """How far the weights are from the limit's.

    sum_{a>0} a^2 / sum_{a<0} a^2 is 1 at the "linear" one (Theorem 4.3) and ||w+|| / ||w-|| at the
    "orthogonal" one (H.2): the distance to it, relative. One sign (A.7, A.10): the smaller of the
    two sums over the larger.
    """
    a = result.arrays["net_a"]
    sums = float(np.sum(a[a > 0] ** 2)), float(np.sum(a[a < 0] ** 2))
    if limit in ("plus", "minus"):
        return min(sums) / max(sums)
    shares = (1.0, 1.0) if limit == "linear" else class_lengths(result)
    ratios = sums[0] * shares[1], sums[1] * shares[0]
    return 1 - min(ratios) / max(ratios)


def applicable(result: Study) -> Iterator[str]:
    """The theorems whose hypotheses about the points and the slope hold.

    Those about the start are not looked at.
    """
    alpha, arrays = float(result.case.options["alpha"]), result.arrays
    leaky, mirrored = 0 < alpha < 1, bool(arrays["mirrored"])
    yield "3.1"
    if linearly_separable(result):
        return
    if leaky and mirrored:
        yield "4.2"
        if not orthogonal_to_mean(result):
            yield "4.3"
    if leaky and not mirrored and value(result, "alignment") > 0 and not other_sign_wins(result):
        yield "A.7" if plus_grows_faster(result) else "A.10"
    if alpha == 0 and arrays["orthogonally_separable"]:
        yield "H.2"
