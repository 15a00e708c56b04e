"""Every statement of min2024 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.min2024 import (
    activation_rule,
    alignment_theorem,
    cones,
    convergence,
    dead_boundary,
    force,
    held_neuron,
    path_checks,
    small_initialization,
)

CLAIMS: tuple[Claim, ...] = (
    *force.CLAIMS,
    *path_checks.CLAIMS,
    *held_neuron.CLAIMS,
    *dead_boundary.CLAIMS,
    *cones.CLAIMS,
    *activation_rule.CLAIMS,
    *small_initialization.CLAIMS,
    *alignment_theorem.CLAIMS,
    *convergence.CLAIMS,
)
