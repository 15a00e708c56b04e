"""Phase 3 along a run: exponential convergence to least squares (boursier2024, Theorem 4, Lemmas 7 and 20 to 24, Corollary 1)."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    none_of,
    number,
    statement,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run, StopReason
from flowrepro.papers.boursier2024.along import (
    least_cosine_to_data,
    mixed,
    positive_class,
    sides,
    states,
)
from flowrepro.papers.boursier2024.growth_phase import Phases
from flowrepro.papers.boursier2024.hypotheses import (
    LINEAR_LIMIT,
    below_an_unnamed_scale,
    ref,
    square_descent,
)
from flowrepro.papers.boursier2024.least_squares import least_mse, least_squares
from flowrepro.theory.square_descent import mse, step_time
from flowrepro.theory.stationary import gradient_norm

FOLLOWED = ("figure-1", "phases")
ENDS = ("figure-1", "figure-2", "phases", "dominated")
REACHED = 1e-8
"""max |h - <beta*, x>| at the data below which a run is at its limit."""
FIT = (1e-13, 1e-5)
"""MSE above least squares between which the rate is fitted: below, rounding; above, other modes."""
FLOOR = 1e-13
"""MSE above least squares below which differences are rounding."""

QUADRATURE = 1e-3
"""Error of J by the trapezoid rule on snapshots 2 % apart, with steps in place of the flow (5e-4 measured)."""


def distance_to_limit(run: Run) -> float:
    """max_k |h(x_k) - <beta*, x_k>| at the last snapshot."""
    h = predict(run.X, *run.trajectory.at(run.trajectory.last_step))
    return float(np.abs(h - run.X @ least_squares(run.X, run.y)).max())


def _curvature(run: Run) -> float:
    """sigma_min: the least eigenvalue of H = X^T X / n."""
    return float(np.linalg.eigvalsh(run.X.T @ run.X / len(run.y))[0])


def linearised_rate(run: Run) -> float:
    """Rate at which L - L_beta* falls near the last snapshot: 2 min eig(K H), K = sum of a^2 I + w w^T over neurons active on all data."""
    W, a = run.trajectory.at(run.trajectory.last_step)
    full = np.all(sides(run.X, W) > 0, axis=1)
    K = np.sum(a[full] ** 2) * np.eye(run.X.shape[1]) + W[full].T @ W[full]
    return 2 * float(np.linalg.eigvals(K @ run.X.T @ run.X / len(run.y)).real.min())


def at_its_limit(run: Run) -> str | None:
    """The run is at least squares, or went on for longer than the rate of Lemma 22 needs for that."""
    if run.trajectory.stop.reason is not StopReason.HORIZON:
        return f"the run stopped at step {run.trajectory.last_step}: {run.trajectory.stop.reason.value}"
    rate = _curvature(run) * float(np.linalg.norm(least_squares(run.X, run.y))) / 2
    needed = Phases.of(run).tau_3 - 2 * np.log(REACHED) / rate
    if distance_to_limit(run) > REACHED and run.trajectory.t[-1] < needed:
        return f"the run of {run.trajectory.last_step} steps is not at its limit yet; Lemma 22 gives {int(needed / step_time(run))} steps"
    return None


@statement(
    "theorem-4",
    ref("Theorems 2 and 4"),
    "theory",
    ENDS,
    "training ends at least squares with a positive loss",
    (*LINEAR_LIMIT, at_its_limit),
)
@below_an_unnamed_scale
def theorem_4(run: Run) -> list[Judgement]:
    """measured: max |h - <beta*, x>| at the data, the loss of least squares, the largest rise of the recorded loss."""
    return [
        upper("largest |h - <beta*, x>|", distance_to_limit(run), REACHED),
        lower("MSE of least squares", least_mse(run.X, run.y), 1e-6),
        upper("largest rise of the loss", np.diff(run.trajectory.loss).max(initial=0.0), 1e-14),
    ]


@statement(
    "lemma-7",
    ref("Lemma 7"),
    "theory",
    ENDS,
    "in the limit every neuron is active on all data or on none",
    (*LINEAR_LIMIT, at_its_limit),
)
@below_an_unnamed_scale
def lemma_7(run: Run) -> list[Judgement]:
    """measured: mixed neurons at the end, and ||beta* - sum of a w over those active on all data||."""
    W, a = run.trajectory.at(run.trajectory.last_step)
    full = np.all(sides(run.X, W) >= 0, axis=1)
    return [
        none_of("mixed neurons", int(mixed(run.X, W).sum())),
        upper(
            "||beta* - sum of a w||",
            float(np.linalg.norm(a[full] @ W[full] - least_squares(run.X, run.y))),
            REACHED,
        ),
    ]


@statement(
    "lemma-20",
    ref("Lemma 20"),
    "theory",
    FOLLOWED,
    "after phase 2 no neuron becomes mixed",
    LINEAR_LIMIT,
)
@below_an_unnamed_scale
def lemma_20(run: Run) -> list[Judgement]:
    """measured: increases of the number of mixed neurons after tau_3; their number then and at the end."""
    phases = Phases.of(run)
    counts = phases.along.mixed[phases.first_3 :]
    return [
        none_of("increases", int(np.sum(np.diff(counts) > 0))),
        number("mixed at tau_3", counts[0]),
        number("mixed at the end", counts[-1]),
    ]


@statement(
    "lemma-21",
    ref("Lemma 21"),
    "theory",
    FOLLOWED,
    "local PL condition: ||grad L||^2 >= sigma_min ||beta*|| (L - L_beta*)",
    LINEAR_LIMIT,
)
@below_an_unnamed_scale
def lemma_21(run: Run) -> list[Judgement]:
    """measured: least ||grad L||^2 / (L - L_beta*) over the snapshots after tau_3 where it is above rounding, relative to the bound."""
    phases = Phases.of(run)
    floor, bound = (
        least_mse(run.X, run.y) / 2,
        _curvature(run) * np.linalg.norm(least_squares(run.X, run.y)),
    )
    ratios = [
        gradient_norm(run.X, run.y, W, a) ** 2 / (L - floor)
        for L, (W, a) in list(zip(phases.along.L, states(run), strict=True))[phases.first_3 :]
        if L - floor > FLOOR
    ]
    if not ratios:
        raise NotApplicable("the loss is at that of least squares at every snapshot after tau_3")
    return [
        lower("least ratio / (sigma_min ||beta*||)", min(ratios) / bound, 1.0),
        number("least ratio", min(ratios)),
    ]


@statement(
    "lemma-22",
    ref("Lemma 22"),
    "theory",
    FOLLOWED,
    "L converges exponentially at the rate of the linearised flow",
    (*LINEAR_LIMIT, at_its_limit),
)
def lemma_22(run: Run) -> list[Judgement]:
    """measured: rate of ln(L - L_beta*) over flow time. predicted: that of the linearised flow at the end."""
    excess = mse(run) - least_mse(run.X, run.y)
    below = np.flatnonzero(excess < FIT[1])
    used = below[: int(np.argmax(excess[below] < FIT[0])) or None] if below.size else below
    if used.size < 50:
        raise NotApplicable(
            "the loss is recorded too seldom between 1e-5 and 1e-13 above least squares"
        )
    rate = -np.polyfit(run.trajectory.t[used], np.log(excess[used]), 1)[0]
    predicted = linearised_rate(run)
    least = _curvature(run) * float(np.linalg.norm(least_squares(run.X, run.y))) / 2
    return [window("rate / predicted", rate / predicted, 0.99, 1.01), lower("rate", rate, least)]


@statement(
    "lemmas-23-24",
    ref("Lemmas 23 and 24"),
    "theory",
    FOLLOWED,
    "after phase 2 neurons move by no more than J = int ||D|| dt",
    LINEAR_LIMIT,
)
def lemmas_23_24(run: Run) -> list[Judgement]:
    """measured over I and the snapshots after tau_3: largest |a/a^tau3 - 1| over e^J - 1 and largest ||w/a - (w/a)^tau3|| over J, J up to the snapshot."""
    phases, I = Phases.of(run), positive_class(run)
    size, t = (
        np.linalg.norm(phases.along.force, axis=1)[phases.first_3 :],
        phases.along.t[phases.first_3 :],
    )
    J = np.cumsum(np.append(0.0, (size[1:] + size[:-1]) / 2 * np.diff(t)))
    kept = [(W[I], a[I]) for W, a in list(states(run))[phases.first_3 :]]
    (W0, a0), grown, turned = kept[0], 0.0, 0.0
    for travelled, (W, a) in zip(J[1:], kept[1:], strict=True):
        grown = max(grown, float(np.abs(a / a0 - 1).max() / np.expm1(travelled)))
        turned = max(
            turned,
            float(np.linalg.norm(W / a[:, None] - W0 / a0[:, None], axis=1).max() / travelled),
        )
    return [
        upper("largest |a/a^tau3 - 1| / (e^J - 1)", grown, 1.0 + QUADRATURE),
        upper("largest ||w/a - (w/a)^tau3|| / J", turned, 1.0 + QUADRATURE),
        number("J to the end", J[-1]),
    ]


@statement(
    "corollary-1",
    ref("Corollary 1"),
    "theory",
    FOLLOWED,
    "after phase 2 positive neurons stay away from all hyperplanes for ever",
    LINEAR_LIMIT,
)
@below_an_unnamed_scale
def corollary_1(run: Run) -> list[Judgement]:
    """measured: least <w, x_k> / (||w|| ||x_k||) over I at any snapshot after tau_3, relative to that at tau_3."""
    phases, I = Phases.of(run), positive_class(run)
    least = [least_cosine_to_data(run.X, W[I]) for W, _ in list(states(run))[phases.first_3 :]]
    return [lower("least cosine relative to tau_3", min(least) / least[0], 0.5)]


@statement(
    "loss-descends",
    ref("Equation (2)"),
    "theory",
    (*ENDS, "unbalanced", "figure-3"),
    "the loss never rises",
    (square_descent,),
)
def loss_descends(run: Run) -> list[Judgement]:
    """measured: largest rise of the recorded loss relative to its first value."""
    loss = run.trajectory.loss
    return [
        upper("largest rise / L(0)", np.diff(loss).max(initial=0.0) / loss[0], 1e-6),
        number("rises", int(np.sum(np.diff(loss) > 0))),
    ]


CLAIMS = (
    theorem_4,
    lemma_7,
    lemma_20,
    lemma_21,
    lemma_22,
    lemmas_23_24,
    corollary_1,
    loss_descends,
)
