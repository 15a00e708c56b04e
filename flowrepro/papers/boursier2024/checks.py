"""Every statement of boursier2024 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.papers.boursier2024 import (
    alignment_phase,
    analysis_checks,
    basin,
    box_study,
    convergence_phase,
    critical_scale,
    eight_piece_observations,
    eight_piece_sets,
    growth_phase,
    infinite_width,
    label_signs,
    leaky_slopes,
    limit_point,
    omnidirectionality,
    saddle_view,
    scaling_laws,
    three_point_observations,
    unbalanced_width,
)
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *three_point_observations.CHECKS,
    *eight_piece_observations.CHECKS,
    *alignment_phase.CHECKS,
    *growth_phase.CHECKS,
    *convergence_phase.CHECKS,
    *analysis_checks.CHECKS,
    *box_study.CHECKS,
    *limit_point.CHECKS,
    *scaling_laws.CHECKS,
    *critical_scale.CHECKS,
    *basin.CHECKS,
    *unbalanced_width.CHECKS,
    *infinite_width.CHECKS,
    *leaky_slopes.CHECKS,
    *omnidirectionality.CHECKS,
    *eight_piece_sets.CHECKS,
    *saddle_view.CHECKS,
    *label_signs.CHECKS,
)
