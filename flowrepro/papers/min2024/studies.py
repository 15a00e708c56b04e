"""Every study of min2024: key -> what its cases compute."""

from __future__ import annotations

from flowrepro.papers.min2024.activation_rule import activation_rule
from flowrepro.papers.min2024.basins import basins
from flowrepro.papers.min2024.cones import cones
from flowrepro.papers.min2024.critical_scale import critical_scale
from flowrepro.papers.min2024.dead_boundary import dead_boundary
from flowrepro.papers.min2024.force import force
from flowrepro.papers.min2024.held_neuron import held_neuron
from flowrepro.papers.min2024.pair_laws import pair_laws
from flowrepro.papers.min2024.paths import plane_paths, random_paths
from flowrepro.papers.min2024.rank_limit import rank_limit
from flowrepro.papers.min2024.sign_flips import sign_flips
from flowrepro.papers.min2024.theory_flow import theory_flow
from flowrepro.papers.min2024.time_laws import alignment_time, fit_time
from flowrepro.papers.min2024.toy_seeds import points_seeds, separability_seeds
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "toy-seeds": points_seeds,
    "separability-seeds": separability_seeds,
    "force": force,
    "plane-paths": plane_paths,
    "random-paths": random_paths,
    "held-neuron": held_neuron,
    "dead-boundary": dead_boundary,
    "sign-flips": sign_flips,
    "cones": cones,
    "activation-rule": activation_rule,
    "theory-flow": theory_flow,
    "basins": basins,
    "fit-time": fit_time,
    "alignment-time": alignment_time,
    "critical-scale": critical_scale,
    "rank-limit": rank_limit,
    "pair-laws": pair_laws,
}
