"""Studies near the optimum of symmetric data: two balanced neurons, and starts around the embedded optimum (Section 5.3, Appendix F)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.log_domain import Classification, LateRun, flow, integrate
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.power_iteration import embed
from flowrepro.papers.topic import Progress

RANGES = {"alpha": (0.01, 0.99), "seeds": (1, 1000), "q": (20.0, 1e10)}
AROUND = {**RANGES, "m": (2, 100), "sizes": (1e-12, 10.0), "radii": (1.0, 1e4)}
EARLY = (1e-2, 0.1, 1.0, 10.0)
"""Margins at which monotone quantities are looked at before the first requested level."""


def two_neurons(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Flows of S pairs with a_1 = ||w_1||, a_2 = -||w_2||, norms 10^U(-3, 0), each on its side of the separator w*.

    options : alpha, seeds, q (margins).

    Returns q, rho, ln_loss (S, R), W (S, R, 2, d), a (S, R, 2): the start, then the records of the run; cases are filled up
    with the last record. Also feasible_u (P, 2, d), random pairs with y_i (phi(<u1, x_i>) - phi(-<u2, x_i>)) >= 1.
    """
    assert dataset is not None
    options, d = case.options, dataset.X.shape[1]
    require_ranges(options, RANGES)
    task, best = (
        Classification(dataset.X, dataset.y, options["alpha"]),
        geometry.separator(dataset.X, dataset.y),
    )
    side = geometry.mean(dataset.X, dataset.y) if best is None else best.w
    runs = []
    for s in range(options["seeds"]):
        rng = np.random.default_rng([case.seed, s])
        W = geometry.unit(rng.standard_normal((2, d))) * 10 ** rng.uniform(-3, 0, (2, 1))
        W *= np.array([[1.0], [-1.0]]) * np.sign(W @ side)[:, None]
        runs.append(
            flow(
                task,
                W,
                np.array([1.0, -1.0]) * np.linalg.norm(W, axis=1),
                [*EARLY, *options["q"]],
                handover=100.0,
            )
        )
        progress(s + 1, options["seeds"])
    return {
        **stacked(runs),
        "feasible_u": feasible_pairs(
            dataset.X, dataset.y, options["alpha"], np.random.default_rng(case.seed)
        ),
    }


def stacked(runs: list[LateRun]) -> dict[str, np.ndarray]:
    """Records of runs side by side, the last record repeated where a run has fewer."""
    most = max(len(run.q_min) for run in runs)
    names = {"q": "q_min", "rho": "rho", "ln_loss": "ln_loss", "W": "W", "a": "a"}

    def filled(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values, np.repeat(values[-1:], most - len(values), axis=0)])

    return {
        name: np.stack([filled(getattr(run, source)) for run in runs])
        for name, source in names.items()
    }


def feasible_pairs(
    X: np.ndarray, y: np.ndarray, alpha: float, rng: np.random.Generator, count: int = 20_000
) -> np.ndarray:
    """Random (u1, u2) (P, 2, d), scaled so that min_i y_i (phi(<u1, x_i>) - phi(-<u2, x_i>)) = 1; those with a positive minimum."""
    U = rng.standard_normal((count, 2, X.shape[1])) + 2 * geometry.unit(geometry.mean(X, y))
    Z = np.einsum("pkd,nd->pkn", U, X)
    heights = y * (
        np.where(Z[:, 0] > 0, Z[:, 0], alpha * Z[:, 0])
        - np.where(-Z[:, 1] > 0, -Z[:, 1], -alpha * Z[:, 1])
    )
    least = heights.min(axis=1)
    kept = least > 1e-6
    return np.asarray(U[kept] / least[kept, None, None])


def local_maximum(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Flows from rho (theta* + e u) normalised, theta* the embedded linear pair, u a random direction (Theorem 5.6).

    options : alpha, m, seeds, sizes (e), radii (rho), q.

    Returns size, radius, q, gap, distance (K,): e, rho, the last margin, 1 - gamma / gamma*, and ||theta / rho - theta*|| there.
    """
    assert dataset is not None
    options, (X, y) = case.options, (dataset.X, dataset.y)
    require_ranges(options, AROUND)
    best = geometry.separator(X, y)
    w = geometry.unit(geometry.mean(X, y)) if best is None else best.w
    task, largest = (
        Classification(X, y, options["alpha"]),
        (1 + options["alpha"]) / 4 * (best.margin if best else np.nan),
    )
    cases = [
        (s, e, radius)
        for s in range(options["seeds"])
        for e in options["sizes"]
        for radius in options["radii"]
    ]
    cases = []
    for index, (s, e, radius) in enumerate(cases, 1):
        rng = np.random.default_rng([case.seed, s])
        b = rng.standard_normal(options["m"])
        b[:2] = np.abs(b[0]), -np.abs(b[1])
        W_star, a_star = embed(b, *geometry.linear_pair(w))
        theta = np.column_stack([W_star, a_star])
        u = rng.standard_normal(theta.shape)
        started = theta + e * u / np.linalg.norm(u)
        started *= radius / np.linalg.norm(started)
        q0 = float(
            np.min(
                y
                * (
                    np.where(X @ started[:, :-1].T > 0, 1.0, options["alpha"])
                    * (X @ started[:, :-1].T)
                    @ started[:, -1]
                )
            )
        )
        run = integrate(
            task, started[:, :-1], started[:, -1], [max(options["q"], 1e3 * q0)], method="bdf"
        )
        W, a = run.final
        end = np.column_stack([W, a]) / run.rho[-1]
        cases.append(
            (
                e,
                radius,
                run.q_min[-1],
                1 - run.normalised_margin[-1] / largest,
                np.linalg.norm(end - theta),
            )
        )
        progress(index, len(cases))
    return dict(zip(("size", "radius", "q", "gap", "distance"), np.array(cases).T, strict=True))
