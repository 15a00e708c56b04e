"""Exact activation paths of single neurons (min2024, Section 3.3 and Appendix C.2).

The paths are those of the limit of vanishing initialisation, computed event by event. There the
conditions of Theorem 1 on the scale hold, so that only Assumptions 1 and 2 are tested. Figures 2, 4
and 14 to 17 are made of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import Fate, NeuronPath, align
from flowrepro.errors import UsageError
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.shared import constants
from flowrepro.papers.min2024.shared.lattice import State
from flowrepro.papers.min2024.shared.regions import degrees, direction
from flowrepro.papers.study import option
from flowrepro.papers.topic import Topic


class Path(NamedTuple):
    """The exact path of one neuron in the limit of vanishing initialisation.

    start : (d,). sign : of a. fate : where it ends. t : (L + 1,) when each state begins, 0 first.
    active : (L + 1, n) its active data.
    """

    start: np.ndarray
    sign: int
    fate: Fate
    t: np.ndarray
    active: np.ndarray

    def counts(self, y: np.ndarray) -> list[State]:
        """(k_own, k_other) of each state, (k_+, k_-) for V_+: active data of each label."""
        own = self.active & (self.sign * y > 0)
        other = self.active & (self.sign * y < 0)
        return [(int(k), int(l)) for k, l in zip(own.sum(axis=1), other.sum(axis=1), strict=True)]

    def sizes(self, y: np.ndarray) -> tuple[int, int]:
        """(n_own, n_other), (n_+, n_-) for V_+."""
        own = int(np.sum(y * self.sign > 0))
        return own, len(y) - own

    @property
    def aligned(self) -> bool:
        """Whether it ends in S_+ (V_+) or S_- (V_-)."""
        return self.fate is (Fate.POSITIVE if self.sign > 0 else Fate.NEGATIVE)


def pack(W: np.ndarray, paths: Sequence[NeuronPath]) -> dict[str, np.ndarray]:
    """Paths as arrays: start (P, d), sign and fate (P,).

    And of all states in order: path (S,), t (S,), active (S, n).
    """
    states = [(p, arc) for p, path in enumerate(paths) for arc in path.arcs]
    return {
        "start": W,
        "sign": np.array([path.sign for path in paths]),
        "fate": np.array([path.fate.value for path in paths]),
        "path": np.array([p for p, _ in states]),
        "t": np.array([arc.start for _, arc in states]),
        "active": np.array([arc.active for _, arc in states]),
    }


def unpack(result: Study) -> Iterator[Path]:
    """The paths of a study, one by one."""
    arrays = result.arrays
    neurons = zip(arrays["start"], arrays["sign"], arrays["fate"], strict=True)
    for p, (start, sign, fate) in enumerate(neurons):
        own = arrays["path"] == p
        yield Path(start, int(sign), Fate(str(fate)), arrays["t"][own], arrays["active"][own])


topic = Topic(PAPER, "Exact paths of single neurons", command="toy2d")


@topic.study
def plane_paths(
    data: Dataset,
    *,
    start: list[float] = option([151.0, 140.0, 160.0], "angles in degrees", within=(-720.0, 720.0)),
    times: int = option(400, "times at which the angles are kept", within=(1, 100_000)),
) -> dict[str, np.ndarray]:
    """Neurons of V_+ in the plane that start at these angles.

    Returns the paths (`pack`), and their angles (P, K), in degrees and continuous,
    at times (K,) that end after the last event.
    """
    if data.X.shape[1] != 2:
        raise UsageError(
            "plane-paths starts neurons at angles, so it needs points of the plane; "
            f"these have d = {data.X.shape[1]}"
        )
    W = direction(np.array(start))
    alignment = align(data.X, data.y, W, np.linalg.norm(W, axis=1))
    at = np.linspace(0.0, 1.25 * alignment.settled, times)
    angles = np.stack([degrees(alignment.directions(t)) for t in at], axis=1)
    return {**pack(W, alignment.paths), "times": at, "angle": np.unwrap(angles, period=360.0)}


@topic.study
def random_paths(
    data: Dataset,
    *,
    neurons: int = option(400, "neurons, drawn with fair signs", within=(1, 20_000)),
    seed: int,
) -> dict[str, np.ndarray]:
    """Paths (`pack`) of balanced neurons with directions N(0, I)."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((neurons, data.X.shape[1]))
    a = rng.choice([-1.0, 1.0], len(W)) * np.linalg.norm(W, axis=1)
    return pack(W, align(data.X, data.y, W, a).paths)


PLANE_PATHS = plane_paths.case(
    "plane-paths",
    "Figures 2 and 4: exact paths of three neurons of V_+ through the cones, and when they gain "
    "and lose data",
    data=constants.SIX_POINTS,
    start=[151.0, 140.0, 160.0],  # degrees: just past x_- at 150.26, before it, and far past it
)
CLUSTER_PATHS = random_paths.case(
    "cluster-paths",
    "Figures 14 to 17: activation paths of the proof, and their correspondence with the maximal "
    "path",
    data=Data(name="separated-clusters", options={"seed": 0}),
    seed=100,
    quick={"options.neurons": 50},
)


def start_of(result: Study) -> constants.StartConstants:
    """The constants of the start of all paths."""
    return start_of_neurons(result, result.arrays["start"], result.arrays["sign"])


def start_of_neurons(result: Study, W: np.ndarray, sign: np.ndarray) -> constants.StartConstants:
    """The constants of a start of neurons W (P, d) with the signs (P,) of their output weights."""
    norms = np.linalg.norm(W, axis=1)
    U, ln_norm = W / norms[:, None], np.log(norms)
    return constants.start_constants(result.X, result.y, U, ln_norm, sign, 0.0)


def not_opposite(result: Study) -> str | None:
    """Assumption 2: no neuron of V_+ (V_-) starts on the ray of x_- (x_+)."""
    if start_of(result).furthest < 1 - 1e-12:
        return None
    return "Assumption 2 fails: a neuron starts on the ray of the opposite class"


def stay_bound(result: Study) -> float:
    """4 / (M sqrt(mu) X_min): a pattern with n_a active data lasts at most this over n_a."""
    return constants.stay_bound(constants.points_of(result), start_of(result))
