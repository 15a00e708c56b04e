"""Misprints of boursier2024. Each proof computes the printed reading, then the corrected one.

In double precision; the points are those of Figure 2 unless said.
"""

from __future__ import annotations

from itertools import product

import numpy as np
from scipy.integrate import solve_ivp

from flowrepro.claims.verdict import at_least, at_most
from flowrepro.core.network import predict
from flowrepro.data.points import three_points
from flowrepro.papers.boursier2024.assumptions import (
    assumption_5,
    assumption_6,
    box_ends,
    edge_data,
)
from flowrepro.papers.boursier2024.neurons import least_squares, residuals
from flowrepro.papers.paper import Misprints, Readings
from flowrepro.theory.arrangement import arrangement, largest_cosine
from flowrepro.theory.arrangement_extremal import subgradients

MISPRINTS = Misprints()
POINTS = three_points()


@MISPRINTS.proved("square-loss-lipschitz", "constant", "Section 2, before Assumption 1",
    printed="Assumption 1 covers the square loss (h - y)^2",
    correct="it covers (h - y)^2 / 2, as in Equation (10)")  # fmt: skip
def square_loss_lipschitz() -> Readings:
    """Assumption 1 asks for a 1-Lipschitz derivative. The proof compares the derivatives at h = 0
    and h = 1 for y = 0."""
    slopes = (factor * (1.0 - 0.0) for factor in (2, 1))
    return tuple(at_most("Lipschitz constant of the derivative", slope, 1) for slope in slopes)


MISPRINTS.remark("experiments-loss", "Section 6",
    printed="gradient descent over the loss of Equation (10)",
    correct="our cases descend (1/n) sum (h - y)^2, without 1/2",
    reason="No error that the text shows. The iteration numbers of the published animations "
    "suggest the loss without 1/2; with it everything happens at twice the iteration.")  # fmt: skip


@MISPRINTS.proved("alpha-min-minus", "seen in an extracted text only", "Equation (25)",
    printed="alpha_min,- excludes the cones with D_u in A^-1(u)",
    correct="it excludes those with -D_u in A^-1(u)")  # fmt: skip
def alpha_min_minus() -> Readings:
    """For the points of Figure 2 with all labels turned, -D_u lies inside the cone of neurons that
    are active on all points, and the printed constant is 0, against Lemma 9. A lost sign of the
    extracted text may be the cause."""
    cones = arrangement(POINTS.X)
    forces = subgradients(cones, -POINTS.y / 3)
    parts = []
    for excluded in (forces.own, forces.opposite):
        over = np.flatnonzero((forces.norm > 0) & ~excluded).tolist()
        cosine = max(largest_cosine(cones.rays_of(cone), -forces.D[cone]) for cone in over)
        parts.append(at_least("alpha_min,-", np.sqrt(max(0.0, 1 - cosine**2)), 1e-6))
    return tuple(parts)


@MISPRINTS.proved("alpha-min-square", "statement false", "Equation (24) and Lemma 9",
    printed="alpha_min,+ = sqrt(1 - c^2), c the largest cosine of a cone with its D_u, is positive",
    correct="sqrt(1 - max(c, 0)^2) is")  # fmt: skip
def alpha_min_square() -> Readings:
    """For one point x = 1 of the line with the label -1, the force on the cone w > 0 is D_u = -1,
    so that c = -1. The proof of Lemma 9 takes c > 0 for granted."""
    c = float(np.sign(1.0) * np.sign(-1.0))
    return tuple(at_least("alpha_min,+", np.sqrt(1 - k**2), 1e-6) for k in (c, max(c, 0.0)))


@MISPRINTS.proved("mixed-neurons", "seen in an extracted text only", "Equations (51) and (52)",
    printed="alpha_4 and c_4 are infima over u with some u_k = 1 and some u_k' = 1",
    correct="over u with some u_k = 1 and some u_k' = -1, where Assumption 6 makes them positive"
)  # fmt: skip
def mixed_neurons() -> Readings:
    """The printed condition admits u = (1, 1, 1), where D~_u = 0 by the definition of least
    squares. Over mixed u the least u_k <D~_u, x_k> of Assumption 6 is positive. A lost sign of the
    extracted text may be the cause."""
    X, y = POINTS.X, POINTS.y
    cones, force = arrangement(X), residuals(X, y) @ X / 3
    mixed = assumption_6(cones, y, edge_data(cones)).item_1
    printed = min(float((X @ force).min()), mixed)
    return at_least("alpha_4", printed, 1e-6), at_least("alpha_4", mixed, 1e-6)


@MISPRINTS.proved("lemma-8-assumption-5", "statement false", "Lemma 8",
    printed="Assumption 3 with eta < 1/6 implies Assumption 5",
    correct="it does not near 1/6, and no exception is known for eta <= 0.0976")  # fmt: skip
def lemma_8_assumption_5() -> Readings:
    """The proof finds the least ratio of both sides of Assumption 5 over the 512 corners of the
    boxes, moved inside by 1e-6, at eta = 0.166 and 0.0976. The paper squares the lower bound of y_k
    ||x_k||^2 and drops a term of ||y||. Assumptions 4 and 6 do follow (case boxes)."""
    outer, inside = np.array([True, False, True]), np.array([1e-6, -1e-6])
    parts = []
    for eta in (0.166, 0.0976):
        sides = np.stack(box_ends(eta), axis=1) + inside
        corners = (np.array(corner) for corner in product(*sides))
        least = min(assumption_5(c[:6].reshape(3, 2), c[6:], outer).ratio for c in corners)
        parts.append(at_least("left / right of Assumption 5", least, 1))
    return tuple(parts)


MISPRINTS.remark("lemma-20-rate", "proof of Lemma 20, last line",
    printed="R_t decays at the rate c_4",
    correct="the last line gives c_4 / 2 only",
    reason="No error of the statement: Equation (54) gives the rate 2 c_4 - O(eps). Only the last "
    "line of the proof is looser than the lemma.")  # fmt: skip


@MISPRINTS.proved("theorem-2-width", "statement false", "Theorem 2",
    printed="training ends at least squares for any width m",
    correct="it does with at least one positive neuron that is active on some datum")  # fmt: skip
def theorem_2_width() -> Readings:
    """The points are (-0.9, 1), (0, 1), (0.9, 1) with the labels 1, 0.1, 1, inside the boxes for
    eta = 0.15, and m = 1. A neuron that points to (0, -1) is inactive on all points and never
    moves. One that points to (0, 1) ends at least squares. The flow is followed to t = 200 from the
    scale 1e-2, with the tolerance 1e-10."""
    X, y = np.array([(-0.9, 1.0), (0.0, 1.0), (0.9, 1.0)]), np.array([1.0, 0.1, 1.0])

    def velocity(_: float, z: np.ndarray) -> np.ndarray:
        heights = X @ z[:2]
        pull = (heights > 0) * (y - z[2] * np.maximum(heights, 0)) / 3
        return np.append(z[2] * pull @ X, pull @ heights)

    parts = []
    for side in (-1.0, 1.0):
        start = 1e-2 * np.array([0.0, side, 1.0])
        end = solve_ivp(velocity, (0, 200), start, rtol=1e-10, atol=1e-12).y[:, -1]
        gap = predict(X, end[None, :2], end[2:]) - X @ least_squares(X, y)
        parts.append(at_most("largest |h(x_k) - <beta*, x_k>|", np.abs(gap).max(), 1e-6))
    return tuple(parts)
