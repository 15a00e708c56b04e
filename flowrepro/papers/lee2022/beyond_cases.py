"""Cases of the wing that go beyond lee2022: what its bounds leave open, measured or solved. Sizes are ours, chosen for seconds."""

from __future__ import annotations

from functools import partial

from flowrepro.core.config import StudyCase

_study = partial(StudyCase, command="single-neuron", paper="lee2022")
RIGHT_ANGLE = 1.5707963267948966
"""theta_0 of two random directions in many dimensions (Proposition C.1)."""

SOLVED_FLOW = _study(
    name="solved-flow",
    shows="beyond Theorems 3.3 to 3.9: the population flow in closed form, against its integration, descent and a sample",
    computes="solved-flow",
    options={
        "depths": [1, 2, 3, 4],
        "ratios": [0.1, 1.0, 2.0],  # v_0 / v*: those of the paper's small, middle and large starts
        "theta0": 1.6,
        "last": 1e-6,
        "lr": [4e-3, 2e-3, 1e-3],
        "n": 4_000,
        "d": 40,
    },
    quick={"options.depths": [1, 3], "options.ratios": [0.1, 2.0]},
)
SMALL_STARTS = _study(
    name="small-starts",
    shows="beyond Section 3.2: the time to align from a vanishing norm, for one to six layers",
    computes="small-starts",
    options={
        "depths": [1, 2, 3, 4, 5, 6],
        "log10_v0": [-8.0, -7.0, -6.0, -5.0, -4.0, -3.0, -2.5, -2.0, -1.5, -1.0],
        "theta0": RIGHT_ANGLE,
    },
    quick={"options.depths": [1, 2, 3]},
)
DIPS = _study(
    name="dips",
    shows="beyond Section 3.2: how far the norm dips, by the number of layers, and from which starts",
    computes="dips",
    options={
        "m": [0, 1, 2, 3, 5, 8, 12, 20, 50],
        "ratios": [1.0, 2.0],
        "theta0": RIGHT_ANGLE,
        "grid": 32,
        "grid_depths": [1, 2, 3],
    },
    quick={"options.grid": 12},
)
MANY_SEEDS = _study(
    name="many-seeds",
    shows="beyond Section 5: the nine settings over many draws and sample sizes, against the population and the bounds",
    computes="many-seeds",
    options={"n": [1_000, 4_000, 16_000], "d": 20, "draws": 16, "coarser": 50.0},
    quick={"options.draws": 4, "options.n": [1_000, 4_000]},
)
TIGHTER_BOUNDS = _study(
    name="tighter-bounds",
    shows="beyond Sections 3 and 5.2: bounds fed into each other, and bounds started again at every moment",
    computes="tighter-bounds",
    options={
        "depths": [1, 2, 3],
        "ratio": 1.0,
        "theta0": RIGHT_ANGLE,
        "horizon": 12.0,
        "rounds": 4,
        "lag": 2.0,
    },
    quick={"options.rounds": 2},
)
OTHER_LAWS = _study(
    name="other-laws",
    shows="beyond Proposition B.1: points of other laws, symmetric and not, with the step scaled by d / E||x||^2",
    computes="other-laws",
    options={
        "n": 20_000,
        "d": 20,
        "depths": [1, 2],
        "coarser": 25.0,
        "freedom": 8.0,
        "widest": 4.0,
    },
    quick={"options.n": 5_000},
)
FLIPS = _study(
    name="flips",
    shows="beyond Figure 1: which samples change their activation on the way, counted one by one in the nine runs",
    computes="flips",
    options={"coarser": 20.0},
    quick={"options.coarser": 50.0},
)
BEYOND: tuple[StudyCase, ...] = (
    SOLVED_FLOW,
    SMALL_STARTS,
    DIPS,
    MANY_SEEDS,
    TIGHTER_BOUNDS,
    OTHER_LAWS,
    FLIPS,
)
