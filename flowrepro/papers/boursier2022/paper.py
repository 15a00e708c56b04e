"""The contents of boursier2022: its topics in the paper's order, and its misprints."""

from __future__ import annotations

from flowrepro.papers.boursier2022 import (
    PAPER,
    appendix_b_flow,
    appendix_b_lemmas,
    assumptions,
    figure_1_timeline,
    figure_4_five_points,
    figure_5_lazy,
    figures_2_3_toy,
    figures_6_7_high_dimension,
    lemma_16,
    section_4_convergence,
    theorem_1_limit,
)
from flowrepro.papers.boursier2022.beyond import (
    closest_approach,
    many_seeds,
    narrow_networks,
    scaling_laws,
    sign_jumps,
)
from flowrepro.papers.boursier2022.misprints import MISPRINTS
from flowrepro.papers.paper import Contents

CONTENTS = Contents(
    PAPER,
    topics=(
        assumptions.topic,
        theorem_1_limit.topic,
        section_4_convergence.topic,
        figure_1_timeline.topic,
        figures_2_3_toy.topic,
        figure_4_five_points.topic,
        figure_5_lazy.topic,
        figures_6_7_high_dimension.topic,
        appendix_b_flow.topic,
        appendix_b_lemmas.topic,
        lemma_16.topic,
        many_seeds.topic,
        scaling_laws.topic,
        closest_approach.topic,
        narrow_networks.topic,
        sign_jumps.topic,
    ),
    misprints=MISPRINTS,
)
