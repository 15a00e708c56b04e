"""The contents of lyu2021, in the paper's order."""

from flowrepro.papers.legacy import contents_of
from flowrepro.papers.lyu2021 import (
    PAPER,
    appendix_b_inequalities,
    appendix_g_early_phase,
    appendix_h_orthogonal,
    assumptions,
    section_3_flows,
    section_3_late_phase,
    section_4_symmetric,
    section_5_early_flows,
    section_5_early_phase,
    section_5_two_neurons,
    section_6_hinted,
)
from flowrepro.papers.lyu2021.beyond import escape, small_starts
from flowrepro.papers.paper import Contents

LEGACY = contents_of(PAPER)

# Part B: the theorems, and what starts and slopes do beyond them.
THEOREMS = (
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
    escape.topic,
    small_starts.topic,
)

CONTENTS = Contents(PAPER, topics=(*LEGACY.topics, *THEOREMS), misprints=LEGACY.misprints)
