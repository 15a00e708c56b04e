"""Runs of the flow of Appendix B, one for each eps, and where its lemmas say something.

At moderate scales most lemmas on the phases are vacuous: lambda^{eps/29} is above 1/2 for every
lambda that is a double. A rule is a function of a trace: None, or why nothing is said there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2022.appendix_b_flow import (
    FLOOR,
    LEVEL_FLOOR,
    first_reach,
    power,
    special_times,
)
from flowrepro.papers.boursier2022.sign_classes import SignClass, largest_epsilon, sign_classes

SMALL = 4.0
"""A scale 10^-p is small from this p on: no lemma on the alignment failed there (20 seeds)."""
ORDER_ONE = 10.0


@dataclass(frozen=True)
class Trace:
    """One run of the study with one eps: its arrays, its special times, its powers of lambda.

    moved : max over S_fast of ||w_j(t2) - w_j(t3)||.
    """

    values: Mapping[str, np.ndarray]
    classes: tuple[SignClass, ...]
    eps: float
    moved: float

    @property
    def ll(self) -> float:
        """ln(1 / lambda)."""
        return float(self.values["ll"])

    @property
    def t(self) -> np.ndarray:
        """Times, (T,)."""
        return self.values["t"]

    def time(self, name: str) -> float:
        """One of `special_times`."""
        return special_times(self.classes, self.ll, self.eps)[name]

    def at(self, quantity: str, time: float | str) -> float:
        """A quantity at a time of the grid, or at a special one."""
        when = self.time(time) if isinstance(time, str) else time
        return float(self.values[quantity][np.abs(self.t - when).argmin()])

    def until(self, quantity: str, end: float, begin: float = 0.0) -> np.ndarray:
        """A quantity over the times of [begin, end]."""
        inside = (self.t >= begin * (1 - 1e-12)) & (self.t <= end * (1 + 1e-12))
        return self.values[quantity][inside]

    def power(self, exponent: float, floor: float = FLOOR) -> float:
        """lambda^exponent, not below the floor."""
        return power(self.ll, exponent, floor)

    def t2(self) -> float:
        """First time >= t_{+1} with u_fast >= W_fast - lambda^{eps/5}   (eq 17).

        NotApplicable if the run does not get there.
        """
        level = self.power(self.eps / 5, LEVEL_FLOOR)
        return self._reached("deficit_fast", self.time("t+1"), level)

    def t3(self) -> float:
        """First time >= t2 with u_slow >= W_slow - lambda^{eps/29}   (eq 23)."""
        return self._reached("deficit_slow", self.t2(), self.power(self.eps / 29, LEVEL_FLOOR))

    def _reached(self, deficit: str, after: float, level: float) -> float:
        index = first_reach(self.t, self.values[deficit], after, level)
        if index is None:
            raise NotApplicable("the flow was not followed until this phase ends")
        return float(self.t[index])


def traces(result: Study) -> Iterator[Trace]:
    """Every run on which S+ and S- are not empty (Assumption 3), with every eps of the study."""
    classes = sign_classes(result.X, result.y)
    largest = largest_epsilon(classes)
    for i in np.flatnonzero(result.arrays["complete"]):
        values = {name: array[i] for name, array in result.arrays.items()}
        for e, fraction in enumerate(result.case.options["fractions"]):
            yield Trace(values, classes, fraction * largest, float(values["moved"][e]))


Rule = Callable[[Trace], str | None]


def of_order_one(result: Study) -> str | None:
    """Labels and inverse norms of order one, for which the rules on the scale are made."""
    weights = [chosen.weight for chosen in sign_classes(result.X, result.y)]
    if min(weights) >= 1 / ORDER_ONE and max(weights) <= ORDER_ONE:
        return None
    return (
        "the rules for the scale are those of labels of order one, and these points have "
        f"W+, W- = {max(weights):.3g}, {min(weights):.3g}; rescale them"
    )


def always(trace: Trace) -> str | None:
    """At every scale."""
    return None


def small_scale(trace: Trace) -> str | None:
    """lambda sqrt(m) <= 1e-4."""
    p = trace.values["p"]
    return None if p >= SMALL else f"the scale 1e-{p:g} is not small"


def resolves_phase_2(trace: Trace) -> str | None:
    """lambda^{eps/5} < W_fast / 2, else t2 = t_{+1}."""
    half = trace.classes[0].weight / 2
    if np.exp(-trace.ll * trace.eps / 5) < half:
        return None
    return f"lambda^(eps/5) is not below W+/2 = {half:.3g}, so t2 is the start of phase 2"


def resolves_phase_3(trace: Trace) -> str | None:
    """lambda^{eps/29} < W_slow / 2, else t3 = t2."""
    half = trace.classes[1].weight / 2
    if np.exp(-trace.ll * trace.eps / 29) < half:
        return None
    return f"lambda^(eps/29) is not below W-/2 = {half:.3g}, so t3 is the start of phase 3"


def settled_in_time(trace: Trace) -> str | None:
    """The last deactivation, whose time is that of the draw, lies before t_{+1} and t_{-1}."""
    outside, settled = small_scale(trace), trace.values["settled_predicted"]
    if outside is not None or not np.any(settled > [trace.time("t+1"), trace.time("t1")]):
        return outside
    rates = [chosen.rate for chosen in trace.classes]
    needed = max(settled * rates) / trace.eps / np.log(10.0)
    return (
        "the last deactivation of this draw comes after t_{+-1}; "
        f"it needs lambda < 1e-{needed:.3g}"
    )


def few_stragglers(trace: Trace) -> str | None:
    """A small scale at which what stragglers leave is below 1/10."""
    left = float(3 * np.exp(-2 * trace.ll * min(chosen.straggler for chosen in trace.classes)))
    missing = f"neurons that miss a label are not negligible (3 lambda^(2 gamma) = {left:.2g})"
    return small_scale(trace) or (None if left <= 0.1 else missing)
