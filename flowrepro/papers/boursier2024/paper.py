"""The contents of boursier2024: its topics in the paper's order, and its misprints.

Paper -> here: lambda -> init.scale, with divide_by="sqrt(m)"; h_theta -> predict; L(theta) =
(1/2n) sum r^2 (eq. 10). The experiments descend the MSE = 2 L, so factor = 2 and t = 2 lr step.
"unbalanced" is init.name=gaussian.
"""

from flowrepro.papers.boursier2024 import (
    PAPER,
    appendix_d_constants,
    condition_2,
    figure_1_boxes,
    figure_2_three_points,
    figure_3_eight_pieces,
    lemma_8_boxes,
    section_2_cones,
    section_2_flow,
    section_4_phase_2,
    section_4_phase_3,
    section_5_limit,
    theorem_1_alignment,
    theorem_1_other_settings,
)
from flowrepro.papers.boursier2024.beyond import (
    basin,
    critical_scale,
    eight_piece_sets,
    infinite_width,
    label_signs,
    leaky_slopes,
    omnidirectionality,
    saddle_view,
    scaling_laws,
    unbalanced_width,
)
from flowrepro.papers.boursier2024.misprints import MISPRINTS
from flowrepro.papers.paper import Contents

CONTENTS = Contents(
    PAPER,
    topics=(
        section_2_cones.topic,
        section_2_flow.topic,
        theorem_1_alignment.topic,
        theorem_1_other_settings.topic,
        condition_2.topic,
        figure_1_boxes.topic,
        lemma_8_boxes.topic,
        section_4_phase_2.topic,
        section_4_phase_3.topic,
        section_5_limit.topic,
        figure_2_three_points.topic,
        figure_3_eight_pieces.topic,
        appendix_d_constants.topic,
        omnidirectionality.topic,
        critical_scale.topic,
        basin.topic,
        scaling_laws.topic,
        infinite_width.topic,
        unbalanced_width.topic,
        leaky_slopes.topic,
        label_signs.topic,
        saddle_view.topic,
        eight_piece_sets.topic,
    ),
    misprints=MISPRINTS,
)
