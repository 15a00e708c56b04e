r"""Where the flow is g(e^{-ct}), descent is g((1 - c lr)^T) + O(lr) (lee2022, Theorem 4.1).

Test: v' = -(1/2) v (v^2 - v*^2), the two-layer upper bound, whose flow is
g(x) = v* / sqrt(1 - (1 - b) x), b = (v*/v_0)^2, c = v*^2. With M_1 = max |(g^-1)'|,
M_2 = max |g' + x g''|, M_3 = max |g''| on [0, 1], the proof gives the error
c lr M_3 / (2 (2 - c lr)) for lr < 1 / (c M_1 M_2). The factor of its recursion is
1 - c lr (g^-1)' (g' + x g''), so this constant needs (g^-1)' (g' + x g'') > 0 (here b < 3);
the order O(lr) does not.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "From the flow to descent", given=(draws_its_points,))

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
    mixed = slope + GRID * (0.75 * (1 - b) ** 2 * teacher * inner**-2.5)
    if b == 1 or not np.all(mixed / slope > 0):
        return float("nan")
    return float(np.abs(1 / slope).max() * np.abs(mixed).max())


@topic.study
def descent_of_flow(
    *,
    teacher: float = option(5.0, "v*", within=(1.0, 20.0)),
    v0: list[float] = option([0.5, 3.0, 5.5, 10.0], "initial norms", within=(0.05, 40.0)),
    lr: list[float] = option([3.2e-4, 1.6e-4, 8e-5, 4e-5, 2e-5], "step sizes", within=(1e-5, 2e-3)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Errors of the power form and of the exponential, for starts v0 and steps lr.

    v0 : (V,), lr : (L,), power, exponential : (V, L) sup_T |v_GD - g(...)|; bound : (V, L), nan
    outside the hypotheses. linear : (L,) the same error for v' = -(v - v*)/2, where the power form
    is exact.
    """
    begun, steps = np.array(v0), np.array(lr)
    c, b = teacher**2, (teacher / begun) ** 2
    power, exponential = np.zeros((2, len(begun), len(steps)))
    linear = np.zeros(len(steps))
    for k, step in enumerate(steps):
        v, line = begun.copy(), begun.copy()
        for T in range(1, int(DECAYED / (c * step)) + 1):
            v = v - step * 0.5 * v * (v**2 - c)
            line = line - step * 0.5 * (line - teacher)
            for x, worst in (
                (np.exp(T * np.log1p(-c * step)), power),
                (np.exp(-c * step * T), exponential),
            ):
                worst[:, k] = np.maximum(worst[:, k], np.abs(v - flow_value(x, b, teacher)))
            exact = (begun - teacher) * np.exp(T * np.log1p(-step / 2))
            linear[k] = max(linear[k], float(np.abs(line - teacher - exact).max()))
        progress(k + 1, len(steps))
    bound = np.full(power.shape, np.nan)
    for i, value in enumerate(map(float, b)):
        fine = steps < 1 / (c * growth_product(value, teacher))  # nan compares false
        error = c * steps * curvature_bound(value, teacher) / (2 * (2 - c * steps))
        bound[i] = np.where(fine, error, np.nan)
    errors = {"power": power, "exponential": exponential, "bound": bound, "linear": linear}
    return {"v0": begun, "lr": steps, **errors}


DESCENT_OF_FLOW = descent_of_flow.case(
    "descent-of-flow",
    "Theorem 4.1: descent where the flow is a function of e^(-ct)",
    quick={"lr": [3.2e-4, 1.6e-4, 8e-5]},
)


@topic.claim(
    "theorem-4-1-order",
    "The error of (1 - c lr)^T in place of e^(-ct) is O(lr) uniformly in T, and 0 for a linear g.",
    place="Theorem 4.1",
)
def order(study: Study) -> Iterator[Part]:
    """Slopes of ln error against ln lr, one per start; the error for linear g."""
    arrays = study.arrays
    if len(arrays["lr"]) < 3:
        raise NotApplicable("a slope needs three step sizes at least")
    for v, error in zip(arrays["v0"], arrays["power"], strict=True):
        slope = np.polyfit(np.log(arrays["lr"]), np.log(error), 1)[0]
        yield within(f"slope, v_0 = {v:g}", slope, 0.95, 1.05)
    yield at_most("linear g: error", arrays["linear"].max(), 1e-11)
    finest = int(arrays["lr"].argmin())
    ratios = arrays["exponential"][:, finest] / arrays["power"][:, finest]
    for v, ratio in zip(arrays["v0"], ratios, strict=True):
        yield number(f"error of e^(-ct) / error of (1 - c lr)^T, v_0 = {v:g}", ratio)


@topic.claim(
    "theorem-4-1-constant",
    "The error stays below c lr M_3 / (2 (2 - c lr)) where (g^-1)' (g' + x g'') > 0.",
    place="Theorem 4.1, proof",
)
def constant(study: Study) -> Iterator[Part]:
    """Largest error / bound per start and step that satisfy the hypotheses of the proof."""
    arrays = study.arrays
    if not np.isfinite(arrays["bound"]).any():
        raise NotApplicable(
            "no start and step satisfy lr < 1 / (c M_1 M_2) and (g^-1)' (g' + x g'') > 0"
        )
    for v, error, bound in zip(arrays["v0"], arrays["power"], arrays["bound"], strict=True):
        inside = np.isfinite(bound)
        if inside.any():
            largest = (error[inside] / bound[inside]).max()
            yield at_most(f"error / bound, v_0 = {v:g}", largest, 1.0)


@topic.claim(
    "theorem-4-1-converse",
    "Conversely, descent near g((1 - c lr)^T) tends to g(e^(-ct)), the flow, as lr tends to 0.",
    place="Theorem 4.1, converse",
)
def converse(study: Study) -> Iterator[Part]:
    """Slopes of ln sup_T |v_GD - g(e^{-c lr T})| against ln lr, one per start; the last error."""
    arrays = study.arrays
    if len(arrays["lr"]) < 3:
        raise NotApplicable("a slope needs three step sizes at least")
    for v, error in zip(arrays["v0"], arrays["exponential"], strict=True):
        slope = np.polyfit(np.log(arrays["lr"]), np.log(error), 1)[0]
        yield within(f"slope, v_0 = {v:g}", slope, 0.95, 1.05)
        yield number(f"error at the finest step, v_0 = {v:g}", error[arrays["lr"].argmin()])
