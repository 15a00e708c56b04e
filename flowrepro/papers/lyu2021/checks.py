"""Statements that the modules below still declare by name."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.lyu2021 import beyond_checks, theory_checks

CLAIMS: tuple[Claim, ...] = (*theory_checks.CLAIMS, *beyond_checks.CLAIMS)
