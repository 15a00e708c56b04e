r"""StudyCase "convergence": the rates at which the flow on symmetric data reaches its limit of Theorem 4.3 (measured, not in the paper).

    1 - gamma / gamma_max ~ K1 / q,     max_x |f(x) / rho^2 - (1 + alpha)/4 <w^*, x>| ~ K2 / sqrt(q)

Components of w_k off the span of the support vectors stay bounded while rho ~ sqrt(q).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.separable import symmetric
from flowrepro.engines.log_domain import Classification, flow
from flowrepro.engines.log_domain.adaptive import BDF_ATOL
from flowrepro.errors import UsageError
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.classifiers import best_separator
from flowrepro.papers.lyu2021.draws import draw, probes
from flowrepro.papers.lyu2021.late_records import ref
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin_kkt import kkt_certificate

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = {
    "alpha": (0.01, 0.99),
    "dimensions": (1, 39),
    "halves": (1, 200),
    "data_seeds": (0, 2**31),
    "m": (2, 1000),
    "scale": (1e-100, 1e-2),
    "q": (1e2, 1e10),
}
MOST_WEIGHTS = 400
"""m (d + 1) up to which the implicit integrator is quick."""
SETTLED = 1e4
"""Margin from which the laws are fitted."""
EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| up to which both signs share the classifier evenly; before, the gap is that imbalance."""
RESOLVED = 10 * BDF_ATOL
"""Gap or distance from the limit that the implicit integrator resolves to a few percent (measured)."""


def study_convergence(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, Any]:
    """Flows on S data sets `symmetric` (dimensions, halves and data_seeds go together) at R margins from 10 to q, two a decade.

    Returns dimension, angle (S,) degrees between mu and w^*; q, gap, distance, eps, uneven (S, R): margin, 1 - gamma /
    gamma_max, distance of functions over 2000 unit vectors, KKT residual, and |sum_{a>0} a^2 / sum_{a<0} a^2 - 1|.
    """
    options = case.options
    require_ranges(options, RANGES)
    sets = [
        (int(d), int(h), int(seed))
        for d, h, seed in zip(
            options["dimensions"], options["halves"], options["data_seeds"], strict=False
        )
    ]
    if len({len(options[name]) for name in ("dimensions", "halves", "data_seeds")}) > 1:
        raise UsageError(
            "options.dimensions, options.halves and options.data_seeds must be lists of one length, an entry for each data set"
        )
    m = int(options["m"])
    if m * (max(d for d, _, _ in sets) + 1) > MOST_WEIGHTS:
        raise UsageError(
            f"options.m times the dimension + 1 must not exceed {MOST_WEIGHTS}; take fewer neurons"
        )
    levels = np.geomspace(10.0, float(options["q"]), round(2 * np.log10(options["q"])) - 1)
    kept = []
    for done, (d, h, seed) in enumerate(sets, 1):
        kept.append(
            _one(
                symmetric(d, h, seed),
                float(options["alpha"]),
                m,
                float(options["scale"]),
                levels,
                case.seed,
            )
        )
        progress(done, len(sets))
    return {
        "dimension": np.array([d for d, _, _ in sets]),
        **{name: np.array([entry[name] for entry in kept]) for name in kept[0]},
    }


def _one(
    data: Dataset, alpha: float, m: int, scale: float, levels: np.ndarray, seed: int
) -> dict[str, Any]:
    X, y = data.X, data.y
    best = best_separator(X, y)
    W, a = draw(np.random.default_rng([seed, m]), m, X.shape[1], "gaussian")
    run = flow(Classification(X, y, alpha), scale * W, scale * a, levels)
    points = probes(seed, X.shape[1])
    target, largest = geometry.linear_target(best.w, alpha, points), (1 + alpha) / 4 * best.margin
    cases: dict[str, list[float]] = {name: [] for name in ("q", "gap", "distance", "eps", "uneven")}
    for level in levels:
        if run.q_min[-1] < level * (1 - 1e-12):
            entries = [float("nan")] * 5
        else:
            index = run.index(level)
            W, a = run.W[index], run.a[index]
            distance = np.abs(predict(points, W, a, alpha) / run.rho[index] ** 2 - target).max()
            with np.errstate(divide="ignore"):
                uneven = abs(np.sum(a[a > 0] ** 2) / np.sum(a[a < 0] ** 2) - 1)
            entries = [
                float(run.q_min[index]),
                1 - float(run.normalised_margin[index]) / largest,
                float(distance),
                kkt_certificate(X, y, W, a, alpha).eps,
                float(uneven),
            ]
        for name, value in zip(cases, entries, strict=True):
            cases[name].append(value)
    cosine = float(geometry.unit(geometry.mean(X, y)) @ best.w)
    return {**cases, "angle": float(np.degrees(np.arccos(min(1.0, cosine))))}


def settled(run: Study, name: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """(q, values) of each set whose signs are even, from SETTLED on and above what is resolved; sets with less than a decade of them are left out."""
    pairs = []
    for q, values, uneven in zip(
        run.arrays["q"], run.arrays[name], run.arrays["uneven"], strict=True
    ):
        kept = (q >= SETTLED) & (values > RESOLVED) & (uneven <= EVEN)
        if kept.sum() >= 2 and q[kept][-1] >= 10 * q[kept][0]:
            pairs.append((q[kept], values[kept]))
    return pairs


def some_settled(run: Study) -> str | None:
    """At least one set has reached its law."""
    if settled(run, "gap") and settled(run, "distance"):
        return None
    return f"no flow has even signs over a decade of margins beyond {SETTLED:g}; set a larger q, or another seed"


@statement(
    "margin-gap-law",
    ref("Theorem 4.3 (rate measured)"),
    "theory",
    ("convergence",),
    "on symmetric data the margin gap falls like K1 / q",
    (some_settled,),
)
def gap_law(run: Study) -> list[Judgement]:
    """measured: slope of ln(1 - gamma / gamma_max) against ln q of each set, and how constant gap times q is."""
    pairs = settled(run, "gap")
    return [
        *(window("slope", _slope(q, gap), -1.02, -0.98) for q, gap in pairs),
        upper(
            "largest spread of gap * q within a set",
            max(float(np.ptp(q * gap) / np.mean(q * gap)) for q, gap in pairs),
            0.05,
        ),
        *(number("K1", float(np.mean(q * gap))) for q, gap in pairs),
    ]


@statement(
    "function-distance-law",
    ref("Theorem 4.3 (rate measured)"),
    "theory",
    ("convergence",),
    "the distance of functions falls like K2 / sqrt(q), or faster",
    (some_settled,),
)
def distance_law(run: Study) -> list[Judgement]:
    """measured: slope of ln max |f / rho^2 - (1 + alpha)/4 <w*, x>| against ln q of each set: -1/2, or -1 where the two neurons stay opposite."""
    pairs = settled(run, "distance")
    return [
        *(upper("slope", _slope(q, distance), -0.4) for q, distance in pairs),
        *(
            number("K2 = distance * sqrt(q) at the end", float(distance[-1] * q[-1] ** 0.5))
            for q, distance in pairs
        ),
    ]


def _slope(q: np.ndarray, values: np.ndarray) -> float:
    return float(np.polyfit(np.log(q), np.log(values), 1)[0])


CLAIMS: tuple[Claim, ...] = (gap_law, distance_law)


class Laws(NamedTuple):
    """q, gap, distance (S, R), dimension (S,)."""

    q: np.ndarray
    gap: np.ndarray
    distance: np.ndarray
    dimension: np.ndarray


def collect_laws(run: Study) -> Laws:
    """The two distances from the limit against the margin; what the integrator does not resolve is left out."""
    arrays = run.arrays
    gap, distance = (
        np.where(arrays[name] > RESOLVED, arrays[name], np.nan) for name in ("gap", "distance")
    )
    return Laws(arrays["q"], gap, distance, arrays["dimension"])


def draw_laws(axes: Sequence[Axes], data: Laws) -> None:
    """Two log-log panels with the powers dashed."""
    for ax, values, power, label in zip(
        axes,
        (data.gap, data.distance),
        (-1.0, -0.5),
        (r"$1-\gamma/\gamma_{\max}$", "distance of functions"),
        strict=True,
    ):
        for q, line, d, marker in zip(
            data.q, values, data.dimension, "os^Dv<>" * len(data.q), strict=False
        ):
            ax.loglog(
                q,
                line,
                marker=marker,
                markersize=3,
                linewidth=1.0,
                color=style.LEARNED,
                markerfacecolor="white",
                label=f"flow, $d={d}$",
            )
        first = data.q[0]
        height = np.nanmax(values[:, len(first) // 2]) * first[len(first) // 2] ** -power
        ax.loglog(
            first,
            3 * height * first**power,
            "--",
            color=style.THEORY,
            label=r"$q^{-1}$ (left), $q^{-1/2}$ (right)",
        )
        ax.set_xlabel(r"$q=\min_i\,y_i f(x_i)$")
        ax.set_title(label)
        ax.spines["right"].set_visible(False)
    legend_below(axes, columns=5)


FIGURES = (
    Figure(
        id="convergence",
        file="convergence-laws",
        cases=("convergence",),
        caption="Symmetric data, flow from small starts: margin gap and distance of functions to the limit of Theorem 4.3, down to losses of 10^-43000000.",
        layout=(1, 2, style.PAGE, 2.8),
        collect=collect_laws,
        draw=draw_laws,
        tolerance=(5e-2, 1e-9),
    ),
)
