"""Laws beyond the paper."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.lyu2021 import escape, small_starts

CLAIMS: tuple[Claim, ...] = (
    *escape.CLAIMS,
    *small_starts.CLAIMS,
)
