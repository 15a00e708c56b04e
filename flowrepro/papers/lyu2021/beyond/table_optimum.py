"""What mirror images, early stopping and the largest margin have to do with Table 1."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Study
from flowrepro.data.separable import shifted_gaussian
from flowrepro.engines.log_domain import LateRun
from flowrepro.errors import UsageError
from flowrepro.figures import style
from flowrepro.figures.panels import ErrorBars, Horizontal, Panel, Points, Ticks
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.shared.descent import BATCH_SIZE, DEVICE, ENGINE, in_threads
from flowrepro.papers.lyu2021.shared.geometry import best_separator
from flowrepro.papers.lyu2021.table_1 import (
    ALPHA,
    LR,
    N_TEST,
    SCALE,
    SHIFT,
    SIZES,
    M,
    trained,
    with_mirror_images,
)
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin_global import improved_margin

EARLY = 30.0
"""Margin up to which training counts as early."""
LATE = 100.0
"""Margin from which the directions are near their limit."""
SEEDS = option(3, "number of draws of each size", within=(1, 1000))
LEVELS = (1e-3, 1e5)
"""Least and largest output margin at which a net is looked at."""

MET = 1e-12
"""Relative distance up to which a level is met."""

topic = Topic(PAPER, "The sets of Table 1: early stopping, mirror images, largest margins")


def trained_to_the_end(X: np.ndarray, y: np.ndarray, q: list[float], **training: Any) -> LateRun:
    """`trained`; UsageError where the net does not get to the last margin."""
    run = trained(X, y, q, **training)
    if run.q_min[-1] < q[-1] * (1 - MET):
        raise UsageError(
            f"a net got to a margin of {run.q_min[-1] + 0.0:.3g} only, "
            f"not to options.q = {q[-1]:g}; take more neurons or larger steps"
        )
    return run


@topic.study
def early_stopping(
    *,
    sizes: list[int] = option([100], "numbers of points", within=SIZES),
    seeds: int = SEEDS,
    shift: float = SHIFT,
    n_test: int = N_TEST,
    alpha: float = ALPHA,
    m: int = M,
    scale: float = SCALE,
    lr: float = LR,
    engine: str = ENGINE,
    device: str = DEVICE,
    batch_size: int | None = BATCH_SIZE,
    q: list[float] = option(
        [1.0, 3.0, 10.0, 30.0, 100.0, 300.0], "least output margins, increasing", within=LEVELS
    ),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Test errors at L margins of the training, on sets as drawn and with mirror images added.

    Returns
    -------
    size (N,), q (L,). svm (N, 2, S) : error of the linear separator, as drawn and mirrored.
    net (N, 2, S, L) : error of the net. agreement (N, 2, S, L) : part of the test points on which
    the signs of both agree.
    """

    how: dict[str, Any] = {"engine": engine, "device": device, "batch_size": batch_size}

    def one(cell: tuple[int, bool, int]) -> tuple[float, np.ndarray, np.ndarray]:
        n, mirror, own = cell
        points = shifted_gaussian(n, shift, own, n_test=n_test)
        X, y = with_mirror_images(points.X, points.y) if mirror else (points.X, points.y)
        run = trained_to_the_end(X, y, q, alpha=alpha, m=m, scale=scale, lr=lr, seed=own, **how)
        X_test, positive = points.extra["X_test"], points.extra["y_test"] > 0
        linear = X_test @ best_separator(X, y).w > 0
        nets = [predict(X_test, *run.at(level), alpha) > 0 for level in q]
        return (
            float(np.mean(linear != positive)),
            np.array([np.mean(net != positive) for net in nets]),
            np.array([np.mean(net == linear) for net in nets]),
        )

    draws = range(seed, seed + seeds)
    cells = [(n, mirror, own) for n in sizes for mirror in (False, True) for own in draws]
    shape = (len(sizes), 2, seeds)
    kept = in_threads(one, cells, progress, **how)
    svm, net, agreement = (np.array(values) for values in zip(*kept, strict=True))
    return {
        "size": np.array(sizes),
        "q": np.array(q),
        "svm": svm.reshape(shape),
        "net": net.reshape(*shape, -1),
        "agreement": agreement.reshape(*shape, -1),
    }


EARLY_STOPPING = early_stopping.case(
    "early-stopping",
    "Beyond the paper: test errors of Table 1 along the training, with and without mirror images.",
    quick={"options.seeds": 1, "options.q": [1.0, 10.0, 100.0]},
)


@topic.study
def table_optimum(
    *,
    sizes: list[int] = option([10, 20, 40], "numbers of points", within=SIZES),
    seeds: int = SEEDS,
    shift: float = SHIFT,
    alpha: float = ALPHA,
    m: int = M,
    scale: float = SCALE,
    lr: float = LR,
    engine: str = ENGINE,
    device: str = DEVICE,
    batch_size: int | None = BATCH_SIZE,
    q: list[float] = option([100.0, 1000.0], "least output margins, increasing", within=LEVELS),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Margins of trained nets, of the linear pair, and what column generation makes of the nets.

    Returns
    -------
    size (N,), q (L,). linear (N, S). trained (N, S, L). improved, bound (N, S) : the best margin
    found, and an upper bound of all.
    """
    how: dict[str, Any] = {"engine": engine, "device": device, "batch_size": batch_size}
    cells = [(n, own) for n in sizes for own in range(seed, seed + seeds)]
    kept = []
    for done, (n, own) in enumerate(cells, 1):
        points = shifted_gaussian(n, shift, own, n_test=1)
        X, y = points.X, points.y
        run = trained_to_the_end(X, y, q, alpha=alpha, m=m, scale=scale, lr=lr, seed=own, **how)
        margins = np.array([run.normalised_margin[run.index(level)] for level in q])
        best = improved_margin(X, y, *run.final, alpha, own)
        kept.append(
            ((1 + alpha) / 4 * best_separator(X, y).margin, margins, best.lower, best.upper)
        )
        progress(done, len(cells))
    shape = (len(sizes), seeds)
    linear, margins, improved, bound = (np.array(values) for values in zip(*kept, strict=True))
    return {
        "size": np.array(sizes),
        "q": np.array(q),
        "linear": linear.reshape(shape),
        "trained": margins.reshape(*shape, -1),
        "improved": improved.reshape(shape),
        "bound": bound.reshape(shape),
    }


TABLE_OPTIMUM = table_optimum.case(
    "table-optimum",
    "Beyond the paper: is the margin reached on the sets of Table 1 the largest?",
    quick={"options.seeds": 1, "options.sizes": [10]},
)


def trained_late(result: Study) -> str | None:
    """The last margin is LATE or more."""
    last = result.arrays["q"][-1]
    return (
        None if last >= LATE else f"the last margin is {last:g}; the check takes {LATE:g} or more"
    )


@topic.claim(
    "beyond-mirror-images-linearise",
    "With the mirror images added, the data are symmetric and the net classifies like the linear"
    " separator; as drawn it keeps departing.",
    place="beyond: Table 1 and Theorem 4.3",
    on=(EARLY_STOPPING,),
    kind="reproduction",
    given=(trained_late,),
)
def mirror_images_linearise(result: Study) -> Iterable[Part]:
    """Mean agreement on the test points at the last margin, with mirror images and as drawn."""
    drawn, mirrored = result.arrays["agreement"][..., -1].mean(axis=2).T
    yield at_least("least mean agreement with mirror images", float(mirrored.min()), 0.98)
    ratio = float(np.max(drawn / mirrored))
    yield at_most("largest mean agreement as drawn, relative to it", ratio, 1.0)


@topic.claim(
    "beyond-early-stopping",
    "Stopped early, at a margin of 30 or less, the net has a smaller test error than the linear"
    " separator on the larger sets.",
    place="beyond: Table 1",
    on=(EARLY_STOPPING,),
    kind="reproduction",
)
def early_nets_are_better(result: Study) -> Iterable[Part]:
    """Mean over the seeds of the error at the best early margin, for sets of 100 points or more."""
    arrays = result.arrays
    large, early = arrays["size"] >= 100, arrays["q"] <= EARLY
    if not (large.any() and early.any()):
        require("the case has no set of 100 points or no margin of 30 or less")
    net = arrays["net"][large, 0][..., early].mean(axis=1).min(axis=-1)
    svm = arrays["svm"][large, 0].mean(axis=1)
    yield at_most("largest mean error, relative to the separator's", float(np.max(net / svm)), 0.9)
    yield number("the separator's mean error", float(svm[-1]))


@topic.claim(
    "beyond-table-margins",
    "On the sets of Table 1, which are not symmetric, trained nets beat the linear pair's margin"
    " and come within a few percent of the best margin found.",
    place="beyond: Table 1, global optimality",
    on=(TABLE_OPTIMUM,),
    given=(trained_late,),
)
def margins(result: Study) -> Iterable[Part]:
    """Order of the margins; the trained one over the improved one at the last margin.

    The upper bound is far, so optimality stays open.
    """
    linear, improved, bound = (result.arrays[name] for name in ("linear", "improved", "bound"))
    last = result.arrays["trained"][..., -1]
    yield at_most("largest linear pair / trained", float(np.max(linear / last)), 1.0)
    yield at_most("largest trained / best found", float(np.max(last / improved)), 1 + 1e-9)
    yield at_most("largest best found / upper bound", float(np.max(improved / bound)), 1.0)
    yield at_least("least trained / best found", float(np.min(last / improved)), 0.95)
    yield number("least trained / linear pair", float(np.min(last / linear)))


@topic.figure(
    "beyond-early-stopping",
    "Table 1 along the training: test error against the margin at which training stops, with and"
    " without mirror images of the points; mean and standard error over the draws.",
    on=(EARLY_STOPPING,),
    layout=(1, 1, style.COLUMN, 3.0),
    tolerance=(0.05, 0.2),
)
def errors(result: Study) -> Iterable[Panel]:
    """Mean and standard error over the seeds, of the largest size."""
    arrays, k = result.arrays, int(np.argmax(result.arrays["size"]))
    looks = (
        (style.LEARNED, "o", "net, sets as drawn"),
        (style.POSITIVE, "s", "net, with mirror images"),
    )
    marks = [
        ErrorBars(arrays["q"], net.mean(axis=0), yerr=net.std(axis=0) / np.sqrt(len(net)),
                  colour=colour, marker=marker, dash="-", size=3, label=label)
        for net, (colour, marker, label) in zip(100 * arrays["net"][k], looks, strict=True)
    ]  # fmt: skip
    svm = 100 * float(arrays["svm"][k, 0].mean())
    yield Panel(
        [*marks, Horizontal(svm, colour=style.THEORY, dash="--", width=1.4,
                            label="max-margin separator")],
        xlabel=r"margin $\min_i q_i$ at which training stops",
        ylabel=f"test error in %, $n={arrays['size'][k]}$",
        scale="log-linear",
    )  # fmt: skip


@topic.figure(
    "beyond-table-optimum",
    "Sets of Table 1: margin of the trained net and of the linear pair over the best margin found"
    " by column generation, and an upper bound.",
    on=(TABLE_OPTIMUM,),
    layout=(1, 1, style.COLUMN, 2.6),
    tolerance=(0.01, 1e-6),
)
def optimum(result: Study) -> Iterable[Panel]:
    """One place per set; the last margin of the training."""
    arrays, best = result.arrays, result.arrays["improved"]
    sizes = np.repeat(arrays["size"], best.shape[1])
    place = np.arange(len(sizes))
    values = {
        "upper bound": (arrays["bound"], "v", style.FRAME),
        "trained net": (arrays["trained"][..., -1], "o", style.LEARNED),
        "linear pair": (arrays["linear"], "D", style.THEORY),
    }
    marks = [
        Points(place, (margin / best).ravel(), marker=marker, colour=colour, label=label)
        for label, (margin, marker, colour) in values.items()
    ]
    yield Panel(
        [Horizontal(1.0, dash="-", width=0.7), *marks],
        xlabel="points $n$, one mark per set",
        ylabel="margin / best margin found",
        xticks=Ticks(place, [f"{n}" for n in sizes]),
    )
