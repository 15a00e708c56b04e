r"""Rows of min2024 (early neuron alignment in two-layer ReLU networks with small initialisation).

Paper -> here: W (D, h) with columns w_j -> W (m, d) with rows w_j; v -> a; h -> m; \epsilon, \alpha -> scale;
\eta -> lr; x_+ = sum_{y_i > 0} x_i and x_- = sum_{y_i < 0} x_i (raw sums); V_+- = {j : sign(a_j) = +-1}.
The stated iteration counts need the mean over samples and a loss of slope 1 at f = 0: exp or logistic2.
"""

from __future__ import annotations

from flowrepro.experiment import Data, Descent, Experiment, Init, Loss, Record, Target

DIGITS_1_0 = Experiment(
    name="digits-1-0",
    command="mnist-align",
    paper="min2024",
    shows="Figure 5: MNIST digits 1 (+1) and 0 (-1), alignment of the neurons and fit",
    data=Data(name="digits", options={"dataset": "mnist", "positive": 1, "negative": 0, "subset": None, "subset_seed": 0}),
    init=Init(name="gaussian", m=50, scale=1e-6),  # Section 4: N(0, alpha^2), alpha = 1e-6, h = 50
    loss=Loss(name="exp", reduction="mean"),
    protocol=Descent(lr=2e-3, n_steps=15_000, dtype="float32"),  # all event steps are those of float64
    record=Record(save_every=20, snapshots=tuple(range(0, 15_001, 1_000)), observe="class-alignment"),
    targets=(
        Target(what="first step with loss < 0.9 of the initial one", paper=3_000, ours=2_860, window=(2_600, 3_300)),
        Target(what="first step with both mean cosines >= 0.99", paper=2_000, ours=1_140, window=(900, 2_000)),
    ),
    quick={"subset": 1_000, "n_steps": 4_000},
)

ROWS = (DIGITS_1_0,)
