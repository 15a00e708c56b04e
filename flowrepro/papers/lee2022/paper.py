"""The contents of lee2022 in its order, what goes beyond it, and its misprints."""

from __future__ import annotations

from flowrepro.papers.lee2022 import (
    PAPER,
    appendix_b_sphere,
    appendix_c_directions,
    appendix_d_curvature,
    convergence,
    figure_1_angle,
    figure_1_initial_norms,
    figure_2_norm,
    figure_3_restarts,
    figure_4_deep,
    lemma_2_1,
    proposition_3_1,
    section_5_runs,
    theorem_3_8,
    theorem_4_1,
)  # fmt: skip
from flowrepro.papers.lee2022.beyond import (
    dips,
    flips,
    many_seeds,
    other_laws,
    small_starts,
    solved_flow,
    tighter_bounds,
)  # fmt: skip
from flowrepro.papers.paper import Contents, Misprint

TOPICS = (
    section_5_runs, lemma_2_1, proposition_3_1, theorem_3_8, convergence, theorem_4_1,
    figure_1_angle, figure_1_initial_norms, figure_2_norm, figure_3_restarts, figure_4_deep,
    appendix_b_sphere, appendix_c_directions, appendix_d_curvature,
    solved_flow, small_starts, dips, many_seeds, tighter_bounds, other_laws, flips,
)  # fmt: skip

CONTENTS = Contents(
    PAPER,
    topics=tuple(module.topic for module in TOPICS),
    misprints=(
        Misprint(
            "implicit-constant",
            "Theorem 3.8",
            "the constant term of u(t; epsilon) has epsilon_0",
            "it has the same epsilon as the other term",
            "with epsilon_0 = 0.68 the function u(t; 0) does not start at v_0: at m = 2, v* = 3, "
            "v_0 = 0.3 it starts at 0.096",
        ),
        Misprint(
            "comparison-sign",
            "Proof of Theorem 3.8, eq 15 and the two displays after it",
            "v^(m+1) + (1 - epsilon) v*^(m+1)",
            "v^(m+1) - (1 - epsilon) v*^(m+1)",
            "eq 9 has the minus sign, and only with it does v tend to an equilibrium",
        ),
        Misprint(
            "cubic-term",
            "Theorems 4.2 and A.2",
            "(2/3) cot^3(phi_0/2) (1 - 3 c lr)^T",
            "(2/3) cot^3(phi_0/2) (1 - c lr)^(3 T)",
            "Theorem 4.1 replaces e^(-ct) as a whole; the printed form differs by O(lr) and is "
            "harmless, so it is the one that is judged and drawn",
        ),
        Misprint(
            "uniqueness",
            "Proposition B.2",
            "zero mean and a covariance of full rank make w* the only minimiser",
            "the second moments of the points with <w*, x> > 0 must have full rank, or the law be "
            "symmetric",
            "the proof drops the ReLU; for x uniform on (1, 0), (-1/2, +-sqrt(3)/2), w = (1, 0.1) "
            "has the loss 0 of w* = (1, 0)",
        ),
        Misprint(
            "step-condition",
            "Theorem A.3",
            "lr << 1 / v_0*^2",
            "lr << 1 / max(v_0, v*)^2",
            "there is no v_0*; the decay rate is v*^2, and a start above v* moves at v_0^2",
        ),
        Misprint(
            "convexity",
            "Appendix D.1",
            "all bounds are convex; convexity changes at v = (1 - epsilon) v* (two layers)",
            "one layer: convex from above the limit, concave from below; two layers from below: a "
            "sigmoid with its inflection at sqrt((1 - epsilon)/3) v*",
            "second derivatives of the bounds; the two-layer limit is sqrt(1 - epsilon) v*",
        ),
        Misprint(
            "second-identity",
            "Section 2, after Lemma 2.1",
            "the second form of E[1{u.x > 0} x x^T]",
            "the second form of E[1{u.x > 0} 1{v.x > 0} x x^T]",
            "the eigenvectors u + v and u - v are those of the identity with two indicators",
        ),
        Misprint(
            "sign-at-zero",
            "Proof of Proposition 3.5",
            "dv_k/dt > 0 at v_k = 0",
            "dv_k/dt tends to a positive limit as v_k falls to 0; at 0 it is 0",
            "the paper sets relu'(0) = 0, and with it the indicator 1{v_k > 0} is 0 there, not 1; "
            "the limit is enough for the statement",
        ),
        Misprint(
            "deep-is-monotone",
            "Section 3.2, after eq 11",
            "in deep networks the norm is monotone regardless of the initialisation",
            "from v_0 >= v* it always dips below v* for two and more layers; only the depth of the "
            "dip shrinks with the layers",
            "the norm tends to v* from below: late in the flow 1 - v/v* ~ theta^2 v*^2 t / 4 for "
            "two layers (m = 1) and ~ theta^2 / (2 (m - 1)) for more; for one layer a dip needs a "
            "start that is not too much aligned",
        ),
    ),
)
