r"""Theorem 3.1 and its proof: after L < ln 2 / n the flow converges to a KKT direction.

The loss vanishes along KKT directions of the margin problem, max q_min / ||theta||^2. The gap of
complementarity decays as delta ~ q^{-1/2}. The residual eps decays as q^{-1/2} on symmetric data,
and as q^{-(1 - alpha)/2} where weak neurons of the other sign survive.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.controls import altered
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import (
    aligned_means,
    alpha,
    balanced,
    labelled,
    leaky,
    one_sign_grows_faster,
    symmetric,
)
from flowrepro.papers.lyu2021.section_3_flows import (
    FIRST_LEVEL,
    FLOW_MIDDLE,
    FLOW_ORTHOGONAL,
    FLOW_RIGHT,
    FLOW_SYMMETRIC,
    FLOW_SYMMETRIC_5D,
    State,
    past,
    separated_runs,
    some_separate,
    state_at,
    states_past,
    velocity,
)
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin_kkt import kkt_certificate

topic = Topic(PAPER, "Convergence to KKT directions", given=(labelled, some_separate))

FLOWS = (FLOW_SYMMETRIC, FLOW_SYMMETRIC_5D, FLOW_MIDDLE, FLOW_RIGHT, FLOW_ORTHOGONAL)
EXPLICIT, IMPLICIT = 1e-12, 1e-6
"""Relative fall of the smoothed margin in one step that rounding or the solver can make."""
FALL = 0.2
"""Least decay of ln eps per unit of ln q: theory has 1/4 at alpha = 1/2, 1/2 on symmetric data."""
CURVED = 0.367
"""expm1(v) <= v e^0.367 for v <= ln 2, which turns l into an exponential (our Lemma C.5)."""
READABLE = 2e4
"""Margin up to which O(1) differences survive the rounding, of order 1e-16 q^2."""
SMALL = 1e-2
"""Scale up to which a start counts as small: neurons are aligned before the steps are long."""
NOISE = 1e7
"""Margin beyond which 1 - beta is rounding and solver noise."""


@topic.claim(
    "theorem-3-1-loss-and-norm",
    "Once L < ln 2 / n, the loss falls at every step and the norm of the weights grows.",
    place="Theorem 3.1 (Ji and Telgarsky 2020a, Lyu and Li 2020)",
    on=FLOWS,
)
def loss_and_norm(result: Study) -> Iterable[Part]:
    """Counted by the integrators at every step, and again from record to record."""
    runs, arrays = separated_runs(result), result.arrays
    losses, norms = ([_distinct(result, name, run) for run in runs] for name in ("ln_loss", "rho"))
    if all(len(values) < 2 for values in losses):
        require("no run has two records after the data are separated")
    rises = int(sum(np.sum(~(np.diff(values) < 0)) for values in losses))
    falls = int(sum(np.sum(~(np.diff(values) > 0)) for values in norms))
    yield none_of("steps that raise the loss", int(arrays["loss_rises"][runs].sum()) + rises)
    yield none_of("steps that shrink the norm", int(arrays["norm_falls"][runs].sum()) + falls)
    yield number("lowest log10 loss", float(np.nanmin(arrays["ln_loss"])) / np.log(10))
    yield number("runs that never separate the data", len(arrays["q"]) - len(runs))


def _distinct(result: Study, name: str, run: int) -> np.ndarray:
    """Values of a run at its records from n L < ln 2 on, each record once."""
    ln_t, values = result.arrays["ln_t"][run, 1:], result.arrays[name][run, 1:]
    reached = np.isfinite(result.arrays["q"][run, 1:])
    later = reached & (ln_t >= ln_t[0])
    _, first = np.unique(ln_t[later], return_index=True)
    return np.asarray(values[later][first])


@topic.claim(
    "theorem-3-1-smoothed-margin",
    "The smoothed normalised margin never decreases after L < ln 2 / n.",
    place="Theorem 3.1; Lemma F.6 (Ji and Telgarsky 2020a, Lemma 3.4)",
    on=FLOWS,
    control=lambda study: altered(study, explicit_drop=study.arrays["explicit_drop"] + 1e-3),
)
def smoothed_margin(result: Study) -> Iterable[Part]:
    """Largest relative fall in one step: to rounding if explicit, to the tolerance if implicit."""
    runs, arrays = separated_runs(result), result.arrays
    fall = arrays["explicit_drop"][runs].max()
    yield at_most("largest relative fall in an explicit step", fall, EXPLICIT)
    yield at_most("in an implicit step", arrays["implicit_drop"][runs].max(), IMPLICIT)


@topic.claim(
    "appendix-f-2-smoothed-and-true-margin",
    "While n L < ln 2: 0 <= q_min - l^-1(n L) <= ln n + 0.367, and "
    "0 <= <grad of l^-1(n L), theta> / 2 - l^-1(n L) <= 2 ln n + 1.",
    place="Appendix F.2 (Ji and Telgarsky 2020a, Lemma C.5)",
    on=FLOWS,
)
def smoothed_and_true(result: Study) -> Iterable[Part]:
    """A = <grad of l^-1(n L), theta> / 2 = sum_i sigma(-q_i) q_i / sigma(-l^-1(n L))."""
    gaps, lifts, least = [], [], np.inf
    for run in separated_runs(result):
        for index in range(1, result.arrays["q"].shape[1]):
            state = state_at(result, run, index)
            if not state.q <= READABLE:
                continue
            smoothed = float(result.arrays["smoothed"][run, index]) * state.rho**2
            q = result.y * predict(result.X, state.W, state.a, alpha(result))
            ln_ratio = np.logaddexp(0.0, smoothed) - np.logaddexp(0.0, q)
            # the ratios are about 1 at most, unless ``smoothed`` is wrong
            lift = float(np.sum(np.exp(np.minimum(ln_ratio, 100.0)) * q)) - smoothed
            rounding = 1e-14 * state.q**2 + 1e-12
            gaps.append(state.q - smoothed - rounding)
            lifts.append(lift - rounding)
            least = np.min([least, state.q - smoothed + rounding, lift + rounding])
    ln_n = float(np.log(len(result.y)))
    yield at_most("negative part of either difference", -least, 0.0)
    yield at_most("largest q_min - l^-1(n L)", np.max(gaps), ln_n + CURVED)
    yield at_most("largest A - l^-1(n L)", np.max(lifts), 2 * ln_n + 1)


@topic.claim(
    "theorem-3-1-kkt-direction",
    "The direction converges to a KKT point of margin maximisation: "
    "the residuals eps and delta of the certificate vanish as powers of the margin.",
    place="Theorem 3.1; Definition B.8",
    on=FLOWS,
)
def kkt_direction(result: Study) -> Iterable[Part]:
    """Slopes of ln eps and ln delta against ln q, and sum lam = ||theta^||^2 / 2 at the end.

    The bound of delta sqrt(q) is 1 (measured: at most 0.22), and that of eps is `_eps_bound`.
    """
    slopes, deltas, products, balances, ratios = [], [], [], [], []
    for run in separated_runs(result):
        states = past(result, run, 100.0)
        if len(states) < 2 or states[-1].q < 1e4:
            continue
        certificates = [
            kkt_certificate(result.X, result.y, s.W, s.a, alpha(result)) for s in states
        ]
        last, ln_q = certificates[-1], np.log([state.q for state in states])
        slopes.append(_slope(ln_q, [c.eps for c in certificates]))
        deltas.append(_slope(ln_q, [c.delta for c in certificates]))
        products.append(last.delta * np.sqrt(states[-1].q))
        balances.append(last.balance)
        ratios.append(last.eps / _eps_bound(result, states[-1]))
    if not slopes:
        raise NotApplicable(
            "no run keeps two margins of which the last is at least 1e4, so no rate can be fitted"
        )
    yield at_most("slope of ln eps against ln q", np.max(slopes), -FALL)
    yield at_most("slope of ln delta", np.max(deltas), -FALL)
    yield at_most("|2 sum lam / ||theta^||^2 - 1| at the last margin", np.max(balances), 1e-3)
    yield at_most("largest delta sqrt(q) there", np.max(products), 1.0)
    if np.all(np.isfinite(ratios)):
        note = "largest eps / (1/sqrt(q) or 1/sqrt(q) + ||a_-|| / ||a_+||) there"
        yield at_most(note, np.max(ratios), 1.0)


def _eps_bound(result: Study, state: State) -> float:
    """1/sqrt(q) on symmetric data, and 1/sqrt(q) + ||a_-|| / ||a_+|| under Assumptions A.2, A.3.

    There the weak neurons of the other sign fade more slowly than the rest converges. Elsewhere no
    bound is known, and the value is nan.
    """
    if symmetric(result) is None:
        return float(1 / np.sqrt(state.q))
    if leaky(result) or aligned_means(result) or one_sign_grows_faster(result):
        return float("nan")
    positive = float(np.linalg.norm(state.a[state.a > 0]))
    negative = float(np.linalg.norm(state.a[state.a < 0]))
    return float(1 / np.sqrt(state.q) + (negative / positive if positive else np.inf))


def _slope(ln_q: np.ndarray, values: Sequence[float]) -> float:
    """Slope of ln(values), where rounding errors count as 1e-15."""
    return float(np.polyfit(ln_q, np.log(np.maximum(values, 1e-15)), 1)[0])


@topic.claim(
    "lemma-f-8-motion-aligns",
    "The cosine beta between the weights and their velocity tends to 1.",
    place="Lemma F.8 (Lyu and Li 2020, Lemma C.12)",
    on=FLOWS,
)
def motion_aligns(result: Study) -> Iterable[Part]:
    """1 - beta from a margin of 1e4 on, up to NOISE, and its power of q, which is -1 or, on hinted
    points, -1/2 (measured).
    """
    lags = [
        (run, state.q, _lag(result, state))
        for run, state in states_past(result, 1e4)
        if state.q <= NOISE
    ]
    require(None if lags else "no run keeps a margin between 1e4 and 1e7")
    yield at_most("largest 1 - beta at margins of 1e4 and more", max(lag for *_, lag in lags), 1e-3)
    powers = []
    for each in {run for run, *_ in lags}:
        q, lag = np.array([pair for run, *pair in lags if run == each]).T
        if q.max() >= 10 * q.min():
            powers.append(float(np.polyfit(np.log(q), np.log(lag), 1)[0]))
    if powers:
        yield at_most("largest power of q in 1 - beta", np.max(powers), -0.4)


def _lag(result: Study, state: State) -> float:
    """1 - cos(theta, dtheta/dt), as half the squared distance of the unit vectors."""
    G, g = velocity(result.X, result.y, state.W, state.a, alpha(result))
    size = np.sqrt(np.vdot(G, G) + np.vdot(g, g))
    difference = np.append((state.W / state.rho - G / size).ravel(), state.a / state.rho - g / size)
    return 0.5 * float(difference @ difference)


@topic.claim(
    "theorem-f-9-critical-value",
    "(1 + ||theta||) ||grad gamma~|| vanishes as a power of the margin, so the limit of the margin "
    "is an asymptotic Clarke critical value of the smoothed margin gamma~.",
    place="Theorem F.9",
    on=FLOWS,
)
def critical_value(result: Study) -> Iterable[Part]:
    """Over gamma~: slope against the margin from 100 to NOISE, and the last value.

    gamma~ = s / rho^2, s = l^-1(n L), and grad s = sum_i p_i grad q_i up to e^-q, as in `velocity`.
    """
    slopes, last = [], []
    for run in separated_runs(result):
        found = []
        for index in range(FIRST_LEVEL, result.arrays["q"].shape[1]):
            state = state_at(result, run, index)
            if not 100.0 * (1 - 1e-9) <= state.q <= NOISE:
                continue
            G, g = velocity(result.X, result.y, state.W, state.a, alpha(result))
            smoothed = float(result.arrays["smoothed"][run, index])
            left = np.append((G - 2 * smoothed * state.W).ravel(), g - 2 * smoothed * state.a)
            size = np.linalg.norm(left) / state.rho**2
            found.append((np.log(state.q), (1 + state.rho) * size / smoothed))
        if len(found) >= 2:
            ln_q, values = np.array(found).T
            slopes.append(_slope(ln_q, values.tolist()))
            last.append(values[-1])
    require(None if slopes else "no run keeps two margins between 100 and 1e7")
    yield at_most("slope of ln of (1 + ||theta||) ||grad gamma~|| / gamma~", np.max(slopes), -FALL)
    yield at_most("largest last value", float(np.max(last)), 0.1)


@topic.claim(
    "lemma-b-16-conserved-differences",
    "The difference ||w_k||^2 - a_k^2 does not change along the flow.",
    place="Lemma B.16",
    on=FLOWS,
)
def conserved_differences(result: Study) -> Iterable[Part]:
    """Drift relative to the largest a^2; bounded for explicit steps of small starts, else listed.

    Steps across kinks of O(1) weights lose the order of the integrator: the drift is 1e-7 at
    scale 1 (measured), and falls with the step.
    """
    drifts: dict[str, list[float]] = {"explicit": [], "implicit": [], "large": []}
    for run, state in states_past(result, 0.0):
        kind = "explicit" if _explicit(result, state) else "implicit"
        kind = "large" if result.arrays["scale"][run] > SMALL else kind
        change = np.abs(_difference(state) - _difference(state_at(result, run, 0))).max()
        drifts[kind].append(float(change / np.square(state.a).max()))
    require(None if drifts["explicit"] else "no explicit step of a small start was kept")
    yield at_most("largest relative drift, explicit steps", np.max(drifts["explicit"]), 1e-9)
    yield number("implicit steps", np.max(drifts["implicit"], initial=0.0))
    yield number("large starts", np.max(drifts["large"], initial=0.0))


def _explicit(result: Study, state: State) -> bool:
    """Whether the state was reached by explicit steps."""
    return bool(state.q < 1.01 * max(result.case.options["near"]))


def _difference(state: State) -> np.ndarray:
    """||w_k||^2 - a_k^2, (m,)."""
    return np.asarray(np.sum(state.W**2, axis=1) - state.a**2)


def _unbalanced_later(result: Study) -> Study:
    """Output weights are a tenth larger from the first level on (a control)."""
    a = result.arrays["a"].copy()
    a[:, FIRST_LEVEL:] *= 1.1
    return altered(result, a=a)


@topic.claim(
    "lemma-b-17-balanced-neurons",
    "A neuron with |a_k| = ||w_k|| at the start keeps this equality and the sign of a_k.",
    place="Lemma B.17 and Corollary B.18",
    on=FLOWS,
    given=(balanced,),
    control=_unbalanced_later,
)
def balanced_neurons(result: Study) -> Iterable[Part]:
    """At the records of the explicit steps."""
    states = [(run, one) for run, one in states_past(result, 0.0) if _explicit(result, one)]
    require(None if states else "no state of an explicit step was kept")
    drift, flips = 0.0, 0
    for run, state in states:
        off = float(np.abs(_difference(state)).max() / np.square(state.a).max())
        drift = np.maximum(drift, off)
        flips += int(np.sum(np.sign(state.a) != np.sign(state_at(result, run, 0).a)))
    yield none_of("output weights that changed their sign", flips)
    yield at_most("largest relative imbalance", drift, 1e-9)


@topic.claim(
    "lemma-b-9-kkt-balance",
    "A KKT point has |a_k| = ||w_k||.",
    place="Lemma B.9",
    on=FLOWS,
)
def kkt_balance(result: Study) -> Iterable[Part]:
    """At the last margin, over rho^2, which grows as q: twice what is left there of the difference
    at the start, which is conserved, and rounding.
    """
    gaps, left = [], []
    for run in separated_runs(result):
        if states := past(result, int(run), 1e4):
            start, last = state_at(result, int(run), 0), states[-1]
            gaps.append(float(np.abs(_difference(last)).max()) / last.rho**2)
            left.append(float(np.abs(_difference(start)).max()) / last.rho**2)
    require(None if gaps else "no run keeps a margin of 1e4 or more")
    yield at_most("largest |a_k^2 - ||w_k||^2| / rho^2", np.max(gaps), 2 * np.max(left) + 1e-9)
