r"""The assumptions of Sections 4 and A on the points, and what Appendices A.2 and G.2 derive.

Assumption A.1 asks for a principal direction w: the least margin y_i <w, x_i> is large beside the
parts of x_i off w. Assumption A.2 is that mu separates the points with slack, A.3 that
kappa = 1 - ||mu^-|| / ||mu^+|| > 0, and A.5 that networks without positive output weights have a
smaller margin than the one-neuron network (w+, 1)/sqrt 2 on the support of w+, gamma+/2. What
Theorem G.11 concludes from A.5 needs more, see `local_optimum`.
Assumptions 4.6 and A.6 (non-branching starting points) cannot be tested; orthogonal separability
implies them (Appendix I.2).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.config import Data
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import (
    APPENDIX_A,
    aligned_means,
    alpha,
    labelled,
    leaky,
    negatives_fall_short,
    negatives_grow_slower,
    one_sign_grows_faster,
    separable,
    separator_of,
)
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import largest_margin

T = TypeVar("T")

topic = Topic(PAPER, "Assumptions on the points", given=(labelled, leaky))

MET = 1e-8
"""Relative width of the bracket of the margin near the one-neuron network."""


@topic.study
def assumptions(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),
    searches: int = option(2000, "random steps from each candidate", within=(1, 1_000_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """What the claims on Assumptions A.1 to A.5 need beyond closed forms.

    Returns principal (d,), the unit vector with the most slack of Assumption A.1 that was found;
    largest (2,), lower and upper bound of the largest margin of any width; negative (2,), those of
    networks without positive output weights on the support S+ of w+; nearby (2,), those of networks
    near the one-neuron network; rate, at which the fastest neuron of negative output grows there.
    nan where not computable.
    """
    require_signs(data)
    X, y, rng = data.X, data.y, np.random.default_rng(seed)
    principal = principal_direction(X, y, alpha, rng, searches)
    progress(1, 3)
    largest = _certified(lambda: largest_margin(X, y, alpha))
    progress(2, 3)
    own = local_optimum.support(X, y, alpha)
    unknown = np.full(2, np.nan)
    found = {
        "principal": principal,
        "largest": unknown if largest is None else np.array([largest.lower, largest.upper]),
        "negative": unknown,
        "nearby": unknown,
        "rate": np.array(np.nan),
    }
    if own is not None:
        for name, compute in (
            ("negative", lambda: local_optimum.negative_margin(own, alpha)),
            ("nearby", lambda: local_optimum.nearby_margin(own, alpha)),
            ("rate", lambda: local_optimum.negative_rate(own, alpha)[0]),
        ):
            bounds = _certified(compute)
            found[name] = found[name] if bounds is None else np.array(bounds)
    progress(3, 3)
    return found


def _certified(compute: Callable[[], T]) -> T | None:
    """What is computed; None where the points are too many or no certificate was found."""
    try:
        return compute()
    except (UsageError, NumericalError, DataError):
        return None


def principal_direction(
    X: np.ndarray, y: np.ndarray, alpha: float, rng: np.random.Generator, searches: int
) -> np.ndarray:
    """The unit vector (d,) with the most slack of Assumption A.1 that a random search finds.

    It starts at mu, w* and w+ and takes shrinking steps.
    """
    separators = geometry.separator(X, y), geometry.one_neuron(X, y, alpha)
    candidates = [geometry.mean(X, y), *(found.w for found in separators if found is not None)]
    best, height = candidates[0], -np.inf
    for w in map(geometry.unit, candidates):
        slack = geometry.principal_slack(X, y, alpha, w)
        for step in np.geomspace(1.0, 1e-6, searches):
            trial = geometry.unit(w + step * rng.standard_normal(len(w)))
            found = geometry.principal_slack(X, y, alpha, trial)
            if found > slack:
                w, slack = trial, found
        if slack > height:
            best, height = w, slack
    return np.asarray(best)


QUICK: dict[str, Any] = {"quick": {"options.searches": 100}}
LEFT_SET = assumptions.case(
    "assumptions-left",
    "Theorem 4.2 and the assumptions, Figure 1 left.",
    Data(name="symmetric-example"),
    **QUICK,
)
SYMMETRIC_SET = assumptions.case(
    "assumptions-symmetric",
    "Theorem 4.2 and the assumptions, symmetric points of the plane.",
    Data(name="symmetric"),
    **QUICK,
)
MIDDLE_SET = assumptions.case(
    "assumptions-middle",
    "Assumptions A.1 to A.5, Figure 1 middle.",
    Data(name="constant-feature"),
    **QUICK,
)
RIGHT_SET = assumptions.case(
    "assumptions-right", "Assumptions A.1 to A.5, Figure 1 right.", Data(name="hinted"), **QUICK
)
STRICT_SET = assumptions.case(
    "assumptions-strict",
    "Theorem 6.2: the hinted points with a hint that its proof allows.",
    Data(name="hinted", options={"H": 31.0}),  # H = 4 does not meet the sufficient condition
    **QUICK,
)


@topic.claim(
    "assumptions-of-the-data",
    "These are the assumptions that the points satisfy: "
    "A.1, A.2 and A.3 hold where their slack is positive.",
    place="Assumptions 3.2, 4.1, 4.5, A.1, A.2 and A.3",
    given=(separable,),
)
def of_the_data(result: Study) -> Iterable[Part]:
    """Numbers only; where kappa < 0 the labels are to be flipped (Assumptions A.8 to A.10)."""
    X, y, slope = result.X, result.y, alpha(result)
    principal = geometry.principal_slack(X, y, slope, result.arrays["principal"])
    yield number("gamma*", separator_of(result).margin)
    yield number("largest ||x_i||", float(np.linalg.norm(X, axis=1).max()))
    yield number("symmetric", float(geometry.mirrored(X, y)))
    yield number("least |<mu, x_i>|", float(np.abs(X @ geometry.mean(X, y)).min()))
    yield number("slack of A.1", principal)
    yield number("least slack of A.2", float(geometry.alignment_slack(X, y, slope).min()))
    for name, sign in (("||mu^+||", 1.0), ("||mu^-||", -1.0)):
        yield number(name, float(np.linalg.norm(geometry.one_neuron_mean(X, y, slope, sign))))
    yield number("kappa", geometry.lag(X, y, slope))
    note = "orthogonally separable, which implies Assumptions 4.6 and A.6"
    yield number(note, float(geometry.orthogonally_separable(X, y)))


@topic.claim(
    "lemma-g-1-principal-direction",
    "Assumption A.1 implies Assumption A.2.",
    place="Lemma G.1",
    given=(separable,),
    label="identity",  # an implication that holds for all points
)
def principal_direction_implies(result: Study) -> Iterable[Part]:
    """N/A unless a direction with positive slack was found."""
    X, y, slope = result.X, result.y, alpha(result)
    slack = geometry.principal_slack(X, y, slope, result.arrays["principal"])
    if slack <= 0:
        raise NotApplicable(
            f"no principal direction was found (best slack {slack:.4g}), "
            "so Assumption A.1 is not known to hold"
        )
    fails = geometry.alignment_slack(X, y, slope) <= 0
    yield none_of("samples at which A.2 fails", int(np.sum(fails)))
    yield number("slack of A.1", slack)


@topic.claim(
    "lemma-g-2-mean-cone",
    "Assumption A.2 holds exactly if every vector of "
    "K = {sum_j s_j y_j x_j, s in [alpha, 1]} separates the points.",
    place="Lemma G.2",
    label="identity",  # an equivalence that holds for all points
)
def mean_cone(result: Study) -> Iterable[Part]:
    """All 2^n vertices of K against the closed form of the slack; they agree in sign."""
    X, y, slope = result.X, result.y, alpha(result)
    if len(y) > geometry.MOST_VERTICES:
        raise NotApplicable(
            f"2^{len(y)} vertices are too many to enumerate; "
            f"the check takes at most {geometry.MOST_VERTICES} points"
        )
    delta = float(geometry.cone_margins(geometry.scaled(X), y, slope).min())
    slack = float(geometry.alignment_slack(X, y, slope).min())
    yield none_of("disagreement between K in the cone and A.2", int((delta > 0) != (slack > 0)))
    yield number("delta, the least margin in K (data scaled)", delta)


@topic.claim(
    "assumption-a-5-negative-outputs",
    "On the support of w+, networks without positive output weights have a smaller margin than "
    "the one-neuron network, gamma+/2.",
    place="Assumption A.5; Lemma G.10",
    given=(separable, one_sign_grows_faster),
)
def negative_outputs(result: Study) -> Iterable[Part]:
    """Upper bound of column generation with negative outputs; alpha gamma+/2 if S+ is positive."""
    half = separator_of(result, 1.0).margin / 2
    low, high = result.arrays["negative"]
    if not np.isfinite(high):
        raise NotApplicable(
            "the largest margin of networks with negative outputs could not be certified"
        )
    yield at_most("largest margin with a <= 0, relative to gamma+/2", high / half, 1 - 1e-9)
    own = local_optimum.support(result.X, result.y, alpha(result))
    if own is not None and np.all(own.y > 0):
        off = abs(low / (alpha(result) * half) - 1)
        yield at_most("|it / (alpha gamma+/2) - 1| as S+ is all positive", off, 1e-7)


@topic.claim(
    "theorem-g-11-locally-optimal",
    "The embedded one-neuron network maximises the margin locally among networks with its "
    "output signs.",
    place="Theorem G.11",
    given=(separable, one_sign_grows_faster, negatives_fall_short),
)
def locally_optimal(result: Study) -> Iterable[Part]:
    """Certified largest margin near the network, whose negative neurons may point anywhere.

    Assumption A.5 does not imply it (case counterexample-a7); rate(lam*) < gamma+ does.
    """
    gamma = separator_of(result, 1.0).margin
    low, high = result.arrays["nearby"]
    require(None if np.isfinite(high) else "the largest margin nearby could not be certified")
    yield at_most("largest margin nearby, lower bound / (gamma+/2) - 1", low / (gamma / 2) - 1, MET)
    yield at_least("the same, upper bound", high / (gamma / 2) - 1, -MET)
    yield number("rate(lam*) of negative neurons / gamma+", float(result.arrays["rate"]) / gamma)


@topic.claim(
    "section-6-suboptimal-margin",
    "The one-neuron network to which training converges has less than the largest margin.",
    place="Section 6 and Figure 1",
    given=(*APPENDIX_A, negatives_fall_short, negatives_grow_slower),
)
def suboptimal_margin(result: Study) -> Iterable[Part]:
    """gamma+/2 over the certified lower bound of the optimum; short hints may make them equal."""
    largest, plus = float(result.arrays["largest"][0]), separator_of(result, 1.0)
    require(None if np.isfinite(largest) else "the largest margin could not be certified")
    neuron = plus.w[None] / np.sqrt(2), np.array([1 / np.sqrt(2)])
    own = normalised_margin(result.X, result.y, *neuron, alpha(result))
    ratio = plus.margin / 2 / largest
    yield at_most("gamma+/2 relative to the largest margin", ratio, 1 - 1e-6)
    yield at_most(
        "|margin of (w+, 1)/sqrt 2 over gamma+/2 - 1|", abs(2 * own / plus.margin - 1), 1e-12
    )


def hints(X: np.ndarray, y: np.ndarray) -> tuple[float, float, float, np.ndarray]:
    """(H, K, eps, w*) of points whose first three are hints   (Definition 6.1).

    The hints are H w*, eps w* +- K w_perp, where w* separates the others; else NotApplicable.
    """
    base = geometry.separator(X[3:], y[3:]) if len(y) > 4 else None
    if base is None or np.any(y[:3] != 1):
        raise NotApplicable(
            "the data are not hinted: three positive hints before separable points (Definition 6.1)"
        )
    w, middle, across = base.w, (X[1] + X[2]) / 2, (X[1] - X[2]) / 2
    H, eps = float(X[0] @ w), float(middle @ w)
    off = max(np.abs(X[0] - H * w).max(), np.abs(middle - eps * w).max(), abs(float(across @ w)))
    if not (off <= 1e-9 * np.abs(X).max() and eps > 0):
        raise NotApplicable(
            "the first three points are not the hints H w*, eps w* +- K w_perp (Definition 6.1)"
        )
    return H, float(np.linalg.norm(across)), eps, w


def required_hint(X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray, eps: float) -> float:
    """max{eps, H0, n ||mu^-|| + ||sum_{j > 1} y_j x_j^+||}; the last depends on H through mu^-."""
    heights = y * (X @ w)
    off = np.linalg.norm(X - (X @ w)[:, None] * w, axis=1)
    first = float(off.max() * off.sum() / (alpha * heights[1:].min()) - heights[1:].sum())
    plus = float(np.linalg.norm(y[1:] @ geometry.reweighted(X, y, alpha, 1.0)[1:]))
    minus = float(np.linalg.norm(geometry.one_neuron_mean(X, y, alpha, -1.0)))
    return max(eps, first, len(y) * minus + plus)


@topic.claim(
    "theorem-6-2-sufficient-hints",
    "If K > 0, eps is below alpha times the margin of the other points, and H exceeds the bound "
    "of the paper, then Assumptions A.1, A.2 and A.3 hold and w+ = w*.",
    place="Theorem 6.2, Appendix A.2",
    on=(RIGHT_SET, STRICT_SET),
    given=(separable,),
    label="identity",  # an implication that holds for all points
)
def sufficient_hints(result: Study) -> Iterable[Part]:
    """N/A, where the condition fails; the assumptions may hold all the same."""
    X, y, slope = result.X, result.y, alpha(result)
    H, K, eps, w = hints(X, y)
    least, bound = required_hint(X, y, slope, w, eps), slope * float((y[3:] * (X[3:] @ w)).min())
    if not (K > 0 and eps < bound):
        condition = f"the condition is K > 0, eps < {bound:.4g}"
        raise NotApplicable(f"the hints have K = {K:.4g}, eps = {eps:.4g}; {condition}")
    if not least < H:
        fail = aligned_means(result) or one_sign_grows_faster(result)
        holds = "do not both hold" if fail else "hold"
        raise NotApplicable(
            f"H = {H:.4g} does not exceed {least:.4g}, the sufficient condition; "
            f"directly, Assumptions A.2 and A.3 {holds}"
        )
    plus = separator_of(result, 1.0)
    yield at_most("negative slack of A.1 at w*", -geometry.principal_slack(X, y, slope, w), 0.0)
    yield at_most("of A.2", -float(geometry.alignment_slack(X, y, slope).min()), 0.0)
    yield at_most("of A.3, -kappa", -geometry.lag(X, y, slope), 0.0)
    yield at_most("||w+ - w*||", float(np.linalg.norm(plus.w - w)), 1e-9)
    yield at_most("|gamma+ / eps - 1|", abs(plus.margin / eps - 1), 1e-9)
    yield number("sufficient H", least)
