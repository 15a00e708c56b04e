"""Cases of the experiments on MNIST digits (min2024, Section 4 and Appendices A.4 and A.5)."""

from __future__ import annotations

from dataclasses import replace

from flowrepro.core.config import Data, Descent, Init, Loss, Record, StudyCase, Target, TrainingCase

DIGITS_1_0 = TrainingCase(
    name="digits-1-0",
    command="mnist-align",
    paper="min2024",
    shows="Figure 5: MNIST digits 1 (+1) and 0 (-1), alignment of the neurons and fit",
    data=Data(
        name="digits",
        options={
            "dataset": "mnist",
            "positive": 1,
            "negative": 0,
            "subset": None,
            "subset_seed": 0,
        },
    ),
    init=Init(name="gaussian", m=50, scale=1e-6),  # Section 4: N(0, alpha^2), alpha = 1e-6, h = 50
    loss=Loss(name="exp", reduction="mean"),
    protocol=Descent(
        lr=2e-3, n_steps=15_000, dtype="float32"
    ),  # all event steps are those of float64
    record=Record(
        save_every=20, snapshots=tuple(range(0, 15_001, 1_000)), observe="class-alignment"
    ),
    targets=(
        Target(
            what="first step with loss < 0.9 of the initial one",
            paper=3_000,
            ours=2_860,
            window=(2_600, 3_300),
        ),
        Target(
            what="first step with both mean cosines >= 0.99",
            paper=2_000,
            ours=1_140,
            window=(900, 2_000),
        ),
    ),
    quick={"subset": 1_000, "n_steps": 4_000},
)

DIGITS_3_8 = replace(
    DIGITS_1_0,
    name="digits-3-8",
    shows="Figure 10: MNIST digits 3 (+1) and 8 (-1), which are less separated",
    data=Data(name="digits", options={**DIGITS_1_0.data.options, "positive": 3, "negative": 8}),
    targets=(
        Target(
            what="first step with loss < 0.9 of the initial one",
            paper="later than Figure 5",
            ours=6_160,
            window=(5_300, 7_300),
        ),
        Target(what="loss at the end", paper="close to 0", ours=0.192, window=(0.0, 0.35)),
        Target(
            what="largest cosine of a mean neuron",
            paper="close to 1",
            ours=0.99,
            window=(0.95, 1.0),
        ),
    ),
    quick={"subset": 1_000, "n_steps": 8_000},
)

DIGITS_1_7 = replace(
    DIGITS_1_0,
    name="digits-1-7",
    shows="Figure 11: MNIST digits 1 (+1) and 7 (-1)",
    data=Data(name="digits", options={**DIGITS_1_0.data.options, "positive": 1, "negative": 7}),
    targets=(
        Target(
            what="first step with loss < 0.9 of the initial one",
            paper="between Figures 5 and 10",
            ours=4_100,
            window=(3_600, 4_700),
        ),
        Target(what="loss at the end", paper="close to 0", ours=0.0607, window=(0.0, 0.1)),
        Target(
            what="largest cosine of a mean neuron",
            paper="close to 1",
            ours=0.999,
            window=(0.99, 1.0),
        ),
    ),
    quick={"subset": 1_000, "n_steps": 6_000},
)

EPOCH = 7
"""Steps per epoch of batches of 2000 out of 12665 images, the last of 665."""

BOTH_LAYERS = replace(
    DIGITS_1_0,
    name="digits-1-0-sgd",
    shows="Figure 12: with both layers trained, directions change first and norms grow after that",
    protocol=Descent(
        lr=2e-3, n_steps=800 * EPOCH, batch_size=2_000, dtype="float32"
    ),  # Appendix A.5; the number of epochs is ours
    record=Record(save_every=EPOCH, observe="change-rates"),
    targets=(
        Target(
            what="step of the fastest change of directions",
            paper="first phase",
            ours=1_036,
            window=(700, 1_500),
        ),
        Target(
            what="step of the fastest change of norms",
            paper="second phase",
            ours=3_339,
            window=(2_900, 3_900),
        ),
    ),
    quick={"subset": 2_000, "batch_size": 316},
)

FIRST_LAYER = replace(
    BOTH_LAYERS,
    name="digits-1-0-first-layer",
    shows="Figure 13: with the first layer trained alone, directions and norms change at once",
    init=Init(name="unit-output", m=50, scale=1e-6),  # Appendix A.5: v_j = +-1, frozen
    protocol=Descent(
        lr=2e-3, n_steps=300 * EPOCH, batch_size=2_000, dtype="float32", train="first"
    ),
    targets=(
        Target(
            what="epochs between the fastest changes of directions and of norms",
            paper="no two phases",
            ours=1,
            window=(0, 2),
        ),
    ),
)

PAIRS = StudyCase(
    name="digit-pairs",
    command="mnist-align",
    paper="min2024",
    shows="Beyond the paper: extreme vectors predict the growth time and the plateau of every pair of packaged digits",
    computes="pair-laws",
    options={
        "digits": [0, 1, 3, 7, 8],
        "subset": 1_000,
        "m": 50,
        "scale": 1e-6,
        "lr": 2e-3,
        "n_steps": 12_000,
    },
    quick={"options.digits": [0, 1, 7], "options.subset": 500},
)

CASES = (DIGITS_1_0, DIGITS_3_8, DIGITS_1_7, BOTH_LAYERS, FIRST_LAYER, PAIRS)
