"""Every statement of boursier2022 that a run of gradient descent can answer."""

from __future__ import annotations

from flowrepro.papers.boursier2022 import assumptions, convergence, five_point_figures, minimality, toy_figures
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (*toy_figures.CHECKS, *five_point_figures.CHECKS, *assumptions.CHECKS, *convergence.CHECKS, *minimality.CHECKS)
