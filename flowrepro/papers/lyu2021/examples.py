"""What the paper shows on its three data sets: KKT networks that are not optimal (Figure 1), and what descent finds (Figure 2)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from scipy.optimize import lsq_linear

from flowrepro.claims.old_claim import none_of, number, statement, target_window, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.separable import symmetric_example
from flowrepro.papers.lyu2021.boundaries import crossings, plane, zero_rays
from flowrepro.papers.lyu2021.experiments import LEFT, LEFT_SLOPES, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.late_records import ref
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin import normalised_margin
from flowrepro.theory.margin_global import largest_margin
from flowrepro.theory.margin_kkt import KINK, kkt_certificate

EXACT, BRACKET = 1e-12, 1e-7
"""Allowed residual of a closed form, and width of the bracket of the largest margin."""
FREE = ("seed",)
"""Keys that do not make a study another than the paper's."""
HEIGHTS = np.arange(-2.0, 2.25, 0.25)
"""Heights y at which the boundary of the middle example is followed."""


def stationarity(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float, duals: np.ndarray
) -> float:
    """Largest entry of theta - sum_i lam_i grad q_i over the neurons, with the slopes in [alpha, 1] at kinks that make it least.

    Each neuron has its own slopes, so each is a small bounded least-squares problem.
    """
    Z = X @ W.T
    worst = float(np.abs(a - (duals * y) @ activation(Z, alpha)).max())
    for w, out, z in zip(W, a, Z.T, strict=True):
        pull = (out * duals * y)[:, None] * X
        kink = np.abs(z) <= KINK * np.linalg.norm(X, axis=1) * np.linalg.norm(w)
        rest = w - np.where(z > 0, 1.0, alpha)[~kink] @ pull[~kink]
        if kink.any():
            rest = rest - lsq_linear(pull[kink].T, rest, (alpha, 1.0), method="bvls").x @ pull[kink]
        worst = max(worst, float(np.abs(rest).max()))
    return worst


def study_left_slopes(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, Any]:
    """For each slope of ``alphas``: the angle b (degrees), margin and residuals of the KKT network of Figure 1 left, and the bracket of the largest margin."""
    require_ranges(case.options, {"alphas": (0.0, 0.999)})
    kept = []
    for done, alpha in enumerate(case.options["alphas"], 1):
        points = symmetric_example(alpha)
        X, y, W, a = points.X, points.y, points.extra["W"], points.extra["a"]
        best, proof = largest_margin(X, y, alpha), kkt_certificate(X, y, W, a, alpha)
        kept.append(
            {
                "alpha": alpha,
                "angle": float(np.degrees(np.arctan2(1.0, X[0, 1]))),
                "kkt_margin": normalised_margin(X, y, W, a, alpha),
                "residual": max(
                    proof.eps, proof.delta, stationarity(X, y, W, a, alpha, points.extra["duals"])
                ),
                "lower": best.lower,
                "upper": best.upper,
            }
        )
        progress(done, len(case.options["alphas"]))
    return {name: np.array([entry[name] for entry in kept]) for name in kept[0]}


def rays(run: Study, name: str) -> float:
    """Mean angle of the two zero rays of a network from the positive x axis, degrees; nan unless there are two, above and below."""
    found = zero_rays(
        run.arrays[f"{name}_W"], run.arrays[f"{name}_a"], float(run.case.options["alpha"])
    )
    return (
        float(np.abs(found).mean()) if len(found) == 2 and found[0] < 0 < found[1] else float("nan")
    )


def ray_error(run: Study, name: str, angle: float) -> float:
    """Largest distance in degrees of the zero rays from +-angle; inf unless there are two."""
    found = zero_rays(
        run.arrays[f"{name}_W"], run.arrays[f"{name}_a"], float(run.case.options["alpha"])
    )
    return (
        float(np.abs(found - np.array([-angle, angle])).max()) if len(found) == 2 else float("inf")
    )


def boundary(run: Study, name: str, heights: np.ndarray) -> np.ndarray:
    """The middle example's zero line x(y) in the plane of its constant feature."""
    W, a = run.arrays[f"{name}_W"], run.arrays[f"{name}_a"]
    offset = np.array([0.0, 0.0, run.X[0, 2]])
    return crossings(
        plane(W, a, float(run.case.options["alpha"]), np.eye(3)[:2], offset), heights, 3.0
    )


def bracket(run: Study) -> Judgement:
    """Part: the certificate of the largest margin."""
    return upper(
        "largest margin: width of its bracket",
        float(run.arrays["largest_upper"] - run.arrays["largest_lower"]),
        BRACKET,
    )


def in_target(run_case: StudyCase, note: str, measured: float, what: str) -> Judgement:
    """Part: a measurement in the window of the case's target."""
    return window(note, measured, *target_window(run_case, what))


@statement(
    "figure-1-left",
    ref("Figure 1 left; Appendix I.1.1"),
    "reproduction",
    ("left",),
    "symmetric data can have KKT directions that are not optimal",
    (as_declared(LEFT, FREE),),
)
def figure_1_left(run: Study) -> list[Judgement]:
    """measured: residuals of the network of Appendix I.1.1 and of its multipliers, margins, and the two zero rays."""
    arrays, alpha = run.arrays, float(run.case.options["alpha"])
    W, a = arrays["kkt_W"], arrays["kkt_a"]
    assert run.dataset is not None
    duals = run.dataset.extra["duals"]
    return [
        upper("KKT residual eps", float(arrays["kkt_eps"]), EXACT),
        upper("KKT residual delta", float(arrays["kkt_delta"]), EXACT),
        upper(
            "residual of the paper's multipliers",
            stationarity(run.X, run.y, W, a, alpha, duals),
            EXACT,
        ),
        upper("negative part of the multipliers", float(-duals.min()), EXACT),
        upper(
            "largest |q_i - 1|", float(np.abs(run.y * predict(run.X, W, a, alpha) - 1).max()), EXACT
        ),
        upper(
            "largest ||a_k| - ||w_k||| (Lemma B.9)",
            float(np.abs(np.abs(a) - np.linalg.norm(W, axis=1)).max()),
            EXACT,
        ),
        in_target(LEFT, "KKT margin", float(arrays["kkt_margin"]), "margin of the KKT network"),
        window(
            "largest margin / ((1 + alpha)/4 gamma*)",
            float(arrays["largest_lower"] / ((1 + alpha) / 4 * arrays["gamma_star"])),
            1 - BRACKET,
            1 + BRACKET,
        ),
        bracket(run),
        in_target(LEFT, "zero rays of the KKT network, degrees", rays(run, "kkt"), "zero rays"),
        upper("zero rays of the optimum off +-90 degrees", ray_error(run, "largest", 90.0), 1e-3),
    ]


@statement(
    "figure-1-left-slopes",
    ref("Appendix I.1.1"),
    "reproduction",
    ("left-slopes",),
    "the example exists for every slope in [0, 1)",
    (as_declared(LEFT_SLOPES, FREE),),
)
def figure_1_slopes(run: Study) -> list[Judgement]:
    """measured: KKT residuals, angle and margin at every slope, and the largest margin (1 + alpha)/4."""
    arrays = run.arrays
    parts = [upper("largest KKT residual", float(arrays["residual"].max()), EXACT)]
    for alpha, angle, margin, low, high in zip(
        *(arrays[name] for name in ("alpha", "angle", "kkt_margin", "lower", "upper")), strict=True
    ):
        parts.append(
            in_target(LEFT_SLOPES, f"b at alpha {alpha:g}", angle, f"b at alpha = {alpha:g},")
        )
        parts.append(
            in_target(
                LEFT_SLOPES, f"KKT margin at {alpha:g}", margin, f"KKT margin at alpha = {alpha:g},"
            )
        )
        parts.append(
            upper(
                f"largest margin at {alpha:g} off (1 + alpha)/4",
                max(abs(low - (1 + alpha) / 4), abs(high - (1 + alpha) / 4)),
                BRACKET,
            )
        )
    return parts


@statement(
    "figure-1-middle",
    ref("Figure 1 middle; Appendix I.1.2"),
    "reproduction",
    ("middle",),
    "a linear KKT classifier has three quarters of the largest margin",
    (as_declared(MIDDLE, FREE),),
)
def figure_1_middle(run: Study) -> list[Judgement]:
    """measured: margins, both boundaries, and the assumptions of Theorem A.7; the paper gives no numbers, ours are measured."""
    arrays = run.arrays
    black, orange = (
        boundary(run, "largest", np.array([0.0, 1.0, -1.0, 2.0, -2.0])),
        boundary(run, "kkt", HEIGHTS),
    )
    eps, c = run.X[:, 0][run.y > 0].min(), run.X[0, 2]
    return [
        upper(
            "KKT residual of the linear classifier",
            float(max(arrays["kkt_eps"], arrays["kkt_delta"])),
            EXACT,
        ),
        bracket(run),
        in_target(
            MIDDLE,
            "linear / largest margin",
            float(arrays["kkt_margin"] / arrays["largest_lower"]),
            "margin of the linear classifier",
        ),
        upper("linear boundary off x = -c^2 / eps", float(np.abs(orange + c**2 / eps).max()), 1e-9),
        in_target(MIDDLE, "optimal boundary at y = 0", black[0], "optimal boundary at y = 0"),
        *(
            in_target(MIDDLE, f"at y = {y:+g}", x, f"optimal boundary at |y| = {abs(y):g}")
            for y, x in zip((1, -1, 2, -2), black[1:], strict=True)
        ),
        *_assumptions(run),
    ]


@statement(
    "figure-1-right",
    ref("Figure 1 right; Definition 6.1"),
    "reproduction",
    ("right",),
    "three hints make a linear classifier suboptimal",
    (as_declared(RIGHT, FREE),),
)
def figure_1_right(run: Study) -> list[Judgement]:
    """measured: margins, support vectors, zero rays and the assumptions of Theorem A.7; the paper gives no numbers, ours are measured."""
    arrays = run.arrays
    support = (
        np.abs(
            run.y
            * (run.X @ arrays["w_plus"])
            * np.where(run.y > 0, 1.0, run.case.options["alpha"])
            / arrays["gamma_plus"]
            - 1
        )
        <= EXACT
    )
    return [
        upper(
            "KKT residual of the linear classifier",
            float(max(arrays["kkt_eps"], arrays["kkt_delta"])),
            EXACT,
        ),
        bracket(run),
        in_target(
            RIGHT,
            "linear / largest margin",
            float(arrays["kkt_margin"] / arrays["largest_lower"]),
            "margin of the linear classifier",
        ),
        window(
            "largest margin / closed form",
            float(arrays["largest_lower"] * 4 * np.sqrt(2.96)),
            1 - BRACKET,
            1 + BRACKET,
        ),
        none_of(
            "support vectors other than hints 2 and 3",
            int(np.sum(support ^ np.isin(np.arange(len(run.y)), (1, 2)))),
        ),
        upper(
            "zero rays of the linear classifier off +-90 degrees", ray_error(run, "kkt", 90.0), 1e-6
        ),
        in_target(RIGHT, "zero rays of the optimum, degrees", rays(run, "largest"), "zero rays"),
        *_assumptions(run),
    ]


def _assumptions(run: Study) -> list[Judgement]:
    """Parts: A.2, A.3 and what implies A.5 hold; A.1 is printed."""
    arrays = run.arrays
    return [
        upper("A.2: minus the least slack", -float(arrays["alignment"]), -1e-9),
        upper("A.3: ||mu-|| - ||mu+||", float(arrays["mu_minus"] - arrays["mu_plus"]), -1e-9),
        none_of(
            "A.5: support vectors of w+ are positive, violations", int(not arrays["one_class"])
        ),
        number(
            "A.1: best slack over mu, w*, w+ (negative: it fails there)", float(arrays["principal"])
        ),
    ]


CLAIMS: tuple[Claim, ...] = (figure_1_left, figure_1_slopes, figure_1_middle, figure_1_right)
