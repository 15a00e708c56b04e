"""Theorem 1 of min2024 at a scale it allows, and its times on random sets in the limit eps -> 0 (beyond the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.min2024.theory_cases import BASINS

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class RandomSets(NamedTuple):
    """t1 and its bound, longest stay and longest path over their bounds, of random sets (S,)."""

    t1: np.ndarray
    bound: np.ndarray
    stay: np.ndarray
    path: np.ndarray


def collect_random_sets(findings: Study) -> RandomSets:
    """The study's arrays; NotDrawable without a set."""
    if "t1" not in findings.arrays:
        raise NotDrawable("no random set was drawn; raise options.sets")
    return RandomSets(*(findings.arrays[name] for name in ("t1", "t1_bound", "stay", "path")))


def draw_random_sets(axes: Sequence[Axes], data: RandomSets) -> None:
    """Left: t1 against its bound; right: how far single patterns and whole paths stay below theirs."""
    left, right = axes
    left.loglog(data.bound, data.t1, "o", color=style.POSITIVE, markersize=3, label="random sets")
    ends = np.array([data.bound.min(), data.bound.max()])
    left.plot(ends, ends, color=style.THEORY, linestyle="--", linewidth=1, label="bound")
    left.set(
        xlabel=r"$16 \log n / (M \sqrt{\mu} X_{\min})$",
        ylabel="$t_1$",
        title="time to align",
        ylim=(None, 5 * float(ends[1])),
    )
    left.legend(loc="upper left")
    bins = np.geomspace(1e-8, 1.0, 33)
    right.hist(
        [np.maximum(data.stay, bins[0]), np.maximum(data.path, bins[0])],
        bins=bins.tolist(),
        color=[style.POSITIVE, style.NEGATIVE],
        label=["one pattern", "a whole path"],
    )
    right.set(
        xscale="log",
        xlabel="longest time over its bound",
        ylabel="sets",
        title="slack of the bounds",
    )
    right.legend(loc="upper left")


FIGURES = (
    Figure(
        id="beyond-alignment",
        file="beyond-exact-alignment",
        cases=(BASINS.name,),
        caption="Exact alignment for eps -> 0 on random sets: time to align against the bound of Theorem 1, and the slack of the bounds of its proof",
        layout=(1, 2, style.PAGE, 2.4),
        collect=collect_random_sets,
        draw=draw_random_sets,
    ),
)
