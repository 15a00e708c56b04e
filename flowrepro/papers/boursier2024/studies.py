"""What the study cases of boursier2024 compute."""

from __future__ import annotations

from flowrepro.papers.boursier2024.analysis import analyse
from flowrepro.papers.boursier2024.basin import measure_basin
from flowrepro.papers.boursier2024.box_study import sample_boxes
from flowrepro.papers.boursier2024.critical_scale import map_scales
from flowrepro.papers.boursier2024.eight_piece_sets import draw_sets
from flowrepro.papers.boursier2024.infinite_width import compare_widths
from flowrepro.papers.boursier2024.label_signs import train_on_signs
from flowrepro.papers.boursier2024.leaky_slopes import sweep_slopes
from flowrepro.papers.boursier2024.limit_point import find_limit
from flowrepro.papers.boursier2024.omnidirectionality import count_by_cone
from flowrepro.papers.boursier2024.saddle_view import watch_escapes
from flowrepro.papers.boursier2024.scaling_laws import scale_phases
from flowrepro.papers.boursier2024.unbalanced_width import count_departures
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "analysis": analyse,
    "boxes": sample_boxes,
    "limit-point": find_limit,
    "scaling": scale_phases,
    "critical-scale": map_scales,
    "basin": measure_basin,
    "unbalanced-width": count_departures,
    "infinite-width": compare_widths,
    "leaky-slopes": sweep_slopes,
    "omnidirectionality": count_by_cone,
    "eight-piece-sets": draw_sets,
    "saddle-view": watch_escapes,
    "label-signs": train_on_signs,
}
"""Key of a study case's ``computes`` -> function."""
