r"""Inequalities at every point, and the guarantee of Theorem B.19 (Appendices B and E).

They are judged at random and at aligned weights and assume ||x_i|| <= 1, so the points are scaled.
M is the M-norm, max_k max(||w_k||, |a_k|), and L~ the linearisation of the loss at f = 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import alpha, labelled, leaky, separable
from flowrepro.papers.lyu2021.section_3_flows import RIGHT, SYMMETRIC_5D
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import Weights, draws
from flowrepro.papers.lyu2021.shared.power_iteration import largest_norm
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Inequalities at every point", given=(labelled,))

SIZES = (-4.0, 1.0)
"""log10 of the scales between which random weights are drawn."""
ALIGNED, ROUNDED = 20, 1 + 1e-12
"""Aligned weights; the bound of a ratio that is 1 for them."""
LEVELS = (0.01, 0.1, 1.0, 10.0)
"""Margins at which the flows of Theorem B.19 are recorded."""


@topic.study
def inequalities(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),
    m: int = option(4, "width", within=(1, 1000)),
    points: int = option(2000, "random weights", within=(2, 1_000_000)),
    seeds: int = option(60, "flows", within=(1, 10_000)),
    scale: float = option(0.3, "scale of the flows' start", within=(1e-100, 1e3)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Random weights of scales 10^U(SIZES), and flows from Gaussian starts.

    Returns W (P, m, d), a (P, m), the weights; start_W (S, m, d), start_a (S, m), the starts;
    separated_t (S,), the flow time at which n L < ln 2, nan where it never is; signs (S, m), how
    often an output weight changed its sign between records.
    """
    require_signs(data)
    X = geometry.scaled(data.X)
    W, a = draws(seed, points, m, X.shape[1], "gaussian")
    sizes = 10 ** np.random.default_rng(seed).uniform(*SIZES, len(a))
    task = Classification(X, data.y, alpha)
    start_W, start_a = (scale * part for part in draws(seed + 1, seeds, m, X.shape[1], "gaussian"))
    times, flips = np.full(seeds, np.nan), np.zeros(start_a.shape)
    for s in range(seeds):
        run = integrate(task, start_W[s], start_a[s], LEVELS, method="rk4", max_steps=100_000)
        if run.separated is not None:
            times[s] = np.exp(run.ln_t[run.separated])
        flips[s] = np.sum(np.sign(run.a[1:]) != np.sign(run.a[:-1]), axis=0)
        progress(s + 1, seeds)
    return {
        "W": sizes[:, None, None] * W,
        "a": sizes[:, None] * a,
        "start_W": start_W,
        "start_a": start_a,
        "separated_t": times,
        "signs": flips,
    }


QUICK: dict[str, Any] = {"quick": {"options.points": 100}}
inequalities.case(
    "inequalities",
    "Appendix B: inequalities at random weights, Theorem B.19, symmetric points in dimension 5.",
    SYMMETRIC_5D,
    **QUICK,
)
inequalities.case(
    "inequalities-right", "Appendix B: the same on the hinted points.", RIGHT, **QUICK
)


class Points(NamedTuple):
    """P random weights W (P, m, d), a (P, m) and what the inequalities compare there.

    f (P, n) at the scaled points; descent directions of L (down_W, down_a) and of its linearisation
    at 0 (linear_W, linear_a), shaped as the weights; M-norms size (P,).
    """

    W: np.ndarray
    a: np.ndarray
    f: np.ndarray
    down_W: np.ndarray
    down_a: np.ndarray
    linear_W: np.ndarray
    linear_a: np.ndarray
    size: np.ndarray


def evaluated(result: Study) -> Points:
    """`Points` of a result, and of aligned weights, which come near the bounds.

    All neurons of these point to the longest x_i, where f is largest, or along the points' first
    principal axis, where all gradients are; |a_k| = ||w_k|| from 1e-4 to 10.
    """
    X, y, W, a = geometry.scaled(result.X), result.y, result.arrays["W"], result.arrays["a"]
    axis = np.linalg.svd(X, full_matrices=False)[2][0]
    size = np.geomspace(10 ** SIZES[0], 10 ** SIZES[1], ALIGNED)[:, None]
    size = np.broadcast_to(size, (ALIGNED, a.shape[1]))
    for direction in (X[np.argmax(np.linalg.norm(X, axis=1))], axis, -axis):
        W, a = np.concatenate([W, size[..., None] * direction]), np.concatenate([a, size])
    Z = W @ X.T
    hidden, slopes = activation(Z, alpha(result)), np.where(Z > 0, 1.0, alpha(result))
    f = np.einsum("pm,pmn->pn", a, hidden)
    pull = np.exp(-np.logaddexp(0.0, y * f))  # -l'(q)

    def descent(weights: np.ndarray) -> Weights:
        signed = weights * y / len(y)
        down_W = a[..., None] * np.einsum("pmn,pn,nd->pmd", slopes, signed, X)
        return down_W, np.einsum("pmn,pn->pm", hidden, signed)

    linear = descent(np.full_like(pull, 0.5))
    return Points(W, a, f, *descent(pull), *linear, np.asarray(largest_norm(W, a)))


@topic.claim(
    "lemma-b-10-function-bound",
    "For ||x|| <= 1: |f(x)| <= m ||theta||_M^2, and "
    "|f - f'| <= m ||theta - theta'||_M (||theta||_M + ||theta'||_M).",
    place="Lemma B.10",
)
def function_bound(result: Study) -> Iterable[Part]:
    """Largest ratios over the random weights and pairs of neighbours in the list."""
    at = evaluated(result)
    m, apart = at.a.shape[1], np.asarray(largest_norm(np.diff(at.W, axis=0), np.diff(at.a, axis=0)))
    values = np.abs(at.f).max(axis=1) / (m * at.size**2)
    yield at_most("largest |f| / (m M^2)", float(np.max(values)), ROUNDED)
    bound = m * (apart * (at.size[1:] + at.size[:-1]))
    changes = np.abs(np.diff(at.f, axis=0)).max(axis=1) / bound
    yield at_most("largest |f - f'| / bound", float(np.max(changes)), ROUNDED)


@topic.claim(
    "lemma-b-11-linearised-loss",
    "The gradients of L and of its linearisation L~ at f = 0 differ by at most "
    "m ||theta||_M^2 |a_k| and m ||theta||_M^2 ||w_k||, hence by m ||theta||_M^3.",
    place="Lemmas B.11, B.12 and Corollary B.13",
)
def linearised_loss(result: Study) -> Iterable[Part]:
    """Largest ratios over the random weights."""
    at = evaluated(result)
    off_W = np.linalg.norm(at.down_W - at.linear_W, axis=-1)
    off_a = np.abs(at.down_a - at.linear_a)
    m, size = at.a.shape[1], at.size[:, None]
    first = off_W / (m * size**2 * np.abs(at.a))
    second = off_a / (m * size**2 * np.linalg.norm(at.W, axis=-1))
    both = np.maximum(off_W, off_a) / (m * size**3)
    yield at_most("first layer / (m M^2 |a_k|)", float(np.max(first)), 1.0)
    yield at_most("second layer / (m M^2 ||w_k||)", float(np.max(second)), 1.0)
    yield at_most("all / (m M^3)", float(np.max(both)), 1.0)


@topic.claim(
    "lemma-b-14-weights-near-half",
    "-l'(q_i) = (1 + eps_i)/2 with |eps_i| <= eps where ||theta||_M <= sqrt(eps / (2 m)).",
    place="Lemma B.14",
)
def weights_near_half(result: Study) -> Iterable[Part]:
    """|eps_i| = tanh(|q_i| / 2) over 2 m M^2, the least eps that is allowed."""
    at = evaluated(result)
    # computed from f, as 2 l' + 1 has no digits left at small weights
    ratios = np.tanh(np.abs(at.f) / 2).max(axis=1) / (2 * at.a.shape[1] * at.size**2)
    yield at_most("largest |eps_i| / (2 m M^2)", float(np.max(ratios)), 1.0)


@topic.claim(
    "lemma-e-10-gradient-bound",
    "The gradient is bounded by the weights: ||grad L|| <= ||theta||.",
    place="Lemma E.10",
)
def gradient_bound(result: Study) -> Iterable[Part]:
    """Largest ratio."""
    at = evaluated(result)
    slope = np.sqrt(np.sum(at.down_W**2, axis=(1, 2)) + np.sum(at.down_a**2, axis=1))
    size = np.sqrt(np.sum(at.W**2, axis=(1, 2)) + np.sum(at.a**2, axis=1))
    yield at_most("largest ||grad L|| / ||theta||", float(np.max(slope / size)), 1.0)


@topic.claim(
    "lemma-b-20-progress",
    "Every neuron has sgn(a_k) <dw_k/dt, w*> >= |a_k| alpha gamma* (1 - e^{-n L}) / n.",
    place="Lemma B.20",
    given=(separable, leaky),
)
def progress_to_separator(result: Study) -> Iterable[Part]:
    """Largest ratio of the bound to the progress."""
    best = geometry.separator(geometry.scaled(result.X), result.y)
    assert best is not None  # a hypothesis
    at = evaluated(result)
    n_loss = np.logaddexp(0.0, -result.y * at.f).sum(axis=1)
    least = alpha(result) * best.margin * -np.expm1(-n_loss) / len(result.y)
    bound = np.abs(at.a) * least[:, None]
    # equality is met, to rounding, where one support vector is far on the wrong side
    ratios = bound / (np.sign(at.a) * (at.down_W @ best.w))
    yield at_most("largest bound / progress", float(np.max(ratios)), 1 + 1e-12)


@topic.claim(
    "theorem-b-19-loss-vanishes",
    "If sgn(a_k) <w_k, w*> > 0 and c = <w_k, w*>^2 - ||w_k||^2 + a_k^2 > 0 for some k, then "
    "L < ln 2 / n by the time (L(0) - ln 2 / n) / (c (alpha gamma* / (2 n))^2).",
    place="Theorem B.19",
    given=(separable, leaky),
)
def loss_vanishes(result: Study) -> Iterable[Part]:
    """Time over bound where the start satisfies the premise, and sign changes of a_k.

    The proof's constant is c; the paper prints c^2.
    """
    X, y, arrays = geometry.scaled(result.X), result.y, result.arrays
    best, n = geometry.separator(X, y), len(y)
    assert best is not None  # a hypothesis
    W, a = arrays["start_W"], arrays["start_a"]
    height = W @ best.w
    c = np.where(np.sign(a) * height > 0, height**2 - np.sum(W**2, axis=-1) + a**2, 0.0)
    runs = np.flatnonzero(c.max(axis=1) > 0)
    if not runs.size:
        raise NotApplicable("no start satisfies the premise of Theorem B.19; take more seeds")
    f0 = np.einsum("sm,smn->sn", a, activation(W @ X.T, alpha(result)))
    loss = np.logaddexp(0.0, -y * f0).mean(axis=1)
    rate = c[runs].max(axis=1) * (alpha(result) * best.margin / (2 * n)) ** 2
    bound = (loss[runs] - np.log(2) / n) / rate
    times = np.where(np.isnan(arrays["separated_t"]), np.inf, arrays["separated_t"])[runs]
    require(None if np.all(bound > 0) else "a start has L < ln 2 / n already")
    yield at_most("largest time / bound", float(np.max(times / bound)), 1.0)
    yield none_of("sign changes of a_k", int(np.sum(arrays["signs"][runs] * (c[runs] > 0))))
    yield number("starts that satisfy the premise", len(runs))
