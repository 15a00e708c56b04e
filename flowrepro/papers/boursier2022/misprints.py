"""Misprints of boursier2022. Each proof computes the printed reading, then the corrected one.

The inputs are orthonormal: x_k = e_k. In double precision, times in flow time.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.verdict import at_least, at_most, within
from flowrepro.core.initialize import initial_weights
from flowrepro.core.network import gradient, objective, predict
from flowrepro.data import load
from flowrepro.papers.boursier2022.closed_form import ClosedForm
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.paper import Misprints, Readings
from flowrepro.theory.stationary import HALF_MEAN_SQUARE as LOSS

MISPRINTS = Misprints()
X, Y = np.eye(2), np.array([1.0, -1.0])
D = 0.5
"""||D+|| = ||D-|| of X, Y."""


@MISPRINTS.proved("alpha-beta", "constant", "Appendix B.1",
    printed="alpha = min y_k^2 / (2 ||D+||^2), and beta likewise",
    correct="alpha = min y_k^2 / (2 n^2 ||D+||^2), and beta likewise")  # fmt: skip
def alpha_beta() -> Readings:
    """Appendix B.4 bounds the rate of a neuron that misses one positive label by (1 - alpha)
    ||D+||. For the labels 1, 1, -1 that rate is 1/3, and the printed alpha is 2.25."""
    n, norm = 3, np.sqrt(2) / 3
    bounds = ((1 - 1 / (2 * factor * norm**2)) * norm for factor in (1, n**2))
    return tuple(at_most("rate without one label", 1 / n, bound) for bound in bounds)


@MISPRINTS.proved("kkt-direction", "misprint", "Proposition 1",
    printed="<w_j, -D+> = ||w_j|| ||D+|| for j in S+",
    correct="<w_j, D+> = ||w_j|| ||D+|| for j in S+")  # fmt: skip
def kkt_direction() -> Readings:
    """For the labels 1, -1 the proof builds the two-neuron network that the proposition describes.
    With -D+ it misses the first label; with D+ it interpolates."""
    a = np.array([1.0, -1.0])
    gaps = (np.abs(predict(X, np.diag([sign, 1.0]), a) - Y).max() for sign in (-1.0, 1.0))
    return tuple(at_most("largest |h(x_k) - y_k| of a minimiser", gap, 0) for gap in gaps)


@MISPRINTS.proved("lemma-14-scope", "statement false", "Lemma 14",
    printed="for all balanced theta",
    correct="for balanced theta at which S+ and S- are active on their class")  # fmt: skip
def lemma_14_scope() -> Readings:
    """The proof takes two neurons of norm 1/2, one of each sign. Pointed away from their labels
    they have no gradient, while the loss is 1/2. Pointed towards them they satisfy the lemma."""
    parts = []
    for side in (-1.0, 1.0):
        W, a = side * 0.5 * X, np.array([0.5, -0.5])
        slopes = gradient(X, Y, W, a, LOSS)
        square = sum(float(np.sum(part**2)) for part in slopes)
        bound = 2 * objective(LOSS, predict(X, W, a), Y) * 0.25 / 2
        parts.append(at_least("||grad L||^2", square, bound))
    return tuple(parts)


@MISPRINTS.proved("path-criterion", "constant", "proof of Theorem 2",
    printed="inf ||grad L||^2 / L >= L(theta) / r^2 keeps the flow in the ball of radius r",
    correct="inf ||grad L||^2 / L > 4 L(theta) / r^2 does")  # fmt: skip
def path_criterion() -> Readings:
    """L(x) = x^2/2 has ||grad L||^2 / L = 2. From x = 1 the flow travels the length 1 to 0, but the
    printed criterion allows r = 1/2. The theorem is unaffected, as its r is far larger."""
    radii = (np.sqrt(factor * 0.5 / 2.0) for factor in (1, 4))
    return tuple(at_most("length of the path", 1.0, radius) for radius in radii)


MISPRINTS.remark("theorem-2-radius", "Theorem 2",
    printed="theta_t for t >= t3 stays in the ball around theta* of radius lambda^{eps/240}",
    correct="the last line of the proof has the radius 2 lambda^{eps/240}",
    reason="No error of the statement: the path after t3 has the length 2 sqrt(L/alpha) = "
    "O(lambda^{eps/120}) and theta_t3 is within lambda^{eps/31} of theta*, so that the printed "
    "radius holds for small lambda. Only the last line of the proof is weaker than it."
)  # fmt: skip


@MISPRINTS.proved("loss-factor", "constant", "Figure 3",
    printed="L = (1/2n) sum r^2, as in Section 2",
    correct="2 L = (1/n) sum r^2")  # fmt: skip
def loss_factor() -> Readings:
    """The closed form of descent from the toy's start (60 neurons, step 1e-3) says when the loss
    has fallen by 1 %. The proof takes the earliest of 100 draws; the last is 10930, and 5470 with
    the factor 2. The paper leaves the first plateau after 5000 steps."""
    points, step = load(TOY.data), np.arange(0, 20_000, 10)
    starts = (initial_weights(TOY.init, seed, 2) for seed in range(100))
    forms = [ClosedForm.of(points.X, points.y, *start) for start in starts]

    def earliest(factor: int) -> float:
        curves = (form.mse(step, form.growth(factor * 1e-3)) for form in forms)
        return float(min(step[np.argmax(curve < 0.99)] for curve in curves))

    note = "earliest step below 0.99 of the loss"
    return tuple(within(note, earliest(factor), 4500, 5500) for factor in (1, 2))


@MISPRINTS.proved("sign-in-deactivation", "misprint", "Equation (11)",
    printed="d<w_j, x_k>/dt = -(h(x_k) - y_k)/n ||w_j|| where <w_j, x_k> > 0",
    correct="the same times s_j")  # fmt: skip
def sign_in_deactivation() -> Readings:
    """The proof takes central differences of the loss at w = (0.6, 0.8), a = -1. Lemma 6 holds with
    either sign, as it only needs that the derivative vanishes at inactive pairs."""
    w, a = np.array([0.6, 0.8]), np.array([-1.0])
    h = 1e-6
    low, high = (objective(LOSS, predict(X, w[None] + s * h * X[:1], a), Y) for s in (-1, 1))
    velocity = (predict(X, w[None], a)[0] - Y[0]) / 2
    gaps = (abs(-sign * velocity + (high - low) / (2 * h)) for sign in (1, -1))
    return tuple(at_most("error of the derivative", gap, 1e-8) for gap in gaps)


@MISPRINTS.proved("inactive-set", "statement false", "Lemmas 7 (iii) and 8 (iii)",
    printed="<w_j, x_k> = 0 at t_{+1} for labels of the other sign",
    correct="<w_j, x_k> <= 0")  # fmt: skip
def inactive_set() -> Readings:
    """A neuron of S+ that starts at lambda (0.6, -0.8) is inactive on the second point, so that
    <w_j, x_2> never moves, while its norm grows to lambda (cosh Dt + 0.6 sinh Dt). The proof
    evaluates both at t_{+1} for lambda = 1e-6, eps = 0.1."""
    t = -0.1 * np.log(1e-6)  # D t at t = -eps ln(lambda) / D
    product = -0.8 / (np.cosh(t) + 0.6 * np.sinh(t))
    note = "<w, x_k>, w of length 1"
    return at_most(f"|{note}|", abs(product), 0), at_most(note, product, 0)


@MISPRINTS.proved("gronwall-constant", "constant", "Lemma 16",
    printed="f' <= -af + b int f + c/a implies f <= (f(0) + c)(1 + e^{bt/a})",
    correct="f' <= -af + b int f + c implies f <= (f(0) + c/a)(1 + e^{bt/a})")  # fmt: skip
def gronwall_constant() -> Readings:
    """With b = 0, a = 1/2, c = 1, f(0) = 0 the proof compares the solution of the equality at t =
    20 with the bound."""
    grown = (1 - np.exp(-10.0)) / 0.5
    return at_most("f(20)", grown / 0.5, 2.0), at_most("f(20)", grown, 2 / 0.5)


@MISPRINTS.proved("phase-2-loss", "constant", "Lemma 3",
    printed="the loss on the positive labels is of order lambda^{eps/5} at t2",
    correct="of order lambda^{2 eps/5}, as in Appendix B.4")  # fmt: skip
def phase_2_loss() -> Readings:
    """A neuron along D+ has ||w||^2 = n ||D+|| - q, as the lemma says. The proof measures the power
    of q in its loss on the positive label, between q = lambda^{eps/5} = 1e-3 and 1e-4."""
    neurons = ((np.sqrt(1 - q) * X[:1], np.array([np.sqrt(1 - q)])) for q in (1e-3, 1e-4))
    losses = [(predict(X, W, a)[0] - 1) ** 2 / 4 for W, a in neurons]
    power = np.log10(losses[0] / losses[1])
    return tuple(within("power", power, p - 0.01, p + 0.01) for p in (1, 2))


@MISPRINTS.proved("norm-shift", "misprint", "proof of Lemma 12",
    printed="|rho~_j - rho_j - ln(lambda)| at t_{+1} is small",
    correct="|rho~_j - rho_j + ln(lambda)| is small")  # fmt: skip
def norm_shift() -> Readings:
    """rho is ln ||w||, and rho~ starts at ln(||w_0||/lambda). Their difference hardly moves until
    t_{+1}, so that its value at time 0 decides. The proof takes lambda = 1e-6, ||w_0|| = 2
    lambda."""
    ln, rho = np.log(1e-6), np.log(2e-6)
    gap = np.log(2.0) - rho
    return tuple(at_most("the distance", abs(gap + sign * ln), 1e-9) for sign in (-1, 1))


@MISPRINTS.proved("condition-iv", "misprint", "Appendix B.6, condition (iv)",
    printed="|<w_j, D-> - ||D-||| is small for j in S-",
    correct="|<w_j, -D-> - ||D-||| is small")  # fmt: skip
def condition_iv() -> Readings:
    """Lemma 8 turns the neurons of S- to -D-/||D-||. The proof evaluates the distance there, for
    the labels 1, -1."""
    return tuple(at_most("the distance", abs(sign * D - D), 0) for sign in (-1, 1))
