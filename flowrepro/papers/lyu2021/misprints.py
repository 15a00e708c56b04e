"""Misprints of lyu2021. Each proof computes the printed reading, then the corrected one.

alpha = 1/2 and double precision unless said.
"""

from __future__ import annotations

import numpy as np
from scipy.integrate import solve_ivp

from flowrepro.claims.verdict import at_least, at_most
from flowrepro.core.config import Loss
from flowrepro.core.network import activation, objective, predict
from flowrepro.data import separable
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.papers.paper import Misprints, Readings
from flowrepro.theory.margin import normalised_margin

MISPRINTS = Misprints()
ALPHA = 0.5
SEVEN = separable.counterexample_a7()
FIGURE_1 = separable.constant_feature()


def linear_part(X: np.ndarray, y: np.ndarray, w: np.ndarray) -> float:
    """G(w) = (1/2n) sum_i y_i phi(<w, x_i>)   (Section 5.1)."""
    return float(y @ activation(X @ w, ALPHA)) / (2 * len(y))


@MISPRINTS.proved("theorem-a-7", "statement false", "Theorem A.7, through Theorem G.11",
    printed="under Assumptions 3.2, A.2, A.3, A.5 and A.6 the one-neuron network (w+, 1)/sqrt 2 is "
    "a local maximum of the margin, and the limit of the flow from a small start",
    correct="Assumption A.5 replaced by max_u -sum_i lam*_i y_i phi(<u, x_i>) < gamma+, where lam* "
    "are the multipliers of w+: sum_i lam*_i y_i x_i^+ = gamma+ w+")  # fmt: skip
def theorem_a_7() -> Readings:
    """Seven points satisfy all assumptions; a neuron of negative output that holds the share 1e-3
    of the squared weights raises the margin above gamma+/2. The corrected assumption excludes the
    points. The proof uses lam* where A.5 and Lemma G.10 give some lam only. That the flow leaves
    this limit from scales 1e-6 to 1e-28 is the case counterexample-a7."""
    X, y = SEVEN.X, SEVEN.y
    own = local_optimum.support(X, y, ALPHA)
    assert own is not None
    rate, u = local_optimum.negative_rate(own, ALPHA)
    network = local_optimum.with_negative_neuron(own, ALPHA, u, 1e-3)
    half, Z = own.best.margin / 2, y[:, None] * X
    slack = geometry.alignment_slack(X, y, ALPHA).min()
    negative = local_optimum.negative_margin(own, ALPHA)[1]
    return (
        at_most("margin with the neuron", normalised_margin(X, y, *network, ALPHA), half),
        at_least("corrected assumption, violated: rate(lam*)", rate, own.best.margin),
        at_least("slack of A.2", slack, 0.5),
        at_least("slack of A.3", geometry.lag(X, y, ALPHA), 0.1),
        at_most("largest margin without positive outputs (A.5)", negative, half),
        at_least("least y_i y_j <x_i, x_j> (A.6)", (Z @ Z.T).min(), 0.1),
    )


@MISPRINTS.proved("two-neuron-limit", "constant", "Theorem 5.5",
    printed="theta / ||theta|| -> (w*, -w*, 1, -1) / 4",
    correct="theta / ||theta|| -> (w*, -w*, 1, -1) / 2, as in Lemma F.3")  # fmt: skip
def two_neuron_limit() -> Readings:
    """A direction has length 1. The proof measures the length of the limit for w* = (1, 0)."""
    limit = np.array([1, 0, -1, 0, 1, -1])
    gaps = (abs(float(np.linalg.norm(limit)) / factor - 1) for factor in (4, 2))
    return tuple(at_most("distance of the length from 1", gap, 0) for gap in gaps)


@MISPRINTS.proved("mu-tilde", "constant", "Section 5.1",
    printed="G(w) = <w, mu~> with mu~ = (1 + alpha)/2 mu",
    correct="mu~ = (1 + alpha)/4 mu")  # fmt: skip
def mu_tilde() -> Readings:
    """The sum over n/2 pairs is half of n mu. The proof evaluates both sides for w = (1, 2) on six
    symmetric points."""
    points, w = separable.symmetric(h=3), np.array([1.0, 2.0])
    G, product = linear_part(points.X, points.y, w), geometry.mean(points.X, points.y) @ w
    gaps = (abs((1 + ALPHA) / factor * product - G) for factor in (2, 4))
    return tuple(at_most("difference", gap, 1e-14) for gap in gaps)


@MISPRINTS.proved("growth-rates", "constant", "Appendix G.3 and G.3.2",
    printed="G(w) = <w, mu^+> in the cone C, and lambda_0^+ = ||mu^+||",
    correct="G(w) = <w, mu^+>/2 and lambda_0^+ = ||mu^+||/2; likewise with -")  # fmt: skip
def growth_rates() -> Readings:
    """G has the factor 1/2 that mu^+ has not. The proof evaluates both sides at w = mu^+ on the
    seven points of counterexample-a7. kappa is unaffected."""
    X, y = SEVEN.X, SEVEN.y
    w = geometry.one_neuron_mean(X, y, ALPHA, 1.0)
    gaps = (abs(w @ w / factor - linear_part(X, y, w)) for factor in (1, 2))
    return tuple(at_most("difference", gap, 1e-14) for gap in gaps)


@MISPRINTS.proved("lemma-5-2-constant", "constant", "Lemma 5.2",
    printed="||Delta theta||_M <= C r^3 / sqrt m for a universal constant C",
    correct="C is of order 1/lambda_0, as in the proof")  # fmt: skip
def lemma_5_2_constant() -> Readings:
    """One neuron starts along mu with r = 1e-3, sigma = r^3, on the points +-(1, e/10), +-(-1 + 2e,
    e/10) scaled to length 1, for e = 0.1 and 0.01. The flow (tolerance 1e-11) shows by how much C
    grows as lambda_0 falls by 10, and the largest C lambda_0. The error is continuous in the start,
    so that starts nearby fail too."""
    r, found = 1e-3, []
    for e in (0.1, 0.01):
        half = geometry.scaled(np.array([(1.0, e / 10), (-1 + 2 * e, e / 10)]))
        X, y = np.vstack([half, -half]), np.array([1.0, 1.0, -1.0, -1.0])
        mu = geometry.mean(X, y)
        rate = (1 + ALPHA) / 4 * float(np.linalg.norm(mu))
        limit = np.append(geometry.unit(mu), 1.0)

        def velocity(_: float, z: np.ndarray, X: np.ndarray = X, y: np.ndarray = y) -> np.ndarray:
            f = activation(X @ z[:2], ALPHA)
            pull = y / (1 + np.exp(y * z[2] * f)) / len(y)
            slopes = np.where(f > 0, 1.0, ALPHA)
            return np.append(z[2] * (pull * slopes) @ X, pull @ f)

        T = np.log(1e6) / rate
        path = solve_ivp(velocity, (0, T), r**3 * limit, method="DOP853", rtol=1e-11, atol=1e-22)
        gap = path.y[:, -1] - r * limit
        found.append((max(np.linalg.norm(gap[:2]), abs(gap[2])) / r**3, rate))
    (wide, fast), (narrow, slow) = found
    growth = at_most("growth of C", narrow / wide, 2)
    return growth, at_most("C lambda_0", max(wide * fast, narrow * slow), 4)


@MISPRINTS.proved("negative-part", "misprint", "Appendix A.1",
    printed="x_i^+ := x_i if y_i = -1, in the definition of x_i^-",
    correct="x_i^- := x_i if y_i = -1")  # fmt: skip
def negative_part() -> Readings:
    """The printed line gives x_i^+ a second value for y_i = -1, where it is alpha x_i two lines
    above. The proof takes x_i = 1."""
    first = geometry.reweighted(np.ones((1, 1)), np.array([-1.0]), ALPHA, 1.0)[0, 0]
    own = geometry.reweighted(np.ones((1, 1)), np.array([-1.0]), ALPHA, -1.0)[0, 0]
    gaps = (abs(1.0 - value) for value in (first, own))
    return tuple(at_most("distance of two values of one name", gap, 0) for gap in gaps)


@MISPRINTS.proved("weaker-assumption", "misprint", "Appendix G.2",
    printed="Assumption A.1 is weaker than Assumption A.2",
    correct="it is stronger: Lemma G.1 proves that A.1 implies A.2")  # fmt: skip
def weaker_assumption() -> Readings:
    """Were A.1 weaker, it would hold wherever A.2 does. On the seven points A.2 holds, and none of
    360 directions satisfies A.1. For the implication of Lemma G.1 the proof finds the least slack
    of A.2 over those of 100 random sets of four points on which A.1 holds."""
    angles = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    grid = np.column_stack([np.cos(angles), np.sin(angles)])

    def slacks(X: np.ndarray, y: np.ndarray, grid: np.ndarray) -> tuple[float, float]:
        best = max(geometry.principal_slack(X, y, ALPHA, w) for w in grid)
        return best, float(geometry.alignment_slack(X, y, ALPHA).min())

    first, second = slacks(SEVEN.X, SEVEN.y, grid)
    draws = np.random.default_rng(0).normal((2.0, 0.0), 1.0, (100, 4, 2))
    pairs = (slacks(X, np.ones(4), grid[::10]) for X in draws)
    implied = min(other for one, other in pairs if one > 0)
    return (
        at_least("largest slack of A.1", first, 0),
        at_least("least slack of A.2 where A.1 holds", implied, 0),
        at_least("slack of A.2", second, 0.5),
    )


@MISPRINTS.proved("linearised-loss-sign", "misprint", "Appendix G.3.2",
    printed="L~(theta) = l(0) + sum_k a_k G(w_k)",
    correct="L~(theta) = l(0) - sum_k a_k G(w_k), as in Section 5.1")  # fmt: skip
def linearised_loss_sign() -> Readings:
    """|L - L~| must be of order a^2 ||w||^2. The proof measures it for one neuron w = 1e-3 mu, a =
    1e-3 on the seven points."""
    X, y = SEVEN.X, SEVEN.y
    w, a = 1e-3 * geometry.mean(X, y), 1e-3
    loss = objective(
        Loss(name="logistic", reduction="mean"), predict(X, w[None], np.array([a]), ALPHA), y
    )
    gaps = (abs(loss - np.log(2) - sign * a * linear_part(X, y, w)) for sign in (1, -1))
    return tuple(at_most("|L - L~|", gap, 1e-11) for gap in gaps)


@MISPRINTS.proved("theorem-b-19-constant", "constant", "proof of Theorem B.19",
    printed="|a_k|^2 (alpha gamma*/2n)^2 >= c^2 (alpha gamma*/2n)^2",
    correct=">= c (alpha gamma*/2n)^2")  # fmt: skip
def theorem_b_19_constant() -> Readings:
    """At t = 0, w = 0, a = 2 the constant c = <w, w*>^2 - ||w||^2 + a^2 is 4. The argument only
    needs some positive constant."""
    c = 2.0**2
    return at_least("|a|^2", 4.0, c**2), at_least("|a|^2", 4.0, c)


@MISPRINTS.proved("lemma-g-4-cone", "misprint", "proof of Lemma G.4",
    printed="||w_k(t)|| >= D sigma with D = max{1, d'} d/2",
    correct="D = min{1, d'} d/2")  # fmt: skip
def lemma_g_4_cone() -> Readings:
    """The lines above give the bound d sigma/2 before the time t_k and d d' sigma/2 after it. For
    one datum in the plane (delta = 1) the distance d' of the unit vectors outside the cone C_{1/2}
    from C_{2/3} is the sine of an angle. The proof compares D/d with what is proved."""
    d = np.sin(np.arccos(1 / 2) - np.arccos(2 / 3))
    proved = min(0.5, d / 2)
    return tuple(at_most("D/d", pick(1.0, d) / 2, proved) for pick in (max, min))


@MISPRINTS.proved("orthogonally-separable-limit", "misprint", "Appendix H",
    printed="f(x) = phi(<x, w+>) + phi(<x, w->)",
    correct="f(x) = phi(<x, w+>) - phi(<x, w->); w_k/|a_k| for w_k/a_k in Lemma H.3, and "
    "||theta||^2 = 2 (||w+|| + ||w-||)")  # fmt: skip
def orthogonally_separable_limit() -> Readings:
    """For ReLU on (1, 0) with the label 1 and (0, 2) with -1, w+ is (1, 0) and w- is (0, 1/2). The
    proof evaluates the network of these two neurons with a_k = +-sqrt ||w|| at the second point,
    and its ||theta||^2, which is 3."""
    x, w = np.array([0.0, 2.0]), np.diag([1.0, 0.5])
    a = np.sqrt(np.diag(w)) * np.array([1, -1])
    W = w / np.abs(a)[:, None]
    f = predict(x[None], W, a)[0]
    gaps = (abs(f - activation(w @ x) @ np.array([1, s])) for s in (1, -1))
    size = abs(np.sum(W**2) + a @ a - 2 * np.linalg.norm(w, axis=1).sum())
    norm = at_most("error of the corrected ||theta||^2", size, 1e-14)
    return *(at_most("error of f", gap, 1e-14) for gap in gaps), norm


@MISPRINTS.proved("theorem-5-5-proof", "misprint", "proof of Theorem 5.5",
    printed="q_i - q_i' = (1 - gamma*)/2 <x_i, w*>",
    correct="q_i - q_i' = (1 - alpha)/2 <x_i, w*>")  # fmt: skip
def theorem_5_5_proof() -> Readings:
    """The proof evaluates both sides for x_i = +-1/4 and w* = 1, where gamma* is 1/4 and f(x) is
    phi(<x, w*>)/2."""
    x = np.array([0.25, -0.25])
    found = activation(x, ALPHA).sum() / 2
    gaps = (abs((1 - factor) / 2 * 0.25 - found) for factor in (0.25, ALPHA))
    return tuple(at_most("difference", gap, 0) for gap in gaps)


@MISPRINTS.proved("section-4-3-mean", "misprint", "Section 4.3",
    printed="<mu, w*> = (1/n) sum_i y_i <w*, x_i> >= 1",
    correct="<mu, w*> >= gamma* > 0")  # fmt: skip
def section_4_3_mean() -> Readings:
    """The paper assumes ||x_i|| <= 1, and w* has length 1. The proof takes the points of Figure 1,
    middle, scaled so. That mu is not 0, which is all that is used, holds."""
    X = geometry.scaled(FIGURE_1.X)
    best = geometry.best_separator(X, FIGURE_1.y)
    product = geometry.mean(X, FIGURE_1.y) @ best.w
    return at_least("<mu, w*>", product, 1), at_least("<mu, w*>", product, best.margin)


@MISPRINTS.proved("assumption-a-9-sign", "misprint", "Assumption A.9",
    printed="if a_k <= 0 for all k, then the margin is less than gamma-/2",
    correct="if a_k >= 0 for all k")  # fmt: skip
def assumption_a_9_sign() -> Readings:
    """On any data the neuron -(w-, 1)/sqrt 2 has a <= 0 and the margin gamma-/2 itself, so that no
    data satisfy A.9 as printed, and Theorem A.10 is empty. The proof takes the points of Figure 1,
    middle, with the labels turned. There the largest margin on S- without negative outputs is
    smaller, as the corrected A.9 asks."""
    X, y = FIGURE_1.X, -FIGURE_1.y
    own = local_optimum.support(X, y, ALPHA, sign=-1.0)
    assert own is not None
    half = own.best.margin / 2 * (1 - 1e-9)
    neuron = -own.best.w[None] / np.sqrt(2), np.array([-1 / np.sqrt(2)])
    margin = normalised_margin(X, y, *neuron, ALPHA)
    other = local_optimum.negative_margin(own, ALPHA)[1]
    return tuple(at_most("margin", value, half) for value in (margin, other))


@MISPRINTS.proved("probability-simplex", "misprint", "Appendix G.5",
    printed="the probability simplex {p : sum_i p_i = 1, p_i >= 1}",
    correct="{p : sum_i p_i = 1, p_i >= 0}")  # fmt: skip
def probability_simplex() -> Readings:
    """For h = 3 the least sum of p under the printed bounds is 3, so that the set is empty."""
    return tuple(at_most("least sum of p", 3 * least, 1) for least in (1, 0))


MISPRINTS.remark("table-1-activation", "Table 1, caption",
    printed="2-Layer ReLU neural networks",
    correct="2-layer leaky ReLU networks",
    reason="Appendix J says so; it does not say which slope. Our case takes 1/2.")  # fmt: skip
