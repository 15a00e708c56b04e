"""Every figure of min2024."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.min2024 import (
    caratheodory_figures,
    path_figures,
    theory_figures,
)

FIGURES: tuple[Figure, ...] = (
    *path_figures.FIGURES,
    *caratheodory_figures.FIGURES,
    *theory_figures.FIGURES,
)
