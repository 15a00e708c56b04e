"""The engine's class: the contract of ``engines.base`` around the compiled steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from flowrepro.engines.base import Engine, Problem, beyond_doubles_on_cpu
from flowrepro.engines.compiled import LOSS_CODES, compiled
from flowrepro.engines.grouped.losses import total_loss
from flowrepro.engines.grouped.place import current, settle
from flowrepro.engines.grouped.regroup import regroup
from flowrepro.engines.grouped.step import coast
from flowrepro.engines.grouped.table import (
    BLOCKS,
    CAPTURES,
    CROSSINGS,
    EXAMINED,
    LEVELS,
    SLOTS,
    Caught,
    Cones,
    Neurons,
    Points,
    Rule,
    Work,
    empty_caught,
    empty_cones,
    grown,
    workspace,
)

FIRST_SLOTS = 8


FEWEST_NEURONS = 500
"""Below, stepping every neuron by itself is faster (measured with 2 to 5 samples in the plane)."""


class GroupedGD(Engine):
    """Full-batch gradient descent by activation patterns (boursier2024); exact, at a cost
    independent of m.

    A step costs O(patterns in use * (d^2 + n d)), a crossing O(n d + d^3), a neuron caught on a
    boundary O(d) a step.
    ``stats`` counts crossings, the neurons examined for one, and captures at a boundary.
    """

    name: ClassVar[str] = "grouped"
    boosts: ClassVar[bool] = False

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        n, d, m = problem.shape
        X = np.ascontiguousarray(problem.X, dtype=np.float64)
        loss = problem.loss
        self._points = Points(
            X, np.sqrt(np.sum(X**2, axis=1)), np.array(problem.y, dtype=np.float64)
        )
        weight = loss.factor / (n if loss.reduction == "mean" else 1.0)
        both = problem.train == "both"
        self._rule = Rule(
            float(problem.lr),
            float(problem.alpha),
            LOSS_CODES[loss.name],
            float(weight),
            both,
            both and self.boosts,
        )
        theta = np.ascontiguousarray(np.column_stack([problem.W0, problem.a0]), dtype=np.float64)
        self._neurons = Neurons(theta, np.full(m, -1, np.int64))
        self._caught = empty_caught(m, d)
        self._cones = empty_cones(n, d, FIRST_SLOTS)
        self._work = workspace(n, d, FIRST_SLOTS)
        placed = 0
        while (
            placed := settle(
                self._points, self._cones, self._neurons, self._work, problem.alpha, placed
            )
        ) < m:
            self._grow()
        self._count()

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or which part of the protocol this engine does not do."""
        if problem.depth != 2:
            return f"it knows networks of two layers only, not of depth {problem.depth}"
        if problem.ln_scale != 0.0:
            return "it starts from weights that doubles can hold; set init.log10_scale=0"
        return beyond_doubles_on_cpu(problem)

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """None, or why stepping every neuron is expected to be faster.

        A plain step costs about 4 n d m operations, one by patterns 2 p (n d + (d + 1)^2) for p
        patterns in use.
        """
        n, d, m = problem.shape
        if m < FEWEST_NEURONS:
            return f"{m} neurons are too few to gain from sharing steps"
        patterns = min(m, possible_patterns(n, d))
        if 2 * patterns * (n * d + (d + 1) ** 2) > n * d * m:
            return (
                f"{m} neurons may have {patterns} activation patterns on {n} samples in dimension "
                f"{d}: too many to gain from sharing steps"
            )
        return None

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """Go to steps[-1]; the objective at each of ``steps``."""
        steps = np.asarray(steps, dtype=np.int64)
        losses = np.empty(len(steps))
        progress = np.array([self.step, 0], dtype=np.int64)
        begun = self.step
        while not _advance(
            self._points,
            self._cones,
            self._neurons,
            self._caught,
            self._work,
            self._rule,
            steps,
            losses,
            progress,
        ):
            self._grow()
        self.step = int(progress[0])
        self.stats["gradient_evaluations"] += self.step - begun
        self._count()
        return losses

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """W (m, d) and a (m,) at the current step."""
        theta = np.empty_like(self._neurons.theta0)
        _collect(self._cones, self._neurons, self._caught, theta)
        return theta[:, :-1].copy(), theta[:, -1].copy()

    def state(self) -> dict[str, np.ndarray]:
        """Copies of all tables; of the blocks only those in use."""
        blocks = int(self._cones.counter[BLOCKS])
        tables = {f"cones_{name}": array for name, array in self._cones._asdict().items()}
        tables |= {f"neurons_{name}": array for name, array in self._neurons._asdict().items()}
        tables |= {
            f"caught_{name}": array[:blocks] for name, array in self._caught._asdict().items()
        }
        return {name: array.copy() for name, array in tables.items()}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """Continue from ``state``, taken at ``step``."""
        n, d, m = self.problem.shape
        self._cones = Cones(*(np.array(state[f"cones_{name}"]) for name in Cones._fields))
        self._neurons = Neurons(*(np.array(state[f"neurons_{name}"]) for name in Neurons._fields))
        self._caught = empty_caught(m, d)
        for name, array in self._caught._asdict().items():
            kept = state[f"caught_{name}"]
            array[: len(kept)] = kept
        self._work = workspace(n, d, len(self._cones.edge))
        self.step = step
        self._count()

    def _grow(self) -> None:
        """Twice as many slots, keeping the forces of the step in progress."""
        capacity, d, n = self._cones.active.shape
        self._cones = grown(self._cones)
        work = workspace(n, d, 2 * capacity)
        work.D[:capacity] = self._work.D
        work.g[:] = self._work.g
        self._work = work

    def _count(self) -> None:
        counter = self._cones.counter
        self.stats |= {
            "crossings": int(counter[CROSSINGS]),
            "examined": int(counter[EXAMINED]),
            "captures": int(counter[CAPTURES]),
        }


class GroupedBoost(GroupedGD):
    """Steps of frozen force by activation patterns, each solved exactly: a^2 - ||w||^2 and the sign
    of a are kept (boursier2024, Lemma 1).

    An integrator of the gradient flow with error proportional to lr, at the cost of descent.
    """

    name: ClassVar[str] = "grouped-boost"
    kind: ClassVar[Literal["descent", "flow"]] = "flow"
    boosts: ClassVar[bool] = True

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """A case that asks for "auto" asks for a descent: this is taken only by name."""
        return "it integrates the gradient flow, not the descent of the case"


def possible_patterns(n: int, d: int) -> int:
    """Number of cones into which n hyperplanes in general position cut R^d: 2 sum_{i<d} C(n-1, i)
    (Cover 1965).
    """
    total, term = 0, 1
    for i in range(min(n, d)):
        total += term
        term = term * (n - 1 - i) // (i + 1)
    return 2 * total


@compiled
def _advance(
    points: Points,
    cones: Cones,
    neurons: Neurons,
    caught: Caught,
    work: Work,
    rule: Rule,
    steps: np.ndarray,
    losses: np.ndarray,
    progress: np.ndarray,
) -> bool:
    """Steps until the last one asked for (True), or until there are too few slots (False: call
    again with more).

    ``progress`` holds the current step and the number of losses written.
    """
    step, written = progress
    while True:
        if not regroup(points, cones, neurons, caught, work, rule, step):
            progress[0], progress[1] = step, written
            return False
        step, late = coast(points, cones, caught, work, rule, step, steps[written])
        if late:
            continue
        losses[written] = total_loss(rule.loss, rule.weight, work.f, points.y)
        written += 1
        if written == len(steps):
            progress[0], progress[1] = step, written
            return True


@compiled
def _collect(cones: Cones, neurons: Neurons, caught: Caught, theta: np.ndarray) -> None:
    """theta_j of every neuron, into ``theta`` (m, d+1)."""
    for s in range(cones.counter[SLOTS]):
        for level in range(LEVELS):
            j = cones.head[s, level]
            while j >= 0:
                current(cones, neurons, s, j, theta[j])
                j = neurons.following[j]
    for b in range(cones.counter[BLOCKS]):
        for lane in range(caught.held[b]):
            j = caught.neuron[b, lane]
            for i in range(theta.shape[1] - 1):
                theta[j, i] = caught.W[b, i, lane]
            theta[j, theta.shape[1] - 1] = caught.a[b, lane]
