"""Laws beyond the paper."""

from __future__ import annotations

from flowrepro.papers.lyu2021 import constants, escape, small_starts, table_beyond
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (*escape.CHECKS, *small_starts.CHECKS, *constants.CHECKS, *table_beyond.CHECKS)
