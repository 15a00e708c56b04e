"""The implicit bound of the norm, inverted, against an integrator (lee2022, Theorem 3.8)."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import numpy as np
from scipy.integrate import solve_ivp

from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.bounds import antiderivative, implicit_norm
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The implicit bound of the norm", given=(draws_its_points,))

TIMES = 120
STARTS = [
    (3.0, 0.3, 0.0), (3.0, 0.3, 0.68), (3.0, 3.0, 0.68), (3.0, 6.0, 0.68),
    (3.0, 6.0, 0.0), (3.0, 1.5, 0.68), (3.0, 2.0, 0.3),
]  # fmt: skip


def horizon(v0: float, a: float, m: int) -> float:
    """Flow time after which u is at its limit to 1e-6."""
    limit = a ** (1 / (m + 1))
    delay = 2 * v0 ** (1 - m) / ((m - 1) * a) if v0 < limit else 0.0
    return float(delay + 14 / (0.5 * (m + 1) * limit ** (2 * m)))


@topic.study
def implicit(
    *,
    m: list[int] = option([2, 3, 4, 6], "numbers of scalars", within=(2, 8)),
    starts: list[tuple[float, float, float]] = option(
        STARTS, "v*, v_0 and epsilon of each start", within=((0.5, 5.0), (0.05, 10.0), (0.0, 0.95))
    ),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Largest relative difference between u(t; epsilon) and the integrated equation, per case.

    m, teacher, v0, epsilon, difference : (K,). printed_shift : (K,) flow time by which u(t; 0) with
    the printed constant is late; nan where the two branches differ.
    """
    cases = [(power, *start) for power, start in product(m, starts)]
    difference, shift = np.empty(len(cases)), np.full(len(cases), np.nan)
    for k, (power, teacher, v0, epsilon) in enumerate(cases):
        a = (1 - epsilon) * teacher ** (power + 1)
        t = np.linspace(0.0, horizon(v0, a, power), TIMES)
        velocity = lambda _, u, m=power, a=a: -0.5 * u**m * (u ** (m + 1) - a)  # noqa: E731
        solved = solve_ivp(velocity, (0, t[-1]), [v0], "LSODA", t, rtol=1e-12, atol=1e-14)
        difference[k] = np.abs(implicit_norm(v0, a, power, t) / solved.y[0] - 1).max()
        if epsilon > 0 and v0 < a ** (1 / (power + 1)):
            begun, whole = np.array(v0), teacher ** (power + 1)
            printed = antiderivative(begun, a, power) - antiderivative(begun, whole, power)
            shift[k] = 2 * float(printed)
        progress(k + 1, len(cases))
    columns = dict(zip(("m", "teacher", "v0", "epsilon"), np.array(cases).T, strict=True))
    return {**columns, "difference": difference, "printed_shift": shift}


IMPLICIT = implicit.case(
    "implicit", "Theorem 3.8: the implicit bound of the norm, inverted", quick={"m": [2, 3]}
)


@topic.claim(
    "theorem-3-8-implicit",
    "The hypergeometric function, with its constant term corrected, solves the equation of the "
    "bound.",
    place="Theorem 3.8",
)
def solves(study: Study) -> Iterator[Part]:
    """Largest relative difference from LSODA on both branches; the printed constant's delay."""
    arrays = study.arrays
    for m in np.unique(arrays["m"]):
        largest = arrays["difference"][arrays["m"] == m].max()
        yield at_most(f"m = {m:g}: relative difference", largest, 1e-6)
    late = "with the printed constant u(t; 0) is late by at most, flow time"
    yield number(late, np.nanmax(arrays["printed_shift"]))
