r"""How the flow scales with lambda beyond what boursier2022 states: escape times, distances.

With kappa_j from the initial draw (`closed_form`) the class of rate d and weight W is half fitted
at T = (ln(1/lambda) + ln(W / sum kappa_j^2) / 2) / d. The limit is at distance of order
lambda^gamma from theta*, where gamma = 1 - sqrt(1 - min y^2 / sum y^2), the least over the classes
with several labels, and 1 if there are none.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import in_a_limit
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.appendix_b_flow import BOTH, of_the_paper, smallest_scale
from flowrepro.papers.boursier2022.hypotheses import equal_norms, straggler_exponent, two_signs
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.papers.boursier2022.traces import of_order_one
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Powers of the scale", given=(two_signs, equal_norms, of_order_one))

NEGLIGIBLE = 1e-2
"""lambda^gamma below which stragglers move the half-fits by less than 1e-3 (measured)."""
RESOLVED = (1e-9, 0.1)
"""Distances between rounding and order one."""
NAMES = ("two points", "four points")


class EscapeTimes(NamedTuple):
    """Half-times (R, 2), measured and predicted, of the runs with negligible stragglers.

    p, seed, ll (R,); rates (2,).
    """

    p: np.ndarray
    seed: np.ndarray
    ll: np.ndarray
    measured: np.ndarray
    predicted: np.ndarray
    rates: np.ndarray


def escape_times(result: Study) -> EscapeTimes:
    """Half-times of both classes."""
    arrays = result.arrays
    kept = arrays["complete"] & (np.exp(-arrays["ll"] * straggler_exponent(result)) <= NEGLIGIBLE)
    measured = [
        [_half_time(arrays["t"][i], arrays[f"share_{name}"][i]) for name in ("fast", "slow")]
        for i in np.flatnonzero(kept)
    ]
    return EscapeTimes(
        arrays["p"][kept],
        arrays["seed"][kept],
        arrays["ll"][kept],
        np.array(measured).reshape(-1, 2),
        arrays["half_time_predicted"][kept],
        np.array([chosen.rate for chosen in sign_classes(result.X, result.y)]),
    )


def _half_time(t: np.ndarray, share: np.ndarray) -> float:
    """Time at which u / W crosses 1/2, nan if it does not.

    ln(u / (W - u)) is a line in time, so a linear interpolation between records is exact.
    """
    above = np.flatnonzero(share >= 0.5)
    if not above.size or above[0] == 0:
        return float("nan")
    k = above[0]
    odds = np.log(share[k - 1 : k + 1] / (1.0 - share[k - 1 : k + 1]))
    return float(t[k - 1] - odds[0] * (t[k] - t[k - 1]) / (odds[1] - odds[0]))


def slopes(times: EscapeTimes) -> np.ndarray:
    """Slope of the half-times against ln(1/lambda), the draw kept fixed, over all draws; (2,)."""
    centred = []
    for values in (times.ll[:, None], times.measured):
        means = {seed: values[times.seed == seed].mean(axis=0) for seed in np.unique(times.seed)}
        centred.append(values - np.array([means[seed] for seed in times.seed]))
    return np.asarray(np.sum(centred[0] * centred[1], axis=0) / np.sum(np.square(centred[0])))


@topic.claim(
    "beyond-escape-times",
    "The two saddles are left at ln(1/lambda)/||D+|| and ln(1/lambda)/||D-|| plus constants of the "
    "initial draw.",
    place="Section 4.2, beyond",
    on=BOTH,
)
@in_a_limit(of_the_paper, "lambda", smallest_scale)
def escape_law(result: Study) -> Iterator[Part]:
    """Slope of each half-time against ln(1/lambda), and its error, both times ||D||."""
    times = escape_times(result)
    if len(np.unique(times.p)) < 3:
        raise NotApplicable(
            "fewer than three scales at which neurons that miss a label are negligible"
        )
    law = slopes(times) * times.rates
    error = np.abs(times.measured - times.predicted).max(axis=0) * times.rates
    for k, name in enumerate(("fast", "slow")):
        yield within(f"slope of the {name} class x ||D||", law[k], 1 - 1e-4, 1 + 1e-4)
        yield at_most(f"{name} class, largest error x ||D||", error[k], 1e-3)
    yield number("runs", len(times.p))
    yield number("largest ln(1/lambda)", times.ll.max())


@topic.figure(
    "escape-times",
    "When the flow leaves 0 and the saddle, for scales down to 1e-10000: measured half-fits and "
    "the closed form from the initial draw.",
    on=BOTH,
    layout=(1, 2, style.PAGE, 2.8),
)
def escape(*results: Study) -> Iterator[Panel]:
    """Half-times against ln(1/lambda), and the closed form of the first draw as lines."""
    found = [escape_times(result) for result in results]
    if not all(len(times.p) for times in found):
        raise NotDrawable(
            "at none of these scales are neurons that miss a label negligible; "
            "add a smaller one to options.p"
        )
    named = ("$T_1$ (0 left), flow", r"$T_2$ ($\theta_S$ left), flow")
    for title, times in zip(NAMES, found, strict=True):
        line = np.geomspace(times.ll.min(), times.ll.max(), 50)
        closed = line[:, None] / times.rates + times.predicted[0] - times.ll[0] / times.rates
        closed_form = "closed form from the initial draw"
        marks: list[Mark] = [
            Line(
                np.column_stack([line, line]),
                closed,
                colour=style.THEORY,
                width=0.9,
                label=closed_form,
                zorder=1,
            )
        ]
        for k, colour in enumerate((style.POSITIVE, style.NEGATIVE)):
            look: Any = {"marker": "os"[k], "size": 3.5, "colour": colour}
            marks.append(Points(times.ll, times.measured[:, k], label=named[k], **look))
        yield Panel(
            marks,
            title=title,
            xlabel=r"$\ln(1/\lambda)$",
            ylabel="half-fit, flow time",
            scale="log-log",
        )


class LimitDistance(NamedTuple):
    """p, ll, distance (R,) of the last state to theta*; the exponent of lambda it should have."""

    p: np.ndarray
    ll: np.ndarray
    distance: np.ndarray
    exponent: float

    @property
    def kept(self) -> np.ndarray:
        """Mask (R,) of the runs whose distance is neither rounding nor of order one."""
        return (self.distance > RESOLVED[0]) & (self.distance < RESOLVED[1])


def limit_distance(result: Study) -> LimitDistance:
    """||theta_end - theta*|| of the runs on which S+ and S- are not empty."""
    p, ll, distance = (
        result.arrays[name][result.arrays["complete"]] for name in ("p", "ll", "to_limit")
    )
    return LimitDistance(p, ll, distance[:, -1], straggler_exponent(result))


def exponent(ll: np.ndarray, distance: np.ndarray) -> float:
    """q of distance ~ lambda^q by least squares."""
    return float(-np.polyfit(ll, np.log(distance), 1)[0])


@topic.claim(
    "beyond-limit-distance",
    "The limit is at distance of order lambda^gamma from theta*, far nearer than the "
    "lambda^{eps/31} of the proof.",
    place="Lemma 12, beyond",
    on=BOTH,
)
@in_a_limit(of_the_paper, "lambda", smallest_scale)
def distance_law(result: Study) -> Iterator[Part]:
    """Exponent of lambda in the distance, over the runs where it is resolved, against gamma."""
    limit = limit_distance(result)
    kept = limit.kept
    if len(np.unique(limit.p[kept])) < 3:
        raise NotApplicable(
            "fewer than three scales at which the distance is neither rounding nor of order one"
        )
    gamma, found = limit.exponent, exponent(limit.ll[kept], limit.distance[kept])
    yield within("exponent", found, gamma - 0.01, gamma + 0.01)
    yield number("gamma", gamma)
    factors = limit.distance[kept] * np.exp(gamma * limit.ll[kept])
    yield number("distance / lambda^gamma, least", factors.min())
    yield number("largest", factors.max())
