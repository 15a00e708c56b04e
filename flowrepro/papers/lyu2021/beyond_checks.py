"""Laws beyond the paper."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.lyu2021 import constants, table_beyond

CLAIMS: tuple[Claim, ...] = (
    *constants.CLAIMS,
    *table_beyond.CLAIMS,
)
