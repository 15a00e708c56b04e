"""Slips of the printed text that a check has to read differently, each with the reason."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Misprint

MISPRINTS: tuple[Misprint, ...] = (
    Misprint(
        "network-sum",
        "Equation (1)",
        "sum over j = 1 .. n",
        "sum over j = 1 .. m",
        "the sum is over the m neurons; n counts the data",
    ),
    Misprint(
        "square-loss-lipschitz",
        "Section 2, before Assumption 1",
        "the square loss (h - y)^2 is covered",
        "(h - y)^2 / 2 is, as Equation (10) has it",
        "Assumption 1 asks for a 1-Lipschitz derivative, and that of (h - y)^2 is 2-Lipschitz",
    ),
    Misprint(
        "experiments-loss",
        "Section 6",
        "gradient descent over the loss of Equation (10)",
        "over (1/n) sum (h - y)^2, without 1/2",
        "the published animations come out at their iteration numbers only so; with the 1/2 everything happens at twice the iteration",
    ),
    Misprint(
        "alpha-min-minus",
        "Equation (25)",
        "alpha_min,- excludes the cones with D_u in A^-1(u)",
        "it excludes those with -D_u in A^-1(u)",
        "it repeats the exclusion of Equation (24); the proof for a < 0 needs the reflected one",
    ),
    Misprint(
        "alpha-min-square",
        "Equations (24) and (25)",
        "sqrt(1 - c^2), c the largest (least) cosine",
        "the same where c > 0 (c < 0), and 1 elsewhere",
        "the constant bounds a cosine from one side; in one dimension c = -1 gives 0, against Lemma 9, whose proof takes c > 0 for granted",
    ),
    Misprint(
        "lemma-5-normalised",
        "Lemma 5, items 2 and 3",
        "item 2 with w_i, of order 1",
        "both items are about w_i / a_i",
        "at tau_2 the norms are of order sqrt(eps_2 / m); the proof bounds w_i / a_i",
    ),
    Misprint(
        "lemma-5-alignment",
        "Lemma 5, item 3",
        "<w_i/a_i, w_j/a_j> = 1 - O(...)",
        "the same for the cosine of the two neurons",
        "dominated neurons have ||w|| < |a|, so the product itself stays below 1 by their imbalance",
    ),
    Misprint(
        "lemma-6-thresholds",
        "Lemma 6",
        "tilde eps_2 <= eps_2*",
        "eps_2 <= tilde eps_2*",
        "eps_2 is the threshold that is chosen and tilde eps_2* the constant that the lemma gives; the two marks are swapped",
    ),
    Misprint(
        "mixed-neurons",
        "Equations (51) and (52)",
        "the sum is over u_k' = 1, without the factor u_k",
        "over u_k' = -1, with the factor u_k",
        "the statement about the sides of a mixed neuron is not symmetric otherwise",
    ),
    Misprint(
        "lemma-8-assumption-5",
        "Lemma 8",
        "Assumption 3 with eta < 1/6 implies Assumption 5",
        "it does for eta <= 0.0976; Assumptions 4 and 6 follow for eta < 1/6",
        "the proof squares the lower bound of y_k ||x_k||^2 and drops a term of ||y||; 6 % of uniform samples of the boxes at 1/6 fail (measured)",
    ),
    Misprint(
        "lemma-20-rate",
        "Lemma 20",
        "R_t decays at rate c_4",
        "at rate c_4 / 2",
        "that is what the proof gives",
    ),
    Misprint(
        "phase-2-force",
        "proof of Lemma 5",
        "D^t = ||D*|| + O(eps_2)",
        "D^t = D* + O(eps_2)",
        "a vector equals a vector; Section 4.1.2 has it right",
    ),
    Misprint(
        "theorem-2-width",
        "Theorem 2",
        "for any m",
        "for any m with at least one positive neuron that is active on some datum",
        "without one, no neuron grows towards the data, which happens with probability (1 - p)^m, p = 0.311 on the points of Figure 2",
    ),
)
