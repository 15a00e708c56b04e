"""Every statement of min2024 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.papers.min2024 import (
    activation_rule,
    alignment_theorem,
    basins,
    cones,
    convergence,
    critical_scale,
    dead_boundary,
    digits_observations,
    figure_5_observations,
    force,
    held_neuron,
    pair_laws,
    path_checks,
    rank_limit,
    sign_flips,
    small_initialization,
    time_laws,
    toy_observations,
    two_phases,
)
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *figure_5_observations.CHECKS,
    *toy_observations.CHECKS,
    *force.CHECKS,
    *path_checks.CHECKS,
    *held_neuron.CHECKS,
    *dead_boundary.CHECKS,
    *sign_flips.CHECKS,
    *digits_observations.CHECKS,
    *two_phases.CHECKS,
    *pair_laws.CHECKS,
    *cones.CHECKS,
    *activation_rule.CHECKS,
    *small_initialization.CHECKS,
    *alignment_theorem.CHECKS,
    *convergence.CHECKS,
    *basins.CHECKS,
    *time_laws.CHECKS,
    *critical_scale.CHECKS,
    *rank_limit.CHECKS,
)
