"""The contents of lyu2021: its topics in the order of the paper, and its misprints."""

from flowrepro.papers.lyu2021 import (
    PAPER,
    appendix_b_inequalities,
    appendix_g_early_phase,
    appendix_h_orthogonal,
    assumptions,
    classifiers,
    figure_1_kkt_networks,
    figure_2_trained,
    figure_3_edges,
    figure_4_planes,
    own_points,
    section_3_flows,
    section_3_late_phase,
    section_4_symmetric,
    section_5_early_flows,
    section_5_early_phase,
    section_5_two_neurons,
    section_6_hinted,
    table_1,
)
from flowrepro.papers.lyu2021.beyond import (
    convergence,
    counterexample_a7,
    escape,
    random_a7,
    small_starts,
    table_optimum,
)
from flowrepro.papers.lyu2021.misprints import MISPRINTS
from flowrepro.papers.paper import Contents

CONTENTS = Contents(
    PAPER,
    topics=(
        classifiers.topic,
        figure_1_kkt_networks.topic,
        figure_2_trained.topic,
        figure_3_edges.topic,
        table_1.topic,
        figure_4_planes.topic,
        own_points.topic,
        section_3_flows.topic,
        section_3_late_phase.topic,
        assumptions.topic,
        section_4_symmetric.topic,
        section_5_early_flows.topic,
        section_5_early_phase.topic,
        section_5_two_neurons.topic,
        section_6_hinted.topic,
        appendix_b_inequalities.topic,
        appendix_g_early_phase.topic,
        appendix_h_orthogonal.topic,
        counterexample_a7.topic,
        random_a7.topic,
        escape.topic,
        small_starts.topic,
        convergence.topic,
        table_optimum.topic,
    ),
    misprints=MISPRINTS,
)
