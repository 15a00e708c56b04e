"""Every statement of boursier2022 that a run of gradient descent can answer."""

from __future__ import annotations

from flowrepro.papers.boursier2022 import assumptions, convergence, five_point_observations, minimality, toy_observations, toy_seeds
from flowrepro.theory.result import Check

CHECKS: tuple[Check, ...] = (
    *toy_observations.CHECKS,
    *toy_seeds.CHECKS,
    *five_point_observations.CHECKS,
    *assumptions.CHECKS,
    *convergence.CHECKS,
    *minimality.CHECKS,
)
