r"""One kernel for classification losses far below the smallest double, and the two compiled
integrators on it.

Conventions of ``network.py``; q_i = y_i f(x_i), rho = ||theta||, objective L = weight * sum_i
l(q_i), weight = 1/n for the mean, l(q) = log(1 + exp(-q)) (or exp(-q)). Everything is kept as a
logarithm:

    lg_i = ln(-l'(q_i)),   ln S = ln sum_i exp(lg_i),   p = softmax(lg),   g(theta) = sum_i p_i grad
    q_i

so that -grad L = weight S g exactly. In the rescaled time ds = weight S dt the flow is dtheta/ds =
g(theta): nothing underflows, rho grows like an exponential of s, and t is one more component of the
system, dt/ds = 1 / (weight S), kept as ln t (which reaches 1e8 and is never exponentiated).

The direction of theta is stiff, its softmax has temperature 1/rho^2. A step h = c / C with
C = sum_i p_i (||grad q_i||^2 + ||x_i||) is inside the region of stability.

theta (d + 1, m) holds the transposed first layer, then a: the innermost loops run over neurons.
"""

from __future__ import annotations

from typing import NamedTuple, TypeAlias

import numpy as np

from flowrepro.engines.compiled import compiled_inline

Array: TypeAlias = np.ndarray

GD, EULER, RK4 = 0, 1, 2
REACHED, MAX_STEPS, DIVERGED, UNDERFLOW, STATIONARY = 0, 1, 2, 3, 4
STEP, S, LN_T, LN_S, LN_SUM, Q_MIN, RHO_SQUARED, N_COLUMNS = 0, 1, 2, 3, 4, 5, 6, 7
"""What is known of a state: accepted steps, rescaled time, ln t, ln S, ln sum_i l(q_i), min_i q_i,
||theta||^2.
"""
EVALUATIONS, REJECTED, LOSS_RISES, NORM_FALLS, MARGIN_DROP, N_TALLIES = 0, 1, 2, 3, 4, 5
"""Counts; the last three are taken from L < weight ln 2 on: steps that raise the loss, that shrink
the norm, and the largest relative drop of the smoothed margin in one step."""

LN_LN_2 = float(np.log(np.log(2.0)))
LN_2 = float(np.log(2.0))
LN_6 = float(np.log(6.0))
FAR = 30.0
"""q from which ln l(q) = -q - exp(-q) / 2 in double precision."""
TINY = 1e-34
"""A step shorter than its square root, relative to rho, changes nothing."""


class Points(NamedTuple):
    """What stays: X (n, d), y (n,), lengths ||x_i||, slope alpha, the loss and ln weight."""

    X: Array
    y: Array
    length: Array
    alpha: float
    exponential: bool
    ln_weight: float


class Work(NamedTuple):
    """Scratch of one evaluation: sigma(<w_j, x_i>) (n, m); q, p and ln l(q) (n,); one value per
    neuron (m,).
    """

    hidden: Array
    q: Array
    p: Array
    ln_l: Array
    slope: Array


class Goal(NamedTuple):
    """How to march and how far: method, its ``control``, levels of s (by_s) or of min q, steps at
    most.
    """

    method: int
    control: float
    levels: Array
    by_s: bool
    max_steps: int


class Kept(NamedTuple):
    """Records: columns (R, N_COLUMNS) and states (R, d + 1, m); tally (N_TALLIES,)."""

    columns: Array
    states: Array
    tally: Array


def workspace(n: int, m: int) -> Work:
    """Scratch for n points and m neurons."""
    return Work(np.empty((n, m)), np.empty(n), np.empty(n), np.empty(n), np.empty(m))


def tallies(tally: Array) -> dict[str, float]:
    """The counts by name."""
    names = ("gradient_evaluations", "rejected", "loss_rises", "norm_falls", "margin_drop")
    return dict(zip(names, tally.tolist(), strict=True))


@compiled_inline
def inverse_loss(exponential: bool, ln_sum: float) -> float:
    """The q with ln l(q) = ln_sum, the smoothed margin of lyu2021 Section 3 (there l^-1(n L))."""
    if exponential or ln_sum < -FAR:
        return -ln_sum
    total = np.exp(ln_sum)
    return float(-total - np.log(-np.expm1(-total)))


@compiled_inline
def _margins(points: Points, theta: Array, work: Work) -> None:
    """Fill hidden and q; ``not z > 0`` lets nan through."""
    n, d = points.X.shape
    m = theta.shape[1]
    for i in range(n):
        row = work.hidden[i]
        x = points.X[i, 0]
        for j in range(m):
            row[j] = x * theta[0, j]
        for k in range(1, d):
            x = points.X[i, k]
            for j in range(m):
                row[j] += x * theta[k, j]
        f = 0.0
        for j in range(m):
            z = row[j]
            z = z if z > 0.0 else points.alpha * z
            row[j] = z
            f += theta[d, j] * z
        work.q[i] = points.y[i] * f


@compiled_inline
def _weigh(points: Points, work: Work) -> tuple[float, float]:
    """Fill p = softmax(lg); (ln S, ln sum_i l(q_i))."""
    q, lg, ln_l = work.q, work.p, work.ln_l
    for i in range(len(q)):
        lg[i], ln_l[i] = -q[i], -q[i]
        if not points.exponential:
            small = np.exp(-abs(q[i]))
            soft = np.log1p(small)
            lg[i] = min(-q[i], 0.0) - soft
            ln_l[i] = -q[i] - 0.5 * small if q[i] > FAR else np.log(max(-q[i], 0.0) + soft)
    # Sums of exponentials far below the smallest double: the largest term is taken out.
    top, top_l = lg.max(), ln_l.max()
    total, total_l = 0.0, 0.0
    for i in range(len(q)):
        lg[i] = np.exp(lg[i] - top)
        total += lg[i]
        total_l += np.exp(ln_l[i] - top_l)
    for i in range(len(q)):
        lg[i] /= total
    return float(top + np.log(total)), float(top_l + np.log(total_l))


@compiled_inline
def _ascend(points: Points, theta: Array, work: Work, g: Array) -> None:
    """Fill g (d + 1, m) = sum_i p_i grad q_i from hidden and p, with sigma'(0) = alpha."""
    n, d = points.X.shape
    m = theta.shape[1]
    slope = work.slope
    g[:] = 0.0
    for i in range(n):
        row = work.hidden[i]
        weight = work.p[i] * points.y[i]
        for j in range(m):
            slope[j] = weight if row[j] > 0.0 else points.alpha * weight
            g[d, j] += weight * row[j]
        for k in range(d):
            x = points.X[i, k]
            for j in range(m):
                g[k, j] += slope[j] * x
    for k in range(d):
        for j in range(m):
            g[k, j] *= theta[d, j]


@compiled_inline
def _squares(theta: Array) -> float:
    total = 0.0
    for k in range(theta.shape[0]):
        for j in range(theta.shape[1]):
            total += theta[k, j] * theta[k, j]
    return total


@compiled_inline
def evaluate(points: Points, theta: Array, work: Work, g: Array, now: Array) -> None:
    """Fill ``work``, g = sum_i p_i grad q_i and what ``now`` (N_COLUMNS,) holds of the weights;
    leave the clocks alone.
    """
    _margins(points, theta, work)
    now[LN_S], now[LN_SUM] = _weigh(points, work)
    _ascend(points, theta, work, g)
    now[Q_MIN], now[RHO_SQUARED] = work.q.min(), _squares(theta)


@compiled_inline
def _stiffness(points: Points, theta: Array, work: Work) -> float:
    """C = sum_i p_i (||grad q_i||^2 + ||x_i||)."""
    n, d = points.X.shape
    C = 0.0
    for i in range(n):
        outer, inner = 0.0, 0.0
        for j in range(theta.shape[1]):
            h = work.hidden[i, j]
            a = theta[d, j] if h > 0.0 else points.alpha * theta[d, j]
            outer += a * a
            inner += h * h
        C += work.p[i] * (points.length[i] ** 2 * outer + inner + points.length[i])
    return C


@compiled_inline
def _shift(theta: Array, h: float, g: Array, out: Array) -> None:
    """Out = theta + h g."""
    for k in range(theta.shape[0]):
        for j in range(theta.shape[1]):
            out[k, j] = theta[k, j] + h * g[k, j]


@compiled_inline
def _add_logs(u: float, v: float) -> float:
    """Ln(e^u + e^v)."""
    top = max(u, v)
    return float(top + np.log1p(np.exp(min(u, v) - top))) if top > -np.inf else top


@compiled_inline
def _runge_kutta(
    points: Points,
    theta: Array,
    g: Array,
    ln_S: float,
    h: float,
    work: Work,
    scratch: tuple[Array, Array, Array],
    new: Array,
) -> float:
    """One classical fourth-order step into ``new``; the logarithm of the flow time it takes."""
    k, mean, stage = scratch
    ln_rate = -ln_S
    mean[:] = g
    k[:] = g
    for i in range(3):
        share = 1.0 if i == 2 else 2.0
        _shift(theta, h / share, k, new)
        evaluate(points, new, work, k, stage)
        _shift(mean, share, k, mean)
        ln_rate = _add_logs(ln_rate, np.log(share) - stage[LN_S])
    _shift(theta, h / 6.0, mean, new)
    return float(np.log(h) - LN_6 + ln_rate - points.ln_weight)


@compiled_inline
def watch(exponential: bool, tally: Array, before: Array, after: Array) -> None:
    """Count what Theorem 3.1 of lyu2021 forbids once L < weight ln 2."""
    if before[LN_SUM] >= LN_LN_2:
        return
    tally[LOSS_RISES] += after[LN_SUM] > before[LN_SUM]
    tally[NORM_FALLS] += after[RHO_SQUARED] < before[RHO_SQUARED]
    margin = inverse_loss(exponential, before[LN_SUM]) / before[RHO_SQUARED]
    drop = margin - inverse_loss(exponential, after[LN_SUM]) / after[RHO_SQUARED]
    tally[MARGIN_DROP] = max(tally[MARGIN_DROP], drop / margin)


@compiled_inline
def _first_unmet(levels: Array, met: int, value: float) -> int:
    """Index of the first level above ``value``."""
    while met < len(levels) and value >= levels[met]:
        met += 1
    return met


@compiled_inline
def _step_length(
    points: Points, theta: Array, work: Work, method: int, control: float, H: float, now: Array
) -> float:
    """The next step of s: H where backtracking has set it, else that of a descent with constant
    step size, else c / C.
    """
    if H > 0.0:
        return H
    return (
        control * float(np.exp(now[LN_S] + points.ln_weight))
        if method == GD
        else control / _stiffness(points, theta, work)
    )


@compiled_inline
def march(
    points: Points, theta: Array, work: Work, goal: Goal, now: Array, kept: Kept
) -> tuple[int, int]:
    """From ``theta`` at the clocks ``now`` (both overwritten) to the last level; (status, number of
    records).

    Records: the start, the first state with L < weight ln 2, the first state at or past each level,
    the end.
    Levels of s are met exactly, by a shorter step; those of min q by the first step past them.

    method RK4, EULER : h = control / C.
    method GD : descent with step size ``control`` until L < weight ln 2; then descent on ln L with
    backtracking, where a step H of s is one of step size H / (weight S) on L (lyu2021 Appendix J:
    the rate is raised after interpolation).
    """
    method, control, levels, by_s, max_steps = goal
    columns, states, tally = kept
    g, g_new, new, k, mean = (
        np.empty_like(theta),
        np.empty_like(theta),
        np.empty_like(theta),
        np.empty_like(theta),
        np.empty_like(theta),
    )
    clock = S if by_s else Q_MIN
    trial, stage = np.empty(N_COLUMNS), np.empty(N_COLUMNS)
    evaluate(points, theta, work, g, now)
    tally[EVALUATIONS] += 1
    columns[0], states[0], rows = now, theta, 1
    separated, met, status, H = (
        now[LN_SUM] < LN_LN_2,
        _first_unmet(levels, 0, now[clock]),
        REACHED,
        0.0,
    )
    while met < len(levels):
        h = _step_length(points, theta, work, method, control, H, now)
        backtracks = method == GD and separated
        lands = by_s and now[S] + h >= levels[met]
        # A level of s is met exactly, by a step cut to fit.
        h = levels[met] - now[S] if lands else h
        H = h if backtracks else 0.0
        slope = _squares(g)
        if not h * h * slope > TINY * now[RHO_SQUARED]:
            status = STATIONARY if slope == 0.0 else (UNDERFLOW if np.isfinite(slope) else DIVERGED)
            break
        if now[STEP] == max_steps:
            status = MAX_STEPS
            break
        if method == RK4:
            ln_dt = _runge_kutta(points, theta, g, now[LN_S], h, work, (k, mean, stage), new)
            tally[EVALUATIONS] += 3
        else:
            _shift(theta, h, g, new)
            ln_dt = np.log(h) - points.ln_weight - now[LN_S]
        evaluate(points, new, work, g_new, trial)
        tally[EVALUATIONS] += 1
        if not np.isfinite(trial[LN_SUM]):
            status = DIVERGED
            break
        if backtracks and trial[LN_SUM] > now[LN_SUM] - 0.5 * h * slope:
            H *= 0.5
            tally[REJECTED] += 1
            continue
        H *= 1.1
        watch(points.exponential, tally, now, trial)
        trial[STEP], trial[S], trial[LN_T] = (
            now[STEP] + 1,
            levels[met] if lands else now[S] + h,
            _add_logs(now[LN_T], ln_dt),
        )
        theta, new, g, g_new, now, trial = new, theta, g_new, g, trial, now
        passed = _first_unmet(levels, met, now[clock])
        if passed > met or (not separated and now[LN_SUM] < LN_LN_2):
            columns[rows], states[rows] = now, theta
            rows += 1
        met, separated = passed, separated or now[LN_SUM] < LN_LN_2
    if columns[rows - 1, STEP] != now[STEP]:
        columns[rows], states[rows] = now, theta
        rows += 1
    return status, rows
