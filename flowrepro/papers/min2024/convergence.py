"""The second part of Theorem 1 of min2024: traps, growth, the time t2, the decay of the loss and the rank of W."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import logsumexp

from flowrepro.claims.old_claim import lower, none_of, number, require, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.network import LOSSES
from flowrepro.core.trajectory import Study
from flowrepro.papers.min2024.constants import approximation_time, fit_bound, loss_rate
from flowrepro.papers.min2024.small_initialization import EXACT, force_defects
from flowrepro.papers.min2024.theory_cases import THEORY_CASES
from flowrepro.papers.min2024.theory_states import (
    CONVERGENCE,
    THEORY,
    States,
    fit_times,
    fitted,
    moderate_scale,
    points_of,
    read_states,
    read_stays,
    ref,
    settled_classes,
    start_of,
)
from flowrepro.theory.alignment import squared_norms

THEOREM = ref("Theorem 1")
INTEGRATED = 1e-6
"""Relative error of conserved quantities at rtol 1e-9 (measured 4e-12 at most)."""


def ln_mass(states: States, chosen: np.ndarray) -> np.ndarray:
    """ln sum_{j chosen} ||w_j||^2, (T,)."""
    return np.asarray(logsumexp(2 * states.ln_w[:, chosen], axis=1))


def after(findings: Study, states: States, t: float) -> np.ndarray:
    """Records (T,) not before t."""
    return np.asarray(states.t >= t)


@statement(
    "L12",
    ref("Lemma 12"),
    "theory",
    THEORY_CASES,
    "S+ (V_+), S- (V_-) and the dead cone are never left",
    THEORY,
)
def check_traps(findings: Study) -> Sequence[Judgement]:
    """Stays in a trap that end."""
    stays = read_stays(findings)
    return [none_of("traps left", int(np.sum(stays.trap & np.isfinite(stays.end))))]


@statement(
    "L13",
    ref("Lemma 13"),
    "theory",
    THEORY_CASES,
    "until t1 the neurons that survive shrink by no more than e^(-4 n X_max t)",
    CONVERGENCE,
)
def check_shrinking(findings: Study) -> Sequence[Judgement]:
    """ln of sum_{V~} ||w(t)||^2 / ||w(0)||^2 against -4 n X_max t at the records until t1, for both classes."""
    points, states, t1 = points_of(findings), read_states(findings), read_stays(findings).t1
    early = (states.t > 0) & (states.t <= t1)
    require(None if early.any() else "every neuron starts in its trap, so t1 = 0")
    parts = []
    for sign, chosen in zip("+-", settled_classes(findings), strict=True):
        mass = ln_mass(states, chosen)
        parts.append(
            lower(
                f"V~{sign}: ln of the growth plus 4 n X_max t",
                (mass - mass[0] + 4 * points.n * points.x_max * states.t)[early].min(),
                -EXACT,
            )
        )
    return parts


@statement(
    "L14",
    ref("Lemma 14"),
    "theory",
    THEORY_CASES,
    "after t1 the neurons of S+ and of S- do not shrink",
    CONVERGENCE,
)
def check_growing(findings: Study) -> Sequence[Judgement]:
    """Smallest change of ln sum_{V~} ||w||^2 between records after t1, relative to its size where that is large."""
    states = read_states(findings)
    late = after(findings, states, read_stays(findings).t1)
    steps = [
        np.diff(ln_mass(states, chosen)[late])
        / np.maximum(1.0, np.abs(ln_mass(states, chosen)[late][1:]))
        for chosen in settled_classes(findings)
    ]
    return [
        lower(f"V~{sign}: least change", float(step.min()), -EXACT)
        for sign, step in zip("+-", steps, strict=True)
    ]


@statement(
    "DEC",
    ref("eq. (32)"),
    "theory",
    THEORY_CASES,
    "after t1 neurons of S+ see the positive data only and those of S- the negative ones: L = L+ + L-",
    CONVERGENCE,
)
def check_decoupling(findings: Study) -> Sequence[Judgement]:
    """Pairs of a neuron and a datum of the other class that are active at a record after t1."""
    states = read_states(findings)
    foreign = states.sign[:, None] != findings.y[None, :]
    late = after(findings, states, np.nextafter(read_stays(findings).t1, np.inf))
    return [none_of("active on the other class", int(np.sum(states.active[late] & foreign)))]


@statement(
    "T1.t2",
    ref("eq. (39)"),
    "theory",
    THEORY_CASES,
    "both classes are fitted (|f| > 1/4) by t2, which is bounded from both sides",
    (*CONVERGENCE, fitted),
)
def check_fit_time(findings: Study) -> Sequence[Judgement]:
    """t2+- against (39), and t2 >= T of Lemma 3 where its scale is reached."""
    points, start, times = (
        points_of(findings),
        start_of(findings),
        fit_times(findings, read_states(findings)),
    )
    bounds = fit_bound(points, start, read_stays(findings).t1)
    parts = [
        upper(f"t2{sign}", t, bound) for sign, t, bound in zip("+-", times, bounds, strict=True)
    ]
    if moderate_scale(findings) is None:
        parts.append(lower("t2 against T", times.max(), approximation_time(points, start)))
    return parts


def class_losses(findings: Study, states: States) -> np.ndarray:
    """L+ and L- (T, 2)."""
    loss = LOSSES[findings.case.options["loss"]][0](states.f, findings.y)
    return np.stack(
        [loss[:, findings.y > 0].sum(axis=1), loss[:, findings.y < 0].sum(axis=1)], axis=1
    )


def squared_gradient(findings: Study, states: States) -> np.ndarray:
    """||grad L||^2 = -dL/dt (T,), with underflow where the network is."""
    X, y = findings.X, findings.y
    pulls = (
        y
        + force_defects(findings.case.options["loss"], states.f, states.relative_f, y)
        * np.exp(states.ln_f)[:, None]
    )
    force = (states.active * pulls[:, None, :]) @ X
    a2, along = np.exp(2 * states.ln_a), np.sum(states.U * force, axis=-1)
    return np.asarray(
        np.sum(a2 * np.sum(force**2, axis=-1) + np.exp(2 * states.ln_w) * along**2, axis=1)
    )


@statement(
    "L15",
    ref("Lemma 15"),
    "theory",
    THEORY_CASES,
    "dL/dt <= -(mu X_min)^2 (||a+||^2 L+^2 + ||a-||^2 L-^2) / 4 after t2",
    (*CONVERGENCE, fitted),
)
def check_descent(findings: Study) -> Sequence[Judgement]:
    """Least ratio of ||grad L||^2 to the bound."""
    points, states = points_of(findings), read_states(findings)
    late = after(findings, states, float(fit_times(findings, states).max()))
    squares = np.stack(
        [
            np.sum(np.exp(2 * states.ln_a[:, chosen]), axis=1)
            for chosen in settled_classes(findings)
        ],
        axis=1,
    )
    bound = (
        0.25
        * (points.mu * points.x_min) ** 2
        * np.sum(squares * class_losses(findings, states) ** 2, axis=1)
    )
    return [
        lower(
            "least -dL/dt over its bound",
            float(np.min(squared_gradient(findings, states)[late] / bound[late])),
            1.0,
        )
    ]


@statement(
    "T1.rate",
    THEOREM,
    "theory",
    THEORY_CASES,
    "L(t) <= L(t2) / (1 + L(t2) alpha (t - t2)) after t2",
    (*CONVERGENCE, fitted),
)
def check_rate(findings: Study) -> Sequence[Judgement]:
    """Largest ratio of the loss to its bound; how much faster 1/L grows than alpha, and the slope of ln L over the last factor 2 of t - t2."""
    states, rate = read_states(findings), loss_rate(points_of(findings))
    late = after(findings, states, float(fit_times(findings, states).max()))
    t, loss = states.t[late] - states.t[late][0], states.loss[late]
    require(None if len(t) > 2 else "fewer than three records lie after t2; raise options.after")
    half = int(np.searchsorted(t, t[-1] / 2))
    return [
        upper(
            "largest L over its bound",
            float(np.max(loss * (1 + loss[0] * rate * t) / loss[0])),
            1.0 + 1e-9,
        ),
        number("least d(1/L)/dt over alpha", float(np.min(np.diff(1 / loss) / np.diff(t))) / rate),
        number(
            "slope of ln L against ln(t - t2) at the end",
            float(np.log(loss[-1] / loss[half]) / np.log(t[-1] / t[half])),
        ),
    ]


def scaled_weights(
    states: States, index: int, chosen: np.ndarray
) -> tuple[np.ndarray, np.ndarray, float]:
    """(W, a) of the chosen neurons over e^top, and top = max_j ln ||w_j|| over them."""
    top = float(states.ln_w[index, chosen].max())
    W = np.exp(states.ln_w[index, chosen] - top)[:, None] * states.U[index, chosen]
    return W, states.sign[chosen] * np.exp(states.ln_a[index, chosen] - top), top


@statement(
    "T1.rank",
    THEOREM,
    "theory",
    THEORY_CASES,
    "W becomes a sum of two matrices of rank one: ||W||_F^2 <= 2 ||W||_2^2 + O(eps)",
    CONVERGENCE,
)
def check_rank(findings: Study) -> Sequence[Judgement]:
    """||W+-||_F^2 - ||W+-||_2^2 <= 2 sum_{V~+-} ||w_j(t1)||^2 (41), its sum, the a-priori bound where Lemma 3 holds, and stable rank <= 2 at the end."""
    require(
        "in the plane ||W||_F^2 <= 2 ||W||_2^2 holds for every W"
        if findings.X.shape[1] <= 2
        else None
    )
    states, t1 = read_states(findings), read_stays(findings).t1
    late = np.flatnonzero(after(findings, states, t1)).tolist()
    first, everyone = late[0], np.ones(len(states.sign), dtype=bool)
    parts = []
    for sign, chosen in zip("+-", settled_classes(findings), strict=True):
        ln_bound = np.log(2.0) + float(ln_mass(states, chosen)[first])
        parts.append(
            upper(
                f"W{sign}: excess over its bound and rounding",
                max(_excess(states, i, chosen, 1.0, ln_bound) for i in late),
                1.0,
            )
        )
    alive = np.any(settled_classes(findings), axis=0)
    living = 2 * np.sum(np.exp(2 * (states.ln_w[first, alive] - states.ln_w[first].max())))
    dead = np.sum(np.exp(2 * (states.ln_w[first, ~alive] - states.ln_w[first].max())))
    ln_bound = 2 * float(states.ln_w[first].max()) + float(np.log(living + dead))
    parts.append(
        upper(
            "W: excess over its bound and rounding",
            max(_excess(states, i, everyone, 2.0, ln_bound) for i in late),
            1.0,
        )
    )
    points, start = points_of(findings), start_of(findings)
    if moderate_scale(findings) is None and t1 <= approximation_time(points, start):
        ln_bound = float(np.log(4) + 0.5 * np.log(start.m) + start.ln_eps + 2 * np.log(start.w_max))
        parts.append(
            upper(
                "W: excess over 4 sqrt(m) eps W_max^2 and rounding",
                max(_excess(states, i, everyone, 2.0, ln_bound) for i in late),
                1.0,
            )
        )
    W, _, _ = scaled_weights(states, -1, everyone)
    frobenius, spectral = squared_norms(W)
    return [*parts, upper("stable rank at the end", frobenius / spectral, 2 * (1 + 1e-6))]


def _excess(
    states: States, index: int, chosen: np.ndarray, factor: float, ln_bound: float
) -> float:
    """(||W||_F^2 - factor ||W||_2^2) over (e^ln_bound + rounding of ||W||_F^2), which stays a number where e^ln_bound underflows."""
    W, _, top = scaled_weights(states, index, chosen)
    frobenius, spectral = squared_norms(W)
    return (frobenius - factor * spectral) / (
        math.exp(min(ln_bound - 2 * top, 700.0)) + EXACT * frobenius
    )


@statement(
    "INV",
    ref("Appendix D.3"),
    "theory",
    THEORY_CASES,
    "W+ W+^T - a+ a+^T and W- W-^T - a- a-^T are constant after t1",
    CONVERGENCE,
)
def check_invariant(findings: Study) -> Sequence[Judgement]:
    """Largest change since t1, relative to ||W+-||_F^2 then."""
    states = read_states(findings)
    late = np.flatnonzero(after(findings, states, read_stays(findings).t1))
    parts = []
    for sign, chosen in zip("+-", settled_classes(findings), strict=True):
        W, a, top0 = scaled_weights(states, int(late[0]), chosen)
        before = W @ W.T - np.outer(a, a)
        worst = 0.0
        for index in late:
            W, a, top = scaled_weights(states, int(index), chosen)
            worst = max(
                worst,
                float(
                    np.linalg.norm(W @ W.T - np.outer(a, a) - np.exp(2 * (top0 - top)) * before)
                    / np.sum(W**2)
                ),
            )
        parts.append(upper(f"V~{sign}: largest change", worst, INTEGRATED))
    return parts


@statement(
    "BAL",
    ref("Section 2.1"),
    "theory",
    THEORY_CASES,
    "the flow stays balanced: |a_j| = ||w_j||, and keeps the sign of a_j",
)
def check_balance(findings: Study) -> Sequence[Judgement]:
    """Largest |a_j^2 - ||w_j||^2| / ||w_j||^2 and number of neurons whose a_j changes sign."""
    states, Y = read_states(findings), findings.arrays["Y"]
    return [
        upper(
            "largest |a^2 - ||w||^2| / ||w||^2",
            float(np.abs(np.expm1(2 * (states.ln_a - states.ln_w))).max()),
            INTEGRATED,
        ),
        none_of(
            "neurons that change sign",
            int(np.sum(np.any(np.sign(Y[..., -1]) != states.sign, axis=0))),
        ),
    ]


@statement(
    "LOSS", ref("Section 2.1"), "theory", THEORY_CASES, "the loss never increases along the flow"
)
def check_loss(findings: Study) -> Sequence[Judgement]:
    """Largest relative increase between records."""
    loss = findings.arrays["loss"]
    return [upper("largest relative increase", float(np.max(np.diff(loss) / loss[:-1])), 1e-12)]


@statement(
    "NORM",
    THEOREM,
    "theory",
    THEORY_CASES,
    "||W|| grows without bound as L falls: max |f| <= X_max sum_j |a_j| ||w_j||",
    THEORY,
)
def check_norm(findings: Study) -> Sequence[Judgement]:
    """max |f| over its bound, and for the loss exp ln(n / L) / X_max over ||W||_F^2, which makes the norm tend to infinity as L -> 0."""
    points, states = points_of(findings), read_states(findings)
    ln_bound = np.log(points.x_max) + logsumexp(states.ln_a + states.ln_w, axis=1)
    parts = [upper("ln of max |f| over its bound", float(np.max(states.ln_f - ln_bound)), EXACT)]
    if findings.case.options["loss"] == "exp":
        least = np.log(points.n / states.loss) / points.x_max
        parts.append(
            lower(
                "least ||W||_F^2 - ln(n/L) / X_max",
                float(np.min(np.exp(logsumexp(2 * states.ln_w, axis=1)) - least)),
                -EXACT * points.n,
            )
        )
    return parts


CLAIMS = (
    check_traps, check_shrinking, check_growing, check_decoupling, check_fit_time, check_descent, check_rate, check_rank, check_invariant,
    check_balance, check_loss, check_norm,
)  # fmt: skip
