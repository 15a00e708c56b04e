"""The figures of lee2022."""

from __future__ import annotations

from flowrepro.figures import Figure
from flowrepro.papers.lee2022 import angle_figures, deep_figure, norm_figures

FIGURES: tuple[Figure, ...] = (*angle_figures.FIGURES, *norm_figures.FIGURES, *deep_figure.FIGURES)
