"""What the limit of boursier2022 is: an interpolator of least norm, reached past a strict saddle."""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.hypotheses import (
    ORTHOGONAL_FLOW,
    balanced,
    closed_form,
    equal_norms,
    final,
    half_mean_square,
    long_enough,
    orthogonal,
    ref,
    straggling,
    two_signs,
    univariate,
)
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import descent_on_squares, step_time
from flowrepro.theory.stationary import gradient_norm
from flowrepro.theory.variation_norm import least_variation_norm, piecewise_linear, variation_norm

LIMIT = (*ORTHOGONAL_FLOW, equal_norms)


def multipliers(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """lam_k = y_k / (||x_k||^2 W_sign(y_k)), (n,), of min ||theta||^2 subject to interpolation   (Proposition 1)."""
    weights = {chosen.sign: chosen.weight for chosen in sign_classes(X, y)}
    return (
        y / np.sum(np.square(X), axis=1) / np.array([weights[float(sign)] for sign in np.sign(y)])
    )  # type: ignore[no-any-return]


def _in_coordinates(
    X: np.ndarray, W: np.ndarray, a: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The same network on the span of orthogonal inputs with x_k/||x_k|| as axes: there <w, x_k> = 0 is exact, without rounding."""
    norms = np.linalg.norm(X, axis=1)
    turned = W @ (X / norms[:, None]).T
    return (
        np.diag(norms),
        np.where(np.abs(turned) > 1e-12 * np.abs(turned).max(initial=0.0), turned, 0.0),
        a,
    )


def _squared_norm(W: np.ndarray, a: np.ndarray) -> float:
    return float(np.sum(np.square(W)) + np.sum(np.square(a)))


@statement(
    "theorem-1",
    ref("Theorem 1"),
    "theory",
    ("toy",),
    "the flow converges to zero loss and, for lambda -> 0, to an interpolator of least norm",
    LIMIT,
)
def theorem_1(run: Run) -> list[Judgement]:
    """measured: final L, ||theta||^2 / (2 (W+ + W-)) - 1, and ||theta - theta*|| with theta* from the draw alone.

    bound: stragglers leave O(lambda^{2 gamma}) and O(lambda^gamma); descent leaves O(lr).
    """
    long_enough(run, 1e-12)
    W, a = final(run)
    form: ClosedForm = closed_form(run)
    W_star, a_star = form.minimiser()
    excess = _squared_norm(W, a) / (2 * sum(chosen.weight for chosen in form.classes)) - 1.0
    left = straggling(run)
    distance = np.sqrt(_squared_norm(W - W_star, a - a_star))
    return [
        upper("final L", half_mean_square(run.X, run.y, W, a), 1e-12),
        upper("|norm^2 / (2 (W+ + W-)) - 1|", abs(excess), max(step_time(run) / 20, left**2)),
        upper(
            "||theta - theta*|| / ||theta*||",
            distance / np.sqrt(_squared_norm(W_star, a_star)),
            max(step_time(run) / 2, left),
        ),
    ]


@statement(
    "proposition-1",
    ref("Proposition 1"),
    "theory",
    ("toy",),
    "the limit is a KKT point of min ||theta||^2 s.t. interpolation, along D+ and -D-",
    LIMIT,
)
def proposition_1(run: Run) -> list[Judgement]:
    """measured: ||theta - sum_k lam_k grad f(x_k)|| / ||theta||, and the mean cosine (weights ||w||^2) of grown neurons with their direction."""
    long_enough(run, 1e-12)
    W, a = final(run)
    lam = multipliers(run.X, run.y)
    Z = W @ run.X.T
    active = (
        1e-12 * np.linalg.norm(W, axis=1)[:, None] * np.linalg.norm(run.X, axis=1) < Z
    )  # the flow leaves pairs on <w, x> = 0, up to rounding
    stationary_W = a[:, None] * ((active * lam) @ run.X)
    residual = np.sqrt(
        _squared_norm(W - stationary_W, a - activation(Z) @ lam) / _squared_norm(W, a)
    )
    norms, left = np.linalg.norm(W, axis=1), straggling(run)
    parts = [upper("KKT residual", residual, max(1e-5, left))]
    for chosen in sign_classes(run.X, run.y):
        grown = (norms > 1e-3) & (np.sign(a) == chosen.sign)
        if grown.any():
            cosine = np.average(
                cosines(W[grown], chosen.direction), weights=np.square(norms[grown])
            )
            parts.append(
                upper(
                    f"1 - mean cosine, sign {chosen.sign:+.0f}", 1.0 - cosine, max(1e-4, left) ** 2
                )
            )
    return parts


@statement(
    "minimal-value",
    ref("Proposition 1"),
    "theory",
    ("toy",),
    "min ||theta||^2 = 2 (W+ + W-), certified by the multipliers",
    LIMIT,
)
def minimal_value(run: Run) -> list[Judgement]:
    """measured: duality gap of theta*, and of the end of the run, relative to 2 (W+ + W-).

    The multipliers are feasible, sup over unit u of |sum_k lam_k relu(<u, x_k>)| = sqrt(sum over a class of lam^2 ||x||^2) = 1,
    so ||theta||^2 >= 2 sum_k lam_k f(x_k) for every network: no interpolator has a smaller norm.
    """
    long_enough(run, 1e-12)
    form, lam = closed_form(run), multipliers(run.X, run.y)
    value = 2 * sum(chosen.weight for chosen in form.classes)
    sums = [
        np.sum(np.square(lam[np.sign(run.y) == chosen.sign]) * chosen.squared_norms)
        for chosen in form.classes
    ]
    gaps = []
    for W, a in (form.minimiser(), final(run)):
        gaps.append((_squared_norm(W, a) - 2 * float(lam @ predict(run.X, W, a))) / value)
    return [
        upper(
            "|sum of lam_k^2 ||x_k||^2 over a class - 1|", np.abs(np.array(sums) - 1).max(), 1e-12
        ),
        upper(
            "|2 sum_k lam_k y_k / (2 (W+ + W-)) - 1|",
            abs(2 * float(lam @ run.y) / value - 1),
            1e-12,
        ),
        upper("gap of theta*", abs(gaps[0]), 1e-12),
        upper("gap at the end of the run", abs(gaps[1]), max(1e-4, straggling(run))),
        lower("weak duality at the end", gaps[1], -1e-12),
        number("min ||theta||^2", value),
    ]


@statement(
    "strict-saddle",
    ref("Fact 1"),
    "theory",
    ("toy",),
    "theta_S and 0 are strict saddles",
    (descent_on_squares, orthogonal, two_signs, balanced, equal_norms),
)
def strict_saddle(run: Run) -> list[Judgement]:
    """measured: at theta_S, ||grad L||, L - (1/2n) sum over the slow class of y^2, and the descent along one zero neuron.

    Putting (w, a) = eta (v, s), v the slow class's unit direction and s its sign, on a zero neuron changes L by
    -eta^2 ||D|| + eta^4/(2n) sum <v, x_k>^2 over that class; at 0 likewise along either class.
    """
    form = closed_form(run)
    fast, slow = form.classes
    if not form.members[0].any():
        raise NotApplicable("S of the faster class is empty (Assumption 3), so theta_S is 0")
    X, W, a = _in_coordinates(run.X, *form.saddle())
    origin = np.zeros_like(W), np.zeros_like(a)
    size = half_mean_square(X, run.y, *origin)
    parts = [
        upper("||grad L(theta_S)||", gradient_norm(X, run.y, W, a), 1e-12 * size),
        upper(
            "|L(theta_S) - (1/2n) sum y^2|",
            abs(half_mean_square(X, run.y, W, a) - np.sum(np.square(slow.y)) / (2 * slow.n)),
            1e-12 * size,
        ),
    ]
    for name, (base_W, base_a), chosen in (
        ("theta_S", (W, a), slow),
        ("0", origin, fast),
        ("0", origin, slow),
    ):
        v = _in_coordinates(run.X, chosen.direction[None] / chosen.rate, np.ones(1))[1][0]
        for eta in (0.3, 0.1, 0.03):
            moved = half_mean_square(
                X, run.y, np.vstack([base_W, eta * v]), np.append(base_a, eta * chosen.sign)
            )
            change = -(eta**2) * chosen.rate + eta**4 / (2 * chosen.n) * np.sum(
                np.square(X[np.sign(run.y) == chosen.sign] @ v)
            )
            error = abs(moved - half_mean_square(X, run.y, base_W, base_a) - change)
            parts.append(
                upper(
                    f"descent from {name}, sign {chosen.sign:+.0f}, eta {eta:g}: error",
                    error,
                    1e-12 * max(1.0, size),
                )
            )
    return parts


@statement(
    "variation-norm",
    ref("eq 8"),
    "theory",
    ("toy", "five-points", "lazy"),
    "the F1 norm of f_theta is at most ||theta||^2/2",
    (descent_on_squares, univariate),
)
def variation_norm_bound(run: Run) -> list[Judgement]:
    """measured: F1 norm / (||theta||^2/2) at the end, and the least F1 norm of any function with the same outputs over the F1 norm."""
    W, a = final(run)
    f = piecewise_linear(W, a)
    norm, half = variation_norm(f), _squared_norm(W, a) / 2
    if norm == 0.0:
        raise NotApplicable("the network is the zero function")
    least = least_variation_norm(run.X, f(run.X[:, 0]))
    return [
        upper("F1 norm / (||theta||^2/2)", norm / half, 1 + 1e-6),
        upper("least F1 norm with these outputs / F1 norm", least / norm, 1 + 1e-6),
        number("F1 norm", norm),
    ]


CLAIMS = (theorem_1, proposition_1, minimal_value, strict_saddle, variation_norm_bound)
