r"""Cases of lyu2021 (margin maximisation and simplicity bias of two-layer leaky ReLU networks).

Paper -> here: \alpha_leaky -> alpha; \phi -> sigma; q_i(\theta) = y_i f(x_i); \gamma(\theta) = q_min / ||\theta||^2, the
normalised margin; w^* -> the separator of `theory.margin.hard_margin`; w^+, w^- -> `geometry.one_neuron`. The loss is
the mean of ln(1 + e^{-q_i}) and t its flow time. All cases are studies: constant steps never get past q ~ 15, so nets are
trained by ``engines.log_domain``. The cases behind the theorems are in ``theory_experiments.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrepro.core.config import Data, StudyCase, Target
from flowrepro.papers.lyu2021.beyond_experiments import BEYOND_CASES

DESCENT: Mapping[str, Any] = {
    "alpha": 0.5,  # Figure 1, caption
    "m": 100,  # the paper does not say; Appendix J has 100
    "init": "he",
    "scale": 1e-3,  # Appendix I.1.3: 0.001 times the He initialisation
    "method": "gd",  # until L < ln 2 / n with step lr, then with backtracking on ln L
    "lr": 0.01,  # Appendix J
    "q": 1000.0,  # loss e^-1000; the pictures no longer change
}

SEPARATOR = StudyCase(
    name="separator",
    command="margin",
    paper="lyu2021",
    shows="the classifiers of a set of points with their certificates, and where the flow from a small start goes",
    computes="classifiers",
    data=Data(name="symmetric"),
    options={**DESCENT, "m": 10, "init": "balanced", "scale": 1e-6, "method": "flow", "q": 1e6},
    quick={"options.q": 1e4},
)

LEFT = StudyCase(
    name="left",
    command="margin",
    paper="lyu2021",
    shows="Figures 1 and 2, left: symmetric data with a KKT network that is not optimal",
    computes="classifiers",
    data=Data(name="symmetric-example"),
    options=DESCENT,
    targets=(
        Target(
            what="margin of the KKT network",
            paper="suboptimal",
            ours=0.3561072,
            window=(0.3561062, 0.3561082),
        ),
        Target(
            what="zero rays of the KKT network, degrees from the x axis",
            paper="not linear",
            ours=93.8635,
            window=(93.862, 93.865),
        ),
        Target(
            what="margin of the trained net (largest: 0.375)",
            paper="global max margin",
            ours=0.37493,
            window=(0.995 * 0.375, 0.3750001),
        ),
        Target(
            what="trained function off (1 + alpha)/4 <w*, x>",
            paper="linear classifier",
            ours=3.4e-5,
            window=(0.0, 2e-3),
        ),
    ),
    quick={"options.q": 100.0},
)

MIDDLE = StudyCase(
    name="middle",
    command="margin",
    paper="lyu2021",
    shows="Figures 1 and 2, middle: a constant feature, the linear classifier is not optimal",
    computes="classifiers",
    data=Data(name="constant-feature"),
    options=DESCENT,
    targets=(
        Target(
            what="margin of the linear classifier / largest margin",
            paper="much smaller",
            ours=0.7506,
            window=(0.7505, 0.7507),
        ),
        Target(
            what="optimal boundary at y = 0",
            paper="nonlinear",
            ours=-0.0342,
            window=(-0.0392, -0.0292),
        ),
        Target(
            what="optimal boundary at |y| = 1",
            paper="nonlinear",
            ours=-0.4438,
            window=(-0.4488, -0.4388),
        ),
        Target(
            what="optimal boundary at |y| = 2",
            paper="nonlinear",
            ours=-0.8534,
            window=(-0.8584, -0.8484),
        ),
        Target(
            what="boundary of the trained net, x for |y| <= 2",
            paper="linear",
            ours=-0.0485,
            window=(-0.06, -0.035),
        ),
        Target(
            what="margin of the trained net (linear classifier: 0.1118034)",
            paper="suboptimal",
            ours=0.11170,
            window=(0.99 * 0.1118034, 1.01 * 0.1118034),
        ),
        Target(
            what="trained function off phi(<w+, x>)/2",
            paper="linear classifier",
            ours=6.5e-3,
            window=(0.0, 0.02),
        ),
    ),
    quick={"options.q": 100.0},
)

RIGHT = StudyCase(
    name="right",
    command="margin",
    paper="lyu2021",
    shows="Figures 1 and 2, right: three hints, the linear classifier is not optimal",
    computes="classifiers",
    data=Data(name="hinted"),
    options=DESCENT,
    targets=(
        Target(
            what="margin of the linear classifier / largest margin",
            paper="suboptimal",
            ours=0.6882,
            window=(0.6881, 0.6883),
        ),
        Target(
            what="zero rays of the optimum, degrees from the x axis",
            paper="nonlinear",
            ours=115.0169,
            window=(115.0, 115.034),
        ),
        Target(
            what="margin of the trained net (linear classifier: 0.1)",
            paper="suboptimal",
            ours=0.09969,
            window=(0.0985, 0.1015),
        ),
        Target(
            what="trained function off phi(<w+, x>)/2",
            paper="linear classifier",
            ours=2.7e-3,
            window=(0.0, 0.01),
        ),
    ),
    quick={"options.q": 100.0},
)

LEFT_SLOPES = StudyCase(
    name="left-slopes",
    command="margin",
    paper="lyu2021",
    shows="Appendix I.1.1: the example of Figure 1 left at other slopes",
    computes="left-slopes",
    options={"alphas": [0.0, 0.1, 0.5, 0.9]},
    targets=(
        Target(what="b at alpha = 0, degrees", paper=45.0, ours=45.0, window=(44.9999, 45.0001)),
        *(
            Target(
                what=f"b at alpha = {alpha:g}, degrees",
                paper="root of Appendix I.1.1",
                ours=b,
                window=(b - 1e-4, b + 1e-4),
            )
            for alpha, b in ((0.1, 40.3923), (0.5, 25.3015), (0.9, 9.9542))
        ),
        *(
            Target(
                what=f"KKT margin at alpha = {alpha:g}, b as above",
                paper="suboptimal",
                ours=margin,
                window=(margin - 1e-6, margin + 1e-6),
            )
            for alpha, margin in (
                (0.0, 0.2071068),
                (0.1, 0.2377884),
                (0.5, 0.3561072),
                (0.9, 0.4713976),
            )
        ),
    ),
)

EDGES = StudyCase(
    name="edges",
    command="margin",
    paper="lyu2021",
    shows="Figure 3: flow on a ridge, in a valley, across a refraction edge",
    computes="edges",
    options={"step": 1e-3, "nudge": 1e-12, "leaves": [1.0, 2.0, 3.0]},
)

SVM_ERRORS = (0.302, 0.197, 0.176, 0.080, 0.064, 0.063, 0.076, 0.039, 0.061, 0.029)  # Table 1
NET_ERRORS = (0.305, 0.189, 0.156, 0.071, 0.059, 0.051, 0.065, 0.031, 0.052, 0.029)  # Table 1
SVM_SPREAD = (
    0.042,
    0.037,
    0.029,
    0.022,
    0.018,
    0.016,
    0.016,
    0.016,
    0.011,
    0.009,
)  # measured: standard deviation over 20 seeds
SVM_MEAN = (
    0.256,
    0.183,
    0.140,
    0.118,
    0.097,
    0.065,
    0.053,
    0.054,
    0.043,
    0.038,
)  # measured: mean over 20 seeds

TABLE = StudyCase(
    name="table",
    command="margin",
    paper="lyu2021",
    shows="Table 1 and Figure 4: test errors of the max-margin linear classifier and of trained nets, n = 10 to 100",
    computes="table",
    options={
        "sizes": list(range(10, 101, 10)),
        "seeds": 5,
        "shift": 0.45,  # "mildly"; of those tried the one whose separators have the paper's errors
        "n_test": 10_000,
        "alpha": 0.5,
        "m": 100,
        "scale": 1e-3,
        "lr": 0.01,
        "q": 100.0,  # loss e^-100
        "mirror": False,
    },
    targets=tuple(
        Target(
            what=f"SVM test error at n = {n}, mean over seeds",
            paper=paper,
            ours=ours,
            window=(paper - 3 * spread, paper + 3 * spread),
        )
        for n, paper, ours, spread in zip(
            range(10, 101, 10), SVM_ERRORS, SVM_MEAN, SVM_SPREAD, strict=True
        )
    ),
    quick={"options.sizes": [10, 50, 100], "options.seeds": 2},
)

TABLE_MIRRORED = StudyCase(
    name="table-mirrored",
    command="margin",
    paper="lyu2021",
    shows="Table 1 on symmetric data: the training sets together with their mirror images",
    computes="table",
    options={**TABLE.options, "sizes": [20, 50, 100], "seeds": 2, "q": 1000.0, "mirror": True},
    quick={"options.seeds": 1},
)

CONVERGENCE = StudyCase(
    name="convergence",
    command="margin",
    paper="lyu2021",
    shows="how fast the flow reaches its limit on symmetric data: margin gap K1 / q, distance of functions K2 / sqrt(q)",
    computes="convergence",
    options={
        "alpha": 0.5,
        "dimensions": [2, 3, 5, 20],
        "halves": [6, 8, 10, 15],
        "data_seeds": [0, 1, 2, 3],
        "m": 10,
        "scale": 1e-6,
        "q": 1e8,
    },
    quick={
        "options.dimensions": [2, 5],
        "options.halves": [6, 10],
        "options.data_seeds": [0, 2],
        "options.q": 1e6,
    },
)

CASES: tuple[StudyCase, ...] = (
    SEPARATOR,
    LEFT,
    MIDDLE,
    RIGHT,
    LEFT_SLOPES,
    EDGES,
    TABLE,
    TABLE_MIRRORED,
    CONVERGENCE,
    *BEYOND_CASES,
)
