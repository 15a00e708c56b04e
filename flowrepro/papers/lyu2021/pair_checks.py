"""Two neurons on symmetric data, and the neighbourhood of the optimum (Theorems 5.5 and 5.6, Lemmas B.20 and F.1 to F.3)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import none_of, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.late_records import (
    alpha,
    labelled,
    leaky,
    ref,
    separable,
    separator_of,
    symmetric,
)

PAIRS, AROUND = ("two-neurons", "two-neurons-5d"), ("local-maximum",)
GIVEN = (labelled, leaky, separable, symmetric)
FAR = 1e6
"""Margin from which on distance * sqrt(q) is bounded (measured at most 0.6)."""


def _ends(f: Study) -> np.ndarray:
    """Indices of the runs whose last margin is at least FAR."""
    runs = np.flatnonzero(f.arrays["q"][:, -1] >= FAR * (1 - 1e-9))
    require(None if runs.size else f"no run reached a margin of {FAR:g}")
    return runs


@statement(
    "two-neuron-limit",
    ref("Theorem 5.5 and Lemma F.3"),
    "theory",
    PAIRS,
    "Two balanced neurons of either sign, each on its side of w*, converge to (w*, -w*, 1, -1)/2.",
    given=GIVEN,
)
def check_limit(f: Study) -> Sequence[Judgement]:
    """Distance of unit-norm weights times sqrt(q); Lemma F.2's w1 = -w2, a1 = -a2 is part of it."""
    W_star, a_star = geometry.linear_pair(separator_of(f).w)
    runs = _ends(f)
    rho, q = f.arrays["rho"][runs, -1], f.arrays["q"][runs, -1]
    W, a = f.arrays["W"][runs, -1] / rho[:, None, None], f.arrays["a"][runs, -1] / rho[:, None]
    away = np.square(W - W_star).sum(axis=(1, 2)) + np.square(a - a_star).sum(axis=1)
    opposite = np.linalg.norm(W.sum(axis=1), axis=1)
    return [
        upper("largest distance * sqrt(q)", float(np.max(np.sqrt(away * q))), 1.0),
        upper("largest ||w1 + w2|| / rho * sqrt(q)", float(np.max(opposite * np.sqrt(q))), 1.0),
        number("runs", len(runs)),
    ]


@statement(
    "pair-monotone",
    ref("Lemma B.20 and proof of Theorem 5.5"),
    "theory",
    PAIRS,
    "sgn(a_k) <w_k, w*> grows along the flow.",
    given=GIVEN,
)
def check_monotone(f: Study) -> Sequence[Judgement]:
    """From record to record."""
    heights = np.sign(f.arrays["a"]) * (f.arrays["W"] @ separator_of(f).w)
    changes = np.diff(heights, axis=1)
    moved = np.diff(f.arrays["q"], axis=1) != 0
    return [none_of("falls of sgn(a_k) <w_k, w*>", int(np.sum((changes <= 0) & moved[..., None])))]


@statement(
    "two-neuron-feasible",
    ref("Lemma F.1"),
    "theory",
    PAIRS,
    "If u1, u2 are feasible for two neurons, y_i (h1 <u2, x_i> + h2 <u1, x_i>) >= 1 for all subgradients h1 of phi at <u1, x_i>, h2 at -<u2, x_i>.",
    given=GIVEN,
)
def check_feasible(f: Study) -> Sequence[Judgement]:
    """At the random feasible pairs; the slopes are h1 = phi'(<u1, x_i>), h2 = phi'(-<u2, x_i>)."""
    U = f.arrays["feasible_u"]
    require(None if len(U) else "no random pair is feasible")
    first, second = U[:, 0] @ f.X.T, U[:, 1] @ f.X.T
    h1, h2 = np.where(first > 0, 1.0, alpha(f)), np.where(-second > 0, 1.0, alpha(f))
    crossed = f.y * (h1 * second + h2 * first)
    return [
        none_of("pairs that violate it", int(np.sum(crossed.min(axis=1) < 1 - 1e-9))),
        number("pairs", len(U)),
    ]


@statement(
    "attracting-optimum",
    ref("Theorem 5.6"),
    "theory",
    AROUND,
    "Started near the direction of the optimum, with a large norm, the flow converges to a direction of the same margin nearby.",
    given=GIVEN,
)
def check_attracting(f: Study) -> Sequence[Judgement]:
    """Margin gap times q against 0.1 (rho e)^2 + 1 (measured 0.04 (rho e)^2), and distance of directions against e."""
    arrays = f.arrays
    bound = 0.1 * (arrays["radius"] * arrays["size"]) ** 2 + 1
    return [
        upper(
            "largest gap * q / (0.1 (rho e)^2 + 1)",
            float(np.max(np.abs(arrays["gap"]) * arrays["q"] / bound)),
            1.0,
        ),
        upper("largest distance / e", float(np.max(arrays["distance"] / arrays["size"])), 1.0),
        upper("largest margin gap", float(np.max(arrays["gap"])), 1e-3),
    ]


CLAIMS: tuple[Claim, ...] = (check_limit, check_monotone, check_feasible, check_attracting)
