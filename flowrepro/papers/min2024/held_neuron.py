"""One neuron on the hyperplane of a datum: held there, or crossing (min2024, Appendix E.2; Figures 18 and 19).

Where the flow points to {<x_1, w> = 0} from both sides no Caratheodory solution goes on; gradient descent then crosses
the hyperplane ever more often and follows the Filippov solution, which is active for a share lambda of the time.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, require, statement, upper, window
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.claims.options import numbers, positive
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.alignment import SUM_EXP
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import UsageError
from flowrepro.papers.min2024.toy_cases import HELD
from flowrepro.papers.topic import Progress

CASES = ("held", "crossing")
"""With the labels of the data set, and with all labels +1."""
FLOW_TIMES = 201
MOST_STEPS = 1e6
"""Steps of the finest descent, tens of seconds (chosen)."""


def velocity(
    X: np.ndarray, y: np.ndarray, w: np.ndarray, a: np.ndarray, at_zero: float = 0.0
) -> tuple[np.ndarray, np.ndarray]:
    """-grad of sum exp(-y_k a relu(<w, x_k>)) with relu'(0) = ``at_zero``, for neurons w (..., d), a (...): (..., d) and (...)."""
    z = w @ X.T
    slope = np.where(z > 0, 1.0, np.where(z == 0, at_zero, 0.0))
    hidden = np.maximum(z, 0.0)
    pull = y * np.exp(-y * a[..., None] * hidden)
    return a[..., None] * ((slope * pull) @ X), np.sum(pull * hidden, axis=-1)


def descend(
    X: np.ndarray,
    y: np.ndarray,
    w: np.ndarray,
    a: float,
    lr: float,
    n_steps: int,
    at_zero: float = 0.0,
) -> np.ndarray:
    """All iterates (n_steps + 1, d + 1) of (w, a) under gradient descent on the sum of exponential losses."""
    theta = np.empty((n_steps + 1, len(w) + 1))
    theta[0] = *w, a
    for k in range(n_steps):
        dw, da = velocity(X, y, theta[k, :-1], theta[k, -1:].reshape(()), at_zero)
        theta[k + 1, :-1], theta[k + 1, -1] = theta[k, :-1] + lr * dw, theta[k, -1] + lr * da
    return theta


def held_neuron(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """The two CASES: descent with each of ``options.lr`` to time ``options.horizon``, and the flow.

    Returns <case>.<i> (K_i + 1, d + 1), the rows (w, a) of every iterate; <case>.flow (T, d + 1) at the times t (T,).
    """
    assert dataset is not None
    w, a = np.array(numbers(study, "w"), dtype=np.float64), float(study.options["a"])
    horizon, step_sizes = positive(study, "horizon"), numbers(study, "lr")
    if len(w) != dataset.X.shape[1] or len(dataset.X) != 2:
        raise UsageError(
            f"case '{study.name}' needs two points and d entries in options.w; these are {len(dataset.X)} points with d = {dataset.X.shape[1]}"
        )
    if not all(horizon / MOST_STEPS <= lr <= horizon for lr in step_sizes):
        raise UsageError(
            f"options.lr must lie between options.horizon / {MOST_STEPS:g} and options.horizon, not {step_sizes}"
        )
    times = np.linspace(0.0, horizon, FLOW_TIMES)
    found = {"t": times}
    for done, case in enumerate(CASES):
        y = labels(dataset.y, case)
        for i, lr in enumerate(step_sizes):
            found[f"{case}.{i}"] = descend(dataset.X, y, w, a, lr, round(horizon / lr))
        flow = integrate(
            dataset.X, y, w[None], np.array([a]), SUM_EXP, times, rtol=1e-10, fast=False
        )
        found[f"{case}.flow"] = np.stack(
            [np.append(*(part[0] for part in flow.weights(k))) for k in range(len(flow.t))]
        )
        progress(done + 1, len(CASES))
    return found


def labels(y: np.ndarray, case: str) -> np.ndarray:
    """The labels of a case."""
    return y if case == "held" else np.abs(y)


class Descent(NamedTuple):
    """What descent with one step size does at the hyperplane of the first datum.

    crossings of it; amplitude, the largest |<x_1, w>| after the first; active, the share of the steps since then with
    <x_1, w> > 0; weight, the mean of the Filippov share lambda = -y_2 exp(-y_2 f_2) <x_1, x_2> / (y_1 ||x_1||^2) over them.
    """

    lr: float
    crossings: int
    amplitude: float
    active: float
    weight: float


def descents(findings: Study, case: str) -> list[Descent]:
    """One entry for each step size of the study."""
    X, y = findings.X, labels(findings.y, case)
    found = []
    for i, lr in enumerate(findings.case.options["lr"]):
        theta = findings.arrays[f"{case}.{i}"]
        height = theta[:, :-1] @ X[0]
        crossed = np.flatnonzero(np.diff(height > 0))
        since = int(crossed[0]) + 1 if crossed.size else len(height) - 1
        f2 = theta[since:, -1] * np.maximum(theta[since:, :-1] @ X[1], 0.0)
        weight = -y[1] * np.exp(-y[1] * f2) * (X[0] @ X[1]) / (y[0] * (X[0] @ X[0]))
        found.append(
            Descent(
                lr,
                int(crossed.size),
                float(np.abs(height[since:]).max()),
                float(np.mean(height[since:] > 0)),
                float(weight.mean()),
            )
        )
    return found


def two_step_sizes(findings: Study) -> str | None:
    """Two or more step sizes, to see what does not depend on them."""
    return (
        None
        if len(findings.case.options["lr"]) >= 2
        else "needs two or more step sizes in options.lr"
    )


GIVEN = (as_declared(HELD, ("options.lr", "seed")), two_step_sizes)
E2 = "Appendix E.2"


@statement(
    "F18.zeno",
    Ref("min2024", f"{E2}, Figure 18"),
    "theory",
    (HELD.name,),
    "where the flow points to the hyperplane from both sides it is crossed ever more often",
    GIVEN,
)
def zeno(findings: Study) -> list[Judgement]:
    """measured: crossings times step size, and amplitude over step size, largest over smallest among the step sizes."""
    found = descents(findings, "held")
    rates, heights = (
        [one.crossings * one.lr for one in found],
        [one.amplitude / one.lr for one in found],
    )
    return [
        upper(
            "crossings times step size, largest over smallest",
            max(rates) / max(min(rates), 1e-300),
            1.1,
        ),
        upper(
            "distance from the hyperplane over step size, largest over smallest",
            max(heights) / min(heights),
            1.1,
        ),
        *(number(f"crossings with step size {one.lr:g}", one.crossings) for one in found),
    ]


@statement(
    "F18.filippov",
    Ref("min2024", "Appendix F, Figure 18"),
    "theory",
    (HELD.name,),
    "held descent is active for the Filippov share of the time, and follows the Filippov solution",
    GIVEN,
)
def filippov(findings: Study) -> list[Judgement]:
    """measured: |share of active steps - lambda| against 10 lr + 1e-3; distance to the flow of the engine at the end, over lr."""
    parts = []
    end = findings.arrays["held.flow"][-1]
    for i, one in enumerate(descents(findings, "held")):
        gap = float(np.abs(findings.arrays[f"held.{i}"][-1] - end).max())
        parts.append(
            upper(
                f"|active share - lambda| with step size {one.lr:g}",
                abs(one.active - one.weight),
                10 * one.lr + 1e-3,
            )
        )
        parts.append(
            upper(f"distance to the flow at the end over step size {one.lr:g}", gap / one.lr, 1.0)
        )
    return parts


@statement(
    "F19.crossing",
    Ref("min2024", f"{E2}, Figure 19"),
    "theory",
    (HELD.name,),
    "where the flow points through the hyperplane it is crossed once",
    GIVEN,
)
def crossing(findings: Study) -> list[Judgement]:
    """measured: crossings for each step size, with labels that satisfy Assumption 1."""
    X, y = findings.X, labels(findings.y, "crossing")
    require(
        None
        if np.min((y[:, None] * X) @ (y[:, None] * X).T) > 0
        else "Assumption 1 fails for these points even with all labels +1"
    )
    return [
        window(f"crossings with step size {one.lr:g}", one.crossings, 1, 1)
        for one in descents(findings, "crossing")
    ]


CLAIMS = (zeno, filippov, crossing)
