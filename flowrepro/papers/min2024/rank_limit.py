"""To which stable rank W tends after all: that of the two least-norm separators of the classes (beyond min2024, Theorem 1).

W+- become of rank one along z+- = argmin {||z|| : <z, x_i> >= 1 on the own class}, with ||W+-||_F^2 in the ratio of ||z+-||, so that

    ||W||_F^2 / ||W||_2^2 -> (p + q) / lambda,   lambda = (p + q + sqrt((p - q)^2 + 4 p q c^2)) / 2,   p = ||z+||, q = ||z-||, c = cos(z+, z-).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import nnls

from flowrepro.claims.old_claim import lower, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import at_least_one, numbers, positive
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.log_domain import Classification, flow
from flowrepro.errors import DataError
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.min2024.theory_cases import RANK_LIMIT
from flowrepro.papers.min2024.theory_flow import balanced_start
from flowrepro.papers.min2024.theory_states import assumption_1, ref
from flowrepro.papers.topic import Progress
from flowrepro.theory.alignment import squared_norms

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LATE = 1e5
"""Margin from which the distance to the limit is judged."""


def least_separator(X: np.ndarray) -> np.ndarray:
    """argmin ||z|| subject to <z, x_i> >= 1 for all rows of X (n, d), as a least-distance problem (Lawson and Hanson); infinite where there is none."""
    E = np.vstack([X.T, np.ones(len(X))])
    target = np.append(np.zeros(X.shape[1]), 1.0)
    residual = E @ nnls(E, target)[0] - target
    return (
        np.asarray(-residual[:-1] / residual[-1])
        if residual[-1] != 0
        else np.full(X.shape[1], np.inf)
    )


def limit_rank(X: np.ndarray, y: np.ndarray) -> float:
    """(p + q) / lambda for points with both labels; 1 where one class is missing."""
    if not (np.any(y > 0) and np.any(y < 0)):
        return 1.0
    first, second = least_separator(X[y > 0]), least_separator(X[y < 0])
    p, q = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    cosine = float(first @ second) / (p * q)
    return (p + q) / (0.5 * (p + q + float(np.sqrt((p - q) ** 2 + 4 * p * q * cosine**2))))


def rank_limit(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """The flow of the sum of exp from a balanced start to the margins ``margin``: at each record margin, log10_loss and stable_rank (R,).

    DataError for points that violate Assumption 1, which a network may never classify.
    """
    assert dataset is not None
    if (reason := assumption_1(Study(case, dataset, {}))) is not None:
        raise DataError(
            f"case '{case.name}' follows the flow to margins that such points may never reach: {reason}; run case theory-flow on them instead"
        )
    W, a = balanced_start(case.seed, at_least_one(case, "m"), dataset.X.shape[1])
    scale, levels = positive(case, "scale"), np.array(numbers(case, "margin"))
    run = flow(
        Classification(dataset.X, dataset.y, loss="exp", reduction="sum"),
        scale * W,
        scale * a,
        levels,
    )
    progress(1, 1)
    norms = np.array([squared_norms(state) for state in run.W])
    return {
        "margin": run.q_min,
        "log10_loss": run.ln_loss / np.log(10.0),
        "stable_rank": norms[:, 0] / norms[:, 1],
    }


def late_enough(findings: Study) -> str | None:
    """The margin reaches LATE."""
    reached = float(findings.arrays["margin"].max())
    return (
        None
        if reached >= LATE * (1 - 1e-9)
        else f"the margin reaches {reached:.3g} and the limit is judged from {LATE:g} on; extend options.margin"
    )


@statement(
    "rank.limit",
    ref("Theorem 1"),
    "theory",
    (RANK_LIMIT.name,),
    "the stable rank tends to that of the least-norm separators",
    (assumption_1, late_enough),
)
def check_limit(findings: Study) -> Sequence[Judgement]:
    """Distance from the limit at the largest margin, and how much it fell over the last decade; early values for comparison."""
    margin, rank = findings.arrays["margin"], findings.arrays["stable_rank"]
    gap = np.abs(rank - limit_rank(findings.X, findings.y))
    decade = int(np.searchsorted(margin, margin[-1] / 10 * (1 + 1e-9)) - 1)
    return [
        upper("distance from the limit at the end", gap[-1], 1e-3),
        lower("distance a decade before, over it", gap[decade] / gap[-1], 1.5),
        number(
            "distance at the first record with all points classified",
            gap[int(np.argmax(margin > 0))],
        ),
        number("the limit", limit_rank(findings.X, findings.y)),
    ]


class RankCurve(NamedTuple):
    """margin, stable_rank (R,) and the limit."""

    margin: np.ndarray
    stable_rank: np.ndarray
    limit: float


def collect_rank(findings: Study) -> RankCurve:
    """Records with a positive margin; NotDrawable without any."""
    later = findings.arrays["margin"] > 0
    if not later.any() or assumption_1(findings):
        raise NotDrawable(
            "the limit of the stable rank needs points that satisfy Assumption 1 and a flow that classifies them"
        )
    return RankCurve(
        findings.arrays["margin"][later],
        findings.arrays["stable_rank"][later],
        limit_rank(findings.X, findings.y),
    )


def draw_rank(axes: Sequence[Axes], data: RankCurve) -> None:
    """Left: the stable rank against the margin; right: its distance from the limit, both axes logarithmic."""
    left, right = axes
    left.semilogx(data.margin, data.stable_rank, "o-", color=style.DATA, markersize=3, label="flow")
    left.axhline(data.limit, color=style.THEORY, linestyle="--", label=f"limit {data.limit:.4f}")
    left.set(xlabel=r"$\min_i y_i f(x_i)$", ylabel=r"$\|W\|_F^2 / \|W\|_2^2$", title="stable rank")
    left.legend()
    right.loglog(
        data.margin, np.abs(data.stable_rank - data.limit), "o-", color=style.DATA, markersize=3
    )
    right.set(xlabel=r"$\min_i y_i f(x_i)$", title="distance from the limit")


CLAIMS = (check_limit,)
FIGURES = (
    Figure(
        id="beyond-rank-limit",
        file="beyond-rank-limit",
        cases=(RANK_LIMIT.name,),
        caption="Stable rank of W along the flow of six points, to losses of 10^-400000, and its limit from the least-norm separators of the classes",
        layout=(1, 2, style.PAGE, 2.3),
        collect=collect_rank,
        draw=draw_rank,
        tolerance=(1e-4, 1e-6),  # what the implicit solver's tolerance leaves
    ),
)
