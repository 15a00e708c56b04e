"""Extreme vectors predict the early phase on digits without training (beyond min2024, Section 4).

The extreme vector u_+- of a class gives the direction in which its neurons grow, hence the plateau
cos(u_+-, x_+-). It also gives their rate: norms grow by e in n / (lr ||x_a(u)||) steps. A neuron
that starts at w, a ~ N(0, alpha^2) grows from (<u, w> + a) / 2, of variance alpha^2 / 2. Hence
sum_j ||w_j||^2 over a class is m alpha^2 / 4 e^(2 k / e_k) after k steps, and L falls to 1 - drop
where

    m alpha^2 / 4 sum over both classes of e^(2 k / e_k) ||x_a(u)|| / n = drop.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy.optimize import brentq

from flowrepro import engines
from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, number
from flowrepro.core.config import Loss
from flowrepro.core.initialize import gaussian
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.mnist import digits as load_digits
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run
from flowrepro.errors import UsageError
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Panel, Points, Text
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.equation_4_force import active_sum, extreme_vector
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import class_sums, cosines, mean_neurons

topic = Topic(PAPER, "Extreme vectors predict growth and plateau", command="mnist-align")

DROP = 0.1
"""Share of the initial loss whose loss marks the growth."""
BEFORE = 0.01
"""Share until which neurons are on the plateau."""
EVERY = 20
"""Iterations between two records."""
MOST = 200
"""Iterations towards an extreme vector: data on its edge keep some from settling, and move it by
1/n."""


@topic.study
def pair_laws(
    *,
    digits: list[int] = option([0, 1, 3, 7, 8], "digits whose pairs are taken", within=(0, 9)),
    subset: int = option(1_000, "images drawn of each pair", within=(2, 11_000)),
    m: int = option(50, "neurons", within=(1, 10_000)),
    scale: float = option(1e-6, "deviation of the initial weights", within=(1e-100, 1.0)),
    lr: float = option(2e-3, "step size of the descent that the flow follows", within=(1e-6, 1.0)),
    n_steps: int = option(12_000, "last iteration", within=(1, 1_000_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """For every pair of digits the prediction, and the flow from one start on a random subset.

    pair (P, 2) : positive and negative digit. fold (P, 2) : steps in which norms of V_+- grow by e.
    plateau (P, 2) : cos(u_+-, x_+-). predicted, growth (P,) : step at which L < 0.9, growth nan if
    never. seen (P, 2) : mean cosines when L < 0.99. misactivated (P,) : share of data of the other
    class that u_+ or u_- activates, and of its own class that it does not.
    """
    if len(digits) < 2 or len(set(digits)) < len(digits):
        raise UsageError(f"options.digits must be at least two different digits, not {digits}")
    pairs = [(i, j) for place, i in enumerate(digits) for j in digits[place + 1 :]]
    found = []
    for index, (own, other) in enumerate(pairs):
        points = load_digits(positive=own, negative=other, subset=subset, subset_seed=seed)
        W, a = gaussian(np.random.default_rng(seed), m, points.X.shape[1])
        problem = Problem(
            points.X, points.y, scale * W, scale * a, Loss(name="exp", reduction="mean"), lr,
            n_steps, dtype="float32", rtol=1e-3,
        )  # fmt: skip
        found.append({"pair": np.array([own, other]), **_predict(points, m, scale, lr),
                      **_train(problem)})  # fmt: skip
        progress(index + 1, len(pairs))
    return {name: np.array([values[name] for values in found]) for name in found[0]}


def _predict(points: Dataset, m: int, scale: float, lr: float) -> dict[str, np.ndarray]:
    X, y = points.X[:, points.X.any(axis=0)].astype(np.float64), points.y
    vectors = [extreme_vector(X, y, sign, max_iterations=MOST).u for sign in (1, -1)]
    # Norms of the sums themselves, which are defined also where the last data flicker.
    pull = np.array([float(np.linalg.norm(active_sum(X, y, u))) for u in vectors])
    sums = class_sums(X, y)
    plateau = [float(cosines(u, total)) for u, total in zip(vectors, sums, strict=True)]
    wrong = [float(np.mean((X @ u > 0) != (sign * y > 0)))
             for u, sign in zip(vectors, (1, -1), strict=True)]  # fmt: skip
    fold = len(y) / (lr * pull)
    predicted = growth_step(fold, pull / len(y), m, scale)
    return {"fold": fold, "plateau": np.array(plateau), "misactivated": np.array(max(wrong)),
            "predicted": np.array(predicted)}  # fmt: skip


def growth_step(fold: np.ndarray, pull: np.ndarray, m: int, scale: float) -> float:
    """Step at which the early growth alone brings L from 1 to 1 - DROP.

    nan where a rate is unknown, and where the start is too large for early growth.
    fold (2,) in steps, pull (2,) = ||x_a(u_+-)|| / n.
    """
    if not np.all(np.isfinite(fold)):
        return float("nan")
    ln_start = np.log(m * scale**2 / 4 * pull / DROP)
    if np.logaddexp(*ln_start) >= 0:
        return float("nan")
    latest = float(fold.max() * (np.abs(ln_start).max() + 1))
    return float(brentq(lambda k: np.logaddexp(*(ln_start + 2 * k / fold)), 0.0, latest))


def _train(problem: Problem) -> dict[str, np.ndarray]:
    sums = class_sums(problem.X, problem.y)

    def observe(W: np.ndarray, a: np.ndarray) -> dict[str, np.ndarray]:
        own = zip(mean_neurons(W, a), sums, strict=True)
        return {"cosines": np.array([cosines(mean, total) for mean, total in own])}

    grid, ends = np.arange(0, problem.n_steps + 1, EVERY), np.array([0, problem.n_steps])
    trajectory = run(engines.load("smooth-flow"), problem, SaveAt(grid, ends, observe),
                     target_loss=1 - 2 * DROP)  # fmt: skip
    before, growth = (trajectory.first_below(1 - drop) for drop in (BEFORE, DROP))
    seen = np.full(2, np.nan)
    if before is not None:
        seen = trajectory.observed["cosines"][int(np.searchsorted(trajectory.step, before))]
    return {"growth": np.array(np.nan if growth is None else growth), "seen": seen}


PAIRS = pair_laws.case(
    "digit-pairs",
    "Beyond the paper: extreme vectors predict growth time and plateau of all packaged pairs.",
    quick={"options.digits": [0, 1, 7], "options.subset": 500},
)


@topic.claim(
    "beyond-pairs-growth",
    "The extreme vectors and the law of the start predict when the loss falls.",
    place="beyond Section 4",
)
def growth(result: Study) -> Iterator[Part]:
    """Relative distance of the predicted and the measured step at which L < 0.9."""
    measured, predicted = result.arrays["growth"], result.arrays["predicted"]
    known = np.isfinite(measured) & np.isfinite(predicted)
    require(None if known.any() else "no pair of digits reaches L < 0.9 within options.n_steps")
    error = np.abs(predicted / measured - 1)[known]
    yield at_most("largest |predicted / seen - 1|", float(error.max()), 0.05)
    yield number("pairs", int(known.sum()))
    yield number("mean", float(error.mean()))


@topic.claim(
    "beyond-pairs-plateau",
    "Before the loss falls the mean neurons lie along the extreme vectors.",
    place="beyond Section 4",
)
def plateau(result: Study) -> Iterator[Part]:
    """Largest |cos(mean neuron, x_+-) - cos(u_+-, x_+-)| when L < 0.99."""
    gap = np.abs(result.arrays["seen"] - result.arrays["plateau"])
    reached = np.isfinite(gap).any()
    require(None if reached else "no pair of digits reaches L < 0.99 within options.n_steps")
    yield at_most("largest difference of the cosines", float(np.nanmax(gap)), 0.01)


@topic.figure(
    "beyond-pairs",
    "Pairs of MNIST digits: when the loss falls, and how well the neurons align, as predicted by "
    "the extreme vectors and as measured along the flow.",
    layout=(1, 2, style.PAGE, 2.6), file="beyond-pairs-of-digits", tolerance=(1e-2, 1e-3),
)  # fmt: skip
def predictions(result: Study) -> Iterator[Panel]:
    """Measured growth step and plateau against the predicted ones; the line is equality."""
    predicted, measured = result.arrays["predicted"], result.arrays["growth"]
    order = np.argsort(predicted)
    names = [f"{i}/{j}" for i, j in result.arrays["pair"][order]]
    known = np.isfinite(measured[order]) & np.isfinite(predicted[order])
    texts = []
    for rank, place in enumerate(order):  # alternate sides, as neighbours overlap
        if known[rank]:
            offset = (5.0, -5.0) if rank % 2 else (0.0, 3.0)
            texts.append(Text(predicted[place], measured[place], names[rank], size=6.0,
                              offset=offset))  # fmt: skip
    yield Panel([_diagonal(predicted, measured), Points(predicted, measured), *texts],
                title="growth", xlabel="predicted iteration",
                ylabel="iteration with $L < 0.9$")  # fmt: skip
    x, y = 1 - result.arrays["plateau"], 1 - result.arrays["seen"]
    classes = [
        Points(x[:, side], y[:, side], marker=marker, colour=colour, label=f"$V_{'+-'[side]}$")
        for side, (colour, marker) in enumerate(((style.POSITIVE, "o"), (style.NEGATIVE, "s")))
    ]
    yield Panel([_diagonal(x, y), *classes], title="plateau of the alignment", scale="log-log",
                xlabel=r"$1 - \cos(u_\pm, x_\pm)$, extreme vectors",
                ylabel=r"$1 - \cos(\bar w_\pm, x_\pm)$")  # fmt: skip


def _diagonal(x: np.ndarray, y: np.ndarray) -> Line:
    both = np.concatenate([x.ravel(), y.ravel()])
    ends = [np.nanmin(both), np.nanmax(both)]
    return Line(ends, ends, colour=style.THEORY, width=1.0, label="equality", zorder=0)
