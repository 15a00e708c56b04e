"""The contents of min2024."""

from flowrepro.papers.legacy import contents_of
from flowrepro.papers.min2024 import (
    PAPER,
    activation_paths,
    activation_rule,
    cones,
    equation_4_force,
    figure_4_activation,
    figures_14_to_17_paths,
    figures_18_19_held_neuron,
    figures_20_21_dead_boundary,
    small_initialization,
    theorem_1_alignment,
    theorem_1_convergence,
    theorem_1_flow,
)
from flowrepro.papers.min2024.beyond import random_sets
from flowrepro.papers.paper import Contents

OLD = contents_of(PAPER)

# Part A: the experiments, Figures 1 to 3 and 5 to 13, and what goes beyond the paper.
PART_A = OLD.topics

# Part B: the theory.
PART_B = (
    equation_4_force.topic,
    activation_paths.topic,
    figure_4_activation.topic,
    activation_rule.topic,
    cones.topic,
    theorem_1_flow.topic,
    small_initialization.topic,
    theorem_1_alignment.topic,
    figures_14_to_17_paths.topic,
    theorem_1_convergence.topic,
    figures_18_19_held_neuron.topic,
    figures_20_21_dead_boundary.topic,
    random_sets.topic,
)

CONTENTS = Contents(PAPER, topics=(*PART_A, *PART_B), misprints=OLD.misprints)
