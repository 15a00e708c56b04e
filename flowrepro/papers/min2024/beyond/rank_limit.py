"""To which stable rank W tends: that of the two least-norm separators (beyond Theorem 1).

W+- become of rank one along z+- = argmin {||z|| : <z, x_i> >= 1 on the own class}, with
||W+-||_F^2 in the ratio of ||z+-||. With p = ||z+||, q = ||z-|| and c = cos(z+, z-),

    ||W||_F^2 / ||W||_2^2 -> (p + q) / lambda,
    lambda = (p + q + sqrt((p - q)^2 + 4 p q c^2)) / 2.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import nnls

from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.log_domain import Classification, flow
from flowrepro.errors import DataError
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Horizontal, Line, Panel
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import assumption_1
from flowrepro.papers.min2024.theorem_1_flow import balanced_start
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import squared_norms

topic = Topic(PAPER, "The limit of the stable rank")

LATE = 1e5
"""Margin from which the distance to the limit is judged."""


@topic.study
def rank_limit(
    data: Dataset,
    *,
    m: int = option(50, "neurons", within=(1, 1_000)),
    scale: float = option(1e-6, "deviation of the initial weights", within=(1e-100, 1.0)),
    margin: list[float] = option(
        [1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0],
        "margins min_i y_i f(x_i) at which the flow is recorded, increasing",
        within=(1e-3, 1e9),
    ),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The flow of the sum of exp from a balanced start: margin, log10_loss and stable_rank (R,).

    DataError for points that violate Assumption 1, which a network may never classify.
    """
    points = Study(RANK_LIMIT, data, {})
    if (reason := assumption_1(points)) is not None:
        raise DataError(
            f"case '{RANK_LIMIT.name}' follows the flow to margins that such points may never "
            f"reach: {reason}; run case theory-flow on them instead"
        )
    W, a = balanced_start(seed, m, data.X.shape[1])
    loss = Classification(data.X, data.y, loss="exp", reduction="sum")
    run = flow(loss, scale * W, scale * a, np.array(margin))
    progress(1, 1)
    norms = np.array([squared_norms(state) for state in run.W])
    return {"margin": run.q_min, "log10_loss": run.ln_loss / np.log(10.0),
            "stable_rank": norms[:, 0] / norms[:, 1]}  # fmt: skip


RANK_LIMIT = rank_limit.case(
    "rank-limit",
    "Beyond the paper: the stable rank tends slowly to that of the two least-norm separators.",
    data=Data(name="six-points"),
)


def least_separator(X: np.ndarray) -> np.ndarray:
    """argmin ||z|| subject to <z, x_i> >= 1 for all rows of X (n, d); infinite where there is none.

    A least-distance problem (Lawson and Hanson).
    """
    E = np.vstack([X.T, np.ones(len(X))])
    target = np.append(np.zeros(X.shape[1]), 1.0)
    residual = E @ nnls(E, target)[0] - target
    if residual[-1] == 0:
        return np.full(X.shape[1], np.inf)
    return np.asarray(-residual[:-1] / residual[-1])


def limit_rank(X: np.ndarray, y: np.ndarray) -> float:
    """(p + q) / lambda for points with both labels; 1 where one class is missing."""
    if not (np.any(y > 0) and np.any(y < 0)):
        return 1.0
    first, second = least_separator(X[y > 0]), least_separator(X[y < 0])
    p, q = float(np.linalg.norm(first)), float(np.linalg.norm(second))
    cosine = float(first @ second) / (p * q)
    return (p + q) / (0.5 * (p + q + float(np.sqrt((p - q) ** 2 + 4 * p * q * cosine**2))))


def late_enough(result: Study) -> str | None:
    """The margin reaches LATE."""
    reached = float(result.arrays["margin"].max())
    early = (
        f"the margin reaches {reached:.3g} and the limit is judged from {LATE:g} on; "
        "extend options.margin"
    )
    return None if reached >= LATE * (1 - 1e-9) else early


@topic.claim(
    "beyond-rank-limit",
    "The stable rank of W tends to that of the least-norm separators of the classes.",
    place="Theorem 1",
    given=(assumption_1, late_enough),
)
def limit(result: Study) -> Iterator[Part]:
    """Distance from the limit at the largest margin, and how much it fell in the last decade."""
    margin, rank = result.arrays["margin"], result.arrays["stable_rank"]
    gap = np.abs(rank - limit_rank(result.X, result.y))
    decade = int(np.searchsorted(margin, margin[-1] / 10 * (1 + 1e-9)) - 1)
    classified = gap[int(np.argmax(margin > 0))]
    yield at_most("distance from the limit at the end", gap[-1], 1e-3)
    yield at_least("distance a decade before, over it", gap[decade] / gap[-1], 1.5)
    yield number("distance at the first record with all points classified", classified)
    yield number("the limit", limit_rank(result.X, result.y))


def caption(result: Study) -> str:
    """The smallest loss is that of this flow."""
    exponent = round(float(result.arrays["log10_loss"].min()))
    return (
        f"Stable rank of W along the flow of {len(result.y)} points, to losses of 10^{exponent}, "
        "and its limit from the least-norm separators of the classes."
    )


@topic.figure(
    "beyond-rank-limit", caption, layout=(1, 2, style.PAGE, 2.3),
    tolerance=(1e-4, 1e-6),  # what the implicit solver's tolerance leaves
)  # fmt: skip
def ranks(result: Study) -> Iterator[Panel]:
    """The stable rank against the margin and its distance from the limit, where all y_i f > 0."""
    later = result.arrays["margin"] > 0
    if not later.any() or assumption_1(result):
        raise NotDrawable(
            "the limit of the stable rank needs points that satisfy Assumption 1 "
            "and a flow that classifies them"
        )
    margin, rank = result.arrays["margin"][later], result.arrays["stable_rank"][later]
    end = limit_rank(result.X, result.y)
    flow_rank = Line(margin, rank, marker="o", size=3.0, colour=style.DATA, label="flow")
    yield Panel([flow_rank, Horizontal(end, colour=style.THEORY, dash="--", width=1.4,
                                       label=f"limit {end:.4f}")],
                title="stable rank", xlabel=r"$\min_i y_i f(x_i)$",
                ylabel=r"$\|W\|_F^2 / \|W\|_2^2$", scale="log-linear")  # fmt: skip
    distance = Line(margin, np.abs(rank - end), marker="o", size=3.0, colour=style.DATA,
                    label="flow")  # fmt: skip
    yield Panel([distance], title="distance from the limit", xlabel=r"$\min_i y_i f(x_i)$",
                ylabel="distance", scale="log-log")  # fmt: skip
