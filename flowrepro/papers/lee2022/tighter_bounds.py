r"""Bounds fed into each other, and bounds started again at every moment (beyond lee2022, Sections 3 and 5.2).

The paper holds S(phi) between S(phi_0) and 1 for the norm, and the norm between r and R for the angle. Instead, bounds of one
may enter the equation of the other as functions of time: with theta_low <= theta <= theta_high,

    v_low' = -(1/2) v^m (v^(m+1) - S(theta_high)),     (ln tan theta_high/2)' = -v^(m-1) (pi - theta_high) / (2 pi),    v* = 1,

where v is v_high for one layer and v_low for three and more (two layers need none), and likewise for v_high and theta_low.
By comparison each round encloses the flow and lies in the round before; the rounds converge to the flow itself. Round 0 has
theta_low = 0 and theta_high = theta_0, so its norms are those of Theorems 3.3 and 3.8, without any assumed r and R.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from scipy.integrate import solve_ivp
from scipy.interpolate import CubicSpline

from flowrepro.claims.old_claim import NotApplicable, none_of, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.population import PlaneStart, overlap, population_flow
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.beyond_cases import TIGHTER_BOUNDS
from flowrepro.papers.lee2022.bounds import norm_band
from flowrepro.papers.lee2022.clock import Clock
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Curve = Callable[[float], float]

RANGES = {
    "depths": (1, 6),
    "ratio": (0.01, 3.0),
    "theta0": (0.1, 3.1),
    "horizon": (0.1, 50.0),
    "rounds": (0, 10),
    "lag": (0.0, 50.0),
}
TIMES, RTOL = 201, 1e-10
CLOSE = 1e-7
"""Excess that the accuracy of integration and interpolation explains, relative to v* or to a radian."""


class Enclosure(NamedTuple):
    """Bounds of norm and of x = ln tan(theta/2) on a time grid, each (T,)."""

    norm_low: np.ndarray
    norm_high: np.ndarray
    x_low: np.ndarray
    x_high: np.ndarray


def _integrated(
    velocity: Callable[[float, float], float], start: float, t: np.ndarray
) -> np.ndarray:
    return np.asarray(
        solve_ivp(
            lambda s, z: [velocity(s, z[0])],
            (0.0, t[-1]),
            [start],
            "DOP853",
            t,
            rtol=RTOL,
            atol=RTOL,
        ).y[0]
    )


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
    return _integrated(
        lambda s, x: float(-(norm(s) ** (m - 1)) * (np.pi - _theta(x)) / (2 * np.pi)),
        float(np.log(np.tan(start.theta / 2))),
        t,
    )


def enclose(start: PlaneStart, t: np.ndarray, rounds: int) -> list[Enclosure]:
    """Rounds 0 ... of the bounds fed into each other, for v* = 1."""
    m = start.depth - 1
    found: list[Enclosure] = []
    low, high = None, CubicSpline(t, np.full(len(t), np.log(np.tan(start.theta / 2))))
    for _ in range(rounds + 1):
        norms = _norm(m, start, t, high), _norm(m, start, t, low)
        slow, fast = (CubicSpline(t, v) for v in (norms[::-1] if m == 0 else norms))
        angles = _angle(m, start, t, fast), _angle(m, start, t, slow)
        found.append(Enclosure(*norms, *angles))
        low, high = (CubicSpline(t, x) for x in angles)
    return found


def compute_tighter_bounds(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Bounds of every round, and bounds started again at every time, for v* = 1.

    depth : (D,). t : (T,). norm, theta : (D, T) of the flow. norm_low, norm_high, theta_low, theta_high : (D, K, T) of the rounds.
    again_low, again_high : (D, T, T) bounds of the norm at the second time started at the first, nan before. lag : of the figure.
    """
    options = study.options
    require_ranges(options, RANGES)
    depths, t = (
        [int(depth) for depth in options["depths"]],
        np.linspace(0.0, float(options["horizon"]), TIMES),
    )
    rounds: list[list[Enclosure]] = []
    paths, again = [], np.full((2, len(depths), TIMES, TIMES), np.nan)
    for k, depth in enumerate(depths):
        start = PlaneStart(depth, 1.0, float(options["ratio"]), float(options["theta0"]))
        path = population_flow(start, t)
        paths.append(path)
        rounds.append(enclose(start, t, int(options["rounds"])))
        for i in range(TIMES):
            moment = PlaneStart(depth, 1.0, float(path.norm[i]), float(path.theta[i]))
            again[:, k, i, i:] = norm_band(moment, Clock(t[i:] - t[i]))
            if i % 30 == 0:
                progress(k * TIMES + i, len(depths) * TIMES)
    low, high, x_low, x_high = (
        np.array([[getattr(round_, name) for round_ in found] for found in rounds])
        for name in Enclosure._fields
    )
    return {
        "depth": np.array(depths), "t": t, "norm": np.array([path.norm for path in paths]), "theta": np.array([path.theta for path in paths]),
        "norm_low": low, "norm_high": high, "theta_low": _theta(x_low), "theta_high": _theta(x_high), "again_low": again[0], "again_high": again[1],
    }  # fmt: skip


GIVEN = (as_declared(TIGHTER_BOUNDS, ("seed", "options")),)


@statement(
    "beyond-self-consistent",
    ref("Theorems 3.3, 3.4, 3.8 and 3.9, beyond the paper"),
    "theory",
    ("tighter-bounds",),
    "bounds fed into each other enclose the flow, each round within the one before, and tend to it",
    GIVEN,
)
def rounds_enclose(findings: Study) -> list[Judgement]:
    """measured: excess of the flow over any round, and of a round over the one before; width of the last round over that of round 0."""
    arrays = findings.arrays
    parts = []
    for name in ("norm", "theta"):
        low, high, flow = arrays[f"{name}_low"], arrays[f"{name}_high"], arrays[name][:, None]
        outside = max((low - flow).max(), (flow - high).max())
        wider = max(
            np.diff(-low, axis=1).max(initial=-np.inf), np.diff(high, axis=1).max(initial=-np.inf)
        )
        width = (high - low).max(axis=2)
        parts += [
            upper(f"{name}: flow outside by", outside, CLOSE),
            upper(f"{name}: round outside the one before by", wider, CLOSE),
        ]
        parts += (
            [
                upper(
                    f"{name}: width of the last round / of round 0",
                    (width[:, -1] / np.maximum(width[:, 0], CLOSE)).max(),
                    0.5,
                )
            ]
            if low.shape[1] > 1
            else []
        )
    return parts


@statement(
    "beyond-restarts",
    ref("Section 5.2, beyond the paper"),
    "theory",
    ("tighter-bounds",),
    "at every moment the bounds started last are the tightest",
    GIVEN,
)
def later_is_tighter(findings: Study) -> list[Judgement]:
    """measured: largest amount by which a bound started later lies outside one started earlier; pairs of moments at which the flow leaves them."""
    arrays = findings.arrays
    if len(arrays["t"]) < 2:
        raise NotApplicable("one moment has no later start")
    low, high, flow = arrays["again_low"], arrays["again_high"], arrays["norm"][:, None]
    looser = max(float(np.nanmax(-np.diff(low, axis=1))), float(np.nanmax(np.diff(high, axis=1))))
    with np.errstate(invalid="ignore"):
        outside = int(np.sum((low > flow + CLOSE) | (high < flow - CLOSE)))
    return [
        upper("later bound outside an earlier one by, v*", looser, CLOSE),
        none_of("moments outside", outside),
    ]


CLAIMS = (rounds_enclose, later_is_tighter)


# ---- figure


class TighterPanel(NamedTuple):
    """One depth: norm (T,), its bounds by round (K, T), and those started ``lag`` ago, (T,), nan before; widths of the angle by round (K, T)."""

    layers: int
    norm: np.ndarray
    low: np.ndarray
    high: np.ndarray
    lagging_low: np.ndarray
    lagging_high: np.ndarray
    widths: np.ndarray


class TighterBounds(NamedTuple):
    """Flow time (T,), the lag, and a panel for each depth."""

    t: np.ndarray
    lag: float
    panels: tuple[TighterPanel, ...]


def collect_tighter_bounds(findings: Study) -> TighterBounds:
    """At most three depths; widths of the angle relative to the angle."""
    arrays, lag = findings.arrays, float(findings.case.options["lag"])
    t = arrays["t"]
    back = max(0, round(lag / (t[1] - t[0])))
    panels = []
    for k, depth in enumerate(arrays["depth"][:3]):
        low, high = (
            np.concatenate([np.full(min(back, len(t)), np.nan), np.diagonal(arrays[name][k], back)])
            for name in ("again_low", "again_high")
        )
        widths = (arrays["theta_high"][k] - arrays["theta_low"][k]) / arrays["theta"][k]
        panels.append(
            TighterPanel(
                int(depth),
                arrays["norm"][k],
                arrays["norm_low"][k],
                arrays["norm_high"][k],
                low,
                high,
                widths,
            )
        )
    return TighterBounds(t, lag, tuple(panels))


def draw_tighter_bounds(axes: Sequence[Axes], data: TighterBounds) -> None:
    """Above: norm with the bounds of rounds 0, 1, 2 and those started a lag ago. Below: relative width of the angle's bounds by round."""
    columns = len(axes) // 2
    dashes: tuple[Any, ...] = ("-", (0, (4, 2)), (0, (1, 1.2)))
    for k, (ax, panel) in enumerate(zip(axes[:columns], data.panels, strict=False)):
        ax.fill_between(
            data.t,
            panel.lagging_low,
            panel.lagging_high,
            color=style.POSITIVE,
            alpha=0.3,
            linewidth=0.6,
            label=f"started {data.lag:g} before",
        )
        ax.plot(
            data.t, panel.norm, color=style.LEARNED, linewidth=1.6, zorder=3, label=r"flow $\|w\|$"
        )
        for index, (low, high, dash) in enumerate(zip(panel.low, panel.high, dashes, strict=False)):
            ax.plot(
                data.t,
                high,
                color=style.THEORY,
                linewidth=1.0,
                linestyle=dash,
                label=f"round {index}",
            )
            ax.plot(data.t, low, color=style.THEORY, linewidth=1.0, linestyle=dash)
        ax.set_title(f"({'abc'[k]}) {panel.layers} layer{'s' if panel.layers > 1 else ''}")
    for ax, panel in zip(axes[columns:], data.panels, strict=False):
        if not panel.widths.any():
            ax.text(
                0.5,
                0.5,
                "exact from round 0:\nthe norm does not enter",
                transform=ax.transAxes,
                ha="center",
                va="center",
            )
            continue
        for index, (width, dash) in enumerate(
            zip(
                panel.widths,
                (*dashes, (0, (6, 1.5, 1, 1.5)), (0, (3, 1, 1, 1, 1, 1))),
                strict=False,
            )
        ):
            ax.plot(
                data.t[1:],
                width[1:],
                color=style.THEORY,
                linewidth=1.0,
                linestyle=dash,
                label=f"round {index}",
            )
    for ax in axes[columns:]:
        ax.set(yscale="log", xlabel=r"flow time, $v^{*\,-2m}$", ylim=(1e-6, 1e1))
    for k, ax in enumerate(axes):
        ax.set_xlim(0, data.t[-1])
        ax.tick_params(labelleft=k % columns == 0, labelbottom=k >= columns)
        ax.spines["right"].set_visible(False)
    for ax in axes[:columns]:
        ax.set_ylim(0, 1.1 * max(float(panel.norm.max()) for panel in data.panels))
    axes[0].set_ylabel(r"$\|w\|/v^*$")
    axes[columns].set_ylabel(r"$(\theta_{high}-\theta_{low})/\theta$")
    legend_below(axes)


FIGURES = (
    Figure(
        id="beyond-tighter-bounds",
        file="beyond-tighter-bounds",
        cases=("tighter-bounds",),
        caption="Bounds of norm and angle fed into each other round by round, and bounds of the norm started again at every moment.",
        layout=(2, 3, style.PAGE, 4.2),
        collect=collect_tighter_bounds,
        draw=draw_tighter_bounds,
        tolerance=(1e-2, 1e-6),  # widths of the last round are as small as the error of integration
    ),
)
