r"""How small the basin of the spurious minimum is: its radius rho over the width, and the chance that noise leads out.

Inactive neurons with a > 0 never move, so that rho (``limit_point``) is known from the start, for any width: a least distance
of about 0.2 m neurons of size lambda / sqrt(m) to a hyperplane, hence of order m^(-3/2). Noise of deviation sigma on every
parameter activates neuron j on datum k with probability Phi(-d_jk / sigma), d_jk its distance; one that is active where
r_k > 0 grows and training fits the points. Networks are dominated, so that noise changes no sign of a.

The study's options: scale, widths and seeds (of the radii); m, sigmas, draws, lr, n_steps and more_steps (of the escapes).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.special import log_ndtr, ndtr

from flowrepro.claims.old_claim import number, require, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, style
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_mse, residuals
from flowrepro.papers.boursier2024.limit_point import basin_radius
from flowrepro.papers.boursier2024.study_hypotheses import spurious
from flowrepro.papers.boursier2024.training import go_on, problem_of, train
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def measure_basin(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """rho (widths, seeds) from the start; escaped (sigmas, draws) and predicted (sigmas,) for one trained network."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    residual = residuals(X, y)
    rho = np.empty((len(options["widths"]), options["seeds"]))
    for i, j in np.ndindex(rho.shape):
        rho[i, j] = basin_radius(
            X,
            residual,
            idle_positive(
                X, *initial_weights(_init(case, options["widths"][i]), case.seed + j, X.shape[1])
            ),
        )
    problem = problem_of(
        X, y, _init(case, options["m"]), case.seed, options["lr"], options["n_steps"]
    )
    end = train(problem)
    W, a = end.at(end.last_step)
    escaped = np.zeros((len(options["sigmas"]), options["draws"]), dtype=bool)
    level = 0.5 * least_mse(X, y)
    for done, (i, j) in enumerate(np.ndindex(escaped.shape)):
        rng, sigma = np.random.default_rng((case.seed, i, j)), options["sigmas"][i]
        noisy = go_on(
            problem,
            W + sigma * rng.standard_normal(W.shape),
            a + sigma * rng.standard_normal(a.shape),
            options["more_steps"],
        )
        escaped[i, j] = train(noisy, every=1000, target_loss=level, engine="fused").loss[-1] < level
        progress(done + 1, escaped.size)
    return {
        "rho": rho,
        "escaped": escaped,
        "predicted": escape_chance(
            X, residual, idle_positive(X, W, a), np.array(options["sigmas"])
        ),
        "end_rho": np.array(basin_radius(X, residual, idle_positive(X, W, a))),
        "end_mse": end.loss[-1:],
    }


def _init(case: StudyCase, m: int) -> Init:
    return Init(name="dominated", m=m, scale=case.options["scale"], divide_by="sqrt(m)")


def idle_positive(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The neurons (p, d) with a > 0 that are active on no datum."""
    return W[(a > 0) & ~np.any(W @ X.T > 0, axis=1)]  # type: ignore[no-any-return]


def escape_chance(
    X: np.ndarray, residual: np.ndarray, W: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """1 - prod over j and r_k > 0 of (1 - Phi(-d_jk / sigma)), (s,): the events of different data taken as independent."""
    pulling = residual > 0
    distance = np.abs(W @ X[pulling].T) / np.linalg.norm(X[pulling], axis=1)
    return np.array([-np.expm1(log_ndtr(distance / sigma).sum()) for sigma in sigmas])


def at_least_squares(findings: Study) -> str | None:
    """The network that is disturbed came to rest at least squares."""
    gap = abs(float(findings.arrays["end_mse"][0]) - least_mse(findings.X, findings.y))
    return (
        None
        if gap <= 1e-9
        else f"training does not end at least squares (the MSE differs by {gap:.2g})"
    )


@statement(
    "basin-width",
    ref("Section 5"),
    "theory",
    ("basin",),
    "the radius of the spurious minimum shrinks as m^(-3/2)",
    given=(spurious,),
)
def basin_width(findings: Study) -> Sequence[Judgement]:
    """Exponent of the geometric mean of the radii over the width."""
    widths, rho = (
        np.array(findings.case.options["widths"], dtype=np.float64),
        findings.arrays["rho"],
    )
    require(None if np.all(np.isfinite(rho)) else "a network has no inactive neuron with a > 0")
    require(
        None
        if len(widths) > 2 and widths.max() >= 100 * widths.min()
        else "an exponent needs three widths over two decades"
    )
    exponent = float(np.polyfit(np.log(widths), np.log(rho).mean(axis=1), 1)[0])
    return [
        window("exponent", exponent, -1.7, -1.3),
        number("geometric mean of the widest", float(np.exp(np.log(rho[-1]).mean()))),
    ]


@statement(
    "basin-escape",
    ref("Section 5"),
    "theory",
    ("basin",),
    "noise leads out as often as it activates a neuron",
    given=(spurious, at_least_squares),
)
def basin_escape(findings: Study) -> Sequence[Judgement]:
    """Escapes against their chance, in binomial deviations over all sigmas."""
    escaped, chance = findings.arrays["escaped"], findings.arrays["predicted"]
    draws = escaped.shape[1]
    deviation = np.sqrt(draws * chance * (1.0 - chance)).clip(min=0.5)
    gaps = np.abs(escaped.sum(axis=1) - draws * chance) / deviation
    return [
        upper("largest gap, in standard deviations", float(gaps.max()), -_quantile(len(gaps))),
        number(
            "noise of half a chance over rho",
            float(
                np.interp(0.5, chance, findings.case.options["sigmas"]) / findings.arrays["end_rho"]
            ),
        ),
    ]


def _quantile(count: int) -> float:
    """The normal quantile that the least of ``count`` draws stays above in 99.9 % of cases."""
    grid = np.linspace(-6.0, 0.0, 6001)
    return float(np.interp(1e-3 / count, ndtr(grid), grid))


class Basin(NamedTuple):
    """Widths (w,), rho (w, seeds); sigmas (s,), part that escapes and its chance (s,)."""

    widths: np.ndarray
    rho: np.ndarray
    sigmas: np.ndarray
    part: np.ndarray
    chance: np.ndarray


def collect_basin(findings: Study) -> Basin:
    """Radii and escapes."""
    options, arrays = findings.case.options, findings.arrays
    return Basin(
        np.array(options["widths"]),
        arrays["rho"],
        np.array(options["sigmas"]),
        arrays["escaped"].mean(axis=1),
        arrays["predicted"],
    )


def draw_basin(axes: Sequence[Axes], data: Basin) -> None:
    """Radius over the width; escapes over the noise."""
    radii, escapes = axes
    for column in data.rho.T:
        radii.plot(data.widths, column, ".", color=style.DEAD, markersize=3)
    mean = np.exp(np.log(data.rho).mean(axis=1))
    radii.plot(data.widths, mean, "o", color=style.LEARNED, markersize=4, label="geometric mean")
    radii.plot(
        data.widths,
        mean[0] * (data.widths / data.widths[0]) ** -1.5,
        "--",
        color=style.THEORY,
        linewidth=1.0,
        label="slope -3/2",
    )
    radii.set(
        xscale="log",
        yscale="log",
        xlabel="width $m$",
        ylabel="radius $\\rho$",
        title="(a) basin of the minimum",
    )
    radii.legend(loc="upper right")
    escapes.plot(
        np.log10(data.sigmas),
        data.chance,
        "--",
        color=style.THEORY,
        linewidth=1.0,
        label="chance that a neuron wakes",
    )
    escapes.plot(
        np.log10(data.sigmas),
        data.part,
        "o",
        color=style.LEARNED,
        markersize=4,
        label="runs that escape",
    )
    escapes.set(
        xlabel="$\\log_{10}$ of the noise $\\sigma$", ylabel="part", title="(b) escape after noise"
    )
    escapes.legend(loc="upper left")


CLAIMS: tuple[Claim, ...] = (basin_width, basin_escape)
FIGURES = (
    Figure(
        id="basin",
        file="basin",
        cases=("basin",),
        caption="Three points: radius of the spurious minimum over the width, and how often noise on all parameters leads out of it.",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect_basin,
        draw=draw_basin,
    ),
)
