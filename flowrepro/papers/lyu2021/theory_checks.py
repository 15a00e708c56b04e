"""The theorems, lemmas and assumptions of lyu2021."""

from __future__ import annotations

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
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *late_phase.CHECKS,
    *symmetric_limit.CHECKS,
    *coin_checks.CHECKS,
    *early_phase.CHECKS,
    *pair_checks.CHECKS,
    *assumptions.CHECKS,
    *hinted_limit.CHECKS,
    *aligned_phase.CHECKS,
    *orthogonal_separable.CHECKS,
    *point_checks.CHECKS,
)
