"""Hypotheses of the statements of boursier2022, as functions of a run: None, or why the run is outside."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import Hypothesis, NotApplicable, require
from flowrepro.claims.old_verdict import Ref
from flowrepro.claims.published import is_flow
from flowrepro.core.network import objective, predict
from flowrepro.core.trajectory import Run, Study
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.sign_classes import ratio, sign_classes
from flowrepro.theory.conservation import imbalance
from flowrepro.theory.square_descent import descent_on_squares, step_time
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

COARSEST = 2.5e-3
"""Largest growth per step, dt ||D_+||, at which descent is read as the flow; the paper's toy has 2.2e-3."""


def ref(place: str) -> Ref:
    """A place in the paper."""
    return Ref("boursier2022", place)


def descending(run: Run) -> str | None:
    """The recorded loss falls, rises in all being below 1 % of the fall, so that the descent lemma is near enough."""
    changes = np.diff(run.trajectory.loss)
    rise, fall = float(changes[changes > 0].sum()), -float(changes.sum())
    return (
        None
        if rise <= 0.01 * fall
        else f"the loss rises by {rise:.3g} in all and falls by {fall:.3g}; the step is too large for the descent lemma"
    )


def orthogonal(run: Run) -> str | None:
    """<x_k, x_l> = 0 for k != l   (Assumption 1 without the norms)."""
    largest = largest_cosine(run.X)
    return (
        None
        if largest <= 1e-12
        else f"the inputs are not orthogonal (largest |cos| = {largest:.3g})"
    )


def largest_cosine(X: np.ndarray) -> float:
    """max_{k != l} |cos(x_k, x_l)|; 0 for one point, inf where a point is zero."""
    sizes = np.abs(X).max(axis=1, keepdims=True)
    if np.any(sizes == 0):
        return float("inf")
    unit = (
        X / sizes / np.linalg.norm(X / sizes, axis=1, keepdims=True)
    )  # in two steps, as squares may overflow
    gram = unit @ unit.T
    return float(np.abs(gram - np.diag(np.diag(gram))).max(initial=0.0))


def two_signs(run: Run | Study) -> str | None:
    """y_k != 0 for all k, both signs occur, and ||D_+|| != ||D_-||   (Assumption 2)."""
    if np.any(run.y == 0):
        return "a label is zero (Assumption 2)"
    classes = sign_classes(run.X, run.y)
    if len(classes) < 2:
        return "all labels have one sign; there is one phase only"
    return None if ratio(classes) - 1.0 > 1e-9 else "||D_+|| = ||D_-|| (Assumption 2)"


def assumption_3(run: Run) -> str | None:
    """S_{+,1} and S_{-,1} are non-empty."""
    for chosen in sign_classes(run.X, run.y):
        if not chosen.members(*initial(run)).any():
            return f"no neuron of sign {chosen.sign:+.0f} is active on all labels of that sign (Assumption 3)"
    return None


def balanced(run: Run) -> str | None:
    """|a_j| = ||w_j|| at initialisation   (eq 4)."""
    W, a = run.trajectory.W[0], run.trajectory.a[0]
    size = float(np.abs(W).max(initial=0.0)) or 1.0
    largest = float(np.abs(imbalance(W / size, a / size)).max())
    return None if largest <= 1e-8 else "the initialisation is not balanced (eq 4)"


def small(run: Run) -> str | None:
    """lambda sqrt(m) <= 1e-4, measured as ||W(0)||_F / sqrt(d), which may exceed it by half in a small draw."""
    prefactor = scale(run) * np.sqrt(run.trajectory.group.size)
    return (
        None
        if prefactor <= 1.5e-4
        else f"the initialisation is not small (lambda sqrt(m) = {prefactor:.2g} > 1e-4)"
    )


def scale(run: Run) -> float:
    """lambda of eq 4, measured as the root mean square of W(0)."""
    W = run.trajectory.W[0]
    size = float(np.abs(W).max())
    return size * float(np.sqrt(np.mean(np.square(W / size))))


def equal_norms(run: Run | Study) -> str | None:
    """||x_k|| is the same for all k of a class."""
    for chosen in sign_classes(run.X, run.y):
        if np.ptp(chosen.squared_norms) > 1e-12 * chosen.squared_norms.max():
            return "inputs of one label sign differ in norm, so their neurons turn again while they grow"
    return None


def fine_step(run: Run) -> str | None:
    """A step so short that descent follows the flow to the tolerance of the closed forms."""
    growth = step_time(run) * max(chosen.rate for chosen in sign_classes(run.X, run.y))
    return (
        None
        if growth <= COARSEST
        else f"the step is too coarse for a comparison with the flow (dt ||D_+|| = {growth:.2g} > {COARSEST:g})"
    )


def recorded_every(most: int) -> Hypothesis:
    """Factory: the loss is recorded at least every ``most`` steps."""

    def hypothesis(run: Run) -> str | None:
        gap = widest_record_gap(run)
        return (
            None
            if gap <= most
            else f"the loss is recorded every {gap} steps; the time of its drops needs record.save_every={most} or less"
        )

    return hypothesis


def drops_resolved(run: Run) -> str | None:
    """Between two records of the loss, ln ||w|| of the faster class grows by at most 1/4."""
    growth = step_time(run) * sign_classes(run.X, run.y)[0].rate
    gap = widest_record_gap(run)
    most = int(0.25 / growth)
    return (
        None
        if gap <= max(1, most)
        else f"the loss is recorded every {gap} steps, which misses its drops; set record.save_every={most} or less"
    )


def widest_record_gap(run: Run) -> int:
    """Largest distance, in steps, between two records of the loss."""
    return int(np.diff(run.trajectory.step).max(initial=0))


def univariate(run: Run) -> str | None:
    """X is (x, 1): a function of one variable with bias."""
    return (
        None
        if run.X.shape[1] == 2 and np.all(run.X[:, 1] == 1.0)
        else "the inputs are not (x, 1), so there is no univariate function"
    )


ORTHOGONAL_FLOW: tuple[Hypothesis, ...] = (
    descent_on_squares,
    orthogonal,
    two_signs,
    assumption_3,
    balanced,
    small,
    fine_step,
)
"""Assumptions 1 to 3, a small balanced start, and a step that follows the flow."""


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


def half_mean_square(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> float:
    """L of the paper, (1/2n) sum_k (f(x_k) - y_k)^2."""
    return objective(HALF_MEAN_SQUARE, predict(X, W, a), y)


def first_below(run: Run, level: float) -> float:
    """First recorded step with MSE < level; inf if the run never gets there, which is in no window."""
    first = run.trajectory.first_below(level * run.case.loss.factor / 2)
    return float("inf") if first is None else float(first)


def closed_form(run: Run) -> ClosedForm:
    """The closed-form run from this run's initial weights."""
    return ClosedForm.of(run.X, run.y, *initial(run))


def growth_per_step(run: Run, form: ClosedForm) -> np.ndarray:
    """Growth of ln ||w|| of each class in one step of the run, (2,)."""
    return form.growth(step_time(run), is_flow(run))


def first_half_fit(run: Run) -> float:
    """Step at which the closed form half fits the faster class."""
    form = closed_form(run)
    return float(form.half_steps(growth_per_step(run, form))[0])


def straggler_exponent(run: Run) -> float:
    """gamma: deviations of order lambda^gamma from the limit remain, by neurons that miss the smallest label of a class."""
    return min(chosen.straggler for chosen in sign_classes(run.X, run.y))


def straggling(run: Run) -> float:
    """10 lambda^gamma, a bound on the relative distance between the limit at this scale and theta*; NotApplicable above 1/2.

    Measured distances are 1 to 2 lambda^gamma.
    """
    bound = float(10.0 * scale(run) ** straggler_exponent(run))
    require(
        None
        if bound <= 0.5
        else f"at this scale neurons that miss a label are not negligible (10 lambda^gamma = {bound:.2g}); take a smaller scale"
    )
    return bound


def long_enough(run: Run, level: float) -> None:
    """NotApplicable unless the closed form leaves time to bring L below ``level`` after the slow class is half fitted."""
    form = closed_form(run)
    slow = form.classes[1]
    rate = (4.0 if len(slow.y) == 1 else 2.0) * slow.rate
    plateau = float(np.sum(np.square(slow.y)) / (2 * slow.n))
    needed = form.half_steps(growth_per_step(run, form))[1] + (
        max(0.0, np.log(plateau / level)) + 1.0
    ) / rate / step_time(run)
    reached = run.trajectory.last_step
    require(
        None
        if reached >= needed
        else f"the run has {reached} steps; L <= {level:g} needs about {int(needed) + 1}"
    )
