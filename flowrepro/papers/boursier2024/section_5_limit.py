r"""Section 5: what kind of point training ends at, and what the initialisation changes.

Where h = <beta*, x> on the data, sum_k r_k x_k = 0, and neurons differ by what they can do to L:
    all-active   L is convex in the beta they make, so they cannot lower it;
    a < 0        on a mixed cone they raise L (Assumption 6); a > 0 on one would lower it;
    inactive     with a > 0 harmless within rho_j = min over r_k > 0 of |<w_j, x_k>| / ||x_k||;
    zero         may be moved to any direction, so the point is a saddle if some <w, D(w)> != 0.
Hence the end is a local minimum of radius rho = min_j rho_j, or a saddle.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.config import Data, Descent, Record, Target
from flowrepro.core.initialize import effective_scale
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Run, Study
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.assumptions import assumption_6, edge_data
from flowrepro.papers.boursier2024.hypotheses import declared, target_window
from flowrepro.papers.boursier2024.neurons import (
    end,
    least_mse,
    least_squares,
    residuals,
    sides,
)
from flowrepro.papers.boursier2024.training import LAWS, MSE, disturbed, law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import arrangement
from flowrepro.theory.arrangement_extremal import extremal_vectors, subgradients
from flowrepro.theory.square_descent import mse, step_time
from flowrepro.theory.stationary import gradient_norm

topic = Topic(PAPER, "The end of training")
NOTHING = 1e-14
"""Neurons of norm below this times the scale of a neuron at the start count as zero."""

_long_run = partial(
    topic.run,
    data=Data(name="three-points"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=400_000),
    record=Record(save_every=100, snapshots=(0, 6504, 100_000), geometric=1.1),
)
UNBALANCED = _long_run(
    "unbalanced",
    "Section 5: the points of Figure 2 from an unbalanced initialisation, which fits them.",
    init=law("gaussian", 2000, 1e-3),
    targets=(
        Target(
            what="first step with MSE < 1e-3",
            paper="zero loss",
            ours=212_900,
            window=(190_000, 240_000),
        ),
    ),
)
DOMINATED = _long_run(
    "dominated",
    "Section 5: the points of Figure 2 from an initialisation with |a| > ||w||, which ends at a "
    "local minimum.",
    init=law("dominated", 2000, 1e-3),
    targets=(
        Target(
            what="MSE at the end",
            paper="least squares",
            ours=0.17504273504,
            window=(0.17504273503, 0.17504273505),
        ),
    ),
)


@topic.claim(
    "section-5-unbalanced-fits",
    "From an unbalanced initialisation the points are fitted, after a plateau at least squares.",
    place="Section 5",
    on=(UNBALANCED,),
    kind="reproduction",
    given=(as_published(UNBALANCED),),
)
def unbalanced_fits(run: Run) -> Iterable[Part]:
    """It needs enough neurons: m = 20 does not leave."""
    below = run.trajectory.first_below(1e-3 * run.case.loss.factor / 2)
    at_plateau = float(np.interp(100_000, run.trajectory.step, mse(run)))
    gap = abs(at_plateau - least_mse(run.X, run.y))
    first = np.inf if below is None else below
    yield at_most("| MSE - least squares | at step 100000", gap, 1e-3)
    window = target_window(UNBALANCED, "first step")
    yield within("first step with MSE < 1e-3", first, *window)
    yield at_most("MSE at the end", mse(run)[-1], 1e-10)


@topic.claim(
    "section-5-dominated-minimum",
    "With |a| > ||w|| the limit is least squares and has no zero neuron.",
    place="Section 5",
    on=(DOMINATED,),
    kind="reproduction",
    given=(as_published(DOMINATED),),
)
def dominated_minimum(run: Run) -> Iterable[Part]:
    """a^2 / (a0^2 - ||w0||^2) is at least 1 by Lemma 1, up to the step."""
    W0, a0 = run.trajectory.at(0)
    kept = np.square(end(run)[1]) / (np.square(a0) - np.sum(np.square(W0), axis=1))
    window = target_window(DOMINATED, "MSE at the end")
    yield within("MSE at the end", mse(run)[-1], *window)
    yield at_least("least a^2 / (a0^2 - ||w0||^2)", np.min(kept), 1.0 - 10 * step_time(run))


@topic.study
def limit_point(
    data: Dataset,
    *,
    inits: list[str] = option(["balanced", "dominated"], "laws of the start", choices=LAWS),
    m: int = option(2000, "neurons", within=(1, 10**6)),
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    lr: float = option(1e-3, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(200_000, "steps", within=(1, 10**8)),
    sigmas: list[float] = option(
        [0.0, 1e-9, 1e-8, 1e-6, 1e-4, 1e-2], "noise on every parameter of the end", within=(0, 10.0)
    ),
    more_steps: int = option(400_000, "steps after the noise", within=(1, 10**8)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Per init (I,): the end of training, its neurons by class, and rho.

    mse_after_noise (I, S) is the MSE after noise and more steps. The forces at least squares are
    those of `residual_forces`.
    """
    X, y = data.X, data.y
    work, done = len(inits) * (1 + len(sigmas)), 0
    ends: list[dict[str, float]] = []
    after: list[list[float]] = []
    for name in inits:
        init = law(name, m, scale)
        problem = problem_of(X, y, init, seed, lr, n_steps)
        run = train(problem)
        W, a = run.at(run.last_step)
        found = inventory(X, y, W, a, effective_scale(init, X.shape[1]))
        ends.append({**found, "mse": float(run.loss[-1])})
        after.append([])
        progress(done := done + 1, work)
        for index, sigma in enumerate(sigmas):
            rng = np.random.default_rng((seed, index))
            noisy = disturbed(problem, W, a, sigma, more_steps, rng)
            after[-1].append(float(train(noisy).loss[-1]))
            progress(done := done + 1, work)
    return {
        **{key: np.array([each[key] for each in ends]) for key in ends[0]},
        "mse_after_noise": np.array(after),
        "least_mse": np.array(least_mse(X, y)),
        **residual_forces(X, y),
    }


def inventory(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, scale: float
) -> dict[str, float]:
    """What the neurons of an end state are (see the module), and its distance from least squares.

    ``scale`` : size of a neuron at the start.
    """
    side, norm = sides(X, W), np.hypot(np.linalg.norm(W, axis=1), a)
    zero = norm <= NOTHING * scale
    some, other = np.any(side > 0, axis=1), np.any(side <= 0, axis=1)
    return {
        "distance": float(np.abs(predict(X, W, a) - X @ least_squares(X, y)).max()),
        "gradient": gradient_norm(X, y, W, a),
        "zero": float(np.sum(zero)),
        "all_active": float(np.sum(~zero & ~other)),
        "mixed": float(np.sum(~zero & some & other)),
        "inactive_positive": float(np.sum(~zero & ~some & (a > 0))),
        "inactive_negative": float(np.sum(~zero & ~some & (a < 0))),
        "least_norm": float(norm.min()),
        "rho": basin_radius(X, residuals(X, y), W[~some & (a > 0)]),
    }


def basin_radius(X: np.ndarray, residual: np.ndarray, W: np.ndarray) -> float:
    """rho = min over j and r_k > 0 of |<w_j, x_k>| / ||x_k||; inf without any.

    ``W`` (p, d) : the inactive neurons with a > 0.
    """
    pulling = X[residual > 0]
    distance = np.abs(W @ pulling.T) / np.linalg.norm(pulling, axis=1)
    return float(np.min(distance, initial=np.inf))


def residual_forces(X: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """At least squares: the margin of Assumption 6, and the directions (q, d) that lower or raise
    L, with <w, D(w)> there (q,)."""
    cones = arrangement(X)
    found = extremal_vectors(subgradients(cones, residuals(X, y) / len(y)))
    directions = [each.sign * each.D / np.linalg.norm(each.D) for each in found]
    return {
        "assumption_6": np.array(assumption_6(cones, y, edge_data(cones)).slack),
        "descent_direction": np.array(directions).reshape(-1, X.shape[1]),
        "descent_rate": np.array([each.sign * np.linalg.norm(each.D) for each in found]),
    }


LIMIT_POINT = limit_point.case(
    "limit-point",
    "Section 5: the end of training on the points of Figure 2 is a local minimum, and how small "
    "its basin is.",
    Data(name="three-points"),
    quick={"options.sigmas": [0.0, 1e-2]},
)


def ends_at_least_squares(result: Study) -> str | None:
    """Every run came to rest at least squares, with a loss above 0."""
    gap = float(result.arrays["distance"].max())
    if gap > 1e-8:
        return (
            f"a run does not end at least squares (|h - <beta*, x>| = {gap:.2g}), "
            "or not within its steps"
        )
    if float(result.arrays["least_mse"]) > 0:
        return None
    return "least squares fits the points, so nothing is spurious"


@topic.claim(
    "theorem-4-stationary",
    "The end has no force and no mixed neuron.",
    place="Theorem 4",
    on=(LIMIT_POINT,),
    given=(ends_at_least_squares,),
)
def limit_is_stationary(result: Study) -> Iterable[Part]:
    """Gradient of L with relu'(0) = 0, and the neurons by class."""
    arrays = result.arrays
    yield at_most("gradient of L", arrays["gradient"].max(), 1e-8)
    yield none_of("mixed neurons", int(arrays["mixed"].sum()))
    for i, name in enumerate(result.case.options["inits"]):
        for kind in ("all_active", "inactive_positive", "inactive_negative", "zero"):
            yield number(f"{name}: {kind.replace('_', ' ')}", arrays[kind][i])


def sixth_holds(result: Study) -> str | None:
    """Assumption 6."""
    if float(result.arrays["assumption_6"]) > 0:
        return None
    return "Assumption 6 fails: a neuron with a < 0 could lower the loss"


@topic.claim(
    "section-5-minimum",
    "Without zero neurons the end is a local minimum.",
    place="Section 5",
    on=(LIMIT_POINT,),
    given=(ends_at_least_squares, sixth_holds),
)
def limit_nature(result: Study) -> Iterable[Part]:
    """rho > 0; a zero neuron would make the end a saddle, as some direction lowers L."""
    arrays = result.arrays
    rate = float(arrays["descent_rate"].max(initial=0.0))
    if np.any(arrays["zero"] > 0):
        note = "largest <w, D(w)>, by which a zero neuron lowers L: a saddle"
        yield at_least(note, rate, 1e-12)
        yield number("zero neurons", arrays["zero"].sum())
        return
    yield at_least("least radius of the minimum", arrays["rho"].min(), np.finfo(float).tiny)
    yield number("least |theta_j|", arrays["least_norm"].min())
    yield number("largest <w, D(w)>, the rate at which a neuron outside the radius grows", rate)
    for name, rho in zip(result.case.options["inits"], arrays["rho"], strict=True):
        yield number(f"{name}: radius rho", rho)


@topic.claim(
    "section-5-radius",
    "The minimum is as small as rho: larger noise leads out.",
    place="Section 5",
    on=(LIMIT_POINT,),
    kind="reproduction",
    given=(declared(LIMIT_POINT), ends_at_least_squares),
)
def limit_radius(result: Study) -> Iterable[Part]:
    """Least squares again for sigma <= rho / 5, zero for sigma >= 1e-6 (measured, m = 2000)."""
    arrays, sigmas = result.arrays, np.array(result.case.options["sigmas"])
    small = sigmas <= arrays["rho"][:, None] / 5.0
    after = arrays["mse_after_noise"]
    gap = float(np.abs(after - arrays["least_mse"])[small].max())
    yield at_most("sigma <= rho / 5: distance of the MSE from least squares", gap, 1e-9)
    yield at_most("sigma >= 1e-6: MSE", after[:, sigmas >= 1e-6].max(), 1e-9)
    yield within("rho", arrays["rho"].min(), 1e-10, 1e-6)
