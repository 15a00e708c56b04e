r"""Lemma 16 of boursier2022, the auxiliary inequality behind phase 3, on random constants.

f' <= -a f + b int_0^t f + c  implies  f <= (f(0) + c/a)(1 + e^{bt/a}). The paper prints the
hypothesis with c/a and the conclusion with f(0) + c, which is false for a < 1. Equality is the
extreme case; there f'' = -a f' + b f, so

    f(t) = P e^{mu t} + Q e^{nu t},   mu, nu = (-a +- sqrt(a^2 + 4 b)) / 2,
    P + Q = f(0),   P mu + Q nu = f'(0).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Lemma 16: an inequality of Gronwall's type")

TIMES = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 400)])


def extreme(
    a: np.ndarray, b: np.ndarray, f0: np.ndarray, forcing: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """f(t) e^{-b t / a} of f' = -a f + b int f + forcing, f(0) = f0: (R, T).

    The constants are (R,), the times (T,).
    """
    root = np.sqrt(a**2 + 4 * b)
    mu, nu = 2 * b / (a + root), -(a + root) / 2  # mu = (root - a) / 2 without cancellation
    P = (forcing - a * f0 - nu * f0) / (mu - nu)
    rate = b / a
    return np.asarray(
        P[:, None] * np.exp((mu - rate)[:, None] * t)
        + (f0 - P)[:, None] * np.exp((nu - rate)[:, None] * t)
    )


@topic.study
def gronwall(
    *,
    draws: int = option(2000, "draws of the constants", within=(1, 100_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """f over its bound, largest over the times, for log-uniform constants in [0.1, 10].

    Arrays (R,): a, b, c, f0; corrected and printed: the largest ratio for the lemma as corrected,
    and as printed.
    """
    a, b, c, f0 = 10.0 ** np.random.default_rng(seed).uniform(-1.0, 1.0, (4, draws))
    grown = 1.0 + np.exp(-(b / a)[:, None] * TIMES)  # (1 + e^{bt/a}) e^{-bt/a}
    progress(1, 1)
    return {
        "a": a, "b": b, "c": c, "f0": f0,
        "corrected": (extreme(a, b, f0, c, TIMES) / ((f0 + c / a)[:, None] * grown)).max(axis=1),
        "printed": (extreme(a, b, f0, c / a, TIMES) / ((f0 + c)[:, None] * grown)).max(axis=1),
    }  # fmt: skip


GRONWALL = gronwall.case(
    "gronwall", "Lemma 16 holds on random constants as corrected, not as printed."
)


@topic.claim(
    "lemma-16",
    "From f' <= -af + b int f + c follows f <= (f(0) + c/a)(1 + e^{bt/a}).",
    place="Lemma 16, corrected",
    given=(as_declared(GRONWALL, ("seed", "options.draws")),),
)
def lemma_16(result: Study) -> Iterator[Part]:
    """Largest f / bound, and the draws that break the lemma as corrected and as printed."""
    corrected, printed = result.arrays["corrected"], result.arrays["printed"]
    most = 1.0 + 1e-12
    yield at_most("largest f / bound", corrected.max(), most)
    yield none_of("draws above the bound", int(np.sum(~(corrected <= most))))
    yield number("draws that break the lemma as printed", int(np.sum(printed > most)))
    yield number("draws", len(corrected))
