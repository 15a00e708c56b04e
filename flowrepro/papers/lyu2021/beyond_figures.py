"""Figures of the laws beyond the paper."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.lyu2021 import escape, small_starts

FIGURES: tuple[Figure, ...] = (
    *escape.FIGURES,
    *small_starts.FIGURES,
)
