"""How far Theorem 1's times stay below their bounds on random sets (beyond min2024).

The alignment is exact, in the limit eps -> 0 where the theorem holds at every scale. The case is
that of the basins of attraction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Bars, Line, Panel, Points
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.beyond.basins import BASINS
from flowrepro.papers.topic import Topic

BINS = np.geomspace(1e-8, 1.0, 33)
"""Of a time over its bound."""

topic = Topic(PAPER, "Theorem 1 on random sets", command="toy2d")


@topic.figure(
    "beyond-alignment",
    "Exact alignment for eps -> 0 on random sets: time to align against the bound of Theorem 1, "
    "and the slack of the bounds of its proof.",
    on=(BASINS,),
    layout=(1, 2, style.PAGE, 2.4),
    file="beyond-exact-alignment",
)
def random_sets(result: Study) -> Iterator[Panel]:
    """t1 against its bound; how far single patterns and whole paths stay below theirs."""
    if "t1" not in result.arrays:
        raise NotDrawable("no random set was drawn; raise options.sets")
    t1, bound = result.arrays["t1"], result.arrays["t1_bound"]
    ends = np.array([bound.min(), bound.max()])
    sets = Points(bound, t1, colour=style.POSITIVE, size=3, label="random sets")
    line = Line(ends, ends, colour=style.THEORY, dash="--", width=1.0, label="bound")
    yield Panel(
        [sets, line],
        title="time to align",
        scale="log-log",
        ylim=(None, 5 * float(ends[1])),
        xlabel=r"$16 \log n / (M \sqrt{\mu} X_{\min})$",
        ylabel="$t_1$",
        legend="upper left",
    )
    kinds = (
        ("stay", style.POSITIVE, "one pattern", 0.3),
        ("path", style.NEGATIVE, "a whole path", 0.7),
    )
    bars = []
    for name, colour, label, place in kinds:
        counts, _ = np.histogram(np.maximum(result.arrays[name], BINS[0]), BINS)
        cells = np.diff(BINS)
        bars.append(Bars(BINS[:-1] + place * cells, counts, width=0.4 * cells, colour=colour,
                         label=label))  # fmt: skip
    yield Panel(
        bars,
        title="slack of the bounds",
        scale="log-linear",
        xlabel="longest time over its bound",
        ylabel="sets",
        legend="upper left",
    )
