"""The theorems, lemmas and assumptions of lyu2021."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.lyu2021 import (
    aligned_phase,
    assumptions,
    coin_checks,
    early_phase,
    hinted_limit,
    late_phase,
    orthogonal_separable,
    pair_checks,
    point_checks,
    symmetric_limit,
)

CLAIMS: tuple[Claim, ...] = (
    *late_phase.CLAIMS,
    *symmetric_limit.CLAIMS,
    *coin_checks.CLAIMS,
    *early_phase.CLAIMS,
    *pair_checks.CLAIMS,
    *assumptions.CLAIMS,
    *hinted_limit.CLAIMS,
    *aligned_phase.CLAIMS,
    *orthogonal_separable.CLAIMS,
    *point_checks.CLAIMS,
)
