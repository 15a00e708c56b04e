"""The dynamics of boursier2022 along a run: logistic phases, the saddle, exponential convergence.

Section 4.2, Theorem 2, Lemmas 5, 14 and 15. The closed form comes from the initial draw alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from functools import partial

import numpy as np
from scipy.integrate import trapezoid

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import as_published, is_flow
from flowrepro.claims.verdict import Part, at_least, at_most, number, within
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.hypotheses import (
    FLOW_EQUAL_NORMS,
    ORTHOGONAL_FLOW,
    below_an_unnamed_scale,
    closed_form,
    drops_resolved,
    growth_per_step,
    half_mean_square,
    initial,
    scale,
    straggler_exponent,
    straggling,
)
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.papers.topic import Topic
from flowrepro.theory.square_descent import mse, step_time
from flowrepro.theory.stationary import gradient_norm

topic = Topic(PAPER, "Section 4: saddles and exponential convergence")

RECORDED_DROPS = (*FLOW_EQUAL_NORMS, drops_resolved)
FLOOR = 1e-24
"""L below this is rounding."""
EPSILON = float(np.finfo(float).eps)
claim = partial(topic.claim, on=(TOY,), given=FLOW_EQUAL_NORMS)


@dataclass(frozen=True)
class Along:
    """A run at its snapshots, all (S,): step, flow time, L, ||grad L||, u/W of the slow class.

    domination : 2 min over the classes of nu^2 u / n where S is active on its class, else nan.
    """

    step: np.ndarray
    t: np.ndarray
    L: np.ndarray
    gradient: np.ndarray
    slow_fitted: np.ndarray
    domination: np.ndarray

    @classmethod
    def of(cls, run: Run) -> Along:
        """Evaluated at every snapshot of a run with both sign classes."""
        group, classes = run.trajectory.group, sign_classes(run.X, run.y)
        members = [chosen.members(*initial(run)) for chosen in classes]
        values = []
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
            L, gradient = (of(run.X, run.y, W, a) for of in (half_mean_square, gradient_norm))
            values.append((L, gradient, u[1] / classes[1].weight, 2 * least if active else np.nan))
        step = run.trajectory.snapshot_step
        return cls(step, step * step_time(run), *np.array(values).T)

    def after(self, t: float) -> Along:
        """The snapshots from flow time t on at which L is above rounding."""
        kept = (self.t >= t) & (self.L > FLOOR)
        return Along(*(getattr(self, field.name)[kept] for field in fields(self)))


def _final_phase(run: Run) -> tuple[Along, float]:
    """Snapshots with u >= W/2 for the slow class, and the flow time of the first."""
    along = Along.of(run)
    reached = np.flatnonzero(along.slow_fitted >= 0.5)
    if not reached.size:
        raise NotApplicable("the run keeps no weights after the slower class is half fitted")
    start = float(along.t[reached[0]])
    return along.after(start), start


def _tolerance(run: Run, floor: float) -> float:
    """floor, or what stragglers leave: 3 lambda^{2 gamma}."""
    left = float(3.0 * scale(run) ** (2.0 * straggler_exponent(run)))
    if left > 0.1:
        raise NotApplicable(
            "at this scale neurons that miss a label are not negligible "
            f"(3 lambda^(2 gamma) = {left:.2g})"
        )
    return max(floor, left)


@claim(
    "section-4-2-logistic-phases",
    "The loss follows u' = 2 ||D|| (1 - u/W) u of each class, from the initial draw alone.",
    place="Section 4.2",
    given=RECORDED_DROPS,
)
@below_an_unnamed_scale
def logistic_phases(run: Run) -> Iterator[Part]:
    """sup over the recorded steps of |MSE - closed form| / MSE(0)."""
    form = closed_form(run)
    expected = form.mse(run.trajectory.step, growth_per_step(run, form))
    distance = np.abs(mse(run) - expected).max() / np.mean(np.square(run.y))
    yield at_most("sup |MSE - closed form| / MSE(0)", distance, _tolerance(run, 1e-3))


@claim(
    "section-4-2-half-times",
    "Both classes are half fitted at the predicted iterations.",
    place="Section 4.2",
    given=RECORDED_DROPS,
)
@below_an_unnamed_scale
def half_times(run: Run) -> Iterator[Part]:
    """Steps between the half-fit in the MSE and in the closed form, T ||D|| / growth per step."""
    form, dt, last = closed_form(run), step_time(run), run.trajectory.last_step
    first, second = form.half_steps(growth_per_step(run, form))
    if (second - first) * dt * form.rates[1] < 5.0:
        raise NotApplicable(
            "the two classes are fitted at about the same time, so the loss does not show them "
            "apart"
        )
    fast, slow = (float(np.sum(np.square(chosen.y)) / chosen.n) for chosen in form.classes)
    reached = False
    for place, predicted, level in (("fast", first, fast / 4 + slow), ("slow", second, slow / 4)):
        crossed = _crossing(run, level)
        if crossed is None and predicted + 100 > last:
            continue
        reached = True
        allowed = 2.0 + run.case.record.save_every + _tolerance(run, 0.0) / (dt * form.rates[-1])
        note = f"{place} class, predicted step {predicted:.1f}, error"
        yield at_most(note, np.inf if crossed is None else abs(crossed - predicted), allowed)
    if not reached:
        raise NotApplicable(
            f"the run ends before the first half-fit, predicted at step {int(first)}"
        )


def _crossing(run: Run, level: float) -> float | None:
    """Step at which the MSE falls below ``level``, interpolated between recorded steps."""
    curve, step = mse(run), run.trajectory.step
    below = np.flatnonzero(curve < level)
    if not below.size or below[0] == 0:
        return None
    k = below[0]
    high, low = curve[k - 1], curve[k]
    return float(step[k - 1] + (step[k] - step[k - 1]) * (high - level) / (high - low))


@claim(
    "section-4-2-near-saddle",
    "The run stays near the strict saddle theta_S between its two drops.",
    place="Section 4.2",
    kind="reproduction",
    given=(as_published(TOY), *FLOW_EQUAL_NORMS),
)
def near_saddle(run: Run) -> Iterator[Part]:
    """Least ||grad L|| from step 6500 to 11000, and L there, (1/2n) sum_slow y^2 at theta_S."""
    along = Along.of(run)
    plateau = (along.step >= 6_500) & (along.step <= 11_000)
    if plateau.sum() < 8:
        raise NotApplicable(
            f"the run keeps weights at {plateau.sum()} steps from 6500 to 11000, too few to meet "
            "its nearest point; keep at least 8"
        )
    slow = sign_classes(run.X, run.y)[1]
    k = int(np.where(plateau, along.gradient, np.inf).argmin())
    distance = abs(along.L[k] - np.sum(np.square(slow.y)) / (2 * slow.n))
    yield at_most(f"least ||grad L||, at step {along.step[k]}", along.gradient[k], 5e-3)
    yield at_most("|L - L(theta_S)| there", distance, 1e-3)


@claim(
    "lemma-14",
    "||grad L||^2 >= 2 L min(nu^2 u/n) while S is active on its class.",
    place="Lemma 14",
    given=ORTHOGONAL_FLOW,
    label="identity",
)
def lemma_14(run: Run) -> Iterator[Part]:
    """Least ratio of the two sides over the snapshots with L > 1e-24; it holds for any weights."""
    along = Along.of(run).after(0.0)
    known = along.domination > 0
    if not known.any():
        raise NotApplicable("at no snapshot are all neurons of S active on their class")
    ratio = np.square(along.gradient[known]) / (along.L[known] * along.domination[known])
    yield at_least("least ||grad L||^2 / (2 L min nu^2 u / n)", ratio.min(), 1.0 - 1e-6)


@claim(
    "lemma-5",
    "Along the run, near the interpolator, ||grad L||^2 / L >= ||D-|| (local PL condition).",
    place="Lemmas 5 and 15",
)
@below_an_unnamed_scale
def lemma_5(run: Run) -> Iterator[Part]:
    """Least ||grad L||^2 / (L ||D_slow||) over the snapshots with u_slow >= W_slow/2, and its end.

    The lemma is about a ball of radius lambda^{eps/240}, which exceeds 1/2 for every lambda
    > 1e-500; here the run after its half-fit stands for it.
    """
    along, _ = _final_phase(run)
    if not along.step.size:
        raise NotApplicable("no snapshot with L > 1e-24 after the slower class is half fitted")
    ratio = np.square(along.gradient) / along.L / sign_classes(run.X, run.y)[1].rate
    yield at_least("least ||grad L||^2 / (L ||D-||)", ratio.min(), 1.0)
    if along.L[-1] < 1e-9:
        yield number("its last value", ratio[-1])


@claim(
    "theorem-2-rate",
    "The loss decreases exponentially, at rate 4 ||D-|| where the slower class has one label.",
    place="Theorem 2",
)
@below_an_unnamed_scale
def theorem_2_rate(run: Run) -> Iterator[Part]:
    """Slope of -ln L against flow time for L in [1e-11, 1e-6], over ||D_slow||.

    4 if the slower class has one label (exact for descent: -2 ln(1 - 2 dt ||D||) per step), else
    between 2 and 4; 1 %, and what stragglers leave.
    """
    slow, dt = sign_classes(run.X, run.y)[1], step_time(run)
    L = mse(run) / 2
    used = (L <= 1e-6) & (L >= 1e-11)
    if used.sum() < 3 or L[-1] > 1e-10:
        raise NotApplicable("the loss curve does not cover L from 1e-6 to 1e-11")
    slope = -np.polyfit(run.trajectory.step[used], np.log(L[used]), 1)[0]
    growth = dt * slow.rate
    exact = 4.0 if is_flow(run) else -2.0 * np.log1p(-2.0 * dt * slow.rate) / growth
    least, slack = (exact, 0.01) if len(slow.y) == 1 else (2.0, 0.01 + straggling(run))
    yield within("decay rate / ||D-||", slope / growth, (1 - slack) * least, (1 + slack) * exact)
    yield number("per step", slope)


@claim(
    "theorem-2-path",
    "The remaining path is at most 2 sqrt(L/alpha), alpha the least ||grad L||^2/L (Chatterjee).",
    place="Theorem 2",
)
@below_an_unnamed_scale
def theorem_2_path(run: Run) -> Iterator[Part]:
    """Path length from T_slow + 2/||D_slow|| on, over its bound.

    The chords between snapshots are no longer than the path, so they have to obey the bound
    whatever the number of snapshots; rounding of the weights is allowed for. The trapezoid sum of
    ||grad L||, which decays convexly, is above the length, and with it the bound on what is left
    after the last snapshot is a number: it tells how tight the chords are.
    """
    phase, start = _final_phase(run)
    rate = sign_classes(run.X, run.y)[1].rate
    rest = phase.after(start + 2.0 / rate)
    if rest.step.size < 10 or 2.0 * rate * np.diff(rest.t).max() > 0.3:
        raise NotApplicable("the final phase is kept too coarsely for its path length")
    alpha = float((np.square(rest.gradient) / rest.L).min())
    bound = 2.0 * np.sqrt(rest.L[0] / alpha)
    group, kept = run.trajectory.group, np.isin(run.trajectory.snapshot_step, rest.step)
    W, a = run.trajectory.W[kept][:, group], run.trajectory.a[kept][:, group]
    squares = np.sum(np.square(np.diff(W, axis=0)), axis=(1, 2))
    chords = float(np.sqrt(squares + np.sum(np.square(np.diff(a, axis=0)), axis=1)).sum())
    rounding = len(W) * EPSILON * float(np.sqrt(np.sum(np.square(W)) + np.sum(np.square(a))))
    yield at_most("chords / (2 sqrt(L/alpha))", (chords - rounding) / bound, 1.0)
    above = float(trapezoid(rest.gradient, rest.t)) + 2.0 * np.sqrt(rest.L[-1] / alpha)
    yield number("the path is shorter than", above / bound)
