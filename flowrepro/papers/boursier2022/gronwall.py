r"""Lemma 16 of boursier2022, the auxiliary inequality behind phase 3, on random constants.

f' <= -a f + b int_0^t f + c  implies  f <= (f(0) + c/a)(1 + e^{bt/a}). The paper prints the hypothesis with c/a and the
conclusion with f(0) + c, which is false for a < 1. Equality is the extreme case; there f'' = -a f' + b f, so

    f(t) = P e^{mu t} + Q e^{nu t},   mu, nu = (-a +- sqrt(a^2 + 4 b)) / 2,   P + Q = f(0),   P mu + Q nu = f'(0).
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.boursier2022.experiments import GRONWALL
from flowrepro.papers.boursier2022.hypotheses import ref
from flowrepro.papers.boursier2022.study_inputs import require_options
from flowrepro.papers.topic import Progress

TIMES = np.concatenate([[0.0], np.geomspace(1e-3, 1e3, 400)])


def extreme(
    a: np.ndarray, b: np.ndarray, f0: np.ndarray, forcing: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """f(t) e^{-b t / a} of f' = -a f + b int f + forcing, f(0) = f0, for constants (R,) at times (T,): (R, T)."""
    root = np.sqrt(a**2 + 4 * b)
    mu, nu = 2 * b / (a + root), -(a + root) / 2  # mu = (root - a) / 2 without cancellation
    P = (forcing - a * f0 - nu * f0) / (mu - nu)
    rate = b / a
    return np.asarray(
        P[:, None] * np.exp((mu - rate)[:, None] * t)
        + (f0 - P)[:, None] * np.exp((nu - rate)[:, None] * t)
    )


def gronwall(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """StudyCase: f over its bound, largest over the times, for random constants in [0.1, 10] (log-uniform).

    Arrays (R,): a, b, c, f0; corrected and printed: the largest ratio for the lemma as corrected, and as printed.
    """
    require_options(study)
    a, b, c, f0 = 10.0 ** np.random.default_rng(study.seed).uniform(
        -1.0, 1.0, (4, study.options["draws"])
    )
    grown = 1.0 + np.exp(-(b / a)[:, None] * TIMES)  # (1 + e^{bt/a}) e^{-bt/a}
    progress(1, 1)
    return {
        "a": a, "b": b, "c": c, "f0": f0,
        "corrected": (extreme(a, b, f0, c, TIMES) / ((f0 + c / a)[:, None] * grown)).max(axis=1),
        "printed": (extreme(a, b, f0, c / a, TIMES) / ((f0 + c)[:, None] * grown)).max(axis=1),
    }  # fmt: skip


@statement(
    "lemma-16",
    ref("Lemma 16, corrected"),
    "theory",
    (GRONWALL.name,),
    "f' <= -af + b int f + c implies f <= (f(0) + c/a)(1 + e^{bt/a})",
    (as_declared(GRONWALL, ("seed", "options.draws")),),
)
def lemma_16(findings: Study) -> list[Judgement]:
    """measured: largest f / bound over random constants and times; the note counts the draws that break the printed version."""
    arrays = findings.arrays
    return [
        upper("largest f / bound", arrays["corrected"].max(), 1.0 + 1e-12),
        none_of("draws above the bound", int(np.sum(arrays["corrected"] > 1.0 + 1e-12))),
        number(
            "draws that break the lemma as printed", int(np.sum(arrays["printed"] > 1.0 + 1e-12))
        ),
        number("draws", len(arrays["a"])),
    ]


CLAIMS = (lemma_16,)
