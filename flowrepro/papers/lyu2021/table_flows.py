"""Studies on the points of Table 1 (beyond the paper): test error along the training, mirror images, and how optimal the margin is."""

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
from flowrepro.engines.log_domain import Classification, LateRun, integrate
from flowrepro.errors import DataError
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin import Separator
from flowrepro.theory.margin_global import improved_margin

RANGES = {
    "sizes": (2, 5000),
    "seeds": (1, 1000),
    "shift": (1e-3, 1e3),
    "alpha": (0.0, 1.0),
    "m": (1, 10_000),
    "scale": (1e-100, 1e3),
    "lr": (1e-9, 10.0),
    "q": (1e-3, 1e5),
}


def _trained(
    options: Mapping[str, Any], X: np.ndarray, y: np.ndarray, seed: int, levels: list[float]
) -> LateRun:
    """Descent as in Appendix J from 0.001 times the He initialisation."""
    W, a = he(np.random.default_rng(seed), options["m"], X.shape[1])
    task = Classification(X, y, options["alpha"])
    return integrate(
        task, options["scale"] * W, options["scale"] * a, levels, method="gd", control=options["lr"]
    )


def _separator(X: np.ndarray, y: np.ndarray) -> Separator:
    found = geometry.separator(X, y)
    if found is None:
        raise DataError("a drawn set is not separable; take fewer points or a larger options.shift")
    return found


def early_stopping(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Test errors at L margins along the training, on the sets as drawn and with the mirror images (-x, -y) added.

    options : sizes, seeds, shift, n_test, alpha, m, scale, lr, q (margins).

    Returns size (N,), q (L,); svm (N, 2, S), error of the linear separator, as drawn and mirrored; net (N, 2, S, L), agreement
    (N, 2, S, L), part of the test points on which the signs of both agree.
    """
    options = case.options
    require_ranges(options, {**RANGES, "n_test": (1, 1_000_000)})
    cells = [
        (n, mirror, seed)
        for n in options["sizes"]
        for mirror in (False, True)
        for seed in range(case.seed, case.seed + options["seeds"])
    ]

    def one(cell: tuple[int, bool, int]) -> tuple[float, np.ndarray, np.ndarray]:
        n, mirror, seed = cell
        points = shifted_gaussian(n, options["shift"], seed, n_test=options["n_test"])
        X, y = (
            (np.vstack([points.X, -points.X]), np.concatenate([points.y, -points.y]))
            if mirror
            else (points.X, points.y)
        )
        run = _trained(options, X, y, seed, options["q"])
        X_test, positive = points.extra["X_test"], points.extra["y_test"] > 0
        linear = X_test @ _separator(X, y).w > 0
        nets = [predict(X_test, *run.at(q), options["alpha"]) > 0 for q in options["q"]]
        return (
            float(np.mean(linear != positive)),
            np.array([np.mean(net != positive) for net in nets]),
            np.array([np.mean(net == linear) for net in nets]),
        )

    kept = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, found in enumerate(pool.map(one, cells), 1):
            kept.append(found)
            progress(done, len(cells))
    shape = (len(options["sizes"]), 2, options["seeds"])
    svm, net, agreement = (np.array(values) for values in zip(*kept, strict=True))
    return {
        "size": np.array(options["sizes"]),
        "q": np.array(options["q"], dtype=float),
        "svm": svm.reshape(shape),
        "net": net.reshape(*shape, -1),
        "agreement": agreement.reshape(*shape, -1),
    }


def table_optimum(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Margins of trained nets on the sets of Table 1, of the linear pair, and what column generation makes of the nets.

    options : sizes, seeds, shift, alpha, m, scale, lr, q (margins).

    Returns size (N,), q (L,); linear (N, S); trained (N, S, L); improved, bound (N, S), the best margin found and an upper bound of all.
    """
    options = case.options
    require_ranges(options, RANGES)
    cells = [
        (n, seed)
        for n in options["sizes"]
        for seed in range(case.seed, case.seed + options["seeds"])
    ]
    kept = []
    for done, (n, seed) in enumerate(cells, 1):
        points = shifted_gaussian(n, options["shift"], seed, n_test=1)
        run = _trained(options, points.X, points.y, seed, options["q"])
        trained = np.array([run.normalised_margin[run.index(q)] for q in options["q"]])
        best = improved_margin(points.X, points.y, *run.final, options["alpha"], seed)
        linear = (1 + options["alpha"]) / 4 * _separator(points.X, points.y).margin
        kept.append((linear, trained, best.lower, best.upper))
        progress(done, len(cells))
    shape = (len(options["sizes"]), options["seeds"])
    linear_, trained_, improved, bound = (np.array(values) for values in zip(*kept, strict=True))
    return {
        "size": np.array(options["sizes"]),
        "q": np.array(options["q"], dtype=float),
        "linear": linear_.reshape(shape),
        "trained": trained_.reshape(*shape, -1),
        "improved": improved.reshape(shape),
        "bound": bound.reshape(shape),
    }
