"""Hypotheses of boursier2022's statements, and what several topics ask of a run.

A hypothesis is a function of a run: None, or one sentence that says why the run is outside.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.claim import Hypothesis, NotApplicable, require
from flowrepro.claims.limits import in_a_limit
from flowrepro.claims.published import coarse_step, is_flow
from flowrepro.core.config import Case
from flowrepro.core.network import objective, predict
from flowrepro.core.trajectory import Run, Study
from flowrepro.errors import DataError
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.sign_classes import largest_cosine, ratio, sign_classes
from flowrepro.theory.conservation import imbalance
from flowrepro.theory.square_descent import MODERATE, descent_on_squares, step_time
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

COARSEST = 2.5e-3
"""Growth per step, dt ||D_+||, up to which descent is read as the flow; the toy has 2.2e-3."""


ROUNDED, NEGLIGIBLE = 1e-15, 1e-7
"""Largest |cos| of points that are orthogonal to rounding; part of the scale that is negligible."""
KNOWN_SCALE = 1e-2
"""Largest lambda at which statements on unnamed scales were seen to hold on the paper's points
(measured on six draws of 60 neurons)."""
STUDIED = 1e-14
"""Largest |cos| of a study's points: at 1e-13 neurons come back on scales of 1e-60 (measured)."""


def target_window(case: Case, what: str) -> tuple[float, float]:
    """The window of the one target whose description starts with ``what``; else KeyError."""
    windows = [each.window for each in case.targets if each.what.startswith(what) and each.window]
    if len(windows) != 1:
        raise KeyError(f"case {case.name} has {len(windows)} targets '{what}' with a window")
    return windows[0]


def descending(run: Run) -> str | None:
    """The loss falls, rises in all being below 1 % of the fall, so that the descent lemma holds."""
    changes = np.diff(run.trajectory.loss)
    rise, fall = float(changes[changes > 0].sum()), -float(changes.sum())
    if rise <= 0.01 * fall:
        return None
    return (
        f"the loss rises by {rise:.3g} in all and falls by {fall:.3g}; "
        "the step is too large for the descent lemma"
    )


def orthogonal(run: Run) -> str | None:
    """<x_k, x_l> = 0 for k != l   (Assumption 1 without the norms)."""
    largest = largest_cosine(run.X)
    if largest <= 1e-12:
        return None
    return f"the inputs are not orthogonal (largest |cos| = {largest:.3g})"


def two_signs(run: Run | Study) -> str | None:
    """y_k != 0 for all k, both signs occur, and ||D_+|| != ||D_-||   (Assumption 2)."""
    if np.any(run.y == 0):
        return "a label is zero (Assumption 2)"
    classes = sign_classes(run.X, run.y)
    if len(classes) < 2:
        return "all labels have one sign; there is one phase only"
    return None if ratio(classes) - 1.0 > 1e-9 else "||D_+|| = ||D_-|| (Assumption 2)"


def assumption_3(run: Run) -> str | None:
    """S_{+,1} and S_{-,1} are not empty."""
    for chosen in sign_classes(run.X, run.y):
        if not chosen.members(*initial(run)).any():
            return (
                f"no neuron of sign {chosen.sign:+.0f} is active on all labels of that sign "
                "(Assumption 3)"
            )
    return None


def balanced(run: Run) -> str | None:
    """|a_j| = ||w_j|| at the initialisation   (eq 4)."""
    W, a = run.trajectory.W[0], run.trajectory.a[0]
    size = float(np.abs(W).max(initial=0.0)) or 1.0
    largest = float(np.abs(imbalance(W / size, a / size)).max())
    return None if largest <= 1e-8 else "the initialisation is not balanced (eq 4)"


def small(run: Run) -> str | None:
    """lambda sqrt(m) <= 1e-4, measured as ||W(0)||_F / sqrt(d); half more for a small draw."""
    prefactor = scale(run) * np.sqrt(run.trajectory.group.size)
    if prefactor <= 1.5e-4:
        return None
    return f"the initialisation is not small (lambda sqrt(m) = {prefactor:.2g} > 1e-4)"


def scale(run: Run) -> float:
    """Lambda of eq 4, measured as the root mean square of W(0)."""
    W = run.trajectory.W[0]
    size = float(np.abs(W).max())
    return size * float(np.sqrt(np.mean(np.square(W / size))))


def equal_norms(run: Run | Study) -> str | None:
    """||x_k|| is the same for all k of a class."""
    for chosen in sign_classes(run.X, run.y):
        if np.ptp(chosen.squared_norms) > 1e-12 * chosen.squared_norms.max():
            return (
                "inputs of one label sign differ in norm, so their neurons turn again while they "
                "grow"
            )
    return None


def fine_step(run: Run) -> str | None:
    """A step so short that descent follows the flow to the tolerance of the closed forms."""
    growth = step_time(run) * max(chosen.rate for chosen in sign_classes(run.X, run.y))
    return coarse_step(run, growth, COARSEST, "dt ||D_+||")


def tells_inactive(run: Run) -> str | None:
    """<x_k, x_l>, and in descent the rounding of <w, x>, are far below the scale of the start.

    A grown neuron has <w_j, x_k> to 2^-52 ||w_j|| ||x_k|| in doubles. Where a label of its sign is
    as near, it becomes active again and grows: seen from 1e5 times the rounding down on five
    rotated points. Labels of the other sign push it back, and events of the flow are located.
    """
    size, off = scale(run), largest_cosine(run.X)
    off = off if off > ROUNDED else 0.0
    several = any(len(chosen.y) > 1 for chosen in sign_classes(run.X, run.y))
    if several and not is_flow(run) and np.any(np.count_nonzero(run.X, axis=1) > 1):
        off = max(off, float(np.finfo(float).eps))
    if off <= NEGLIGIBLE * size:
        return None
    return (
        f"neurons of size {size:.2g} are not resolved beside <x_k, x_l> = {off:.2g} of the points "
        "or of rounding, so inactive neurons may come back; raise init.scale, or take "
        "--engine flow where the points are orthogonal to rounding"
    )


def recorded_every(most: int) -> Hypothesis:
    """Factory: the loss is recorded at least every ``most`` steps."""

    def hypothesis(run: Run) -> str | None:
        gap = _widest_record_gap(run)
        if gap <= most:
            return None
        return (
            f"the loss is recorded every {gap} steps; the time of its drops needs "
            f"record.save_every={most} or less"
        )

    return hypothesis


def drops_resolved(run: Run) -> str | None:
    """Between two records of the loss, ln ||w|| of the faster class grows by at most 1/4."""
    most = int(0.25 / (step_time(run) * sign_classes(run.X, run.y)[0].rate))
    gap = _widest_record_gap(run)
    if gap <= max(1, most):
        return None
    return (
        f"the loss is recorded every {gap} steps, which misses its drops; "
        f"set record.save_every={most} or less"
    )


def _widest_record_gap(run: Run) -> int:
    """Largest distance, in steps, between two records of the loss."""
    return int(np.diff(run.trajectory.step).max(initial=0))


def univariate(run: Run) -> str | None:
    """X is (x, 1): a function of one variable with bias."""
    if run.X.shape[1] == 2 and np.all(run.X[:, 1] == 1.0):
        return None
    return "the inputs are not (x, 1), so there is no univariate function"


ORTHOGONAL_FLOW: tuple[Hypothesis, ...] = (
    *(descent_on_squares, orthogonal, two_signs, assumption_3, balanced, small, fine_step),
    tells_inactive,
)
"""Assumptions 1 to 3, a small balanced start, and a step that follows the flow."""
FLOW_EQUAL_NORMS = (*ORTHOGONAL_FLOW, equal_norms)


def require_orthogonal(X: np.ndarray, y: np.ndarray) -> None:
    """DataError unless a study's points are orthogonal, not 0, of moderate size and both signs."""
    sizes = np.concatenate([np.abs(X).max(axis=1), np.abs(y)])
    if np.any(sizes > MODERATE) or np.any((sizes > 0) & (sizes < 1 / MODERATE)):
        raise DataError(
            f"points or labels of size {sizes[sizes > 0].min():.2g} to {sizes.max():.2g} have "
            "squares beyond double precision; rescale them"
        )
    if largest_cosine(X) > STUDIED or not (np.any(y > 0) and np.any(y < 0)):
        raise DataError(
            "this study is about orthogonal points with labels of both signs; give such points, "
            "or run the case 'toy' on these"
        )


def initial(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(W (m, d), a (m,)) at step 0."""
    return run.trajectory.at(0)


def final(run: Run) -> tuple[np.ndarray, np.ndarray]:
    """(W (m, d), a (m,)) at the last step."""
    return run.trajectory.at(run.trajectory.last_step)


def state(run: Run, step: int) -> tuple[np.ndarray, np.ndarray]:
    """(W, a) at a step; NotApplicable if it was not kept."""
    if not run.trajectory.has(step):
        raise NotApplicable(f"the run keeps no weights at step {step}")
    return run.trajectory.at(step)


def squared_norm(W: np.ndarray, a: np.ndarray) -> float:
    """||theta||^2 = ||W||_F^2 + ||a||^2."""
    return float(np.sum(np.square(W)) + np.sum(np.square(a)))


def half_mean_square(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> float:
    """L of the paper, (1/2n) sum_k (f(x_k) - y_k)^2."""
    return objective(HALF_MEAN_SQUARE, predict(X, W, a), y)


def first_below(run: Run, level: float) -> float:
    """First recorded step with MSE < level; inf, which is in no window, if there is none."""
    first = run.trajectory.first_below(level * run.case.loss.factor / 2)
    return float("inf") if first is None else float(first)


def closed_form(run: Run) -> ClosedForm:
    """The closed-form run from this run's initial weights."""
    return ClosedForm.of(run.X, run.y, *initial(run))


def growth_per_step(run: Run, form: ClosedForm) -> np.ndarray:
    """Growth of ln ||w|| of each class in one step of the run, (2,)."""
    return form.growth(step_time(run), is_flow(run))


def _seen_to_hold(run: Run) -> bool:
    return run.case.data.name == "two-points" and scale(run) <= KNOWN_SCALE


below_an_unnamed_scale = in_a_limit(_seen_to_hold, "lambda", scale)
"""Decorator: the statement is for lambda -> 0, or for lambda below a lambda* of the points."""


def straggler_exponent(result: Run | Study) -> float:
    """Gamma: neurons that miss the smallest label of a class leave deviations ~ lambda^gamma."""
    return min(chosen.straggler for chosen in sign_classes(result.X, result.y))


def straggling(run: Run) -> float:
    """10 lambda^gamma, a bound on the relative distance of the limit at this scale to theta*.

    Measured distances are 1 to 2 lambda^gamma. NotApplicable where the bound is above 1/2.
    """
    bound = float(10.0 * scale(run) ** straggler_exponent(run))
    if bound > 0.5:
        raise NotApplicable(
            "at this scale neurons that miss a label are not negligible "
            f"(10 lambda^gamma = {bound:.2g}); take a smaller scale"
        )
    return bound


def long_enough(run: Run, level: float) -> None:
    """NotApplicable unless the closed form leaves time for L <= ``level`` after both half-fits."""
    form = closed_form(run)
    slow = form.classes[1]
    rate = (4.0 if len(slow.y) == 1 else 2.0) * slow.rate
    plateau = float(np.sum(np.square(slow.y)) / (2 * slow.n))
    left = (max(0.0, np.log(plateau / level)) + 1.0) / rate / step_time(run)
    needed = form.half_steps(growth_per_step(run, form))[1] + left
    reached = run.trajectory.last_step
    enough = f"the run has {reached} steps; L <= {level:g} needs about {int(needed) + 1}"
    require(None if reached >= needed else enough)
