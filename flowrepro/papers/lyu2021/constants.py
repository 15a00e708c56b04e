"""Beyond the paper: the constants of the convergence laws over many symmetric sets, against the angle between mean and separator."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021.late_records import ref
from flowrepro.papers.lyu2021.section_4_symmetric import DISTANCE, GAP

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CASES = ("convergence-constants",)
EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| up to which the laws hold."""
FAR = 1e4


def constants(f: Study) -> tuple[np.ndarray, np.ndarray]:
    """(K1, K2) (S,): gap * q and distance * sqrt(q) at the last margin; nan where the signs are uneven or the margin below FAR."""
    arrays = f.arrays
    settled = (arrays["uneven"][:, -1] <= EVEN) & (arrays["q"][:, -1] >= FAR)
    K1, K2 = (
        arrays["gap"][:, -1] * arrays["q"][:, -1],
        arrays["distance"][:, -1] * np.sqrt(arrays["q"][:, -1]),
    )
    return np.where(settled, K1, np.nan), np.where(settled, K2, np.nan)


@statement(
    "convergence-constants",
    ref("Theorem 4.3 (constants measured)"),
    "theory",
    CASES,
    "On symmetric sets the margin gap is K1/q and the distance of functions at most K2/sqrt(q), with constants of order 1.",
)
def check_constants(f: Study) -> Sequence[Judgement]:
    """Largest constants over the sets whose two signs are even; both are numbers of the set, not of the draw."""
    K1, K2 = (values[np.isfinite(values)] for values in constants(f))
    require(None if K1.size else "no set has even signs at a margin of 1e4 or more")
    return [
        upper("largest K1", float(K1.max()), GAP),
        upper("largest K2", float(K2.max()), DISTANCE),
        number("median K1", float(np.median(K1))),
        number("median K2", float(np.median(K2))),
        number("sets", K1.size),
    ]


class Constants(NamedTuple):
    """angle in degrees, K1, K2, dimension (S,)."""

    angle: np.ndarray
    K1: np.ndarray
    K2: np.ndarray
    dimension: np.ndarray


def collect(f: Study) -> Constants:
    """The constants of every set."""
    return Constants(f.arrays["angle"], *constants(f), f.arrays["dimension"])


def draw(axes: Sequence[Axes], data: Constants) -> None:
    """Two scatter plots, one mark per dimension."""
    for ax, values, label in zip(
        axes,
        (data.K1, data.K2),
        ("$K_1$ = margin gap · $q$", r"$K_2$ = distance · $\sqrt{q}$"),
        strict=True,
    ):
        for marker, d in zip("osD^", np.unique(data.dimension), strict=False):
            chosen = data.dimension == d
            ax.plot(
                data.angle[chosen],
                values[chosen],
                marker,
                color=style.LEARNED,
                markerfacecolor="none",
                markersize=4,
                label=f"$d={d}$",
            )
        ax.set_xlabel(r"angle between $\mu$ and $w^*$ (degrees)")
        ax.set_title(label)
        ax.set_ylim(bottom=0)
    legend_below(axes)


CLAIMS: tuple[Claim, ...] = (check_constants,)
FIGURES = (
    Figure(
        id="beyond-constants",
        file="beyond-convergence-constants",
        cases=CASES,
        caption="Constants of the convergence laws on random symmetric sets, against the angle between the mean direction and the separator.",
        layout=(1, 2, style.PAGE, 2.6),
        collect=collect,
        draw=draw,
        tolerance=(5e-2, 1e-6),
    ),
)
