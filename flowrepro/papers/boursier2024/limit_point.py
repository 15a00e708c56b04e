r"""The nature of the point at which training on few points ends at least squares (boursier2024, Section 5).

Where h = <beta*, x> on the data, sum_k r_k x_k = 0, and neurons differ by what they can do to the loss:
    all-active   L is convex in the beta they make, so they cannot lower it;
    a < 0        on a mixed cone they raise L (Assumption 6); a > 0 on one would lower it;
    inactive     with a > 0 harmless while they stay so, within rho_j = min over r_k > 0 of |<w_j, x_k>| / ||x_k||;
    zero         may be moved to any direction, so the point is a saddle where some <w, D(w)> != 0.
Hence a local minimum of radius rho = min_j rho_j, or a saddle.

The study's options: inits, m, scale, lr, n_steps; sigmas (noise on every parameter of the end) and more_steps after it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, require, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.initialize import effective_scale
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem
from flowrepro.papers.boursier2024.along import sides
from flowrepro.papers.boursier2024.assumptions import assumption_6, edge_data
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_mse, least_squares, residuals
from flowrepro.papers.boursier2024.study_hypotheses import declared
from flowrepro.papers.boursier2024.training import go_on, problem_of, train
from flowrepro.papers.topic import Progress
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.arrangement_extremal import extremal_vectors, subgradients
from flowrepro.theory.stationary import gradient_norm

NOTHING = 1e-14
"""Neurons of norm below this times the scale of a neuron at the start count as zero."""


def find_limit(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Per init (I,): the end of training, its neurons by class, rho; per init and sigma (I, S): the MSE after noise and more steps."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    work, done = len(options["inits"]) * (1 + len(options["sigmas"])), 0
    ends, after = [], []
    for name in options["inits"]:
        init = Init(name=name, m=options["m"], scale=options["scale"], divide_by="sqrt(m)")
        problem = problem_of(X, y, init, case.seed, options["lr"], options["n_steps"])
        end = train(problem)
        W, a = end.at(end.last_step)
        ends.append(
            {**inventory(X, y, W, a, effective_scale(init, X.shape[1])), "mse": float(end.loss[-1])}
        )
        done += 1
        progress(done, work)
        losses = []
        for index, sigma in enumerate(options["sigmas"]):
            losses.append(
                mse_after_noise(problem, W, a, sigma, options["more_steps"], (case.seed, index))
            )
            done += 1
            progress(done, work)
        after.append(losses)
    return {
        **{key: np.array([end[key] for end in ends]) for key in ends[0]},
        "mse_after_noise": np.array(after),
        "least_mse": np.array(least_mse(X, y)),
        **residual_forces(X, y),
    }


def inventory(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, scale: float
) -> dict[str, float]:
    """What the neurons of an end state are, and its distance from least squares; see the module."""
    side = sides(X, W)
    zero = np.hypot(np.linalg.norm(W, axis=1), a) <= NOTHING * scale
    some, other = np.any(side > 0, axis=1), np.any(side <= 0, axis=1)
    return {
        "distance": float(np.abs(predict(X, W, a) - X @ least_squares(X, y)).max()),
        "gradient": gradient_norm(X, y, W, a),
        "zero": float(np.sum(zero)),
        "all_active": float(np.sum(~zero & ~other)),
        "mixed": float(np.sum(~zero & some & other)),
        "inactive_positive": float(np.sum(~zero & ~some & (a > 0))),
        "inactive_negative": float(np.sum(~zero & ~some & (a < 0))),
        "least_norm": float(np.hypot(np.linalg.norm(W, axis=1), a).min()),
        "rho": basin_radius(X, residuals(X, y), W[~some & (a > 0)]),
    }


def basin_radius(X: np.ndarray, residual: np.ndarray, W: np.ndarray) -> float:
    """rho = min over inactive neurons w_j with a > 0, given as W (p, d), and k with r_k > 0 of |<w_j, x_k>| / ||x_k||; inf without any."""
    pulling = residual > 0
    return float(
        np.min(np.abs(W @ X[pulling].T) / np.linalg.norm(X[pulling], axis=1), initial=np.inf)
    )


def mse_after_noise(
    problem: Problem, W: np.ndarray, a: np.ndarray, sigma: float, steps: int, seed: tuple[int, ...]
) -> float:
    """MSE after Gaussian noise of deviation sigma on every parameter and ``steps`` more steps."""
    rng = np.random.default_rng(seed)
    noisy = go_on(
        problem,
        W + sigma * rng.standard_normal(W.shape),
        a + sigma * rng.standard_normal(a.shape),
        steps,
    )
    return float(train(noisy).loss[-1])


def residual_forces(X: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """At least squares: margin of Assumption 6, and the directions (q, d) that lower or raise L, with <w, D(w)> there (q,)."""
    cones = arrangement(X)
    found = extremal_vectors(subgradients(cones, residuals(X, y) / len(y)))
    return {
        "assumption_6": np.array(assumption_6(cones, y, edge_data(cones)).slack),
        "descent_direction": np.array([e.sign * e.D / np.linalg.norm(e.D) for e in found]).reshape(
            -1, X.shape[1]
        ),
        "descent_rate": np.array([e.sign * np.linalg.norm(e.D) for e in found]),
    }


def ends_at_least_squares(findings: Study) -> str | None:
    """Every run came to rest at least squares, with a loss above 0."""
    gap = float(findings.arrays["distance"].max())
    if gap > 1e-8:
        return f"a run does not end at least squares (|h - <beta*, x>| = {gap:.2g}), or not within its steps"
    return (
        None
        if float(findings.arrays["least_mse"]) > 0
        else "least squares fits the points, so nothing is spurious"
    )


@statement(
    "limit-is-stationary",
    ref("Theorem 4"),
    "theory",
    ("limit-point",),
    "the end has no force, and no mixed neuron",
    given=(ends_at_least_squares,),
)
def limit_is_stationary(findings: Study) -> Sequence[Judgement]:
    """Gradient of L with relu'(0) = 0 and the neurons by class, all inits."""
    arrays, names = findings.arrays, findings.case.options["inits"]
    classes = ("all_active", "inactive_positive", "inactive_negative", "zero")
    return [
        upper("gradient of L", float(arrays["gradient"].max()), 1e-8),
        none_of("mixed neurons", int(arrays["mixed"].sum())),
        *(
            number(f"{name}: {kind.replace('_', ' ')}", arrays[kind][i])
            for i, name in enumerate(names)
            for kind in classes
        ),
    ]


@statement(
    "limit-nature",
    ref("Section 5"),
    "theory",
    ("limit-point",),
    "without zero neurons the end is a local minimum",
    given=(ends_at_least_squares,),
)
def limit_nature(findings: Study) -> Sequence[Judgement]:
    """Assumption 6 at beta* and rho > 0; a zero neuron would make it a saddle, as some direction lowers L."""
    arrays = findings.arrays
    require(
        None
        if float(arrays["assumption_6"]) > 0
        else "Assumption 6 fails: a neuron with a < 0 could lower the loss"
    )
    rate = float(arrays["descent_rate"].max(initial=0.0))
    if np.any(arrays["zero"] > 0):
        return [
            lower("largest <w, D(w)>, by which a zero neuron lowers L: a saddle", rate, 1e-12),
            number("zero neurons", float(arrays["zero"].sum())),
        ]
    radii = [
        number(f"{name}: radius rho", rho)
        for name, rho in zip(findings.case.options["inits"], arrays["rho"], strict=True)
    ]
    return [
        lower("least radius of the minimum", float(arrays["rho"].min()), np.finfo(float).tiny),
        number("least |theta_j|", float(arrays["least_norm"].min())),
        number("largest <w, D(w)>, the rate at which a neuron outside the radius grows", rate),
        *radii,
    ]


@statement(
    "limit-radius",
    ref("Section 5"),
    "reproduction",
    ("limit-point",),
    "the minimum is as small as rho: larger noise leads out",
    given=(declared,),
)
def limit_radius(findings: Study) -> Sequence[Judgement]:
    """MSE after noise: least squares again for sigma <= rho / 5, zero for sigma >= 1e-6 (measured, m = 2000)."""
    arrays, sigmas = findings.arrays, np.array(findings.case.options["sigmas"])
    require(ends_at_least_squares(findings))
    small = sigmas <= arrays["rho"][:, None] / 5.0
    return [
        upper(
            "sigma <= rho / 5: distance of the MSE from least squares",
            float(np.abs(arrays["mse_after_noise"] - arrays["least_mse"])[small].max()),
            1e-9,
        ),
        upper(
            "sigma >= 1e-6: MSE", float(arrays["mse_after_noise"][:, sigmas >= 1e-6].max()), 1e-9
        ),
        window("rho", float(arrays["rho"].min()), 1e-10, 1e-6),
    ]


CLAIMS: tuple[Claim, ...] = (limit_is_stationary, limit_nature, limit_radius)
