"""Beyond the paper: how small "sufficiently small" is, how the slower sign fades with the scale, and when hints take over."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, number, require, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.assumptions import aligned_means, one_sign_grows_faster
from flowrepro.papers.lyu2021.late_records import alpha, labelled, leaky, ref, separable

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SCALES, FADING, CROSSOVER = (
    ("small-enough",),
    ("fading-middle", "fading-right"),
    ("hint-crossover",),
)
TINY = 1e-9
"""Scale at which every draw is to pass the cone test (measured: from 1e-6 on)."""


def pass_rates(f: Study) -> np.ndarray:
    """Part of the draws whose neurons all pass the cone test, (M, A); draws that never get to L = ln 2 / n do not pass."""
    return np.asarray(np.mean(f.arrays["stray"] == 0, axis=2))


@statement(
    "small-enough",
    ref("beyond: Lemma G.4, how small sigma_max is"),
    "theory",
    SCALES,
    "At small scales every draw passes the cone test; wider networks need smaller scales.",
    given=(labelled, leaky, separable, aligned_means),
)
def check_small_enough(f: Study) -> Sequence[Judgement]:
    """Pass rate at the smallest scale; the largest scale from which on all draws pass, by width."""
    scale, rates = f.arrays["scale"], pass_rates(f)
    require(
        None
        if scale.min() <= TINY
        else f"the smallest scale is {scale.min():g}; the check takes {TINY:g} or less"
    )
    order = np.argsort(-scale)
    thresholds = []
    for m, case in zip(f.arrays["width"], rates[:, order], strict=True):
        failing = np.flatnonzero(case < 1.0)
        first = 0 if not failing.size else int(failing[-1]) + 1
        thresholds.append(
            number(
                f"m = {m}: log10 of the scale from which all pass",
                np.log10(scale[order][first]) if first < len(scale) else -np.inf,
            )
        )
    return [
        upper(
            "largest part of the draws that fail at the smallest scale",
            float(1 - rates[:, order[-1]].min()),
            0.0,
        ),
        *thresholds,
    ]


@statement(
    "fading-sign",
    ref("Lemma G.5, item 2"),
    "theory",
    FADING,
    "Neurons of negative output are smaller by the factor sigma^kappa, kappa = 1 - ||mu^-|| / ||mu^+||.",
    given=(labelled, leaky, separable, aligned_means, one_sign_grows_faster),
)
def check_fading(f: Study) -> Sequence[Judgement]:
    """Slope of ln(|a_-| / |a_+|) against ln sigma for scales of 1e-6 and less, relative to kappa."""
    kappa, slopes = geometry.lag(f.X, f.y, alpha(f)), fading_slopes(f)
    if not slopes.size:
        raise NotApplicable("no draw has neurons of both signs at three scales of 1e-6 or less")
    return [
        window("least slope / kappa", float(slopes.min() / kappa), 0.98, 1.02),
        window("largest slope / kappa", float(slopes.max() / kappa), 0.98, 1.02),
        number("kappa", kappa),
    ]


def fading_slopes(f: Study) -> np.ndarray:
    """Fitted exponents of the draws with both signs, (S',)."""
    small = f.arrays["scale"] <= 1e-6
    if small.sum() < 3:
        return np.empty(0)
    ratios = f.arrays["ratio"][:, small]
    ratios = ratios[np.all(np.isfinite(ratios), axis=1)]
    return (
        np.asarray(np.polyfit(np.log(f.arrays["scale"][small]), np.log(ratios.T), 1)[0])
        if len(ratios)
        else np.empty(0)
    )


@statement(
    "hint-takes-over",
    ref("beyond: Theorem 6.2"),
    "theory",
    CROSSOVER,
    "Where Assumptions A.2 and A.3 hold, draws with a positive output weight end at the one-neuron margin gamma+/2, the largest only for small K.",
)
def check_takes_over(f: Study) -> Sequence[Judgement]:
    """Part of the flows at K with both slacks positive whose margin is within 2 % of gamma+/2, or of the other sign's gamma-/2 (no positive draw)."""
    arrays = f.arrays
    holds = (arrays["slack"] > 0) & (
        arrays["kappa"] > 0.1
    )  # the slower sign fades as scale^kappa, which must be small
    require(
        None
        if holds.any()
        else "Assumptions A.2 and A.3 (with kappa > 0.1) hold at no K of the case"
    )
    gamma = arrays["gamma"][holds]
    near = np.abs(gamma / arrays["one_plus"][holds, None] - 1) < 0.02
    near |= np.abs(gamma / arrays["one_minus"][holds, None] - 1) < 0.02
    return [
        upper("part of the flows that end elsewhere", float(1 - np.mean(near)), 0.0),
        upper(
            "gamma+/2 relative to the largest margin, at most",
            float(np.max(arrays["one_plus"][holds] / arrays["largest"][holds])),
            1 + 1e-7,
        ),
        number(
            "the same at the largest such K",
            float((arrays["one_plus"] / arrays["largest"])[holds][-1]),
        ),
        number("the largest such K", float(arrays["K"][holds].max())),
    ]


class Rates(NamedTuple):
    """scale (A,), width (M,), rate (M, A): part of the draws that pass."""

    scale: np.ndarray
    width: np.ndarray
    rate: np.ndarray


def collect_rates(f: Study) -> Rates:
    """Pass rates of the cone test."""
    return Rates(f.arrays["scale"], f.arrays["width"], pass_rates(f))


DASHES = ("-", (0, (5, 1.5)), (0, (1.5, 1)), (0, (6, 1.5, 1, 1.5)))


def draw_rates(axes: Sequence[Axes], data: Rates) -> None:
    """One curve per width."""
    (ax,) = axes
    for k, (m, rate) in enumerate(zip(data.width, data.rate, strict=True)):
        ax.semilogx(
            data.scale,
            rate,
            marker="osD^"[k % 4],
            markersize=3.5,
            color=style.LEARNED,
            linestyle=DASHES[k % 4],
            label=f"$m={m}$",
        )
    ax.set_xlabel(r"scale $\sigma$ of the start")
    ax.set_ylabel("draws that pass the cone test")
    ax.set_ylim(-0.03, 1.05)
    legend_below(axes)


class Fading(NamedTuple):
    """Per panel scale (A,), ratio (S, A), kappa."""

    scale: tuple[np.ndarray, ...]
    ratio: tuple[np.ndarray, ...]
    kappa: tuple[float, ...]


def collect_fading(*cases: Study) -> Fading:
    """Ratios and exponents of both cases."""
    return Fading(
        tuple(f.arrays["scale"] for f in cases),
        tuple(f.arrays["ratio"] for f in cases),
        tuple(geometry.lag(f.X, f.y, alpha(f)) for f in cases),
    )


def draw_fading(axes: Sequence[Axes], data: Fading) -> None:
    """Ratios against the scale, with sigma^kappa through the median at the smallest scale."""
    for ax, scale, ratio, kappa, name in zip(
        axes,
        data.scale,
        data.ratio,
        data.kappa,
        ("(a) Figure 1 middle", "(b) Figure 1 right"),
        strict=True,
    ):
        kept = ratio[np.all(np.isfinite(ratio), axis=1)]
        for index, line in enumerate(kept):
            ax.loglog(
                scale,
                line,
                "o",
                markersize=2.5,
                color=style.NEGATIVE,
                label="flows" if index == 0 else None,
            )
        last = int(np.argmin(scale))
        ax.loglog(
            scale,
            np.median(kept[:, last]) * (scale / scale[last]) ** kappa,
            color=style.THEORY,
            label=r"$\sigma^\kappa$",
        )
        ax.set_title(rf"{name}, $\kappa={kappa:.4f}$")
        ax.set_xlabel(r"scale $\sigma$")
    axes[0].set_ylabel(r"$\|a_-\|/\|a_+\|$")
    legend_below(axes)


class Crossover(NamedTuple):
    """K (A,); margins over the largest: one, other, linear (A,); flows (A, S); applies (A,), whether A.2 and A.3 hold."""

    K: np.ndarray
    one: np.ndarray
    other: np.ndarray
    linear: np.ndarray
    flows: np.ndarray
    applies: np.ndarray


def collect_crossover(f: Study) -> Crossover:
    """Margins relative to the largest."""
    arrays, top = f.arrays, f.arrays["largest"]
    one, other, linear = (arrays[name] / top for name in ("one_plus", "one_minus", "linear"))
    return Crossover(
        arrays["K"],
        one,
        other,
        linear,
        arrays["gamma"] / top[:, None],
        (arrays["slack"] > 0) & (arrays["kappa"] > 0),
    )


def draw_crossover(axes: Sequence[Axes], data: Crossover) -> None:
    """Margins of flows and of the candidates against K; the range where the assumptions hold is shaded."""
    (ax,) = axes
    ax.semilogx(data.K, data.one, color=style.THEORY, label=r"one neuron, $\gamma^+/2$")
    ax.semilogx(
        data.K, data.other, ":", color=style.THEORY, label=r"one negative neuron, $\gamma^-/2$"
    )
    ax.semilogx(
        data.K, data.linear, "--", color=style.THEORY, label=r"linear pair, $(1+\alpha)\gamma^*/4$"
    )
    for s, line in enumerate(data.flows.T):
        ax.semilogx(
            data.K,
            line,
            "o",
            markersize=2.5,
            color=style.LEARNED,
            alpha=0.7,
            label="flows" if s == 0 else None,
        )
    for left, right in _runs(data.applies):
        ax.axvspan(
            data.K[left],
            data.K[right],
            color=style.FRAME,
            alpha=0.15,
            linewidth=0,
            label="Assumptions A.2, A.3 hold" if left == np.argmax(data.applies) else None,
        )
    ax.set_xlabel("distance $K$ of the side hints")
    ax.set_ylabel(r"margin / $\gamma_{\max}$")
    ax.set_ylim(0, 1.05)
    legend_below(axes, columns=1)


def _runs(flags: np.ndarray) -> list[tuple[int, int]]:
    """(First, last) index of each stretch of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    return [(int(a), int(b) - 1) for a, b in zip(edges[::2], edges[1::2], strict=True)]


CLAIMS: tuple[Claim, ...] = (check_small_enough, check_fading, check_takes_over)
FIGURES = (
    Figure(
        id="beyond-small-enough",
        file="beyond-small-enough",
        cases=SCALES,
        caption="How small a start must be: part of the draws whose neurons all enter the cone of Lemma G.4 before the loss falls, by width.",
        layout=(1, 1, style.COLUMN, 2.5),
        collect=collect_rates,
        draw=draw_rates,
    ),
    Figure(
        id="beyond-fading",
        file="beyond-fading-sign",
        cases=FADING,
        caption="Neurons of negative output fade as the scale of the start to the power kappa (Lemma G.5), down to scales of 1e-100.",
        layout=(1, 2, style.PAGE, 2.5),
        collect=collect_fading,
        draw=draw_fading,
    ),
    Figure(
        id="beyond-hints",
        file="beyond-hint-crossover",
        cases=CROSSOVER,
        caption="Hinted points whose side hints move apart: normalised margin of the flows, of one neuron and of the linear pair, over the largest margin.",
        layout=(1, 1, style.COLUMN, 3.4),
        collect=collect_crossover,
        draw=draw_crossover,
    ),
)
