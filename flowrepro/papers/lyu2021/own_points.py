"""What is judged on any set of points: certificates, which theorem applies, and where the flow from a small start went (case "separator")."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, number, statement, upper
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.boundaries import plane
from flowrepro.papers.lyu2021.classifiers import MET
from flowrepro.papers.lyu2021.late_records import ref
from flowrepro.papers.lyu2021.shading import draw_classes, shade, zero_contour
from flowrepro.theory.margin import EXACT

if TYPE_CHECKING:
    from matplotlib.axes import Axes

CASES = ("separator", "left", "middle", "right")
WIDTH = 1e-8
"""Relative width of a closed bracket."""
SMALLEST_Q = 1e4
"""Margin from which the limit is compared with."""
SMALL = 1e-5
"""Scale of the start, relative to that at which outputs are of order one (scale^2 max ||x|| m), up to which the limit sigma -> 0 is meant."""
EVEN = 1e-3
"""|sum_{a>0} a^2 / sum_{a<0} a^2 - 1| up to which both signs share a linear classifier."""
ALLOWED_FALL = 1e-6
"""Relative fall of the smoothed margin that the implicit integrator's tolerance can make."""


def value(run: Study, name: str) -> float:
    """A number the study found."""
    return float(run.arrays[name])


def separated(run: Study) -> str | None:
    """The net reached L < ln 2 / n."""
    return (
        None
        if value(run, "net_switch") >= 0
        else f"the net never reached L < ln 2 / n ({run.arrays['net_stop']}); raise options.q"
    )


@statement(
    "separator-certificate",
    ref("Assumption 3.2, Section 3"),
    "theory",
    CASES,
    "the max-margin separator and the best single neurons satisfy their optimality conditions",
)
def separator_certificate(run: Study) -> list[Judgement]:
    """measured: the largest of infeasibility, stationarity residual and duality gap, relative; gamma > 0 proves separability."""
    parts = [upper("w*: residual", value(run, "star_residual"), EXACT)]
    parts += [
        upper(f"w{sign}: residual", value(run, f"{name}_residual"), EXACT)
        for name, sign in (("plus", "+"), ("minus", "-"))
        if np.isfinite(value(run, f"gamma_{name}"))
    ]
    return [
        *parts,
        lower("gamma*", value(run, "gamma_star"), 0.0),
        number("points with a multiplier", float(np.sum(run.arrays["star_duals"] > 0))),
        number("gamma+ (one positive neuron: gamma+ / 2)", value(run, "gamma_plus")),
        number("gamma- (one negative neuron: gamma- / 2)", value(run, "gamma_minus")),
    ]


@statement(
    "largest-margin",
    ref("Section 3, global-max-margin"),
    "theory",
    CASES,
    "the largest normalised margin of any width lies in a bracket that is proved, and no network met here exceeds it",
)
def largest_margin_bracket(run: Study) -> list[Judgement]:
    """measured: margins beyond the upper bound, relative; and the width of the bracket where it was closed by column generation."""
    top, known = (
        value(run, "largest_upper"),
        {
            "KKT network": value(run, "kkt_margin"),
            "trained net": float(run.arrays["net_normalised_margin"].max()),
        },
    )
    known["linear pair (1 + alpha)/4 gamma*"] = (
        (1 + float(run.case.options["alpha"])) / 4 * value(run, "gamma_star")
    )
    exact = bool(run.arrays["largest_exact"])
    return [
        *(
            [
                upper(
                    "width of the bracket / largest margin",
                    (top - value(run, "largest_lower")) / top,
                    WIDTH,
                )
            ]
            if exact
            else []
        ),
        *(
            upper(f"{name} / upper bound - 1", margin / top - 1, WIDTH)
            for name, margin in known.items()
        ),
        number("lower bound", value(run, "largest_lower")),
        number(
            "upper bound"
            if exact
            else "upper bound, from the separator's multipliers only (too many points for a closed bracket)",
            top,
        ),
    ]


@statement(
    "trained-margin",
    ref("Theorem 3.1"),
    "theory",
    CASES,
    "after L < ln 2 / n the flow never lowers the smoothed normalised margin, and nears a KKT direction",
    (separated,),
)
def trained_margin(run: Study) -> list[Judgement]:
    """measured: largest relative fall of the smoothed margin between records of the flow; the KKT residuals at the end."""
    arrays, switch = run.arrays, int(run.arrays["net_switch"])
    smoothed = arrays["net_smoothed_margin"][switch:]
    parts = [
        number("KKT eps", float(arrays["net_eps"][-1])),
        number("KKT delta", float(arrays["net_delta"][-1])),
    ]
    parts += [
        number("q", float(arrays["net_q_min"][-1])),
        number("ln L", float(arrays["net_ln_loss"][-1])),
        number("normalised margin", float(arrays["net_normalised_margin"][-1])),
    ]
    if {"gd", "euler"} & set(str(arrays["net_method"]).split("+")):
        return parts  # a descent may lower it
    return [
        upper(
            "largest relative fall",
            float(np.max(-np.diff(smoothed) / smoothed[1:], initial=0.0)),
            ALLOWED_FALL,
        ),
        *parts,
    ]


class Limit(NamedTuple):
    """Which theorem names the limit, its margin and the array with the distance of functions."""

    theorem: str
    margin: float
    distance: str


def predicted_limit(run: Study) -> Limit:
    """The limit of the flow from a vanishing start; NotApplicable where no theorem of the paper names it."""
    alpha, arrays = float(run.case.options["alpha"]), run.arrays
    if not 0 < alpha < 1:
        raise NotApplicable(
            f"the theorems that name a limit are for slopes strictly between 0 and 1, not alpha = {alpha:g}"
        )
    if arrays["mirrored"]:
        return _linear_limit(run, alpha)
    name, sign, text = (
        ("plus", 1.0, "A.7")
        if value(run, "mu_plus") > value(run, "mu_minus")
        else ("minus", -1.0, "A.10")
    )
    if not value(run, "alignment") > 0:
        raise NotApplicable(
            f"the points are not symmetric, and Assumption A.2 fails (least slack {value(run, 'alignment'):.3g}): only Theorem 3.1 applies"
        )
    if not arrays["one_class"]:
        raise NotApplicable(
            "the support vectors of the leading neuron have both labels, so Assumption A.5 is not immediate: only Theorem 3.1 applies"
        )
    if not np.any(np.sign(arrays["net_a0"]) == sign):
        raise NotApplicable(f"no neuron starts with output sign {sign:+.0f} (probability 2^-m)")
    if not np.all(arrays["net_aligned"]):
        raise NotApplicable(
            f"{np.sum(~arrays['net_aligned'])} neurons fail the cone test of Lemma G.4 at L = ln 2 / n; take a smaller scale"
        )
    return Limit(text, value(run, f"gamma_{name}") / 2, name)


def orthogonal_to_mean(run: Study) -> bool:
    """Some <mu, x_i> is zero, against Assumption 4.5."""
    return bool(value(run, "mu_x_least") <= 1e-9 * np.linalg.norm(run.X, axis=1).max() ** 2)


def _linear_limit(run: Study, alpha: float) -> Limit:
    if orthogonal_to_mean(run):
        raise NotApplicable("some <mu, x_i> is zero (Assumption 4.5)")
    grows = np.sign(
        run.arrays["net_W0"] @ geometry.unit(geometry.mean(run.X, run.y)) + run.arrays["net_a0"]
    )
    if len(set(grows)) < 2:
        raise NotApplicable(
            "all neurons grow with one sign (probability 2^-(m - 1)), so the limit is a single neuron"
        )
    return Limit("4.3", (1 + alpha) / 4 * value(run, "gamma_star"), "linear")


def unevenness(run: Study, limit: Limit) -> float:
    """Theorem 4.3: |sum_{a>0} a^2 / sum_{a<0} a^2 - 1|.  A.7, A.10: the smaller of the two sums over the larger."""
    a = run.arrays["net_a"]
    sums = float(np.sum(a[a > 0] ** 2)), float(np.sum(a[a < 0] ** 2))
    ratio = min(sums) / max(sums)
    return 1 - ratio if limit.distance == "linear" else ratio


def followed_from_a_small_start(run: Study) -> str | None:
    """The flow itself, from a small start, far enough."""
    options, q = run.case.options, float(run.arrays["net_q_min"][-1])
    output = (
        float(options["scale"]) ** 2
        * float(options["m"])
        * float(np.linalg.norm(run.X, axis=1).max())
    )
    if output > SMALL**2 * float(options["m"]):
        return f"the start is not small (scale^2 max ||x|| = {output / float(options['m']):.2g} > {SMALL**2:g}); lower options.scale"
    return (
        None
        if q >= SMALLEST_Q * (1 - MET)
        else f"the net was trained to q = {q:.3g} only ({run.arrays['net_stop']}); the limit shows from q = {SMALLEST_Q:g} on"
    )


@statement(
    "predicted-limit",
    ref("Theorems 4.3, A.7 and A.10"),
    "theory",
    ("separator",),
    "the flow from a small start has the margin that the theorem which applies to these points predicts",
    (separated, followed_from_a_small_start),
)
def predicted(run: Study) -> list[Judgement]:
    """measured: |margin / predicted margin - 1| times q; it falls like K / q, K of the order of ln n (measured), beside what the other neurons hold."""
    limit, arrays = predicted_limit(run), run.arrays
    q, rest = float(arrays["net_q_min"][-1]), unevenness(run, limit)
    if limit.distance == "linear" and rest > EVEN:
        raise NotApplicable(
            f"the two signs are not even yet (they differ by {rest:.2g} of their squared weights at q = {q:.2g}); raise options.q"
        )
    gap = abs(float(arrays["net_normalised_margin"][-1]) / limit.margin - 1)
    return [
        upper(f"Theorem {limit.theorem}: margin gap", gap, (2 + np.log(len(run.y))) / q + rest),
        number("predicted margin", limit.margin),
        number("of the largest margin", limit.margin / value(run, "largest_lower")),
        number(
            "distance of f / rho^2 from the predicted function",
            float(arrays[f"net_{limit.distance}"][-1]),
        ),
    ]


def applicable(run: Study) -> list[str]:
    """The paper's theorems whose hypotheses about the points and the slope hold; those about the start are not looked at."""
    alpha, arrays = float(run.case.options["alpha"]), run.arrays
    leaky, longer = (
        0 < alpha < 1,
        "A.7" if value(run, "mu_plus") > value(run, "mu_minus") else "A.10",
    )
    hypotheses = {
        "3.1": True,
        "4.2": leaky and bool(arrays["mirrored"]),
        "4.3": leaky and bool(arrays["mirrored"]) and not orthogonal_to_mean(run),
        longer: leaky
        and not arrays["mirrored"]
        and value(run, "alignment") > 0
        and bool(arrays["one_class"]),
        "H.2": alpha == 0 and bool(arrays["orthogonally_separable"]),
    }
    return [name for name, holds in hypotheses.items() if holds]


@statement(
    "which-theorem",
    ref("Assumptions 4.1, 4.5, A.1 to A.5; Definition H.1"),
    "theory",
    CASES,
    "which of the paper's hypotheses the points satisfy (numbers without a claim)",
)
def which_theorem(run: Study) -> list[Judgement]:
    """measured: 1 where a hypothesis holds, 0 where not, and the slacks; A.1 is tried along mu, w* and w+ only."""
    arrays, names = run.arrays, applicable(run)
    return [
        number(f"theorems that apply ({', '.join(names)})", float(len(names))),
        number("symmetric (4.1: Theorem 4.3)", float(arrays["mirrored"])),
        number("least |<mu, x_i>| (4.5)", value(run, "mu_x_least")),
        number("least slack of A.2 (positive: it holds)", value(run, "alignment")),
        number("best slack of A.1", value(run, "principal")),
        number("||mu+|| (A.3)", value(run, "mu_plus")),
        number("||mu-||", value(run, "mu_minus")),
        number(
            "support of the leading neuron in its class (implies A.5: Theorem A.7)",
            float(arrays["one_class"]),
        ),
        number(
            "orthogonally separable (H.1: Theorem H.2 for ReLU)",
            float(arrays["orthogonally_separable"]),
        ),
    ]


CLAIMS: tuple[Claim, ...] = (
    separator_certificate,
    largest_margin_bracket,
    trained_margin,
    predicted,
    which_theorem,
)

CELLS = 61


class Portrait(NamedTuple):
    """The net f / rho^2 (CELLS, CELLS) on the plane of u and v (CELLS,), points there (n, 2), labels; its margin against q, and the levels it is compared with.

    levels : the lower and upper bound of the largest margin, (1 + alpha)/4 gamma*, gamma+ / 2, gamma- / 2; nan where there is none.
    """

    u: np.ndarray
    v: np.ndarray
    value: np.ndarray
    points: np.ndarray
    label: np.ndarray
    q: np.ndarray
    margin: np.ndarray
    levels: np.ndarray
    residual: float


def collect_portrait(run: Study) -> Portrait:
    """The plane through 0 of w* (horizontal) and the widest direction of the points across it."""
    arrays, alpha = run.arrays, float(run.case.options["alpha"])
    w = arrays["w_star"]
    across = run.X - np.outer(run.X @ w, w)
    widest = (
        np.linalg.svd(across, full_matrices=False)[2][0]
        if run.X.shape[1] > 1 and across.any()
        else np.zeros(len(w))
    )
    axes = np.stack([w, widest * (np.sign(widest[np.argmax(np.abs(widest))]) or 1.0)])
    points = run.X @ axes.T
    reach = 1.25 * np.maximum(np.abs(points).max(axis=0), 0.25 * np.abs(points).max())
    u, v = (np.linspace(-size, size, CELLS) for size in reach)
    f = plane(arrays["net_W"], arrays["net_a"], alpha, axes, np.zeros(len(w)))
    grid = (
        f(np.stack(np.meshgrid(u, v), axis=-1).reshape(-1, 2)).reshape(CELLS, CELLS)
        / float(arrays["net_rho"][-1]) ** 2
    )
    shown = arrays["net_q_min"] > 0
    levels = [
        value(run, "largest_lower"),
        value(run, "largest_upper"),
        (1 + alpha) / 4 * value(run, "gamma_star"),
        value(run, "gamma_plus") / 2,
        value(run, "gamma_minus") / 2,
    ]
    return Portrait(
        u,
        v,
        grid,
        points,
        run.y,
        arrays["net_q_min"][shown],
        arrays["net_normalised_margin"][shown],
        np.array(levels),
        value(run, "star_residual"),
    )


def draw_portrait(axes: Sequence[Axes], data: Portrait) -> None:
    """The trained net on the plane, and its margin against the margins that are known."""
    left, right = axes
    shade(left, data.u, data.v, data.value)
    zero_contour(left, data.u, data.v, data.value, style.LEARNED, 2.0)
    left.axvline(
        0.0,
        color=style.THEORY,
        linestyle="--",
        linewidth=1.2,
        label=f"separator, residual {data.residual:.0e}",
    )
    draw_classes(left, data.points, data.label)
    left.set_title("(a) plane through 0")
    left.set_xlabel(r"$\langle x,w^*\rangle$")
    left.set_ylabel("widest direction across")
    right.semilogx(
        data.q,
        data.margin,
        "-o",
        color=style.LEARNED,
        markersize=3,
        linewidth=2.0,
        label="trained net",
    )
    low, high, *others = data.levels
    right.axhspan(low, high, color=style.DATA, alpha=0.25, linewidth=0)
    right.axhline(
        low,
        color=style.DATA,
        label=f"largest, bracket {high - low:.0e}"
        if high - low <= WIDTH * high
        else "largest is in the grey band",
    )
    for level, dash, name in zip(
        others,
        ("--", "-.", ":"),
        ("linear pair", "positive neuron", "negative neuron"),
        strict=True,
    ):
        if np.isfinite(level):
            right.axhline(level, color=style.THEORY, linestyle=dash, linewidth=1.2, label=name)
    right.set_title("(b) normalised margin")
    right.set_xlabel(r"$q=\min_i\,y_i f(x_i)$")
    right.set_ylim(0.0, 1.12 * float(max(np.nanmax(data.levels), data.margin.max(initial=0.0))))
    right.spines["right"].set_visible(False)
    legend_below(axes, columns=4)


FIGURES = (
    Figure(
        id="separator",
        file="separator",
        cases=("separator",),
        caption="A set of points, its max-margin separator, a net trained by the flow from a small start, and its margin beside the largest one.",
        layout=(1, 2, style.PAGE, 3.1),
        collect=collect_portrait,
        draw=draw_portrait,
        tolerance=(1e-3, 1e-4),
    ),
)
