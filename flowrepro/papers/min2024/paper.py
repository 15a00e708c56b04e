"""The contents of min2024: early alignment in two-layer ReLU networks, in the paper's order."""

from __future__ import annotations

from flowrepro.papers.min2024 import (
    PAPER,
    activation_paths,
    activation_rule,
    assumption_1,
    cones,
    equation_4_force,
    figure_4_activation,
    figure_5_mnist,
    figures_1_to_3_sketches,
    figures_6_to_9_toy,
    figures_10_11_digit_pairs,
    figures_12_13_two_phases,
    figures_14_to_17_paths,
    figures_18_19_held_neuron,
    figures_20_21_dead_boundary,
    remark_5_leaky,
    small_initialization,
    theorem_1_alignment,
    theorem_1_convergence,
    theorem_1_flow,
)
from flowrepro.papers.min2024.beyond import (
    basins,
    critical_scale,
    pair_laws,
    random_sets,
    rank_limit,
    sign_flips,
    time_laws,
    toy_seeds,
)
from flowrepro.papers.min2024.misprints import MISPRINTS
from flowrepro.papers.paper import Contents

EXPERIMENTS = (
    figures_1_to_3_sketches.topic,
    figure_5_mnist.topic,
    figures_6_to_9_toy.topic,
    figures_10_11_digit_pairs.topic,
    figures_12_13_two_phases.topic,
)
BEYOND = (
    toy_seeds.topic,
    sign_flips.topic,
    pair_laws.topic,
    basins.topic,
    random_sets.topic,
    time_laws.topic,
    critical_scale.topic,
    rank_limit.topic,
    assumption_1.topic,
)
THEORY = (
    equation_4_force.topic,
    activation_paths.topic,
    figure_4_activation.topic,
    activation_rule.topic,
    cones.topic,
    theorem_1_flow.topic,
    small_initialization.topic,
    remark_5_leaky.topic,
    theorem_1_alignment.topic,
    figures_14_to_17_paths.topic,
    theorem_1_convergence.topic,
    figures_18_19_held_neuron.topic,
    figures_20_21_dead_boundary.topic,
)

CONTENTS = Contents(PAPER, (*EXPERIMENTS, *THEORY, *BEYOND), MISPRINTS)
