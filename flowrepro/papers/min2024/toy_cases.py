"""Cases of the sketches and proofs drawn from computations (min2024)."""

from __future__ import annotations

from dataclasses import replace

from flowrepro.core.config import Data, StudyCase

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

CASES = (FORCE, FORCE_AT_BOUNDARY, PLANE_PATHS, CLUSTER_PATHS, HELD, DEAD_BOUNDARY)
