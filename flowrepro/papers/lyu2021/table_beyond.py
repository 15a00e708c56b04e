"""Beyond the paper: what mirror images, early stopping and the largest margin have to do with Table 1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, number, require, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021.late_records import ref

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ALONG, OPTIMUM = ("early-stopping",), ("table-optimum",)
EARLY = 30.0
"""Margin up to which training counts as early."""
LATE = 100.0
"""Margin from which the directions are near their limit."""


@statement(
    "mirror-images-linearise",
    ref("beyond: Table 1 and Theorem 4.3"),
    "reproduction",
    ALONG,
    "With the mirror images added, the data are symmetric and the net classifies like the linear separator; as drawn it keeps departing.",
)
def check_mirrored(f: Study) -> Sequence[Judgement]:
    """Mean agreement on the test points at the last margin, with mirror images and as drawn."""
    require(
        None
        if f.arrays["q"][-1] >= LATE
        else f"the last margin is {f.arrays['q'][-1]:g}; the check takes {LATE:g} or more"
    )
    agreement = f.arrays["agreement"][..., -1].mean(axis=2)  # (N, 2)
    return [
        lower("least mean agreement with mirror images", float(agreement[:, 1].min()), 0.98),
        upper(
            "largest mean agreement as drawn, relative to it",
            float(np.max(agreement[:, 0] / agreement[:, 1])),
            1.0,
        ),
    ]


@statement(
    "early-stopping-beats-svm",
    ref("beyond: Table 1"),
    "reproduction",
    ALONG,
    "Stopped early, at a margin of 30 or less, the net has a smaller test error than the linear separator on the larger sets.",
)
def check_early(f: Study) -> Sequence[Judgement]:
    """Mean over the seeds of the error at the best early margin, for sets of 100 points or more."""
    large, early = f.arrays["size"] >= 100, f.arrays["q"] <= EARLY
    require(
        None
        if large.any() and early.any()
        else "the case has no set of 100 points or no margin of 30 or less"
    )
    net, svm = (
        f.arrays["net"][large, 0][..., early].mean(axis=1).min(axis=-1),
        f.arrays["svm"][large, 0].mean(axis=1),
    )
    return [
        upper("largest mean error, relative to the separator's", float(np.max(net / svm)), 0.9),
        number("the separator's mean error", float(svm[-1])),
    ]


@statement(
    "table-margins",
    ref("beyond: Table 1, global optimality"),
    "theory",
    OPTIMUM,
    "On the sets of Table 1, which are not symmetric, trained nets beat the linear pair's margin and come within a few percent of the best margin found.",
)
def check_margins(f: Study) -> Sequence[Judgement]:
    """Order of the margins; the trained one over the improved one at the last margin; the upper bound is far, so optimality stays open."""
    arrays = f.arrays
    last = arrays["trained"][..., -1]
    require(
        None
        if arrays["q"][-1] >= LATE
        else f"the last margin is {arrays['q'][-1]:g}; the check takes {LATE:g} or more"
    )
    return [
        upper("largest linear pair / trained", float(np.max(arrays["linear"] / last)), 1.0),
        upper("largest trained / best found", float(np.max(last / arrays["improved"])), 1 + 1e-9),
        upper(
            "largest best found / upper bound",
            float(np.max(arrays["improved"] / arrays["bound"])),
            1.0,
        ),
        lower("least trained / best found", float(np.min(last / arrays["improved"])), 0.95),
        number("least trained / linear pair", float(np.min(last / arrays["linear"]))),
    ]


class Along(NamedTuple):
    """size; q (L,); net (2, S, L) and svm (S,) errors in percent at the largest size, as drawn and mirrored."""

    size: int
    q: np.ndarray
    net: np.ndarray
    svm: np.ndarray


def collect_along(f: Study) -> Along:
    """Errors of the largest set."""
    k = int(np.argmax(f.arrays["size"]))
    return Along(
        int(f.arrays["size"][k]),
        f.arrays["q"],
        100 * f.arrays["net"][k],
        100 * f.arrays["svm"][k, 0],
    )


def draw_along(axes: Sequence[Axes], data: Along) -> None:
    """Mean and standard error over the seeds against the margin."""
    (ax,) = axes
    for errors, colour, marker, label in zip(
        data.net,
        (style.LEARNED, style.POSITIVE),
        "os",
        ("net, sets as drawn", "net, with mirror images"),
        strict=True,
    ):
        bar = errors.std(axis=0) / np.sqrt(len(errors))
        ax.errorbar(
            data.q,
            errors.mean(axis=0),
            yerr=bar,
            color=colour,
            marker=marker,
            markersize=3,
            capsize=2,
            label=label,
        )
    ax.axhline(data.svm.mean(), color=style.THEORY, linestyle="--", label="max-margin separator")
    ax.set_xscale("log")
    ax.set_xlabel(r"margin $\min_i q_i$ at which training stops")
    ax.set_ylabel(f"test error in %, $n={data.size}$")
    legend_below(axes, columns=1)


class Margins(NamedTuple):
    """size (K,) of each set; linear, trained, bound (K,) margins over the best found."""

    size: np.ndarray
    linear: np.ndarray
    trained: np.ndarray
    bound: np.ndarray


def collect_margins(f: Study) -> Margins:
    """One entry per set, the last margin of the training."""
    best = f.arrays["improved"]
    sizes = np.repeat(f.arrays["size"][:, None], best.shape[1], axis=1)
    return Margins(
        sizes.ravel(),
        (f.arrays["linear"] / best).ravel(),
        (f.arrays["trained"][..., -1] / best).ravel(),
        (f.arrays["bound"] / best).ravel(),
    )


def draw_margins(axes: Sequence[Axes], data: Margins) -> None:
    """Three marks per set."""
    (ax,) = axes
    place = np.arange(len(data.size))
    ax.plot(place, data.bound, "v", color=style.FRAME, markersize=4, label="upper bound")
    ax.axhline(1.0, color=style.FRAME, linewidth=0.7)
    ax.plot(place, data.trained, "o", color=style.LEARNED, markersize=4, label="trained net")
    ax.plot(place, data.linear, "D", color=style.THEORY, markersize=3.5, label="linear pair")
    ax.set_xticks(place, [f"{n}" for n in data.size])
    ax.set_xlabel("points $n$, one mark per set")
    ax.set_ylabel("margin / best margin found")
    legend_below(axes)


CLAIMS: tuple[Claim, ...] = (check_mirrored, check_early, check_margins)
FIGURES = (
    Figure(
        id="beyond-early-stopping",
        file="beyond-early-stopping",
        cases=ALONG,
        caption="Table 1 along the training: test error against the margin at which training stops, with and without mirror images of the points.",
        layout=(1, 1, style.COLUMN, 3.0),
        collect=collect_along,
        draw=draw_along,
        tolerance=(0.05, 0.2),
    ),
    Figure(
        id="beyond-table-optimum",
        file="beyond-table-optimum",
        cases=OPTIMUM,
        caption="Sets of Table 1: margin of the trained net and of the linear pair over the best margin found by column generation, and an upper bound.",
        layout=(1, 1, style.COLUMN, 2.6),
        collect=collect_margins,
        draw=draw_margins,
        tolerance=(0.01, 1e-6),
    ),
)
