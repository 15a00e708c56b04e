r"""Bounds fed into each other, and bounds started again at every moment.

Beyond lee2022, Sections 3 and 5.2. The paper holds S(phi) between S(phi_0) and 1 for the norm, and
the norm between r and R for the angle. Instead, bounds of one may enter the equation of the other
as functions of time: with theta_low <= theta <= theta_high and v* = 1,

    v_low' = -(1/2) v^m (v^(m+1) - S(theta_high)),
    (ln tan theta_high/2)' = -v^(m-1) (pi - theta_high) / (2 pi),

where v is v_high for one layer and v_low for three and more (two layers need none), and likewise
for v_high and theta_low. By comparison each round encloses the flow and lies in the round before;
the rounds converge to the flow itself. Round 0 has theta_low = 0 and theta_high = theta_0, so its
norms are those of Theorems 3.3 and 3.8, without any assumed r and R.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from flowrepro.claims.verdict import Part, at_most, none_of
from flowrepro.core.trajectory import Study
from flowrepro.engines.population import PlaneStart, overlap, population_flow
from flowrepro.figures import style
from flowrepro.figures.panels import Band, Line, Mark, Note, Panel
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.beyond.small_starts import RIGHT_ANGLE
from flowrepro.papers.lee2022.bounds import norm_band
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.neuron import Clock
from flowrepro.papers.lee2022.section_5_runs import counted
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Tighter bounds", given=(draws_its_points,))

Curve = Callable[[float], float]
TIMES, RTOL = 201, 1e-10
CLOSE = 1e-7
"""Excess that the accuracy of integration and interpolation explains, relative to v* or to a
radian."""


class Round(NamedTuple):
    """Bounds of norm and of x = ln tan(theta/2) on a time grid, each (T,)."""

    norm_low: np.ndarray
    norm_high: np.ndarray
    x_low: np.ndarray
    x_high: np.ndarray


def _integrated(
    velocity: Callable[[float, float], float], start: float, t: np.ndarray
) -> np.ndarray:
    field, ends = lambda s, z: [velocity(s, z[0])], (0.0, t[-1])
    return np.asarray(solve_ivp(field, ends, [start], "DOP853", t, rtol=RTOL, atol=RTOL).y[0])


def _theta(x: np.ndarray | float) -> np.ndarray:
    return np.asarray(2 * np.arctan(np.exp(x)))


def _norm(m: int, start: PlaneStart, t: np.ndarray, x: Curve | None) -> np.ndarray:
    """The norm whose equation has the angle of ``x`` in it; None: the angle 0."""

    def velocity(s: float, ln_v: float) -> float:
        S = 1.0 if x is None else float(overlap(_theta(x(s))))
        return float(-0.5 * np.exp((m - 1) * ln_v) * (np.exp((m + 1) * ln_v) - S))

    return np.asarray(np.exp(_integrated(velocity, float(np.log(start.norm)), t)))


def _angle(m: int, start: PlaneStart, t: np.ndarray, norm: Curve) -> np.ndarray:
    """x of the angle whose equation has this norm in it."""

    def velocity(s: float, x: float) -> float:
        return float(-(norm(s) ** (m - 1)) * (np.pi - _theta(x)) / (2 * np.pi))

    return _integrated(velocity, float(np.log(np.tan(start.theta / 2))), t)


def enclose(start: PlaneStart, t: np.ndarray, rounds: int) -> Iterator[Round]:
    """Rounds 0 ... of the bounds fed into each other, for v* = 1."""
    m = start.depth - 1
    low, high = None, CubicSpline(t, np.full(len(t), np.log(np.tan(start.theta / 2))))
    for _ in range(rounds + 1):
        norms = _norm(m, start, t, high), _norm(m, start, t, low)
        slow, fast = (CubicSpline(t, v) for v in (norms[::-1] if m == 0 else norms))
        angles = _angle(m, start, t, fast), _angle(m, start, t, slow)
        yield Round(*norms, *angles)
        low, high = (CubicSpline(t, x) for x in angles)


@topic.study
def tighter_bounds(
    *,
    depths: list[int] = option([1, 2, 3], "numbers of layers", within=(1, 6)),
    ratio: float = option(1.0, "v_0 / v*", within=(0.01, 3.0)),
    theta0: float = option(RIGHT_ANGLE, "initial angle", within=(0.1, 3.1)),
    horizon: float = option(12.0, "flow time, v* = 1", within=(0.1, 50.0)),
    rounds: int = option(4, "rounds after round 0", within=(0, 10)),
    lag: float = option(2.0, "age of the restarted bounds of the figure", within=(0.0, 50.0)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Bounds of every round, and bounds started again at every time, for v* = 1.

    depth : (D,). t : (T,). norm, theta : (D, T) of the flow. norm_low, norm_high, theta_low,
    theta_high : (D, K, T) of the rounds. again_low, again_high : (D, T, T) bounds of the norm at
    the second time started at the first, nan before.
    """
    t = np.linspace(0.0, horizon, TIMES)
    found: list[list[Round]] = []
    paths, again = [], np.full((2, len(depths), TIMES, TIMES), np.nan)
    for k, depth in enumerate(depths):
        start = PlaneStart(depth, 1.0, ratio, theta0)
        path = population_flow(start, t)
        paths.append(path)
        found.append(list(enclose(start, t, rounds)))
        for i in range(TIMES):
            moment = PlaneStart(depth, 1.0, float(path.norm[i]), float(path.theta[i]))
            again[:, k, i, i:] = norm_band(moment, Clock(t[i:] - t[i]))
            if i % 30 == 0:
                progress(k * TIMES + i, len(depths) * TIMES)
    low, high, x_low, x_high = np.moveaxis(np.array(found), 2, 0)
    norms = {"norm": np.array([path.norm for path in paths]), "norm_low": low, "norm_high": high}
    theta = np.array([path.theta for path in paths])
    angles = {"theta": theta, "theta_low": _theta(x_low), "theta_high": _theta(x_high)}
    restarted = {"again_low": again[0], "again_high": again[1]}
    return {"depth": np.array(depths), "t": t, **norms, **angles, **restarted}


TIGHTER_BOUNDS = tighter_bounds.case(
    "tighter-bounds",
    "beyond Sections 3 and 5.2: bounds fed into each other, and bounds started again at every "
    "moment",
    quick={"rounds": 2},
)


@topic.claim(
    "beyond-self-consistent",
    "Bounds fed into each other enclose the flow, each round lies within the one before, and the "
    "rounds tend to the flow.",
    place="Theorems 3.3, 3.4, 3.8 and 3.9, beyond the paper",
)
def rounds_enclose(study: Study) -> Iterator[Part]:
    """Excess of the flow over rounds, of rounds over those before; shrinking of widths."""
    for name in ("norm", "theta"):
        low, high = (study.arrays[f"{name}_{side}"] for side in ("low", "high"))
        flow = study.arrays[name][:, None]
        outside = max((low - flow).max(), (flow - high).max())
        yield at_most(f"{name}: flow outside by", outside, CLOSE)
        wider = max(np.diff(each, axis=1).max(initial=-np.inf) for each in (-low, high))
        yield at_most(f"{name}: round outside the one before by", wider, CLOSE)
        if low.shape[1] > 1:
            width = (high - low).max(axis=2)
            shrinks = (width[:, -1] / np.maximum(width[:, 0], CLOSE)).max()
            yield at_most(f"{name}: width of the last round / of round 0", shrinks, 0.5)


@topic.claim(
    "beyond-restarts",
    "At every moment the bounds started last are the tightest.",
    place="Section 5.2, beyond the paper",
)
def later_is_tighter(study: Study) -> Iterator[Part]:
    """How far a bound lies outside an earlier one; moments at which the flow leaves them."""
    low, high = study.arrays["again_low"], study.arrays["again_high"]
    looser = float(np.max([np.nanmax(np.diff(each, axis=1)) for each in (-low, high)]))
    yield at_most("later bound outside an earlier one by, v*", looser, CLOSE)
    flow = study.arrays["norm"][:, None]
    with np.errstate(invalid="ignore"):
        inside = (low <= flow + CLOSE) & (high >= flow - CLOSE)
    begun = ~(np.isnan(low) & np.isnan(high))
    yield none_of("moments outside", int(np.sum(begun & ~inside)))


@topic.figure(
    "beyond-tighter-bounds",
    "Bounds of norm and angle fed into each other round by round, and bounds of the norm started "
    "again at every moment.",
    layout=(2, 3, style.PAGE, 4.2),
    share="both",
    tolerance=(1e-2, 1e-6),  # widths of the last round are as small as the error of integration
)
def rounds_and_restarts(study: Study) -> Iterable[Panel]:
    """Above: norm with its bounds by round. Below: relative width of those of the angle."""
    arrays, lag = study.arrays, float(study.case.options["lag"])
    t, depths = arrays["t"], arrays["depth"][:3]
    back = min(max(0, round(lag / (t[1] - t[0]))), len(t))
    common: Any = {"xlabel": r"flow time, $v^{*\,-2m}$", "xlim": (0, t[-1])}
    top = 1.1 * float(arrays["norm"][: len(depths)].max())
    for k, depth in enumerate(depths):
        again = [
            np.concatenate([np.full(back, np.nan), np.diagonal(arrays[f"again_{side}"][k], back)])
            for side in ("low", "high")
        ]
        started = f"started {lag:g} before"
        marks: list[Mark] = [
            Band(t, *again, colour=style.POSITIVE, opacity=0.3, width=0.6, label=started),
            Line(t, arrays["norm"][k], width=1.6, zorder=3, label=r"flow $\|w\|$"),
        ]
        pairs = np.stack([arrays["norm_low"][k], arrays["norm_high"][k]], axis=-1)
        marks += [
            Line(t, pair, colour=style.THEORY, width=1.0, dash=dash, label=f"round {index}")
            for index, (pair, dash) in enumerate(zip(pairs, style.DASHES[:3], strict=False))
        ]
        yield Panel(marks, title=counted(depth), ylabel=r"$\|w\|/v^*$", ylim=(0, top), **common)
    for k in range(len(depths)):
        widths = (arrays["theta_high"][k] - arrays["theta_low"][k]) / arrays["theta"][k]
        marks = [
            Line(t[1:], width[1:], colour=style.THEORY, width=1.0, dash=dash, label=f"round {j}")
            for j, (width, dash) in enumerate(zip(widths, style.DASHES, strict=False))
        ]
        if not widths.any():
            marks = [Note("exact from round 0:\nthe norm does not enter", "center center")]
        yield Panel(marks, ylabel=r"$(\theta_{high}-\theta_{low})/\theta$", scale="linear-log",
                    ylim=(1e-6, 1e1), **common)  # fmt: skip
