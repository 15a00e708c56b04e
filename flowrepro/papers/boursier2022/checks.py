"""Every statement of boursier2022 as a check: of runs, of ensembles, of studies."""

from __future__ import annotations

from flowrepro.claims.old_verdict import Claim
from flowrepro.papers.boursier2022 import (
    assumptions,
    closest_approach,
    convergence,
    five_point_observations,
    gronwall,
    high_dimension,
    minimality,
    phase_lemmas,
    scaling_laws,
    sign_jumps,
    toy_observations,
    toy_seeds,
    uncovered,
)

CLAIMS: tuple[Claim, ...] = (
    *toy_observations.CLAIMS,
    *toy_seeds.CLAIMS,
    *five_point_observations.CLAIMS,
    *high_dimension.CLAIMS,
    *assumptions.CLAIMS,
    *convergence.CLAIMS,
    *minimality.CLAIMS,
    *phase_lemmas.CLAIMS,
    *gronwall.CLAIMS,
    *scaling_laws.CLAIMS,
    *closest_approach.CLAIMS,
    *uncovered.CLAIMS,
    *sign_jumps.CLAIMS,
)
