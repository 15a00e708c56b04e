r"""Orthogonally separable points (Appendix H) and their monotone neurons (Appendix I.2).

With ReLU all KKT directions are one function,
f / ||theta||^2 = (phi(<w+, x>) - phi(<w-, x>)) / (2 (||w+|| + ||w-||)), where w+- is the shortest
vector with <w, x_i> >= 1 on the points of its class (problem (Q) of Lemma H.3).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import alpha, balanced, labelled, orthogonally_separable
from flowrepro.papers.lyu2021.section_3_flows import (
    FLOW_ORTHOGONAL,
    ORTHOGONAL,
    function_distance,
    late_flows,
    past,
    separated_runs,
    some_separate,
)
from flowrepro.papers.lyu2021.shared.geometry import orthogonal_target
from flowrepro.papers.lyu2021.shared.limits import class_lengths
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Orthogonally separable points", given=(labelled, orthogonally_separable))

FLOW_LEAKY = late_flows.case(
    "flow-orthogonal-leaky",
    "Appendix I.2: leaky ReLU on orthogonally separable points, from the first step on.",
    ORTHOGONAL,
    init="balanced",
    scales=[1e-3],
    near=[1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0],
    quick={"options.seeds": 2},
)


@topic.claim(
    "theorem-h-2-one-function",
    "With ReLU, f / ||theta||^2 converges to "
    "(phi(<w+, x>) - phi(<w-, x>)) / (2 (||w+|| + ||w-||)) from every start, and this function "
    "has the largest margin.",
    place="Theorem H.2 and Lemma H.3",
    on=(FLOW_ORTHOGONAL, FLOW_LEAKY),
    given=(some_separate,),
)
def one_function(result: Study) -> Iterable[Part]:
    """Margin and function at the last margin, at least 1e6.

    Runs in which all neurons of a sign died never separate the points.
    """
    require(None if alpha(result) == 0 else "the statement is for ReLU")
    size = 2 * sum(class_lengths(result))
    target = orthogonal_target(result.X, result.y, result.arrays["probe"])
    last = [kept[-1] for run in separated_runs(result) if (kept := past(result, run, 1e6))]
    require(None if last else "no run keeps a margin of 1e6 or more")
    gap = np.max([abs(state.q / state.rho**2 * size - 1) for state in last])
    yield at_most("largest |margin * 2 (||w+|| + ||w-||) - 1|", gap, 1e-5)
    away = np.max([function_distance(result, state, target) for state in last])
    yield at_most("largest distance of functions, relative", away / np.abs(target).max(), 5e-3)
    yield number("runs", len(last))


@topic.claim(
    "appendix-i-2-monotone-neurons",
    "From a balanced start each sgn(a_k) y_i <w_k, x_i> grows along the flow, so every pattern "
    "changes at most once and the flow does not branch.",
    place="Appendix I.2",
    on=(FLOW_ORTHOGONAL, FLOW_LEAKY),
    given=(balanced, some_separate),
)
def monotone_neurons(result: Study) -> Iterable[Part]:
    """Between records; a neuron that ReLU switches off at a sample of its sign may stand still."""
    arrays, compared, falls, back, flips = result.arrays, 0, 0, 0, 0
    for run in separated_runs(result):
        _, kept = np.unique(arrays["ln_t"][run], return_index=True)
        kept = kept[np.isfinite(arrays["q"][run, kept])]
        compared += len(kept) > 1
        W, a = arrays["W"][run, kept], arrays["a"][run, kept]
        heights = np.sign(a)[..., None] * result.y * (W @ result.X.T)
        rounding = 1e-9 * np.linalg.norm(W[1:], axis=-1, keepdims=True)
        falls += int(np.sum(~(np.diff(heights, axis=0) >= -rounding)))
        back += int(np.sum((heights[:-1] > rounding) & (heights[1:] < -rounding)))
        flips += int(np.sum(np.sign(a[1:]) != np.sign(a[:-1])))
    require(None if compared else "no run has two records")
    yield none_of("falls of sgn(a_k) y_i <w_k, x_i>", falls)
    yield none_of("patterns that change back", back)
    yield none_of("output weights that change their sign", flips)
