"""The probabilities of Theorems 4.3 and A.7 (and of Lemma E.7), counted over random starts."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.network import activation
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.assumptions import (
    aligned_means,
    negatives_fall_short,
    one_sign_grows_faster,
)
from flowrepro.papers.lyu2021.late_records import (
    alpha,
    labelled,
    leaky,
    not_orthogonal_to_mean,
    ref,
    separable,
    separator_of,
    symmetric,
)
from flowrepro.papers.lyu2021.symmetric_limit import predicted

SYMMETRIC, HINTED = ("probability-symmetric",), ("probability-right",)
DEVIATIONS = 3.0
"""Standard deviations of the binomial frequency."""
MISMATCHES = 0.01
"""Part of the starts whose outcome may differ from the prediction: neurons nearly orthogonal to mu at a finite scale."""
CLOSE = 0.03
"""Distance of functions below which a run counts as converged to a target (measured 0.007 at q = 100; targets are 0.2 and more apart)."""
FEWEST = 50


def both_signs(signs: np.ndarray, counted: np.ndarray) -> np.ndarray:
    """Whether signs (..., m) holds +1 and -1 among the counted neurons."""
    return np.asarray(
        np.any(counted & (signs > 0), axis=-1) & np.any(counted & (signs < 0), axis=-1)
    )


def small_starts(most: float) -> Callable[[Study], str | None]:
    """Factory: the scale is at most ``most`` and there are FEWEST starts or more."""

    def hypothesis(f: Study) -> str | None:
        scale, seeds = f.case.options["scale"], f.case.options["seeds"]
        if scale > most:
            return f"the scale {scale:g} is not small; take at most {most:g}"
        return (
            None
            if seeds >= FEWEST
            else f"{seeds} starts are too few for a frequency; take {FEWEST} or more"
        )

    return hypothesis


def drawn_from(init: str) -> Callable[[Study], str | None]:
    """Factory: the starts are of this distribution."""

    def hypothesis(f: Study) -> str | None:
        return (
            None
            if f.case.options["init"] == init
            else f"the statement is about the {init} start, this case has the {f.case.options['init']} one"
        )

    return hypothesis


def reached_end(f: Study) -> str | None:
    """Every run reached the margin q."""
    missed = int(np.sum(~(f.arrays["q"] >= f.case.options["q"] * (1 - 1e-12))))
    return (
        None if missed == 0 else f"{missed} runs did not reach the margin {f.case.options['q']:g}"
    )


def deviation(hits: np.ndarray, probability: float) -> float:
    """|frequency - probability| in standard deviations of the binomial."""
    return float(
        abs(np.mean(hits) - probability) / np.sqrt(probability * (1 - probability) / len(hits))
    )


def survivors(f: Study, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Signs of the output weights (S, m) at the end and which neurons have their final pattern, for width number k."""
    W, a = f.arrays["W"][k], f.arrays["a"][k]
    return np.sign(a), geometry.aligned(f.X, f.y, W, a)


@statement(
    "linear-limit-probability",
    ref("Theorem 4.3 and Lemma E.7"),
    "theory",
    SYMMETRIC,
    "With probability 1 - 2^-(m-1) neurons of both signs grow, and which grow is decided by b_k at the start.",
    given=(
        labelled,
        leaky,
        separable,
        symmetric,
        not_orthogonal_to_mean,
        drawn_from("gaussian"),
        small_starts(1e-3),
        reached_end,
    ),
)
def check_symmetric(f: Study) -> Sequence[Judgement]:
    """Frequencies of aligned neurons of both signs at the end, and starts whose outcome differs from the prediction."""
    parts, mismatches, total = [], 0, 0
    for k, m in enumerate(f.arrays["width"]):
        if m < 2:
            continue
        good = both_signs(*survivors(f, k))
        first = f.arrays["first_W"][k, :, :m], f.arrays["first_a"][k, :, :m]
        expected = both_signs(predicted(f.X, f.y, *first), np.ones((1, m), dtype=bool))
        mismatches, total = mismatches + int(np.sum(good != expected)), total + len(good)
        probability = 1 - 0.5 ** (m - 1)
        parts += [
            upper(
                f"m = {m}: |frequency - {probability:g}| in standard deviations",
                deviation(good, probability),
                DEVIATIONS,
            )
        ]
        parts.append(number(f"frequency at m = {m}", float(np.mean(good))))
    require(None if parts else "the theorem is for width m >= 2")
    return [
        upper("part of the starts that differ from the prediction", mismatches / total, MISMATCHES),
        *parts,
    ]


@statement(
    "one-neuron-probability",
    ref("Theorems 6.2 and A.7; Lemma G.8 and Theorem G.12"),
    "theory",
    HINTED,
    "With probability 1 - 2^-m a positive output weight is drawn, and then f / ||theta||^2 -> phi(<w+, x>)/2.",
    given=(
        labelled,
        leaky,
        separable,
        aligned_means,
        one_sign_grows_faster,
        negatives_fall_short,
        drawn_from("balanced"),
        small_starts(1e-12),
        reached_end,
    ),
)
def check_hinted(f: Study) -> Sequence[Judgement]:
    """Frequencies of runs within CLOSE of the target; sigma^kappa must be small, as neurons of negative output fade with it."""
    plus, parts, mismatches, total = separator_of(f, 1.0), [], 0, 0
    target = geometry.one_neuron_target(plus.w, alpha(f), f.arrays["probe"])
    if f.case.options["q"] < 100:
        raise NotApplicable(
            "the margin is too small to tell the limits apart; take q = 100 or more"
        )
    for k, m in enumerate(f.arrays["width"]):
        hits = np.array([d < CLOSE for d in distances(f, k, target)])
        drawn = np.any(f.arrays["first_a"][k] > 0, axis=1)
        mismatches, total = mismatches + int(np.sum(hits != drawn)), total + len(hits)
        probability = 1 - 0.5**m
        parts.append(
            upper(
                f"m = {m}: |frequency - {probability:g}| in standard deviations",
                deviation(hits, probability),
                DEVIATIONS,
            )
        )
        parts.append(number(f"frequency at m = {m}", float(np.mean(hits))))
    return [
        upper("part of the starts that differ from the prediction", mismatches / total, MISMATCHES),
        *parts,
    ]


def distances(f: Study, k: int, target: np.ndarray) -> np.ndarray:
    """max |f(x) / rho^2 - target(x)| over the probes at the end, (S,), for width number k."""
    values = []
    for W, a, rho in zip(f.arrays["W"][k], f.arrays["a"][k], f.arrays["rho"][k], strict=True):
        values.append(
            float(np.abs(activation(f.arrays["probe"] @ W.T, alpha(f)) @ a / rho**2 - target).max())
        )
    return np.array(values)


CLAIMS: tuple[Claim, ...] = (check_symmetric, check_hinted)
