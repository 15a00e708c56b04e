"""Hypotheses that several topics share: functions of a result that return None, or why it is
outside."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from flowrepro.claims.claim import Hypothesis, NotApplicable
from flowrepro.claims.limits import in_a_limit
from flowrepro.claims.published import coarse_step
from flowrepro.claims.verdict import Limit, Reason
from flowrepro.core.config import Case, StudyCase
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Run, Study
from flowrepro.errors import DataError
from flowrepro.papers.boursier2024 import assumptions
from flowrepro.papers.boursier2024.neurons import active, least_mse, positive_class, states
from flowrepro.theory.arrangement import Arrangement, arrangement
from flowrepro.theory.arrangement_constants import (
    AlignmentConstants,
    alignment_constants,
    generic_position,
)
from flowrepro.theory.arrangement_extremal import Kind, Subgradients, extremal_vectors, subgradients
from flowrepro.theory.square_descent import descent_on_squares, step_time

EXPONENTS = (0.3, 0.2, 0.1)
"""Values of eps in (0, 1/3) that are tried, the longest alignment first."""
COARSEST = 2.5e-3
"""Largest growth per step, dt D_max, at which descent is read as the flow; the paper's figures have
1.4e-3."""
MOST_POINTS = 200
"""Samples up to which cones are listed (chosen: a second in the plane)."""
KNOWN_SCALE = 2e-3
"""Largest lambda at which statements on unnamed scales were seen to hold on the paper's points
(measured: 1.4e-3 is that of its figures)."""


def target_window(case: Case, what: str) -> tuple[float, float]:
    """The window of the one target of a case whose description starts with ``what``."""
    (window,) = (each.window for each in case.targets if each.what.startswith(what) and each.window)
    return window


def declared(*cases: StudyCase) -> Hypothesis:
    """Hypothesis: a study ran on the points and options of its case; directions and seed apart."""

    def hypothesis(result: Study) -> str | None:
        (own,) = (case for case in cases if case.name == result.case.name)
        changed = departures(result.case, own, ("seed", "options.directions"))
        if not changed:
            return None
        return (
            "these numbers are for the case's own points and options; "
            f"this one departs from it in {', '.join(changed)}"
        )

    return hypothesis


def spurious(result: Study) -> str | None:
    """Assumption 4 holds and a linear function does not fit the points."""
    X, y = result.X, result.y
    if least_mse(X, y) <= 1e-12 * float(np.mean(y**2)):
        return "least squares fits the points, so there is nothing to be trapped at"
    return _refuse_4(assumptions.assumption_4(X, y))


def _refuse_4(slack: float) -> str | None:
    if slack > 0:
        return None
    return f"Assumption 4 fails (least of cosines, labels and singular values: {slack:.3g})"


@dataclass(frozen=True)
class Statics:
    """What is known before training: cones, minimal subgradients at zero output, the constants of
    Theorem 1, and K."""

    cones: Arrangement
    forces: Subgradients
    constants: AlignmentConstants
    edge: np.ndarray


def statics(run: Run) -> Statics:
    """Those of the run's points; NotApplicable for points with too many cones."""
    if len(run.y) > MOST_POINTS:
        raise NotApplicable(
            f"the cones of {len(run.y)} points are not listed (at most {MOST_POINTS})"
        )
    try:
        return _statics(run.X.tobytes(), run.y.tobytes(), run.X.shape)
    except DataError as error:
        raise NotApplicable(str(error)) from None


@lru_cache(maxsize=8)
def _statics(X: bytes, y: bytes, shape: tuple[int, int]) -> Statics:
    cones = arrangement(np.frombuffer(X).reshape(shape))
    forces = subgradients(cones, np.frombuffer(y) / shape[0])
    return Statics(cones, forces, alignment_constants(forces), assumptions.edge_data(cones))


def square_descent(run: Run) -> str | None:
    """Full-batch descent of a two-layer ReLU network on a mean of squares, which stayed finite."""
    return descent_on_squares(run)


def fine_step(run: Run) -> str | None:
    """A step so short that descent follows the flow."""
    growth = step_time(run) * statics(run).constants.largest
    return coarse_step(run, growth, COARSEST, "dt D_max")


def dominated(run: Run) -> str | None:
    """|a_j| >= ||w_j|| at the start   (eq 4)."""
    W, a = run.trajectory.at(0)
    short = int(np.sum(np.abs(a) < (1 - 1e-9) * np.linalg.norm(W, axis=1)))
    return None if short == 0 else f"{short} neurons start with |a| < ||w|| (eq 4)"


def generic(run: Run) -> str | None:
    """The margins of Lemma 2 are positive, which Assumption 2 makes almost sure; no label is 0."""
    known = statics(run)
    if np.any(run.y == 0):
        return "a label is 0, so that datum does not pull (Assumption 1)"
    least = min(generic_position(known.cones, known.forces))
    return None if least > 0 else "the points are not generic (Lemma 2)"


def no_saddle(run: Run) -> str | None:
    """G has no saddle point."""
    saddles = sum(found.kind is Kind.SADDLE for found in extremal_vectors(statics(run).forces))
    return None if saddles == 0 else f"G has {saddles} saddle points (Theorem 1 asks for none)"


def assumption_4(run: Run) -> str | None:
    """All data are correlated positively, labels are positive, points independent."""
    return _refuse_4(
        assumptions.assumption_4(run.X, run.y) if len(run.y) <= MOST_POINTS else -np.inf
    )


def assumption_5(run: Run) -> str | None:
    """y_k ||x_k||^2 exceeds ||y|| sqrt(sum over k' != k of <x_k', x_k>^2) for k in K."""
    ratio = assumptions.assumption_5(run.X, run.y, statics(run).edge).ratio
    return None if ratio > 1 else f"Assumption 5 fails (left over right side: {ratio:.3g})"


def assumption_6(run: Run) -> str | None:
    """Adding a neuron with a < 0 makes least squares worse."""
    known = statics(run)
    slack = assumptions.assumption_6(known.cones, run.y, known.edge).slack
    return None if slack > 0 else f"Assumption 6 fails (slack {slack:.3g})"


def stays_linear(run: Run) -> str | None:
    """Assumption 5, or what it is used for: neurons of I, once active on all data, stay so
    (Lemma 17), at every snapshot of the run."""
    outside = assumption_5(run)
    if outside is None:
        return None
    I = positive_class(run)
    seen = np.zeros(int(I.sum()), dtype=bool)
    for W, _ in states(run):
        now = active(run.X, W[I]).all(axis=1)
        if np.any(seen & ~now):
            return (
                f"{outside}, and a positive neuron does not stay active on all data, "
                "which it is there for"
            )
        seen |= now
    return None


def some_positive(run: Run) -> str | None:
    """I is not empty."""
    if positive_class(run).any():
        return None
    return "no neuron with a > 0 starts active on some datum (I is empty)"


def scale(run: Run) -> float:
    """lambda of eqs (3) and (5): the least with (1/k) sum_{j <= k} a_j^2 m / lambda^2 <= 1."""
    a = run.trajectory.at(0)[1]
    return float(np.sqrt(len(a) * np.max(np.cumsum(np.square(a)) / np.arange(1, len(a) + 1))))


def exponent(run: Run) -> float:
    """The largest of EXPONENTS for which lambda < lambda*_1 (eq 22); NotApplicable without one."""
    constants, size = statics(run).constants, scale(run)
    for eps in EXPONENTS:
        if size < constants.critical_scale(1.0, eps):
            return eps
    least = constants.critical_scale(1.0, EXPONENTS[-1])
    sentence = f"the scale {size:.3g} is not below lambda* = {least:.3g} of eq (22)"
    raise NotApplicable(Reason.of(sentence, Limit("scale", size, least)))


def _seen_to_hold(run: Run) -> bool:
    own = run.case.data.name in ("three-points", "three-points-in-boxes")
    return own and scale(run) <= KNOWN_SCALE


below_an_unnamed_scale = in_a_limit(_seen_to_hold, "lambda", scale)
"""Decorator: the statement holds below a scale that the paper does not name."""
THEOREM_1 = (square_descent, fine_step, dominated, generic, no_saddle)
"""The hypotheses of Theorem 1, but for the scale (`exponent`)."""
ONE_DIRECTION = (square_descent, fine_step, dominated, assumption_4, some_positive)
"""Those of Lemma 4: one extremal vector, D*."""
