"""StudyCase "table": test errors of the best linear separator and of trained nets on shifted Gaussian points (lyu2021, Table 1 and Figure 4)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from flowrepro.claims.options import require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.initialize import he
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset
from flowrepro.data.separable import shifted_gaussian
from flowrepro.engines.log_domain import Classification, integrate
from flowrepro.papers.lyu2021.boundaries import plane, tilt_and_bend
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin import Separator, hard_margin, normalised_margin

DIMENSION = 50
RANGES = {
    "sizes": (2, 5000),
    "seeds": (1, 1000),
    "shift": (1e-3, 1e3),
    "n_test": (1, 1_000_000),
    "alpha": (0.0, 1.0),
    "m": (1, 10_000),
    "scale": (1e-100, 1e3),
    "lr": (1e-9, 10.0),
    "q": (1.0, 1e5),
}
REACH = 3.0
"""Height |v| up to which the zero line of a net is followed in the plane of Figure 4."""


def study_table(case: StudyCase, dataset: Dataset | None, progress: Progress) -> Mapping[str, Any]:
    """Errors of both classifiers for N sizes and R seeds, and the nets of the first seed in the plane of Figure 4.

    options : sizes (list), seeds (count), shift, n_test, alpha, m, scale, lr, q, mirror (train on (x, y) and (-x, -y)).

    Returns size (N,); svm, net (N, R) test errors; agreement (N, R), of their signs on the test points; margin_ratio
    (N, R), of the net's margin and that of the linear pair (1 + alpha) / 4 gamma^*; residual (N, R), of the separator's
    certificate; separable (N, R); reached (N, R), least output margin; ln_loss (N, R); steps (N, R), trials included;
    tilt_svm, tilt_net (degrees from the vertical), bend (N,); points (N, most, 2) in the plane, label (N, most) (nan
    beyond a set's size); w (N, d), axes (N, 2, d), W (N, m, d), a (N, m).
    """
    options = case.options
    require_ranges(options, RANGES)
    sizes, seeds = [int(n) for n in options["sizes"]], int(options["seeds"])
    cells = [(n, seed) for n in sizes for seed in range(case.seed, case.seed + seeds)]
    kept = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pending = [pool.submit(_cell, options, n, seed) for n, seed in cells]
        try:
            for done, future in enumerate(pending, 1):
                kept.append(future.result())
                progress(done, len(cells))
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    shape = (len(sizes), seeds)
    names = ("svm", "net", "agreement", "margin_ratio", "residual", "reached", "ln_loss", "steps")
    first = [_in_plane(options, cell, max(sizes)) for cell in kept[::seeds]]
    return {
        "size": np.array(sizes),
        **{name: np.array([cell[name] for cell in kept]).reshape(shape) for name in names},
        **{name: np.stack([panel[name] for panel in first]) for name in first[0]},
    }


def _cell(options: Mapping[str, Any], n: int, seed: int) -> dict[str, Any]:
    """One size and one seed."""
    data = shifted_gaussian(n, options["shift"], seed, DIMENSION, int(options["n_test"]))
    X, y, alpha = data.X, data.y, options["alpha"]
    if options["mirror"]:
        X, y = np.vstack([X, -X]), np.concatenate([y, -y])
    best = hard_margin(X, y)
    assert isinstance(
        best, Separator
    )  # in 51 dimensions, and separated along the first by construction
    W, a = he(np.random.default_rng(seed), int(options["m"]), X.shape[1])
    run = integrate(
        Classification(X, y, alpha),
        options["scale"] * W,
        options["scale"] * a,
        [options["q"]],
        method="gd",
        control=options["lr"],
    )
    W, a = run.final
    X_test, y_test = data.extra["X_test"], data.extra["y_test"]
    linear, net = X_test @ best.w > 0, predict(X_test, W, a, alpha) > 0
    return {
        "svm": float(np.mean(linear != (y_test > 0))),
        "net": float(np.mean(net != (y_test > 0))),
        "agreement": float(np.mean(linear == net)),
        "margin_ratio": normalised_margin(X, y, W, a, alpha) / ((1 + alpha) / 4 * best.margin),
        "residual": max(best.infeasibility, best.stationarity, best.gap),
        "reached": float(run.q_min[-1]),
        "ln_loss": float(run.ln_loss[-1]),
        "steps": float(run.step[-1] + run.stats["rejected"]),
        "w": best.w,
        "W": W,
        "a": a,
        "X": data.X,
        "y": data.y,
    }


def _in_plane(options: Mapping[str, Any], cell: Mapping[str, Any], most: int) -> dict[str, Any]:
    """The plane through 0 spanned by the true normal e_1 and by what the separator has besides; the bias feature stays at its value."""
    axes, offset = figure_axes(cell["w"]), bias_offset(len(cell["w"]))
    label = np.full(most, np.nan)
    label[: len(cell["y"])] = cell["y"]
    points = np.full((most, 2), np.nan)
    points[: len(cell["y"])] = cell["X"] @ axes.T
    tilt_net, bend = tilt_and_bend(
        plane(cell["W"], cell["a"], options["alpha"], axes, offset), REACH
    )
    tilt_svm, _ = tilt_and_bend(lambda p: (p @ axes + offset) @ cell["w"], REACH)
    return {
        "tilt_svm": tilt_svm,
        "tilt_net": tilt_net,
        "bend": bend,
        "points": points,
        "label": label,
        "axes": axes,
        "w": cell["w"],
        "W": cell["W"],
        "a": cell["a"],
    }


def figure_axes(w: np.ndarray) -> np.ndarray:
    """Unit vectors (2, d): e_1, and the part of w orthogonal to it and to the bias feature, the last coordinate."""
    across = w.copy()
    across[[0, -1]] = 0.0
    return np.stack([np.eye(len(w))[0], across / np.linalg.norm(across)])


def bias_offset(d: int) -> np.ndarray:
    """(0, ..., 0, 0.1): the bias feature of `shifted_gaussian`."""
    return np.append(np.zeros(d - 1), 0.1)
