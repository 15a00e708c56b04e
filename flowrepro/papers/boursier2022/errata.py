"""Slips of the printed text that a check has to read differently, each with the reason."""

from __future__ import annotations

from flowrepro.theory.result import Erratum

ERRATA: tuple[Erratum, ...] = (
    Erratum(
        "alpha-beta",
        "Appendix B.1",
        "alpha = min y_k^2 / (2 ||D+||^2), beta = min y_k^2 / (2 ||D-||^2)",
        "alpha = min y_k^2 / (2 n^2 ||D+||^2), and beta likewise",
        "||D+||^2 = (1/n^2) sum y_k^2, so without n^2 the share of a label can exceed 1 and 1 - alpha be negative",
    ),
    Erratum(
        "kkt-direction",
        "Proposition 1",
        "<w_j, -D+> = ||w_j|| ||D+|| for j in S+",
        "<w_j, D+> = ||w_j|| ||D+||",
        "neurons with a positive output weight fit positive labels; the proof, and every run, has +D+",
    ),
    Erratum(
        "lemma-14-scope",
        "Lemma 14",
        "for all balanced theta",
        "for balanced theta at which S+ and S- are active on their class",
        "the bound counts the gradient of those neurons only, and an inactive neuron has none",
    ),
    Erratum(
        "path-criterion",
        "Theorem 2",
        "inf ||grad L||^2 / L >= L(theta) / r^2",
        "inf ||grad L||^2 / L > 4 L(theta) / r^2",
        "the criterion of Chatterjee bounds the path by 2 sqrt(L/alpha), which must be below r",
    ),
    Erratum(
        "loss-factor",
        "Figure 3",
        "axis L(theta), with L = (1/2n) sum r^2",
        "2 L = (1/n) sum r^2",
        "the curve starts at 1, the mean of y^2; the iteration numbers of Section 5 need this loss too",
    ),
)
"""Those that concern the checks on runs of descent; lemmas on the limit lambda -> 0 have more."""
