"""How small a start has to be for the neurons of Figure 8 to align before they grow (A.2).

For two positive unit points with cosine mu, norms grow like e^(sqrt(2) t) and the slowest neuron
needs t = ln(2/mu) to reach S_+. Both times are equal at the scale alpha_c = (mu/2)^sqrt(2).
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, within
from flowrepro.core.config import Loss
from flowrepro.core.initialize import gaussian
from flowrepro.core.trajectory import Study
from flowrepro.data.well_separated import two_positive_points
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.figures import style
from flowrepro.figures.panels import ErrorBars, Mark, Panel, Vertical
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.shared.regions import outside
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "The critical scale of the start")

LR = 1e-2
"""Step in flow time of the sum; rates are at most sqrt(2)."""
FEWEST_SEEDS = 10
EXPONENT = (1.2, 1.6)
"""Window for the exponent in mu of the measured critical scale; its limit is sqrt(2), and we
measure 1.29 from mu = 0.01 to 0.0001."""


@topic.study
def critical_scale(
    *,
    theta: list[float] = option(
        [0.01, 0.001, 0.0001], "angles with mu = sin theta", within=(1e-10, 1.57)
    ),
    log10_scale: list[float] = option(
        [-2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -10.0],
        "decimal logarithms of the deviation of the initial weights",
        within=(-99.0, 1.0),
    ),
    seeds: int = option(40, "draws of the initial weights", within=(1, 10_000)),
    m: int = option(50, "neurons", within=(1, 1_000)),
    horizon: float = option(42.0, "flow time", within=(0.01, 10_000.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Descent on the sum of exp for two points, from Gaussian starts of every scale and seed.

    mu (M,), scale (A,), outside (M, A, seeds): neurons that are alive and not in S_+ (or have
    a < 0) at the end.
    """
    n_steps = max(1, round(horizon / LR))
    draws = [gaussian(np.random.default_rng(seed + k), m, 2) for k in range(seeds)]
    W, a = (np.stack(arrays) for arrays in zip(*draws, strict=True))
    ends = np.array([0, n_steps])
    found = np.empty((len(theta), len(log10_scale), seeds), dtype=np.int64)
    for i, angle in enumerate(theta):
        X, y = (points := two_positive_points(angle)).X, points.y
        problem = Problem(X, y, W[0], a[0], Loss(name="exp", reduction="sum"), LR, n_steps)
        for k, exponent in enumerate(log10_scale):
            scale = 10.0**exponent
            members = Members(seed + np.arange(seeds), scale * W, scale * a)
            end = run_ensemble(problem, members, SaveAt(ends, ends))
            found[i, k] = outside(X, y, *end.at(n_steps)).sum(axis=-1)
            progress(i * len(log10_scale) + k + 1, len(theta) * len(log10_scale))
    return {"mu": np.sin(theta), "scale": 10.0 ** np.array(log10_scale), "outside": found}


CRITICAL_SCALE = critical_scale.case(
    "critical-scale",
    "Beyond the paper: the initial scale below which the neurons of Figure 8 align first.",
    quick={"options.seeds": 10},
)


def predicted_scale(mu: np.ndarray) -> np.ndarray:
    """alpha_c = (mu / 2)^sqrt(2)."""
    return np.asarray((mu / 2) ** np.sqrt(2.0))


def half_scales(scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Scale (M,) at which the mean number outside (M, A) is half of its largest; nan without one.

    Between two scales the number is taken linear in ln scale.
    """
    order = np.argsort(scale)
    found = []
    for counts in mean[:, order]:
        half = counts.max() / 2
        i = int(np.flatnonzero(counts >= half)[0]) if counts.max() > 0 else 0
        share = (half - counts[i - 1]) / (counts[i] - counts[i - 1]) if i > 0 else np.nan
        low, high = np.log(scale[order][[i - 1, i]])
        found.append(float(np.exp(low + share * (high - low))))
    return np.array(found)


def enough_seeds(result: Study) -> str | None:
    """Enough seeds for a mean."""
    seeds = result.arrays["outside"].shape[-1]
    few = (
        f"the mean of {seeds} seeds is too rough; it needs {FEWEST_SEEDS} "
        f"(--set options.seeds={FEWEST_SEEDS})"
    )
    return None if seeds >= FEWEST_SEEDS else few


@topic.claim(
    "beyond-critical-scale",
    "Neurons align before they grow below the scale alpha_c ~ (mu/2)^sqrt(2).",
    place="Appendix A.2",
    given=(enough_seeds,),
)
def critical(result: Study) -> Iterator[Part]:
    """Exponent in mu of the scale at which half of the neurons stay outside, and its distance.

    Far below that scale nearly no neuron is left outside.
    """
    mu, scale = result.arrays["mu"], result.arrays["scale"]
    mean, expected = result.arrays["outside"].mean(axis=-1), predicted_scale(mu)
    half = half_scales(scale, mean)
    unknown = (
        "an exponent needs at least two values of theta and scales on both sides of the critical "
        "one"
    )
    require(None if len(mu) >= 2 and np.all(np.isfinite(half)) else unknown)
    slope = float(np.polyfit(np.log(mu), np.log(half), 1)[0])
    yield within("exponent of the critical scale in mu", slope, *EXPONENT)
    distance = float(np.max(np.abs(np.log10(half / expected))))
    yield at_most("largest |log10(measured / (mu/2)^sqrt(2))|", distance, 1.0)
    far = scale[None, :] <= expected[:, None] / 1e3
    if far.any():
        most = float(mean[far].max())
        yield at_most("most neurons outside, on average, three decades below", most, 0.25)


@topic.figure(
    "beyond-critical-scale",
    "Two positive points with cosine mu: live neurons that are not in S+ when the data are "
    "fitted, against the scale of the start; dotted: (mu/2)^sqrt(2).",
    layout=(1, 1, style.COLUMN, 2.8),
)
def outside_by_scale(result: Study) -> Iterator[Panel]:
    """Means over the seeds with their standard errors, one curve per mu."""
    counts, mu, scale = (result.arrays[name] for name in ("outside", "mu", "scale"))
    error = counts.std(axis=-1) / np.sqrt(counts.shape[-1])
    looks = ((style.LEARNED, "o"), (style.POSITIVE, "s"), (style.NEGATIVE, "^"), (style.DATA, "D"))
    marks: list[Mark] = []
    for i, (one, expected) in enumerate(zip(mu, predicted_scale(mu), strict=True)):
        colour, marker = looks[i % len(looks)]
        marks += [
            ErrorBars(scale, counts[i].mean(axis=-1), yerr=error[i], colour=colour, marker=marker,
                      dash="-", width=1.0, label=rf"$\mu$ = {one:.2g}"),
            Vertical(expected, colour=colour, width=1.0),
        ]  # fmt: skip
    scale_label = r"scale $\alpha$ of the start; dotted: $(\mu/2)^{\sqrt{2}}$"
    yield Panel(
        marks, xlabel=scale_label, ylabel="live neurons outside $S_+$", scale="log-linear",
        ylim=(0, None),
    )  # fmt: skip
