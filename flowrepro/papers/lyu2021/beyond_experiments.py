"""Cases beyond the paper: when its limits are reached, from which starts, and what is optimal where its theorems do not apply."""

from __future__ import annotations

from flowrepro.papers.lyu2021.theory_experiments import MIDDLE, RIGHT, SYMMETRIC, study_case

FADING = {
    "alpha": 0.5,
    "m": 10,
    "scales": [1e-3, 1e-6, 1e-12, 1e-24, 1e-48, 1e-75, 1e-100],
    "seeds": 8,
    "q": 0.05,
}
HINTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4]

BEYOND_CASES = (
    study_case(
        "escape-symmetric",
        "beyond the paper: neurons of the other sign outgrow the one-neuron network on symmetric points",
        "escape",
        SYMMETRIC,
        {"alphas": [0.2, 0.35, 0.5, 0.7], "ratio": 1e-8, "q": 1e13},
        {"options.alphas": [0.2, 0.5]},
    ),
    study_case(
        "escape-middle",
        "beyond the paper: stray positive neurons outgrow the one-neuron network of Figure 1 middle",
        "escape",
        MIDDLE,
        {"alphas": [0.5], "ratio": 1e-8, "q": 1e11},
        {"options.q": 1e8},
    ),
    study_case(
        "escape-right",
        "beyond the paper: the same on the hinted points",
        "escape",
        RIGHT,
        {"alphas": [0.5], "ratio": 1e-8, "q": 1e11},
        {"options.q": 1e8},
    ),
    study_case(
        "small-enough",
        "beyond the paper: from which scale on all neurons enter the cone of Lemma G.4, by width, Figure 1 middle",
        "small-enough",
        MIDDLE,
        {
            "alpha": 0.5,
            "init": "balanced",
            "widths": [3, 10, 100],
            "scales": [1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10],
            "seeds": 40,
        },
        {"options.widths": [3, 10], "options.seeds": 10},
    ),
    study_case(
        "fading-middle",
        "beyond the paper: neurons of negative output fade as sigma^kappa down to 1e-100, Figure 1 middle",
        "fading",
        MIDDLE,
        FADING,
        {"options.seeds": 2},
    ),
    study_case(
        "fading-right",
        "beyond the paper: the same on the hinted points",
        "fading",
        RIGHT,
        FADING,
        {"options.seeds": 2},
    ),
    study_case(
        "hint-crossover",
        "beyond the paper: from where on the hints make the limit suboptimal",
        "hint-crossover",
        None,
        {"alpha": 0.5, "m": 6, "scale": 1e-40, "seeds": 6, "H": 4.0, "K": HINTS, "q": 1e4},
        {"options.seeds": 2, "options.K": [0.3, 0.8]},
    ),
)
