"""Figures that the modules below still declare by name."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.lyu2021 import beyond_figures

FIGURES: tuple[Figure, ...] = beyond_figures.FIGURES
