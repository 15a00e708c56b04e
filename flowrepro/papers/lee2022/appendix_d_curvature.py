"""Where the bounds of the norm are convex (lee2022, Appendix D.1; misprint convexity)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np

from flowrepro.claims.verdict import Part, none_of
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.bounds import scalar_norm
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.neuron import Clock
from flowrepro.papers.lee2022.section_5_runs import counted
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Convexity of the bounds", given=(draws_its_points,))

TIMES = 4001
FLAT = 1e-9
"""Second differences below this share of the largest one have no sign (rounding)."""


def is_convex_at(start: PlaneStart, deficit: float, v: np.ndarray) -> np.ndarray:
    """Where the bound that starts at ``start`` is convex, at norms v (T,): from v'' = v' dv'/dv.

    For two layers from below the inflection is at sqrt((1 - deficit) / 3) v*.
    """
    limit = (1 - deficit) ** (1 / start.depth) * start.teacher_norm
    if start.depth == 1:
        return np.full(len(v), start.norm > limit)
    inflection = float(np.sqrt((1 - deficit) / 3)) * start.teacher_norm
    return np.asarray((v < inflection) | (v > limit))


@topic.study
def curvature(
    *,
    v0: list[float] = option(
        [0.05, 0.2, 0.4, 0.7, 0.9, 1.5, 3.0], "initial norms over v*", within=(1e-3, 100.0)
    ),
    epsilon: float = option(0.68, "epsilon_0 of the lower bound", within=(0.0, 0.99)),
    horizon: float = option(20.0, "flow time, v* = 1", within=(0.1, 100.0)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Second differences of the bounds from several starts against the sign of v'' = v' dv'/dv.

    depth, v0, deficit : (K,) the cases (v* = 1; deficit = eps_0 for a lower bound, 0 for an upper
    one). wrong : (K,) times with the other sign.
    """
    cases = list(product((1, 2), v0, (epsilon, 0.0)))
    wrong = []
    for k, (depth, norm, deficit) in enumerate(cases):
        start = PlaneStart(depth, 1.0, norm, np.pi / 2)
        v = scalar_norm(start, Clock(np.linspace(0.0, horizon, TIMES)), deficit)
        bend, convex = np.diff(v, 2), is_convex_at(start, deficit, v)
        settled = convex[:-2] == convex[2:]  # an inflection lies inside the other differences
        visible = np.abs(bend) > FLAT * np.abs(bend).max(initial=1e-300)
        wrong.append(int(np.sum(settled & visible & ((bend > 0) != convex[1:-1]))))
        progress(k + 1, len(cases))
    columns = zip(("depth", "v0", "deficit"), zip(*cases, strict=True), strict=True)
    return {**{name: np.array(column) for name, column in columns}, "wrong": np.array(wrong)}


CURVATURE = curvature.case(
    "curvature", "Appendix D.1: convexity of the bounds", quick={"v0": [0.05, 3.0]}
)


@topic.claim(
    "appendix-d-1-convexity",
    "A bound of one layer is convex from above its limit and concave from below; one of two layers "
    "from below has its inflection at sqrt((1 - epsilon)/3) v* (corrected).",
    place="Appendix D.1",
)
def convexity(study: Study) -> Iterator[Part]:
    """Second differences of the wrong sign, over bounds from below, at and above their limit."""
    for layers in (1, 2):
        wrong = study.arrays["wrong"][study.arrays["depth"] == layers]
        yield none_of(f"{counted(layers)}: wrong signs", int(wrong.sum()))
