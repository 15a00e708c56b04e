r"""The early phase without symmetry (Appendix G.3).

All neurons enter the cone sgn(a_k) y_i <w_k, x_i> >= (delta/3) ||w_k|| at a time T0 that does not
depend on the scale. From there neurons of positive and negative output grow at the rates
||mu^+||/2 and ||mu^-||/2, so that at T0 + T1(r), T1(r) = ln(r / (sqrt(m) sigma)) / lambda+,
they are near r b_k (mu^+, 1) and r^{1 - kappa} b_k (mu^-, 1). The points are scaled to ||x|| <= 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.errors import NumericalError
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import APPENDIX_A, alpha
from flowrepro.papers.lyu2021.section_3_flows import MIDDLE, RIGHT
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import Weights, draws
from flowrepro.papers.lyu2021.shared.power_iteration import largest_norm
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The early phase without symmetry", given=APPENDIX_A)

GRID = 200
"""Instants of each of the two searches for T0: it is known to horizon / GRID^2."""
TIMES = 10
"""Instants from T0 to T0 + T1."""
MOST_STEPS = 20_000
"""Steps of one flow, ten times what these phases take."""
HORIZON = 1e6
"""Growth at which the search for T0 ends; the integrator's tolerance resolves about 1e10."""
NEARLY = 1e-3
"""Relative change over the scales: the interaction of neurons (measured: 1e-8)."""
READABLE, PERTURBATIVE = 1e-7, 0.05
"""Relative errors between which the order in r can be read: above those of the integrator, below
where the next order matters."""


@topic.study
def aligned_growth(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 1.0)),
    m: int = option(5, "width", within=(1, 1000)),
    seeds: int = option(2, "starts", within=(1, 1000)),
    scales: list[float] = option([1e-10, 1e-12, 1e-14], "scales of T0", within=(1e-100, 1e-3)),
    radii: list[float] = option([1e-3, 3e-4, 1e-4], "r of Lemma G.5", within=(1e-5, 1.0)),
    ratio: float = option(100.0, "sigma / r^3", within=(1e-6, 1e6)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Balanced flows for S draws, A scales (T0) and R radii (growth).

    Returns entry_t (S, A), T0 (nan if the cone is not reached), and entry_W, entry_a (S, A, ...),
    the weights then; grow_t (S, R, T), times after T0 from 0 to T1(r), of the flow at the scale
    sigma, and grow_W, grow_a (S, R, T, ...), its weights.
    """
    require_signs(data)
    X, y = geometry.scaled(data.X), data.y
    W, a = draws(seed, seeds, m, X.shape[1], "balanced")
    delta = float(geometry.cone_margins(X, y, alpha).min())
    rate = float(np.linalg.norm(geometry.one_neuron_mean(X, y, alpha, 1.0))) / 2
    kept: dict[str, list[np.ndarray]] = {}
    for k in range(seeds):
        flows = _Flows(Classification(X, y, alpha), rate, delta, W[k], a[k])
        entries = [flows.entry(scale) for scale in scales]
        growths = [flows.growth(r, ratio * r**3) for r in radii]
        for phase, found in (("entry", entries), ("grow", growths)):
            for name, values in zip("tWa", zip(*found, strict=True), strict=True):
                kept.setdefault(f"{phase}_{name}", []).append(np.stack(values))
        progress(k + 1, seeds)
    return {name: np.stack(values) for name, values in kept.items()}


Timed = tuple[np.ndarray, np.ndarray, np.ndarray]
"""A time () or times (T,), and the weights then."""


class _Flows(NamedTuple):
    """Flows from one draw (W, a); rate is lambda+, and delta the least margin in the cone K."""

    task: Classification
    rate: float
    delta: float
    W: np.ndarray
    a: np.ndarray

    def entry(self, scale: float) -> Timed:
        """T0 and the weights then, all nan if there is none.

        T0 is the first time with sgn(a_k) y_i <w_k, x_i> >= (delta / 3) ||w_k|| for all k and i.
        """
        W, a = scale * self.W, scale * self.a
        begin, span = 0.0, float(np.log(HORIZON)) / self.rate
        for _ in range(2):
            times = np.linspace(0.0, span, GRID + 1)
            all_W, all_a = self.flow(W, a, times)
            inside = np.flatnonzero(self.inside(all_W, all_a))
            if not inside.size:
                nothing = np.full_like(self.W, np.nan), np.full_like(self.a, np.nan)
                return np.array(np.nan), *nothing
            index = max(int(inside[0]), 1)
            W, a = all_W[index - 1], all_a[index - 1]
            begin, span = begin + float(times[index - 1]), float(times[1])
        return np.array(begin + span), all_W[index], all_a[index]

    def inside(self, W: np.ndarray, a: np.ndarray) -> np.ndarray:
        """The cone test of eq (62) for weights (T, m, d), (T, m)."""
        heights = np.sign(a)[..., None] * self.task.y * (W @ self.task.X.T)
        least = self.delta / 3 * np.linalg.norm(W, axis=-1, keepdims=True)
        return np.asarray(np.all(heights >= least, axis=(1, 2)))

    def growth(self, r: float, scale: float) -> Timed:
        """Times after T0 from 0 to T1(r), and the weights; nan where there is no T0."""
        entry, W, a = self.entry(scale)
        T1 = float(np.log(r / (np.sqrt(len(self.a)) * scale))) / self.rate
        times = np.linspace(0.0, T1, TIMES)
        if np.isnan(entry):
            return times, np.stack([W] * TIMES), np.stack([a] * TIMES)
        return times, *self.flow(W, a, times)

    def flow(self, W: np.ndarray, a: np.ndarray, times: np.ndarray) -> Weights:
        """Weights (T, m, d), (T, m) at the flow times, the first of which is 0."""
        later = times[1:]
        run = integrate(self.task, W, a, later, method="flow-t", clock="t", max_steps=MOST_STEPS)
        if run.stop is not StopReason.HORIZON:
            raise NumericalError(f"the early phase was not integrated to its end: {run.stop.value}")
        kept = [0, *(run.index(t, "t") for t in later)]
        return run.W[kept], run.a[kept]


QUICK: dict[str, Any] = {"quick": {"options.seeds": 1}}
EARLY_MIDDLE = aligned_growth.case(
    "early-middle",
    "Lemmas G.4 and G.5: the early phase on the points of Figure 1 middle.",
    MIDDLE,
    **QUICK,
)
EARLY_RIGHT = aligned_growth.case(
    "early-right", "Lemmas G.4 and G.5: the early phase on the hinted points.", RIGHT, **QUICK
)


def _require_entry(result: Study, name: str, smaller: str) -> None:
    """NotApplicable where some flow does not enter the cone."""
    if not np.all(np.isfinite(result.arrays[name])):
        raise NotApplicable(
            "some flow does not enter the cone before it leaves the linear regime; "
            f"take smaller {smaller}"
        )


@topic.claim(
    "lemma-g-4-cone-entry",
    "All neurons enter the cone sgn(a_k) y_i <w_k, x_i> >= (delta/3) ||w_k|| at a time T0 and "
    "with a norm proportional to the scale; T0 and the ratio do not depend on the scale.",
    place="Lemma G.4",
)
def cone_entry(result: Study) -> Iterable[Part]:
    """Relative range of T0 and of ||w_k(T0)|| / sigma over the scales, largest over the draws."""
    _require_entry(result, "entry_t", "scales")
    times, scales = result.arrays["entry_t"], np.array(result.case.options["scales"])
    sizes = np.linalg.norm(result.arrays["entry_W"], axis=-1) / scales[:, None]
    spread_of_times = np.max(np.ptp(times, axis=1) / times.max(axis=1))
    spread_of_sizes = np.max(np.ptp(sizes, axis=1) / sizes.max(axis=1))
    yield at_most("largest relative range of T0", float(spread_of_times), NEARLY)
    yield at_most("of ||w_k(T0)|| / sigma", float(spread_of_sizes), NEARLY)
    yield number("largest T0", float(times.max()))
    yield number("A, least ||w_k(T0)|| / sigma", float(sizes.min()))
    yield number("B, the largest", float(sizes.max()))


class Growth(NamedTuple):
    """Growth of one draw from T0 to T0 + T1: times (T,), weights (T, m, d), (T, m)."""

    draw: int
    r: float
    t: np.ndarray
    W: np.ndarray
    a: np.ndarray


def _growths(result: Study) -> Iterator[Growth]:
    _require_entry(result, "grow_a", "radii")
    t, W, a = (result.arrays[f"grow_{name}"] for name in "tWa")
    for s in range(len(t)):
        for k, r in enumerate(result.case.options["radii"]):
            yield Growth(s, r, t[s, k], W[s, k], a[s, k])


def _means(result: Study) -> dict[float, np.ndarray]:
    """mu^+ and mu^- of the scaled points, by sign."""
    X, slope = geometry.scaled(result.X), alpha(result)
    return {sign: geometry.one_neuron_mean(X, result.y, slope, sign) for sign in (1.0, -1.0)}


@topic.claim(
    "lemma-g-5-growth-rates",
    "After T0 neurons of positive and negative output grow at the rates ||mu^+||/2 and ||mu^-||/2.",
    place="Lemma G.5",
)
def growth_rates(result: Study) -> Iterable[Part]:
    """Rate of ln |<w_k, mu> / ||mu|| + a_k|, the part along the top eigenvector.

    At the smallest radius and in the first half of the phase, as the nonlinearity acts at the end
    only.
    """
    errors: list[float] = []
    smallest = min(result.case.options["radii"])
    for growth in (growth for growth in _growths(result) if growth.r == smallest):
        half = slice(0, len(growth.t) // 2)
        for sign, mu in _means(result).items():
            if not (chosen := growth.a[0] * sign > 0).any():
                continue
            W, a = growth.W[half][:, chosen], growth.a[half][:, chosen]
            rates = np.polyfit(growth.t[half], np.log(np.abs(W @ geometry.unit(mu) + a)), 1)[0]
            errors += list(np.abs(rates / (np.linalg.norm(mu) / 2) - 1))
    yield at_most("largest relative error of a rate", np.max(errors), 1e-4)


@topic.claim(
    "lemma-g-5-power-iteration",
    "At T0 + T1(r) neurons are r b_k (mu^+, 1) or r^{1 - kappa} b_k (mu^-, 1), where the means are "
    "normalised, up to C2 r^3.",
    place="Lemma G.5, item 1; Lemmas G.6 and G.7",
)
def power_iteration(result: Study) -> Iterable[Part]:
    """Error over r^3 against C2 = 4 B^3 / (lambda+ sqrt m) + sqrt 2 B C1; its order in r is 3."""
    means, kappa = _means(result), geometry.lag(result.X, result.y, alpha(result))
    rate, C1 = float(np.linalg.norm(means[1.0])) / 2, result.case.options["ratio"]
    ratios: list[float] = []
    errors: dict[int, list[tuple[float, float]]] = {}
    for draw, r, _, W, a in _growths(result):
        root, sigma = np.sqrt(a.shape[1]), C1 * r**3
        B = float(np.linalg.norm(W[0], axis=-1).max()) / sigma
        target_W, target_a = np.zeros_like(W[-1]), np.zeros_like(a[-1])
        for sign, power in ((1.0, 1.0), (-1.0, 1.0 - kappa)):
            chosen, direction = a[0] * sign > 0, geometry.unit(means[sign])
            b = (W[0, chosen] @ direction + a[0, chosen]) / (2 * (root * sigma) ** power)
            target_a[chosen] = r**power * b
            target_W[chosen] = target_a[chosen][:, None] * direction
        error = float(largest_norm(W[-1] - target_W, a[-1] - target_a))
        ratios.append(error / r**3 / (4 * B**3 / (rate * root) + np.sqrt(2) * B * C1))
        if READABLE < error / np.abs(target_a).max() < PERTURBATIVE:
            errors.setdefault(draw, []).append((r, error))
    yield at_most("largest error / (C2 r^3)", np.max(ratios), 1.0)
    logs = [np.log(np.array(pairs)).T for pairs in errors.values() if len(pairs) >= 2]
    if logs:
        slopes = [float(np.polyfit(ln_r, ln_error, 1)[0]) for ln_r, ln_error in logs]
        yield at_least("least slope of ln error against ln r", np.min(slopes), 2.8)
