r"""Theorem 3.1 and what its proof uses: after L < ln 2 / n the flow drives the loss to 0 along KKT directions of the margin problem.

Rates: delta ~ q^{-1/2}, and eps ~ q^{-1/2} on symmetric data, q^{-(1 - alpha)/2} where weak neurons of the other sign survive.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021.assumptions import aligned_means, one_sign_grows_faster
from flowrepro.papers.lyu2021.late_records import (
    Record,
    alpha,
    balanced,
    labelled,
    leaky,
    margins,
    past,
    record,
    ref,
    separated_runs,
    some_separate,
    start,
    symmetric,
    velocity,
)
from flowrepro.theory.margin_kkt import KktCertificate, kkt_certificate

CASES = ("flow-symmetric", "flow-symmetric-5d", "flow-middle", "flow-right", "flow-orthogonal")
EXPLICIT, IMPLICIT = 1e-12, 1e-6
"""Relative fall of the smoothed margin in one step that rounding (explicit) or the tolerance (implicit) can make."""
FALL = 0.2
"""Least decay of ln eps per unit of ln q; theory has 1/4 at alpha = 1/2, and 1/2 on symmetric data."""
CURVED = 0.367
"""expm1(v) <= v e^0.367 for v <= ln 2, the constant that turns l into an exponential (our form of Lemma C.5 of Ji and Telgarsky)."""
READABLE = 2e4
"""Margin up to which differences of O(1) survive in sum_i exp(l^-1 - q_i) q_i, whose rounding is of the order 1e-16 q^2."""
SMALL = 1e-2
"""Scale up to which a start counts as small: its neurons are aligned before the steps are long."""
NOISE = 1e7
"""Margin beyond which 1 - beta is rounding and solver noise."""


@statement(
    "loss-and-norm",
    ref("Theorem 3.1 (Ji and Telgarsky 2020a, Lyu and Li 2020)"),
    "theory",
    CASES,
    "Once L < ln 2 / n the loss falls at every step and the norm of the weights grows.",
    given=(labelled, some_separate),
)
def check_loss_and_norm(f: Study) -> Sequence[Judgement]:
    """Counted by the integrators at every step, and seen again from record to record."""
    runs = separated_runs(f)
    rises = int(sum(np.sum(np.diff(_kept(f, "ln_loss", run)) >= 0) for run in runs))
    falls = int(sum(np.sum(np.diff(_kept(f, "rho", run)) <= 0) for run in runs))
    return [
        none_of("steps that raise the loss", int(f.arrays["loss_rises"][runs].sum()) + rises),
        none_of("steps that shrink the norm", int(f.arrays["norm_falls"][runs].sum()) + falls),
        number("lowest log10 loss", float(np.nanmin(f.arrays["ln_loss"])) / np.log(10)),
        number("runs that never separate the data", len(f.arrays["q"]) - len(runs)),
    ]


def _kept(f: Study, name: str, run: int) -> np.ndarray:
    """Values at the records from n L < ln 2 on, each once."""
    ln_t, values = f.arrays["ln_t"][run, 1:], f.arrays[name][run, 1:]
    later = np.isfinite(values) & (ln_t >= ln_t[0])
    _, first = np.unique(ln_t[later], return_index=True)
    return np.asarray(values[later][first])


@statement(
    "smoothed-margin",
    ref("Theorem 3.1; Lemma F.6 (Ji and Telgarsky 2020a, Lemma 3.4)"),
    "theory",
    CASES,
    "The smoothed normalised margin never decreases after L < ln 2 / n.",
    given=(labelled, some_separate),
)
def check_smoothed_margin(f: Study) -> Sequence[Judgement]:
    """Largest relative fall in one step: explicit steps to rounding, implicit ones to the solver's tolerance."""
    runs = separated_runs(f)
    return [
        upper(
            "largest relative fall in an explicit step",
            f.arrays["explicit_drop"][runs].max(),
            EXPLICIT,
        ),
        upper("in an implicit step", f.arrays["implicit_drop"][runs].max(), IMPLICIT),
    ]


@statement(
    "smoothed-and-true-margin",
    ref("Appendix F.2 (Ji and Telgarsky 2020a, Lemma C.5)"),
    "theory",
    CASES,
    "While n L < ln 2: 0 <= q_min - l^-1(n L) <= ln n + 0.367, and 0 <= <grad of l^-1(n L), theta> / 2 - l^-1(n L) <= 2 ln n + 1.",
    given=(labelled, some_separate),
)
def check_smoothed_and_true(f: Study) -> Sequence[Judgement]:
    """With A = sum_i p_i q_i S exp(softplus(l^-1)), the derivative along the weights, in logarithms."""
    gaps, lifts, least = [], [], np.inf
    for run in separated_runs(f):
        for index in range(1, f.arrays["q"].shape[1]):
            state = record(f, run, index)
            if not state.q <= READABLE:
                continue
            smoothed = float(f.arrays["smoothed"][run, index]) * state.rho**2
            lift = _lift(margins(f, state), smoothed) - smoothed
            rounding = 1e-14 * state.q**2 + 1e-12
            gaps.append(state.q - smoothed - rounding)
            lifts.append(lift - rounding)
            least = min(least, state.q - smoothed + rounding, lift + rounding)
    ln_n = float(np.log(len(f.y)))
    return [
        upper("negative part of either difference", -least, 0.0),
        upper("largest q_min - l^-1(n L)", max(gaps), ln_n + CURVED),
        upper("largest A - l^-1(n L)", max(lifts), 2 * ln_n + 1),
    ]


def _lift(q: np.ndarray, smoothed: float) -> float:
    """A = sum_i sigma(-q_i) q_i / sigma(-smoothed); the ratios are at most 1 or so, unless ``smoothed`` is wrong."""
    ln_ratio = np.logaddexp(0.0, smoothed) - np.logaddexp(0.0, q)
    return float(np.sum(np.exp(np.minimum(ln_ratio, 100.0)) * q))


@statement(
    "kkt-direction",
    ref("Theorem 3.1; Definition B.8"),
    "theory",
    CASES,
    "The direction converges to a KKT point of margin maximisation: the certificate's eps and delta vanish as powers of the margin.",
    given=(labelled, some_separate),
)
def check_kkt(f: Study) -> Sequence[Judgement]:
    """Slopes of ln eps and ln delta against ln q over the kept levels, and sum lam = ||theta^||^2 / 2 at the last.

    delta sqrt(q) <= 1 (measured at most 0.22); eps <= 1/sqrt(q) on symmetric data and 1/sqrt(q) + ||a_-|| / ||a_+|| where one
    sign grows faster (Assumptions A.2, A.3), as the weak neurons of the other sign fade more slowly than the rest converges.
    """
    slopes, deltas, products, balances, rooms = [], [], [], [], []
    for run in separated_runs(f):
        states = past(f, run, 100.0)
        if len(states) < 2 or states[-1].q < 1e4:
            continue
        certificates = [_certificate(f, state) for state in states]
        ln_q = np.log([state.q for state in states])
        slopes.append(_slope(ln_q, [c.eps for c in certificates]))
        deltas.append(_slope(ln_q, [c.delta for c in certificates]))
        products.append(certificates[-1].delta * np.sqrt(states[-1].q))
        balances.append(certificates[-1].balance)
        rooms.append(certificates[-1].eps / _room(f, states[-1]))
    if not slopes:
        raise NotApplicable(
            "no run keeps two margins of which the last is at least 1e4, so no rate can be fitted"
        )
    return [
        upper("slope of ln eps against ln q", max(slopes), -FALL),
        upper("slope of ln delta", max(deltas), -FALL),
        upper("|2 sum lam / ||theta^||^2 - 1| at the last margin", max(balances), 1e-3),
        upper("largest delta sqrt(q) there", max(products), 1.0),
        *(
            [
                upper(
                    "largest eps / (1/sqrt(q) or 1/sqrt(q) + ||a_-|| / ||a_+||) there",
                    max(rooms),
                    1.0,
                )
            ]
            if np.all(np.isfinite(rooms))
            else []
        ),
    ]


def _room(f: Study, state: Record) -> float:
    """Bound of eps: 1/sqrt(q) on symmetric data, 1/sqrt(q) + ||a_-|| / ||a_+|| under Assumptions A.2 and A.3, else nan, as none is known."""
    if symmetric(f) is None:
        return float(1 / np.sqrt(state.q))
    if leaky(f) is not None or aligned_means(f) is not None or one_sign_grows_faster(f) is not None:
        return float("nan")
    positive, negative = (
        float(np.linalg.norm(state.a[state.a > 0])),
        float(np.linalg.norm(state.a[state.a < 0])),
    )
    return float(1 / np.sqrt(state.q) + (negative / positive if positive else np.inf))


def _certificate(f: Study, state: Record) -> KktCertificate:
    return kkt_certificate(f.X, f.y, state.W, state.a, alpha(f))


def _slope(ln_q: np.ndarray, values: Sequence[float]) -> float:
    """Of ln(values), those at rounding level counted as 1e-15."""
    return float(np.polyfit(ln_q, np.log(np.maximum(values, 1e-15)), 1)[0])


@statement(
    "motion-aligns",
    ref("Lemma F.8 (Lyu and Li 2020, Lemma C.12)"),
    "theory",
    CASES,
    "The cosine beta between the weights and their velocity tends to 1.",
    given=(labelled, some_separate),
)
def check_motion(f: Study) -> Sequence[Judgement]:
    """1 - beta ~ 1/q (measured); 1e-3 from a margin of 1e4 on, up to NOISE."""
    states = [state for run in separated_runs(f) for state in past(f, run, 1e4) if state.q <= NOISE]
    if not states:
        raise NotApplicable("no run keeps a margin between 1e4 and 1e7")
    return [
        upper(
            "largest 1 - beta at margins of 1e4 and more",
            max(_lag(f, state) for state in states),
            1e-3,
        )
    ]


def _lag(f: Study, state: Record) -> float:
    """1 - cos(theta, dtheta/dt), as half the squared distance of the unit vectors."""
    G, g = velocity(f.X, f.y, state.W, state.a, alpha(f))
    size = np.sqrt(np.vdot(G, G) + np.vdot(g, g))
    difference = np.append((state.W / state.rho - G / size).ravel(), state.a / state.rho - g / size)
    return 0.5 * float(difference @ difference)


@statement(
    "conserved-differences",
    ref("Lemma B.16"),
    "theory",
    CASES,
    "||w_k||^2 - a_k^2 does not change along the flow.",
    given=(labelled, some_separate),
)
def check_conserved(f: Study) -> Sequence[Judgement]:
    """Drift relative to the largest a^2 so far; bounded for the explicit steps of small starts, the others are listed.

    Steps across kinks of O(1) weights leave the order of the integrator: 1e-7 at scale 1 (measured, falling with the step).
    """
    drifts: dict[str, list[float]] = {"explicit": [0.0], "implicit": [0.0], "large": [0.0]}
    for run in separated_runs(f):
        before = _difference(start(f, run))
        for state in past(f, run, 0.0):
            kind = (
                "large"
                if f.arrays["scale"][run] > SMALL
                else "explicit"
                if explicit(f, state)
                else "implicit"
            )
            drifts[kind].append(
                float(np.abs(_difference(state) - before).max() / np.square(state.a).max())
            )
    return [
        upper("largest relative drift, explicit steps", max(drifts["explicit"]), 1e-9),
        number("implicit steps", max(drifts["implicit"])),
        number("large starts", max(drifts["large"])),
    ]


def explicit(f: Study, state: Record) -> bool:
    """Whether the state was reached by explicit steps."""
    return bool(state.q < 1.01 * max(f.case.options["near"]))


def _difference(state: Record) -> np.ndarray:
    return np.asarray(np.sum(state.W**2, axis=1) - state.a**2)


@statement(
    "balanced-neurons",
    ref("Lemma B.17 and Corollary B.18"),
    "theory",
    CASES,
    "Started with |a_k| = ||w_k||, a neuron keeps it, and with it the sign of a_k.",
    given=(labelled, some_separate, balanced),
)
def check_balanced(f: Study) -> Sequence[Judgement]:
    """At the records of the explicit steps."""
    drift, flips = 0.0, 0
    for run in separated_runs(f):
        for state in (state for state in past(f, run, 0.0) if explicit(f, state)):
            drift = max(drift, float(np.abs(_difference(state)).max() / np.square(state.a).max()))
            flips += int(np.sum(np.sign(state.a) != np.sign(start(f, run).a)))
    return [
        none_of("output weights that changed their sign", flips),
        upper("largest relative imbalance", drift, 1e-9),
    ]


@statement(
    "kkt-balance",
    ref("Lemma B.9"),
    "theory",
    CASES,
    "|a_k| = ||w_k|| at a KKT point.",
    given=(labelled, some_separate),
)
def check_kkt_balance(f: Study) -> Sequence[Judgement]:
    """|a_k^2 - ||w_k||^2| / ||theta||^2 at the last margin, which is the conserved difference over rho^2 ~ q."""
    states = [states[-1] for run in separated_runs(f) if (states := past(f, run, 1e4))]
    if not states:
        raise NotApplicable("no run keeps a margin of 1e4 or more")
    return [
        upper(
            "largest |a_k^2 - ||w_k||^2| / rho^2",
            max(float(np.abs(_difference(state)).max()) / state.rho**2 for state in states),
            1e-3,
        )
    ]


CLAIMS: tuple[Claim, ...] = (
    check_loss_and_norm,
    check_smoothed_margin,
    check_smoothed_and_true,
    check_kkt,
    check_motion,
    check_conserved,
    check_balanced,
    check_kkt_balance,
)
