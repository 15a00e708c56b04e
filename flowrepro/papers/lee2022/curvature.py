"""Appendix D.1: where the bounds of the norm are convex (as corrected: errata, convexity)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.old_claim import none_of, statement
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlaneStart
from flowrepro.papers.lee2022.bounds import scalar_norm
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.experiments import CURVATURE
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

TIMES = 4001
FLAT = 1e-9
"""Second differences below this share of the largest one have no sign (rounding)."""


def inflection(start: PlaneStart, deficit: float) -> float:
    """Norm below which the two-layer bound from below is convex: sqrt((1 - deficit) / 3) v*."""
    return float(np.sqrt((1 - deficit) / 3)) * start.teacher_norm


def is_convex_at(start: PlaneStart, deficit: float, v: np.ndarray) -> np.ndarray:
    """Where the bound that starts at ``start`` is convex, at norms v (T,): from v'' = v' dv'/dv."""
    limit = (1 - deficit) ** (1 / start.depth) * start.teacher_norm
    if start.depth == 1:
        return np.full(len(v), start.norm > limit)
    return np.asarray((v < inflection(start, deficit)) | (v > limit))


def compute_curvature(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Second differences of the bounds from several starts, against the sign that v'' = v' dv'/dv has.

    depth, v0, deficit : (K,) the cases (v* = 1; deficit = eps_0 for a lower bound, 0 for an upper one). wrong : (K,) times with the other sign.
    """
    cases = [
        (int(depth), float(v0), float(deficit))
        for depth in (1, 2)
        for v0 in study.options["v0"]
        for deficit in (float(study.options["epsilon"]), 0.0)
    ]
    wrong = []
    for k, (depth, v0, deficit) in enumerate(cases):
        start = PlaneStart(depth, 1.0, v0, np.pi / 2)
        t = np.linspace(0.0, float(study.options["horizon"]), TIMES)
        v = scalar_norm(start, Clock(t), deficit)
        bend = np.diff(v, 2)
        convex = is_convex_at(start, deficit, v)
        settled = convex[:-2] == convex[2:]  # an inflection lies inside the other differences
        visible = np.abs(bend) > FLAT * np.abs(bend).max(initial=1e-300)
        wrong.append(int(np.sum(settled & visible & ((bend > 0) != convex[1:-1]))))
        progress(k + 1, len(cases))
    return {
        "depth": np.array([c[0] for c in cases]),
        "v0": np.array([c[1] for c in cases]),
        "deficit": np.array([c[2] for c in cases]),
        "wrong": np.array(wrong),
    }


@statement(
    "appendix-D.1",
    ref("Appendix D.1"),
    "theory",
    ("curvature",),
    "one layer: convex from above the limit, concave from below; two layers: inflection at sqrt((1 - epsilon)/3) v* (corrected)",
    (as_declared(CURVATURE, ("seed", "options")),),
)
def convexity(findings: Study) -> list[Judgement]:
    """measured: second differences of the wrong sign, over bounds from below, at and above their limit."""
    arrays = findings.arrays
    return [
        none_of(
            f"{layers} layer{'s' if layers > 1 else ''}: wrong signs",
            int(arrays["wrong"][arrays["depth"] == layers].sum()),
        )
        for layers in (1, 2)
    ]


CLAIMS = (convexity,)
