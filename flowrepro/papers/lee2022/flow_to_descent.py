r"""Theorem 4.1: where the flow is g(e^{-ct}), descent is g((1 - c lr)^T) + O(lr).

Test: v' = -(1/2) v (v^2 - v*^2), the two-layer upper bound, whose flow is g(x) = v* / sqrt(1 - (1 - b) x), b = (v*/v_0)^2,
c = v*^2. With M_1 = max |(g^-1)'|, M_2 = max |g' + x g''|, M_3 = max |g''| on [0, 1], the proof gives the error
c lr M_3 / (2 (2 - c lr)) for lr < 1 / (c M_1 M_2), provided that (g^-1)' (g' + x g'') > 0 (here b < 3; errata: uniform-error).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, number, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.lee2022.experiments import DESCENT_OF_FLOW
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

GRID = np.linspace(0.0, 1.0, 2001)
DECAYED = 30.0
"""Runs end at c lr T = 30, where e^{-ct} is 1e-13."""


def flow_value(x: np.ndarray, b: np.ndarray, teacher: float) -> np.ndarray:
    """g(x)."""
    return np.asarray(teacher / np.sqrt(1 - (1 - b) * x))


def curvature_bound(b: float, teacher: float) -> float:
    """M_3 = (3/4) (1 - b)^2 v* / min(1, b)^(5/2)."""
    return float(0.75 * (1 - b) ** 2 * teacher / min(1.0, b) ** 2.5)


def growth_product(b: float, teacher: float) -> float:
    """M_1 M_2 where (g^-1)' (g' + x g'') > 0 on [0, 1], nan where it is not."""
    inner = 1 - (1 - b) * GRID
    slope = 0.5 * (1 - b) * teacher * inner**-1.5
    second = 0.75 * (1 - b) ** 2 * teacher * inner**-2.5
    mixed = slope + GRID * second
    return (
        float(np.abs(1 / slope).max() * np.abs(mixed).max())
        if np.all(mixed / slope > 0)
        else float("nan")
    )


def compute_descent_of_flow(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Errors of the power form and of the exponential, for starts v0 and steps lr.

    v0 : (V,), lr : (L,), power, exponential : (V, L) sup_T |v_GD - g(...)|; bound : (V, L), nan outside the hypotheses.
    linear : (L,) the same error for v' = -(v - v*)/2, where the power form is exact.
    """
    teacher = float(study.options["teacher"])
    v0, lr = (np.array([float(value) for value in study.options[name]]) for name in ("v0", "lr"))
    c, b = teacher**2, (teacher / v0) ** 2
    power, exponential = np.zeros((2, len(v0), len(lr)))
    linear = np.zeros(len(lr))
    for k, step in enumerate(lr):
        v, line = v0.copy(), v0.copy()
        for T in range(1, int(DECAYED / (c * step)) + 1):
            v = v - step * 0.5 * v * (v**2 - c)
            line = line - step * 0.5 * (line - teacher)
            power[:, k] = np.maximum(
                power[:, k], np.abs(v - flow_value(np.exp(T * np.log1p(-c * step)), b, teacher))
            )
            exponential[:, k] = np.maximum(
                exponential[:, k], np.abs(v - flow_value(np.exp(-c * step * T), b, teacher))
            )
            linear[k] = max(
                linear[k],
                float(
                    np.abs(line - teacher - (v0 - teacher) * np.exp(T * np.log1p(-step / 2))).max()
                ),
            )
        progress(k + 1, len(lr))
    bound = np.full(power.shape, np.nan)
    for i, value in enumerate(b):
        product = growth_product(float(value), teacher)
        fine = lr < 1 / (c * product)  # nan compares false
        bound[i] = np.where(
            fine, c * lr * curvature_bound(float(value), teacher) / (2 * (2 - c * lr)), np.nan
        )
    return {
        "v0": v0,
        "lr": lr,
        "power": power,
        "exponential": exponential,
        "bound": bound,
        "linear": linear,
    }


GIVEN = (as_declared(DESCENT_OF_FLOW, ("seed", "options")),)


@statement(
    "theorem-4.1-order",
    ref("Theorem 4.1"),
    "theory",
    ("descent-of-flow",),
    "the error of (1 - c lr)^T is O(lr) uniformly in T, and 0 for a linear g",
    GIVEN,
)
def order(findings: Study) -> list[Judgement]:
    """measured: slopes of ln error against ln lr, one per start; the error for linear g. Both errors at the finest step are listed."""
    arrays = findings.arrays
    if len(arrays["lr"]) < 3:
        raise NotApplicable("a slope needs three step sizes at least")
    parts = [
        window(
            f"slope, v_0 = {v:g}", np.polyfit(np.log(arrays["lr"]), np.log(error), 1)[0], 0.95, 1.05
        )
        for v, error in zip(arrays["v0"], arrays["power"], strict=True)
    ]
    finest = int(arrays["lr"].argmin())
    ratios = arrays["exponential"][:, finest] / arrays["power"][:, finest]
    shown = [
        number(f"error of e^(-ct) / error of (1 - c lr)^T, v_0 = {v:g}", ratio)
        for v, ratio in zip(arrays["v0"], ratios, strict=True)
    ]
    return [*parts, upper("linear g: error", arrays["linear"].max(), 1e-11), *shown]


@statement(
    "theorem-4.1-constant",
    ref("Theorem 4.1, proof"),
    "theory",
    ("descent-of-flow",),
    "the error stays below c lr M_3 / (2 (2 - c lr))",
    GIVEN,
)
def constant(findings: Study) -> list[Judgement]:
    """measured: largest error / bound per start, where lr < 1 / (c M_1 M_2) and (g^-1)' (g' + x g'') > 0; the other starts are not judged."""
    arrays = findings.arrays
    parts = []
    for v, error, bound in zip(arrays["v0"], arrays["power"], arrays["bound"], strict=True):
        inside = np.isfinite(bound)
        if inside.any():
            parts.append(
                upper(f"error / bound, v_0 = {v:g}", (error[inside] / bound[inside]).max(), 1.0)
            )
    if not parts:
        raise NotApplicable(
            "no start and step satisfy lr < 1 / (c M_1 M_2) and (g^-1)' (g' + x g'') > 0"
        )
    return parts


CLAIMS = (order, constant)
