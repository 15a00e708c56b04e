"""Misprints of lee2022. Each proof computes the printed reading, then the corrected one.

In double precision; v* = 1 unless said.
"""

from __future__ import annotations

import numpy as np
from scipy.optimize import brentq

from flowrepro.claims.verdict import at_least, at_most
from flowrepro.core.network import activation
from flowrepro.engines.population import PlaneStart, population_flow
from flowrepro.papers.lee2022.bounds import antiderivative, implicit_norm, scalar_norm
from flowrepro.papers.lee2022.neuron import Clock
from flowrepro.papers.paper import Misprints, Readings

MISPRINTS = Misprints()
TINY = float(np.finfo(float).tiny)


@MISPRINTS.proved("implicit-constant", "constant", "Theorem 3.8",
    printed="the constant term of u(t; epsilon) has epsilon_0",
    correct="it has the same epsilon as the other term")  # fmt: skip
def implicit_constant() -> Readings:
    """The upper bound at time 0, u(0; 0), must not be below v_0. The proof solves for it (to 1e-12)
    with m = 2, v* = 3, v_0 = 0.3, epsilon_0 = 0.68."""
    a, v0 = 27.0, 0.3
    constant = float(antiderivative(np.array(v0), 0.32 * a, 2))
    u = brentq(lambda u: float(antiderivative(np.array(u), a, 2)) - constant, 0.01, v0)
    right = implicit_norm(v0, a, 2, np.zeros(1))[0]
    return at_least("u(0; 0)", u, v0), at_least("u(0; 0)", right, v0)


@MISPRINTS.proved("comparison-sign", "misprint",
    "proof of Theorem 3.8, Equation (15) and the two displays after it",
    printed="v' = -v^m (v^(m+1) + (1 - epsilon) v*^(m+1)) / 2",
    correct="v' = -v^m (v^(m+1) - (1 - epsilon) v*^(m+1)) / 2")  # fmt: skip
def comparison_sign() -> Readings:
    """The proof compares the slope of the explicit solution of Theorem 3.8 (m = 1, epsilon = 0.36,
    v_0 = 0.5, central differences at t = 1) with the right side of Equation (15)."""
    t = np.array([1 - 1e-5, 1.0, 1 + 1e-5])
    v = scalar_norm(PlaneStart(2, 1.0, 0.5, 1.0), Clock(t), 0.36)
    slope = (v[2] - v[0]) / 2e-5
    gaps = (abs(slope + v[1] * (v[1] ** 2 + sign * 0.64) / 2) for sign in (1, -1))
    return tuple(at_most("error of the slope", gap, 1e-8) for gap in gaps)


MISPRINTS.remark("cubic-term", "Theorems 4.2 and A.2",
    printed="(2/3) cot^3(phi_0/2) (1 - 3 c lr)^T",
    correct="(2/3) cot^3(phi_0/2) (1 - c lr)^(3 T), as Theorem 4.1 replaces e^(-ct) as a whole",
    reason="No error: the two differ by O(lr), which the theorem neglects. The printed one is "
    "judged and drawn.")  # fmt: skip


@MISPRINTS.proved("uniqueness", "statement false", "Proposition B.2",
    printed="zero mean and a covariance of full rank make w* the only minimiser",
    correct="the law must be symmetric too, or the points with <w*, x> > 0 span the space"
)  # fmt: skip
def uniqueness() -> Readings:
    """x is uniform on (1, 0), (-1/2, +-sqrt(3)/2), with the mean 0 and the covariance I/2. The
    proof computes the loss of w = (1, 0.1) against w* = (1, 0), and the same for the law made
    symmetric. The paper's argument drops the ReLU."""
    X, w, best = np.array([(1.0, 0.0), (-0.5, 0.75**0.5), (-0.5, -(0.75**0.5))]), (1, 0.1), (1, 0)
    losses = (
        0.5 * np.mean((activation(Z @ w) - activation(Z @ best)) ** 2)
        for Z in (X, np.vstack([X, -X]))
    )
    least = np.linalg.eigvalsh(X.T @ X / 3)[0]
    full_rank = at_least("least eigenvalue of the covariance", least, 0.49)
    return *(at_least("loss of w", loss, TINY) for loss in losses), full_rank


@MISPRINTS.proved("step-condition", "seen in an extracted text only", "Theorem A.3",
    printed="lr << 1 / v_0*^2",
    correct="lr << 1 / v*^2")  # fmt: skip
def step_condition() -> Readings:
    """v_0* is not defined. Read as v_0, the condition admits lr = 0.01 / v_0^2 at v_0 = v*/100,
    where the factor 1 - v*^2 lr of the bound is -99. With v* it is 0.99."""
    factors = (abs(1 - 0.01 / norm**2) for norm in (0.01, 1.0))
    return tuple(at_most("|1 - v*^2 lr|", factor, 1) for factor in factors)


MISPRINTS.remark("convexity", "Appendix D.1",
    printed="all bounds of the norm are convex functions",
    correct="those of one layer are convex from above their limit, and concave from below",
    reason="No error: the next sentences of the paper say that the convexity changes at the limit. "
    "The claim appendix-d-1-convexity judges that.")  # fmt: skip


@MISPRINTS.proved("inflection", "constant", "Appendix D.1",
    printed="with two layers the convexity of the lower bound changes at v = (1 - epsilon) v*",
    correct="from below it changes at sqrt((1 - epsilon)/3) v*; the limit is sqrt(1 - epsilon) v*"
)  # fmt: skip
def inflection() -> Readings:
    """v' = -v (v^2 - a)/2 with a = 1 - epsilon has v'' = -v' (3 v^2 - a)/2. The proof evaluates v''
    at both places for a = 0.8."""
    a = 0.8
    bends = (v * (v**2 - a) * (3 * v**2 - a) / 4 for v in (a, np.sqrt(a / 3)))
    return tuple(at_most("|v''| there", abs(bend), 1e-12) for bend in bends)


@MISPRINTS.proved("second-identity", "misprint", "Section 2, after Lemma 2.1",
    printed="u + v and u - v are the extreme eigenvectors of E[1{u.x > 0} x x^T]",
    correct="of E[1{u.x > 0} 1{v.x > 0} x x^T], the second identity of the lemma")  # fmt: skip
def second_identity() -> Readings:
    """I/2, which the printed form is, has no extreme eigenvectors. For u = (1, 0), v = (0, 1) the
    proof computes both quadratic forms along u + v and u - v from the lemma."""
    both = np.array([[0.25, 1 / (2 * np.pi)], [1 / (2 * np.pi), 0.25]])
    gaps = (2 * M[0, 1] for M in (0.5 * np.eye(2), both))
    return tuple(at_least("difference of the eigenvalues", gap, TINY) for gap in gaps)


@MISPRINTS.proved("sign-at-zero", "proof gap", "proof of Proposition 3.5",
    printed="dv_k/dt > 0 at v_k = 0",
    correct="dv_k/dt tends to a positive limit as v_k falls to 0; at 0 it is 0")  # fmt: skip
def sign_at_zero() -> Readings:
    """With m = 2, v_1 = 1, w = w* of length 1, Equation (14) reads dv_2/dt = (1 - v_2)/2 times the
    indicator of v_2 > 0, which is 0 at 0 by the paper's convention. The limit is enough for the
    proposition."""
    slopes = (0.5 * (1 - v) * float(v > 0) for v in (0.0, 1e-9))
    return tuple(at_least("dv_2/dt", slope, TINY) for slope in slopes)


@MISPRINTS.proved("deep-is-monotone", "statement false", "Section 3.2, after Equation (11)",
    printed="for many layers the norm is monotone regardless of the initialisation",
    correct="from v_0 >= v* it dips below v*, and tends to v* from below")  # fmt: skip
def deep_is_monotone() -> Readings:
    """The proof follows the population flow of 50 layers from v_0 = 1.05 at a right angle to t = 20
    (tolerance 1e-12). It measures the rise after the least norm and, late in the flow, (1 - v) /
    (theta^2 / (2 (m - 1))), which tends to 1."""
    path = population_flow(PlaneStart(50, 1.0, 1.05, np.pi / 2), np.linspace(0, 20, 401))
    late = (1 - path.norm[-1]) / (path.theta[-1] ** 2 / (2 * 48))
    return at_most("rise", path.norm[-1] - path.norm.min(), 1e-9), at_least("late", late, 0.9)


@MISPRINTS.proved("comparison-lemma", "statement false", "Lemma C.2",
    printed="if u(t_0) <= v(t_0) and f <= g, solutions of u' = f(u), v' = g(v) have u <= v",
    correct="f or g must be locally Lipschitz, as both are where the paper uses the lemma"
)  # fmt: skip
def comparison_lemma() -> Readings:
    """u = t^2 and v = 0 both solve x' = 2 sqrt|x| from 0, so that f = g and u(0) = v(0), but u > v
    for t > 0. The lemma's proof takes u' <= v' at one time for u <= v just after it. The corrected
    reading is g = 2 sqrt(|x| + 0.01), which is Lipschitz, with v = (t + 0.1)^2 - 0.01. The proof
    evaluates u - v and the slopes at t = 0, 0.1, ..., 1."""
    t = np.linspace(0, 1, 11)
    u, v = t**2, (t + 0.1) ** 2 - 0.01
    slopes = np.abs([2 * t - 2 * np.sqrt(u), 2 * (t + 0.1) - 2 * np.sqrt(v + 0.01)])
    solved = at_most("error of the slopes", slopes.max(), 1e-15)
    return at_most("u - v", (u - 0).max(), 0), at_most("u - v", (u - v).max(), 0), solved
