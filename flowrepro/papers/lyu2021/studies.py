"""What the cases of lyu2021 compute, by name."""

from __future__ import annotations

from flowrepro.papers.lyu2021.beyond_studies import STUDIES as BEYOND_STUDIES
from flowrepro.papers.lyu2021.classifiers import study_classifiers
from flowrepro.papers.lyu2021.convergence import study_convergence
from flowrepro.papers.lyu2021.edges import study_edges
from flowrepro.papers.lyu2021.examples import study_left_slopes
from flowrepro.papers.lyu2021.table import study_table
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "classifiers": study_classifiers,
    "left-slopes": study_left_slopes,
    "edges": study_edges,
    "table": study_table,
    "convergence": study_convergence,
    **BEYOND_STUDIES,
}
