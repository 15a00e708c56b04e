r"""Lemma 8 and Theorem 2 on random points in the boxes of Assumption 3.

Which of Assumptions 4 to 6 do such points satisfy, and where does training on them end? Training
is by the engine "grouped-boost", whose steps keep a^2 - ||w||^2 and the sign of a as the flow does.
Descent is not the flow here: a balanced neuron with a < 0 that shrinks may change the sign of a,
and lead training out of the spurious minimum.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel, Points, Vertical
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.appendix_d_constants import fifth_ratio
from flowrepro.papers.boursier2024.assumptions import (
    assumption_5,
    assumption_6,
    box_ends,
    edge_data,
    middle_coordinates,
)
from flowrepro.papers.boursier2024.hypotheses import declared
from flowrepro.papers.boursier2024.neurons import least_squares
from flowrepro.papers.boursier2024.section_2_cones import ANALYSES, relu
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.arrangement import ON, arrangement

topic = Topic(PAPER, "Random points in the boxes")
OUTER = np.array([True, False, True])
"""K for points in the boxes: the middle direction lies between the others (proof of Lemma 8)."""
AT_REST = 1e-8
"""Distance from least squares up to which training is at rest there."""
COMPARED = 50
"""Samples on which the closed forms are compared with the general test of Assumption 6."""


@topic.study
def boxes(
    *,
    eta: list[float] = option([1 / 6, 0.12, 0.0976], "sizes of the boxes", within=(1e-6, 0.5)),
    samples: int = option(1000, "sets of points for every eta", within=(1, 100_000)),
    trained: int = option(24, "sets of the first eta that are trained", within=(0, 1000)),
    m: int = option(500, "neurons", within=(1, 100_000)),
    scale: float = option(1e-4, "initial scale lambda", within=(1e-12, 10.0)),
    lr: float = option(1e-2, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(10_000, "steps", within=(1, 10**7)),
    finer: int = option(10, "how many times shorter the fine steps are", within=(1, 1000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Slacks of uniform samples of the boxes, (e, samples), and where training ends, (trained,).

    cosine : of Assumption 4. ratio : of Assumption 5. residual : least r_k over K, of Assumption 6.
    middle : of eq 13. general_gap : disagreements with the general test. distance, end_mse : at
    the end. fine_descent, descent : distance from least squares of descent.
    """
    rng = np.random.default_rng(seed)
    trained = min(trained, samples)
    drawn = [in_boxes(rng, each, samples) for each in eta]
    work = len(drawn) + trained
    slacks = []
    for done, ((X, y), each) in enumerate(zip(drawn, eta, strict=True)):
        slacks.append(_slacks(X, y, each))
        progress(done + 1, work)
    arrays = {name: np.stack([part[name] for part in slacks]) for name in slacks[0]}
    first = list(zip(*drawn[0], strict=True))
    gaps = zip(first[:COMPARED], arrays["residual"][0], strict=False)
    arrays["general_gap"] = np.array([_general_gap(*points, residual) for points, residual in gaps])
    ends = np.empty((trained, 3, 2))
    init = law("balanced", m, scale)
    for i, (X, y) in enumerate(first[:trained]):
        for j, (finer_by, engine) in enumerate(
            ((1, "grouped-boost"), (finer, "auto"), (1, "auto"))
        ):
            problem = problem_of(X, y, init, seed + i, lr / finer_by, finer_by * n_steps)
            run = train(problem, engine=engine)
            gap = predict(X, *run.at(run.last_step)) - X @ least_squares(X, y)
            ends[i, j] = np.abs(gap).max(), run.loss[-1]
        progress(len(drawn) + i + 1, work)
    return {
        **arrays,
        "distance": ends[:, 0, 0],
        "end_mse": ends[:, 0, 1],
        "fine_descent": ends[:, 1, 0],
        "descent": ends[:, 2, 0],
    }


def in_boxes(rng: np.random.Generator, eta: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` uniform samples of Assumption 3: X (count, 3, 2) and y (count, 3)."""
    low, high = box_ends(eta)
    draw = low + (high - low) * rng.random((count, len(low)))
    return draw[:, :6].reshape(count, 3, 2), draw[:, 6:]


def _slacks(X: np.ndarray, y: np.ndarray, eta: float) -> dict[str, np.ndarray]:
    """Arrays (count,) for X (count, 3, 2), y (count, 3)."""
    norms = np.linalg.norm(X, axis=2)
    cosines = X @ X.transpose(0, 2, 1) / (norms[:, :, None] * norms[:, None, :])
    i, j = np.triu_indices(3, 1)
    area = np.abs(X[:, i, 0] * X[:, j, 1] - X[:, i, 1] * X[:, j, 0])
    sines = area / (norms[:, i] * norms[:, j])
    sets = list(zip(X, y, strict=True))
    fits = np.stack([points @ least_squares(points, labels) for points, labels in sets])
    middle = np.array([middle_coordinates(points) for points in X])
    return {
        "cosine": np.minimum(cosines[:, i, j].min(axis=1), sines.min(axis=1)),
        "ratio": np.array([assumption_5(points, labels, OUTER).ratio for points, labels in sets]),
        "residual": (y - fits)[:, OUTER].min(axis=1),
        "middle": np.minimum(middle[:, 0] - eta, middle[:, 1]),
    }


def _general_gap(X: np.ndarray, y: np.ndarray, residual: float) -> float:
    """0 where the general test of Assumption 6 agrees with r_1, r_3 > 0 and K is the outer points;
    else 1."""
    cones = arrangement(X)
    K = edge_data(cones)
    agree = (assumption_6(cones, y, K).slack > 0) == (residual > 0)
    return float(not (np.array_equal(K, OUTER) and agree))


BOXES = boxes.case(
    "boxes",
    "Lemma 8 and Theorem 2 on random points in the boxes of Assumption 3.",
    quick={"options.samples": 200, "options.trained": 4},
)


@topic.claim(
    "assumptions-3-to-6",
    "The slacks of the assumptions say which of them the points satisfy.",
    place="Assumptions 3 to 6",
    on=ANALYSES,
)
def assumption_slacks(result: Study) -> Iterable[Part]:
    """Assumption 1 holds for the half square, not for the square (2-Lipschitz slope)."""
    arrays, eta = result.arrays, result.case.options["eta"]
    yield number(f"Assumption 3 (eta = {eta:.4g})", float(arrays["assumption_3"]))
    yield number("Assumption 4", float(arrays["assumption_4"]))
    yield number("Assumption 5, left / right", fifth_ratio(result))
    yield number("Assumption 6", arrays["assumption_6"].min())
    yield number("residual MSE of least squares", np.mean(arrays["residual"] ** 2))


def own_points_in_boxes(result: Study) -> str | None:
    """Three planar points inside the boxes of Assumption 3, eta <= 1/6."""
    eta = float(result.case.options["eta"])
    if eta > 1 / 6 + 1e-12:
        return f"Lemma 8 asks for eta <= 1/6, not {eta:g}"
    outside = -float(result.arrays["assumption_3"])
    if outside <= 0:
        return None
    return f"the points are not in the boxes of Assumption 3 at eta = {eta:.4g} (by {outside:.3g})"


@topic.claim(
    "lemma-8",
    "Points in the boxes satisfy Assumptions 4 and 6.",
    place="Lemma 8",
    on=ANALYSES,
    given=(own_points_in_boxes, relu),
)
def lemma_8(result: Study) -> Iterable[Part]:
    """Assumption 5, which the lemma claims too, is measured only: see the misprints."""
    yield at_least("Assumption 4", float(result.arrays["assumption_4"]), ON)
    yield at_least("Assumption 6", result.arrays["assumption_6"].min(), ON)
    yield number("Assumption 5, left / right", fifth_ratio(result))


def paper_eta(result: Study) -> str | None:
    """The first eta is at most 1/6."""
    eta = float(result.case.options["eta"][0])
    return None if eta <= 1 / 6 + 1e-12 else f"the paper asks for eta < 1/6, not {eta:g}"


@topic.claim(
    "lemma-8-samples",
    "Random points of the boxes satisfy Assumptions 4 and 6 and eq 13.",
    place="Lemma 8",
    on=(BOXES,),
    given=(paper_eta,),
)
def lemma_8_samples(result: Study) -> Iterable[Part]:
    """Assumption 5, which the lemma claims too, fails for some: see the misprints."""
    arrays = result.arrays
    yield at_least("least cosine or sine (Assumption 4)", arrays["cosine"].min(), ON)
    yield at_least("least r_k (Assumption 6)", arrays["residual"].min(), ON)
    yield at_least("least margin of eq 13", arrays["middle"].min(), ON)
    disagree = int(arrays["general_gap"].sum())
    yield none_of("general tests of Assumption 6 that disagree", disagree)
    for eta, ratio in zip(result.case.options["eta"], arrays["ratio"], strict=True):
        yield number(f"part failing Assumption 5 at eta = {eta:.4g}", np.mean(ratio <= 1))


@topic.claim(
    "lemma-8-assumption-5",
    "Assumption 5 fails on a part of the boxes at eta = 1/6.",
    place="Lemma 8",
    on=(BOXES,),
    kind="reproduction",
    given=(declared(BOXES),),
)
def lemma_8_assumption_5(result: Study) -> Iterable[Part]:
    """The corrected lemma: guaranteed for eta <= 0.0976 only (measured at the corners)."""
    fails = np.mean(result.arrays["ratio"] <= 1, axis=1)
    yield within("part failing at 1/6", fails[0], 0.03, 0.10)
    yield within("part failing at 0.12", fails[1], 0.0, 0.005)
    yield within("part failing at 0.0976", fails[2], 0.0, 0.0)


@topic.claim(
    "theorem-2-boxes",
    "Training ends at least squares on every set of the boxes.",
    place="Theorem 2",
    on=(BOXES,),
    given=(paper_eta,),
)
def theorem_2_boxes(result: Study) -> Iterable[Part]:
    """Also where Assumption 5 fails."""
    arrays, finer = result.arrays, result.case.options["finer"]
    trained = len(arrays["distance"])
    largest, least = arrays["distance"].max(initial=0.0), arrays["end_mse"].min(initial=np.inf)
    yield at_most("largest |h - <beta*, x>| at the end", largest, AT_REST)
    yield at_least("least MSE at the end", least, 1e-3)
    yield number("sets trained", trained)
    failing = int(np.sum(arrays["ratio"][0, :trained] <= 1))
    yield number("of them failing Assumption 5", failing)
    left, fine_left = (int(np.sum(arrays[name] > AT_REST)) for name in ("descent", "fine_descent"))
    yield number("of them leaving least squares by descent", left)
    yield number(f"and with a step {finer} times shorter", fine_left)


@topic.figure(
    "boxes",
    "Random points in the boxes of Assumption 3: how often Assumption 5 holds, and where training "
    "ends.",
    layout=(1, 2, style.PAGE, 2.9),
    on=(BOXES,),
)
def boxes_figure(result: Study) -> Iterable[Panel]:
    """Distribution of the ratio; distances from least squares, sorted."""
    arrays, options = result.arrays, result.case.options
    share = (np.arange(arrays["ratio"].shape[1]) + 1) / arrays["ratio"].shape[1]
    curves = [
        Line(np.sort(ratio), share, dash=style.DASHES[k % 5], label=rf"$\eta$ = {eta:.3g}")
        for k, (eta, ratio) in enumerate(zip(options["eta"], arrays["ratio"], strict=True))
    ]
    yield Panel([*curves, Vertical(1.0, colour=style.THEORY, dash="-", width=1.0)],
                title="Assumption 5 holds right of 1", legend="lower right",
                xlabel="left / right side of Assumption 5",
                ylabel="part of the samples below")  # fmt: skip
    looks = (
        ("distance", style.POSITIVE, "+", "$a^2 - \\|w\\|^2$ kept"),
        ("descent", style.NEGATIVE, "v", "descent, the same step"),
        ("fine_descent", style.LEARNED, "o", f"descent, a step {options['finer']} times shorter"),
    )
    distances = [
        Points(np.arange(len(arrays[name])) + 1, np.maximum(np.sort(arrays[name]), 1e-16),
               colour=colour, marker=marker, fill="none", label=label)
        for name, colour, marker, label in looks
    ]  # fmt: skip
    yield Panel(distances, title="distance from least squares", scale="linear-log",
                ylim=(1e-16, 1e6), floor=1e-13, legend="upper left", xticks=6,
                xlabel="set of points, sorted",
                ylabel=r"$\max_k |h - \langle\beta^*, x_k\rangle|$")  # fmt: skip
