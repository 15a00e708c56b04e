"""Exact activation paths of single neurons in the limit of vanishing initialisation (min2024, Section 3.3, Appendix C.2)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.claims.options import at_least_one, numbers
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import Fate, NeuronPath, align
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.lattice import State
from flowrepro.papers.min2024.regions import degrees, direction
from flowrepro.papers.topic import Progress


class Path(NamedTuple):
    """One neuron: start (d,), sign of a, fate, its states' times t (L + 1,) and active data (L + 1, n); the first state starts at 0."""

    start: np.ndarray
    sign: int
    fate: Fate
    t: np.ndarray
    active: np.ndarray

    def counts(self, y: np.ndarray) -> list[State]:
        """(k_own, k_other) of each state: active data of the neuron's own sign and of the other one, (k_+, k_-) for V_+."""
        return [
            (int(np.sum(case & (self.sign * y > 0))), int(np.sum(case & (self.sign * y < 0))))
            for case in self.active
        ]

    @property
    def aligned(self) -> bool:
        """Whether it ends in S_+ (V_+) or S_- (V_-)."""
        return self.fate is (Fate.POSITIVE if self.sign > 0 else Fate.NEGATIVE)


def plane_paths(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """Neurons of V_+ from the angles ``options.start`` (degrees): their states, and their angles (P, K) at the times (K,) until after the last event."""
    assert dataset is not None
    if dataset.X.shape[1] != 2:
        raise UsageError(
            f"case '{study.name}' starts neurons at angles, so it needs points of the plane; these have d = {dataset.X.shape[1]}"
        )
    W = direction(np.array(numbers(study, "start"), dtype=np.float64))
    alignment = align(dataset.X, dataset.y, W, np.linalg.norm(W, axis=1))
    times = np.linspace(0.0, 1.25 * alignment.settled, at_least_one(study, "times"))
    angles = np.unwrap(
        np.stack([degrees(alignment.directions(t)) for t in times], axis=1), period=360.0
    )
    progress(1, 1)
    return {**pack(W, alignment.paths), "times": times, "angle": angles}


def random_paths(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """``options.neurons`` neurons: directions N(0, I), then fair signs, balanced."""
    assert dataset is not None
    rng = np.random.default_rng(study.seed)
    W = rng.standard_normal((at_least_one(study, "neurons"), dataset.X.shape[1]))
    alignment = align(
        dataset.X, dataset.y, W, rng.choice([-1.0, 1.0], len(W)) * np.linalg.norm(W, axis=1)
    )
    progress(1, 1)
    return pack(W, alignment.paths)


def pack(W: np.ndarray, paths: Sequence[NeuronPath]) -> dict[str, np.ndarray]:
    """Paths as arrays: start (P, d), sign and fate (P,); and of all states in order: path (S,), t (S,), active (S, n)."""
    states = [(p, arc) for p, path in enumerate(paths) for arc in path.arcs]
    return {
        "start": W,
        "sign": np.array([path.sign for path in paths]),
        "fate": np.array([path.fate.value for path in paths]),
        "path": np.array([p for p, _ in states]),
        "t": np.array([arc.start for _, arc in states]),
        "active": np.array([arc.active for _, arc in states]),
    }


def unpack(findings: Study) -> Iterator[Path]:
    """The paths of a study, one by one."""
    arrays = findings.arrays
    for p, (start, sign, fate) in enumerate(
        zip(arrays["start"], arrays["sign"], arrays["fate"], strict=True)
    ):
        own = arrays["path"] == p
        yield Path(start, int(sign), Fate(str(fate)), arrays["t"][own], arrays["active"][own])
