"""What boursier2024 says of any data set, judged on the points of an analysis."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, require, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2024.assumptions import Assumption5
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.study_cases import ANALYSES
from flowrepro.papers.boursier2024.study_hypotheses import declared
from flowrepro.theory.arrangement import ON

CASES = tuple(case.name for case in ANALYSES)
INDEPENDENT = 1e-12
"""Singular values below this part of the largest force are zero."""


def generic(findings: Study) -> str | None:
    """Every set of at most rank-many vectors g_k x_k is independent, which random points are (Assumption 2)."""
    least = float(findings.arrays["generic_independence"])
    largest = float(np.max(np.abs(findings.y) * np.linalg.norm(findings.X, axis=1))) / len(
        findings.y
    )
    return (
        None
        if least > INDEPENDENT * largest
        else "some points are dependent or have the label 0, so they are not in general position (Assumption 2)"
    )


def has_extremal(findings: Study) -> str | None:
    """There is an extremal vector."""
    return (
        None
        if findings.arrays["extremal_cone"].size
        else "there is no extremal vector; the points are not in general position (Assumption 2)"
    )


def in_boxes(findings: Study) -> str | None:
    """Three planar points inside the boxes of Assumption 3, eta <= 1/6."""
    eta = float(findings.case.options["eta"])
    if eta > 1 / 6 + 1e-12:
        return f"Lemma 8 asks for eta <= 1/6, not {eta:g}"
    outside = -float(findings.arrays["assumption_3"])
    return (
        None
        if outside <= 0
        else f"the points are not in the boxes of Assumption 3 at eta = {eta:.4g} (by {outside:.3g})"
    )


def relu(findings: Study) -> str | None:
    """Slope 0 of the leaky part."""
    return (
        None
        if findings.case.options["alpha"] == 0
        else "the alignment in closed form is for ReLU; set options.alpha=0"
    )


def value(findings: Study, name: str) -> float:
    """A number of the analysis."""
    return float(findings.arrays[name])


@statement(
    "cone-count",
    ref("footnote 4"),
    "theory",
    CASES,
    "the open cones are no more than Cover's bound, all of them in general position",
)
def cone_count(findings: Study) -> Sequence[Judgement]:
    """2 sum_{i<d} C(n-1, i) <= 3^n."""
    arrays = findings.arrays
    parts = [
        upper("open cones", value(findings, "cells"), value(findings, "cover_bound")),
        number("cones in all", len(arrays["signs"])),
    ]
    return (
        parts
        if generic(findings)
        else [
            *parts,
            lower("general position", value(findings, "cells"), value(findings, "cover_bound")),
        ]
    )


@statement(
    "lemma-2",
    ref("Lemma 2"),
    "theory",
    CASES,
    "no D_u lies on the boundary of its cone or of its negative",
    given=(generic,),
)
def lemma_2(findings: Study) -> Sequence[Judgement]:
    """Least cosine of such a D_u with a datum off its hyperplane."""
    return [
        lower("least cosine to the boundary", value(findings, "generic_boundary"), ON),
        number(
            "least singular value of d vectors g_k x_k", value(findings, "generic_independence")
        ),
    ]


@statement(
    "lemma-3", ref("Lemma 3"), "theory", CASES, "there is an extremal vector", given=(generic,)
)
def lemma_3(findings: Study) -> Sequence[Judgement]:
    """Their number, by kind."""
    kinds = findings.arrays["extremal_kind"].tolist()
    return [
        lower("extremal vectors", len(kinds), 1),
        *(
            number(f"of them {kind}", kinds.count(kind))
            for kind in ("maximum", "minimum", "saddle")
        ),
    ]


@statement(
    "saddles",
    ref("Theorem 1, hypothesis"),
    "theory",
    CASES,
    "in the plane G has no saddle point",
    given=(generic,),
)
def saddles(findings: Study) -> Sequence[Judgement]:
    """Their number, without a claim in higher dimension."""
    count = int(np.sum(findings.arrays["extremal_kind"] == "saddle"))
    return (
        [none_of("saddles", count)]
        if findings.X.shape[1] == 2
        else [number("saddles of G (Theorem 1 asks for none, Theorem 3 allows them)", count)]
    )


@statement(
    "positive-constants",
    ref("Lemmas 9 and 10"),
    "theory",
    CASES,
    "alpha_min, D_min and delta_0 are positive",
    given=(generic, has_extremal),
)
def positive_constants(findings: Study) -> Sequence[Judgement]:
    """The constants of Appendix D.1."""
    arrays, eps, alpha0 = (
        findings.arrays,
        findings.case.options["eps"],
        findings.case.options["alpha0"],
    )
    angle = min(value(findings, "alpha_plus"), value(findings, "alpha_minus"))
    boundary = min(value(findings, "delta_outer"), value(findings, "delta_inner"))
    scales = [
        number(f"lambda* (alpha0 = {a:g}, eps = {e:g})", arrays["critical_scale"][i, j])
        for i, a in enumerate(alpha0)
        for j, e in enumerate(eps)
    ]
    vacuous = [
        number(f"log10 of c (eq 37, alpha0 = {a:g})", log10)
        for a, log10 in zip(alpha0, arrays["log10_misalignment"], strict=True)
    ]
    return [
        lower("alpha_min", angle, ON),
        lower("D_min", value(findings, "D_min"), ON * value(findings, "D_max")),
        lower("delta_0", boundary, ON * value(findings, "D_max")),
        number("D_max", value(findings, "D_max")),
        *scales,
        *vacuous,
    ]


@statement(
    "settling-bound",
    ref("Theorem 1 (ii), after eq 32"),
    "theory",
    CASES,
    "under Condition 1 neurons settle by t_2",
    given=(relu, generic, has_extremal),
)
def settling_bound(findings: Study) -> Sequence[Judgement]:
    """Time of the last activation event in the limit of vanishing scale, over all starts that satisfy Condition 1."""
    arrays = findings.arrays
    require(
        None
        if arrays["start"].size
        else "the alignment of these points was not followed to its end"
    )
    require(
        None
        if not np.any(arrays["extremal_kind"] == "saddle")
        else "G has a saddle, where alignment may take arbitrarily long (Theorem 1)"
    )
    parts = []
    for a, bound in zip(findings.case.options["alpha0"], arrays["settling_bound"], strict=True):
        covered = arrays["start_cosine"] > -np.sqrt(1.0 - min(a, 1.0) ** 2)
        parts.append(
            upper(
                f"latest, alpha0 = {a:g}",
                float(arrays["settled"][covered].max(initial=0.0)),
                float(bound),
            )
        )
    return [
        *parts,
        number(
            "latest of a > 0 without a condition", float(arrays["settled"][:, 0].max(initial=0.0))
        ),
    ]


@statement(
    "assumption-slacks",
    ref("Assumptions 3 to 6"),
    "theory",
    CASES,
    "which assumptions the points satisfy (no claim)",
)
def assumption_slacks(findings: Study) -> Sequence[Judgement]:
    """Positive where an assumption holds; Assumption 1 holds for the half square, not for the square (2-Lipschitz slope)."""
    return [
        number(
            f"Assumption 3 (eta = {findings.case.options['eta']:.4g})",
            value(findings, "assumption_3"),
        ),
        number("Assumption 4", value(findings, "assumption_4")),
        number("Assumption 5, left / right", assumption_5_ratio(findings)),
        number("Assumption 6", float(findings.arrays["assumption_6"].min())),
        number("residual MSE of least squares", float(np.mean(findings.arrays["residual"] ** 2))),
    ]


def assumption_5_ratio(findings: Study) -> float:
    """Least ratio of both sides over K; the assumption asks for more than 1."""
    return Assumption5(
        findings.arrays["assumption_5_left"], findings.arrays["assumption_5_right"]
    ).ratio


@statement(
    "lemma-8",
    ref("Lemma 8"),
    "theory",
    CASES,
    "points in the boxes satisfy Assumptions 4 and 6",
    given=(in_boxes, relu),
)
def lemma_8(findings: Study) -> Sequence[Judgement]:
    """Assumption 5, which the lemma claims too, is measured only: see the errata."""
    return [
        lower("Assumption 4", value(findings, "assumption_4"), ON),
        lower("Assumption 6", float(findings.arrays["assumption_6"].min()), ON),
        number("Assumption 5, left / right", assumption_5_ratio(findings)),
    ]


@statement(
    "single-extremal-vector",
    ref("Appendix F, proof of Lemma 4"),
    "theory",
    CASES,
    "under Assumption 4 the only extremal vector is D*, a maximum",
)
def single_extremal_vector(findings: Study) -> Sequence[Judgement]:
    """Distance to D* = (1/n) sum y_k x_k, and that the flat rest of G is the inactive cone."""
    arrays = findings.arrays
    require(None if value(findings, "assumption_4") > 0 else "Assumption 4 does not hold")
    require(relu(findings))
    D_star = findings.y @ findings.X / len(findings.y)
    gap = min((float(np.linalg.norm(D - D_star)) for D in arrays["extremal_D"]), default=np.inf)
    flat = np.all(arrays["D"] == 0, axis=1)
    return [
        window("extremal vectors", arrays["extremal_cone"].size, 1, 1),
        upper("distance to D*", gap, 1e-12 * float(np.linalg.norm(D_star))),
        none_of("maxima that are none", int(np.sum(arrays["extremal_kind"] != "maximum"))),
        none_of(
            "cones without force that are active on a datum",
            int(np.sum(np.any(arrays["signs"][flat] > 0, axis=1))),
        ),
    ]


MEASURED: dict[str, Callable[[Study], float]] = {
    "norm of D*": lambda f: float(np.linalg.norm(f.arrays["extremal_D"][0])),
    "angle of D* (degrees)": lambda f: float(
        np.degrees(np.arctan2(*f.arrays["extremal_D"][0][::-1]))
    ),
    "D_max": lambda f: value(f, "D_max"),
    "D_min": lambda f: value(f, "D_min"),
    "delta_0": lambda f: min(value(f, "delta_outer"), value(f, "delta_inner")),
    "alpha_min": lambda f: min(value(f, "alpha_plus"), value(f, "alpha_minus")),
    "lambda* (alpha0 = 1, eps = 0.1)": lambda f: float(f.arrays["critical_scale"][0, 0]),
    "lambda* (alpha0 = 0.1, eps = 0.3)": lambda f: float(f.arrays["critical_scale"][1, 2]),
    "bound of t_2 (alpha0 = 1)": lambda f: float(f.arrays["settling_bound"][0]),
    "latest t_2 of a > 0": lambda f: float(f.arrays["settled"][:, 0].max()),
    "log10 c (alpha0 = 1)": lambda f: float(f.arrays["log10_misalignment"][0]),
    "least eigenvalue of X^T X / n": lambda f: float(f.arrays["curvature"][0]),
    "alpha of eq 49": lambda f: value(f, "least_mean"),
    "Dbar": lambda f: value(f, "force_bound"),
    "kappa": lambda f: value(f, "condition"),
    "Assumption 5, least left / right": assumption_5_ratio,
}
"""What of the cases' targets -> how it is read off an analysis."""


@statement(
    "analysis-numbers",
    ref("Section 3 and Appendix D.1"),
    "reproduction",
    CASES,
    "the constants of the two sets of three points",
    given=(declared,),
)
def analysis_numbers(findings: Study) -> Sequence[Judgement]:
    """Every target of the case."""
    return [
        window(target.what, MEASURED[target.what](findings), *target.window)
        for target in findings.case.targets
        if target.window
    ]


CLAIMS: tuple[Claim, ...] = (
    cone_count,
    lemma_2,
    lemma_3,
    saddles,
    positive_constants,
    settling_bound,
    assumption_slacks,
    lemma_8,
    single_extremal_vector,
    analysis_numbers,
)
