"""The contents of min2024: early alignment in two-layer ReLU networks, in the paper's order."""

from __future__ import annotations

from flowrepro.papers.min2024 import (
    PAPER,
    activation_paths,
    activation_rule,
    assumption_1,
    cones,
    equation_4_force,
    figure_4_activation,
    figure_5_mnist,
    figures_1_to_3_sketches,
    figures_6_to_9_toy,
    figures_10_11_digit_pairs,
    figures_12_13_two_phases,
    figures_14_to_17_paths,
    figures_18_19_held_neuron,
    figures_20_21_dead_boundary,
    remark_5_leaky,
    small_initialization,
    theorem_1_alignment,
    theorem_1_convergence,
    theorem_1_flow,
)
from flowrepro.papers.min2024.beyond import (
    basins,
    critical_scale,
    pair_laws,
    random_sets,
    rank_limit,
    sign_flips,
    time_laws,
    toy_seeds,
)
from flowrepro.papers.paper import Contents, Misprint

MISPRINTS = (
    Misprint(
        id="min2024.E1",
        place="Section 4",
        printed="for centred digits, almost cos(x_+, x_-) = -1",
        correct="cos(x_+, x_-) = -1 exactly",
        reason="a remark, not an error: the statement is true and only weaker than it could be; "
        "centring makes x_+ + x_- = sum_i x_i = 0; measured |cos + 1| <= 3e-16 "
        "(claim section-4-opposite-sums)",
    ),
    Misprint(
        id="min2024.E2",
        place="Section 4, alignment phase",
        printed="V_+(t) = {j : sign(v_j(t)) > 0} and V_+(t) = {j : sign(v_j(t)) > 0}",
        correct="the second set is V_-(t) = {j : sign(v_j(t)) < 0}",
        reason="the sentences that follow compare neurons of V_- with x_-",
    ),
    Misprint(
        id="min2024.E3",
        place="Section 2.1, logistic loss",
        printed="l(y, f) = log(1 + exp(-y f))",
        correct="l(y, f) = 2 log(1 + exp(-y f)), as in the appendix",
        reason="Lemma 2 needs the slope 1 at f = 0 (measured |-l'(y, 0) - y| = 1/2 without the 2), "
        "and so do the stated iteration counts",
    ),
    Misprint(
        id="min2024.E4",
        place="Section 2.1, the loss",
        printed="L = sum_i l(y_i, f(x_i)), also for the experiments",
        correct="the experiments descend the mean over samples",
        reason="with lr = 2e-3 and the sum the loss of a 1000-image subset is below 0.9 at "
        "iteration 7 (measured, seeds 0 to 2), not near 3000",
    ),
    Misprint(
        id="min2024.E5",
        place="eq. (2) and eq. (46)",
        printed="dW/dt in dL/dW, and y_i sign(v_j) <x_i, dL/dw_j> > 0",
        correct="dW/dt in -dL/dW, and y_i sign(v_j) <x_i, -dL/dw_j> > 0",
        reason="the flow descends; at every step of a descent the second product has the sign with "
        "the minus (claim on eq. (46), 0 violations)",
    ),
    Misprint(
        id="min2024.E6",
        place="Appendix C.2, after (26)",
        printed="zeta := max{zeta_1, zeta_2}",
        correct="zeta := min{zeta_1, zeta_2}",
        reason="zeta is used in the caps of Lemma 8 and in (26), which hold for constants no "
        "larger than zeta_1 and zeta_2 each",
    ),
    Misprint(
        id="min2024.E7",
        place="Appendix C.1, proof of Lemma 8",
        printed="x_+ = -x_-",
        correct="two separate cones, around x_+ and around x_-",
        reason="the equality needs centred data (cos(x_+, x_-) = -0.563 on six points); the lemma "
        "holds with the minimum over both cones (claim on Lemma 8)",
    ),
    Misprint(
        id="min2024.E8",
        place="eq. (28)",
        printed="min{mu, zeta, xi} sqrt(mu) X_min / (4 sqrt(h) n X_max^2 W_max^2)",
        correct="the same with 8 instead of 4",
        reason="(29) follows from |f| <= 2 eps sqrt(h) X_max W_max^2 of Lemma 3 only with 8",
    ),
    Misprint(
        id="min2024.E9",
        place="Theorem 1 and abstract",
        printed="t1 = O(log n / sqrt(mu))",
        correct="t1 = O(log n / mu^(5/2)) is what the proof gives, as xi = mu^2",
        reason="a remark, not an error: the printed rate hides the constant M, which depends on "
        "mu; the least cosine of K to its generators is mu, attained (claim on Lemma 9); the true "
        "time on two points is arccosh(1/mu) = log(2/mu) (claim beyond-alignment-time-law)",
    ),
    Misprint(
        id="min2024.E10",
        place="Appendix C.2, the sum over a path",
        printed="2 H_n + 1/2 <= 4 log n",
        correct="H_{n-} + 1/2 + H_{n+ - 1} <= 4 log n, for n >= 2",
        reason="the chain fails at n = 2 (3.5 > 2.77); what is needed holds for classes of up to "
        "15 data, enumerated (claim appendix-c-2-longest-path)",
    ),
    Misprint(
        id="min2024.E11",
        place="Appendix D, Lemma 14 and after (38)",
        printed="sum ||w_j(t2)||, t1 + 1, f_- as a sum over V~_+, ||.|| - ||.|| in D.3, "
        "lim sup = 2",
        correct="sum ||w_j(t2)||^2, t1 + 6 / (sqrt(mu) n_+ X_min), f_- as a sum over V~_-, "
        "||.|| + ||.||, lim sup <= 2",
        reason="the steps around them use the correct forms; measured stable ranks end at 1.15 to "
        "1.36, not at 2 (claim on the rank in Theorem 1, and claim beyond-rank-limit)",
    ),
    Misprint(
        id="min2024.E12",
        place="Appendix C.1, proof of Lemma 11",
        printed="the mixed terms of ||x_a(w)||^2 are counted once",
        correct="every pair occurs twice; n_a (n_a - 1) mu X_min^2 is the sum over ordered pairs",
        reason="the bound that is stated is the one with both (claim on Lemma 11: attained for "
        "n_a = 1, never violated)",
    ),
    Misprint(
        id="min2024.E13",
        place="Appendix C.2, definition of a path, and Figure 15",
        printed="for l1 < l2 either k_+(l1) > k_+(l2) or k_-(l1) < k_-(l2); P_max is the path of "
        "maximal length n",
        correct="k_+(l1) <= k_+(l2) and k_-(l1) >= k_-(l2), one of them strictly; P_max is one of "
        "many paths of length n, that of the largest travel time",
        reason="(7) allows gains of positive and losses of negative data only (claim on Figure 4); "
        "measured: n = 12 moves of a neuron off P_max (claim on Figure 14)",
    ),
)

EXPERIMENTS = (
    figures_1_to_3_sketches.topic,
    figure_5_mnist.topic,
    figures_6_to_9_toy.topic,
    figures_10_11_digit_pairs.topic,
    figures_12_13_two_phases.topic,
)
BEYOND = (
    toy_seeds.topic,
    sign_flips.topic,
    pair_laws.topic,
    basins.topic,
    random_sets.topic,
    time_laws.topic,
    critical_scale.topic,
    rank_limit.topic,
    assumption_1.topic,
)
THEORY = (
    equation_4_force.topic,
    activation_paths.topic,
    figure_4_activation.topic,
    activation_rule.topic,
    cones.topic,
    theorem_1_flow.topic,
    small_initialization.topic,
    remark_5_leaky.topic,
    theorem_1_alignment.topic,
    figures_14_to_17_paths.topic,
    theorem_1_convergence.topic,
    figures_18_19_held_neuron.topic,
    figures_20_21_dead_boundary.topic,
)

CONTENTS = Contents(PAPER, (*EXPERIMENTS, *THEORY, *BEYOND), MISPRINTS)
