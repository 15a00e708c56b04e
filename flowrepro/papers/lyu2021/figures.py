"""Figures of lyu2021, in the order of the paper, then those beyond it."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.lyu2021 import (
    beyond_figures,
    convergence,
    edges,
    examples_figures,
    own_points,
    table_figures,
)

FIGURES: tuple[Figure, ...] = (
    *examples_figures.FIGURES,
    *edges.FIGURES,
    *table_figures.FIGURES,
    *own_points.FIGURES,
    *convergence.FIGURES,
    *beyond_figures.FIGURES,
)
