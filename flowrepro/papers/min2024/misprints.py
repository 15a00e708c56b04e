"""Misprints of min2024. Each proof computes the printed reading, then the corrected one.

In double precision, or in exact arithmetic where it says so.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import numpy as np

from flowrepro.claims.verdict import at_least, at_most, none_of, within
from flowrepro.core.config import Loss
from flowrepro.core.network import gradient, objective, output_gradient, predict
from flowrepro.data import load
from flowrepro.papers.min2024.shared.constants import SIX_POINTS, point_constants
from flowrepro.papers.min2024.shared.digits import images
from flowrepro.papers.min2024.shared.lattice import harmonic, is_path, maximal_path, travel_time
from flowrepro.papers.paper import Misprints, Readings
from flowrepro.theory.alignment import class_sums, cosines

MISPRINTS = Misprints()
POINTS = load(SIX_POINTS)
EXP = Loss(name="exp", reduction="sum")
W, A = np.array([(0.3, 0.2), (-0.4, 0.1)]), np.array([0.36, -0.41])
"""A network with a neuron of each sign, active on its own class of the six points only."""


@MISPRINTS.proved("second-neuron-set", "misprint", "Section 4, alignment phase",
    printed="V_+(t) = {j : sign(v_j(t)) > 0} twice",
    correct="the second set is V_-(t) = {j : sign(v_j(t)) < 0}")  # fmt: skip
def second_neuron_set() -> Readings:
    """The next sentence says that neurons of the second set align with x_-. The proof takes two
    aligned neurons of the six points with v = (1, -1) and measures the least cosine of the set with
    x_-."""
    aligned, v = class_sums(POINTS.X, POINTS.y), np.array([1.0, -1.0])
    least = (cosines(aligned[sign * v > 0], aligned[1]).min() for sign in (1, -1))
    return tuple(at_least("least cosine with x_-", cosine, 0.99) for cosine in least)


@MISPRINTS.proved("logistic-factor", "constant", "Section 2.1, logistic loss",
    printed="l(y, f) = log(1 + exp(-y f))",
    correct="l(y, f) = 2 log(1 + exp(-y f)), as in Appendix B")  # fmt: skip
def logistic_factor() -> Readings:
    """Lemma 2 says at f = 0 that |-l'(y, 0) - y| <= 0. The proof evaluates it for y = 1."""
    y = np.array([1.0])
    slopes = (
        output_gradient(Loss(name="logistic", reduction="sum", factor=factor), 0 * y, y)[0]
        for factor in (1.0, 2.0)
    )
    return tuple(at_most("|-l'(1, 0) - 1|", abs(-slope - 1), 0) for slope in slopes)


@MISPRINTS.proved("loss-reduction", "constant", "Section 2.1 and Section 4",
    printed="the experiments descend L = sum_i l(y_i, f(x_i))",
    correct="they descend the mean over the images")  # fmt: skip
def loss_reduction() -> Readings:
    """A small neuron along x_+ grows by exp(lr ||x_+||) a step on the sum, and by exp(lr ||x_+||/n)
    on the mean. For the centred digits 1 and 0 and lr = 2e-3 the proof counts the steps from 1e-6
    to 1. The paper has about 3000."""
    digits = load(images(1, 0))
    pull = float(np.linalg.norm(class_sums(digits.X, digits.y)[0]))
    steps = (np.log(1e6) / (2e-3 * pull / count) for count in (1, len(digits.y)))
    return tuple(within("steps of growth", found, 1500, 6000) for found in steps)


@MISPRINTS.proved("descent-sign", "misprint", "Equations (2) and (46)",
    printed="dW/dt in dL/dW, and y_i sign(v_j) <x_i, dL/dw_j> > 0",
    correct="dW/dt in -dL/dW, and y_i sign(v_j) <x_i, -dL/dw_j> > 0")  # fmt: skip
def descent_sign() -> Readings:
    """For the exponential loss on the six points and a network of two neurons the proof finds the
    least of the products of Equation (46), and the change of the loss along the corrected flow."""
    slopes = gradient(POINTS.X, POINTS.y, W, A, EXP)
    products = POINTS.y[:, None] * np.sign(A) * (POINTS.X @ slopes[0].T)
    low, high = (
        objective(EXP, predict(POINTS.X, W - h * slopes[0], A - h * slopes[1]), POINTS.y)
        for h in (0.0, 1e-4)
    )
    return (
        *(at_least("least product", (sign * products).min(), 1e-6) for sign in (1, -1)),
        at_most("change of the loss", high - low, -1e-6),
    )


@MISPRINTS.proved("lemma-3-factor", "constant", "proof of Lemma 3",
    printed="d ||w_j||^2 / dt = <w_j, dw_j/dt>",
    correct="d ||w_j||^2 / dt = 2 <w_j, dw_j/dt>, as the next line has it")  # fmt: skip
def lemma_3_factor() -> Readings:
    """The proof takes central differences of ||w_1||^2 along the flow of the exponential loss, on
    the six points with two neurons."""
    velocity = -gradient(POINTS.X, POINTS.y, W, A, EXP)[0][0]
    h = 1e-5
    change = (np.sum((W[0] + h * velocity) ** 2) - np.sum((W[0] - h * velocity) ** 2)) / (2 * h)
    gaps = (abs(change - factor * W[0] @ velocity) for factor in (1, 2))
    return tuple(at_most("difference", gap, 1e-8) for gap in gaps)


@MISPRINTS.proved("smaller-cap", "misprint", "Appendix C.2, after Equation (26)",
    printed="zeta := max{zeta_1, zeta_2}",
    correct="zeta := min{zeta_1, zeta_2}")  # fmt: skip
def smaller_cap() -> Readings:
    """The cap of Lemma 8 around x_+ must lie in S_+. A start that is orthogonal to x_- allows
    zeta_2 = 0.9. On the six points the proof finds the least y_i cos(x_i, z) over the edge of the
    cap of size zeta."""
    zeta1 = point_constants(POINTS.X, POINTS.y).zeta1
    least = (_edge(pick(zeta1, 0.9), 0) for pick in (max, min))
    return tuple(at_least("least y_i cos(x_i, z)", cosine, -1e-12) for cosine in least)


def _edge(zeta: float, side: int) -> float:
    """Least s y_i cos(x_i, z) over cos(z, x_+-) = sqrt(1 - zeta), s the sign of the class."""
    r = class_sums(POINTS.X, POINTS.y)[side]
    across = np.array([-r[1], r[0]])
    ends = [np.sqrt(1 - zeta) * r + s * np.sqrt(zeta) * across for s in (1, -1)]
    own = (1 - 2 * side) * POINTS.y
    return float(min((own * cosines(POINTS.X, z)).min() for z in ends))


@MISPRINTS.proved("lemma-8-opposite", "proof gap", "Appendix C.1, proof of Lemma 8",
    printed="x_+ = -x_-, so that the cap around x_- needs no argument",
    correct="two caps; the lemma holds with the smaller one")  # fmt: skip
def lemma_8_opposite() -> Readings:
    """The six points are not centred. The proof computes cos(x_+, x_-) there, and the least y_i
    cos(x_i, z) over the edges of both caps of size zeta_1."""
    plus, minus = class_sums(POINTS.X, POINTS.y)
    zeta = point_constants(POINTS.X, POINTS.y).zeta1
    cosine = cosines(plus[None], minus)[0]
    both = min(_edge(zeta, side) for side in (0, 1))
    return at_most("cos(x_+, x_-)", cosine, -1 + 1e-9), at_least("both caps", both, -1e-12)


@MISPRINTS.proved("scale-constant", "constant", "Equation (28)",
    printed="min{mu, zeta, xi} sqrt(mu) X_min / (4 sqrt(h) n X_max^2 W_max^2)",
    correct="the same with 8 instead of 4")  # fmt: skip
def scale_constant() -> Readings:
    """Lemma 3 gives |f| <= 2 eps sqrt(h) X_max W_max^2, which (28) turns into a multiple of min{mu,
    zeta, xi} sqrt(mu) X_min / (n X_max). Equation (29) has the multiple 1/4. The arithmetic is
    exact."""
    multiples = (2 * Fraction(1, k) for k in (4, 8))
    return tuple(at_most("multiple", float(multiple), 0.25) for multiple in multiples)


MISPRINTS.remark("alignment-rate", "Theorem 1 and abstract",
    printed="t1 = O(log n / sqrt(mu))",
    correct="the proof gives t1 = O(log n / mu^(5/2)), as the best xi is mu^2",
    reason="No error: the paper says that its O hides constants of the data, xi among them. The "
    "true time on two points is arccosh(1/mu) (claim beyond-alignment-time-law).")  # fmt: skip


@MISPRINTS.proved("harmonic-sum", "constant", "Appendix C.2, the sum over a path",
    printed="2 H_n + 1/2 <= 4 log n",
    correct="H_{n-} + 1/2 + H_{n+ - 1} <= 4 log n for n >= 2, which is what is needed")  # fmt: skip
def harmonic_sum() -> Readings:
    """The proof counts violations for n = 2 to 200, over all classes n+, n- >= 1. What is printed
    fails at n = 2."""
    sizes = range(2, 201)
    printed = sum(2 * harmonic(n) + 0.5 > 4 * np.log(n) for n in sizes)
    H = np.array([harmonic(k) for k in range(201)])
    needed = sum(int(np.sum(H[1:n] + 0.5 + H[n - 2 :: -1][: n - 1] > 4 * np.log(n))) for n in sizes)
    return none_of("violations", printed), none_of("violations", needed)


@MISPRINTS.proved("path-order", "misprint", "Appendix C.2, definition of a path",
    printed="for l1 < l2 either k_+(l1) > k_+(l2) or k_-(l1) < k_-(l2)",
    correct="either k_+(l1) < k_+(l2) or k_-(l1) > k_-(l2)")  # fmt: skip
def path_order() -> Readings:
    """The proof counts the pairs of states that break the rule on the paper's own P_max, for n+ =
    n- = 5."""
    walk = maximal_path(5, 5)
    pairs = [(one, two) for l2, two in enumerate(walk) for one in walk[:l2]]
    printed = sum(not (one[0] > two[0] or one[1] < two[1]) for one, two in pairs)
    right = sum(not (one[0] < two[0] or one[1] > two[1]) for one, two in pairs)
    return none_of("pairs", printed), none_of("pairs", right)


@MISPRINTS.proved("maximal-path", "statement false", "Appendix C.2, before Figure 15",
    printed="P_max, the path of the largest length n = n+ + n-, is unique",
    correct="many paths have that length; P_max has the largest travel time of them")  # fmt: skip
def maximal_path_not_unique() -> Readings:
    """The proof enumerates all orders of gains and losses from (0, 5) to (5, 0). It counts the
    paths of length 10 besides P_max, and those that take longer than it."""
    walks = []
    for gains in product((0, 1), repeat=10):
        if sum(gains) == 5:
            plus = np.cumsum((0, *gains)).tolist()
            walk = [(k, 5 - (l - k)) for l, k in enumerate(plus)]
            walks += [walk] if is_path(walk, 5, 5) else []
    longest = travel_time(maximal_path(5, 5)) + 1e-12
    slower = sum(travel_time(walk) > longest for walk in walks)
    return none_of("other paths", len(walks) - 1), none_of("slower paths", slower)


@MISPRINTS.proved("lemma-14-square", "misprint", "Lemma 14",
    printed="sum_j ||w_j(t2 + tau)||^2 >= sum_j ||w_j(t2)||",
    correct="sum_j ||w_j(t2 + tau)||^2 >= sum_j ||w_j(t2)||^2, as its proof shows")  # fmt: skip
def lemma_14_square() -> Readings:
    """The proof evaluates both sides at tau = 0 for one neuron of norm 0.1."""
    return at_least("left side", 0.1**2, 0.1), at_least("left side", 0.1**2, 0.1**2)


@MISPRINTS.proved("refined-alignment-time", "constant", "Appendix D, after Equation (38)",
    printed="cos(x_+, w(t1 + 1)) >= cos(x_+, w(t1)) + 1/4",
    correct="at t1 + 6 / (sqrt(mu n_+) X_min), as in the lines around it")  # fmt: skip
def refined_alignment_time() -> Readings:
    """Equation (38) gives the rate sqrt(mu n_+) X_min / 24. The proof multiplies it by both
    durations, at mu = 0.2, n_+ = 3, X_min = 1."""
    rate = np.sqrt(0.6) / 24
    gains = (rate * t for t in (1.0, 6 / np.sqrt(0.6)))
    return tuple(at_least("gain", gain, 0.25 - 1e-12) for gain in gains)


@MISPRINTS.proved("negative-class-sums", "misprint",
    "Appendix D, before Equation (33), and the two displays of dL/dt after (35)",
    printed="f_- and the factor of L_-^2 are sums over V~_+",
    correct="they are sums over V~_-")  # fmt: skip
def negative_class_sums() -> Readings:
    """The proof compares f_- with the network itself on the negative data of the six points. The
    two neurons lie in S_+ and S_-."""
    X = POINTS.X[POINTS.y < 0]
    f = predict(X, W, A)
    gaps = (np.abs(A[j] * (X @ W[j]) - f).max() for j in (0, 1))
    return tuple(at_most("largest |f_- - f|", gap, 1e-14) for gap in gaps)


@MISPRINTS.proved("invariance-sign", "misprint", "Appendix D.3, before Equation (41)",
    printed="||W^T W - v v^T|| <= ||W^T W|| - ||v v^T||",
    correct="||W^T W - v v^T|| <= ||W^T W|| + ||v v^T||, as the next line needs")  # fmt: skip
def invariance_sign() -> Readings:
    """Two orthogonal neurons of length 1 with v = (1, 1) have the norms 1, 1 and 2."""
    v = np.ones((2, 2))
    norms = [float(np.linalg.norm(M, 2)) for M in (np.eye(2) - v, np.eye(2), v)]
    return tuple(at_most("left side", norms[0], norms[1] + s * norms[2]) for s in (-1, 1))


@MISPRINTS.proved("stable-rank-limit", "misprint",
    "Appendix D, last line of the proof of Theorem 1",
    printed="lim sup ||W||_F^2 / ||W||_2^2 = 2",
    correct="lim sup ||W||_F^2 / ||W||_2^2 <= 2, as Theorem 1 says")  # fmt: skip
def stable_rank_limit() -> Readings:
    """On the points 1 and -1 of the line, labels 1 and -1, every W is a column and has the stable
    rank 1."""
    column = np.array([[3.0], [-2.0]])
    rank = float(np.sum(column**2) / np.linalg.norm(column, 2) ** 2)
    return at_least("stable rank", rank, 2), at_most("stable rank", rank, 2)


@MISPRINTS.proved("mixed-terms", "constant", "Appendix C.1, proof of Lemma 11",
    printed="||x_a||^2 = sum_i ||x_i||^2 + sum_{i<j} y_i y_j <x_i, x_j>",
    correct="the second sum is counted twice, as in the bound that follows")  # fmt: skip
def mixed_terms() -> Readings:
    """For the points 1 and 1 of the line, labels 1, x_a is 2. The arithmetic is exact."""
    squares, pair = 1 + 1, 1
    return tuple(at_most("error", abs(2**2 - squares - k * pair), 0) for k in (1, 2))
