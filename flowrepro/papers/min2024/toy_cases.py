"""Cases of the experiments in the plane (min2024, Appendices A.1 to A.3) and of the sketches and proofs drawn from computations.

All four experiments share the initialisation, the step and the iterations at which the paper shows the neurons. Seeds are
ours: 0 where any seed shows what the paper shows, 1 where its picture has one straggler, which 28 % of the seeds have.
"""

from __future__ import annotations

from dataclasses import replace

from flowrepro.core.config import Data, Descent, Init, Loss, Record, StudyCase, Target, TrainingCase

SIX_POINTS = TrainingCase(
    name="six-points",
    command="toy2d",
    paper="min2024",
    shows="Figure 6: six points of the plane, neurons before alignment, after it and at the end",
    data=Data(name="six-points"),
    init=Init(
        name="gaussian", m=50, scale=1e-6
    ),  # Appendix A.1: N(0, alpha^2), alpha = 1e-6, h = 50
    loss=Loss(name="exp", reduction="mean"),
    protocol=Descent(
        lr=2e-3, n_steps=21_000
    ),  # Appendix A.1; the last iteration shown is that of Figures 7 to 9
    record=Record(save_every=10, snapshots=(0, 3_000, 7_000, 9_000, 21_000)),
    targets=(
        Target(
            what="steepest step of the first drop of the loss",
            paper="first of two sharp decreases",
            ours=8_030,
            window=(7_500, 9_000),
        ),
        Target(
            what="steepest step of the second drop of the loss",
            paper="second of two sharp decreases",
            ours=13_310,
            window=(12_500, 15_000),
        ),
    ),
)

MU_LARGE = replace(
    SIX_POINTS,
    name="two-points-0.1",
    shows="Figure 7: two positive points, mu = sin 0.1; all live neurons reach S_+",
    data=Data(name="two-positive-points", options={"theta": 0.1}),
    targets=(
        Target(
            what="steepest step of the drop of the loss",
            paper="one drop",
            ours=8_500,
            window=(7_800, 9_500),
        ),
    ),
)

MU_SMALL = replace(
    MU_LARGE,
    name="two-points-0.001",
    shows="Figure 8: two positive points, mu = sin 0.001; alignment is slower and one neuron stays outside S_+",
    data=Data(name="two-positive-points", options={"theta": 0.001}),
    seed=1,
    targets=(
        Target(
            what="steepest step of the drop of the loss",
            paper="one drop",
            ours=9_170,
            window=(8_400, 10_000),
        ),
        Target(what="neurons outside S_+ at the end", paper=1, ours=1, window=(1, 1)),
    ),
)

ORTHOGONAL = replace(
    MU_LARGE,
    name="two-points-orthogonal",
    shows="Figure 9: two orthogonal positive points; neurons end in S_+, at x_1 or at x_2",
    data=Data(name="two-positive-points", options={"theta": 0.0}),
    seed=1,
    targets=(),
)

SIX_POINTS_SEEDS = StudyCase(
    name="six-points-seeds",
    command="toy2d",
    paper="min2024",
    shows="Figure 6 over many seeds: times of the two drops of the loss, stragglers",
    computes="toy-seeds",
    data=Data(name="six-points"),
    options={"seeds": 100, "m": 50, "scale": 1e-6, "lr": 2e-3, "n_steps": 21_000},
    quick={"options.seeds": 5},
)

TWO_POINTS_SEEDS = StudyCase(
    name="two-points-seeds",
    command="toy2d",
    paper="min2024",
    shows="Figures 7, 8 and 9 over many seeds: stragglers against the separability of the data",
    computes="separability-seeds",
    options={**SIX_POINTS_SEEDS.options, "theta": [0.1, 0.001, 0.0]},
    quick={"options.seeds": 5},
)

FORCE = StudyCase(
    name="force",
    command="toy2d",
    paper="min2024",
    shows="Figure 1: the force on the direction of a small neuron is P_w x_a(w)",
    computes="force",
    data=Data(name="sketch-points"),
    options={"w": [0.0, 1.0], "size": 1e-8},
)

FORCE_AT_BOUNDARY = replace(
    FORCE,
    name="force-at-boundary",
    shows="Figure 3: where <x_3, w> = 0, a neuron of V_+ gains the positive datum x_3",
    data=Data(name="six-points"),
    options={
        "w": [-1.0, 1.2],
        "size": 1e-8,
    },  # orthogonal to x_3 = (1.2, 1.0), active on the three negative data
)

PLANE_PATHS = StudyCase(
    name="plane-paths",
    command="toy2d",
    paper="min2024",
    shows="Figures 2 and 4: exact paths of three neurons of V_+ through the cones, and when they gain and lose data",
    computes="plane-paths",
    data=Data(name="six-points"),
    options={
        "start": [151.0, 140.0, 160.0],
        "times": 400,
    },  # degrees: just past x_- at 150.26, before it, and far past it
)

CLUSTER_PATHS = StudyCase(
    name="cluster-paths",
    command="toy2d",
    paper="min2024",
    shows="Figures 14 to 17: activation paths of the proof, and their correspondence with the maximal path",
    computes="random-paths",
    data=Data(name="separated-clusters", options={"seed": 0}),
    options={"neurons": 400},
    seed=100,
    quick={"options.neurons": 50},
)

HELD = StudyCase(
    name="held-neuron",
    command="toy2d",
    paper="min2024",
    shows="Figures 18 and 19: a neuron held on a hyperplane crosses it ever more often; without the conflict it crosses once",
    computes="held-neuron",
    data=Data(name="held-points"),
    options={"w": [-0.01, 0.1], "a": 0.1005, "lr": [1e-2, 1e-3, 1e-4], "horizon": 0.5},
)

DEAD_BOUNDARY = StudyCase(
    name="dead-boundary",
    command="toy2d",
    paper="min2024",
    shows="Figures 20 and 21: no solution for other subgradients, and many solutions, from the boundary of S_dead",
    computes="dead-boundary",
    options={
        "slope": [0.5, 1.0],
        "lr": [0.1, 1e-3],
        "steps": 100,
        "leave": [0.0, 1.0, 2.0],
        "horizon": 5.0,
        "cells": 50_000,
    },
)

SIGN_FLIPS = StudyCase(
    name="sign-flips",
    command="toy2d",
    paper="min2024",
    shows="Beyond the paper: how many output weights change sign, against the imbalance of the initialisation",
    computes="sign-flips",
    data=Data(name="six-points"),
    options={
        "seeds": 40,
        "m": 50,
        "scale": 1e-6,
        "lr": 2e-3,
        "n_steps": 7_000,
        "ratio": [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0],
    },
    quick={"options.seeds": 5},
)

RUNS = (SIX_POINTS, MU_LARGE, MU_SMALL, ORTHOGONAL)
CASES = (
    *RUNS,
    SIX_POINTS_SEEDS,
    TWO_POINTS_SEEDS,
    FORCE,
    FORCE_AT_BOUNDARY,
    PLANE_PATHS,
    CLUSTER_PATHS,
    HELD,
    DEAD_BOUNDARY,
    SIGN_FLIPS,
)
