"""Every figure of min2024."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.min2024 import (
    critical_scale,
    figure_5,
    pair_laws,
    rank_limit,
    sign_flips,
    sketch_figures,
    time_laws,
    toy_figures,
    toy_seeds_figure,
    two_phases,
)

FIGURES: tuple[Figure, ...] = (
    *sketch_figures.FIGURES,
    *figure_5.FIGURES,
    *toy_figures.FIGURES,
    toy_seeds_figure.FIGURE,
    *sign_flips.FIGURES,
    *two_phases.FIGURES,
    *time_laws.FIGURES,
    *critical_scale.FIGURES,
    *rank_limit.FIGURES,
    *pair_laws.FIGURES,
)
