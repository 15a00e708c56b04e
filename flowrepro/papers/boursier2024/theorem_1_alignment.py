"""Theorems 1 and 3, Lemmas 4, 11 and 13: the early alignment along a run.

While the output is small, f = <w/a, D(w, 0)> obeys f' = ||D||^2 - f^2 (eq 8). So directions reach
the extremal vectors by tau = -eps ln(lambda) / D_max, and output weights grow by lambda^(-2 eps)
at most.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import following_the_flow
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.engines.alignment import align
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.figure_1_boxes import FIGURE_1
from flowrepro.papers.boursier2024.figure_2_three_points import PHASES
from flowrepro.papers.boursier2024.hypotheses import (
    ONE_DIRECTION,
    THEOREM_1,
    exponent,
    fine_step,
    generic,
    scale,
    square_descent,
    statics,
)
from flowrepro.papers.boursier2024.neurons import (
    active,
    delayed,
    negative_class,
    positive_class,
    states,
)
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import cosines
from flowrepro.theory.arrangement_extremal import subgradients
from flowrepro.theory.square_descent import step_time
from flowrepro.theory.stationary import HALF_MEAN_SQUARE, force

topic = Topic(PAPER, "Early alignment")
FOLLOWED = (FIGURE_1, PHASES)
"""Cases with snapshots dense enough to follow the alignment."""
stated = partial(topic.claim, on=FOLLOWED)
LONGEST_GAP = 20
"""Steps between snapshots up to which a difference quotient is read as a derivative."""
FEWEST = 20
"""Snapshots that the alignment phase must have."""


@dataclass(frozen=True)
class Early:
    """Snapshots up to tau, (S, ...).

    bits (S, m, n). D (S, m, d) = D(w, 0). f (S, m) = <w/a, D>. output (S,) = mean ||h x||.
    """

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
        """NotApplicable where the scale is not small, or fewer than FEWEST snapshots lie there."""
        eps, size = exponent(run), scale(run)
        tau = statics(run).constants.alignment_time(size, eps)
        step = run.trajectory.snapshot_step
        kept = step * step_time(run) <= tau
        if kept.sum() < FEWEST or step[-1] * step_time(run) < tau:
            raise NotApplicable(
                f"the run keeps {int(kept.sum())} snapshots of the alignment phase up to "
                f"tau = {tau:.3g}; record.geometric=1.02 keeps more"
            )
        X, y, group = run.X, run.y, run.trajectory.group
        W, a = run.trajectory.W[kept][:, group], run.trajectory.a[kept][:, group]
        D = np.stack([force(X, -y / len(y), w) for w in W])
        h = np.stack([predict(X, *state) for state in zip(W, a, strict=True)])
        with np.errstate(divide="ignore", invalid="ignore"):
            f = np.sum(W * D, axis=2) / a
        output = np.mean(np.abs(h) * np.linalg.norm(X, axis=1), axis=1)
        t = step[kept] * step_time(run)
        return cls(eps, tau, size, t, step[kept], W, a, W @ X.T > 0, D, f, output)

    @property
    def between(self) -> np.ndarray:
        """The larger output at the two ends of each interval, (S - 1,)."""
        return np.asarray(np.maximum(self.output[:-1], self.output[1:]))


@stated(
    "theorem-1-i",
    "Until tau output weights change by a factor of at most lambda^(-2 eps).",
    place="Theorem 1 (i)",
    given=THEOREM_1,
)
def theorem_1_i(run: Run) -> Iterable[Part]:
    """Ratios a^t / a^0 times the powers of lambda that bound them; tiny neurons drift by steps."""
    early = Early.of(run)
    ratio, power = np.abs(early.a / early.a[0]), early.scale ** (2 * early.eps)
    grown = np.linalg.norm(early.W, axis=2) / np.abs(early.a)
    largest = np.sum(early.a**2, axis=1).max() / early.scale ** (2 - 4 * early.eps)
    yield at_most(f"eps = {early.eps}: largest |a/a0| lambda^(2 eps)", ratio.max() * power, 1.0)
    yield at_least("least |a/a0| lambda^(-2 eps)", ratio.min() / power, 1.0)
    yield at_most("largest ||w|| / |a|", grown.max(), 1.0 + 10 * step_time(run))
    yield at_most("largest sum a^2 / lambda^(2 - 4 eps)", largest, 1.0)


@stated(
    "equation-8",
    "While the output is small, f = <w/a, D> obeys f' = ||D||^2 - f^2.",
    place="Equation (8)",
    given=THEOREM_1,
)
@following_the_flow(*FOLLOWED)
def equation_8(run: Run) -> Iterable[Part]:
    """|f' - (||D||^2 - f f)| - 2 ||D|| mean ||h x|| over neurons that keep their pattern.

    For constant D the product of f at both ends of a step is exact. Snapshots are at most
    LONGEST_GAP steps apart.
    """
    early = Early.of(run)
    near = np.diff(early.step) <= LONGEST_GAP
    same = np.all(early.bits[1:] == early.bits[:-1], axis=2) & near[:, None]
    if not same.any():
        raise NotApplicable(f"no two snapshots are within {LONGEST_GAP} steps")
    square = np.sum(np.square(early.D[:-1]), axis=2)
    slope = np.diff(early.f, axis=0) / np.diff(early.t)[:, None]
    residual = np.abs(slope - (square - early.f[:-1] * early.f[1:]))
    allowed = 2 * np.sqrt(square) * early.between[:, None]
    bound = 2e-3 * statics(run).constants.largest ** 2
    above = np.max((residual - allowed)[same])
    yield at_most("largest |residual| above 2 ||D|| mean ||h x||", above, bound)
    yield number("largest |residual|", residual[same].max())


@stated(
    "theorem-1-ascent",
    "The alignment <w/a, D(w, 0)> never decreases by more than the output allows.",
    place="Theorem 1, proof",
    given=THEOREM_1,
)
@following_the_flow(*FOLLOWED)
def alignment_ascends(run: Run) -> Iterable[Part]:
    """Least increase between two snapshots, plus 2 D_max mean ||h x|| dt."""
    early = Early.of(run)
    increase = np.diff(early.f, axis=0)
    allowed = 2 * statics(run).constants.largest * early.between * np.diff(early.t)
    least = np.min(increase + allowed[:, None])
    yield at_least("least increase above what the output allows", least, -1e-12)
    yield number("least increase", increase.min())


def _all_active_times(run: Run, chosen: np.ndarray, bound: float) -> np.ndarray:
    """Flow time of the first snapshot at which each chosen neuron is active on all data.

    inf where there is none by ``bound``; NotApplicable if the run is shorter than that.
    """
    times, last = np.full(int(chosen.sum()), np.inf), run.trajectory.last_step * step_time(run)
    for step, (W, _) in zip(run.trajectory.snapshot_step, states(run), strict=True):
        new = np.isinf(times) & active(run.X, W[chosen]).all(axis=1)
        times[new] = step * step_time(run)
    if np.isinf(times).any() and last < bound:
        raise NotApplicable(
            f"the run ends at t = {last:.4g}, before the bound {bound:.4g}, "
            "and neurons are still on their way"
        )
    return times


@stated(
    "theorem-1-settling",
    "Positive neurons are in the cone of D* by t_2 = O(1).",
    place="Theorem 1, proof",
    given=ONE_DIRECTION,
    control=delayed,
)
def settling_time(run: Run) -> Iterable[Part]:
    """The bound is 4 D_max / (D_min min(alpha_min, 1))^2."""
    exponent(run)
    bound = statics(run).constants.settling_bound(1.0)
    times = _all_active_times(run, positive_class(run), bound)
    yield at_most("largest t_2", times.max(), bound)


@stated(
    "theorem-3",
    "Neurons that start with <D, w/a> > 0 settle by 2 D_max / (D_min alpha_min,+)^2.",
    place="Theorem 3",
    given=ONE_DIRECTION,
    control=delayed,
)
def theorem_3(run: Run) -> Iterable[Part]:
    """Of neurons with a > 0 and <D(w0, 0), w0> > 0; the printed rest is vacuous (eq 40)."""
    exponent(run)
    constants = statics(run).constants
    W, a = run.trajectory.at(0)
    chosen = (a > 0) & (np.sum(force(run.X, -run.y / len(run.y), W) * W, axis=1) > 0)
    bound = 2 * constants.largest / (constants.smallest * constants.angle_plus) ** 2
    times = _all_active_times(run, chosen, bound)
    yield at_most("largest t_2", times.max(initial=0.0), bound)
    missed = int(np.sum(positive_class(run) & ~chosen))
    yield none_of("neurons of I that miss the condition", missed)


@stated(
    "equation-36-rate",
    "In the cone of D* the alignment grows at least as c tanh(c t).",
    place="Equation (36)",
    given=ONE_DIRECTION,
)
@following_the_flow(*FOLLOWED)
def alignment_rate(run: Run) -> Iterable[Part]:
    """f - c tanh(c (t - t_2) + artanh(f_2/c)) over I, from the first snapshot in the cone to tau.

    c is that of eq (36) for the bound, and ||D*|| for the number.
    """
    early, I = Early.of(run), positive_class(run)
    f, inside = early.f[:, I], early.bits[:, I].all(axis=2)
    entry = np.where(inside.any(axis=0), inside.argmax(axis=0), len(early.t))
    D = float(np.linalg.norm(run.y @ run.X / len(run.y)))
    power = early.scale ** (2 - 4 * early.eps)
    reduced = D**2 - 2 * D * power * statics(run).constants.mean_square
    if reduced <= 0:
        raise NotApplicable("the constant c of eq (36) is not positive at this scale")

    def gap(j: int, c: float) -> np.ndarray:
        path, since = f[entry[j] :, j], early.t[entry[j] :] - early.t[entry[j]]
        start = np.arctanh(np.clip(path[0] / c, -1 + 1e-15, 1 - 1e-15))
        return np.asarray(path - c * np.tanh(c * since + start))

    followed = np.flatnonzero(entry < len(early.t) - 1).tolist()
    if not followed:
        raise NotApplicable("no positive neuron is in the cone of D* before tau")
    least = min(float(gap(j, float(np.sqrt(reduced))).min()) for j in followed)
    largest = max(float(np.abs(gap(j, D)).max()) for j in followed)
    yield at_least("least gap to the bound", least, -1e-9)
    yield number("largest |gap| to ||D*|| tanh(...)", largest)


@stated(
    "theorem-1-ii",
    "At tau the neurons that had the time to align are active on all data or on none.",
    place="Theorem 1 (ii)",
    given=ONE_DIRECTION,
)
@following_the_flow(*FOLLOWED)
def theorem_1_ii(run: Run) -> Iterable[Part]:
    """Neurons whose exact alignment time for vanishing scale is below tau - 0.1.

    The printed bound has a constant of 10^24 or more, so it says nothing. For the other neurons tau
    is shorter than their alignment.
    """
    early = Early.of(run)
    W, a = run.trajectory.at(0)
    settled = np.array([path.settled for path in align(run.X, run.y, W, a, HALF_MEAN_SQUARE).paths])
    in_time, count = settled < early.tau - 0.1, early.bits[-1].sum(axis=1)
    wrong = ~np.where(a > 0, (count == len(run.y)) | (count == 0), count == 0)
    note = f"tau = {early.tau:.4g}: of {in_time.sum()} neurons with time to align, not aligned"
    late = "share of neurons for which tau is shorter than their alignment"
    constant = statics(run).constants.log10_misalignment(1.0)
    yield none_of(note, int(np.sum(in_time & wrong)))
    yield number(late, 1.0 - in_time.mean())
    yield number("log10 of the printed constant c_alpha0", constant)


@stated(
    "lemma-13",
    "Once the force is in the cone of its neuron, the activation pattern stays until tau.",
    place="Lemma 13",
    given=ONE_DIRECTION,
)
@following_the_flow(*FOLLOWED)
def lemma_13(run: Run) -> Iterable[Part]:
    """Neurons that leave the all-active cone (a > 0) or the inactive one (any) before tau."""
    early = Early.of(run)
    home = np.stack([early.bits.all(axis=2) & (early.a > 0), ~early.bits.any(axis=2)])
    yield none_of("departures", int(np.sum(home[:, :-1] & ~home[:, 1:])))


@stated(
    "lemma-11",
    "While mean ||h x|| < delta_0 every extremal vector stays in its cone.",
    place="Lemma 11",
    given=(square_descent, fine_step, generic),
)
def lemma_11(run: Run) -> Iterable[Part]:
    """Extremal vectors, recomputed with the residuals y - h, that leave their cone."""
    known = statics(run)
    size, lost, used = np.linalg.norm(run.X, axis=1), 0, 0
    for W, a in states(run):
        h = predict(run.X, W, a)
        if np.mean(np.abs(h) * size) < known.constants.boundary:
            now = subgradients(known.cones, (run.y - h) / len(h))
            left = (known.forces.own & ~now.own) | (known.forces.opposite & ~now.opposite)
            lost, used = lost + int(np.sum(left)), used + 1
    yield none_of(f"at {used} snapshots, extremal vectors that leave", lost)


@stated(
    "lemma-4",
    "At tau positive neurons have grown by at most lambda^(-2 eps), and negative ones have shrunk.",
    place="Lemma 4",
    given=ONE_DIRECTION,
)
def lemma_4(run: Run) -> Iterable[Part]:
    """Ratios a^tau/a^0; the cosine of I with D* is a number, as its bound is an O()."""
    early, I, N = Early.of(run), positive_class(run), negative_class(run)
    ratio = early.a[-1] / early.a[0]
    grown = ratio[I].max() * early.scale ** (2 * early.eps)
    yield at_least("least a/a0 over I", ratio[I].min(), 1.0)
    yield at_most("largest a/a0 over I times lambda^(2 eps)", grown, 1.0)
    cosine = cosines(early.W[-1][I], run.y @ run.X).min()
    yield number("least cosine of I with D*", cosine)
    if N.any():
        yield at_most("largest |a/a0| over N", np.abs(ratio[N]).max(), 1.0)
