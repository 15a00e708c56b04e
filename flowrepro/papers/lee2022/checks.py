"""Every statement of lee2022 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.papers.lee2022 import (
    angle_checks,
    convergence_checks,
    curvature,
    deep_network,
    dips,
    flips,
    flow_to_descent,
    implicit_checks,
    initial_norms,
    many_seeds,
    norm_checks,
    other_laws,
    random_directions,
    reduced_dynamics,
    restart_checks,
    small_start_law,
    solved_flow_study,
    spherical_data,
    tighter_bounds,
    truncated_moments,
)
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *angle_checks.CHECKS,
    *norm_checks.CHECKS,
    *convergence_checks.CHECKS,
    *restart_checks.CHECKS,
    *initial_norms.CHECKS,
    *deep_network.CHECKS,
    *truncated_moments.CHECKS,
    *reduced_dynamics.CHECKS,
    *implicit_checks.CHECKS,
    *flow_to_descent.CHECKS,
    *random_directions.CHECKS,
    *spherical_data.CHECKS,
    *curvature.CHECKS,
    *solved_flow_study.CHECKS,
    *small_start_law.CHECKS,
    *dips.CHECKS,
    *many_seeds.CHECKS,
    *tighter_bounds.CHECKS,
    *other_laws.CHECKS,
    *flips.CHECKS,
)
