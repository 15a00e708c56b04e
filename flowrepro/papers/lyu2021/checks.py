"""Every statement of lyu2021 that a study can answer."""

from __future__ import annotations

from flowrepro.papers.lyu2021 import beyond_checks, convergence, edges, examples, own_points, table_checks, theory_checks, trained
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *own_points.CHECKS,
    *examples.CHECKS,
    *trained.CHECKS,
    *edges.CHECKS,
    *table_checks.CHECKS,
    *convergence.CHECKS,
    *theory_checks.CHECKS,
    *beyond_checks.CHECKS,
)
