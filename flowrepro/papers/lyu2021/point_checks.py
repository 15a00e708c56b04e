"""Inequalities at every point (Lemmas B.10 to B.14, B.20 and E.10) and the guarantee of Theorem B.19; they assume ||x_i|| <= 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, none_of, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.late_records import alpha, labelled, leaky, ref, separable
from flowrepro.papers.lyu2021.power_iteration import largest_norm

CASES = ("inequalities", "inequalities-right")


class Points(NamedTuple):
    """At P random weights: f (P, n), -l'(q) (P, n), and the gradients of L and of its linearisation at 0, first and second layer."""

    f: np.ndarray
    pull: np.ndarray
    W: np.ndarray
    a: np.ndarray
    linear_W: np.ndarray
    linear_a: np.ndarray
    size: np.ndarray


def evaluated(f: Study) -> Points:
    """`Points` of the case's random weights, minus signs included: descent directions."""
    X, y, W, a = geometry.scaled(f.X), f.y, f.arrays["W"], f.arrays["a"]
    Z = W @ X.T
    hidden, slopes = activation(Z, alpha(f)), np.where(Z > 0, 1.0, alpha(f))
    values = np.einsum("pm,pmn->pn", a, hidden)
    pull = np.exp(-np.logaddexp(0.0, y * values))

    def ascent(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        signed = weights * y / len(y)
        return a[..., None] * np.einsum("pmn,pn,nd->pmd", slopes, signed, X), np.einsum(
            "pmn,pn->pm", hidden, signed
        )

    return Points(
        values,
        pull,
        *ascent(pull),
        *ascent(np.full_like(pull, 0.5)),
        np.asarray(largest_norm(W, a)),
    )


@statement(
    "function-bound",
    ref("Lemma B.10"),
    "theory",
    CASES,
    "For ||x|| <= 1: |f(x)| <= m ||theta||_M^2, and |f - f'| <= m ||theta - theta'||_M (||theta||_M + ||theta'||_M).",
    given=(labelled,),
)
def check_function(f: Study) -> Sequence[Judgement]:
    """Largest ratios over the random weights and pairs of neighbours in the list."""
    at, W, a = evaluated(f), f.arrays["W"], f.arrays["a"]
    m = a.shape[1]
    apart = np.asarray(largest_norm(W[1:] - W[:-1], a[1:] - a[:-1])) * (at.size[1:] + at.size[:-1])
    return [
        upper(
            "largest |f| / (m M^2)", float(np.max(np.abs(at.f).max(axis=1) / (m * at.size**2))), 1.0
        ),
        upper(
            "largest |f - f'| / bound",
            float(np.max(np.abs(np.diff(at.f, axis=0)).max(axis=1) / (m * apart))),
            1.0,
        ),
    ]


@statement(
    "linearised-loss",
    ref("Lemmas B.11, B.12 and Corollary B.13"),
    "theory",
    CASES,
    "Gradients of L and of its linearisation L~ at f = 0 differ by at most m ||theta||_M^2 |a_k| and m ||theta||_M^2 ||w_k||, so by m ||theta||_M^3.",
    given=(labelled,),
)
def check_linearised(f: Study) -> Sequence[Judgement]:
    """Largest ratios over the random weights."""
    at, W, a = evaluated(f), f.arrays["W"], f.arrays["a"]
    m = a.shape[1]
    off_W, off_a = np.linalg.norm(at.W - at.linear_W, axis=-1), np.abs(at.a - at.linear_a)
    room = m * at.size[:, None] ** 2
    return [
        upper("first layer / (m M^2 |a_k|)", float(np.max(off_W / (room * np.abs(a)))), 1.0),
        upper(
            "second layer / (m M^2 ||w_k||)",
            float(np.max(off_a / (room * np.linalg.norm(W, axis=-1)))),
            1.0,
        ),
        upper(
            "all / (m M^3)",
            float(np.max(np.maximum(off_W, off_a) / (m * at.size[:, None] ** 3))),
            1.0,
        ),
    ]


@statement(
    "weights-near-half",
    ref("Lemma B.14"),
    "theory",
    CASES,
    "-l'(q_i) = (1 + eps_i)/2 with |eps_i| <= eps where ||theta||_M <= sqrt(eps / (2 m)).",
    given=(labelled,),
)
def check_half(f: Study) -> Sequence[Judgement]:
    """|eps_i| = tanh(|q_i| / 2) over 2 m M^2, the least eps allowed."""
    at = evaluated(f)
    least = 2 * f.arrays["a"].shape[1] * at.size**2
    # computed from f, as 2 pull - 1 has no digits left at small weights
    return [
        upper(
            "largest |eps_i| / (2 m M^2)",
            float(np.max(np.tanh(np.abs(at.f) / 2).max(axis=1) / least)),
            1.0,
        )
    ]


@statement(
    "gradient-bound",
    ref("Lemma E.10"),
    "theory",
    CASES,
    "||grad L|| <= ||theta||.",
    given=(labelled,),
)
def check_gradient(f: Study) -> Sequence[Judgement]:
    """Largest ratio."""
    at, W, a = evaluated(f), f.arrays["W"], f.arrays["a"]
    slope = np.sqrt(np.sum(at.W**2, axis=(1, 2)) + np.sum(at.a**2, axis=1))
    return [
        upper(
            "largest ||grad L|| / ||theta||",
            float(np.max(slope / np.sqrt(np.sum(W**2, axis=(1, 2)) + np.sum(a**2, axis=1)))),
            1.0,
        )
    ]


@statement(
    "progress-along-separator",
    ref("Lemma B.20"),
    "theory",
    CASES,
    "sgn(a_k) <dw_k/dt, w*> >= |a_k| alpha gamma* (1 - e^{-n L}) / n.",
    given=(labelled, separable, leaky),
)
def check_progress(f: Study) -> Sequence[Judgement]:
    """Largest ratio of the bound to the progress."""
    best = geometry.separator(geometry.scaled(f.X), f.y)
    assert best is not None  # a hypothesis
    at, a = evaluated(f), f.arrays["a"]
    n_loss = np.logaddexp(0.0, -f.y * at.f).sum(axis=1)
    bound = np.abs(a) * (alpha(f) * best.margin * -np.expm1(-n_loss) / len(f.y))[:, None]
    # equality is met, to rounding, where one support vector is far on the wrong side
    return [
        upper(
            "largest bound / progress",
            float(np.max(bound / (np.sign(a) * (at.W @ best.w)))),
            1 + 1e-12,
        )
    ]


@statement(
    "loss-vanishes",
    ref("Theorem B.19"),
    "theory",
    CASES,
    "If sgn(a_k) <w_k, w*> > 0 and c = <w_k, w*>^2 - ||w_k||^2 + a_k^2 > 0 for some k, then L < ln 2 / n by (L(0) - ln 2 / n) / (c (alpha gamma* / (2 n))^2).",
    given=(labelled, separable, leaky),
)
def check_vanishes(f: Study) -> Sequence[Judgement]:
    """Time over bound for the flows whose start satisfies the premise (the proof's constant is c, the paper prints c^2), and sign changes of a_k."""
    X = geometry.scaled(f.X)
    best, n = geometry.separator(X, f.y), len(f.y)
    assert best is not None  # a hypothesis
    W, a = f.arrays["start_W"], f.arrays["start_a"]
    along = W @ best.w
    c = np.where(np.sign(a) * along > 0, along**2 - np.sum(W**2, axis=-1) + a**2, 0.0)
    runs = np.flatnonzero(c.max(axis=1) > 0)
    if not runs.size:
        raise NotApplicable("no start satisfies the premise of Theorem B.19; take more seeds")
    f0 = np.einsum("sm,smn->sn", a, activation(W @ X.T, alpha(f)))
    loss = np.logaddexp(0.0, -f.y * f0).mean(axis=1)
    bound = (loss[runs] - np.log(2) / n) / (
        c[runs].max(axis=1) * (alpha(f) * best.margin / (2 * n)) ** 2
    )
    times = np.where(np.isnan(f.arrays["separated_t"]), np.inf, f.arrays["separated_t"])[runs]
    flips = int(np.sum(f.arrays["signs"][runs] * (c[runs] > 0)))
    require(None if np.all(bound > 0) else "a start has L < ln 2 / n already")
    return [
        upper("largest time / bound", float(np.max(times / bound)), 1.0),
        none_of("sign changes of a_k", flips),
        number("starts that satisfy the premise", len(runs)),
    ]


CLAIMS: tuple[Claim, ...] = (
    check_function,
    check_linearised,
    check_half,
    check_gradient,
    check_progress,
    check_vanishes,
)
