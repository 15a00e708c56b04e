"""What the cases of ``beyond_experiments.py`` compute, by name."""

from __future__ import annotations

from flowrepro.papers.lyu2021.escape_flows import escape
from flowrepro.papers.lyu2021.small_starts_flows import fading, hint_crossover, small_enough
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "escape": escape,
    "small-enough": small_enough,
    "fading": fading,
    "hint-crossover": hint_crossover,
}
