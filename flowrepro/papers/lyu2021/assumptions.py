"""The assumptions of Sections 4 and A on a data set, and what Appendices A.2 and G.2 derive from them.

Assumptions 4.6 and A.6 (non-branching starting points) cannot be tested; orthogonal separability implies them (Appendix I.2).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, none_of, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.late_records import (
    alpha,
    labelled,
    leaky,
    ref,
    separable,
    separator_of,
)
from flowrepro.theory.margin import normalised_margin

CASES = (
    "assumptions-left",
    "assumptions-symmetric",
    "assumptions-middle",
    "assumptions-right",
    "assumptions-strict",
)
HINTED = ("assumptions-right", "assumptions-strict")


def aligned_means(f: Study) -> str | None:
    """Assumption A.2."""
    slack = float(geometry.alignment_slack(f.X, f.y, alpha(f)).min())
    return None if slack > 0 else f"Assumption A.2 fails (least slack {slack:.4g})"


def one_sign_grows_faster(f: Study) -> str | None:
    """Assumption A.3."""
    kappa = geometry.lag(f.X, f.y, alpha(f))
    return (
        None
        if kappa > 1e-12
        else f"||mu^+|| does not exceed ||mu^-|| (Assumption A.3, kappa = {kappa:.4g}); flip all labels"
    )


def negatives_fall_short(f: Study) -> str | None:
    """Assumption A.5 for sets whose support S+ is all positive, where the largest such margin is alpha gamma+ / 2 (Section A.1)."""
    plus = geometry.one_neuron(f.X, f.y, alpha(f))
    if plus is None:
        return "the reweighted points are not separable (Assumption A.5)"
    heights = f.y * (geometry.reweighted(f.X, f.y, alpha(f), 1.0) @ plus.w)
    return (
        None
        if np.all(f.y[heights <= plus.margin * (1 + 1e-9)] > 0)
        else "the support of w+ holds negative labels, so Assumption A.5 is not immediate"
    )


@statement(
    "data-assumptions",
    ref("Assumptions 3.2, 4.1, 4.5, A.1, A.2 and A.3"),
    "theory",
    CASES,
    "Which assumptions the data satisfy (numbers without a claim; A.1, A.2 and A.3 hold where their slack is positive).",
    given=(labelled, separable, leaky),
)
def check_data(f: Study) -> Sequence[Judgement]:
    """Margins and slacks; where kappa < 0 the labels are to be flipped (Assumptions A.8 to A.10)."""
    mu, slope = geometry.mean(f.X, f.y), alpha(f)
    norms = [
        float(np.linalg.norm(geometry.one_neuron_mean(f.X, f.y, slope, sign)))
        for sign in (1.0, -1.0)
    ]
    return [
        number("gamma*", separator_of(f).margin),
        number("largest ||x_i||", float(np.linalg.norm(f.X, axis=1).max())),
        number("symmetric", float(geometry.mirrored(f.X, f.y))),
        number("least |<mu, x_i>|", float(np.abs(f.X @ mu).min())),
        number("slack of A.1", geometry.principal_slack(f.X, f.y, slope, f.arrays["principal"])),
        number("least slack of A.2", float(geometry.alignment_slack(f.X, f.y, slope).min())),
        number("||mu^+||", norms[0]),
        number("||mu^-||", norms[1]),
        number("kappa", geometry.lag(f.X, f.y, slope)),
        number(
            "orthogonally separable, which implies Assumptions 4.6 and A.6",
            float(geometry.orthogonally_separable(f.X, f.y)),
        ),
    ]


@statement(
    "principal-direction",
    ref("Lemma G.1"),
    "theory",
    CASES,
    "Assumption A.1 implies Assumption A.2.",
    given=(labelled, separable, leaky),
)
def check_principal(f: Study) -> Sequence[Judgement]:
    """N/A unless a direction with positive slack was found."""
    slack = geometry.principal_slack(f.X, f.y, alpha(f), f.arrays["principal"])
    require(
        None
        if slack > 0
        else f"no principal direction was found (best slack {slack:.4g}), so Assumption A.1 is not known to hold"
    )
    return [
        none_of(
            "samples at which A.2 fails",
            int(np.sum(geometry.alignment_slack(f.X, f.y, alpha(f)) <= 0)),
        ),
        number("slack of A.1", slack),
    ]


@statement(
    "mean-cone",
    ref("Lemma G.2"),
    "theory",
    CASES,
    "Assumption A.2 holds exactly if every vector of K = {sum_j s_j y_j x_j, s in [alpha, 1]} separates the data.",
    given=(labelled, leaky),
)
def check_cone(f: Study) -> Sequence[Judgement]:
    """All 2^n vertices of K against the closed form of the slack; they agree in sign."""
    if len(f.y) > geometry.MOST_VERTICES:
        raise NotApplicable(
            f"2^{len(f.y)} vertices are too many to enumerate; the check takes at most {geometry.MOST_VERTICES} points"
        )
    delta = float(geometry.cone_margins(geometry.scaled(f.X), f.y, alpha(f)).min())
    slack = float(geometry.alignment_slack(f.X, f.y, alpha(f)).min())
    return [
        none_of("disagreement between K in the cone and A.2", int((delta > 0) != (slack > 0))),
        number("delta, the least margin in K (data scaled)", delta),
    ]


@statement(
    "negative-outputs-fall-short",
    ref("Assumption A.5; Lemma G.10"),
    "theory",
    CASES,
    "On the support of w+, networks without positive output weights have a smaller margin than the one-neuron network, gamma+/2.",
    given=(labelled, separable, leaky, one_sign_grows_faster),
)
def check_negative(f: Study) -> Sequence[Judgement]:
    """The upper bound of the column generation with negative outputs only, and alpha gamma+/2 where S+ is all positive."""
    half = separator_of(f, 1.0).margin / 2
    low, high = f.arrays["negative"]
    require(
        None
        if np.isfinite(high)
        else "the largest margin of networks with negative outputs could not be certified"
    )
    exact = (
        [
            upper(
                "|it / (alpha gamma+/2) - 1| as S+ is all positive",
                abs(low / (alpha(f) * half) - 1),
                1e-7,
            )
        ]
        if negatives_fall_short(f) is None
        else []
    )
    return [
        upper("largest margin with a <= 0, relative to gamma+/2", high / half, 1 - 1e-9),
        *exact,
    ]


@statement(
    "locally-optimal",
    ref("Theorem G.11"),
    "theory",
    CASES,
    "The embedded one-neuron network maximises the margin locally among networks with its output signs.",
    given=(labelled, separable, leaky, one_sign_grows_faster, negatives_fall_short),
)
def check_locally_optimal(f: Study) -> Sequence[Judgement]:
    """Largest margin of random perturbations that keep signs and patterns, over gamma+/2."""
    require(None if len(f.arrays["perturbed"]) else "no perturbation keeps the signs and patterns")
    half = separator_of(f, 1.0).margin / 2
    return [
        upper(
            "largest margin of a perturbed network / (gamma+/2) - 1",
            f.arrays["perturbed"].max() / half - 1,
            1e-12,
        ),
        number("perturbations", len(f.arrays["perturbed"])),
    ]


@statement(
    "suboptimal-margin",
    ref("Section 6 and Figure 1"),
    "theory",
    CASES,
    "The one-neuron network to which training converges has less than the largest margin.",
    given=(labelled, separable, leaky, one_sign_grows_faster, aligned_means, negatives_fall_short),
)
def check_suboptimal(f: Study) -> Sequence[Judgement]:
    """gamma+/2 over the certified lower bound of the optimum; a short hint (small K) may make the two equal."""
    require(
        None if np.isfinite(f.arrays["largest"][0]) else "the largest margin could not be certified"
    )
    w = separator_of(f, 1.0)
    own = normalised_margin(f.X, f.y, w.w[None] / np.sqrt(2), np.array([1 / np.sqrt(2)]), alpha(f))
    return [
        upper(
            "gamma+/2 relative to the largest margin",
            w.margin / 2 / float(f.arrays["largest"][0]),
            1 - 1e-6,
        ),
        upper("|margin of (w+, 1)/sqrt 2 over gamma+/2 - 1|", abs(2 * own / w.margin - 1), 1e-12),
    ]


def hints(f: Study) -> tuple[float, float, float, np.ndarray]:
    """(H, K, eps, w*) if the first three points are the hints H w*, eps w* +- K w_perp of the others (Definition 6.1)."""
    X, y = f.X, f.y
    base = geometry.separator(X[3:], y[3:]) if len(y) > 4 else None
    if base is None or np.any(y[:3] != 1):
        raise NotApplicable(
            "the data are not hinted: three positive hints before separable points (Definition 6.1)"
        )
    w, middle, across = base.w, (X[1] + X[2]) / 2, (X[1] - X[2]) / 2
    H, eps = float(X[0] @ w), float(middle @ w)
    off = max(np.abs(X[0] - H * w).max(), np.abs(middle - eps * w).max(), abs(float(across @ w)))
    require(
        None
        if off <= 1e-9 * np.abs(X).max() and eps > 0
        else "the first three points are not the hints H w*, eps w* +- K w_perp (Definition 6.1)"
    )
    return H, float(np.linalg.norm(across)), eps, w


@statement(
    "sufficient-hints",
    ref("Theorem 6.2, Appendix A.2"),
    "theory",
    HINTED,
    "K > 0, eps below alpha times the margin of the other points and H above the paper's bound imply Assumptions A.1, A.2 and A.3, and w+ = w*.",
    given=(labelled, separable, leaky),
)
def check_hints(f: Study) -> Sequence[Judgement]:
    """N/A, with the bound on H, where the sufficient condition is not met; the assumptions may hold all the same."""
    H, K, eps, w = hints(f)
    slope = alpha(f)
    least = required_hint(f.X, f.y, slope, w, eps)
    bound = slope * float((f.y[3:] * (f.X[3:] @ w)).min())
    require(
        None
        if K > 0 and eps < bound
        else f"the hints have K = {K:.4g}, eps = {eps:.4g}; the condition is K > 0, eps < {bound:.4g}"
    )
    holds = (
        " hold"
        if aligned_means(f) is None and one_sign_grows_faster(f) is None
        else " do not both hold"
    )
    require(
        None
        if least < H
        else f"H = {H:.4g} does not exceed {least:.4g}, the sufficient condition; directly, Assumptions A.2 and A.3{holds}"
    )
    plus = separator_of(f, 1.0)
    return [
        upper("negative slack of A.1 at w*", -geometry.principal_slack(f.X, f.y, slope, w), 0.0),
        upper("of A.2", -float(geometry.alignment_slack(f.X, f.y, slope).min()), 0.0),
        upper("of A.3, -kappa", -geometry.lag(f.X, f.y, slope), 0.0),
        upper("||w+ - w*||", float(np.linalg.norm(plus.w - w)), 1e-9),
        upper("|gamma+ / eps - 1|", abs(plus.margin / eps - 1), 1e-9),
        number("sufficient H", least),
    ]


def required_hint(X: np.ndarray, y: np.ndarray, alpha: float, w: np.ndarray, eps: float) -> float:
    """max{eps, H0, n ||mu^-|| + ||sum_{j > 1} y_j x_j^+||}; the last depends on H itself through mu^-."""
    heights = y * (X @ w)
    off = np.linalg.norm(X - (X @ w)[:, None] * w, axis=1)
    first = float(off.max() * off.sum() / (alpha * heights[1:].min()) - heights[1:].sum())
    plus = float(np.linalg.norm(y[1:] @ geometry.reweighted(X, y, alpha, 1.0)[1:]))
    return max(
        eps,
        first,
        len(y) * float(np.linalg.norm(geometry.one_neuron_mean(X, y, alpha, -1.0))) + plus,
    )


CLAIMS: tuple[Claim, ...] = (
    check_data,
    check_principal,
    check_cone,
    check_negative,
    check_locally_optimal,
    check_suboptimal,
    check_hints,
)
