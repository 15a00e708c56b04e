r"""Rows of boursier2022 (gradient flow of shallow ReLU networks, square loss, orthogonal inputs).

Paper -> here: \lambda -> scale / sqrt(m); \theta_j = (w_j, a_j); s_j = sign(a_j); h_\theta -> predict;
L(\theta) = (1/2n) sum r^2. Its experiments descend the MSE = 2 L, so factor = 2 and t = 2 lr step (Section 5;
the plateau of Figure 3 at 1/2 and its iteration counts come out only so).
"""

from __future__ import annotations

from flowrepro.experiment import Data, Descent, Experiment, Init, Loss, Record, Target

MSE = Loss(name="square", reduction="mean", factor=2.0)

TOY = Experiment(
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
        levels=(0.99, 0.625, 0.495, 0.125),  # leaves 0, half of the positive label, leaves the saddle, half of the negative one
    ),
    targets=(
        Target(what="first step with MSE < 0.99 (leaves 0)", paper=5_000, ours=5_210, window=(4_800, 5_800)),
        Target(what="first step with MSE < 0.495 (leaves the saddle)", paper=11_000, ours=10_568, window=(9_500, 12_000)),
    ),
    quick={"n_steps": 9_000, "geometric": 0.0},
)

FIVE_POINTS = Experiment(
    name="five-points",
    command="orthogonal",
    paper="boursier2022",
    shows="Figure 4: five points that are not orthogonal, small initialisation",
    data=Data(name="five-points"),
    init=Init(name="balanced", m=60, scale=1e-4, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=300_000),
    record=Record(save_every=10, snapshots=(0, 15_000, 94_000, 150_000, 300_000)),  # panels of Figure 4
    targets=(
        Target(what="MSE at the saddle (step 94000)", paper="plateau", ours=0.0636316, window=(0.0635316, 0.0637316)),
        Target(what="first step with MSE < 0.99 of the saddle's", paper=150_000, ours=135_580, window=(125_000, 160_000)),
    ),
    quick={"n_steps": 100_000},
)

LAZY = Experiment(
    name="lazy",
    command="orthogonal",
    paper="boursier2022",
    shows="Figure 5: the same five points, large initialisation (lazy regime)",
    data=Data(name="five-points"),
    init=Init(name="balanced", m=60, scale=10.0, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=5_000),
    record=Record(save_every=1, snapshots=(0, 5_000)),
    targets=(Target(what="first step with MSE < 0.01", paper=5_000, ours=4_103, window=(0, 7_000)),),
)

ROWS = (TOY, FIVE_POINTS, LAZY)
