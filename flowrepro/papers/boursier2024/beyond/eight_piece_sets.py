r"""Random draws of the points of Figure 3: pieces found, and the best fit with as many.

The paper conjectures (Appendix B.2) that the few directions of the early alignment act as an
implicit bias. The best continuous piecewise linear fit with the same number of kinks is sought by
Gauss-Newton steps on the kinks from several starts, the kinks of the network among them.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.optimize import least_squares as minimise

from flowrepro.claims.verdict import Part, at_least, number
from flowrepro.core.trajectory import Study
from flowrepro.data.points import eight_pieces
from flowrepro.figures import style
from flowrepro.figures.panels import Bars, Line, Panel, Points
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.figure_3_eight_pieces import kinks
from flowrepro.papers.boursier2024.hypotheses import declared
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Random draws of the points of Figure 3")
MOST_EVALUATIONS = 40
"""Of one start of the search (chosen: milliseconds)."""


@topic.study
def eight_piece_sets(
    *,
    sets: int = option(50, "draws of the points", within=(1, 1000)),
    m: int = option(400, "neurons", within=(1, 100_000)),
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    lr: float = option(4e-2, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(40_000, "steps", within=(1, 10**7)),
    starts: int = option(10, "random starts of the search", within=(0, 1000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Per set (s,): pieces and MSE of the trained network, and MSE of the best fit found."""
    found = np.empty((sets, 3))
    for i in range(sets):
        points = eight_pieces(seed + i)
        init = law("gaussian", m, scale)
        run = train(problem_of(points.X, points.y, init, seed + i, lr, n_steps), engine="fused")
        own = kinks(*run.at(run.last_step))
        rng = np.random.default_rng((seed, i))
        best = best_fit(points.X[:, 0], points.y, own, rng, starts)
        found[i] = len(own) + 1, run.loss[-1], best
        progress(i + 1, sets)
    return {"pieces": found[:, 0].astype(np.int64), "mse": found[:, 1], "best_mse": found[:, 2]}


def fit(x: np.ndarray, y: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Residuals (n,) of the least-squares fit by continuous linear pieces with these kinks."""
    columns = np.column_stack([np.ones_like(x), x, np.maximum(x[:, None] - knots, 0.0)])
    return columns @ np.linalg.lstsq(columns, y, rcond=None)[0] - y  # type: ignore[no-any-return]


def best_fit(
    x: np.ndarray, y: np.ndarray, own: np.ndarray, rng: np.random.Generator, starts: int
) -> float:
    """Least MSE found with as many kinks as ``own``, from there and from random sets of kinks."""
    if own.size == 0:
        return float(np.mean(fit(x, y, own) ** 2))
    trials = [own, *(np.sort(rng.uniform(x.min(), x.max(), own.size)) for _ in range(starts))]
    ends = (
        minimise(lambda knots: fit(x, y, knots), trial, bounds=(-1, 1), max_nfev=MOST_EVALUATIONS)
        for trial in trials
    )
    return float(min(2.0 * end.cost for end in ends) / len(x))


EIGHT_PIECE_SETS = eight_piece_sets.case(
    "eight-piece-sets",
    "Beyond the paper: random draws of the points of Figure 3, pieces found, and the best fit with "
    "as many.",
    quick={"options.sets": 2, "options.m": 100},
)


@topic.claim(
    "appendix-b-2-sets",
    "Training fits no random draw of the points of Figure 3.",
    place="Appendix B.2",
    kind="reproduction",
    given=(declared(EIGHT_PIECE_SETS),),
)
def not_fitted(result: Study) -> Iterable[Part]:
    """Least MSE at the end."""
    yield at_least("least MSE", result.arrays["mse"].min(), 1e-3)


@topic.claim(
    "appendix-b-2-best-fit",
    "Training ends above the best fit with as many pieces on most draws, which does not support "
    "the conjecture that it finds the best fit.",
    place="Appendix B.2",
    kind="reproduction",
    given=(declared(EIGHT_PIECE_SETS),),
)
def above_the_best_fit(result: Study) -> Iterable[Part]:
    """Numbers without a bound; the best fit is the best that was found."""
    arrays = result.arrays
    ratio = arrays["mse"] / arrays["best_mse"]
    note = "median of MSE over that of the best fit with as many pieces"
    yield number(note, np.median(ratio))
    yield number("sets within 10 % of it", np.sum(ratio <= 1.1))
    for pieces in np.unique(arrays["pieces"]):
        yield number(f"sets with {pieces} pieces", np.sum(arrays["pieces"] == pieces))


@topic.figure(
    "eight-piece-sets",
    lambda result: (
        f"{len(result.arrays['mse'])} random draws of 40 points on the teacher of eight pieces: "
        "pieces that training finds, and its MSE beside the best fit with as many."
    ),
    layout=(1, 2, style.PAGE, 2.6),
    tolerance=(0.05, 1e-4),
)
def sets_figure(result: Study) -> Iterable[Panel]:
    """Pieces; MSE of the network against the best fit."""
    best, mse = result.arrays["best_mse"], result.arrays["mse"]
    values, counts = np.unique(result.arrays["pieces"], return_counts=True)
    yield Panel([Bars(values, counts, width=0.6)], title="the teacher has 8", xticks=values,
                xlabel="linear pieces", ylabel="sets",
                yticks=range(0, int(counts.max()) + 1, 1 + int(counts.max()) // 10))  # fmt: skip
    ends = np.array([min(best.min(), mse.min()) / 1.5, 1.5 * mse.max()])
    marks = [
        Points(best, mse, fill="none", label="one draw"),
        Line(ends, ends, colour=style.THEORY, dash="--", width=1.0, label="equal"),
    ]
    yield Panel(marks, title="training and best fit", scale="log-log", legend="upper left",
                xlabel="MSE, best fit with as many pieces",
                ylabel="MSE of the network")  # fmt: skip
