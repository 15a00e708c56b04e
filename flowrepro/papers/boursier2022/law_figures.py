"""Figures beyond boursier2022: escape times, distances to theta_S and theta*, draws without Assumption 3, where the lemmas hold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.boursier2022.closest_approach import predicted_exponent
from flowrepro.papers.boursier2022.phase_lemmas import LEMMAS, traces
from flowrepro.papers.boursier2022.scaling_laws import (
    RESOLVED,
    EscapeTimes,
    LimitDistance,
    escape_times,
    exponent,
    limit_distance,
)
from flowrepro.papers.boursier2022.sign_classes import assumption_3_probability

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = ("two points", "four points")


def collect_escape(two: Study, four: Study) -> tuple[EscapeTimes, EscapeTimes]:
    """Half-times of both studies."""
    found = escape_times(two), escape_times(four)
    if not all(len(times.p) for times in found):
        raise NotDrawable(
            "at none of these scales are neurons that miss a label negligible; add a smaller one to options.p"
        )
    return found


def draw_escape(axes: Sequence[Axes], data: tuple[EscapeTimes, EscapeTimes]) -> None:
    """One panel per data set: half-times against ln(1/lambda), the closed form of the first draw as lines."""
    for ax, name, times in zip(axes, NAMES, data, strict=True):
        line = np.geomspace(times.ll.min(), times.ll.max(), 50)
        for k, (colour, marker, label) in enumerate(
            (
                (style.POSITIVE, "o", "$T_1$ (0 left)"),
                (style.NEGATIVE, "s", r"$T_2$ ($\theta_S$ left)"),
            )
        ):
            ax.loglog(
                times.ll,
                times.measured[:, k],
                marker,
                color=colour,
                markersize=3.5,
                label=f"{label}, flow",
            )
            shift = times.predicted[0, k] - times.ll[0] / times.rates[k]
            ax.loglog(
                line,
                line / times.rates[k] + shift,
                "-",
                color=style.THEORY,
                linewidth=0.9,
                label="closed form from the initial draw",
                zorder=1,
            )
        ax.set_xlabel(r"$\ln(1/\lambda)$")
        ax.set_title(name)
        ax.spines["right"].set_visible(False)
    axes[0].set_ylabel("half-fit, flow time")
    legend_below(axes)


class Distances(NamedTuple):
    """The distances of both studies to theta*; of the closest-approach study r (R,), ll and nearest (R, D), exponents (R,)."""

    limits: tuple[LimitDistance, LimitDistance]
    r: np.ndarray
    ll: np.ndarray
    nearest: np.ndarray
    found: np.ndarray
    predicted: np.ndarray


def collect_distances(two: Study, four: Study, approach: Study) -> Distances:
    """How the distances to theta_S and theta* scale with lambda."""
    arrays = approach.arrays
    found = np.array(
        [exponent(ll, nearest) for ll, nearest in zip(arrays["ll"], arrays["nearest"], strict=True)]
    )
    return Distances(
        (limit_distance(two), limit_distance(four)),
        arrays["r"],
        arrays["ll"],
        arrays["nearest"],
        found,
        predicted_exponent(arrays["r"]),
    )


def draw_distances(axes: Sequence[Axes], data: Distances) -> None:
    """(a) the closest approach to theta_S for several ratios; (b) the distance of the limit to theta*."""
    left, right = axes
    for r, ll, nearest, q, marker in zip(
        data.r, data.ll, data.nearest, data.predicted, "osD^v<>" * len(data.r), strict=False
    ):
        left.semilogy(
            ll,
            nearest[0] * np.exp(-q * (ll - ll[0])),
            "-",
            color=style.THEORY,
            linewidth=0.9,
            zorder=1,
        )
        left.semilogy(
            ll, nearest, marker, color=style.LEARNED, markersize=4, label=f"$r={r:g}$, $q={q:.3g}$"
        )
    left.set_xlim(0.0, 1.1 * data.ll.max())
    left.legend(loc="upper right")
    left.set_xlabel(r"$\ln(1/\lambda)$")
    left.set_ylabel(r"$\min_t\|\theta_t-\theta_S\|$")
    left.set_title(r"(a) nearest to the saddle: $\lambda^q$")
    for limit, marker, name, colour in zip(
        data.limits, "os", NAMES, (style.LEARNED, style.DATA), strict=True
    ):
        right.semilogy(
            limit.ll, limit.distance, marker, color=colour, markersize=3.5, label=f"{name}, flow"
        )
        kept = (limit.distance > RESOLVED[0]) & (limit.distance < RESOLVED[1])
        if kept.any():
            ends = np.array([limit.ll[kept].min(), limit.ll[kept].max()])
            middle = np.exp(np.mean(np.log(limit.distance[kept]) + limit.exponent * limit.ll[kept]))
            right.semilogy(
                ends,
                middle * np.exp(-limit.exponent * ends),
                "-",
                color=style.THEORY,
                linewidth=0.9,
                zorder=1,
            )
            right.annotate(
                rf" $\gamma={limit.exponent:.3g}$",
                (ends.mean(), middle * np.exp(-limit.exponent * ends.mean())),
                fontsize=6.5,
            )
    right.set_xlim(0.0, 220.0)
    right.set_xlabel(r"$\ln(1/\lambda)$")
    right.set_ylabel(r"$\|\theta_\infty-\theta^*\|$")
    right.set_title(r"(b) limit against $\theta^*$; below $10^{-9}$ rounding")
    right.legend(loc="upper right")
    for ax in axes:
        ax.spines["right"].set_visible(False)


class Uncovered(NamedTuple):
    """widths (M,); shares (M,) of draws with Assumption 3 and their probability; per run m, ratio, plateaus, kind (R,): 2 Assumption 3, 1 covered, 0 not."""

    widths: np.ndarray
    share: np.ndarray
    probability: np.ndarray
    m: np.ndarray
    ratio: np.ndarray
    plateaus: np.ndarray
    kind: np.ndarray


def collect_uncovered(findings: Study) -> Uncovered:
    """Draws with and without Assumption 3."""
    arrays = findings.arrays
    widths = arrays["width"]
    counts = [int(np.sum(np.sign(findings.y) == sign)) for sign in (1, -1)]
    chance = np.array([assumption_3_probability(int(m), *counts) for m in widths])
    kind = np.where(arrays["complete"], 2, np.where(arrays["all_covered"], 1, 0))
    return Uncovered(
        widths, arrays["share"], chance, arrays["m"], arrays["ratio"], arrays["plateaus"], kind
    )


KINDS = (
    (2, style.LEARNED, "o", "Assumption 3"),
    (1, style.NEGATIVE, "s", "all labels covered"),
    (0, style.DEAD, "x", "a label uncovered"),
)


def draw_uncovered(axes: Sequence[Axes], data: Uncovered) -> None:
    """(a) norm of the limit, (b) plateaus of the loss, (c) how often Assumption 3 holds, against the width."""
    norms, steps, shares = axes
    place = np.searchsorted(data.widths, data.m)
    for kind, colour, marker, label in KINDS:
        chosen = np.flatnonzero(data.kind == kind)
        spread = 0.5 * ((np.arange(len(chosen)) * 0.618) % 1.0 - 0.5)
        norms.plot(
            place[chosen] + spread,
            data.ratio[chosen],
            marker,
            color=colour,
            markersize=3.5,
            label=label,
        )
        steps.plot(
            place[chosen] + spread, data.plateaus[chosen], marker, color=colour, markersize=3.5
        )
    norms.axhline(1.0, color=style.FRAME, linewidth=0.6)
    norms.set_ylabel(r"$\|\theta_\infty\|^2\,/\,$least")
    norms.set_title("(a) norm of the limit")
    steps.set_ylabel("plateaus of the loss")
    steps.set_yticks(range(int(data.plateaus.max()) + 2))
    steps.set_title("(b) plateaus")
    shares.plot(range(len(data.widths)), data.share, "o", color=style.LEARNED, markersize=4)
    shares.plot(
        range(len(data.widths)),
        data.probability,
        "--",
        color=style.THEORY,
        label="probability of Assumption 3",
    )
    shares.set_ylabel("share of draws")
    shares.set_ylim(0.0, 1.05)
    shares.set_title("(c) Assumption 3 holds")
    for ax in axes:
        ax.set_xticks(range(len(data.widths)), [str(m) for m in data.widths])
        ax.set_xlabel("width $m$")
        ax.spines["right"].set_visible(False)
    legend_below(axes)


class SignJumps(NamedTuple):
    """Per run, (R,): p; flow time at which the saddle is left by the flow and by descent (nan: not); active negative neurons at the start and at their ends."""

    p: np.ndarray
    left: tuple[np.ndarray, np.ndarray]
    start: np.ndarray
    negative: tuple[np.ndarray, np.ndarray]
    horizon: float


def collect_sign_jumps(findings: Study) -> SignJumps:
    """The flow against descent from several scales."""
    arrays = findings.arrays
    left, negative = (
        (arrays[f"{name}_flow"], arrays[f"{name}_descent"]) for name in ("left", "negative")
    )
    return SignJumps(
        arrays["p"], left, arrays["start"], negative, float(findings.case.options["horizon"])
    )


def draw_sign_jumps(axes: Sequence[Axes], data: SignJumps) -> None:
    """(a) when the saddle is left, (b) the active negative neurons that remain."""
    times, counts = axes
    scales = np.unique(data.p)
    place = np.searchsorted(scales, data.p) + 0.04 * (np.arange(len(data.p)) % 5 - 2)
    for k, (name, colour, marker) in enumerate(
        (("flow", style.LEARNED, "o"), ("gradient descent, step 0.001", style.NEGATIVE, "s"))
    ):
        stays, shift = np.isnan(data.left[k]), 0.12 * (2 * k - 1)
        times.plot(
            place[~stays] + shift,
            data.left[k][~stays],
            marker,
            color=colour,
            markersize=3.5,
            label=name,
        )
        times.plot(
            place[stays] + shift,
            np.full(stays.sum(), data.horizon),
            "x",
            color=colour,
            markersize=4,
            label=f"{name}: stays" if stays.any() else None,
        )
        counts.plot(place + shift, data.negative[k], marker, color=colour, markersize=3.5)
    counts.plot(place, data.start, "_", color=style.FRAME, markersize=6, label="at the start")
    times.set_ylabel("saddle left, flow time")
    times.set_title("(a) when the saddle is left")
    counts.set_ylabel("active neurons with $a_j<0$")
    counts.set_title("(b) negative neurons at the end")
    for ax in axes:
        ax.set_xticks(range(len(scales)), [f"$10^{{-{p:g}}}$" for p in scales])
        ax.set_xlabel("initial scale")
        ax.set_ylim(bottom=0.0)
        ax.spines["right"].set_visible(False)
    legend_below(axes)


class Validity(NamedTuple):
    """p (P,); for each lemma, in the order of LEMMAS, and p: share of draws and eps on which it holds, and whether it says something (L, P)."""

    p: np.ndarray
    share: np.ndarray
    applies: np.ndarray


def collect_validity(two: Study, four: Study) -> tuple[Validity, Validity]:
    """At which scales the lemmas hold on all draws, and from where on they say something."""
    return _validity(two), _validity(four)


def _validity(findings: Study) -> Validity:
    known = list(traces(findings))
    if not known:
        raise NotDrawable("on no draw are S+ and S- both non-empty (Assumption 3)")
    p = np.unique([float(trace.values["p"]) for trace in known])
    at = [[trace for trace in known if trace.values["p"] == scale] for scale in p]
    share = np.array(
        [[np.mean([lemma.holds(trace) for trace in group]) for group in at] for lemma in LEMMAS]
    )
    applies = np.array(
        [[any(lemma.applies(trace) is None for trace in group) for group in at] for lemma in LEMMAS]
    )
    return Validity(p, share, applies)


def draw_validity(axes: Sequence[Axes], data: tuple[Validity, Validity]) -> None:
    """One panel per data set: share of draws as shades, a dot where the lemma says something and is judged."""
    for ax, name, validity in zip(axes, NAMES, data, strict=True):
        image = ax.imshow(validity.share, cmap="Greys", vmin=0.0, vmax=1.6, aspect="auto")
        cases, columns = np.nonzero(validity.applies)
        ax.plot(
            columns,
            cases,
            "o",
            color=style.LEARNED,
            markersize=2.5,
            label="says something at this scale (judged)",
        )
        for case, shares in enumerate(validity.share):
            for column in np.flatnonzero((shares > 0) & (shares < 1)):
                ax.text(
                    float(column),
                    case + 0.34,
                    f"{100 * shares[column]:.0f}",
                    ha="center",
                    va="center",
                    fontsize=5,
                )
        ax.set_xticks(range(len(validity.p)), [f"{p:g}" for p in validity.p], rotation=90)
        ax.set_xlabel(r"$p$, scale $10^{-p}$")
        ax.set_title(name)
        ax.spines["right"].set_visible(True)
        ax.spines["top"].set_visible(True)
        ax.set_yticks(range(len(LEMMAS)), [lemma.name for lemma in LEMMAS])
    axes[1].tick_params(labelleft=False)
    axes[0].figure.colorbar(
        image,
        ax=list(axes),
        boundaries=np.linspace(0.0, 1.0, 101),
        ticks=[0.0, 0.5, 1.0],
        label="share of draws and eps on which it holds",
    )
    legend_below(axes)


BOTH = ("log-scale", "log-scale-four-points")
FIGURES = (
    Figure(
        id="escape-times",
        file="escape-times",
        cases=BOTH,
        caption="When the flow leaves 0 and the saddle, for scales down to 1e-10000: measured half-fits and the closed form from the initial draw.",
        layout=(1, 2, style.PAGE, 2.8),
        collect=collect_escape,
        draw=draw_escape,
    ),
    Figure(
        id="distances",
        file="distances",
        cases=(*BOTH, "closest-approach"),
        caption="Distances as powers of the scale: how near the flow comes to the saddle, and the limit to the least-norm interpolator theta*.",
        layout=(1, 2, style.PAGE, 2.8),
        collect=collect_distances,
        draw=draw_distances,
        tolerance=(1e-2, 1e-8),
    ),
    Figure(
        id="without-assumption-3",
        file="without-assumption-3",
        cases=("without-assumption-3",),
        caption="Narrow networks, on which Assumption 3 may fail: norm of the limit, plateaus of the loss, and how often the assumption holds.",
        layout=(1, 3, style.PAGE, 2.6),
        collect=collect_uncovered,
        draw=draw_uncovered,
        tolerance=(1e-3, 1e-6),
    ),
    Figure(
        id="sign-jumps",
        file="sign-jumps",
        cases=("sign-jumps",),
        caption="Five points from small scales: the flow leaves the saddle later and later; descent stays once its negative neurons have jumped over 0.",
        layout=(1, 2, style.PAGE, 2.7),
        collect=collect_sign_jumps,
        draw=draw_sign_jumps,
        tolerance=(2e-2, 1e-6),
    ),
    Figure(
        id="validity",
        file="validity",
        cases=BOTH,
        caption="At which scales the lemmas on the phases hold (numbers: per cent of the draws), and from where on they say something on some draw.",
        layout=(1, 2, style.PAGE, 3.2),
        collect=collect_validity,
        draw=draw_validity,
    ),
)
