"""Every statement of min2024 that a run or a study can answer."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.min2024 import (
    basins,
    critical_scale,
    digits_observations,
    figure_5_observations,
    pair_laws,
    rank_limit,
    sign_flips,
    time_laws,
    toy_observations,
    two_phases,
)

CLAIMS: tuple[Claim, ...] = (
    *figure_5_observations.CLAIMS,
    *toy_observations.CLAIMS,
    *sign_flips.CLAIMS,
    *digits_observations.CLAIMS,
    *two_phases.CLAIMS,
    *pair_laws.CLAIMS,
    *basins.CLAIMS,
    *time_laws.CLAIMS,
    *critical_scale.CLAIMS,
    *rank_limit.CLAIMS,
)
