"""Orthogonally separable data and ReLU: all KKT directions are one function (Appendix H); neurons move monotonically (Appendix I.2)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, none_of, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.late_records import (
    alpha,
    balanced,
    function_distance,
    labelled,
    past,
    ref,
    separated_runs,
    some_separate,
)
from flowrepro.theory.margin import Separator, hard_margin

CASES = ("flow-orthogonal", "flow-orthogonal-leaky")


def orthogonally_separable(f: Study) -> str | None:
    """Definition H.1."""
    return (
        None
        if geometry.orthogonally_separable(f.X, f.y)
        else "the data are not orthogonally separable (Definition H.1)"
    )


def class_separator(f: Study, sign: float) -> np.ndarray:
    """argmin ||w|| s.t. <w, x_i> >= 1 for y_i = sign, (d,)   (problem (Q) of Lemma H.3)."""
    chosen = f.y == sign
    found = hard_margin(f.X[chosen], np.ones(int(chosen.sum()))) if chosen.any() else None
    if not isinstance(found, Separator):
        raise NotApplicable("a class is empty or not on one side of a hyperplane through 0")
    return np.asarray(found.w / found.margin)


@statement(
    "one-function",
    ref("Theorem H.2 and Lemma H.3"),
    "theory",
    CASES,
    "With ReLU, f / ||theta||^2 -> (phi(<w+, x>) - phi(<w-, x>)) / (2 (||w+|| + ||w-||)) from every start, of the largest margin.",
    given=(labelled, orthogonally_separable, some_separate),
)
def check_one_function(f: Study) -> Sequence[Judgement]:
    """Margin and function at the last kept margin, at least 1e6; runs in which all neurons of a sign died never separate the data."""
    require(None if alpha(f) == 0 else "the statement is for ReLU")
    plus, minus = class_separator(f, 1.0), class_separator(f, -1.0)
    size = 2 * float(np.linalg.norm(plus) + np.linalg.norm(minus))
    probe = f.arrays["probe"]
    target = (activation(probe @ plus) - activation(probe @ minus)) / size
    states = [kept[-1] for run in separated_runs(f) if (kept := past(f, run, 1e6))]
    require(None if states else "no run keeps a margin of 1e6 or more")
    return [
        upper(
            "largest |margin * 2 (||w+|| + ||w-||) - 1|",
            max(abs(s.q / s.rho**2 * size - 1) for s in states),
            1e-5,
        ),
        upper(
            "largest distance of functions, relative",
            max(function_distance(f, s, target) for s in states) / np.abs(target).max(),
            5e-3,
        ),
        number("runs", len(states)),
    ]


@statement(
    "monotone-neurons",
    ref("Appendix I.2"),
    "theory",
    CASES,
    "Each sgn(a_k) y_i <w_k, x_i> grows along the flow (balanced start), so every pattern changes at most once and the flow does not branch.",
    given=(labelled, orthogonally_separable, balanced, some_separate),
)
def check_monotone(f: Study) -> Sequence[Judgement]:
    """Between kept records; a neuron switched off by ReLU at a sample of its own sign may stand still."""
    falls, back, flips = 0, 0, 0
    for run in separated_runs(f):
        _, kept = np.unique(f.arrays["ln_t"][run], return_index=True)
        kept = kept[np.isfinite(f.arrays["q"][run, kept])]
        W, a = f.arrays["W"][run, kept], f.arrays["a"][run, kept]
        heights = np.sign(a)[..., None] * f.y * (W @ f.X.T)
        rounding = 1e-9 * np.linalg.norm(W[1:], axis=-1, keepdims=True)
        falls += int(np.sum(np.diff(heights, axis=0) < -rounding))
        back += int(np.sum((heights[:-1] > rounding) & (heights[1:] < -rounding)))
        flips += int(np.sum(np.sign(a[1:]) != np.sign(a[:-1])))
    return [
        none_of("falls of sgn(a_k) y_i <w_k, x_i>", falls),
        none_of("patterns that change back", back),
        none_of("output weights that change their sign", flips),
    ]


CLAIMS: tuple[Claim, ...] = (check_one_function, check_monotone)
