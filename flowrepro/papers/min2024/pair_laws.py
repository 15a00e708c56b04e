"""Extreme vectors predict the whole early phase on digits, without training (beyond min2024, Section 4).

The extreme vector u_+- of a class gives the direction in which its neurons grow, hence the plateau cos(u_+-, x_+-), and their rate:
norms grow by e in n / (lr ||x_a(u)||) steps. A neuron that starts at w, a ~ N(0, alpha^2) grows from (<u, w> + a) / 2, of variance
alpha^2 / 2, so that sum_j ||w_j||^2 over a class is m alpha^2 / 4 e^(2 k / e_k) after k steps, and L falls to 1 - drop where

    m alpha^2 / 4 sum over both classes of e^(2 k / e_k) ||x_a(u)|| / n = drop.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy.optimize import brentq

from flowrepro import engines
from flowrepro.claims.old_claim import NotApplicable, number, statement, upper
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.claims.options import at_least_one, numbers, positive
from flowrepro.core.config import Loss, StudyCase
from flowrepro.core.initialize import gaussian
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.mnist import digits
from flowrepro.engines.base import Problem, SaveAt, run
from flowrepro.errors import UsageError
from flowrepro.figures import Figure, style
from flowrepro.papers.min2024.digits_cases import PAIRS
from flowrepro.papers.min2024.extreme_vectors import active_sum, extreme_vector
from flowrepro.papers.topic import Progress
from flowrepro.theory.alignment import class_sums, cosines, mean_neurons

if TYPE_CHECKING:
    from matplotlib.axes import Axes

DROP = 0.1
"""Share of the initial loss whose loss marks the growth."""
BEFORE = 0.01
"""Share until which neurons are on the plateau."""
EVERY = 20
MOST = 200
"""Iterations towards an extreme vector: single data that flicker on its edge keep some from settling, and move it by 1/n."""
RTOL = 1e-3


def pair_laws(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """All pairs of the digits ``digits``, a random subset of ``subset`` images of each: prediction, and the flow from one start.

    pair (P, 2) : positive and negative digit. fold (P, 2) : steps in which norms of V_+- grow by e. plateau (P, 2) : cos(u_+-, x_+-).
    predicted, growth (P,) : step at which L < 0.9, growth nan if never. seen (P, 2) : mean cosines when L < 0.99. misactivated (P,) :
    share of data that u_+ or u_- activates although they are of the other class, or does not although they are of its own.
    """
    chosen = [int(digit) for digit in numbers(case, "digits")]
    if len(set(chosen)) < 2:
        raise UsageError(f"options.digits must name at least two different digits, not {chosen}")
    pairs = [(i, j) for place, i in enumerate(chosen) for j in chosen[place + 1 :]]
    found = []
    for index, (own, other) in enumerate(pairs):
        points = digits(
            positive=own, negative=other, subset=at_least_one(case, "subset"), subset_seed=case.seed
        )
        found.append(
            {"pair": np.array([own, other]), **_predict(case, points), **_train(case, points)}
        )
        progress(index + 1, len(pairs))
    return {name: np.array([values[name] for values in found]) for name in found[0]}


def _predict(case: StudyCase, points: Dataset) -> dict[str, np.ndarray]:
    X, y = points.X[:, points.X.any(axis=0)].astype(np.float64), points.y
    vectors = [extreme_vector(X, y, sign, max_iterations=MOST) for sign in (1, -1)]
    pull = np.array(
        [float(np.linalg.norm(active_sum(X, y, vector.u))) for vector in vectors]
    )  # also where the last data flicker
    plateau = np.array(
        [
            float(cosines(vector.u, total))
            for vector, total in zip(vectors, class_sums(X, y), strict=True)
        ]
    )
    wrong = [
        float(np.mean((X @ vector.u > 0) != (sign * y > 0)))
        for vector, sign in zip(vectors, (1, -1), strict=True)
    ]
    fold = len(y) / (positive(case, "lr") * pull)
    return {
        "fold": fold,
        "plateau": plateau,
        "misactivated": np.array(max(wrong)),
        "predicted": np.array(
            growth_step(fold, pull / len(y), at_least_one(case, "m"), positive(case, "scale"))
        ),
    }


def growth_step(fold: np.ndarray, pull: np.ndarray, m: int, scale: float) -> float:
    """Step at which the early growth alone brings L, from 1, to 1 - DROP; fold (2,) in steps, pull (2,) = ||x_a(u_+-)|| / n; nan if unknown."""
    if not np.all(np.isfinite(fold)):
        return float("nan")
    ln_start = np.log(m * scale**2 / 4 * pull / DROP)
    return float(
        brentq(
            lambda k: np.logaddexp(*(ln_start + 2 * k / fold)),
            0.0,
            float(fold.max() * (np.abs(ln_start).max() + 1)),
        )
    )


def _train(case: StudyCase, points: Dataset) -> dict[str, np.ndarray]:
    m, scale, n_steps = (
        at_least_one(case, "m"),
        positive(case, "scale"),
        at_least_one(case, "n_steps"),
    )
    W, a = gaussian(np.random.default_rng(case.seed), m, points.X.shape[1])
    loss = Loss(name="exp", reduction="mean")
    problem = Problem(
        points.X,
        points.y,
        scale * W,
        scale * a,
        loss,
        positive(case, "lr"),
        n_steps,
        dtype="float32",
        rtol=RTOL,
    )
    grid = np.arange(0, n_steps + 1, EVERY)
    sums = class_sums(points.X, points.y)

    def observe(W: np.ndarray, a: np.ndarray) -> dict[str, np.ndarray]:
        return {
            "cosines": np.array(
                [cosines(mean, total) for mean, total in zip(mean_neurons(W, a), sums, strict=True)]
            )
        }

    trajectory = run(
        engines.load("smooth-flow"),
        problem,
        SaveAt(grid, np.array([0, n_steps]), observe),
        target_loss=1 - 2 * DROP,
    )
    first = [trajectory.first_below(1 - drop) for drop in (BEFORE, DROP)]
    seen = (
        trajectory.observed["cosines"][int(np.searchsorted(trajectory.step, first[0]))]
        if first[0] is not None
        else np.full(2, np.nan)
    )
    return {"growth": np.array(np.nan if first[1] is None else first[1]), "seen": seen}


@statement(
    "pairs.growth",
    Ref("min2024", "Section 4"),
    "theory",
    (PAIRS.name,),
    "extreme vectors and the law of the start predict when the loss falls",
)
def check_growth(findings: Study) -> Sequence[Judgement]:
    """Largest relative distance of the predicted and the seen step at which L < 0.9, over all pairs that grow within the horizon."""
    found = findings.arrays
    known = np.isfinite(found["growth"]) & np.isfinite(found["predicted"])
    if not known.any():
        raise NotApplicable("no pair of digits reaches L < 0.9 within options.n_steps")
    error = np.abs(found["predicted"] / found["growth"] - 1)[known]
    return [
        upper("largest |predicted / seen - 1|", float(error.max()), 0.05),
        number("pairs", int(known.sum())),
        number("mean", float(error.mean())),
    ]


@statement(
    "pairs.plateau",
    Ref("min2024", "Section 4"),
    "theory",
    (PAIRS.name,),
    "before the loss falls the mean neurons lie along the extreme vectors",
)
def check_plateau(findings: Study) -> Sequence[Judgement]:
    """Largest |cos(mean neuron, x_+-) - cos(u_+-, x_+-)| when L < 0.99."""
    gap = np.abs(findings.arrays["seen"] - findings.arrays["plateau"])
    if not np.isfinite(gap).any():
        raise NotApplicable("no pair of digits reaches L < 0.99 within options.n_steps")
    return [upper("largest difference of the cosines", float(np.nanmax(gap)), 0.01)]


class PairLaws(NamedTuple):
    """predicted, growth (P,) in steps; plateau and seen (P, 2); labels of the pairs."""

    predicted: np.ndarray
    growth: np.ndarray
    plateau: np.ndarray
    seen: np.ndarray
    label: tuple[str, ...]


def collect_pairs(findings: Study) -> PairLaws:
    """The study's arrays."""
    found = findings.arrays
    return PairLaws(
        found["predicted"],
        found["growth"],
        found["plateau"],
        found["seen"],
        tuple(f"{i}/{j}" for i, j in found["pair"]),
    )


def draw_pairs(axes: Sequence[Axes], data: PairLaws) -> None:
    """Left: seen against predicted growth step; right: seen against predicted plateau, both classes."""
    left, right = axes
    left.plot(data.predicted, data.growth, "o", color=style.LEARNED, markersize=4)
    for rank, place in enumerate(np.argsort(data.predicted)):
        x, y = data.predicted[place], data.growth[place]
        if np.isfinite(x) and np.isfinite(y):
            below = rank % 2 == 1
            place_of_text = (5, -9) if below else (0, 6)
            left.annotate(
                data.label[place],
                (x, y),
                xytext=place_of_text,
                textcoords="offset points",
                ha="left" if below else "center",
                fontsize=6,
            )
    for side, (colour, marker) in enumerate(((style.POSITIVE, "o"), (style.NEGATIVE, "s"))):
        right.loglog(
            1 - data.plateau[:, side],
            1 - data.seen[:, side],
            marker,
            color=colour,
            markersize=4,
            linestyle="none",
            label=f"$V_{'+-'[side]}$",
        )
    for ax, x, y in ((left, data.predicted, data.growth), (right, 1 - data.plateau, 1 - data.seen)):
        both = np.concatenate([x.ravel(), y.ravel()])
        both = both[np.isfinite(both)]
        ax.plot(
            [both.min(), both.max()],
            [both.min(), both.max()],
            color=style.THEORY,
            linewidth=1,
            zorder=0,
        )
    left.margins(0.12)
    left.set(
        xlabel="predicted iteration",
        ylabel="iteration with $L < 0.9$",
        title="growth, pairs of digits",
    )
    right.set(
        xlabel=r"$1 - \cos(u_\pm, x_\pm)$, extreme vectors",
        ylabel=r"$1 - \cos(\bar w_\pm, x_\pm)$",
        title="plateau of the alignment",
    )
    right.legend()


CLAIMS = (check_growth, check_plateau)
FIGURES = (
    Figure(
        id="beyond-pairs",
        file="beyond-pairs-of-digits",
        cases=(PAIRS.name,),
        caption="All pairs of packaged digits: when the loss falls and how well neurons align, predicted by the extreme vectors and seen in the flow",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect_pairs,
        draw=draw_pairs,
        tolerance=(1e-2, 1e-3),  # float32 products on another machine
    ),
)
