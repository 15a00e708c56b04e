"""Every statement of boursier2024 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
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

CLAIMS: tuple[Claim, ...] = (
    *three_point_observations.CLAIMS,
    *eight_piece_observations.CLAIMS,
    *alignment_phase.CLAIMS,
    *growth_phase.CLAIMS,
    *convergence_phase.CLAIMS,
    *analysis_checks.CLAIMS,
    *box_study.CLAIMS,
    *limit_point.CLAIMS,
    *scaling_laws.CLAIMS,
    *critical_scale.CLAIMS,
    *basin.CLAIMS,
    *unbalanced_width.CLAIMS,
    *infinite_width.CLAIMS,
    *leaky_slopes.CLAIMS,
    *omnidirectionality.CLAIMS,
    *eight_piece_sets.CLAIMS,
    *saddle_view.CLAIMS,
    *label_signs.CLAIMS,
)
