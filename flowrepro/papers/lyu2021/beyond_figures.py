"""Figures of the laws beyond the paper."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.lyu2021 import constants, table_beyond

FIGURES: tuple[Figure, ...] = (
    *constants.FIGURES,
    *table_beyond.FIGURES,
)
