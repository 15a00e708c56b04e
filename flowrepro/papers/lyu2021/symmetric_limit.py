"""Symmetric data: every flow from a small start finds the max-margin linear classifier, if neurons of both signs grow.

Theorems 4.2 and 4.3 for single runs; the probability of Theorem 4.3 is in ``coin_checks.py``.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, number, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.late_records import (
    Record,
    alpha,
    function_distance,
    labelled,
    leaky,
    not_orthogonal_to_mean,
    past,
    ref,
    separable,
    separator_of,
    small,
    some_separate,
    start,
    symmetric,
)
from flowrepro.theory.margin import normalised_margin

FLOWS = ("flow-symmetric", "flow-symmetric-5d", "flow-middle")
GEOMETRIES = ("assumptions-left", "assumptions-symmetric", "assumptions-middle")
EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| from which on the rates of convergence are those of the balanced pair."""
GAP, DISTANCE = 2.0, 1.0
"""Margin gap times q and distance of functions times sqrt(q): measured 0.16 to 0.5, and 0.12 to 0.25."""


@statement(
    "optimum-is-linear",
    ref("Theorem 4.2"),
    "theory",
    GEOMETRIES,
    "On symmetric data the largest normalised margin of any width is (1 + alpha)/4 gamma*, that of the linear pair (w*, -w*, 1, -1)/2.",
    given=(labelled, separable, symmetric, leaky),
)
def check_optimum(f: Study) -> Sequence[Judgement]:
    """The pair's margin, the dual certificate from the linear separator's multipliers, and the optimum by column generation."""
    best, slope = separator_of(f), alpha(f)
    largest = (1 + slope) / 4 * best.margin
    pair = normalised_margin(f.X, f.y, *geometry.linear_pair(best.w), slope)
    lam = _mirror_average(f.X, f.y, best.duals / best.duals.sum())
    certificate = (1 + slope) / 4 * float(np.linalg.norm((lam * f.y) @ f.X))
    return [
        upper("|pair's margin / ((1 + alpha)/4 gamma*) - 1|", abs(pair / largest - 1), 1e-12),
        upper("the same of the dual bound", abs(certificate / largest - 1), 1e-12),
        upper(
            "of the optimum by column generation, lower",
            abs(float(f.arrays["largest"][0]) / largest - 1),
            1e-7,
        ),
        upper("upper", abs(float(f.arrays["largest"][1]) / largest - 1), 1e-7),
    ]


def _mirror_average(X: np.ndarray, y: np.ndarray, lam: np.ndarray) -> np.ndarray:
    """Multipliers averaged over the pairs x, -x, so that sum_i lam_i y_i phi(<u, x_i>) is linear in u."""
    partner = np.abs(X[:, None] + X[None]).max(axis=2).argmin(axis=1)
    return np.asarray((lam + lam[partner]) / 2)


def predicted(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Signs (..., m) of b_k = <w_k, mu> / ||mu|| + a_k at the start: the sign with which neuron k grows (Lemma 5.2)."""
    return np.asarray(np.sign(W @ geometry.unit(geometry.mean(X, y)) + a))


@statement(
    "linear-limit",
    ref("Theorem 4.3 and Corollary 4.4"),
    "theory",
    FLOWS,
    "If growing neurons of both signs are drawn, f / ||theta||^2 -> (1 + alpha)/4 <w*, x> and the margin is the largest; else one neuron remains.",
    given=(
        labelled,
        separable,
        symmetric,
        not_orthogonal_to_mean,
        leaky,
        small(1e-3),
        some_separate,
    ),
)
def check_linear_limit(f: Study) -> Sequence[Judgement]:
    """Distance of functions times sqrt(q) and margin gap times q at margins of 1e4 and more, once the two signs have the same weight."""
    best, slope = separator_of(f), alpha(f)
    if f.arrays["W"].shape[2] < 2:
        raise NotApplicable("the theorem is for width m >= 2")
    gaps, distances, slopes, good = [], [], [], 0
    for run in range(len(f.arrays["q"])):
        first = start(f, run)
        signs = np.unique(predicted(f.X, f.y, first.W, first.a))
        good += len(signs) == 2
        target, limit = _limit(f, signs, best.w, best.margin, slope)
        states = [state for state in past(f, run, 1e4) if len(signs) < 2 or _even(state)]
        gaps += [abs(1 - state.q / state.rho**2 / limit) * state.q for state in states]
        far = [(np.log(state.q), np.log(function_distance(f, state, target))) for state in states]
        distances += [np.exp(ln_distance + ln_q / 2) for ln_q, ln_distance in far]
        seen = np.array([point for point in far if point[1] > np.log(1e-5)])
        if len(seen) >= 2:
            slopes.append(float(np.polyfit(seen[:, 0], seen[:, 1], 1)[0]))
    if not gaps:
        raise NotApplicable(
            "no run reached a margin of 1e4 with both signs of the same weight; integrate to larger margins"
        )
    rate = [upper("slope of ln distance against ln q", max(slopes), -0.4)] if slopes else []
    return [
        upper("largest distance of functions * sqrt(q)", max(distances), DISTANCE),
        upper("largest relative margin gap * q", max(gaps), GAP),
        *rate,
        number("runs with growing neurons of both signs", good),
    ]


def _limit(
    f: Study, signs: np.ndarray, w: np.ndarray, margin: float, slope: float
) -> tuple[np.ndarray, float]:
    """(Function at the probes, margin) of the limit that the signs of the growing neurons predict."""
    if len(signs) == 2:
        return geometry.linear_target(w, slope, f.arrays["probe"]), (1 + slope) / 4 * margin
    return geometry.one_neuron_target(
        w, slope, f.arrays["probe"], float(signs[0])
    ), slope * margin / 2


def _even(state: Record) -> bool:
    """Positive and negative output weights have nearly the same sum of squares."""
    positive, negative = (
        float(np.sum(state.a[state.a > 0] ** 2)),
        float(np.sum(state.a[state.a < 0] ** 2)),
    )
    return abs(positive - negative) <= EVEN * negative


CLAIMS: tuple[Claim, ...] = (check_optimum, check_linear_limit)
