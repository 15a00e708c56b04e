"""The contents of lyu2021: its topics in the order of the paper, and its misprints."""

from dataclasses import replace

from flowrepro.papers.legacy import contents_of
from flowrepro.papers.lyu2021 import (
    PAPER,
    classifiers,
    figure_1_kkt_networks,
    figure_2_trained,
    figure_3_edges,
    figure_4_planes,
    own_points,
    table_1,
)
from flowrepro.papers.lyu2021.beyond import convergence, table_optimum
from flowrepro.papers.paper import Command, Contents, Misprint

# Part A: figures, table, own points, and what goes beyond them.
EXAMPLES = (
    classifiers.topic,
    figure_1_kkt_networks.topic,
    figure_2_trained.topic,
    figure_3_edges.topic,
    table_1.topic,
    figure_4_planes.topic,
    own_points.topic,
)
BEYOND_EXAMPLES = (convergence.topic, table_optimum.topic)
# Part B: the theorems, and what goes beyond them.
THEORY = contents_of(replace(PAPER, commands=(Command("margin", ""),))).topics

CONTENTS = Contents(
    PAPER,
    topics=(*EXAMPLES, *THEORY, *BEYOND_EXAMPLES),
    misprints=(
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
            "lemma-b-19-constant",
            "proof of Lemma B.19",
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
            "table-1-activation",
            "Table 1, caption",
            "2-Layer ReLU neural networks",
            "2-layer leaky ReLU networks, alpha = 1/2",
            "Appendix J says leaky ReLU; the printed ratios of errors come out with 1/2 and not "
            "with slopes near 0 (measured)",
        ),
    ),
)
