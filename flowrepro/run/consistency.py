"""Whether a stored result belongs to its own case: the proof that comes before every verdict.

A run is tied to its dynamics. Its steps increase, its flow times are those of its steps, its first
weights are the seed's draw (or the file's), the loss recorded at a snapshot is that of the weights
kept there, the observed quantities are what those weights give, and from several snapshots plain
steps of descent, or a plain solution of the flow, lead to the next recorded losses. An ensemble is
tied to the draws and the losses of its members. A study that took at most a second is computed
again.

A result that fails is inconsistent: every verdict on it is FAIL, and the sentences here say why.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator

import numpy as np

from flowrepro import engines
from flowrepro.core.initialize import STUDENT, initial_weights
from flowrepro.core.network import (
    activation,
    flow_time,
    gain,
    objective,
    output_gradient,
    partial_gain,
)
from flowrepro.core.trajectory import REGULAR_STOPS, Ensemble, Run, StopReason, Study
from flowrepro.engines.base import Problem
from flowrepro.engines.batches import Batches
from flowrepro.errors import FlowreproError
from flowrepro.papers import registry
from flowrepro.run.kind import Result
from flowrepro.run.training import prepare
from flowrepro.store.reading import read_npz
from flowrepro.store.run_directory import RunDirectory
from flowrepro.theory.observables import observer

SNAPSHOTS = 12
"""Snapshots whose loss is computed at most (chosen)."""
STARTS = 5
"""Snapshots from which plain steps are made at most (chosen)."""
WORK = 2e8
"""Multiplications that a proof may take (chosen: less than a second)."""
MEMBERS = 16
"""Members of an ensemble that are looked at (chosen)."""
SECONDS = 1.0
"""A study that took at most so long is computed again."""
ROUNDING = {"float64": 1e-9, "float32": 1e-3}
"""Relative difference of a loss that rounding explains."""
RATE = 0.05
"""Share of the fall of a flow's loss by which a plain solution may miss it, across kinks."""
KUTTA = 16
"""Runge-Kutta steps to the next record of a flow."""


@functools.singledispatch
def inconsistencies(result: Result, directory: RunDirectory | None = None) -> list[str]:
    """What does not fit together in a result, one sentence each; empty if all does.

    ``directory`` is where it is stored, with the user's own weights and the seconds that it took.
    """
    raise TypeError(f"no result: {type(result).__name__}")


@inconsistencies.register
def _of_run(result: Run, directory: RunDirectory | None = None) -> list[str]:
    shape = list(_shape_of_run(result))
    if shape:
        return shape
    proof = _RunProof(result, directory)
    with np.errstate(all="ignore"):  # a run of huge points overflows as its proof does
        return [*proof.first_weights(), *proof.losses(), *proof.observed(), *proof.dynamics()]


def _shape_of_run(run: Run) -> Iterator[str]:
    trajectory, case = run.trajectory, run.case
    step, kept = trajectory.step, trajectory.snapshot_step
    for name, values in (("step", step), ("snapshot_step", kept)):
        if values.dtype.kind not in "iu" or values[0] != 0 or np.any(np.diff(values) <= 0):
            yield f"{name} does not increase from 0 in whole numbers"
            return
    # a run that ends early keeps its last weights, also between two records of the loss
    regular = trajectory.stop.reason in REGULAR_STOPS
    if kept[-1] != (step[-1] if regular else trajectory.stop.step) or kept[-1] < step[-1]:
        yield f"the last snapshot is at step {kept[-1]}, the last loss at step {step[-1]}"
    if trajectory.W.dtype != case.protocol.dtype or trajectory.a.dtype != case.protocol.dtype:
        yield f"the weights are {trajectory.W.dtype}, not {case.protocol.dtype}"
    t = np.asarray(flow_time(case.loss, case.protocol.lr, step.astype(np.float64)))
    if case.record.times:
        t = np.append(0.0, case.record.times)[step]
    if not np.allclose(trajectory.t, t, rtol=1e-12, atol=0.0):
        yield "t is not the flow time of the steps"
    ended = trajectory.stop.reason is StopReason.HORIZON
    if ended and step[-1] != case.protocol.n_steps:
        yield f"the run ended at step {step[-1]}, its horizon is {case.protocol.n_steps}"


class _RunProof:
    """The parts of the proof for one run."""

    def __init__(self, run: Run, directory: RunDirectory | None) -> None:
        self.run, self.directory = run, directory
        case = run.case
        self.rounding = ROUNDING[case.protocol.dtype]
        self.log_scale = case.init.log10_scale
        n, d = run.X.shape
        self.cost = float(n * d * len(run.trajectory.group))
        self.X, self.y = run.X.astype(np.float64), run.y.astype(np.float64)

    def first_weights(self) -> Iterator[str]:
        """W(0), a(0) are the seed's draw, or the user's file."""
        if self.log_scale:
            return  # they lie below the smallest double
        init = self.run.case.init
        if init.name == "file" and self.run.case.paper == registry.OWN and self.directory is None:
            return  # a run in memory, whose start was handed over as arrays
        try:
            if self.run.case.init.name == "file" and self.directory is not None:
                kept = read_npz(self.directory.file("inputs.npz"))
                W, a = kept["W"], kept["a"]
            else:
                problem = prepare(self.run.case, self.run.dataset)
                W, a = problem.W0, problem.a0
        except (FlowreproError, KeyError) as error:
            yield f"the initial weights cannot be made again ({error})"
            return
        dtype = self.run.case.protocol.dtype
        own_W, own_a = self.run.trajectory.at(0)
        for name, own, drawn in (("W", own_W, W), ("a", own_a, a)):
            expected = np.asarray(drawn).astype(dtype)
            if own.shape != expected.shape or not np.allclose(own, expected, rtol=1e-6, atol=0.0):
                yield f"{name} at step 0 is not the draw of seed {self.run.case.seed}"

    def _snapshots(self, most: int, cost: float) -> np.ndarray:
        """Steps of at most ``most`` finite snapshots, first and last included, that cost allows."""
        kept = self.run.trajectory.snapshot_step
        affordable = int(np.clip(WORK / max(cost, 1.0), 2, most))
        chosen = np.unique(np.linspace(0, len(kept) - 1, affordable).round().astype(int))
        return np.asarray(kept[chosen])

    def _loss(self, W: np.ndarray, a: np.ndarray) -> float:
        case = self.run.case
        f = activation(self.X @ W.T, case.model.alpha) @ gain(a, case.model.depth)
        with np.errstate(over="ignore", invalid="ignore"):
            return objective(case.loss, f, self.y)

    def _at(self, step: int) -> tuple[np.ndarray, np.ndarray]:
        W, a = self.run.trajectory.at(step)
        return W.astype(np.float64), a.astype(np.float64)

    def _recorded(self, step: int) -> float | None:
        place = np.flatnonzero(self.run.trajectory.step == step)
        return float(self.run.trajectory.loss[place[0]]) if place.size else None

    def _differs(self, recorded: float, computed: float, rounding: float) -> bool:
        if not (np.isfinite(recorded) and np.isfinite(computed)):
            return bool(np.isfinite(recorded) != np.isfinite(computed))
        size = max(abs(recorded), abs(computed))
        floor = 1e-13 * abs(float(self.run.trajectory.loss[0]))
        return abs(recorded - computed) > rounding * size + max(floor, 1e-300)

    def losses(self) -> Iterator[str]:
        """The recorded loss at each snapshot is that of the weights kept there."""
        for step in self._snapshots(SNAPSHOTS, self.cost):
            recorded, computed = self._recorded(step), self._loss(*self._at(step))
            if recorded is not None and self._differs(recorded, computed, self.rounding):
                yield (
                    f"the loss recorded at step {step} is {recorded:.10g}, "
                    f"that of the weights kept there {computed:.10g}"
                )
                return

    def observed(self) -> Iterator[str]:
        """The observed quantities at each snapshot are what the weights give."""
        case, observed = self.run.case, self.run.trajectory.observed
        if not case.record.observe:
            return
        observe = observer(case.record.observe)(self.run.X, self.run.y, case.loss)
        for step in self._snapshots(STARTS, 2 * self.cost):
            place = np.flatnonzero(self.run.trajectory.step == step)
            if not place.size or self.log_scale:
                continue
            for name, value in observe(*self.run.trajectory.at(step)).items():
                close = np.allclose(
                    observed[name][place[0]], value, rtol=1e-3, atol=1e-4, equal_nan=True
                )
                if not close:
                    yield f"the observed {name} at step {step} is not that of the weights"
                    return

    def dynamics(self) -> Iterator[str]:
        """Plain steps, or the rate of the flow, lead from a snapshot to the next losses."""
        trajectory = self.run.trajectory
        checks = self._flows() if engines.is_flow(self.run.engine) else self._descents()
        if trajectory.stats.get("unique_until", 1.0) != 0.0:
            yield from checks

    def _descents(self) -> Iterator[str]:
        """The next recorded loss after a snapshot is the one after plain steps."""
        step = self.run.trajectory.step
        following = np.append(step[1:], -1)[np.searchsorted(step, self._kept_and_recorded())]
        starts = self._kept_and_recorded()
        gaps = following - starts
        left = WORK
        usable = [(int(s), int(g)) for s, g in zip(starts, gaps, strict=True) if g > 0]
        for k in np.unique(np.linspace(0, len(usable) - 1, STARTS).round().astype(int)):
            if not usable:
                return
            start, gap = usable[k]
            if 3 * gap * self.cost > left:
                continue
            left -= 3 * gap * self.cost
            recorded = self._recorded(start + gap)
            computed = self._loss(*self._stepped(start, gap))
            if recorded is not None and self._differs(recorded, computed, 10 * self.rounding):
                yield (
                    f"{gap} plain step{'s' if gap > 1 else ''} from the weights at step {start} "
                    f"give the loss {computed:.10g}, recorded is {recorded:.10g}"
                )
                return

    def _kept_and_recorded(self) -> np.ndarray:
        trajectory = self.run.trajectory
        return np.intersect1d(trajectory.snapshot_step, trajectory.step)

    def _stepped(self, start: int, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The weights after ``count`` plain steps of descent from a snapshot."""
        case, problem = self.run.case, self._problem()
        W, a = self._at(start)
        batches = Batches(len(self.y), case.protocol.batch_size, case.seed)
        for k in range(start, start + count):
            rows = batches.rows(k)
            X, y = (self.X, self.y) if rows is None else (self.X[rows], self.y[rows])
            dW, da = gradient_of(problem, X, y, W, a)
            W = W - case.protocol.lr * dW
            if case.protocol.train == "both":
                a = a - case.protocol.lr * da
        return W, a

    def _problem(self) -> Problem:
        W, a = self._at(0)
        return Problem.of(self.run.case, self.X, self.y, W, a)

    def _flows(self) -> Iterator[str]:
        """The next recorded loss after a snapshot is the one after a plain Runge-Kutta solution.

        It is judged where twice as many Runge-Kutta steps give the same.
        """
        trajectory = self.run.trajectory
        step, t = trajectory.step, trajectory.t
        if self.log_scale:
            return
        for at in self._snapshots(SNAPSHOTS, 12 * KUTTA * self.cost)[:-1]:
            place = np.flatnonzero(step == at)
            if not place.size or place[0] == len(step) - 1:
                continue
            k = int(place[0])
            span = float(t[k + 1] - t[k])
            rough, fine = (
                self._loss(*self._integrated(int(at), span, n)) for n in (KUTTA // 2, KUTTA)
            )
            fall = abs(float(trajectory.loss[k]) - fine)
            recorded = float(trajectory.loss[k + 1])
            resolved = (10 * self.run.case.protocol.rtol) ** 2 * float(trajectory.loss[0])
            if max(recorded, fine) < resolved:
                continue  # the tolerance of the flow leaves the residuals undetermined
            if abs(rough - fine) > RATE / 10 * fall:
                continue  # too coarse to tell
            if abs(recorded - fine) > RATE * fall + self.rounding * abs(fine):
                yield (
                    f"the flow from the weights at step {at} has the loss {fine:.10g} at step "
                    f"{step[k + 1]}, recorded is {recorded:.10g}"
                )
                return

    def _integrated(self, start: int, span: float, count: int) -> tuple[np.ndarray, np.ndarray]:
        """The weights after flow time ``span`` from a snapshot, in ``count`` Runge-Kutta steps."""
        problem = self._problem()
        h = span / count / self.run.case.loss.factor

        def velocity(W: np.ndarray, a: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            dW, da = gradient_of(problem, self.X, self.y, W, a)
            return -dW, -da if problem.train == "both" else 0.0 * da

        W, a = self._at(start)
        for _ in range(count):
            one = velocity(W, a)
            two = velocity(W + h / 2 * one[0], a + h / 2 * one[1])
            three = velocity(W + h / 2 * two[0], a + h / 2 * two[1])
            four = velocity(W + h * three[0], a + h * three[1])
            W = W + h / 6 * (one[0] + 2 * two[0] + 2 * three[0] + four[0])
            a = a + h / 6 * (one[1] + 2 * two[1] + 2 * three[1] + four[1])
        return W, a


def gradient_of(
    problem: Problem, X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of the objective over samples X (n, d), y (n,), for any depth; plain numpy."""
    Z, depth = X @ W.T, problem.depth
    hidden = activation(Z, problem.alpha)
    g = output_gradient(problem.loss, hidden @ gain(a, depth), y)
    slopes = np.where(Z > 0, 1.0, problem.alpha)
    dW = gain(a, depth)[:, None] * ((slopes * g[:, None]).T @ X)
    return dW, partial_gain(a, depth) * (hidden.T @ g)


@inconsistencies.register
def _of_ensemble(result: Ensemble, directory: RunDirectory | None = None) -> list[str]:
    trajectory, case = result.trajectory, result.case
    assert case.seeds is not None
    if not np.array_equal(trajectory.seeds, np.arange(*case.seeds)):
        return [f"its seeds are not {case.seeds[0]} to {case.seeds[1] - 1}"]
    if trajectory.step[0] != 0 or np.any(np.diff(trajectory.step) <= 0):
        return ["step does not increase from 0"]
    d, student = result.X.shape[1], result.dataset.extra.get(STUDENT)
    last = len(trajectory.seeds) - 1
    found = []
    for k in np.unique(np.linspace(0, last, MEMBERS).round().astype(int)):
        seed, loss = int(trajectory.seeds[k]), trajectory.loss[k]
        W, a = initial_weights(case.init, seed, d, student)
        if not (np.allclose(trajectory.W[k, 0], W) and np.allclose(trajectory.a[k, 0], a)):
            found.append(f"the first weights of seed {seed} are not its draw")
        for s, step in enumerate(trajectory.snapshot_step):
            f = activation(result.X @ trajectory.W[k, s].T, case.model.alpha) @ trajectory.a[k, s]
            computed, recorded = objective(case.loss, f, result.y), loss[trajectory.step == step]
            floor = 1e-13 * abs(float(loss[0]))
            if recorded.size and not np.allclose(recorded, computed, rtol=1e-9, atol=floor):
                found.append(f"the loss of seed {seed} at step {step} is not that of its weights")
        for level, first in zip(trajectory.levels, trajectory.first_below[k], strict=True):
            before = trajectory.step < (first if first >= 0 else np.inf)
            if np.any(loss[before] < level):
                found.append(f"the loss of seed {seed} is below {level:g} before step {first}")
        if found:
            break
    return found


@inconsistencies.register
def _of_study(result: Study, directory: RunDirectory | None = None) -> list[str]:
    took = float(directory.provenance()["wall_s"]) if directory is not None else np.inf
    if took > SECONDS:
        return []
    try:
        study = registry.study_of(result.case)
        again = study.compute(result.case, result.dataset, lambda done, total: None)
    except FlowreproError as error:
        return [f"it cannot be computed again ({error})"]
    if set(again) != set(result.arrays):
        return [f"its arrays are {sorted(result.arrays)}, computed again {sorted(again)}"]
    for name, values in again.items():
        own, new = result.arrays[name], np.asarray(values)
        same = own.shape == new.shape and own.dtype == new.dtype
        numeric = own.dtype.kind in "fc"
        if not same or not (
            np.allclose(own, new, rtol=1e-7, atol=1e-12, equal_nan=True)
            if numeric
            else np.array_equal(own, new)
        ):
            return [f"the array {name} differs from what the study gives when computed again"]
    return []
