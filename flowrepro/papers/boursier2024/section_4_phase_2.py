"""Section 4.1.2: positive neurons grow until they are least squares (Lemmas 5, 6, 16, 17, 18).

tau_2 is when sum over I of a^2 reaches EPS_2, tau_3 when ||beta* - sum over I of a w|| falls to
EPS_3; both are interpolated between snapshots. The paper's thresholds are constants that it does
not give; these two are ours.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import following_the_flow
from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import (
    ONE_DIRECTION,
    assumption_5,
    below_an_unnamed_scale,
    scale,
    statics,
    stays_linear,
)
from flowrepro.papers.boursier2024.neurons import (
    Along,
    active,
    delayed,
    least_cosine_to_data,
    least_squares,
    negative_class,
    positive_class,
    recorded,
    states,
)
from flowrepro.papers.boursier2024.theorem_1_alignment import FOLLOWED
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import cosines

topic = Topic(PAPER, "Phase 2: growth", given=ONE_DIRECTION)
stated = partial(topic.claim, on=FOLLOWED)
EPS_2, EPS_3 = 0.01, 0.1
EPS = 0.3
"""Exponent of lambda in Lemma 6, item 3."""


@dataclass(frozen=True)
class Phases:
    """tau_2, tau_3 in flow time, and the index of the first snapshot at or after each."""

    along: Along
    tau_2: float
    tau_3: float
    first_2: int
    first_3: int

    @classmethod
    def of(cls, run: Run) -> Phases:
        """NotApplicable where the run does not reach tau_3."""
        along = Along.of(run)
        distance = np.linalg.norm(along.beta - least_squares(run.X, run.y), axis=1)
        grown = np.flatnonzero(along.mass >= EPS_2)
        near = np.flatnonzero(distance <= EPS_3)
        if not grown.size or not near.size or min(grown[0], near[0]) == 0:
            raise NotApplicable(
                f"the run of {run.trajectory.last_step} steps does not grow from below {EPS_2:g} "
                f"to within {EPS_3:g} of least squares"
            )
        first_2, first_3 = int(grown[0]), int(near[0])
        tau_2 = crossing(along.t, np.log(along.mass), first_2, np.log(EPS_2))
        tau_3 = crossing(along.t, np.log(distance), first_3, np.log(EPS_3))
        return cls(along, tau_2, tau_3, first_2, first_3)

    @property
    def mass(self) -> np.ndarray:
        """Sum over I of a^2 at the snapshots from tau_2 to tau_3."""
        return self.along.mass[self.first_2 : self.first_3 + 1]


def crossing(t: np.ndarray, values: np.ndarray, first: int, level: float) -> float:
    """Time at which values (S,) pass ``level`` just before index ``first``, by interpolation."""
    before, after = values[first - 1], values[first]
    return float(t[first - 1] + (t[first] - t[first - 1]) * (level - before) / (after - before))


def _snapshot(run: Run, index: int) -> tuple[np.ndarray, np.ndarray]:
    group = run.trajectory.group
    return run.trajectory.W[index][group], run.trajectory.a[index][group]


def midway(factor: float, run: Run) -> Run:
    """The run, but in the middle of phase 2b output weights are ``factor`` times as large (a
    control).
    """
    phases, a = Phases.of(run), run.trajectory.a.copy()
    a[(phases.first_2 + phases.first_3) // 2] *= factor
    return recorded(run, a=a)


@stated(
    "lemma-5",
    "In phase 2a positive neurons reach the threshold together, and negative ones have shrunk.",
    place="Lemma 5",
    given=(stays_linear,),
)
@below_an_unnamed_scale
def lemma_5(run: Run) -> Iterable[Part]:
    """At the first snapshot from tau_2 on."""
    phases, I, N = Phases.of(run), positive_class(run), negative_class(run)
    (W, a), a0 = _snapshot(run, phases.first_2), run.trajectory.at(0)[1]
    common = (W[I] / np.linalg.norm(W[I], axis=1)[:, None]).sum(axis=0)
    least = least_cosine_to_data(run.X, W[I])
    yield at_least("item 2: least cosine of I with a datum", least, 0.1)
    shrunk = float(np.abs(a[N] / a0[N]).max(initial=0.0))
    yield at_most("item 4: largest |a/a0| over N", shrunk, 1.0)
    spread = 1 - cosines(W[I], common).min()
    yield number("item 3: 1 - least cosine of I with its mean direction", spread)
    yield number("tau_2", phases.tau_2)


@stated(
    "lemma-6",
    "In phase 2b the positive neurons become the linear regressor, and negative ones stay small.",
    place="Lemma 6",
    given=(stays_linear,),
)
@below_an_unnamed_scale
def lemma_6(run: Run) -> Iterable[Part]:
    """At the first snapshot from tau_3 on, where item 1 holds by definition; eps = EPS."""
    phases, I, N = Phases.of(run), positive_class(run), negative_class(run)
    (W, a), a0 = _snapshot(run, phases.first_3), run.trajectory.at(0)[1]
    gap = np.linalg.norm(phases.along.beta[phases.first_3] - least_squares(run.X, run.y))
    yield number("item 1, by definition: ||beta* - sum over I of a w||", float(gap))
    least = least_cosine_to_data(run.X, W[I])
    yield at_least("item 2: least cosine of I with a datum", least, 0.1)
    grown = np.abs(a[N] / a0[N]).max(initial=0.0) * scale(run) ** EPS
    yield at_most("item 3: largest |a/a0| over N times lambda^eps", grown, 1.0)


def length_bound(X: np.ndarray, y: np.ndarray, eps_2: float, eps_3: float) -> float:
    """ln(kappa ||beta*|| / eps_3) / (sigma_min eps_2), the bound of tau_3 - tau_2   (eq 48)."""
    curvature = np.linalg.eigvalsh(X.T @ X / len(y))
    kappa, size = np.sqrt(curvature[-1] / curvature[0]), np.linalg.norm(least_squares(X, y))
    return float(np.log(kappa * size / eps_3) / (curvature[0] * eps_2))


@stated(
    "equation-48",
    "Phase 2b takes a time that does not depend on the scale.",
    place="Equation (48)",
    given=(stays_linear,),
    control=delayed,
)
def equation_48(run: Run) -> Iterable[Part]:
    """tau_3 - tau_2 and its bound."""
    phases = Phases.of(run)
    bound = length_bound(run.X, run.y, EPS_2, EPS_3)
    yield at_most("tau_3 - tau_2", phases.tau_3 - phases.tau_2, bound)


@stated(
    "lemma-16",
    "The sum over I of a^2 stays bounded in phase 2b.",
    place="Lemma 16",
    given=(stays_linear,),
)
def lemma_16(run: Run) -> Iterable[Part]:
    """The bound is S with S - lambda sqrt(S) = 2 ||y|| / (sqrt(n) alpha), alpha of eq (49)."""
    phases, cones = Phases.of(run), statics(run).cones
    edges = cones.inside[(cones.dimension == 1) & np.all(cones.signs >= 0, axis=1)]
    alpha = float(np.min(edges @ run.X.mean(axis=0)))
    right, small = 2 * np.linalg.norm(run.y) / (np.sqrt(len(run.y)) * alpha), scale(run)
    bound = ((small + np.sqrt(small**2 + 4 * right)) / 2) ** 2
    yield at_most("largest sum over I of a^2", phases.mass.max(), bound)


@stated(
    "lemma-17",
    "Positive neurons stay correlated with all data in phase 2b.",
    place="Lemma 17",
    given=(assumption_5,),
    control=partial(midway, 100.0),
)
@below_an_unnamed_scale
def lemma_17(run: Run) -> Iterable[Part]:
    """Least <w, x_k> / (|a| ||x_k||) over I from tau_2 to tau_3."""
    phases, I = Phases.of(run), positive_class(run)
    size, least = np.linalg.norm(run.X, axis=1), []
    for i in range(phases.first_2, phases.first_3 + 1):
        W, a = _snapshot(run, i)
        least.append(float(np.min(W[I] @ run.X.T / (a[I, None] * size))))
    yield at_least("least <w/a, x>/||x||, relative to tau_2", np.min(least) / least[0], 0.1)
    yield number("least <w/a, x>/||x||", min(least))


@stated(
    "lemma-18",
    "The sum over I of a^2 stays above the threshold in phase 2b.",
    place="Lemma 18",
    given=(stays_linear,),
    control=partial(midway, 0.01),
)
@below_an_unnamed_scale
def lemma_18(run: Run) -> Iterable[Part]:
    """From tau_2 to tau_3."""
    yield at_least("least sum over I of a^2", Phases.of(run).mass.min(), EPS_2)


@stated(
    "lemma-6-force",
    "The force obeys ||D^t|| <= sqrt(mean y^2 mean ||x||^2) throughout.",
    place="Lemma 6, proof",
)
@following_the_flow(*FOLLOWED)
def force_bound(run: Run) -> Iterable[Part]:
    """Over all snapshots."""
    bound = np.sqrt(np.mean(run.y**2) * np.mean(np.sum(run.X**2, axis=1)))
    largest = np.linalg.norm(Along.of(run).force, axis=1).max()
    yield at_most("largest ||D^t||", largest, bound * (1 + 1e-6))


@stated(
    "section-4-positive-stay",
    "Positive neurons, once active on all data, stay so to the end.",
    place="Section 4.1.2",
)
@following_the_flow(*FOLLOWED)
def positive_stay(run: Run) -> Iterable[Part]:
    """Neurons of I not active on all data from tau_2 on; a number where Assumption 5 fails."""
    phases, I = Phases.of(run), positive_class(run)
    lost = np.zeros(int(I.sum()), dtype=bool)
    for W, _ in list(states(run))[phases.first_2 :]:
        lost |= ~active(run.X, W[I]).all(axis=1)
    if outside := assumption_5(run):
        yield number(f"{outside}; neurons that leave", lost.sum())
    else:
        yield at_most("neurons that leave", int(lost.sum()), 0)
