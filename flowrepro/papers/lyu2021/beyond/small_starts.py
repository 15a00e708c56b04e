r"""How small a start must be, how the slower sign fades with it, and when hints take over.

Lemma G.4: at a small scale sigma all neurons enter the cone before the loss falls. Lemma G.5: then
neurons of negative output are smaller by sigma^kappa, kappa = 1 - ||mu^-|| / ||mu^+||. Theorem 6.2:
where Assumptions A.2 and A.3 hold, flows on hinted points end at the one-neuron margin gamma+/2.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.data.labels import require_signs
from flowrepro.data.separable import hinted
from flowrepro.engines.log_domain import Classification, integrate, integrate_many, join
from flowrepro.engines.log_domain.integrate import HANDOVER, Start
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Mark, Panel, Points, Span
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.hypotheses import APPENDIX_A, SEPARABLE, aligned_means, alpha
from flowrepro.papers.lyu2021.section_3_flows import MIDDLE, RIGHT
from flowrepro.papers.lyu2021.shared import geometry
from flowrepro.papers.lyu2021.shared.geometry import draws
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin_global import largest_margin

topic = Topic(PAPER, "Beyond: small starts and hints")

MOST_STEPS, MOST_IMPLICIT = 100_000, 3_000
"""Steps after which a flow is given up, ten times what they usually take."""
SEPARATED = 8.0
"""A margin at which n L < ln 2 for up to a thousand points."""
TINY = 1e-9
"""Scale at which every draw is to pass the cone test (measured: from 1e-6 on)."""


@topic.study
def small_enough(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),
    init: str = option("balanced", "law of the start", choices=("gaussian", "balanced")),
    widths: list[int] = option([3, 10, 100], "widths of the networks", within=(1, 10_000)),
    scales: list[float] = option(
        [1.0, 0.1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-8, 1e-10],
        "scales of the start",
        within=(1e-150, 1e3),
    ),
    seeds: int = option(40, "draws, the same at every scale", within=(1, 10_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The cone test of Lemma G.4 when L = ln 2 / n, for M widths, A scales and S draws.

    Returns width (M,), scale (A,); stray (M, A, S), neurons outside the cone then, nan where the
    loss never gets there.
    """
    require_signs(data)
    task = Classification(data.X, data.y, alpha)
    stray = np.full((len(widths), len(scales), seeds), np.nan)
    for k, m in enumerate(widths):
        W, a = draws(seed, seeds, m, data.X.shape[1], init)
        for j, scale in enumerate(scales):
            start = scale * W, scale * a
            runs = integrate_many(task, *start, [SEPARATED], max_steps=MOST_STEPS)
            for s, run in enumerate(runs):
                if (i := run.separated) is not None:
                    inside = geometry.aligned(data.X, data.y, run.W[i], run.a[i])
                    stray[k, j, s] = np.sum(~inside)
            progress(k * len(scales) + j + 1, len(widths) * len(scales))
    return {"width": np.array(widths), "scale": np.array(scales), "stray": stray}


@topic.study
def fading(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),
    m: int = option(10, "width", within=(1, 10_000)),
    scales: list[float] = option(
        [1e-3, 1e-6, 1e-12, 1e-24, 1e-48, 1e-75, 1e-100],
        "scales of the start, decreasing",
        within=(1e-150, 1e3),
    ),
    seeds: int = option(8, "draws, the same at every scale", within=(1, 10_000)),
    q: float = option(0.05, "margin at which the signs are compared", within=(1e-6, 10.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Size of the neurons of negative output beside the positive ones, for scales down to 1e-100.

    Returns scale (A,), ratio (S, A), ||a_-|| / ||a_+|| at the margin q; nan for draws of one sign.
    """
    require_signs(data)
    task = Classification(data.X, data.y, alpha)
    W, a = draws(seed, seeds, m, data.X.shape[1], "balanced")
    ratio = np.full((seeds, len(scales)), np.nan)
    for j, scale in enumerate(scales):
        start = scale * W, scale * a
        runs = integrate_many(task, *start, [q], method="rk4", max_steps=MOST_STEPS)
        for s, run in enumerate(runs):
            _, last = run.final
            if np.any(last > 0) and np.any(last < 0):
                ratio[s, j] = np.linalg.norm(last[last < 0]) / np.linalg.norm(last[last > 0])
        progress(j + 1, len(scales))
    return {"scale": np.array(scales), "ratio": ratio}


@topic.study
def hint_crossover(
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.01, 0.99)),
    m: int = option(6, "width", within=(1, 66)),
    scale: float = option(1e-40, "scale of the start", within=(1e-150, 1e3)),
    seeds: int = option(6, "balanced draws, the same at every K", within=(1, 1000)),
    H: float = option(4.0, "the first hint, H w*", within=(1e-3, 1e3)),
    K: list[float] = option(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.55, 0.6, 0.7, 0.8, 1.0, 1.2, 1.4],
        "distances of the side hints, increasing",
        within=(1e-6, 1e3),
    ),
    q: float = option(1e4, "margin at which a flow ends", within=(1.0, 1e10)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Flows on hinted points (Definition 6.1) whose side hints eps w* +- K w_perp move apart.

    Returns K (A,); largest (A,), the largest margin of any width; one_plus, one_minus, linear (A,),
    those of the one-neuron networks and of the linear pair; kappa, slack (A,), of Assumptions A.3
    and A.2, which hold where they are positive; gamma (A, S), the flows' normalised margins.
    """
    W, a = (scale * weights for weights in draws(seed, seeds, m, 2, "balanced"))
    kept: dict[str, list[Any]] = {}
    for k, distance in enumerate(K, 1):
        points = hinted(H, distance)
        X, y = points.X, points.y
        best = geometry.separator(X, y)
        plus, minus = (geometry.one_neuron(X, y, alpha, sign) for sign in (1.0, -1.0))
        found = {
            "K": distance,
            "largest": largest_margin(X, y, alpha).lower,
            "one_plus": plus.margin / 2 if plus else np.nan,
            "one_minus": minus.margin / 2 if minus else np.nan,
            "linear": (1 + alpha) / 4 * best.margin if best else np.nan,
            "kappa": geometry.lag(X, y, alpha),
            "slack": geometry.alignment_slack(X, y, alpha).min(),
            "gamma": _limits(Classification(X, y, alpha), W, a, q),
        }
        for name, value in found.items():
            kept.setdefault(name, []).append(value)
        progress(k, len(K))
    return {name: np.array(values) for name, values in kept.items()}


def _limits(task: Classification, W: np.ndarray, a: np.ndarray, q: float) -> np.ndarray:
    """Normalised margins (S,) at the margin q, nan for flows that do not get there."""
    found = []
    for run in integrate_many(task, W, a, [HANDOVER], method="rk4", max_steps=MOST_STEPS):
        if run.stop is StopReason.TARGET_LOSS and q > HANDOVER:
            clocks = Start(int(run.step[-1]), float(run.s[-1]), float(run.ln_t[-1]))
            how: dict[str, Any] = {"method": "bdf", "start": clocks, "max_steps": MOST_IMPLICIT}
            run = join(run, integrate(task, *run.final, [q], **how))
        found.append(run.normalised_margin[-1] if run.stop is StopReason.TARGET_LOSS else np.nan)
    return np.array(found)


SMALL_ENOUGH = small_enough.case(
    "small-enough",
    "Beyond the paper: from which scale on all neurons enter the cone of Lemma G.4, by width, "
    "Figure 1 middle.",
    MIDDLE,
    quick={"options.widths": [3, 10], "options.seeds": 10},
)
FADING_MIDDLE = fading.case(
    "fading-middle",
    "Beyond the paper: neurons of negative output fade as sigma^kappa down to 1e-100, Figure 1 "
    "middle.",
    MIDDLE,
    quick={"options.seeds": 2},
)
FADING_RIGHT = fading.case(
    "fading-right",
    "Beyond the paper: the same on the hinted points.",
    RIGHT,
    quick={"options.seeds": 2},
)
HINT_CROSSOVER = hint_crossover.case(
    "hint-crossover",
    "Beyond the paper: from where on the hints make the limit suboptimal.",
    quick={"options.seeds": 2, "options.K": [0.3, 0.8]},
)


def pass_rates(result: Study) -> np.ndarray:
    """Part of the draws whose neurons all pass the cone test, (M, A).

    Draws that never get to L = ln 2 / n do not pass.
    """
    return np.asarray(np.mean(result.arrays["stray"] == 0, axis=2))


@topic.claim(
    "beyond-small-enough",
    "At small scales every draw passes the cone test; wider networks need smaller scales.",
    place="beyond: Lemma G.4, how small sigma_max is",
    on=(SMALL_ENOUGH,),
    given=(*SEPARABLE, aligned_means),
)
def scale_is_small_enough(result: Study) -> Iterable[Part]:
    """Pass rate at the smallest scale, and by width the scale from which on all draws pass."""
    scale = result.arrays["scale"]
    if not scale.min() <= TINY:
        raise NotApplicable(
            f"the smallest scale is {scale.min():g}; the check takes {TINY:g} or less"
        )
    falling = np.argsort(-scale)
    scale, rates = scale[falling], pass_rates(result)[:, falling]
    note = "largest part of the draws that fail at the smallest scale"
    yield at_most(note, float(1 - rates[:, -1].min()), 0.0)
    for m, rate in zip(result.arrays["width"], rates, strict=True):
        failing = np.flatnonzero(rate < 1.0)
        first = int(failing[-1]) + 1 if failing.size else 0
        largest = np.log10(scale[first]) if first < len(scale) else -np.inf
        yield number(f"m = {m}: log10 of the scale from which all pass", largest)


@topic.figure(
    "beyond-small-enough",
    "How small a start must be: part of the draws whose neurons all enter the cone of Lemma G.4 "
    "before the loss falls, by width.",
    on=(SMALL_ENOUGH,),
    layout=(1, 1, style.COLUMN, 2.5),
)
def pass_rate(result: Study) -> Iterable[Panel]:
    """One curve for each width."""
    marks = [
        Line(
            result.arrays["scale"],
            rate,
            marker=style.MARKERS[k % len(style.MARKERS)],
            dash=style.DASHES[k % len(style.DASHES)],
            label=f"$m={m}$",
        )
        for k, (m, rate) in enumerate(zip(result.arrays["width"], pass_rates(result), strict=True))
    ]
    yield Panel(
        marks,
        xlabel=r"scale $\sigma$ of the start",
        ylabel="draws that pass the cone test",
        scale="log-linear",
        ylim=(-0.03, 1.05),
    )


@topic.claim(
    "lemma-g-5-fading-sign",
    "Neurons of negative output are smaller by the factor sigma^kappa, "
    "kappa = 1 - ||mu^-|| / ||mu^+||.",
    place="Lemma G.5, item 2",
    on=(FADING_MIDDLE, FADING_RIGHT),
    given=APPENDIX_A,
)
def fading_sign(result: Study) -> Iterable[Part]:
    """Slope of ln(||a_-|| / ||a_+||) against ln sigma for scales up to 1e-6, over kappa."""
    kappa = geometry.lag(result.X, result.y, alpha(result))
    scale, ratio = result.arrays["scale"], result.arrays["ratio"]
    used = scale <= 1e-6
    ratio = ratio[:, used][np.all(np.isfinite(ratio[:, used]), axis=1)]
    if used.sum() < 3 or not len(ratio):
        raise NotApplicable("no draw has neurons of both signs at three scales of 1e-6 or less")
    slopes = np.polyfit(np.log(scale[used]), np.log(ratio.T), 1)[0]
    yield within("least slope / kappa", float(slopes.min() / kappa), 0.98, 1.02)
    yield within("largest slope / kappa", float(slopes.max() / kappa), 0.98, 1.02)
    yield number("kappa", kappa)


@topic.figure(
    "beyond-fading",
    "Neurons of negative output fade as the scale of the start to the power kappa (Lemma G.5), "
    "down to scales of 1e-100.",
    on=(FADING_MIDDLE, FADING_RIGHT),
    layout=(1, 2, style.PAGE, 2.5),
    file="beyond-fading-sign",
)
def fading_powers(*results: Study) -> Iterable[Panel]:
    """Ratios against the scale, with sigma^kappa through the median at the smallest scale."""
    for name, result in zip(("Figure 1 middle", "Figure 1 right"), results, strict=True):
        scale, ratio = result.arrays["scale"], result.arrays["ratio"]
        ratio = ratio[np.all(np.isfinite(ratio), axis=1)]
        if not len(ratio):
            raise NotDrawable("no draw has neurons of both signs; take more seeds")
        kappa, last = geometry.lag(result.X, result.y, alpha(result)), int(np.argmin(scale))
        power = np.median(ratio[:, last]) * (scale / scale[last]) ** kappa
        x = np.broadcast_to(scale[:, None], ratio.T.shape)
        yield Panel(
            [
                Points(x, ratio.T, size=2.5, colour=style.NEGATIVE, label="flows"),
                Line(scale, power, colour=style.THEORY, label=r"$\sigma^\kappa$"),
            ],
            title=rf"{name}, $\kappa={kappa:.4f}$",
            xlabel=r"scale $\sigma$ of the start",
            ylabel=r"$\|a_-\|/\|a_+\|$",
            scale="log-log",
            xticks=10.0 ** np.arange(-100, 1, 25),
        )


@topic.claim(
    "beyond-hint-takes-over",
    "Where Assumptions A.2 and A.3 hold, draws with a positive output weight end at the "
    "one-neuron margin gamma+/2, which is the largest only for small K.",
    place="beyond: Theorem 6.2",
    on=(HINT_CROSSOVER,),
)
def hint_takes_over(result: Study) -> Iterable[Part]:
    """Flows within 2 % of gamma+/2, or of gamma-/2 (no positive draw), where A.2 and A.3 hold.

    kappa must exceed 0.1, as the slower sign fades as scale^kappa, which must be small.
    """
    K, gamma, largest, plus, minus = (
        result.arrays[name] for name in ("K", "gamma", "largest", "one_plus", "one_minus")
    )
    holds = (result.arrays["slack"] > 0) & (result.arrays["kappa"] > 0.1)
    none = "Assumptions A.2 and A.3 (with kappa > 0.1) hold at no K of the case"
    require(None if holds.any() else none)
    near = np.abs(gamma / plus[:, None] - 1) < 0.02
    near |= np.abs(gamma / minus[:, None] - 1) < 0.02
    yield at_most("part of the flows that end elsewhere", float(1 - np.mean(near[holds])), 0.0)
    relative = (plus / largest)[holds]
    note = "gamma+/2 relative to the largest margin, at most"
    yield at_most(note, float(np.max(relative)), 1 + 1e-7)
    yield number("the same at the largest such K", float(relative[-1]))
    yield number("the largest such K", float(K[holds].max()))


@topic.figure(
    "beyond-hints",
    "Hinted points whose side hints move apart: normalised margin of the flows, of one neuron and "
    "of the linear pair, over the largest margin.",
    on=(HINT_CROSSOVER,),
    layout=(1, 1, style.COLUMN, 3.4),
    file="beyond-hint-crossover",
)
def crossover(result: Study) -> Iterable[Panel]:
    """Margins of flows and candidates against K; shaded where the assumptions hold."""
    arrays = result.arrays
    K, top = arrays["K"], arrays["largest"]
    candidates = (
        ("one_plus", "-", r"one neuron, $\gamma^+/2$"),
        ("one_minus", ":", r"one negative neuron, $\gamma^-/2$"),
        ("linear", "--", r"linear pair, $(1+\alpha)\gamma^*/4$"),
    )
    marks: list[Mark] = [
        Line(K, arrays[name] / top, dash=dash, colour=style.THEORY, label=label)
        for name, dash, label in candidates
    ]
    flows = arrays["gamma"] / top[:, None]
    x = np.broadcast_to(K[:, None], flows.shape)
    marks.append(Points(x, flows, size=2.5, opacity=0.7, label="flows"))
    applies = np.concatenate([[False], (arrays["slack"] > 0) & (arrays["kappa"] > 0), [False]])
    edges = np.flatnonzero(np.diff(applies.astype(int)))
    for left, right in zip(edges[::2], edges[1::2] - 1, strict=True):
        marks.append(Span(x=(float(K[left]), float(K[right])), label="Assumptions A.2, A.3 hold"))
    yield Panel(
        marks,
        xlabel="distance $K$ of the side hints",
        ylabel=r"margin / $\gamma_{\max}$",
        scale="log-linear",
        ylim=(0, 1.05),
    )
