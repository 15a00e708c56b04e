"""The contents of lee2022 in its order, what goes beyond it, and its misprints."""

from __future__ import annotations

from flowrepro.papers.lee2022 import (
    PAPER,
    appendix_b_sphere,
    appendix_c_directions,
    appendix_d_curvature,
    convergence,
    figure_1_angle,
    figure_1_initial_norms,
    figure_2_norm,
    figure_3_restarts,
    figure_4_deep,
    lemma_2_1,
    proposition_3_1,
    section_5_runs,
    theorem_3_8,
    theorem_4_1,
)  # fmt: skip
from flowrepro.papers.lee2022.beyond import (
    dips,
    flips,
    many_seeds,
    other_laws,
    small_starts,
    solved_flow,
    tighter_bounds,
)  # fmt: skip
from flowrepro.papers.lee2022.misprints import MISPRINTS
from flowrepro.papers.paper import Contents

TOPICS = (
    section_5_runs, lemma_2_1, proposition_3_1, theorem_3_8, convergence, theorem_4_1,
    figure_1_angle, figure_1_initial_norms, figure_2_norm, figure_3_restarts, figure_4_deep,
    appendix_b_sphere, appendix_c_directions, appendix_d_curvature,
    solved_flow, small_starts, dips, many_seeds, tighter_bounds, other_laws, flips,
)  # fmt: skip

CONTENTS = Contents(
    PAPER,
    topics=tuple(module.topic for module in TOPICS),
    misprints=MISPRINTS,
)
