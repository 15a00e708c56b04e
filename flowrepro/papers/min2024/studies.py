"""Every study of min2024: key -> what its cases compute."""

from __future__ import annotations

from flowrepro.papers.min2024.activation_rule import activation_rule
from flowrepro.papers.min2024.cones import cones
from flowrepro.papers.min2024.dead_boundary import dead_boundary
from flowrepro.papers.min2024.force import force
from flowrepro.papers.min2024.held_neuron import held_neuron
from flowrepro.papers.min2024.paths import plane_paths, random_paths
from flowrepro.papers.min2024.theory_flow import theory_flow
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "force": force,
    "plane-paths": plane_paths,
    "random-paths": random_paths,
    "held-neuron": held_neuron,
    "dead-boundary": dead_boundary,
    "cones": cones,
    "activation-rule": activation_rule,
    "theory-flow": theory_flow,
}
