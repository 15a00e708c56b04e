"""What work takes, estimated before it starts: seconds and memory.

Seconds are steps times what a step of an engine costs. The rates were measured on one core of a
2.x GHz Xeon (docs/explanation/performance.md); they are right within a factor of about three. A
study is what it takes at its declared options, times the growth of its counts. Judging and drawing
are not counted, nor is work on a GPU.
"""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from flowrepro import data, engines
from flowrepro.core.config import Case, Data, Record, StudyCase, TrainingCase
from flowrepro.core.overrides import departures
from flowrepro.engines.base import Problem
from flowrepro.errors import FlowreproError
from flowrepro.papers import registry
from flowrepro.run.ensembles import CURVE_POINTS, ensemble_records
from flowrepro.run.pipeline import quick_variant
from flowrepro.store import provenance

MOST_SECONDS, MOST_BYTES = 600.0, 8e9
"""From where work is only done where it was said to be meant."""
SAMPLE = 200
"""Cases of a long list that are estimated, evenly chosen; the others count as these."""
SECONDS = {
    "single-neuron deep": 75,
    "margin table": 73,
    "three-point critical-scale": 72,
    "mnist-align digits-1-0-sgd": 54,
    "three-point eight-piece-sets": 40,
    "three-point figure-3": 39,
    "mnist-align digits-1-7": 25,
    "mnist-align digits-3-8": 25,
    "single-neuron many-seeds": 24,
    "mnist-align digits-1-0": 23,
    "mnist-align digits-1-0-first-layer": 21,
    "orthogonal high-dimension": 21,
    "single-neuron initial-norms": 16,
    "three-point held-neurons": 15,
    "margin random-a7": 11,
    "three-point early-alignment": 11,
    "mnist-align digit-pairs": 9,
    "margin early-stopping": 7,
    "margin table-mirrored": 7,
    "margin table-optimum": 7,
    "toy2d theory-basins": 7,
    "orthogonal without-assumption-3": 6,
    "three-point figure-2": 6,
    "margin early-middle": 5,
    "orthogonal log-scale-four-points": 5,
    "single-neuron moments": 5,
    "three-point basin": 5,
    "margin counterexample-a7": 4,
    "margin flow-middle": 4,
    "margin flow-right": 4,
    "orthogonal log-scale": 4,
    "orthogonal sign-jumps": 4,
    "three-point label-signs": 4,
    "margin early-right": 3,
    "margin hint-crossover": 3,
    "margin probability-right": 3,
    "single-neuron flips": 3,
    "single-neuron other-laws": 3,
    "three-point limit-point": 3,
    "toy2d theory-log-scale": 3,
}
"""Measured seconds of packaged cases, two at a time on two cores; others take less than SHORT."""
SHORT = 2.5
SEEDS = {"seed", "data.options.seed", "options.seed"}
"""Keys that change no amount of work."""


class Estimate(NamedTuple):
    """Seconds, bytes of memory, and what both come from."""

    seconds: float
    bytes: float
    basis: str


def engine_seconds(engine: str, problem: Problem, records: int, snapshots: int) -> float:
    """Seconds of one training by an engine.

    Its loss is recorded ``records`` times over all samples, its weights ``snapshots`` times. An
    engine of a plug-in counts as the plain one, ``torch``.
    """
    n, d, m = problem.shape
    steps, batch = problem.n_steps, min(problem.batch_size or n, n)
    if problem.device not in ("cpu", "auto"):
        return 0.0
    if engine == "fused":  # at most the span of the samples
        return steps * (1e-7 + n * m * min(n, d) / 5e9)
    if engine == "lazy":
        return steps * (5e-6 + m * d * d / 1e9)
    if engine in ("grouped", "grouped-boost"):
        from flowrepro.engines.grouped.engine import possible_patterns

        return steps * (2e-6 + min(m, possible_patterns(n, d)) * n * d / 3e8)
    if engine == "flow":  # the count of right-hand sides is fitted to random nets
        evaluations = 14 * (snapshots + 30 * math.sqrt(n * m))
        return 3e-3 * snapshots + evaluations * (5e-5 + n * m * d / 1e8)
    if engine == "smooth-flow":
        evaluations = min(600_000, int(100 * (1e-3 / problem.rtol) ** 0.75))
        return evaluations * (3e-4 + n * m * d / 4e10)
    if engine == "interpolated":
        return steps * (3e-4 + n * m * d / 3e11) + records * n * m * d / 1e12
    products = (steps * batch + (records * n if batch < n else 0)) * m * d / 4e10
    return steps * 3e-4 + products + (steps * batch * d / 2e8 if batch < n else 0.0)


def problem_bytes(engine: str, shape: tuple[int, int, int], records: int, snapshots: int) -> float:
    """Bytes that a training takes: what it keeps is stacked and then written from memory."""
    n, d, m = shape
    products = n * m if engine in ("interpolated", "smooth-flow", "flow") else 0
    kept = snapshots * m * (d + 1) + 3 * records
    return 8.0 * (3 * kept + 3 * n * d + 10 * m * (d + 1) + 4 * products)


def counts(record: Record, n_steps: int) -> tuple[int, int]:
    """How often a run records its loss and keeps its weights, at most."""
    snapshots = 2.0 + len(record.snapshots)
    if record.snapshot_every:
        snapshots += n_steps // record.snapshot_every
    if record.geometric:
        growth = record.geometric - 1
        snapshots += 1 / growth + math.log(n_steps) / math.log1p(growth)
    return n_steps // record.save_every + 2, int(min(snapshots, n_steps + 1))


def estimate(case: Case) -> Estimate:
    """What a case takes; FlowreproError where it cannot be run."""
    if isinstance(case, StudyCase):
        return _of_study(case)
    if case.seeds is not None:
        return _of_ensemble(case)
    m, (records, snapshots) = case.init.m, counts(case.record, case.protocol.n_steps)
    least = max(problem_bytes("", (1, 1, m), records, snapshots), _sizes(case.data.options))
    if least > MOST_BYTES:
        return Estimate(0.0, least, f"m = {m:,}, {records:,} losses, {snapshots:,} weights kept")
    return of_problem(_problem(case), case.protocol.engine, records, snapshots)


def of_problem(problem: Problem, named: str, records: int, snapshots: int) -> Estimate:
    """What a training by an engine, or "auto", takes; its numbers do not matter."""
    engine = engines.choose(named, problem, reasoned=False)[0].name
    seconds = engine_seconds(engine, problem, records, snapshots)
    n, d, m = problem.shape
    basis = f"{problem.n_steps:,} steps of engine {engine} with n = {n:,}, d = {d:,}, m = {m:,}"
    return Estimate(seconds, problem_bytes(engine, problem.shape, records, snapshots), basis)


def _of_ensemble(case: TrainingCase) -> Estimate:
    from flowrepro.engines.ensemble import require_room

    assert case.seeds is not None
    seeds, problem = case.seeds[1] - case.seeds[0], _problem(case)
    n, d, m = problem.shape
    require_room(problem, seeds, ensemble_records(case))
    seconds = seeds * engine_seconds("fused", problem, 0, 0) / provenance.cores()
    basis = f"{seeds:,} seeds of {problem.n_steps:,} steps with n = {n}, d = {d}, m = {m:,}"
    return Estimate(seconds, 8.0 * seeds * (CURVE_POINTS + 4 * m * (d + 1)), basis)


def _problem(case: TrainingCase) -> Problem:
    """The problem of a case without its numbers, which take no memory."""
    n, d = _shape(json.dumps([case.data.name, dict(case.data.options)]))
    return Problem.of(case, *zeros(n, d, case.init.m))


def zeros(n: int, d: int, m: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Points, targets and both layers, all 0, which take no memory."""
    X, y, W, a = (np.broadcast_to(0.0, shape) for shape in ((n, d), (n,), (m, d), (m,)))
    return X, y, W, a


@functools.lru_cache(maxsize=1000)
def _shape(points: str) -> tuple[int, int]:
    name, options = json.loads(points)
    n, d = data.load(Data(name=name, options=options)).X.shape
    return int(n), int(d)


def _of_study(case: StudyCase) -> Estimate:
    declared = registry.find_case(case.command, case.name)
    usual = SECONDS.get(f"{case.command} {case.name}", SHORT)
    growth = _growth(case, declared)
    basis = f"{usual:g} s at the declared options, times {growth:.3g} for those that were changed"
    return Estimate(usual * growth, _sizes(case.options), basis)


def _growth(case: StudyCase, declared: Case) -> float:
    """How many times as much work the options ask for: in proportion to counts, sums of counts,
    horizons and inverse steps.
    """
    assert isinstance(declared, StudyCase)
    study = registry.study_of(case)
    now, before = study.validated(case.options), study.validated(declared.options)
    pairs = [(key, now[key], before[key]) for key in now]
    if case.data is not None and declared.data is not None and case.data.name == declared.data.name:
        new, old = case.data.options, declared.data.options
        pairs += [(key, new.get(key), old.get(key)) for key in ("n", "d", "h")]
    growth = 1.0
    for key, value, usual in pairs:
        within = study.options[key].within if key in study.options else None
        asked, own = _work(key, value, within), _work(key, usual, within)
        growth *= asked / own if asked > 0 and own > 0 else 1.0
    return growth


def _work(key: str, value: Any, within: Any) -> float:
    """A number that work is proportional to; 0 for an option that it does not grow with."""
    several = isinstance(value, list)
    entries = value if several else [value]
    numbers = [x for x in entries if type(x) in (int, float)]
    if numbers and key in ("lr", "step", "coarser"):
        return float(sum(1.0 / x for x in numbers if x > 0))
    counted = all(type(x) is int for x in numbers) and (not several or not within or within[0] >= 1)
    if numbers and (counted or key in ("horizon", "after")):
        return float(sum(numbers))
    return float(len(entries)) if several else 0.0


def _sizes(options: Mapping[str, Any]) -> float:
    """Bytes of three copies of the points that options n and d ask for; 0 where there are none."""
    found = [options[key] for key in ("n", "d") if key in options]
    sizes = [max(size) if type(size) is list and size else size for size in found]
    return 24.0 * math.prod(sizes) if sizes and all(type(size) is int for size in sizes) else 0.0


# ---- many cases


def excess(
    cases: Sequence[Case],
    workers: int = 1,
    there: Callable[[Case], bool] = lambda case: False,
    each: float = 1.0,
) -> str | None:
    """None, or one sentence that says how long the cases take, how much memory, and why; each
    stands for ``each`` of its kind.

    One run of each packaged case at its own setting, whatever its seed, counts nothing; nor does
    one that is ``there`` already, nor one that cannot be run, which the run itself will say.
    """
    chosen = cases[:: -(-len(cases) // SAMPLE)] if cases else []
    found: list[Estimate] = []
    usual: set[str] = set()
    for case in chosen:
        key = f"{case.command} {case.name}"
        try:
            if key not in usual and is_packaged(case):
                usual.add(key)
                continue
            one = estimate(case)
            found.append(one._replace(basis=f"case '{case.name}', {one.basis}"))
        except FlowreproError:
            continue
    each *= len(cases) / max(1, len(chosen))
    said = too_much(found, each, min(workers, provenance.cores(), len(cases)))
    if said and any(map(there, chosen)):
        return excess([case for case in chosen if not there(case)], workers, each=each)
    return said


def too_much(found: Sequence[Estimate], each: float = 1.0, workers: int = 1) -> str | None:
    """None, or the sentence on estimates that stand for ``each`` runs and are shared by workers."""
    seconds = each * sum(one.seconds for one in found) / max(1, workers)
    space = max((one.bytes for one in found), default=0.0) * max(1, workers)
    if seconds <= MOST_SECONDS and space <= MOST_BYTES:
        return None
    by_time = seconds > MOST_SECONDS
    most = max(found, key=lambda one: one.seconds if by_time else one.bytes)
    of = f"{round(each * len(found)):,} runs, such as " if each * len(found) > 1 else ""
    hours = f"{seconds / 3600:,.1f} hours" if seconds > 5400 else f"{seconds / 60:.0f} minutes"
    size = f"{space / 1e9:,.0f} GB of memory"
    much = " and ".join([hours] * by_time + [size] * (space > MOST_BYTES))
    return f"this takes about {much} ({of}{most.basis}; at rates measured on one core)"


def is_packaged(case: Case) -> bool:
    """Whether a case is what its paper declares, or the reduced variant, but for one seed."""
    if case.seeds is not None:
        return False
    own = [one for one in registry.cases_of(case.command) if one.name == case.name]
    return any(
        set(departures(case, one, allowed=())) <= SEEDS
        for declared in own
        for one in (declared, quick_variant(declared))
    )
