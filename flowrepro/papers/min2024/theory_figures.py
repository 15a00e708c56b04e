"""Theorem 1 of min2024 at a scale it allows, and its times on random sets in the limit eps -> 0 (beyond the paper)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.min2024.beyond.basins import BASINS
from flowrepro.papers.min2024.constants import alignment_bound, approximation_time
from flowrepro.papers.min2024.theory_cases import LOG_SCALE
from flowrepro.papers.min2024.theory_states import (
    assumption_1,
    deaths,
    fit_times,
    points_of,
    read_states,
    read_stays,
    start_of,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes


class LogScale(NamedTuple):
    """t (T,), ln_w (T, m), sign (m,) with 0 for neurons that die, loss (T,); t1, its bound, T of Lemma 1 and t2+- (2,)."""

    t: np.ndarray
    ln_w: np.ndarray
    sign: np.ndarray
    loss: np.ndarray
    t1: float
    bound: float
    approximation: float
    t2: np.ndarray


def collect_log_scale(findings: Study) -> LogScale:
    """NotDrawable where Assumption 1 fails, as the theorem's times are then not defined."""
    if reason := assumption_1(findings):
        raise NotDrawable(f"the times of Theorem 1 are not defined: {reason}")
    points, start, states = points_of(findings), start_of(findings), read_states(findings)
    sign = np.where(np.isinf(deaths(findings)), states.sign, 0.0)
    times = (
        read_stays(findings).t1,
        alignment_bound(points, start),
        approximation_time(points, start),
    )
    return LogScale(states.t, states.ln_w, sign, states.loss, *times, fit_times(findings, states))


def draw_log_scale(axes: Sequence[Axes], data: LogScale) -> None:
    """Above: ln ||w_j|| of all neurons; below: the loss. Times of the theorem as vertical lines."""
    norms, loss = axes
    for kind, colour, label in (
        (0.0, style.DEAD, "dies"),
        (1.0, style.POSITIVE, "$a_j > 0$"),
        (-1.0, style.NEGATIVE, "$a_j < 0$"),
    ):
        lines = norms.plot(data.t, data.ln_w[:, data.sign == kind], color=colour, linewidth=0.7)
        if lines:
            lines[0].set_label(label)
    norms.set(ylabel=r"$\ln \|w_j\|$")
    norms.legend(loc="lower right")
    norms.tick_params(labelbottom=False)
    loss.plot(data.t, data.loss, color=style.LEARNED)
    loss.set(
        xlabel="flow time (sum)", ylabel=r"$\mathcal{L}$", ylim=(0, 1.25 * float(data.loss.max()))
    )
    marks = [(data.approximation, "$T$"), (data.t2[0], "$t_2^+$"), (data.t2[1], "$t_2^-$")]
    for ax in axes:
        ax.set_xlim(-0.01 * data.t[-1], 1.01 * data.t[-1])
        for t, label in marks:
            if 0 <= t <= data.t[-1]:
                ax.axvline(t, color=style.THEORY, linestyle=":", linewidth=1)
                if ax is loss:
                    inner = t < 0.9 * data.t[-1]
                    ax.annotate(
                        label,
                        (t, 1.13 * float(data.loss.max())),
                        xytext=(2 if inner else -2, 0),
                        textcoords="offset points",
                        ha="left" if inner else "right",
                        color=style.THEORY,
                    )
    norms.set_title(
        f"$t_1$ = {data.t1:.3g}, bound {data.bound:.4g}, $T$ = {data.approximation:.4g}"
    )


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
        id="beyond-log-scale",
        file="beyond-log-scale",
        cases=(LOG_SCALE.name,),
        caption="Six points from eps = e^-188812, which Theorem 1 allows: norms of the neurons, loss, and the times of the theorem",
        layout=(2, 1, style.COLUMN, 3.4),
        collect=collect_log_scale,
        draw=draw_log_scale,
        tolerance=(1e-4, 1e-6),
    ),
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
