"""Every statement of lee2022 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
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

CLAIMS: tuple[Claim, ...] = (
    *angle_checks.CLAIMS,
    *norm_checks.CLAIMS,
    *convergence_checks.CLAIMS,
    *restart_checks.CLAIMS,
    *initial_norms.CLAIMS,
    *deep_network.CLAIMS,
    *truncated_moments.CLAIMS,
    *reduced_dynamics.CLAIMS,
    *implicit_checks.CLAIMS,
    *flow_to_descent.CLAIMS,
    *random_directions.CLAIMS,
    *spherical_data.CLAIMS,
    *curvature.CLAIMS,
    *solved_flow_study.CLAIMS,
    *small_start_law.CLAIMS,
    *dips.CLAIMS,
    *many_seeds.CLAIMS,
    *tighter_bounds.CLAIMS,
    *other_laws.CLAIMS,
    *flips.CLAIMS,
)
