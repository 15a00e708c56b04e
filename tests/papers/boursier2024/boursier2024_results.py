"""Results for the tests of boursier2024, computed once, and ways to make them wrong."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from flowrepro import data, engines
from flowrepro.claims.claim import Claim
from flowrepro.claims.verdict import Verdict
from flowrepro.core import initialize
from flowrepro.core.config import StudyCase
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Run, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.papers import registry
from flowrepro.papers.boursier2024.neurons import positive_class

CASES = {case.name: case for case in registry.contents("boursier2024").cases}
SMALL: dict[str, dict[str, Any]] = {
    "analysis": {"directions": 60},
    "analysis-boxes": {"directions": 60},
    "boxes": {"samples": 300, "trained": 3, "n_steps": 7_000},
    "limit-point": {
        "m": 200,
        "lr": 1e-2,
        "n_steps": 20_000,
        "more_steps": 40_000,
        "sigmas": [0.0, 1e-9, 1e-9, 1e-3, 1e-2, 1e-2],
    },
    "scaling": {"log10_scales": [-3.0, -4.0, -6.0], "log10_scales_flow": [-10.0, -60.0], "m": 100, "m_flow": 12},
    "critical-scale": {
        "widths": [20, 300],
        "scales": [0.02, 0.06, 0.2, 0.5],
        "seeds": 1,
        "nodes": 200,
        "n_steps": 8000,
    },
    "basin": {"widths": [100, 1000, 10_000], "draws": 4, "m": 200, "sigmas": [1e-7, 3e-6, 3e-5]},
    "unbalanced-width": {"widths": [20, 200], "scales": [1e-2, 1e-3], "seeds": 2},
    "infinite-width": {"nodes": 40_000, "seeds": 8, "widths": [100, 6000]},
    "omnidirectionality": {"m": 300, "lr": 1e-2, "n_steps": 3000, "growth": 1.5},
    "eight-piece-sets": {"sets": 2, "m": 60, "n_steps": 6000, "starts": 2},
    "saddle-view": {"m": 200},
    "saddle-view-eight": {"m": 200, "horizon": 1500.0},
    "label-signs": {"seeds": 1, "m": 100, "n_steps": 80_000},
    "leaky-slopes": {"seeds": 1, "slopes": [0.0, 0.001, 0.1, 0.2]},
}
"""Options of the variants that the tests compute; a second or less each."""

Change = Callable[[Any], Any]


@dataclasses.dataclass(frozen=True)
class Row:
    """A claim, a result on which it holds, and what breaks it or leaves its hypotheses."""

    claim: Claim
    good: Callable[[], Any]
    wrong: Change
    outside: Change | None

    def __str__(self) -> str:
        return self.claim.id

    def check(self) -> None:
        """PASS, FAIL and N/A."""
        judged = self.claim.judge(self.good())
        assert judged.verdict is Verdict.PASS, judged.note
        judged = self.claim.judge(self.wrong(self.good()))
        assert judged.verdict is Verdict.FAIL, judged.note
        if self.outside is not None:
            judged = self.claim.judge(self.outside(self.good()))
            assert judged.verdict is Verdict.NOT_APPLICABLE
            assert judged.note


# Runs


@functools.cache
def trained(name: str, **changes: Any) -> Run:
    """A case's run; figure 2 with 2000 neurons unless ``m`` says otherwise."""
    case = override(CASES[name], {**({"m": 2000} if name == "figure-2" else {}), **changes})
    dataset = data.load(case.data)
    weights = initialize.initial_weights(case.init, case.seed, dataset.X.shape[1])
    problem = Problem.of(case, dataset.X, dataset.y, *weights)
    kept = SaveAt.of(case.record, case.protocol.n_steps)
    return Run(case, dataset, drive(engines.load("grouped"), problem, kept), "grouped")


def on_run(claim: Claim, name: str, wrong: Change, outside: Change) -> Row:
    return Row(claim, lambda: trained(name), wrong, outside)


def states(change: Callable[..., Any], steps=lambda step, last: step == last) -> Change:  # type: ignore[no-untyped-def]
    """(W, a) at the chosen snapshots replaced by change(W, a, I)."""

    def tamper(run: Run) -> Run:
        t, I = run.trajectory, positive_class(run)
        W, a = t.W.copy(), t.a.copy()
        for i, step in enumerate(t.snapshot_step):
            if steps(step, t.last_step):
                W[i], a[i] = change(W[i].copy(), a[i].copy(), I)
        return dataclasses.replace(run, trajectory=dataclasses.replace(t, W=W, a=a))

    return tamper


def at(chosen: int) -> Callable[[int, int], bool]:
    return lambda step, last: step == chosen


def after(first: int) -> Callable[[int, int], bool]:
    return lambda step, last: step >= first


def scaled(factor: float) -> Callable[..., Any]:
    return lambda W, a, I: (factor * W, a)


def rotation(degrees: float) -> np.ndarray:
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, s], [-s, c]])


def turned(degrees: float) -> Callable[..., Any]:
    return lambda W, a, I: (W @ rotation(degrees), a)


def one_turned(degrees: float) -> Callable[..., Any]:
    """Only the first neuron of I."""

    def change(W: np.ndarray, a: np.ndarray, I: np.ndarray) -> Any:
        j = np.flatnonzero(I)[0]
        W[j] = W[j] @ rotation(degrees)
        return W, a

    return change


def one_grown(factor: float) -> Callable[..., Any]:
    """Only the first neuron of I."""

    def change(W: np.ndarray, a: np.ndarray, I: np.ndarray) -> Any:
        j = np.flatnonzero(I)[0]
        W[j], a[j] = factor * W[j], factor * a[j]
        return W, a

    return change


def negative(factor: float) -> Callable[..., Any]:
    return lambda W, a, I: (W, np.where(a < 0, factor * a, a))


def copied(source: int, wanted: int) -> Change:
    """The weights of the last snapshot up to step ``source`` at the last one up to ``wanted``."""

    def tamper(run: Run) -> Run:
        kept = run.trajectory.snapshot_step
        first, second = (kept[np.searchsorted(kept, step, "right") - 1] for step in (source, wanted))
        W0, a0 = run.trajectory.at(first)
        return states(lambda W, a, I: (W0, a0), at(second))(run)

    return tamper


def losses(change: Callable[..., Any]) -> Change:
    def tamper(run: Run) -> Run:
        loss = change(run.trajectory.loss.copy(), run)
        return dataclasses.replace(run, trajectory=dataclasses.replace(run.trajectory, loss=loss))

    return tamper


def labels(change: Callable[..., Any]) -> Change:
    return lambda run: dataclasses.replace(run, dataset=dataclasses.replace(run.dataset, y=change(run.y)))


def protocol(**changes: Any) -> Change:
    return lambda run: dataclasses.replace(run, case=override(run.case, changes))


def with_points(run: Run, X: Any, y: Any) -> Run:
    dataset = Dataset(np.array(X, dtype=float), np.array(y, dtype=float), "own")
    return dataclasses.replace(run, dataset=dataset)


UNPUBLISHED, MINI_BATCHES = protocol(lr=2e-3), protocol(batch_size=2)
OPPOSITE = labels(np.negative)
SHRUNK = states(lambda W, a, I: (W, 0.5 * a), at(0))
TAU, LATE = 868, 20_000
"""Steps on the points of Figure 1 just before tau (eps = 0.2, tau = 1.74), and after tau_3."""

# Studies


def small_case(name: str, **options: Any) -> StudyCase:
    case = CASES[name]
    return dataclasses.replace(case, options={**case.options, **SMALL[name], **options})


@functools.cache
def small(name: str) -> Study:
    """The small variant, on the case's own points."""
    return computed(small_case(name))


def computed(case: StudyCase, dataset: Dataset | None = None) -> Study:
    """A study on its own points, or on others."""
    points = dataset or (data.load(case.data) if case.data else None)
    return Study(case, points, registry.study_of(case).compute(case, points, lambda *_: None))


def on_study(claim: Claim, name: str, wrong: Change, outside: Change | None, good: Change = lambda f: f) -> Row:
    return Row(claim, lambda: good(small(name)), wrong, outside)


def as_declared(result: Study) -> Study:
    """The same arrays, as if the declared case had computed them."""
    return dataclasses.replace(result, case=CASES[result.case.name])


def with_options(result: Study, **options: Any) -> Study:
    """The same arrays under other options."""
    case = dataclasses.replace(result.case, options={**result.case.options, **options})
    return dataclasses.replace(result, case=case)


def changed(result: Study, **arrays: Any) -> Study:
    """Arrays replaced; a function is applied to what there is."""
    new = {name: value(result.arrays[name]) if callable(value) else value for name, value in arrays.items()}
    return dataclasses.replace(result, arrays={**result.arrays, **new})


def tampered(**arrays: Any) -> Change:
    return lambda result: changed(result, **arrays)


def options(**values: Any) -> Change:
    return lambda result: with_options(result, **values)


def on(X: Any, y: Any) -> Change:
    """The same arrays, said to be of other points."""
    dataset = Dataset(np.array(X, dtype=float), np.array(y, dtype=float), "other points")
    return lambda f: Study(f.case, dataset, f.arrays)


COLLINEAR = on([[-1.0, 1.0], [0.0, 1.0], [1.0, 1.0]], [1.0, 2.0, 3.0])
"""Points that a linear function fits."""
UNDECLARED = options(another=1)
