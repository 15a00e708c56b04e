"""Studies of how small a start must be: the cone test over scales and widths, and the fading of the slower sign (beyond the paper)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, StopReason
from flowrepro.data.separable import hinted
from flowrepro.engines.log_domain import Classification, integrate, integrate_many, join
from flowrepro.engines.log_domain.integrate import HANDOVER, Start
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.draws import draws
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin_global import largest_margin

CONE = {"alpha": (0.0, 1.0), "widths": (1, 10_000), "scales": (1e-150, 1e3), "seeds": (1, 10_000)}
FADING = {
    "alpha": (0.0, 1.0),
    "m": (1, 10_000),
    "scales": (1e-150, 1e3),
    "seeds": (1, 10_000),
    "q": (1e-6, 10.0),
}
HINTS = {
    "alpha": (0.01, 0.99),
    "m": (1, 66),
    "scale": (1e-150, 1e3),
    "seeds": (1, 1000),
    "H": (1e-3, 1e3),
    "K": (1e-6, 1e3),
    "q": (1.0, 1e10),
}
MOST_STEPS, MOST_IMPLICIT = 100_000, 3_000
"""Steps after which a flow is given up, ten times what they usually take."""
SEPARATED = 8.0
"""A margin at which n L < ln 2 for up to a thousand points."""


def small_enough(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """The cone test of Lemma G.4 when L = ln 2 / n, for M widths, A scales and S draws, the same draws at every scale.

    options : alpha, init, widths, scales, seeds.

    Returns width (M,), scale (A,); stray (M, A, S), neurons outside the cone then, nan where the loss never gets there.
    """
    assert dataset is not None
    options, (X, y) = case.options, (dataset.X, dataset.y)
    require_ranges(options, CONE)
    task = Classification(X, y, options["alpha"])
    widths, scales, seeds = options["widths"], options["scales"], options["seeds"]
    stray = np.full((len(widths), len(scales), seeds), np.nan)
    for k, m in enumerate(widths):
        W, a = draws(case.seed, seeds, m, X.shape[1], options["init"])
        for j, scale in enumerate(scales):
            for s, run in enumerate(
                integrate_many(task, scale * W, scale * a, [SEPARATED], max_steps=MOST_STEPS)
            ):
                if run.separated is not None:
                    stray[k, j, s] = np.sum(
                        ~geometry.aligned(X, y, run.W[run.separated], run.a[run.separated])
                    )
            progress(k * len(scales) + j + 1, len(widths) * len(scales))
    return {"width": np.array(widths), "scale": np.array(scales), "stray": stray}


def fading(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Size of the neurons of negative output relative to the positive ones at a small margin, for scales down to 1e-100.

    options : alpha, m, scales (decreasing), seeds, q.

    Returns scale (A,), ratio (S, A), ||a_-|| / ||a_+|| at the margin q; nan for draws of one sign.
    """
    assert dataset is not None
    options = case.options
    require_ranges(options, FADING)
    task = Classification(dataset.X, dataset.y, options["alpha"])
    W, a = draws(case.seed, options["seeds"], options["m"], dataset.X.shape[1], "balanced")
    scales, ratio = (
        np.array(options["scales"], dtype=float),
        np.full((len(a), len(options["scales"])), np.nan),
    )
    for j, scale in enumerate(scales):
        for s, run in enumerate(
            integrate_many(
                task, scale * W, scale * a, [options["q"]], method="rk4", max_steps=MOST_STEPS
            )
        ):
            _, last = run.final
            if np.any(last > 0) and np.any(last < 0):
                ratio[s, j] = np.linalg.norm(last[last < 0]) / np.linalg.norm(last[last > 0])
        progress(j + 1, len(scales))
    return {"scale": scales, "ratio": ratio}


def hint_crossover(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Flows on hinted points (Definition 6.1) whose side hints eps w* +- K w_perp move apart, from balanced starts.

    options : alpha, m, scale, seeds, H (the first hint), K (increasing list), q (last margin).

    Returns K (A,); largest (A,), the largest margin of any width; one_plus, one_minus, linear (A,), those of the one-neuron networks
    and of the linear pair; kappa, slack (A,), of Assumptions A.3 and A.2 (they hold where positive); gamma (A, S), the flow's.
    """
    options = case.options
    require_ranges(options, HINTS)
    W, a = draws(case.seed, options["seeds"], options["m"], 2, "balanced")
    kept = []
    for k, K in enumerate(options["K"], 1):
        points = hinted(options["H"], K)
        X, y, alpha = points.X, points.y, options["alpha"]
        best, plus, minus = (
            geometry.separator(X, y),
            geometry.one_neuron(X, y, alpha),
            geometry.one_neuron(X, y, alpha, -1.0),
        )
        task = Classification(X, y, alpha)
        kept.append(
            {
                "K": K,
                "largest": largest_margin(X, y, alpha).lower,
                "one_plus": plus.margin / 2 if plus else np.nan,
                "one_minus": minus.margin / 2 if minus else np.nan,
                "linear": (1 + alpha) / 4 * best.margin if best else np.nan,
                "kappa": geometry.lag(X, y, alpha),
                "slack": geometry.alignment_slack(X, y, alpha).min(),
                "gamma": _limits(task, options["scale"] * W, options["scale"] * a, options["q"]),
            }
        )
        progress(k, len(options["K"]))
    return {name: np.array([entry[name] for entry in kept]) for name in kept[0]}


def _limits(task: Classification, W: np.ndarray, a: np.ndarray, q: float) -> np.ndarray:
    """Normalised margins at the margin q, (S,)."""
    found = []
    for first in integrate_many(task, W, a, [HANDOVER], method="rk4", max_steps=MOST_STEPS):
        run = first
        if first.stop is StopReason.TARGET_LOSS and q > HANDOVER:
            clocks = Start(int(first.step[-1]), float(first.s[-1]), float(first.ln_t[-1]))
            run = join(
                first,
                integrate(
                    task, *first.final, [q], method="bdf", start=clocks, max_steps=MOST_IMPLICIT
                ),
            )
        found.append(run.normalised_margin[-1] if run.stop is StopReason.TARGET_LOSS else np.nan)
    return np.array(found)
