"""The bounds of lee2022 over many draws, as a table (beyond the paper, which has none)."""

from __future__ import annotations

from flowrepro.figures.tables import Table
from flowrepro.papers.lee2022.many_seeds import bound_lines

TABLES = (
    Table(
        id="many-seeds",
        file="bounds-over-seeds",
        case="many-seeds",
        caption="How often samples keep the bounds of the norm and the angle, and how far they are from the population; excess in units of v* / sqrt(n).",
        header=(
            "run",
            "n/d",
            "norm within",
            "excess, median",
            "excess, 95 %",
            "angle within",
            "norm, rms / v*",
            "angle, rms / rad",
        ),
        lines=bound_lines,
    ),
)
