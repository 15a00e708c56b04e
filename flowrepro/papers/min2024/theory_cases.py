"""Cases of the theory of min2024: sum over samples, balanced start, scales down to those that Theorem 1 allows.

Every statement needs Assumption 1, which six points of the plane and clusters in ten dimensions satisfy; the plane alone would
make the bounds on the rank trivial.
"""

from __future__ import annotations

from flowrepro.core.config import Data, StudyCase

SIX_POINTS = Data(name="six-points")

BASINS = StudyCase(
    name="theory-basins",
    command="toy2d",
    paper="min2024",
    shows="Alignment in the limit of vanishing initialisation on sets drawn at random, event by event; where neurons end",
    computes="basins",
    data=SIX_POINTS,
    options={"sets": 60, "m": 30, "draws": 4_000, "largest_class": 15},
    quick={"options.sets": 6, "options.draws": 500},
)
FIT_TIME = StudyCase(
    name="fit-time",
    command="toy2d",
    paper="min2024",
    shows="Beyond the paper: the time t2 to fit grows by 1/||x_+-|| per unit of ln(1/eps)",
    computes="fit-time",
    data=SIX_POINTS,
    options={"m": 50, "ln_eps": [-6.0, -10.0, -15.0, -20.0, -100.0, -1_000.0, -10_000.0]},
    seed=1,
    quick={"options.ln_eps": [-10.0, -20.0, -100.0]},
)
ALIGNMENT_TIME = StudyCase(
    name="alignment-time",
    command="toy2d",
    paper="min2024",
    shows="Beyond the paper: the alignment time of two unit points against mu is arccosh(1/mu)",
    computes="alignment-time",
    options={"mu": [1e-1, 1e-2, 1e-3, 1e-4, 1e-6, 1e-8], "angles": 1_000},
    quick={"options.angles": 100},
)
CRITICAL_SCALE = StudyCase(
    name="critical-scale",
    command="toy2d",
    paper="min2024",
    shows="Beyond the paper: below which initial scale the neurons of Figure 8 align before they grow",
    computes="critical-scale",
    options={
        "theta": [0.01, 0.001, 0.0001], "log10_scale": [-2.0, -3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -10.0], "seeds": 40, "m": 50, "horizon": 42.0,
    },
    quick={"options.seeds": 10},
)  # fmt: skip
RANK_LIMIT = StudyCase(
    name="rank-limit",
    command="toy2d",
    paper="min2024",
    shows="Beyond the paper: the stable rank tends to that of the two least-norm separators, logarithmically slowly",
    computes="rank-limit",
    data=SIX_POINTS,
    options={
        "m": 50,
        "scale": 1e-6,
        "margin": [1.0, 3.0, 10.0, 30.0, 100.0, 1_000.0, 10_000.0, 100_000.0, 1_000_000.0],
    },
)

CASES = (BASINS, FIT_TIME, ALIGNMENT_TIME, CRITICAL_SCALE, RANK_LIMIT)
