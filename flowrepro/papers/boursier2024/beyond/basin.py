r"""How small the basin of the spurious minimum is: its radius rho, and escapes from it by noise.

Inactive neurons with a > 0 never move, so that rho (`section_5_limit`) is known from the start, for
any width. It is a least distance of about 0.2 m neurons of size lambda / sqrt(m) to a hyperplane,
hence of order m^(-3/2). Noise of deviation sigma on every parameter activates neuron j on datum k
with probability Phi(-d_jk / sigma), d_jk its distance. A neuron that is active where r_k > 0 grows,
and training fits the points. Networks are dominated, so that noise changes no sign of a.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from scipy.special import log_ndtr, ndtr

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.config import Data
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel, Points
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import spurious
from flowrepro.papers.boursier2024.neurons import least_mse, residuals
from flowrepro.papers.boursier2024.section_5_limit import basin_radius
from flowrepro.papers.boursier2024.training import disturbed, law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The basin of the spurious minimum", given=(spurious,))


@topic.study
def basin(
    data: Dataset,
    *,
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    widths: list[int] = option(
        [100, 1000, 10_000, 100_000], "neurons of the radii", within=(1, 10**7)
    ),
    seeds: int = option(25, "networks of each width", within=(1, 1000)),
    m: int = option(500, "neurons of the escapes", within=(1, 100_000)),
    sigmas: list[float] = option(
        [2e-7, 4e-7, 6e-7, 1e-6, 1.5e-6, 2.5e-6, 5e-6],
        "deviations of the noise",
        within=(1e-300, 10.0),
    ),
    draws: int = option(12, "draws of the noise", within=(1, 1000)),
    lr: float = option(2e-2, "step of descent", within=(1e-4, 0.1)),
    n_steps: int = option(10_000, "steps to the minimum", within=(1, 10**7)),
    more_steps: int = option(25_000, "steps after the noise", within=(1, 10**7)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """rho (widths, seeds) from the start; escapes of one trained network.

    escaped (sigmas, draws), predicted (sigmas,), and end_rho, end_mse of that network.
    """
    X, y = data.X, data.y
    residual = residuals(X, y)
    rho = np.empty((len(widths), seeds))
    for i, j in np.ndindex(rho.shape):
        start = initial_weights(law("dominated", widths[i], scale), seed + j, X.shape[1])
        rho[i, j] = basin_radius(X, residual, idle_positive(X, *start))
    problem = problem_of(X, y, law("dominated", m, scale), seed, lr, n_steps)
    end = train(problem)
    W, a = end.at(end.last_step)
    idle = idle_positive(X, W, a)
    escaped = np.zeros((len(sigmas), draws), dtype=bool)
    level = 0.5 * least_mse(X, y)
    for done, (i, j) in enumerate(np.ndindex(escaped.shape)):
        rng = np.random.default_rng((seed, i, j))
        noisy = disturbed(problem, W, a, sigmas[i], more_steps, rng)
        escaped[i, j] = train(noisy, every=1000, target_loss=level, engine="fused").loss[-1] < level
        progress(done + 1, escaped.size)
    return {
        "rho": rho,
        "escaped": escaped,
        "predicted": escape_chance(X, residual, idle, np.array(sigmas)),
        "end_rho": np.array(basin_radius(X, residual, idle)),
        "end_mse": end.loss[-1:],
    }


def idle_positive(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """The neurons (p, d) with a > 0 that are active on no datum."""
    return W[(a > 0) & ~np.any(W @ X.T > 0, axis=1)]  # type: ignore[no-any-return]


def escape_chance(
    X: np.ndarray, residual: np.ndarray, W: np.ndarray, sigmas: np.ndarray
) -> np.ndarray:
    """1 - prod over j and r_k > 0 of (1 - Phi(-d_jk / sigma)), shape (s,).

    The events of different data are taken as independent.
    """
    pulling = X[residual > 0]
    distance = np.abs(W @ pulling.T) / np.linalg.norm(pulling, axis=1)
    return np.array([-np.expm1(log_ndtr(distance / sigma).sum()) for sigma in sigmas])


BASIN = basin.case(
    "basin",
    "Beyond the paper: radius of the spurious minimum over the width, and escape from it by noise.",
    Data(name="three-points"),
    quick={"options.widths": [100, 1000, 10_000], "options.draws": 3},
)


def at_least_squares(result: Study) -> str | None:
    """The network that is disturbed came to rest at least squares."""
    gap = abs(float(result.arrays["end_mse"][0]) - least_mse(result.X, result.y))
    if gap <= 1e-9:
        return None
    return f"training does not end at least squares (the MSE differs by {gap:.2g})"


@topic.claim(
    "beyond-basin-width",
    "The radius of the spurious minimum shrinks as m^(-3/2).",
    place="beyond Section 5",
)
def basin_width(result: Study) -> Iterable[Part]:
    """Exponent of the geometric mean of the radii over the width."""
    widths = np.array(result.case.options["widths"], dtype=np.float64)
    rho = result.arrays["rho"]
    if not np.all(np.isfinite(rho)):
        require("a network has no inactive neuron with a > 0")
    if len(widths) < 3 or widths.max() < 100 * widths.min():
        require("an exponent needs three widths over two decades")
    exponent = np.polyfit(np.log(widths), np.log(rho).mean(axis=1), 1)[0]
    yield within("exponent", exponent, -1.7, -1.3)
    yield number("geometric mean of the widest", np.exp(np.log(rho[-1]).mean()))


@topic.claim(
    "beyond-basin-escape",
    "Noise leads out of the minimum as often as it activates a neuron.",
    place="beyond Section 5",
    given=(at_least_squares,),
)
def basin_escape(result: Study) -> Iterable[Part]:
    """Escapes against their chance, in binomial deviations over all sigmas.

    The bound is the normal quantile that the largest gap stays below in 99.9 % of cases.
    """
    escaped, chance = result.arrays["escaped"], result.arrays["predicted"]
    draws = escaped.shape[1]
    deviation = np.sqrt(draws * chance * (1.0 - chance)).clip(min=0.5)
    gaps = np.abs(escaped.sum(axis=1) - draws * chance) / deviation
    grid = np.linspace(-6.0, 0.0, 6001)
    quantile = float(np.interp(1e-3 / len(gaps), ndtr(grid), grid))
    half = np.interp(0.5, chance, result.case.options["sigmas"]) / result.arrays["end_rho"]
    yield at_most("largest gap, in standard deviations", gaps.max(), -quantile)
    yield number("noise of half a chance over rho", half)


@topic.figure(
    "basin",
    "Three points: radius of the spurious minimum over the width, and how often noise on all "
    "parameters leads out of it.",
    layout=(1, 2, style.PAGE, 2.6),
)
def basin_figure(result: Study) -> Iterable[Panel]:
    """Radius over the width; escapes over the noise."""
    options, arrays = result.case.options, result.arrays
    widths, rho = np.array(options["widths"]), arrays["rho"]
    mean = np.exp(np.log(rho).mean(axis=1))
    law = mean[0] * (widths / widths[0]) ** -1.5
    radii = [
        Points(np.repeat(widths, rho.shape[1]), rho.ravel(), marker=".", size=3.0,
               colour=style.DEAD, label="one network"),
        Points(widths, mean, label="geometric mean"),
        Line(widths, law, colour=style.THEORY, dash="--", width=1.0, label="slope $-3/2$"),
    ]  # fmt: skip
    yield Panel(radii, title="basin of the minimum", scale="log-log", xlabel="width $m$",
                ylabel=r"radius $\rho$", legend="upper right")  # fmt: skip
    sigmas = np.log10(options["sigmas"])
    escapes = [
        Line(sigmas, arrays["predicted"], colour=style.THEORY, dash="--", width=1.0,
             label="chance that a neuron wakes"),
        Points(sigmas, arrays["escaped"].mean(axis=1),
               label=f"runs that escape, of {arrays['escaped'].shape[1]}"),
    ]  # fmt: skip
    yield Panel(escapes, title="escape after noise", xlabel=r"$\log_{10}$ of the noise $\sigma$",
                ylabel="part of the runs", ylim=(-0.03, 1.03), legend="upper left")  # fmt: skip
