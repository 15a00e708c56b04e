"""How small an initialisation has to be for the neurons of Figure 8 to align before they grow (beyond min2024, Appendix A.2).

For two positive unit points with cosine mu, norms grow like e^(sqrt(2) t) and the slowest neuron needs t = ln(2/mu) to reach S_+;
both times are equal at the scale alpha_c = (mu/2)^sqrt(2).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import at_least_one, positive, within
from flowrepro.core.config import Loss, StudyCase
from flowrepro.core.initialize import gaussian
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.well_separated import two_positive_points
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.figures import Figure, style
from flowrepro.papers.min2024.regions import outside
from flowrepro.papers.min2024.theory_cases import CRITICAL_SCALE
from flowrepro.papers.min2024.theory_states import ref
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LR = 1e-2
"""Step in flow time of the sum; rates are at most sqrt(2)."""
FEWEST_SEEDS = 10
EXPONENT = (1.2, 1.6)
"""Window for the exponent of the measured critical scale in mu, whose limit is sqrt(2) (measured 1.29 from mu = 0.01 to 0.0001)."""


def critical_scale(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """Descent on the sum of exp for two points with mu = sin theta, from Gaussian starts of every scale and seed, to time ``horizon``.

    mu (M,), scale (A,), outside (M, A, seeds): neurons that are alive and not in S_+ (or have a < 0) at the end.
    """
    thetas, exponents = (
        within(case, "theta", 0.0, np.pi / 2),
        within(case, "log10_scale", -100.0, 2.0),
    )
    seeds, m, n_steps = (
        at_least_one(case, "seeds", 10_000),
        at_least_one(case, "m"),
        max(1, round(positive(case, "horizon") / LR)),
    )
    draws = [gaussian(np.random.default_rng(case.seed + k), m, 2) for k in range(seeds)]
    W, a = np.stack([draw[0] for draw in draws]), np.stack([draw[1] for draw in draws])
    save_at = SaveAt(np.array([0, n_steps]), np.array([0, n_steps]))
    found = np.empty((len(thetas), len(exponents), seeds), dtype=np.int64)
    for i, theta in enumerate(thetas):
        points = two_positive_points(theta)
        for k, exponent in enumerate(exponents):
            scale = 10.0**exponent
            problem = Problem(
                points.X, points.y, W[0], a[0], Loss(name="exp", reduction="sum"), LR, n_steps
            )
            end = run_ensemble(
                problem, Members(case.seed + np.arange(seeds), scale * W, scale * a), save_at
            )
            found[i, k] = outside(points.X, points.y, *end.at(n_steps)).sum(axis=-1)
            progress(i * len(exponents) + k + 1, len(thetas) * len(exponents))
    return {"mu": np.sin(thetas), "scale": 10.0 ** np.array(exponents), "outside": found}


def predicted_scale(mu: np.ndarray) -> np.ndarray:
    """alpha_c = (mu / 2)^sqrt(2)."""
    return np.asarray((mu / 2) ** np.sqrt(2.0))


def half_scales(scale: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Scale (M,) at which the mean number outside (M, A) is half of its largest, on the straight line in ln scale between two scales; nan without one."""
    order = np.argsort(scale)
    found = []
    for counts in mean[:, order]:
        half = counts.max() / 2
        above = np.flatnonzero(counts >= half)
        i = int(above[0]) if counts.max() > 0 else 0
        share = (half - counts[i - 1]) / (counts[i] - counts[i - 1]) if i > 0 else np.nan
        ends = np.log(scale[order][[i - 1, i]])
        found.append(float(np.exp(ends[0] + share * (ends[1] - ends[0]))))
    return np.array(found)


def enough_seeds(findings: Study) -> str | None:
    """Enough seeds for a mean."""
    seeds = findings.arrays["outside"].shape[-1]
    return (
        None
        if seeds >= FEWEST_SEEDS
        else f"the mean of {seeds} seeds is too rough; it needs {FEWEST_SEEDS} (--set options.seeds={FEWEST_SEEDS})"
    )


@statement(
    "scale.critical",
    ref("Appendix A.2"),
    "theory",
    (CRITICAL_SCALE.name,),
    "neurons align before they grow below alpha_c ~ (mu/2)^sqrt(2)",
    (enough_seeds,),
)
def check_critical_scale(findings: Study) -> Sequence[Judgement]:
    """Exponent in mu of the scale at which half of the neurons stay outside, its distance from alpha_c, and who is left far below it."""
    mu, scale = findings.arrays["mu"], findings.arrays["scale"]
    mean = findings.arrays["outside"].mean(axis=-1)
    half = half_scales(scale, mean)
    if len(mu) < 2 or not np.all(np.isfinite(half)):
        raise NotApplicable(
            "an exponent needs at least two values of theta and scales on both sides of the critical one"
        )
    parts = [
        window(
            "exponent of the critical scale in mu",
            float(np.polyfit(np.log(mu), np.log(half), 1)[0]),
            *EXPONENT,
        ),
        upper(
            "largest |log10(measured / (mu/2)^sqrt(2))|",
            float(np.max(np.abs(np.log10(half / predicted_scale(mu))))),
            1.0,
        ),
    ]
    far = scale[None, :] <= predicted_scale(mu)[:, None] / 1e3
    if far.any():
        parts.append(
            upper(
                "most neurons outside, on average, three decades below",
                float(mean[far].max()),
                0.25,
            )
        )
    return parts


class CriticalScale(NamedTuple):
    """mu (M,), scale (A,), mean number of neurons outside (M, A) and its standard error; the predicted scale (M,)."""

    mu: np.ndarray
    scale: np.ndarray
    mean: np.ndarray
    error: np.ndarray
    predicted: np.ndarray


def collect_critical_scale(findings: Study) -> CriticalScale:
    """Means over the seeds."""
    counts, mu = findings.arrays["outside"], findings.arrays["mu"]
    error = counts.std(axis=-1) / np.sqrt(counts.shape[-1])
    return CriticalScale(
        mu, findings.arrays["scale"], counts.mean(axis=-1), error, predicted_scale(mu)
    )


def draw_critical_scale(axes: Sequence[Axes], data: CriticalScale) -> None:
    """One curve per mu; a triangle on the axis marks (mu/2)^sqrt(2)."""
    (ax,) = axes
    looks = ((style.LEARNED, "o"), (style.POSITIVE, "s"), (style.NEGATIVE, "^"), (style.DATA, "D"))
    for i, mu in enumerate(data.mu):
        colour, marker = looks[i % len(looks)]
        ax.errorbar(
            data.scale,
            data.mean[i],
            yerr=data.error[i],
            color=colour,
            marker=marker,
            markersize=3.5,
            linewidth=1,
            label=rf"$\mu$ = {mu:.2g}",
        )
        ax.axvline(data.predicted[i], color=colour, linestyle=":", linewidth=1)
    ax.set(
        xscale="log",
        xlabel=r"scale $\alpha$ of the initialisation",
        ylabel="live neurons outside $S_+$",
        ylim=(0, None),
    )
    ax.legend(title=r"dotted: $(\mu/2)^{\sqrt{2}}$", title_fontsize=7)


CLAIMS = (check_critical_scale,)
FIGURES = (
    Figure(
        id="beyond-critical-scale",
        file="beyond-critical-scale",
        cases=(CRITICAL_SCALE.name,),
        caption="Two positive points with cosine mu: live neurons that are not in S+ when the data are fitted, against the scale of the start",
        layout=(1, 1, style.COLUMN, 2.6),
        collect=collect_critical_scale,
        draw=draw_critical_scale,
    ),
)
