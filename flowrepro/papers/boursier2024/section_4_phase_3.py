"""Section 4.1.3: exponential convergence to least squares (Theorem 4, Lemmas 7 and 20 to 24,
Corollary 1).

Near its limit L - L_beta* falls at twice the least eigenvalue of K H, H = X^T X / n and
K = sum of a^2 I + w w^T over the neurons active on all data.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import following_the_flow
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.trajectory import Run, StopReason
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Panel, Vertical
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.figure_2_three_points import FIGURE_2, PHASES
from flowrepro.papers.boursier2024.hypotheses import (
    ONE_DIRECTION,
    assumption_6,
    below_an_unnamed_scale,
    exponent,
    scale,
    statics,
    stays_linear,
)
from flowrepro.papers.boursier2024.neurons import (
    distance_to_limit,
    end,
    least_cosine_to_data,
    least_mse,
    least_squares,
    mixed,
    negative_class,
    one_turned,
    positive_class,
    sides,
    states,
)
from flowrepro.papers.boursier2024.section_4_phase_2 import Phases
from flowrepro.papers.boursier2024.section_5_limit import DOMINATED
from flowrepro.papers.boursier2024.theorem_1_alignment import FOLLOWED
from flowrepro.papers.topic import Topic
from flowrepro.theory.square_descent import mse, step_time
from flowrepro.theory.stationary import gradient_norm

topic = Topic(PAPER, "Phase 3: convergence", given=(*ONE_DIRECTION, stays_linear, assumption_6))
ENDS = (*FOLLOWED, FIGURE_2, DOMINATED)
stated = partial(topic.claim, on=FOLLOWED)
REACHED = 1e-8
"""max |h - <beta*, x>| at the data below which a run is at its limit."""
FIT = (1e-13, 1e-5)
"""MSE above least squares between which the rate is fitted: below, rounding; above, other modes."""
FLOOR = 1e-13
"""MSE above least squares below which differences are rounding."""
LOWEST = 1e-14
"""Excess loss below which nothing is drawn."""
QUADRATURE = 1e-3
"""Error of J by the trapezoid rule on snapshots 2 % apart, with steps in place of the flow (5e-4
measured)."""


def least_rate(run: Run) -> float:
    """sigma_min ||beta*||, with sigma_min the least eigenvalue of H."""
    curvature = np.linalg.eigvalsh(run.X.T @ run.X / len(run.y))[0]
    return float(curvature) * float(np.linalg.norm(least_squares(run.X, run.y)))


def linearised_rate(run: Run) -> float:
    """Rate at which L - L_beta* falls near the last snapshot; see the module."""
    W, a = end(run)
    full = np.all(sides(run.X, W) > 0, axis=1)
    K = np.sum(a[full] ** 2) * np.eye(run.X.shape[1]) + W[full].T @ W[full]
    return 2 * float(np.linalg.eigvals(K @ run.X.T @ run.X / len(run.y)).real.min())


def at_its_limit(run: Run) -> str | None:
    """The run is at least squares, or went on for longer than Lemma 22 needs for that."""
    stop = run.trajectory.stop.reason
    if stop is not StopReason.HORIZON:
        return f"the run stopped at step {run.trajectory.last_step}: {stop.value}"
    needed = Phases.of(run).tau_3 - 2 * np.log(REACHED) / (least_rate(run) / 2)
    if distance_to_limit(run) <= REACHED or run.trajectory.t[-1] >= needed:
        return None
    return (
        f"the run of {run.trajectory.last_step} steps is not at its limit yet; "
        f"Lemma 22 gives {int(needed / step_time(run))} steps"
    )


@topic.claim(
    "theorem-4",
    "Training ends at least squares with a positive loss.",
    place="Theorems 2 and 4",
    on=ENDS,
    given=(at_its_limit,),
)
@below_an_unnamed_scale
def theorem_4(run: Run) -> Iterable[Part]:
    """With the largest rise of the recorded loss."""
    rise = np.diff(run.trajectory.loss).max(initial=0.0)
    yield at_most("largest |h - <beta*, x>|", distance_to_limit(run), REACHED)
    yield at_least("MSE of least squares", least_mse(run.X, run.y), 1e-6)
    yield at_most("largest rise of the loss", rise, 1e-14)


def _mixed_at_the_end(run: Run) -> Run:
    """A silent neuron of N ends between the first and the last datum (a control)."""
    unit = run.X / np.linalg.norm(run.X, axis=1)[:, None]
    return one_turned(run, negative_class(run), unit[0] - unit[-1])


def _at_an_edge_at_the_end(run: Run) -> Run:
    """A neuron of I ends active on all data, close to a hyperplane (a control)."""
    cones = statics(run).cones
    edges = cones.inside[(cones.dimension == 1) & np.all(cones.signs >= 0, axis=1)]
    return one_turned(run, positive_class(run), edges[0] + 1e-3 * run.X.mean(axis=0))


@topic.claim(
    "lemma-7",
    "In the limit every neuron is active on all data or on none.",
    place="Lemma 7",
    on=ENDS,
    given=(at_its_limit,),
    control=_mixed_at_the_end,
)
@below_an_unnamed_scale
def lemma_7(run: Run) -> Iterable[Part]:
    """Mixed neurons at the end; the sum of a w over those active on all data."""
    W, a = end(run)
    full = np.all(sides(run.X, W) >= 0, axis=1)
    gap = np.linalg.norm(a[full] @ W[full] - least_squares(run.X, run.y))
    yield none_of("mixed neurons", int(mixed(run.X, W).sum()))
    yield at_most("||beta* - sum of a w||", float(gap), REACHED)


@stated(
    "lemma-19",
    "In phase 3 the outputs are as near to the regressor as the move of the weights since phase 2 "
    "allows.",
    place="Lemma 19",
)
def lemma_19(run: Run) -> Iterable[Part]:
    """max_k |h - <beta*, x_k>| / ||x_k|| over the proof's bound, at the snapshots after tau_3.

    With e = ||theta^t - theta^tau3||, s^2 = sum_j a_j^2 at tau_3 and the part of it over N the
    bound is ||beta* - sum over I of a w|| + s_N^2 + 2 (s + e) e.
    """
    phases = Phases.of(run)
    along, first = phases.along, phases.first_3
    beta = least_squares(run.X, run.y)
    (W0, a0), *later = list(states(run))[first:]
    size = np.linalg.norm(run.X, axis=1)
    start = float(np.linalg.norm(along.beta[first] - beta)) + float(along.negative[first])
    mass, ratios, moved = float(np.linalg.norm(a0)), [], 0.0
    for h, (W, a) in zip(along.h[first + 1 :], later, strict=True):
        moved = float(np.sqrt(np.sum((W - W0) ** 2) + np.sum((a - a0) ** 2)))
        gap = float(np.max(np.abs(h - run.X @ beta) / size))
        ratios.append(gap / (start + 2 * (mass + moved) * moved))
    yield at_most("largest distance / bound", np.max(ratios), 1.0)
    yield number("||theta - theta^tau3|| at the end", moved)


@stated(
    "lemma-20",
    "After phase 2 no neuron becomes mixed.",
    place="Lemma 20",
    control=_mixed_at_the_end,
)
@below_an_unnamed_scale
def lemma_20(run: Run) -> Iterable[Part]:
    """Increases of the number of mixed neurons after tau_3."""
    phases = Phases.of(run)
    counts = phases.along.mixed[phases.first_3 :]
    yield none_of("increases", int(np.sum(np.diff(counts) > 0)))
    yield number("mixed at tau_3", counts[0])
    yield number("mixed at the end", counts[-1])


@stated(
    "lemma-21",
    "A local PL condition holds: ||grad L||^2 >= sigma_min ||beta*|| (L - L_beta*).",
    place="Lemma 21",
)
@below_an_unnamed_scale
def lemma_21(run: Run) -> Iterable[Part]:
    """Least ratio over the snapshots after tau_3 where the loss is above rounding."""
    phases, floor = Phases.of(run), least_mse(run.X, run.y) / 2
    late = list(zip(phases.along.L, states(run), strict=True))[phases.first_3 :]
    ratios = [
        gradient_norm(run.X, run.y, W, a) ** 2 / (L - floor)
        for L, (W, a) in late
        if L - floor > FLOOR
    ]
    if not ratios:
        raise NotApplicable("the loss is at that of least squares at every snapshot after tau_3")
    yield at_least("least ratio / (sigma_min ||beta*||)", np.min(ratios) / least_rate(run), 1.0)
    yield number("least ratio", min(ratios))


def later(run: Run) -> Run:
    """A run whose times are 1.5 times what they were, at the same step size."""
    recorded = replace(run.trajectory, t=1.5 * run.trajectory.t)
    return Run(run.case, run.dataset, recorded, run.engine)


@stated(
    "lemma-22",
    "The loss converges exponentially at the rate of the linearised flow.",
    place="Lemma 22",
    given=(at_its_limit,),
    control=later,
)
@following_the_flow(*FOLLOWED)
def lemma_22(run: Run) -> Iterable[Part]:
    """Rate of ln(L - L_beta*) over flow time, and that of the linearised flow at the end."""
    excess = mse(run) - least_mse(run.X, run.y)
    below = np.flatnonzero(excess < FIT[1])
    used = below[np.logical_and.accumulate(excess[below] >= FIT[0])]
    if used.size < 50:
        raise NotApplicable(
            "the loss is recorded too seldom between 1e-5 and 1e-13 above least squares"
        )
    rate = -np.polyfit(run.trajectory.t[used], np.log(excess[used]), 1)[0]
    yield within("rate / predicted", rate / linearised_rate(run), 0.99, 1.01)
    yield at_least("rate", rate, least_rate(run) / 2)


@stated(
    "lemmas-23-24",
    "After phase 2 neurons move by no more than J = int ||D|| dt.",
    place="Lemmas 23 and 24",
    control=_at_an_edge_at_the_end,
)
@following_the_flow(*FOLLOWED)
def lemmas_23_24(run: Run) -> Iterable[Part]:
    """Over I and the snapshots after tau_3, with J up to the snapshot."""
    phases, I = Phases.of(run), positive_class(run)
    size = np.linalg.norm(phases.along.force, axis=1)[phases.first_3 :]
    t = phases.along.t[phases.first_3 :]
    J = np.cumsum(np.append(0.0, (size[1:] + size[:-1]) / 2 * np.diff(t)))
    (W0, a0), *later = [(W[I], a[I]) for W, a in list(states(run))[phases.first_3 :]]
    grown, turned = 0.0, 0.0
    for travelled, (W, a) in zip(J[1:], later, strict=True):
        grown = np.maximum(grown, float(np.abs(a / a0 - 1).max() / np.expm1(travelled)))
        turn = np.linalg.norm(W / a[:, None] - W0 / a0[:, None], axis=1)
        turned = np.maximum(turned, float(turn.max() / travelled))
    yield at_most("largest |a/a^tau3 - 1| / (e^J - 1)", grown, 1.0 + QUADRATURE)
    yield at_most("largest ||w/a - (w/a)^tau3|| / J", turned, 1.0 + QUADRATURE)
    yield number("J to the end", J[-1])


@stated(
    "corollary-1",
    "After phase 2 positive neurons stay away from all hyperplanes for ever.",
    place="Corollary 1",
    control=_at_an_edge_at_the_end,
)
@below_an_unnamed_scale
def corollary_1(run: Run) -> Iterable[Part]:
    """Least <w, x_k> / (||w|| ||x_k||) over I after tau_3."""
    first, I = Phases.of(run).first_3, positive_class(run)
    least = [least_cosine_to_data(run.X, W[I]) for W, _ in list(states(run))[first:]]
    yield at_least("least cosine relative to tau_3", np.min(least) / least[0], 0.5)


def _the_phases(run: Run) -> tuple[Phases, float]:
    """The phases and tau; NotDrawable for a run without the three."""
    try:
        for hypothesis in ONE_DIRECTION:
            if (reason := hypothesis(run)) is not None:
                raise NotApplicable(reason)
        tau = statics(run).constants.alignment_time(scale(run), exponent(run))
        return Phases.of(run), tau
    except NotApplicable as reason:
        raise NotDrawable(f"the phases of Section 4.1 do not appear: {reason}") from None


@topic.figure(
    "beyond-phases",
    "Three points: the phases of training over flow time; the loss converges at the rate of the "
    "linearised limit.",
    layout=(1, 2, style.PAGE, 2.9),
    on=(PHASES,),
)
def phases_figure(run: Run) -> Iterable[Panel]:
    """Norms on the left, the excess loss on the right; the ends of the phases as thin lines."""
    phases, tau = _the_phases(run)
    along, t = phases.along, phases.along.t[1:]
    ends = [
        Vertical(end, tag=name, width=0.7)
        for end, name in (
            (tau, r"$\tau$"), (phases.tau_2, r"$\tau_2$"), (phases.tau_3, r"$\tau_3$"))
    ]  # fmt: skip
    panel = partial(Panel, scale="log-log", xlim=(0.1, t[-1]), xlabel="flow time $t$")
    distance = np.linalg.norm(along.beta - least_squares(run.X, run.y), axis=1)
    norms = [
        Line(t, along.mass[1:], colour=style.POSITIVE, label=r"$\sum_I a_j^2$"),
        Line(t, along.negative[1:], colour=style.NEGATIVE, dash="-.", label=r"$\sum_N a_j^2$"),
        Line(t, distance[1:], dash="--", label=r"$\|\beta^*-\sum_I a_j w_j\|$"),
    ]
    yield panel([*norms, *ends], title="norms", ylim=(1e-8, 5.0), ylabel="norm")
    excess = mse(run) - least_mse(run.X, run.y)
    kept = excess > LOWEST
    loss_t, excess = run.trajectory.t[kept][1:], excess[kept][1:]
    loss = [Line(loss_t, excess, label="MSE above least squares")]
    late = excess < 1e-4
    if late.any():
        rate, since = linearised_rate(run), loss_t[late] - loss_t[late][0]
        loss.append(Line(loss_t[late], 2 * excess[late][0] * np.exp(-rate * since), dash=":",
                         colour=style.THEORY, label=f"rate {rate:.4g} of the limit"))  # fmt: skip
    yield panel([*loss, *ends], title="loss", ylim=(FLOOR, 3.0),
                ylabel="MSE above least squares")  # fmt: skip
