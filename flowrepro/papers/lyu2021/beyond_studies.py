"""What the cases of ``beyond_experiments.py`` compute, by name."""

from __future__ import annotations

from flowrepro.papers.lyu2021.table_flows import early_stopping, table_optimum
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "early-stopping": early_stopping,
    "table-optimum": table_optimum,
}
