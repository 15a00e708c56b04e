"""The early alignment along a run (boursier2024, Theorems 1 and 3, Lemmas 1, 4, 11 and 13, Equation 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import is_flow
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.engines.alignment import align
from flowrepro.papers.boursier2024.along import (
    active,
    idle_class,
    negative_class,
    positive_class,
    reach,
    sides,
    states,
)
from flowrepro.papers.boursier2024.hypotheses import (
    ONE_DIRECTION,
    THEOREM_1,
    dominated,
    exponent,
    ref,
    scale,
    square_descent,
    statics,
)
from flowrepro.theory.alignment import cosines
from flowrepro.theory.arrangement_extremal import subgradients
from flowrepro.theory.conservation import imbalance, sign_changes
from flowrepro.theory.square_descent import step_time
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, force

ALL = ("figure-1", "figure-2", "phases", "unbalanced", "dominated", "figure-3")
FOLLOWED = ("figure-1", "phases")
"""Cases with snapshots dense enough to follow the alignment."""
LONGEST_GAP = 20
"""Steps between snapshots up to which a difference quotient is read as a derivative."""
INTERVALS = 60
FEWEST = 20
"""Snapshots that the alignment phase must have."""


@dataclass(frozen=True)
class Early:
    """Snapshots up to tau, (S, ...): t, W, a, bits (S, m, n), D (S, m, d) = D(w, 0), cosine f = <w/a, D>, output = mean ||h x||."""

    eps: float
    tau: float
    scale: float
    t: np.ndarray
    step: np.ndarray
    W: np.ndarray
    a: np.ndarray
    bits: np.ndarray
    D: np.ndarray
    f: np.ndarray
    output: np.ndarray

    @classmethod
    def of(cls, run: Run) -> Early:
        """NotApplicable where the scale is not small, or fewer than FEWEST snapshots lie before tau."""
        eps, size = exponent(run), scale(run)
        tau = statics(run).constants.alignment_time(size, eps)
        step = run.trajectory.snapshot_step
        kept = step * step_time(run) <= tau
        if kept.sum() < FEWEST or step[-1] * step_time(run) < tau:
            raise NotApplicable(
                f"the run keeps {int(kept.sum())} snapshots of the alignment phase up to tau = {tau:.3g}; record.geometric=1.02 keeps more"
            )
        X, y, group = run.X, run.y, run.trajectory.group
        W, a = run.trajectory.W[kept][:, group], run.trajectory.a[kept][:, group]
        D = np.stack([force(X, -y / len(y), w) for w in W])
        h = np.stack([predict(X, *state) for state in zip(W, a, strict=True)])
        with np.errstate(divide="ignore", invalid="ignore"):
            f = np.sum(W * D, axis=2) / a
        output = np.mean(np.abs(h) * np.linalg.norm(X, axis=1), axis=1)
        return cls(
            eps, tau, size, step[kept] * step_time(run), step[kept], W, a, W @ X.T > 0, D, f, output
        )


@statement(
    "lemma-1",
    ref("Lemma 1"),
    "theory",
    ALL,
    "a^2 - ||w||^2 of every neuron is kept by the flow, and by descent up to the step",
    (square_descent,),
)
def lemma_1(run: Run) -> list[Judgement]:
    """measured: sum over neurons of the largest change, relative to its bound.

    A step changes the difference by at most dt^2 ||D_j||^2 (a^2 + ||w||^2); the bound is the sum over steps, from above on
    at most INTERVALS intervals, D_j counting the data whose hyperplane a step could cross.
    """
    trajectory, group = run.trajectory, run.trajectory.group
    chosen = np.unique(
        np.linspace(0, len(trajectory.snapshot_step) - 1, INTERVALS + 1).round().astype(int)
    )
    W, a = trajectory.at(0)
    start, bound = imbalance(W, a), 0.0
    changes, before = np.zeros(len(a)), (_largest_force(run, W, a), squared_norms(W, a))
    for gap, i in zip(np.diff(trajectory.snapshot_step[chosen]), chosen[1:], strict=True):
        W, a = trajectory.W[i][group], trajectory.a[i][group]
        changes = np.maximum(changes, np.abs(imbalance(W, a) - start))
        now = _largest_force(run, W, a), squared_norms(W, a)
        bound += gap * float(
            np.sum(np.square(np.maximum(before[0], now[0])) * np.maximum(before[1], now[1]))
        )
        before = now
    if is_flow(run):
        return [upper("sum of changes / sum a^2", changes.sum() / np.sum(np.square(a)), 1e-5)]
    rounding = 2.0 * np.finfo(float).eps * trajectory.last_step * float(before[1].sum())
    return [
        upper(
            "sum of changes / sum of dt^2 ||D||^2 (a^2 + ||w||^2)",
            changes.sum() / (step_time(run) ** 2 * bound + rounding),
            1.0,
        ),
        number("largest change / largest a^2", changes.max() / np.square(a).max()),
    ]


def squared_norms(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """a_j^2 + ||w_j||^2, (m,)."""
    return np.square(a) + np.sum(np.square(W), axis=1)  # type: ignore[no-any-return]


def _largest_force(run: Run, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Bound of ||D|| (m,) on either side of the hyperplanes that each neuron may cross in a step."""
    residual = run.y - predict(run.X, W, a)
    side = sides(run.X, W, reach(run, a, residual))
    D = ((side > 0) * residual) @ run.X
    return (
        np.linalg.norm(D, axis=1) + (side == 0) @ (np.abs(residual) * np.linalg.norm(run.X, axis=1))
    ) / len(residual)  # type: ignore[no-any-return]


@statement(
    "signs-kept",
    ref("Section 3"),
    "theory",
    ALL,
    "an initialisation with |a| >= ||w|| keeps the signs of the output weights",
    (square_descent, dominated),
)
def signs_kept(run: Run) -> list[Judgement]:
    """measured: neurons whose a has both signs among the snapshots."""
    return [
        none_of(
            "neurons that change the sign of a",
            sign_changes(run.trajectory.a[:, run.trajectory.group]),
        )
    ]


@statement(
    "idle-neurons",
    ref("Lemma 4, item 3"),
    "theory",
    ALL,
    "neurons that start inactive on all data never move",
    (square_descent,),
)
def idle_neurons(run: Run) -> list[Judgement]:
    """measured: such neurons that differ in a bit from their start at any snapshot."""
    idle = idle_class(run)
    if not idle.any():
        raise NotApplicable("no neuron starts inactive on all data")
    W0, a0 = run.trajectory.at(0)
    moved = np.zeros(int(idle.sum()), dtype=bool)
    for W, a in states(run):
        moved |= np.any(W[idle] != W0[idle], axis=1) | (a[idle] != a0[idle])
    return [none_of(f"of {idle.sum()} neurons, moved", int(moved.sum()))]


@statement(
    "theorem-1-i",
    ref("Theorem 1 (i)"),
    "theory",
    FOLLOWED,
    "until tau output weights change by a factor lambda^(-2 eps) at most",
    THEOREM_1,
)
def theorem_1_i(run: Run) -> list[Judgement]:
    """measured: largest and least |a^t / a^0| times the powers of lambda that bound them, ||w|| / |a|, and sum a^2."""
    early = Early.of(run)
    ratio, power = np.abs(early.a / early.a[0]), early.scale ** (2 * early.eps)
    grown = np.linalg.norm(early.W, axis=2) / np.abs(early.a)
    return [
        upper(f"eps = {early.eps}: largest |a/a0| lambda^(2 eps)", ratio.max() * power, 1.0),
        lower("least |a/a0| lambda^(-2 eps)", ratio.min() / power, 1.0),
        upper(
            "largest ||w|| / |a|", grown.max(), 1.0 + 10 * step_time(run)
        ),  # tiny neurons drift by steps
        upper(
            "largest sum a^2 / lambda^(2 - 4 eps)",
            np.sum(early.a**2, axis=1).max() / early.scale ** (2 - 4 * early.eps),
            1.0,
        ),
    ]


@statement(
    "equation-8",
    ref("Equation (8)"),
    "theory",
    FOLLOWED,
    "<w/a, D> obeys f' = ||D||^2 - f^2 while the output is small",
    THEOREM_1,
)
def equation_8(run: Run) -> list[Judgement]:
    """measured: largest of |df/dt - (||D||^2 - f f')| - 2 ||D|| mean ||h x|| over neurons that keep their pattern for at most LONGEST_GAP steps."""
    early = Early.of(run)
    dt, largest = np.diff(early.t), statics(run).constants.largest
    near = np.diff(early.step) <= LONGEST_GAP
    same = np.all(early.bits[1:] == early.bits[:-1], axis=2) & near[:, None]
    if not same.any():
        raise NotApplicable(f"no two snapshots are within {LONGEST_GAP} steps")
    square = np.sum(np.square(early.D[:-1]), axis=2)
    residual = np.abs(
        np.diff(early.f, axis=0) / dt[:, None] - (square - early.f[:-1] * early.f[1:])
    )  # for constant D the product is exact
    allowed = 2 * np.sqrt(square) * np.maximum(early.output[:-1], early.output[1:])[:, None]
    return [
        upper(
            "largest |residual| above 2 ||D|| mean ||h x||",
            np.max((residual - allowed)[same]),
            2e-3 * largest**2,
        ),
        number("largest |residual|", residual[same].max()),
    ]


@statement(
    "alignment-ascends",
    ref("Theorem 1, proof"),
    "theory",
    FOLLOWED,
    "<w/a, D(w, 0)> never decreases by more than the output allows",
    THEOREM_1,
)
def alignment_ascends(run: Run) -> list[Judgement]:
    """measured: least increase between two snapshots, plus 2 D_max mean ||h x|| dt; the increase alone as a number."""
    early = Early.of(run)
    increase = np.diff(early.f, axis=0)
    allowed = (
        2
        * statics(run).constants.largest
        * np.maximum(early.output[:-1], early.output[1:])
        * np.diff(early.t)
    )
    return [
        lower(
            "least increase above what the output allows",
            np.min(increase + allowed[:, None]),
            -1e-12,
        ),
        number("least increase", increase.min()),
    ]


def _entries(early: Early, chosen: np.ndarray) -> np.ndarray:
    """Index of the first snapshot up to tau at which each chosen neuron is active on all data, S where there is none."""
    inside = early.bits[:, chosen].all(axis=2)
    return np.where(inside.any(axis=0), inside.argmax(axis=0), len(early.t))


def _all_active_times(run: Run, chosen: np.ndarray, bound: float) -> np.ndarray:
    """Flow time of the first snapshot at which each chosen neuron is active on all data, inf where there is none by ``bound``.

    NotApplicable where there is none and the run is shorter than ``bound``.
    """
    times = np.full(int(chosen.sum()), np.inf)
    for step, (W, _) in zip(run.trajectory.snapshot_step, states(run), strict=True):
        new = np.isinf(times) & active(run.X, W[chosen]).all(axis=1)
        times[new] = step * step_time(run)
    if np.isinf(times).any() and run.trajectory.last_step * step_time(run) < bound:
        raise NotApplicable(
            f"the run ends at t = {run.trajectory.last_step * step_time(run):.4g}, before the bound {bound:.4g}, and neurons are still on their way"
        )
    return times


@statement(
    "settling-time",
    ref("Theorem 1, proof"),
    "theory",
    FOLLOWED,
    "positive neurons are in the cone of D* by t_2 = O(1)",
    ONE_DIRECTION,
)
def settling_time(run: Run) -> list[Judgement]:
    """measured: first snapshot at which every neuron of I is active on all data. bound: 4 D_max / (D_min min(alpha_min, 1))^2."""
    exponent(run)
    bound = statics(run).constants.settling_bound(1.0)
    return [upper("largest t_2", _all_active_times(run, positive_class(run), bound).max(), bound)]


@statement(
    "theorem-3",
    ref("Theorem 3"),
    "theory",
    FOLLOWED,
    "neurons that start with <D, w/a> > 0 settle by 2 D_max / (D_min alpha_min,+)^2",
    ONE_DIRECTION,
)
def theorem_3(run: Run) -> list[Judgement]:
    """measured: first snapshot at which all neurons with a > 0 and <D(w0, 0), w0> > 0 are active on all data; the printed rest is vacuous (eq 40)."""
    exponent(run)
    constants = statics(run).constants
    W, a = run.trajectory.at(0)
    chosen = (a > 0) & (np.sum(force(run.X, -run.y / len(run.y), W) * W, axis=1) > 0)
    bound = 2 * constants.largest / (constants.smallest * constants.angle_plus) ** 2
    return [
        upper("largest t_2", _all_active_times(run, chosen, bound).max(initial=0.0), bound),
        none_of("neurons of I that miss the condition", int(np.sum(positive_class(run) & ~chosen))),
    ]


@statement(
    "alignment-rate",
    ref("Equation (36)"),
    "theory",
    FOLLOWED,
    "in the cone of D* the alignment grows at least as c tanh(c t)",
    ONE_DIRECTION,
)
def alignment_rate(run: Run) -> list[Judgement]:
    """measured: least <w/a, D*> - c tanh(c (t - t_2) + artanh(f_2/c)) over I from the first snapshot in the cone to tau, and the same with c = ||D*||."""
    early, I = Early.of(run), positive_class(run)
    f, entry = early.f[:, I], _entries(early, I)
    D = float(np.linalg.norm(run.y @ run.X / len(run.y)))
    reduced = D**2 - 2 * D * early.scale ** (2 - 4 * early.eps) * statics(run).constants.mean_square
    if reduced <= 0:
        raise NotApplicable("the constant c of eq (36) is not positive at this scale")
    least, largest = np.inf, 0.0
    for j in np.flatnonzero(entry < len(early.t) - 1):
        path, since = f[entry[j] :, j], early.t[entry[j] :] - early.t[entry[j]]
        for c in (float(np.sqrt(reduced)), D):
            gap = path - c * np.tanh(c * since + np.arctanh(min(path[0] / c, 1 - 1e-15)))
            if c == D:
                largest = max(largest, float(np.abs(gap).max()))
            else:
                least = min(least, float(gap.min()))
    if not np.isfinite(least):
        raise NotApplicable("no positive neuron is in the cone of D* before tau")
    return [
        lower("least gap to the bound", least, -1e-9),
        number("largest |gap| to ||D*|| tanh(...)", largest),
    ]


@statement(
    "theorem-1-ii",
    ref("Theorem 1 (ii)"),
    "theory",
    FOLLOWED,
    "at tau neurons that had the time to align are active on all data or on none",
    ONE_DIRECTION,
)
def theorem_1_ii(run: Run) -> list[Judgement]:
    """measured: neurons whose exact alignment time for vanishing scale is below tau - 0.1 and whose D(w, 0) is neither D* nor 0 at tau.

    The printed bound has a constant of 10^24 or more, so it says nothing; for the other neurons tau is shorter than their alignment.
    """
    early = Early.of(run)
    W, a = run.trajectory.at(0)
    settled = np.array([path.settled for path in align(run.X, run.y, W, a, HALF_MEAN_SQUARE).paths])
    in_time = settled < early.tau - 0.1
    count = early.bits[-1].sum(axis=1)
    wrong = ~np.where(a > 0, (count == len(run.y)) | (count == 0), count == 0)
    return [
        none_of(
            f"tau = {early.tau:.4g}: of {in_time.sum()} neurons with time to align, not aligned",
            int(np.sum(in_time & wrong)),
        ),
        number(
            "share of neurons for which tau is shorter than their alignment", 1.0 - in_time.mean()
        ),
        number(
            "log10 of the printed constant c_alpha0", statics(run).constants.log10_misalignment(1.0)
        ),
    ]


@statement(
    "lemma-13",
    ref("Lemma 13"),
    "theory",
    FOLLOWED,
    "once the force is in the cone of its neuron, the pattern stays until tau",
    ONE_DIRECTION,
)
def lemma_13(run: Run) -> list[Judgement]:
    """measured: neurons with a > 0 that leave the all-active cone, or any that leave the inactive one, between two snapshots up to tau."""
    early = Early.of(run)
    inside: np.ndarray = np.asarray(early.bits.all(axis=2) & (early.a > 0))
    inactive: np.ndarray = np.asarray(~early.bits.any(axis=2))
    return [
        none_of(
            "departures",
            int(np.sum(inside[:-1] & ~inside[1:]) + np.sum(inactive[:-1] & ~inactive[1:])),
        )
    ]


@statement(
    "lemma-11",
    ref("Lemma 11"),
    "theory",
    FOLLOWED,
    "while mean ||h x|| < delta_0 every extremal vector stays in its cone",
    (*THEOREM_1[:2], THEOREM_1[3]),
)
def lemma_11(run: Run) -> list[Judgement]:
    """measured: extremal vectors, recomputed with the residuals y - h, that leave their cone (or its negative) at a snapshot with mean ||h x|| < delta_0."""
    known = statics(run)
    size, lost, used = np.linalg.norm(run.X, axis=1), 0, 0
    for W, a in states(run):
        h = predict(run.X, W, a)
        if np.mean(np.abs(h) * size) < known.constants.boundary:
            now = subgradients(known.cones, (run.y - h) / len(h))
            lost += int(
                np.sum((known.forces.own & ~now.own) | (known.forces.opposite & ~now.opposite))
            )
            used += 1
    return [none_of(f"at {used} snapshots, extremal vectors that leave", lost)]


@statement(
    "lemma-4",
    ref("Lemma 4"),
    "theory",
    FOLLOWED,
    "at tau positive neurons have grown by at most lambda^(-2 eps), negative ones have shrunk",
    ONE_DIRECTION,
)
def lemma_4(run: Run) -> list[Judgement]:
    """measured: least and largest a^tau/a^0 over I, largest |a^tau/a^0| over N; the least cosine of I with D* as a number (its bound is an O())."""
    early, I, N = Early.of(run), positive_class(run), negative_class(run)
    ratio = early.a[-1] / early.a[0]
    D = run.y @ run.X
    parts = [
        lower("least a/a0 over I", ratio[I].min(), 1.0),
        upper(
            "largest a/a0 over I times lambda^(2 eps)",
            ratio[I].max() * early.scale ** (2 * early.eps),
            1.0,
        ),
        number("least cosine of I with D*", cosines(early.W[-1][I], D).min()),
    ]
    return (
        [*parts, upper("largest |a/a0| over N", np.abs(ratio[N]).max(), 1.0)] if N.any() else parts
    )


CLAIMS = (
    lemma_1,
    signs_kept,
    idle_neurons,
    theorem_1_i,
    equation_8,
    alignment_ascends,
    settling_time,
    theorem_3,
    alignment_rate,
    theorem_1_ii,
    lemma_13,
    lemma_11,
    lemma_4,
)
