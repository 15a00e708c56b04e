r"""Cases of boursier2022 (gradient flow of shallow ReLU networks, square loss, orthogonal inputs).

Paper -> here: \lambda -> scale / sqrt(m); \theta_j = (w_j, a_j); s_j = sign(a_j); h_\theta -> predict;
L(\theta) = (1/2n) sum r^2. Its experiments descend the MSE = 2 L, so factor = 2 and t = 2 lr step (Section 5;
the plateau of Figure 3 at 1/2 and its iteration counts come out only so).
"""

from __future__ import annotations

from flowrepro.core.config import Data, Descent, Init, Loss, Record, StudyCase, Target, TrainingCase

MSE = Loss(name="square", reduction="mean", factor=2.0)

TOY = TrainingCase(
    name="toy",
    command="orthogonal",
    paper="boursier2022",
    shows="Figures 2 and 3: four panels of the learned function, and the loss with its two plateaus",
    data=Data(name="two-points"),
    init=Init(name="balanced", m=60, scale=1e-6, divide_by="sqrt(m)"),  # Section 5
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=20_000),  # Section 5; Figure 3's axis ends at 20000
    record=Record(
        save_every=1,
        snapshots=(
            *(0, 4_000, 8_000, 15_000, 20_000),  # panels of Figure 2
            *range(6_500, 11_001, 500),  # near theta_S
            *range(14_000, 20_001, 50),  # final phase: path length and gradient domination
        ),
        geometric=1.05,
        levels=(
            0.99,
            0.625,
            0.495,
            0.125,
        ),  # leaves 0, half of the positive label, leaves the saddle, half of the negative one
    ),
    targets=(
        Target(
            what="first step with MSE < 0.99 (leaves 0)",
            paper=5_000,
            ours=5_210,
            window=(4_800, 5_800),
        ),
        Target(
            what="first step with MSE < 0.495 (leaves the saddle)",
            paper=11_000,
            ours=10_568,
            window=(9_500, 12_000),
        ),
    ),
    quick={"n_steps": 9_000, "geometric": 0.0},
)

FIVE_POINTS = TrainingCase(
    name="five-points",
    command="orthogonal",
    paper="boursier2022",
    shows="Figure 4: five points that are not orthogonal, small initialisation",
    data=Data(name="five-points"),
    init=Init(name="balanced", m=60, scale=1e-4, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=300_000),
    record=Record(
        save_every=10, snapshots=(0, 15_000, 94_000, 150_000, 300_000), geometric=1.05
    ),  # panels of Figure 4; frames of its animation
    targets=(
        Target(
            what="MSE at the saddle (step 94000)",
            paper="plateau",
            ours=0.0636316,
            window=(0.0635316, 0.0637316),
        ),
        Target(
            what="first step with MSE < 0.99 of the saddle's",
            paper=150_000,
            ours=135_580,
            window=(125_000, 160_000),
        ),
    ),
    quick={"n_steps": 100_000},
)

LAZY = TrainingCase(
    name="lazy",
    command="orthogonal",
    paper="boursier2022",
    shows="Figure 5: the same five points, large initialisation (lazy regime)",
    data=Data(name="five-points"),
    init=Init(name="balanced", m=60, scale=10.0, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=5_000),
    record=Record(save_every=1, snapshots=(0, 5_000)),
    targets=(
        Target(what="first step with MSE < 0.01", paper=5_000, ours=4_103, window=(0, 7_000)),
    ),
)

HIGH_DIMENSION = TrainingCase(
    name="high-dimension",
    command="orthogonal",
    paper="boursier2022",
    shows="Figures 6 and 7: 75 nearly orthogonal points in dimension 150, neurons on their two principal components, and the loss",
    data=Data(name="nearly-orthogonal", options={"seed": 4}),  # the authors' draw
    init=Init(
        name="student", m=200, scale=1e-20, divide_by="sqrt(m*d)"
    ),  # Appendix A.2; drawn with the points
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=200_000),
    record=Record(
        save_every=10, snapshots=(0, 33_000, 75_000, 200_000)
    ),  # panels of Figure 6; the text does not print their steps
    targets=(
        Target(
            what="first step with MSE < 0.99 of that at 0",
            paper="between 0 and 75000",
            ours=68_390,
            window=(66_000, 71_000),
        ),
        Target(
            what="MSE at the saddle / (1/n) sum of y^2 over y < 0",
            paper="around step 75000",
            ours=1.0153,
            window=(0.97, 1.08),
        ),
        Target(
            what="share of the first two principal components",
            paper=0.8,
            ours=0.7555,
            window=(0.70, 0.85),
        ),
    ),
    quick={"n_steps": 80_000, "save_every": 100},
)

LOG_SCALE = StudyCase(
    name="log-scale",
    command="orthogonal",
    paper="boursier2022",
    shows="Figure 1 and the lemmas on the phases: the flow on two orthogonal points from scales down to 1e-1000",
    computes="log-scale",
    # chosen: fractions of the largest admissible eps; scales around those from which the lemmas say something (1e-27, 1e-82)
    options={
        "p": [2, 3, 4, 6, 8, 12, 16, 20, 27, 40, 60, 82, 100, 150, 300, 1000],
        "seeds": 3,
        "m": 60,
        "fractions": [1.0, 0.4],
    },
    data=Data(name="two-points"),
    quick={"options.seeds": 1},
)

LOG_SCALE_FOUR = StudyCase(
    name="log-scale-four-points",
    command="orthogonal",
    paper="boursier2022",
    shows="the lemmas on the phases with two labels per sign: four orthonormal points, scales down to 1e-10000",
    computes="log-scale",
    options={
        "p": [2, 4, 6, 12, 20, 40, 55, 70, 100, 200, 400, 800, 2000, 10000],
        "seeds": 2,
        "m": 60,
        "fractions": [1.0, 0.4],
    },
    data=Data(name="orthonormal", options={"labels": [1.0, 0.6, -0.5, -0.3]}),
    quick={"options.seeds": 1},
)

CLOSEST_APPROACH = StudyCase(
    name="closest-approach",
    command="orthogonal",
    paper="boursier2022",
    shows="beyond the paper: how near the flow comes to the saddle, as a power of the scale, for five ratios of the growth rates",
    computes="closest-approach",
    options={
        "ratios": [1.2, 1.5, 2.0, 3.0, 4.0],
        "decades": [3.0, 5.0, 7.0],
        "m": 60,
    },  # chosen: distances that doubles resolve
    quick={"options.ratios": [1.5, 3.0]},
)

WITHOUT_ASSUMPTION_3 = StudyCase(
    name="without-assumption-3",
    command="orthogonal",
    paper="boursier2022",
    shows="beyond the paper: limit, norm and plateaus of networks so narrow that Assumption 3 may fail",
    computes="uncovered",
    options={
        "m": [4, 8, 16, 32, 64],
        "seeds": 12,
        "p": 50.0,
        "horizon": 2500.0,
        "draws": 4000,
    },  # chosen: the slowest label is fitted before t = 1800
    data=Data(name="orthonormal", options={"labels": [1.0, 0.8, 0.5, -0.9, -0.6, -0.4]}),
    quick={"options.seeds": 2},
)

SIGN_JUMPS = StudyCase(
    name="sign-jumps",
    command="orthogonal",
    paper="boursier2022",
    shows="beyond the paper: the five points of Figure 4 from smaller scales, where descent loses its negative neurons and the flow does not",
    computes="sign-jumps",
    options={
        "p": [3, 4, 5, 6],
        "seeds": 4,
        "m": 60,
        "lr": 1e-3,
        "horizon": 600.0,
    },  # chosen: the flow leaves the saddle before t = 400
    data=Data(name="five-points"),
    quick={"options.seeds": 1},
)

GRONWALL = StudyCase(
    name="gronwall",
    command="orthogonal",
    paper="boursier2022",
    shows="Lemma 16 on random constants, as corrected and as printed",
    computes="gronwall",
    options={"draws": 2000},
)

CASES = (
    TOY,
    FIVE_POINTS,
    LAZY,
    HIGH_DIMENSION,
    LOG_SCALE,
    LOG_SCALE_FOUR,
    CLOSEST_APPROACH,
    WITHOUT_ASSUMPTION_3,
    SIGN_JUMPS,
    GRONWALL,
)
