"""Cases of the theory of min2024: sum over samples, balanced start, scales down to those that Theorem 1 allows.

Every statement needs Assumption 1, which six points of the plane and clusters in ten dimensions satisfy; the plane alone would
make the bounds on the rank trivial.
"""

from __future__ import annotations

import math
from dataclasses import replace

from flowrepro.core.config import Data, StudyCase

SIX_POINTS = Data(name="six-points")
CLUSTERS = Data(name="separated-clusters", options={"seed": 1})

CONES = StudyCase(
    name="theory-cones",
    command="toy2d",
    paper="min2024",
    shows="Lemmas 2 and 5 to 11 on six points: the geometry that alignment rests on",
    computes="cones",
    data=SIX_POINTS,
    options={"loss": "exp", "samples": 4_000},
    quick={"options.samples": 500},
)
CONES_10D = replace(
    CONES,
    name="theory-cones-10d",
    shows="Lemmas 2 and 5 to 11 on twelve points in ten dimensions",
    data=CLUSTERS,
)

RULE = StudyCase(
    name="theory-rule",
    command="toy2d",
    paper="min2024",
    shows="Equations (7), (8) and (46) at every step of a descent on six points: activations change one way only",
    computes="activation-rule",
    data=SIX_POINTS,
    options={
        "m": 50,
        "scale": 1e-6,
        "balanced": True,
        "loss": "exp",
        "reduction": "sum",
        "lr": 1e-3,
        "n_steps": 20_000,
    },
    quick={"options.n_steps": 4_000},
)
RULE_10D = replace(
    RULE,
    name="theory-rule-10d",
    shows="The same on twelve points in ten dimensions",
    data=CLUSTERS,
    options={**RULE.options, "m": 30},
)
RULE_UNBALANCED = replace(
    RULE,
    name="theory-rule-unbalanced",
    shows="The same for the unbalanced start of the experiments, by the current sign of each output weight",
    options={**RULE.options, "balanced": False, "reduction": "mean", "lr": 2e-3, "n_steps": 21_000},
)

FLOW = StudyCase(
    name="theory-flow",
    command="toy2d",
    paper="min2024",
    shows="Lemmas 1, 3, 4, 10, 13 to 15 and the convergence of Theorem 1 along the flow on six points, eps = 1e-6",
    computes="theory-flow",
    data=SIX_POINTS,
    options={
        "m": 50,
        "ln_eps": -6 * math.log(10),
        "loss": "exp",
        "after": 16.0,
        "points": 300,
        "rtol": 1e-9,
    },
    quick={"options.points": 100, "options.after": 4.0},
)
FLOW_10D = replace(
    FLOW, name="theory-flow-10d", shows="The same on twelve points in ten dimensions, where the rank is not bounded by the plane", data=CLUSTERS,
    options={**FLOW.options, "m": 30}, seed=101,
)  # fmt: skip
LOG_SCALE = replace(
    FLOW,
    name="theory-log-scale",
    shows="All of Theorem 1 on six points at a scale it allows, eps = e^-188812",
    options={**FLOW.options, "ln_eps": -188_812.0},
    seed=1,  # of seed 0 a neuron starts so near x_- that the theorem asks for eps < e^-2.6e6
)
LOG_SCALE_10D = replace(
    FLOW_10D, name="theory-log-scale-10d", shows="All of Theorem 1 on twelve points in ten dimensions at a scale it allows",
    options={**FLOW_10D.options, "ln_eps": -250_000.0},
)  # fmt: skip

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

FLOWS = (FLOW, FLOW_10D, LOG_SCALE, LOG_SCALE_10D)
CASES = (
    CONES,
    CONES_10D,
    RULE,
    RULE_10D,
    RULE_UNBALANCED,
    *FLOWS,
    BASINS,
    FIT_TIME,
    ALIGNMENT_TIME,
    CRITICAL_SCALE,
    RANK_LIMIT,
)
THEORY_CASES = tuple(case.name for case in FLOWS)
