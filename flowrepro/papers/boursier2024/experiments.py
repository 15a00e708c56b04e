r"""Cases of boursier2024 (early alignment in two-layer networks training is a two-edged sword).

Paper -> here: \lambda -> init.scale, with divide_by="sqrt(m)"; h_\theta -> predict; L(\theta) = (1/2n) sum r^2 (eq. 10). Its
experiments descend the MSE = 2 L, so factor = 2 and t = 2 lr step: the published animations come out at their iteration
numbers only so. "unbalanced" is init.name=gaussian.
"""

from __future__ import annotations

from flowrepro.core.config import Case, Data, Descent, Init, Loss, Record, Target, TrainingCase
from flowrepro.papers.boursier2024.study_cases import STUDY_CASES

MSE = Loss(name="square", reduction="mean", factor=2.0)
FRAMES = 1.1
"""The published animations show steps 0, 1, ... with next = floor(1.1 last) + 1, and the last one."""

ANIMATION = {
    4440: (0.1235, 0.0548),
    5374: (0.5764, 0.2638),
    6504: (0.7716, 0.3853),
    11_526: (0.7430, 0.4910),
    36_184: (0.7060, 0.5801),
}
"""h(-1) and h(1) of Figure 2 by step, measured with 200000 neurons; the frames of the published animation agree with these to 0.002."""

FIGURE_1 = TrainingCase(
    name="figure-1",
    command="three-point",
    paper="boursier2024",
    shows="Figure 1: points in the boxes of Assumption 3, the three phases of training on them, and least squares at the end",
    data=Data(name="three-points-in-boxes"),
    init=Init(
        name="balanced", m=1000, scale=1e-3, divide_by="sqrt(m)"
    ),  # ours: the paper trains on the points of Figure 2 only
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=150_000),
    record=Record(save_every=10, geometric=1.02),  # fine enough for integrals along the run
    targets=(
        Target(
            what="MSE at the end",
            paper="least squares",
            ours=0.2104320829,
            window=(0.2104320828, 0.2104320830),
        ),
    ),
)

FIGURE_2 = TrainingCase(
    name="figure-2",
    command="three-point",
    paper="boursier2024",
    shows="Figure 2: three points, training ends at least squares although two neurons would fit",
    data=Data(name="three-points"),
    init=Init(name="balanced", m=200_000, scale=1e-3, divide_by="sqrt(m)"),  # Appendix B.1
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=2_000_000),  # caption of Figure 2 (g)
    record=Record(save_every=1000, snapshots=(0, 3031, 3669, *ANIMATION, 2_000_000)),
    targets=(
        Target(
            what="MSE at the end",
            paper="least squares",
            ours=0.17504273504,
            window=(0.17504273503, 0.17504273505),
        ),
        *(
            Target(
                what=f"h({x}) at step {step}",
                paper=h,
                ours=h,
                window=(round(h - 0.01, 4), round(h + 0.01, 4)),
            )
            for step, ends in ANIMATION.items()
            for x, h in zip((-1, 1), ends, strict=True)
        ),
    ),
    quick={"m": 2000},
)

PHASES = TrainingCase(
    name="phases",
    command="three-point",
    paper="boursier2024",
    shows="the frames of the animation of Figure 2 and what the theorems say along the run, with fewer neurons",
    data=Data(name="three-points"),
    init=Init(name="balanced", m=1000, scale=1e-3, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=250_000),
    record=Record(save_every=10, geometric=1.02),
)

UNBALANCED = TrainingCase(
    name="unbalanced",
    command="three-point",
    paper="boursier2024",
    shows="Section 5: the points of Figure 2 from an unbalanced initialisation, which fits them",
    data=Data(name="three-points"),
    init=Init(name="gaussian", m=2000, scale=1e-3, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=400_000),
    record=Record(save_every=100, snapshots=(0, 6504, 100_000), geometric=FRAMES),
    targets=(
        Target(
            what="first step with MSE < 1e-3",
            paper="zero loss",
            ours=212_900,
            window=(190_000, 240_000),
        ),
    ),
)

DOMINATED = TrainingCase(
    name="dominated",
    command="three-point",
    paper="boursier2024",
    shows="Section 5: the points of Figure 2 from an initialisation with |a| > ||w||, a local minimum",
    data=Data(name="three-points"),
    init=Init(name="dominated", m=2000, scale=1e-3, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=400_000),
    record=Record(save_every=100, snapshots=(0, 6504, 100_000), geometric=FRAMES),
    targets=(
        Target(
            what="MSE at the end",
            paper="least squares",
            ours=0.17504273504,
            window=(0.17504273503, 0.17504273505),
        ),
    ),
)

FIGURE_3 = TrainingCase(
    name="figure-3",
    command="three-point",
    paper="boursier2024",
    shows="Figure 3: 40 points of a teacher with eight linear pieces, training ends with five although unbalanced",
    data=Data(name="eight-pieces", options={"seed": None}),  # a number draws other points
    init=Init(
        name="gaussian", m=20_000, scale=1e-3, divide_by="sqrt(m)"
    ),  # the authors' script; Appendix B.2 has 200000
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=2_999_999),  # last frame of the published animation
    record=Record(save_every=1000, snapshots=(0, 5374, 113_573, 1_017_009), geometric=FRAMES),
    targets=(
        Target(what="linear pieces at the end", paper=5, ours=5, window=(5, 5)),
        Target(what="MSE at the end", paper="does not fit", ours=1.855e-3, window=(1.5e-3, 2.5e-3)),
    ),
    quick={"m": 2000, "n_steps": 120_000},
)

CASES: tuple[Case, ...] = (
    FIGURE_2,
    FIGURE_1,
    PHASES,
    UNBALANCED,
    DOMINATED,
    FIGURE_3,
    *STUDY_CASES,
)
