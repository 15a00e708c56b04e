"""The dynamics of boursier2022 as checks: logistic phases, gradient domination, exponential convergence, path length."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    number,
    require,
    statement,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_published, is_flow
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022.experiments import TOY
from flowrepro.papers.boursier2022.hypotheses import (
    ORTHOGONAL_FLOW,
    closed_form,
    drops_resolved,
    equal_norms,
    growth_per_step,
    half_mean_square,
    initial,
    ref,
    scale,
    straggler_exponent,
    straggling,
)
from flowrepro.papers.boursier2022.sign_classes import SignClass, sign_classes
from flowrepro.theory.square_descent import mse, step_time
from flowrepro.theory.stationary import gradient_norm

FLOW_EQUAL_NORMS = (*ORTHOGONAL_FLOW, equal_norms)
RECORDED_DROPS = (*FLOW_EQUAL_NORMS, drops_resolved)
FLOOR = 1e-24
"""L below this is rounding."""


@dataclass(frozen=True)
class Along:
    """What the statements on the final phase need at each snapshot, (S,): step, t, L, ||grad L||, u/W of the slow class."""

    step: np.ndarray
    t: np.ndarray
    L: np.ndarray
    gradient: np.ndarray
    slow_fitted: np.ndarray
    domination: (
        np.ndarray
    )  # 2 min over classes of nu^2 u / n where S is active on its class, else nan

    @classmethod
    def of(cls, run: Run) -> Along:
        """Evaluated at every snapshot of a run with both sign classes."""
        group, classes = run.trajectory.group, sign_classes(run.X, run.y)
        members = [chosen.members(*initial(run)) for chosen in classes]
        cases = []
        for W, a in zip(run.trajectory.W[:, group], run.trajectory.a[:, group], strict=True):
            u = [float(np.sum(np.square(W[mask]))) for mask in members]
            active = all(
                np.all(W[mask] @ chosen.X.T > 0)
                for chosen, mask in zip(classes, members, strict=True)
            )
            least = min(
                chosen.squared_norms.min() * mass / chosen.n
                for chosen, mass in zip(classes, u, strict=True)
            )
            cases.append(
                (
                    half_mean_square(run.X, run.y, W, a),
                    gradient_norm(run.X, run.y, W, a),
                    u[1] / classes[1].weight,
                    2 * least if active else np.nan,
                )
            )
        step = run.trajectory.snapshot_step
        return cls(step, step * step_time(run), *np.array(cases).T)

    def after(self, t: float) -> Along:
        """The snapshots from flow time t on at which L is above rounding."""
        kept = (self.t >= t) & (self.L > FLOOR)
        return Along(
            *(
                values[kept]
                for values in (
                    self.step,
                    self.t,
                    self.L,
                    self.gradient,
                    self.slow_fitted,
                    self.domination,
                )
            )
        )


def _final_phase(run: Run) -> tuple[Along, float]:
    """Snapshots with u >= W/2 for the slow class, and the flow time of the first; NotApplicable without any."""
    along = Along.of(run)
    reached = np.flatnonzero(along.slow_fitted >= 0.5)
    if not reached.size:
        raise NotApplicable("the run keeps no weights after the slower class is half fitted")
    start = float(along.t[reached[0]])
    return along.after(start), start


def _tolerance(run: Run, floor: float) -> float:
    """floor, or what stragglers leave: 3 lambda^{2 gamma}."""
    left = float(3.0 * scale(run) ** (2.0 * straggler_exponent(run)))
    require(
        None
        if left <= 0.1
        else f"at this scale neurons that miss a label are not negligible (3 lambda^(2 gamma) = {left:.2g})"
    )
    return max(floor, left)


@statement(
    "logistic-phases",
    ref("Section 4.2"),
    "theory",
    ("toy",),
    "u' = 2 ||D|| (1 - u/W) u: the closed-form loss curve from the draw alone",
    RECORDED_DROPS,
)
def logistic_phases(run: Run) -> list[Judgement]:
    """measured: sup over the recorded steps of |MSE - closed form| / MSE(0)."""
    curve = mse(run)
    form = closed_form(run)
    expected = form.mse(run.trajectory.step, growth_per_step(run, form))
    return [
        upper(
            "sup |MSE - closed form| / MSE(0)",
            np.abs(curve - expected).max() / np.mean(np.square(run.y)),
            _tolerance(run, 1e-3),
        )
    ]


@statement(
    "half-times",
    ref("Section 4.2"),
    "theory",
    ("toy",),
    "both classes are half fitted at the predicted iterations",
    RECORDED_DROPS,
)
def half_times(run: Run) -> list[Judgement]:
    """measured: steps between the crossing of the half-fit levels of the MSE and the closed form, T ||D|| / growth per step."""
    form, dt = closed_form(run), step_time(run)
    first, second = form.half_steps(growth_per_step(run, form))
    if (second - first) * dt * form.rates[1] < 5.0:
        raise NotApplicable(
            "the two classes are fitted at about the same time, so the loss does not show them apart"
        )
    shares = [float(np.sum(np.square(chosen.y)) / chosen.n) for chosen in form.classes]
    parts = []
    for place, predicted, level in (
        ("fast", first, shares[0] / 4 + shares[1]),
        ("slow", second, shares[1] / 4),
    ):
        crossed = _crossing(run, level)
        if crossed is None and predicted + 100 > run.trajectory.last_step:
            continue
        measured = np.inf if crossed is None else abs(crossed - predicted)
        allowed = 2.0 + run.case.record.save_every + _tolerance(run, 0.0) / (dt * form.rates[-1])
        parts.append(
            upper(f"{place} class, predicted step {predicted:.1f}, error", measured, allowed)
        )
    if not parts:
        raise NotApplicable(
            f"the run ends before the first half-fit, predicted at step {int(first)}"
        )
    return parts


def _crossing(run: Run, level: float) -> float | None:
    """Step at which the MSE falls below ``level``, interpolated between recorded steps."""
    curve, step = mse(run), run.trajectory.step
    below = np.flatnonzero(curve < level)
    if not below.size or below[0] == 0:
        return None
    k = below[0]
    return float(
        step[k - 1] + (step[k] - step[k - 1]) * (curve[k - 1] - level) / (curve[k - 1] - curve[k])
    )


@statement(
    "lemma-14",
    ref("Lemma 14"),
    "theory",
    ("toy",),
    "||grad L||^2 >= 2 L min(nu^2 u/n) while S is active on its class",
    ORTHOGONAL_FLOW,
)
def lemma_14(run: Run) -> list[Judgement]:
    """measured: least ratio of the two sides over the snapshots with L > 1e-24."""
    along = Along.of(run).after(0.0)
    known = along.domination > 0
    if not known.any():
        raise NotApplicable("at no snapshot are all neurons of S active on their class")
    ratio = np.square(along.gradient[known]) / (along.L[known] * along.domination[known])
    return [lower("least ||grad L||^2 / (2 L min nu^2 u / n)", ratio.min(), 1.0 - 1e-6)]


@statement(
    "lemma-5",
    ref("Lemmas 5 and 15"),
    "theory",
    ("toy",),
    "local PL condition: ||grad L||^2 / L >= ||D-|| near the interpolator",
    FLOW_EQUAL_NORMS,
)
def lemma_5(run: Run) -> list[Judgement]:
    """measured: least ||grad L||^2 / (L ||D_slow||) over the snapshots with u_slow >= W_slow/2, and its last value.

    The paper's ball of radius lambda^{eps/240} exceeds 1/2 for every lambda > 1e-500; half-fit replaces it.
    """
    along, _ = _final_phase(run)
    slow = sign_classes(run.X, run.y)[1]
    if not along.step.size:
        raise NotApplicable("no snapshot with L > 1e-24 after the slower class is half fitted")
    ratio = np.square(along.gradient) / along.L / slow.rate
    parts = [lower("least ||grad L||^2 / (L ||D-||)", ratio.min(), 1.0)]
    if along.L[-1] < 1e-9:
        parts.append(number("its last value", ratio[-1]))
    return parts


@statement(
    "theorem-2-rate",
    ref("Theorem 2"),
    "theory",
    ("toy",),
    "the loss decreases exponentially, at rate 4 ||D-|| for one label",
    FLOW_EQUAL_NORMS,
)
def theorem_2_rate(run: Run) -> list[Judgement]:
    """measured: slope of -ln L against flow time for L in [1e-11, 1e-6], over ||D_slow||.

    bound: 4 if the slower class has one label (exact for descent: -2 ln(1 - 2 dt ||D||) per step), else between 2 and 4;
    1 %, and what stragglers leave.
    """
    slow, dt = sign_classes(run.X, run.y)[1], step_time(run)
    L = mse(run) / 2
    used = (L <= 1e-6) & (L >= 1e-11)
    if used.sum() < 3 or L[-1] > 1e-10:
        raise NotApplicable("the loss curve does not cover L from 1e-6 to 1e-11")
    slope = -np.polyfit(run.trajectory.step[used], np.log(L[used]), 1)[0]
    exact = 4.0 if is_flow(run) else -2.0 * np.log1p(-2.0 * dt * slow.rate) / (dt * slow.rate)
    least, slack = (exact, 0.01) if len(slow.y) == 1 else (2.0, 0.01 + straggling(run))
    return [
        window(
            "decay rate / ||D-||",
            slope / (dt * slow.rate),
            (1 - slack) * least,
            (1 + slack) * exact,
        ),
        number("per step", slope),
    ]


@statement(
    "theorem-2-path",
    ref("Theorem 2"),
    "theory",
    ("toy",),
    "the remaining path is at most 2 sqrt(L/alpha), alpha the least ||grad L||^2/L (Chatterjee)",
    FLOW_EQUAL_NORMS,
)
def theorem_2_path(run: Run) -> list[Judgement]:
    """measured: path length from T_slow + 2/||D_slow|| on over its bound.

    The length is the trapezoid sum of ||grad L|| over the snapshots, above the true one because ||grad L|| decays
    convexly, plus the bound on what is left after the last snapshot.
    """
    phase, start = _final_phase(run)
    slow: SignClass = sign_classes(run.X, run.y)[1]
    rest = phase.after(start + 2.0 / slow.rate)
    if rest.step.size < 10 or 2.0 * slow.rate * np.diff(rest.t).max() > 0.3:
        raise NotApplicable("the final phase is kept too coarsely for its path length")
    alpha = float((np.square(rest.gradient) / rest.L).min())
    length = float(np.trapezoid(rest.gradient, rest.t)) + 2.0 * np.sqrt(rest.L[-1] / alpha)
    return [
        upper("path length / (2 sqrt(L/alpha))", length / (2.0 * np.sqrt(rest.L[0] / alpha)), 1.001)
    ]


@statement(
    "near-saddle",
    ref("Section 4.2"),
    "reproduction",
    ("toy",),
    "the run stays near the strict saddle theta_S between the two drops",
    (as_published(TOY), *FLOW_EQUAL_NORMS),
)
def near_saddle(run: Run) -> list[Judgement]:
    """measured: least ||grad L|| over the snapshots from step 6500 to 11000, where L = (1/2n) sum over the slow class of y^2."""
    along = Along.of(run)
    plateau = (along.step >= 6_500) & (along.step <= 11_000)
    if plateau.sum() < 8:
        raise NotApplicable(
            f"the run keeps weights at {plateau.sum()} steps from 6500 to 11000, too few to meet its nearest point; keep at least 8"
        )
    slow = sign_classes(run.X, run.y)[1]
    k = int(np.where(plateau, along.gradient, np.inf).argmin())
    return [
        upper(f"least ||grad L||, at step {along.step[k]}", along.gradient[k], 5e-3),
        upper(
            "|L - L(theta_S)| there",
            abs(along.L[k] - np.sum(np.square(slow.y)) / (2 * slow.n)),
            1e-3,
        ),
    ]


CLAIMS = (
    logistic_phases,
    half_times,
    lemma_14,
    lemma_5,
    theorem_2_rate,
    theorem_2_path,
    near_saddle,
)
