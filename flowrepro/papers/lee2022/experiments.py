r"""Cases of lee2022 (magnitude and angle dynamics in training single ReLU neurons).

Paper -> here: m + 1 layers -> depth = m + 1; w* -> extra["teacher"], its scalars ||w*||; v_1 = ... = v_m -> a (one number, as
they start and stay equal); theta = angle(w, w*), phi = pi - theta; \eta -> lr; T -> step. The loss is half the mean square
(eq 1): with the mean square itself, the two-layer angle leaves the paper's upper bound by 0.23 rad (measured).

N(0, k I) has standard deviation k (Appendix D.3; as variances, small, middle and large would be ratios of norms of 0.3, 1 and
1.4 instead of the 0, 1 and "> 2" of Section 5.1). Points, w* / k* and w(0) / k are the same for all nine runs of a seed.
"""

from __future__ import annotations

from typing import Any

from flowrepro.core.config import (
    Case,
    Data,
    Descent,
    Init,
    Loss,
    Model,
    Record,
    StudyCase,
    Target,
    TrainingCase,
)
from flowrepro.papers.lee2022.beyond_cases import BEYOND

HALF_MSE = Loss(name="square", reduction="mean")
TEACHER_SCALES = {1: 1.0, 2: 0.5, 3: 0.3}
"""k* by the number of layers (Appendix D.3)."""
STEP_SIZES = {1: 3e-4, 2: 8e-6, 3: 2e-6}
"""lr by the number of layers (Appendix D.3)."""
SIZES = {"sn": 0.1, "mn": 1.0, "ln": 2.0}
"""k / k* of the small, middle and large initial norm (Appendix D.3)."""
N_STEPS, EVERY = 100_000, 50
_SIZE_NAMES = {"sn": "small", "mn": "middle", "ln": "large"}
ALIGNED = 0.1
"""Angle below which the direction counts as learned (chosen)."""

_FIRST_ALIGNED = {
    "1l-sn": 8_950,
    "1l-mn": 21_350,
    "1l-ln": 26_350,
    "2l-sn": 34_700,
    "2l-mn": 33_150,
    "2l-ln": 33_550,
    "3l-mn": 36_900,
    "3l-ln": 35_050,
}
"""Case -> first recorded step with theta < ALIGNED (measured, seed 0; for others v* differs by 17 %, and the time goes as v*^(-2m))."""


def _neuron(layers: int, size: str) -> TrainingCase:
    """One of the nine runs of Figure 1; the first two cases of layers are those of Figure 2."""
    name = f"{layers}l-{size}"
    teacher = TEACHER_SCALES[layers]
    reached = _FIRST_ALIGNED.get(name)
    what = "first step with theta < 0.1"
    target = (
        Target(what=what, paper="reached", ours=reached, window=(0.97 * reached, 1.03 * reached))
        if reached
        else Target(what=what, paper="not reached")
    )
    return TrainingCase(
        name=name,
        command="single-neuron",
        paper="lee2022",
        shows=f"Figures 1 and 2: {layers} layer{'s' if layers > 1 else ''}, {_SIZE_NAMES[size]} initial norm",
        data=Data(
            name="gaussian-teacher",
            options={"n": 10_000, "d": 100, "seed": 0, "scale": teacher, "depth": layers},
        ),
        init=Init(name="student", m=1, scale=SIZES[size] * teacher),
        loss=HALF_MSE,
        model=Model(depth=layers),
        protocol=Descent(lr=STEP_SIZES[layers], n_steps=N_STEPS),
        record=Record(save_every=EVERY, snapshot_every=EVERY),
        targets=(target,),
        quick={
            "lr": 10 * STEP_SIZES[layers],
            "n_steps": N_STEPS // 10,
            "save_every": 20,
            "snapshot_every": 20,
        },  # the same flow time
    )


NEURONS = {
    f"{layers}l-{size}": _neuron(layers, size) for layers in TEACHER_SCALES for size in SIZES
}
"""The nine runs, in the order of Figure 1's panels."""

RESTART = 0.2
"""Share of a run after which Figure 2 starts its bounds again (step 20000 of 100000)."""


def _restarted(
    layers: int, lr: float, n_steps: int, every: int, again: tuple[int, ...]
) -> TrainingCase:
    """A run of Figure 3; ``again`` are the steps at which the bounds start again."""
    return TrainingCase(
        name=f"restarts-{layers}l",
        command="single-neuron",
        paper="lee2022",
        shows=f"Figure 3{'ab'[layers - 1]}: bounds of the norm from four points of one run, {layers} layer{'s' if layers > 1 else ''}",
        data=Data(
            name="gaussian-teacher",
            options={"n": 10_000, "d": 100, "seed": 0, "scale": 1.2, "depth": layers},
        ),
        init=Init(
            name="student", m=1, scale=1.2
        ),  # not stated; the norm "first decreases, then increases", so not small (chosen: middle)
        loss=HALF_MSE,
        model=Model(depth=layers),
        protocol=Descent(lr=lr, n_steps=n_steps),
        record=Record(save_every=every, snapshot_every=every, snapshots=(0, *again)),
    )


RESTARTS = {
    1: _restarted(1, 6e-4, 30_000, 50, (2_500, 5_000, 7_500)),
    2: _restarted(2, 1e-4, 2_000, 5, (120, 250, 500)),
}
"""By the number of layers (Appendix D.3)."""


def _study(name: str, shows: str, options: dict[str, Any], quick: dict[str, Any]) -> StudyCase:
    return StudyCase(
        name=name,
        command="single-neuron",
        paper="lee2022",
        shows=shows,
        computes=name,
        options=options,
        quick={f"options.{key}": value for key, value in quick.items()},
    )


INITIAL_NORMS = _study(
    "initial-norms",
    "Figure 1 across its columns: what the initial norm does to one, two and three layers",
    {
        "seeds": [0, 1, 2, 3],
        "coarser": 4.0,
    },  # coarser: steps so many times as large, and as many fewer (chosen: the same curves, seconds)
    {"seeds": [0, 1], "coarser": 10.0},
)
DEEP_SMALL_LR, DEEP_LARGE_LR = 8e-4, 1e-4
"""Step sizes of Figure 4 (Appendix D.3)."""
DEEP = _study(
    "deep",
    "Figure 4: norm of a network of five weight matrices from a small and a large start",
    {
        "n": 2_000,  # paper: 10000
        "teacher": 0.2,  # not stated; sqrt(2 / 50) keeps the scale from layer to layer, and 0.44 is then 2.2 times as large (chosen)
        "small": 0.04,
        "small_lr": 10 * DEEP_SMALL_LR,
        "small_steps": 10_000,  # paper: 100000 at a tenth of the step, the same flow time
        "large": 0.44,
        "large_lr": DEEP_LARGE_LR,
        "large_steps": 3_000,  # paper: 30000
        "attempts": 5,
        "device": "cpu",
    },
    {"n": 500, "large_steps": 1_000},
)
MOMENTS = _study(
    "moments",
    "Lemma 2.1 and Proposition B.1 on samples",
    {"n": 200_000, "d": 6, "pairs": 20},
    {"n": 50_000, "pairs": 10},
)
REDUCED = _study(
    "reduced",
    "Propositions 3.1 and 3.6: the flow in norm and angle",
    {"depths": 4, "n": [1_000, 10_000, 100_000], "d": 30},
    {"n": [1_000, 10_000]},
)
IMPLICIT = _study(
    "implicit",
    "Theorem 3.8: the implicit bound of the norm, inverted",
    {
        "m": [2, 3, 4, 6],
        # v*, v_0, epsilon
        "starts": [
            [3.0, 0.3, 0.0],
            [3.0, 0.3, 0.68],
            [3.0, 3.0, 0.68],
            [3.0, 6.0, 0.68],
            [3.0, 6.0, 0.0],
            [3.0, 1.5, 0.68],
            [3.0, 2.0, 0.3],
        ],
    },
    {"m": [2, 3]},
)
DESCENT_OF_FLOW = _study(
    "descent-of-flow",
    "Theorem 4.1: descent where the flow is a function of e^(-ct)",
    {"teacher": 5.0, "v0": [0.5, 3.0, 5.5, 10.0], "lr": [3.2e-4, 1.6e-4, 8e-5, 4e-5, 2e-5]},
    {"lr": [3.2e-4, 1.6e-4, 8e-5]},
)
DIRECTIONS = _study(
    "directions",
    "Proposition C.1: angles of random directions",
    {
        "cases": [[100, 0.1], [100, 0.2], [100, 0.3], [1_000, 0.1]],  # d, epsilon
        "numbers": 10_000_000,  # of all first vectors: 100000 pairs at d = 100
    },
    {"numbers": 1_000_000},
)
SPHERE = _study(
    "sphere",
    "Proposition B.1 in training: points on the unit sphere, d times the step",
    {"n": 10_000, "d": 100, "depths": [1, 2], "n_steps": 10_000, "coarser": 10.0},
    {"n": 4_000},
)
CURVATURE = _study(
    "curvature",
    "Appendix D.1: convexity of the bounds",
    {"v0": [0.05, 0.2, 0.4, 0.7, 0.9, 1.5, 3.0], "epsilon": 0.68, "horizon": 20.0},
    {"v0": [0.05, 3.0]},
)
STUDIES: tuple[StudyCase, ...] = (
    INITIAL_NORMS,
    DEEP,
    MOMENTS,
    REDUCED,
    IMPLICIT,
    DESCENT_OF_FLOW,
    DIRECTIONS,
    SPHERE,
    CURVATURE,
)

CASES: tuple[Case, ...] = (*NEURONS.values(), *RESTARTS.values(), *STUDIES, *BEYOND)
