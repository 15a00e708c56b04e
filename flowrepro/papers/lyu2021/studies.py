"""What the cases of ``experiments.py`` compute, by name."""

from __future__ import annotations

from flowrepro.papers.lyu2021.beyond_studies import STUDIES as BEYOND_STUDIES
from flowrepro.papers.lyu2021.theory_studies import STUDIES as THEORY_STUDIES
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {**THEORY_STUDIES, **BEYOND_STUDIES}
