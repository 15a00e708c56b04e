"""What the cases of ``theory_experiments.py`` compute, by name."""

from __future__ import annotations

from flowrepro.papers.lyu2021.aligned_flows import aligned_growth
from flowrepro.papers.lyu2021.coin_flips import coin_flips
from flowrepro.papers.lyu2021.early_flows import early_phases
from flowrepro.papers.lyu2021.late_flows import late_flows
from flowrepro.papers.lyu2021.pairs import local_maximum, two_neurons
from flowrepro.papers.lyu2021.random_points import inequalities
from flowrepro.papers.lyu2021.static_analysis import assumptions
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "late-flows": late_flows,
    "early-phases": early_phases,
    "aligned-growth": aligned_growth,
    "coin-flips": coin_flips,
    "two-neurons": two_neurons,
    "local-maximum": local_maximum,
    "inequalities": inequalities,
    "assumptions": assumptions,
}
