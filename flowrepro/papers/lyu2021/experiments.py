"""Cases that the modules below still declare by name."""

from __future__ import annotations

from flowrepro.core.config import StudyCase
from flowrepro.papers.lyu2021.beyond_experiments import BEYOND_CASES
from flowrepro.papers.lyu2021.theory_experiments import THEORY_CASES

CASES: tuple[StudyCase, ...] = (*THEORY_CASES, *BEYOND_CASES)
