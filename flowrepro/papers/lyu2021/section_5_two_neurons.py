r"""Two balanced neurons on symmetric points, and starts around the optimum (Section 5.3).

Theorem 5.5: two balanced neurons of either sign, each on its side of w*, converge to the linear
pair (w*, -w*, 1, -1)/2. Theorem 5.6: flows of a large norm from near the embedded pair stay near
it. Lemmas B.20 and F.1 to F.3 are their steps.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, flow, integrate
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import SECTION_4, alpha, separator_of
from flowrepro.papers.lyu2021.section_3_flows import SYMMETRIC, SYMMETRIC_5D
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.power_iteration import embed
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Two neurons", given=SECTION_4)

EARLY = (1e-2, 0.1, 1.0, 10.0)
"""Margins at which monotone quantities are recorded before the first requested level."""
FAR = 1e6
"""Margin from which on distance * sqrt(q) is bounded (measured at most 0.6)."""


@topic.study
def two_neurons(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 0.99)),
    seeds: int = option(12, "pairs", within=(1, 1000)),
    q: list[float] = option([1e2, 1e4, 1e6, 1e8], "margins that are kept", within=(20.0, 1e10)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Flows of S pairs with a_1 = ||w_1||, a_2 = -||w_2||, norms 10^U(-3, 0), on either side of w*.

    Returns q, rho, ln_loss (S, R), W (S, R, 2, d), a (S, R, 2): the start, then the records of the
    run, the last one repeated where a run has fewer; feasible_u (P, 2, d) of `feasible_pairs`.
    """
    require_signs(data)
    X, y = data.X, data.y
    task, best = Classification(X, y, alpha), geometry.separator(X, y)
    side = geometry.mean(X, y) if best is None else best.w
    runs = []
    for s in range(seeds):
        rng = np.random.default_rng([seed, s])
        W = geometry.unit(rng.standard_normal((2, X.shape[1]))) * 10 ** rng.uniform(-3, 0, (2, 1))
        W *= np.array([[1.0], [-1.0]]) * np.sign(W @ side)[:, None]
        a = np.array([1.0, -1.0]) * np.linalg.norm(W, axis=1)
        runs.append(flow(task, W, a, [*EARLY, *q], handover=100.0))
        progress(s + 1, seeds)
    most = max(len(run.q_min) for run in runs)

    def filled(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.repeat(values[-1:], most - len(values), axis=0)])

    sources = {"q": "q_min", "rho": "rho", "ln_loss": "ln_loss", "W": "W", "a": "a"}
    records = {
        name: np.stack([filled(getattr(run, source)) for run in runs])
        for name, source in sources.items()
    }
    return records | {"feasible_u": feasible_pairs(X, y, alpha, np.random.default_rng(seed))}


def feasible_pairs(
    X: np.ndarray, y: np.ndarray, alpha: float, rng: np.random.Generator, count: int = 20_000
) -> np.ndarray:
    """Random (u1, u2), (P, 2, d), with min_i y_i (phi(<u1, x_i>) - phi(-<u2, x_i>)) = 1.

    They are scaled; pairs without a positive minimum are left out.
    """
    U = rng.standard_normal((count, 2, X.shape[1])) + 2 * geometry.unit(geometry.mean(X, y))
    Z = np.einsum("pkd,nd->pkn", U, X)
    least = (y * (activation(Z[:, 0], alpha) - activation(-Z[:, 1], alpha))).min(axis=1)
    kept = least > 1e-6
    return np.asarray(U[kept] / least[kept, None, None])


@topic.study
def local_maximum(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 0.99)),
    m: int = option(4, "width", within=(2, 100)),
    seeds: int = option(2, "random directions", within=(1, 1000)),
    sizes: list[float] = option([0.3, 0.1, 0.01], "distances e of the start", within=(1e-12, 10.0)),
    radii: list[float] = option([10.0, 100.0, 1000.0], "norms of the start", within=(1.0, 1e4)),
    q: float = option(1e8, "margin at which a run ends", within=(20.0, 1e10)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Flows from rho (theta* + e u) normalised, u a random direction   (Theorem 5.6).

    theta* is the embedded linear pair. Returns size, radius, q, gap, distance (K,): e, rho, the
    last margin, 1 - gamma / gamma*, and ||theta / rho - theta*|| there.
    """
    require_signs(data)
    X, y = data.X, data.y
    task, best = Classification(X, y, alpha), geometry.separator(X, y)
    w = geometry.unit(geometry.mean(X, y)) if best is None else best.w
    largest = (1 + alpha) / 4 * (best.margin if best else np.nan)
    starts = list(product(range(seeds), sizes, radii))
    kept = []
    for index, (s, e, radius) in enumerate(starts, 1):
        rng = np.random.default_rng([seed, s])
        b = rng.standard_normal(m)
        b[:2] = np.abs(b[0]), -np.abs(b[1])
        theta = np.column_stack(embed(b, *geometry.linear_pair(w)))
        u = rng.standard_normal(theta.shape)
        started = theta + e * u / np.linalg.norm(u)
        started *= radius / np.linalg.norm(started)
        W, a = started[:, :-1], started[:, -1]
        last = max(q, 1e3 * float(np.min(y * predict(X, W, a, alpha))))
        run = integrate(task, W, a, [last], method="bdf")
        away = np.column_stack(run.final) / run.rho[-1] - theta
        gap = 1 - run.normalised_margin[-1] / largest
        kept.append((e, radius, run.q_min[-1], gap, np.linalg.norm(away)))
        progress(index, len(starts))
    return dict(zip(("size", "radius", "q", "gap", "distance"), np.array(kept).T, strict=True))


QUICK: dict[str, Any] = {"quick": {"options.seeds": 2}}
PAIRS = (
    two_neurons.case(
        "two-neurons",
        "Theorem 5.5: two neurons on symmetric points of the plane.",
        SYMMETRIC,
        **QUICK,
    ),
    two_neurons.case(
        "two-neurons-5d", "Theorem 5.5: two neurons in dimension 5.", SYMMETRIC_5D, **QUICK
    ),
)
LOCAL_MAXIMUM = local_maximum.case(
    "local-maximum",
    "Theorem 5.6: flows from around the optimum, dimension 5.",
    SYMMETRIC_5D,
    quick={"options.seeds": 1, "options.radii": [10.0]},
)


@topic.claim(
    "theorem-5-5-two-neuron-limit",
    "Two balanced neurons of either sign, each on its side of w*, converge to (w*, -w*, 1, -1)/2.",
    place="Theorem 5.5 and Lemma F.3",
    on=PAIRS,
)
def two_neuron_limit(result: Study) -> Iterable[Part]:
    """Distance of unit-norm weights times sqrt(q); Lemma F.2 (w1 = -w2, a1 = -a2) is part of it."""
    W_star, a_star = geometry.linear_pair(separator_of(result).w)
    runs = np.flatnonzero(result.arrays["q"][:, -1] >= FAR * (1 - 1e-9))
    require(None if runs.size else f"no run reached a margin of {FAR:g}")
    rho, q, W, a = (result.arrays[name][runs, -1] for name in ("rho", "q", "W", "a"))
    W, a = W / rho[:, None, None], a / rho[:, None]
    away = np.square(W - W_star).sum(axis=(1, 2)) + np.square(a - a_star).sum(axis=1)
    opposite = np.linalg.norm(W.sum(axis=1), axis=1)
    yield at_most("largest distance * sqrt(q)", float(np.max(np.sqrt(away * q))), 1.0)
    largest = float(np.max(opposite * np.sqrt(q)))
    yield at_most("largest ||w1 + w2|| / rho * sqrt(q)", largest, 1.0)
    yield number("runs", len(runs))


@topic.claim(
    "theorem-5-5-pair-monotone",
    "The heights sgn(a_k) <w_k, w*> grow along the flow.",
    place="Lemma B.20 and proof of Theorem 5.5",
    on=PAIRS,
)
def pair_monotone(result: Study) -> Iterable[Part]:
    """From record to record."""
    heights = np.sign(result.arrays["a"]) * (result.arrays["W"] @ separator_of(result).w)
    moved = np.diff(result.arrays["q"], axis=1) != 0
    falls = ~(np.diff(heights, axis=1) > 0) & moved[..., None]
    yield none_of("falls of sgn(a_k) <w_k, w*>", int(np.sum(falls)))


@topic.claim(
    "lemma-f-1-two-neuron-feasible",
    "If u1, u2 are feasible for two neurons, then y_i (h1 <u2, x_i> + h2 <u1, x_i>) >= 1 for all "
    "subgradients h1 of phi at <u1, x_i> and h2 at -<u2, x_i>.",
    place="Lemma F.1",
    on=PAIRS,
)
def two_neuron_feasible(result: Study) -> Iterable[Part]:
    """At the random feasible pairs, with h1 = phi'(<u1, x_i>), h2 = phi'(-<u2, x_i>)."""
    U, slope = result.arrays["feasible_u"], alpha(result)
    require(None if len(U) else "no random pair is feasible")
    first, second = U[:, 0] @ result.X.T, U[:, 1] @ result.X.T
    h1, h2 = np.where(first > 0, 1.0, slope), np.where(-second > 0, 1.0, slope)
    crossed = result.y * (h1 * second + h2 * first)
    yield none_of("pairs that violate it", int(np.sum(~(crossed.min(axis=1) >= 1 - 1e-9))))
    yield number("pairs", len(U))


@topic.claim(
    "theorem-5-6-attracting-optimum",
    "Started near the direction of the optimum with a large norm, the flow converges to a "
    "direction of the same margin nearby.",
    place="Theorem 5.6",
    on=(LOCAL_MAXIMUM,),
)
def attracting_optimum(result: Study) -> Iterable[Part]:
    """Gap times q against 0.1 (rho e)^2 + 1 (measured: 0.04 (rho e)^2), and distance against e."""
    gap, q, size, radius = (result.arrays[name] for name in ("gap", "q", "size", "radius"))
    bound = 0.1 * (radius * size) ** 2 + 1
    largest = float(np.max(np.abs(gap) * q / bound))
    yield at_most("largest gap * q / (0.1 (rho e)^2 + 1)", largest, 1.0)
    distance = float(np.max(result.arrays["distance"] / size))
    yield at_most("largest distance / e", distance, 1.0)
    yield at_most("largest margin gap", float(np.max(gap)), 1e-3)
