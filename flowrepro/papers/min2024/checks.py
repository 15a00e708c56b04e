"""Every statement of min2024 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
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

CLAIMS: tuple[Claim, ...] = (
    *figure_5_observations.CLAIMS,
    *toy_observations.CLAIMS,
    *force.CLAIMS,
    *path_checks.CLAIMS,
    *held_neuron.CLAIMS,
    *dead_boundary.CLAIMS,
    *sign_flips.CLAIMS,
    *digits_observations.CLAIMS,
    *two_phases.CLAIMS,
    *pair_laws.CLAIMS,
    *cones.CLAIMS,
    *activation_rule.CLAIMS,
    *small_initialization.CLAIMS,
    *alignment_theorem.CLAIMS,
    *convergence.CLAIMS,
    *basins.CLAIMS,
    *time_laws.CLAIMS,
    *critical_scale.CLAIMS,
    *rank_limit.CLAIMS,
)
