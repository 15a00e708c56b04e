r"""What boursier2024 says of a data set before any training: cones, extremal vectors, constants, assumptions, alignment times.

The study's options: alpha (slope of the leaky part), eta (Assumption 3), eps and alpha0 (of Theorem 1, lists), directions
(starts of the alignment times). All of the half mean square: pulls g_k = y_k / n, t the time of its flow.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.alignment import NeuronPath, align
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.boursier2024.assumptions import (
    assumption_4,
    assumption_5,
    assumption_6,
    box_slack,
    edge_data,
)
from flowrepro.papers.boursier2024.least_squares import least_squares, residuals
from flowrepro.papers.topic import Progress
from flowrepro.theory.arrangement import Arrangement, arrangement, cover_bound
from flowrepro.theory.arrangement_constants import alignment_constants, generic_position
from flowrepro.theory.arrangement_extremal import Subgradients, extremal_vectors, subgradients
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

MOST_ALIGNED = 60
"""Points up to which the alignment is followed event by event (chosen: seconds)."""
AT_ONCE = 100
"""Starts between two reports of progress."""
MAP_TIMES = 120
"""Times of the map of active data."""
NUDGE = 1e-7
"""Starts lie this far (radians) beside every ray, where alignment takes longest."""


def analyse(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Everything static; see the module. Raises DataError for points with too many cones or one-dimensional ones."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    if len(X) < 2 or not np.any(y):
        raise DataError(
            "the analysis needs two points or more and labels that are not all zero; give others with --data"
        )
    if not 0.0 <= options["alpha"] < 1.0:
        raise UsageError(
            f"options.alpha must lie in [0, 1), where the activation is not linear, not {options['alpha']}"
        )
    cones = arrangement(X)
    forces = subgradients(cones, y / len(y), options["alpha"])
    progress(1, 10)
    arrays = {
        **_cones(cones, forces),
        **_constants(forces, options["eps"], options["alpha0"]),
        **_assumptions(cones, y, options["eta"]),
    }
    progress(2, 10)
    arrays |= settling(
        cones,
        forces,
        y,
        options["directions"],
        case.seed,
        lambda done, total: progress(2 * total + 8 * done, 10 * total),
    )
    return arrays


def _cones(cones: Arrangement, forces: Subgradients) -> dict[str, np.ndarray]:
    found = extremal_vectors(forces)
    boundary, independence = generic_position(cones, forces)
    return {
        "signs": cones.signs,
        "dimension": cones.dimension,
        "inside": cones.inside,
        "D": forces.D,
        "own": forces.own,
        "opposite": forces.opposite,
        "rank": np.array(cones.rank),
        "cells": np.array(cones.n_cells),
        "cover_bound": np.array(cover_bound(len(cones.X), cones.rank)),
        "extremal_cone": np.array([e.cone for e in found], dtype=np.int64),
        "extremal_D": np.array([e.D for e in found]).reshape(-1, cones.X.shape[1]),
        "extremal_sign": np.array([e.sign for e in found], dtype=np.int64),
        "extremal_kind": np.array([e.kind.value for e in found], dtype="U8"),
        "generic_boundary": np.array(boundary),
        "generic_independence": np.array(independence),
    }


def _constants(
    forces: Subgradients, eps: list[float], alpha0: list[float]
) -> dict[str, np.ndarray]:
    constants = alignment_constants(forces)
    return {
        "D_max": np.array(constants.largest),
        "D_min": np.array(constants.smallest),
        "delta_outer": np.array(constants.boundary_outer),
        "delta_inner": np.array(constants.boundary_inner),
        "alpha_plus": np.array(constants.angle_plus),
        "alpha_minus": np.array(constants.angle_minus),
        "critical_scale": np.array([[constants.critical_scale(a, e) for e in eps] for a in alpha0]),
        "settling_bound": np.array([constants.settling_bound(a) for a in alpha0]),
        "log10_misalignment": np.array([constants.log10_misalignment(a) for a in alpha0]),
    }


def _assumptions(cones: Arrangement, y: np.ndarray, eta: float) -> dict[str, np.ndarray]:
    """Slacks of the assumptions and the constants of the phases (Lemmas 6, 16, 17)."""
    X, K = cones.X, edge_data(cones)
    fifth, sixth = assumption_5(X, y, K), assumption_6(cones, y, K)
    curvature = np.linalg.eigvalsh(X.T @ X / len(y))
    low, high = max(curvature[0], 0.0), curvature[-1]
    edges = cones.inside[(cones.dimension == 1) & np.all(cones.signs >= 0, axis=1)]
    return {
        "beta": least_squares(X, y),
        "residual": residuals(X, y),
        "edge_data": K,
        "assumption_3": np.array(box_slack(X, y, eta)),
        "assumption_4": np.array(assumption_4(X, y)),
        "assumption_5_left": fifth.left,
        "assumption_5_right": fifth.right,
        "assumption_6": np.array(sixth),
        "curvature": np.array([low, high]),
        "condition": np.array(np.sqrt(high / low) if low > 0 else np.inf),
        "force_bound": np.array(np.sqrt(np.mean(y**2) * np.mean(np.sum(X**2, axis=1)))),
        "least_mean": np.array(
            np.min(edges @ X.mean(axis=0), initial=np.inf)
        ),  # eq 49: of a positive form, least at a ray
    }


def settling(
    cones: Arrangement,
    forces: Subgradients,
    y: np.ndarray,
    count: int,
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Exact alignment of balanced neurons in the limit of vanishing scale, from ``count`` directions and beside as many rays.

    start (q, d); per sign of a (+, -), shape (q, 2): settled (time of the last event), start_cosine (a/|a| times that of D(w)
    and w at the start, which Condition 1 bounds), inactive (ends with no force). map_time (T,), map_active (q, 2, T): number
    of data that the neuron is active on. Empty for leaky activations, many points, and where the
    alignment has no end.
    """
    followed = forces.gamma == 0.0 and len(y) <= MOST_ALIGNED
    W = start_directions(cones, count, seed) if followed else np.empty((0, cones.X.shape[1]))
    paths: list[list[NeuronPath]] = [[], []]
    try:
        for first in range(0, len(W), AT_ONCE):
            for sign, kept in zip((1.0, -1.0), paths, strict=True):
                part = W[first : first + AT_ONCE]
                kept.extend(
                    align(cones.X, y, part, np.full(len(part), sign), HALF_MEAN_SQUARE).paths
                )
            progress(first, len(W))
    except NumericalError:  # neurons may meet the same two points without end, by rounding
        W, paths = W[:0], [[], []]
    settled = np.array([[path.settled for path in kept] for kept in paths]).T
    times = np.linspace(0.0, 1.05 * float(settled.max(initial=0.0)), MAP_TIMES)
    D = ((W @ cones.X.T > 0) * forces.g) @ cones.X
    size = np.linalg.norm(D, axis=1)
    cosine = np.divide(np.sum(D * W, axis=1), size, out=np.zeros_like(size), where=size > 0)
    return {
        "start": W,
        "settled": settled,
        "start_cosine": np.column_stack([cosine, -cosine]),
        "inactive": np.array([[path.arcs[-1].rate == 0.0 for path in kept] for kept in paths]).T,
        "map_time": times,
        "map_active": np.array(
            [[_active_counts(path, times) for path in pair] for pair in zip(*paths, strict=True)],
            dtype=np.int16,
        ).reshape(-1, 2, MAP_TIMES),
    }


def _active_counts(path: NeuronPath, times: np.ndarray) -> np.ndarray:
    """Number of data that the neuron is active on, at increasing times (T,)."""
    counts = np.array([arc.active.sum() for arc in path.arcs])
    return counts[np.searchsorted([arc.start for arc in path.arcs], times, side="right") - 1]


def start_directions(cones: Arrangement, count: int, seed: int) -> np.ndarray:
    """Unit vectors (q, d): equal angles in the plane, else random; and both sides of rays, of all if they are no more than ``count``."""
    d = cones.X.shape[1]
    if d == 2:
        angle = 2.0 * np.pi * (np.arange(count) + 0.5) / count
        W = np.column_stack([np.cos(angle), np.sin(angle)])
    else:
        W = np.random.default_rng(seed).standard_normal((count, d))
    rays = np.flatnonzero(cones.dimension == 1)
    rays = rays[:: -(-len(rays) // count)]
    normals = [cones.X[(u == 0) & np.any(cones.X != 0, axis=1)] for u in cones.signs[rays]]
    nudges = [
        (ray, x / np.linalg.norm(x))
        for ray, touching in zip(cones.inside[rays], normals, strict=True)
        for x in touching
    ]
    W = np.concatenate([W, *([ray - NUDGE * x, ray + NUDGE * x] for ray, x in nudges)])
    W /= np.linalg.norm(W, axis=1)[:, None]
    return W[np.argsort(np.arctan2(W[:, 1], W[:, 0]), kind="stable")] if d == 2 else W
