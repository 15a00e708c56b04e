"""The gradient flow of the theory: sum over samples, balanced start eps W_0, as the study that Theorem 1 is judged on.

eps is given by its logarithm: Theorem 1 allows no scale that a double can hold (on six points ln eps < -1.9e5), and the
flow is integrated in log-polar coordinates, where e^(-188812) is an ordinary start.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from flowrepro.claims.options import at_least_one, one_of, positive
from flowrepro.core.config import Loss, StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.alignment import Alignment, align
from flowrepro.engines.flow.flow import Integration
from flowrepro.engines.flow.resolve import KINDS
from flowrepro.engines.flow.result import Events
from flowrepro.errors import NumericalError, UsageError
from flowrepro.papers.topic import Progress
from flowrepro.theory.alignment import class_sums

FIT = 0.25
"""|f| at which a class leaves the small initialisation: t2+- are the first times beyond it (min2024 Appendix D.2)."""
UNFITTED = 50.0
"""Horizon of a flow in which no neuron can fit (chosen)."""
PARTS = 50
"""Pieces of the integration between which progress is told."""


def balanced_start(seed: int, m: int, d: int) -> tuple[np.ndarray, np.ndarray]:
    """W_0 (m, d) with entries N(0, 1/d) and a_j = s_j ||w_j||, fair signs s (min2024 eq. 3 and "Merits of random initialization")."""
    rng = np.random.default_rng(seed)
    W = rng.standard_normal((m, d)) / np.sqrt(d)
    return W, rng.choice([-1.0, 1.0], m) * np.linalg.norm(W, axis=1)


def theory_flow(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """The flow from t = 0 until ``after`` units of time past the predicted end of the slower class's growth.

    Options: m, ln_eps, loss (exp or logistic2, sum over samples), after, points (times per part of the grid), rtol.

    Returns t (T,), loss (T,), Y (T, m, d + 2) rows (ln r, w/r, a/r) with r^2 = ||w||^2 + a^2, and the stays of every neuron
    in an activation pattern, by index: stay_neuron, stay_start, stay_end (inf for the last), stay_positive, stay_negative
    (how many data of each class are active).
    """
    assert dataset is not None
    X, y, ln_eps, points = (
        dataset.X,
        dataset.y,
        ln_scale(case),
        at_least_one(case, "points", 10_000),
    )
    after, rtol = positive(case, "after"), positive(case, "rtol")
    loss = Loss(name=one_of(case, "loss", "exp", "logistic2", "logistic"), reduction="sum")  # type: ignore[arg-type]
    W, a = balanced_start(case.seed, at_least_one(case, "m"), X.shape[1])
    alignment = align(X, y, W, a)
    fits = np.array(predicted_fits(alignment, X, y, ln_eps))
    grid = time_grid(alignment.settled, fits, X, y, after, points)
    flow, parts = Integration(X, y, W, a, loss, ln_scale=ln_eps, rtol=rtol), []
    for done, times in enumerate(np.array_split(grid, min(PARTS, len(grid)))):
        progress(done, PARTS)
        parts.append(flow.advance(times, keep=True))
        if (stop := flow.failure()) is not None:
            raise NumericalError(
                f"the flow of case '{case.name}' ended early, {stop.reason.value} ({stop.note}); loosen options.rtol or perturb the points"
            )
    losses, Y = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return {"t": grid, "loss": losses, "Y": Y, **stays(Y[0], flow.events(), X, y)}


def ln_scale(case: StudyCase) -> float:
    """The option ln_eps, at most 0."""
    value = float(case.options["ln_eps"])
    if not -1e6 <= value <= 0:
        raise UsageError(f"options.ln_eps must lie in [-1e6, 0], not {value:g}")
    return value


def predicted_fits(
    alignment: Alignment, X: np.ndarray, y: np.ndarray, ln_eps: float
) -> tuple[float, float]:
    """Times at which the negligible network, continued, has max |f| = 1/4 on the positive and on the negative data; inf without one."""
    return _fit_time(alignment, X[y > 0], ln_eps, 1), _fit_time(alignment, X[y < 0], ln_eps, -1)


def _fit_time(alignment: Alignment, X: np.ndarray, ln_eps: float, sign: int) -> float:
    paths = [path for path in alignment.paths if path.sign == sign]
    if not paths or not len(X):
        return np.inf

    def excess(t: float) -> float:
        sizes = np.array([path.log_norm(t) for path in paths]) + ln_eps
        heights = np.maximum(np.stack([path.direction(t) for path in paths]) @ X.T, 0.0)
        top = float(sizes.max())
        f = float((np.exp(2 * (sizes - top)) @ heights).max())
        return 2 * top + float(np.log(f)) - float(np.log(FIT)) if f > 0 else -np.inf

    pull = float(np.linalg.norm(X.sum(axis=0)))
    early = alignment.settled
    if pull == 0.0:
        return np.inf
    late = early + (50.0 - ln_eps) / pull
    if excess(early) >= 0:
        return early
    return float(brentq(excess, early, late)) if 0 < excess(late) < np.inf else np.inf


def time_grid(
    settled: float, fits: np.ndarray, X: np.ndarray, y: np.ndarray, after: float, points: int
) -> np.ndarray:
    """Times of the flow: even over all, until a little after all neurons have ``settled``, and over the last units, and finer around each fit."""
    known = fits[np.isfinite(fits)]
    end = float(known.max()) + after if known.size else UNFITTED
    parts = [
        np.linspace(0.0, end, points),
        np.linspace(0.0, min(1.5 * settled, end), points),
        np.linspace(max(0.0, end - after), end, points),
    ]
    for fit, r in zip(fits, class_sums(X, y), strict=True):
        if np.isfinite(fit):
            unit = 1.0 / float(np.linalg.norm(r))
            parts.append(np.linspace(max(0.0, fit - 2 * unit), min(end, fit + 4 * unit), points))
    return np.unique(np.concatenate(parts))


def stays(start: np.ndarray, events: Events, X: np.ndarray, y: np.ndarray) -> dict[str, np.ndarray]:
    """From the first rows (m, d + 2) and the events: one entry per neuron and pattern, in the order of neurons and time.

    A pattern of no length is left out.
    """
    planes = events.samples
    side = {k: np.sign(X[k] @ X[samples[0]]) for samples in planes for k in samples}
    changes = events.of("cross-", "cross+", "leave-", "leave+", "slide")
    up = np.where(np.isin(changes.kind, [KINDS.index("cross+"), KINDS.index("leave+")]), 1.0, -1.0)
    up[changes.kind == KINDS.index("slide")] = 0.0
    kept: list[tuple[int, float, float, int, int]] = []
    for j in range(len(start)):
        active = start[j, 1:-1] @ X.T > 0
        own = np.flatnonzero(changes.neuron == j)
        since = 0.0
        for t, plane, to in zip(
            [*changes.t[own], np.inf], [*changes.plane[own], -1], [*up[own], 0.0], strict=True
        ):
            if t > since:
                kept.append(
                    (
                        j,
                        since,
                        float(t),
                        int(np.sum(active & (y > 0))),
                        int(np.sum(active & (y < 0))),
                    )
                )
            since = float(t)
            if plane >= 0:
                for k in planes[plane]:
                    active[k] = side[k] * to > 0
    columns = list(zip(*kept, strict=True))
    names = ("stay_neuron", "stay_start", "stay_end", "stay_positive", "stay_negative")
    return {name: np.array(column) for name, column in zip(names, columns, strict=True)}
