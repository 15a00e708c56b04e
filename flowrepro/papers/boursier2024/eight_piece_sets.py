r"""Random draws of the points of Figure 3: how many pieces training finds, beside the best fit with as many (boursier2024, Appendix B.2).

The paper conjectures that the few directions of the early alignment act as an implicit bias. The best continuous piecewise
linear fit with the same number of kinks is sought by Gauss-Newton steps on the kinks from several starts, the kinks of the
network among them. The study's options: sets, m, scale, lr, n_steps, starts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import least_squares as minimise

from flowrepro.claims.old_claim import lower, number, statement
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.points import eight_pieces
from flowrepro.figures import Figure, style
from flowrepro.papers.boursier2024.eight_piece_observations import kinks
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.study_hypotheses import declared
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_EVALUATIONS = 40
"""Of one start of the search (chosen: milliseconds)."""


def draw_sets(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Per set (s,): pieces and MSE of the trained network, and MSE of the best fit found with as many pieces."""
    options = case.options
    found = np.empty((options["sets"], 3))
    for i in range(len(found)):
        points = eight_pieces(case.seed + i)
        init = Init(name="gaussian", m=options["m"], scale=options["scale"], divide_by="sqrt(m)")
        run = train(
            problem_of(points.X, points.y, init, case.seed + i, options["lr"], options["n_steps"]),
            engine="fused",
        )
        own = kinks(*run.at(run.last_step))
        rng = np.random.default_rng((case.seed, i))
        found[i] = (
            len(own) + 1,
            run.loss[-1],
            best_fit(points.X[:, 0], points.y, own, rng, options["starts"]),
        )
        progress(i + 1, len(found))
    return {"pieces": found[:, 0].astype(np.int64), "mse": found[:, 1], "best_mse": found[:, 2]}


def fit(x: np.ndarray, y: np.ndarray, knots: np.ndarray) -> np.ndarray:
    """Residuals (n,) of the least-squares fit by continuous linear pieces with these kinks."""
    columns = np.column_stack([np.ones_like(x), x, np.maximum(x[:, None] - knots, 0.0)])
    return columns @ np.linalg.lstsq(columns, y, rcond=None)[0] - y  # type: ignore[no-any-return]


def best_fit(
    x: np.ndarray, y: np.ndarray, own: np.ndarray, rng: np.random.Generator, starts: int
) -> float:
    """Least MSE found with as many kinks as ``own``, from there and from ``starts`` random sets of kinks."""
    if own.size == 0:
        return float(np.mean(fit(x, y, own) ** 2))
    trials = [own, *(np.sort(rng.uniform(x.min(), x.max(), own.size)) for _ in range(starts))]
    ends = (
        minimise(
            lambda knots: fit(x, y, knots), trial, bounds=(-1.0, 1.0), max_nfev=MOST_EVALUATIONS
        )
        for trial in trials
    )
    return float(min(2.0 * end.cost for end in ends) / len(x))


@statement(
    "eight-piece-sets",
    ref("Appendix B.2"),
    "reproduction",
    ("eight-piece-sets",),
    "training fits no random draw of the points",
    given=(declared,),
)
def eight_piece_sets(findings: Study) -> Sequence[Judgement]:
    """Least MSE; how many pieces, and how far from the best fit with as many, without a claim."""
    arrays = findings.arrays
    ratio = arrays["mse"] / arrays["best_mse"]
    return [
        lower("least MSE", float(arrays["mse"].min()), 1e-3),
        *(
            number(f"sets with {pieces} pieces", int(np.sum(arrays["pieces"] == pieces)))
            for pieces in np.unique(arrays["pieces"])
        ),
        number(
            "median of MSE over that of the best fit with as many pieces", float(np.median(ratio))
        ),
        number("sets within 10 % of it", int(np.sum(ratio <= 1.1))),
    ]


class Sets(NamedTuple):
    """Pieces, MSE and best MSE (s,) each."""

    pieces: np.ndarray
    mse: np.ndarray
    best_mse: np.ndarray


def collect_sets(findings: Study) -> Sets:
    """As computed."""
    arrays = findings.arrays
    return Sets(arrays["pieces"], arrays["mse"], arrays["best_mse"])


def draw_pieces(axes: Sequence[Axes], data: Sets) -> None:
    """Pieces; MSE of the network against the best fit."""
    counts, errors = axes
    values, numbers = np.unique(data.pieces, return_counts=True)
    counts.bar(values, numbers, color=style.LEARNED, width=0.6)
    counts.set(xlabel="linear pieces", ylabel="sets", title="(a) the teacher has 8", xticks=values)
    counts.set_yticks(range(int(numbers.max()) + 1))
    errors.plot(
        data.best_mse, data.mse, "o", color=style.LEARNED, markersize=4, markerfacecolor="none"
    )
    ends = np.array([min(data.best_mse.min(), data.mse.min()) / 1.5, 1.5 * data.mse.max()])
    errors.plot(ends, ends, "--", color=style.THEORY, linewidth=1.0, label="equal")
    errors.set(
        xscale="log",
        yscale="log",
        xlabel="MSE, best fit with as many pieces",
        ylabel="MSE of the network",
        title="(b)",
    )
    errors.legend(loc="upper left")


CLAIMS: tuple[Claim, ...] = (eight_piece_sets,)
FIGURES = (
    Figure(
        id="eight-piece-sets",
        file="eight-piece-sets",
        cases=("eight-piece-sets",),
        caption="Random draws of 40 points on the teacher of eight pieces: pieces that training finds, and its MSE beside the best fit with as many.",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect_sets,
        draw=draw_pieces,
        tolerance=(0.05, 1e-4),
    ),
)
