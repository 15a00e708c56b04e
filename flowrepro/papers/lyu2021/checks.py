"""Every statement of lyu2021 that a study can answer."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.lyu2021 import (
    beyond_checks,
    convergence,
    edges,
    examples,
    own_points,
    table_checks,
    trained,
)

CLAIMS: tuple[Claim, ...] = (
    *own_points.CLAIMS,
    *examples.CLAIMS,
    *trained.CLAIMS,
    *edges.CLAIMS,
    *table_checks.CLAIMS,
    *convergence.CLAIMS,
    *beyond_checks.CLAIMS,
)
