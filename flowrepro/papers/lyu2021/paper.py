"""The contents of lyu2021: its topics in the order of the paper, and its misprints."""

from flowrepro.papers.lyu2021 import (
    PAPER,
    appendix_b_inequalities,
    appendix_g_early_phase,
    appendix_h_orthogonal,
    assumptions,
    classifiers,
    figure_1_kkt_networks,
    figure_2_trained,
    figure_3_edges,
    figure_4_planes,
    own_points,
    section_3_flows,
    section_3_late_phase,
    section_4_symmetric,
    section_5_early_flows,
    section_5_early_phase,
    section_5_two_neurons,
    section_6_hinted,
    table_1,
)
from flowrepro.papers.lyu2021.beyond import (
    convergence,
    counterexample_a7,
    escape,
    random_a7,
    small_starts,
    table_optimum,
)
from flowrepro.papers.paper import Contents, Misprint

CONTENTS = Contents(
    PAPER,
    topics=(
        classifiers.topic,
        figure_1_kkt_networks.topic,
        figure_2_trained.topic,
        figure_3_edges.topic,
        table_1.topic,
        figure_4_planes.topic,
        own_points.topic,
        section_3_flows.topic,
        section_3_late_phase.topic,
        assumptions.topic,
        section_4_symmetric.topic,
        section_5_early_flows.topic,
        section_5_early_phase.topic,
        section_5_two_neurons.topic,
        section_6_hinted.topic,
        appendix_b_inequalities.topic,
        appendix_g_early_phase.topic,
        appendix_h_orthogonal.topic,
        counterexample_a7.topic,
        random_a7.topic,
        escape.topic,
        small_starts.topic,
        convergence.topic,
        table_optimum.topic,
    ),
    misprints=(
        Misprint(
            "theorem-a-7",
            "Theorem A.7, through Theorem G.11",
            "under Assumptions 3.2, A.2, A.3, A.5 and A.6 the flow from a small start converges to "
            "phi(<w+, x>)/2 if an output weight is positive; Theorem G.11: under Assumption A.5 "
            "the one-neuron network is a local maximum of the margin",
            "Assumption A.5 replaced by max_u -sum_i lam*_i y_i phi(<u, x_i>) < gamma+, where lam* "
            "are the multipliers of w+: sum_i lam*_i y_i x_i^+ = gamma+ w+",
            "statement false: seven points satisfy all assumptions (A.5: .2500 < .2681), a "
            "negative neuron of share e raises the margin by .2165 e, and flows from scales 1e-6 "
            "to 1e-28 leave .2681 for the largest .3158 (case counterexample-a7); the proof of "
            "Theorem G.11 uses lam*, where Assumption A.5 and Lemma G.10 give some lam only",
        ),
        Misprint(
            "two-neuron-limit",
            "Theorem 5.5 and Section 5.3",
            "theta / ||theta|| -> (w*, -w*, 1, -1) / 4",
            "theta / ||theta|| -> (w*, -w*, 1, -1) / 2",
            "a direction has norm 1, and Lemma F.3 uses 1/2",
        ),
        Misprint(
            "mu-tilde",
            "Section 5.1",
            "mu~ = (1 + alpha)/2 mu",
            "mu~ = (1 + alpha)/4 mu",
            "each pair x, -x counts once in the derivative of G; with the printed growth rate "
            "Lemma D.2 fails by factors of 1e3 to 1e10 (measured)",
        ),
        Misprint(
            "growth-rates",
            "Lemma G.3",
            "lambda_0^+ = ||mu^+||, lambda_0^- = ||mu^-||",
            "lambda_0^+ = ||mu^+||/2, lambda_0^- = ||mu^-||/2",
            "the slopes of G are mu^+/2 and mu^-/2, as the derivative of the logistic loss at 0 is "
            "1/2; kappa is unaffected",
        ),
        Misprint(
            "lemma-5-2-constant",
            "Lemma 5.2",
            "a constant C for all r",
            "C depends on lambda_0, and r <= sqrt(lambda_0)/2",
            "the proof needs both; the measured constant grows with 1/lambda_0",
        ),
        Misprint(
            "theorem-6-2-probability",
            "Theorem 6.2",
            "theta_0 ~ D_init; with probability 1 - delta",
            "theta_0 ~ D~_init; with probability 1 - 2^-m",
            "the statement follows from Theorem A.7, which is about the balanced distribution",
        ),
        Misprint(
            "negative-part",
            "Appendix A.1",
            "x_i^+ := x_i if y_i = -1 in the definition of the second data set",
            "x_i^- := x_i if y_i = -1",
            "x_i^+ is defined two lines above; mu^- and w^- use x_i^-",
        ),
        Misprint(
            "weaker-assumption",
            "Appendix G.1",
            "Assumption A.1 is a weaker assumption than Assumption A.2",
            "Assumption A.1 is stronger",
            "Lemma G.1 proves that A.1 implies A.2; on two of the paper's examples A.2 holds and "
            "A.1 fails (measured)",
        ),
        Misprint(
            "linearised-loss-sign",
            "Appendix G.3.2",
            "the linearised loss L~ without a minus sign",
            "the linearised loss has a minus sign",
            "the flow ascends the linear part of -L",
        ),
        Misprint(
            "theorem-b-19-constant",
            "proof of Theorem B.19",
            "c^2 in the last inequality",
            "c",
            "c already bounds the squared output weight from below",
        ),
        Misprint(
            "lemma-g-4-cone",
            "Lemma G.4",
            "D- uses a constant d'",
            "D- uses min{1, d'}",
            "the bound is used for directions of length one",
        ),
        Misprint(
            "orthogonally-separable-limit",
            "Appendix H",
            "w_k / a_k; f = phi(<x, w+>) + phi(<x, w->); ||theta||^2 = ||w-||^2 + ||w+||^2",
            "w_k / |a_k|; f = phi(<x, w+>) - phi(<x, w->); ||theta||^2 = 2 (||w+|| + ||w-||)",
            "neurons with a negative output weight contribute with a minus sign, and |a_k| = "
            "||w_k|| at KKT points; runs agree (measured)",
        ),
        Misprint(
            "theorem-5-5-proof",
            "proof of Theorem 5.5",
            "(1 - gamma*)/2",
            "(1 - alpha)/2",
            "the factor is that of |z| in phi(z) = (1 + alpha)/2 z + (1 - alpha)/2 |z|",
        ),
        Misprint(
            "section-4-3-mean",
            "Section 4.3",
            "<mu, w*> = (1/n) sum_i y_i <w*, x_i> >= 1",
            "<mu, w*> >= gamma* > 0",
            "w* has length 1 (Definition 3.3) and ||x_i|| <= 1, so that <mu, w*> <= 1; on the "
            "points of Figure 1 middle, scaled so, it is 0.45; seen in an extracted text",
        ),
        Misprint(
            "assumption-a-9-sign",
            "Assumption A.9",
            "if a_k <= 0 for all k, then the margin is less than gamma-/2",
            "if a_k >= 0 for all k",
            "the neuron -(w-, 1)/sqrt 2 has a <= 0 and the margin gamma-/2 itself, so that no data "
            "satisfy A.9 as printed and Theorem A.10 is empty; A.9 mirrors A.5; seen in an "
            "extracted text",
        ),
        Misprint(
            "probability-simplex",
            "Appendix G.5",
            "the probability simplex {p : sum_i p_i = 1, p_i >= 1}",
            "{p : sum_i p_i = 1, p_i >= 0}",
            "with two or more points the printed set is empty; Lemma G.10 needs mixtures; seen in "
            "an extracted text",
        ),
        Misprint(
            "table-1-activation",
            "Table 1, caption",
            "2-Layer ReLU neural networks",
            "2-layer leaky ReLU networks, alpha = 1/2",
            "Appendix J says leaky ReLU; the printed ratios of errors come out with 1/2 and not "
            "with slopes near 0 (measured)",
        ),
    ),
)
