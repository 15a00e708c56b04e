"""The figures of lee2022, and those that go beyond it."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.lee2022 import (
    angle_figures,
    deep_figure,
    dips,
    flips,
    many_seeds,
    norm_figures,
    other_laws,
    small_start_law,
    solved_flow_study,
    tighter_bounds,
)

FIGURES: tuple[Figure, ...] = (
    *angle_figures.FIGURES,
    *norm_figures.FIGURES,
    *deep_figure.FIGURES,
    *solved_flow_study.FIGURES,
    *small_start_law.FIGURES,
    *dips.FIGURES,
    *many_seeds.FIGURES,
    *tighter_bounds.FIGURES,
    *other_laws.FIGURES,
    *flips.FIGURES,
)
