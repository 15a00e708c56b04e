"""Every statement of boursier2022 as a check: of runs, of ensembles, of studies."""

from __future__ import annotations

from flowrepro.papers.boursier2022 import (
    assumptions,
    closest_approach,
    convergence,
    five_point_observations,
    gronwall,
    high_dimension,
    minimality,
    phase_lemmas,
    scaling_laws,
    sign_jumps,
    toy_observations,
    toy_seeds,
    uncovered,
)
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *toy_observations.CHECKS,
    *toy_seeds.CHECKS,
    *five_point_observations.CHECKS,
    *high_dimension.CHECKS,
    *assumptions.CHECKS,
    *convergence.CHECKS,
    *minimality.CHECKS,
    *phase_lemmas.CHECKS,
    *gronwall.CHECKS,
    *scaling_laws.CHECKS,
    *closest_approach.CHECKS,
    *uncovered.CHECKS,
    *sign_jumps.CHECKS,
)
