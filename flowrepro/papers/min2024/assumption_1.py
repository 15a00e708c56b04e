"""Assumption 1: data of one label correlate positively, data of different labels negatively."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least
from flowrepro.core.trajectory import Run, Study
from flowrepro.papers.min2024 import PAPER, activation_rule, cones, theorem_1_flow
from flowrepro.papers.min2024.beyond.basins import BASINS
from flowrepro.papers.min2024.beyond.rank_limit import RANK_LIMIT
from flowrepro.papers.min2024.beyond.time_laws import FIT_TIME
from flowrepro.papers.min2024.figure_5_mnist import DIGITS_1_0
from flowrepro.papers.min2024.figures_6_to_9_toy import MU_LARGE, MU_SMALL, ORTHOGONAL, SIX_POINTS
from flowrepro.papers.min2024.figures_10_11_digit_pairs import DIGITS_1_7, DIGITS_3_8
from flowrepro.papers.min2024.shared.correlation import RESOLUTION, correlations
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Assumption 1")


def no_zeros(result: Run | Study) -> str | None:
    """No point and no label is zero."""
    zero = np.any(result.y == 0) or not np.all(np.any(result.X != 0, axis=1))
    return "a point or a label is zero" if zero else None


@topic.claim(
    "assumption-1",
    "Pairs of data correlate positively within a label and negatively across (mu > 0).",
    place="Assumption 1",
    on=(DIGITS_1_0, DIGITS_3_8, DIGITS_1_7, SIX_POINTS, MU_LARGE, MU_SMALL, ORTHOGONAL,
        *cones.topic.cases, *activation_rule.topic.cases,
        *theorem_1_flow.topic.cases, BASINS, FIT_TIME, RANK_LIMIT),
    given=(no_zeros,), label="identity",
)  # fmt: skip
def assumption_1(result: Run | Study) -> Iterator[Part]:
    """mu = min_{i,j} y_i y_j cos(x_i, x_j), without which the paper's statements do not apply."""
    mu = correlations(result.X, result.y).worst
    if mu <= RESOLUTION:
        raise NotApplicable(
            f"Assumption 1 fails: worst y_i y_j cos(x_i, x_j) = {mu:.4f}, "
            "so the paper's lemmas and Theorem 1 do not apply",
            mu,
        )
    yield at_least("worst y_i y_j cos(x_i, x_j)", mu, 0.0)
