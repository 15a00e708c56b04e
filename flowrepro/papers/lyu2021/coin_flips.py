"""Studies of frequencies: many small random starts per width, trained until the signs of the surviving neurons are decided."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.log_domain import Classification, integrate_many
from flowrepro.papers.lyu2021.draws import draws, probes
from flowrepro.papers.topic import Progress

RANGES = {
    "alpha": (0.0, 1.0),
    "scale": (1e-150, 1e3),
    "widths": (1, 1000),
    "seeds": (1, 100_000),
    "q": (1.0, 1e4),
}
BATCH = 50
"""Runs between two reports of progress."""
MOST_STEPS = 2_000_000


def coin_flips(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """``seeds`` starts of each width, by descent with steps c / C (the fastest for limits) to the margin q.

    options : alpha, init, scale, widths (list), seeds (count), q.

    Returns width (M,); first_W, first_a, W, a (M, S, m, d) and (M, S, m), start and end, narrower networks filled up with
    zeros; q, rho (M, S); probe (2000, d).
    """
    assert dataset is not None
    options, d = case.options, dataset.X.shape[1]
    require_ranges(options, RANGES)
    task = Classification(dataset.X, dataset.y, options["alpha"])
    widths, seeds, scale = options["widths"], options["seeds"], float(options["scale"])
    shape = (len(widths), seeds, max(widths))
    arrays = {
        name: np.zeros((*shape, d) if name.endswith("W") else shape)
        for name in ("first_W", "first_a", "W", "a")
    }
    q, rho = np.full(shape[:2], np.nan), np.full(shape[:2], np.nan)
    for k, m in enumerate(widths):
        W, a = draws(case.seed, seeds, m, d, options["init"])
        arrays["first_W"][k, :, :m], arrays["first_a"][k, :, :m] = scale * W, scale * a
        for begin in range(0, seeds, BATCH):
            part = slice(begin, begin + BATCH)
            runs = integrate_many(
                task, scale * W[part], scale * a[part], [options["q"]], max_steps=MOST_STEPS
            )
            for s, run in enumerate(runs, begin):
                arrays["W"][k, s, :m], arrays["a"][k, s, :m] = run.final
                q[k, s], rho[k, s] = run.q_min[-1], run.rho[-1]
            progress(k * seeds + begin + len(runs), len(widths) * seeds)
    return {"width": np.array(widths), **arrays, "q": q, "rho": rho, "probe": probes(case.seed, d)}
