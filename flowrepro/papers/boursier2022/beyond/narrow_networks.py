r"""What the flow tends to when Assumption 3 fails, on orthonormal points from a tiny scale.

Label k is covered if a neuron with s_j = sign(y_k) starts with <w_j, x_k> > 0. Masks only switch
off, and only for labels of the other sign, so an uncovered label is never fitted and a covered one
always is: L -> (1/2n) sum over uncovered y_k^2.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.config import Data
from flowrepro.core.initialize import balanced
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import style
from flowrepro.figures.panels import Horizontal, Line, Panel, Points, Ticks
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.appendix_b_flow import Start, require_end
from flowrepro.papers.boursier2022.hypotheses import require_orthogonal, squared_norm
from flowrepro.papers.boursier2022.sign_classes import assumption_3_probability, sign_classes
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

RECORDS = 800
"""Times at which the loss is kept."""
FLAT, LASTING = 1e-3, 20.0
"""A plateau is where |d ln L / dt| is below FLAT for longer than LASTING."""

topic = Topic(PAPER, "Narrow networks, on which Assumption 3 may fail")


def covered(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """(n,) whether a neuron of the label's sign is active on it."""
    return np.any((W @ X.T > 0) & (np.sign(a)[:, None] == np.sign(y)), axis=0)  # type: ignore[no-any-return]


def plateaus(t: np.ndarray, loss: np.ndarray, limit: float) -> int:
    """Number of plateaus of a loss curve (T,) above its limit."""
    above = loss > limit + 1e-6 * loss[0]
    t, loss = t[above], loss[above]
    if len(t) < 2:
        return 0
    flat = np.concatenate([[False], np.abs(np.diff(np.log(loss)) / np.diff(t)) < FLAT, [False]])
    begins, ends = np.flatnonzero(flat[1:] & ~flat[:-1]), np.flatnonzero(~flat[1:] & flat[:-1])
    return int(np.sum(t[ends] - t[begins] > LASTING))


@topic.study
def uncovered(
    data: Dataset,
    *,
    m: list[int] = option([4, 8, 16, 32, 64], "widths", within=(1, 500)),
    seeds: int = option(12, "draws for each width", within=(1, 100)),
    p: float = option(50.0, "the scale is 10^-p", within=(-2.0, 1e6)),
    horizon: float = option(2500.0, "flow time; all labels are fitted by 1800", within=(1.0, 1e6)),
    draws: int = option(4000, "draws that count Assumption 3", within=(1, 20_000)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The end of the flow for several widths and many draws.

    Arrays (R,): m, seed, complete (Assumption 3), all_covered, loss, expected (the loss of the
    uncovered labels), ratio of ||theta||^2 to its least value 2 (W+ + W-), plateaus; (M,): width,
    and share, that of many more draws with Assumption 3.

    Raises UsageError for points that are not orthogonal, NumericalError where the flow stops early.
    """
    X, y = data.X, data.y
    require_orthogonal(X, y)
    cases = [(width, draw) for width in m for draw in range(seed, seed + seeds)]
    ends = []
    for done, (width, draw) in enumerate(cases):
        ends.append(_end(X, y, Start.of(-p, width, draw, X.shape[1]), horizon))
        progress(done + 1, len(cases))
    found = {name: np.array([end[name] for end in ends]) for name in ends[0]}
    rng = np.random.default_rng(seed)
    return {
        "m": np.array([width for width, _ in cases]),
        "seed": np.array([draw for _, draw in cases]),
        **found,
        "width": np.array(m),
        "share": np.array([_share(X, y, width, draws, rng) for width in m]),
    }


def _share(X: np.ndarray, y: np.ndarray, m: int, draws: int, rng: np.random.Generator) -> float:
    """Share of balanced draws of width m that satisfy Assumption 3."""
    W, a = balanced(rng, draws * m, X.shape[1])
    members = [chosen.members(W, a).reshape(draws, m).any(axis=1) for chosen in sign_classes(X, y)]
    return float(np.mean(np.all(members, axis=0)))


def _end(
    X: np.ndarray, y: np.ndarray, start: Start, horizon: float
) -> dict[str, bool | int | float]:
    run = start.flow(X, y, np.linspace(0.0, horizon, RECORDS))
    require_end(run, start)
    classes, fitted = sign_classes(X, y), covered(X, y, start.W, start.a)
    expected = float(np.sum(np.square(y[~fitted])) / (2 * len(y)))
    return {
        "complete": all(chosen.members(start.W, start.a).any() for chosen in classes),
        "all_covered": bool(fitted.all()),
        "loss": float(run.loss[-1]),
        "expected": expected,
        "ratio": squared_norm(*run.weights()) / (2 * sum(chosen.weight for chosen in classes)),
        "plateaus": plateaus(run.t, run.loss, expected),
    }


WITHOUT_ASSUMPTION_3 = uncovered.case(
    "without-assumption-3",
    "Networks so narrow that Assumption 3 may fail end elsewhere (beyond the paper).",
    Data(name="orthonormal", options={"labels": [1.0, 0.8, 0.5, -0.9, -0.6, -0.4]}),
    quick={"options.seeds": 2},
)
FREE = ("seed", "options.seeds", "options.m", "options.draws")
claim = partial(topic.claim, given=(as_declared(WITHOUT_ASSUMPTION_3, FREE),))


@claim(
    "beyond-uncovered-loss",
    "The loss tends to that of the labels on which no neuron of their sign starts active.",
    place="Assumption 3, beyond",
)
def uncovered_loss(result: Study) -> Iterator[Part]:
    """Largest |L(end) - (1/2n) sum over uncovered y^2|."""
    arrays = result.arrays
    error = np.abs(arrays["loss"] - arrays["expected"]).max()
    yield at_most("largest |L - expected|", error, 1e-12)
    yield number("runs", len(arrays["m"]))
    yield number("with an uncovered label", np.sum(~arrays["all_covered"]))


@claim(
    "beyond-uncovered-norm",
    "Assumption 3 gives the least norm and two plateaus; without it the norm is larger.",
    place="Theorem 1, beyond",
)
def uncovered_norm(result: Study) -> Iterator[Part]:
    """||theta||^2 over its least value, with Assumption 3 and without; plateaus of the loss."""
    arrays = result.arrays
    good, rest = arrays["complete"], ~arrays["complete"] & arrays["all_covered"]
    require(None if good.any() else "no draw satisfies Assumption 3")
    excess = np.abs(arrays["ratio"][good] - 1).max()
    yield at_most("largest |ratio - 1| with Assumption 3", excess, 1e-5)
    others = np.sum(arrays["plateaus"][good] != 2)
    yield none_of("such runs with another number of plateaus than 2", others)
    if rest.any():
        ratios = arrays["ratio"][rest]
        yield at_least("least ratio of covered draws without it", ratios.min(), 1 + 1e-4)
        yield number("largest", ratios.max())
    yield number("most plateaus", arrays["plateaus"].max())


def probabilities(result: Study) -> np.ndarray:
    """Probability of Assumption 3 at each width, (M,)."""
    counts = [int(np.sum(np.sign(result.y) == sign)) for sign in (1, -1)]
    widths = result.arrays["width"]
    return np.array([assumption_3_probability(int(m), *counts) for m in widths])


@claim(
    "assumption-3-width",
    "Wide networks satisfy Assumption 3: its probability tends to 1 with the width.",
    place="Assumption 3",
)
def width(result: Study) -> Iterator[Part]:
    """Share of draws at each width against the probability, 4 deviations and one draw wide."""
    arrays, draws = result.arrays, result.case.options["draws"]
    for m, share, chance in zip(
        arrays["width"], arrays["share"], probabilities(result), strict=True
    ):
        allowed = 4 * np.sqrt(chance * (1 - chance) / draws) + 1 / draws
        low, high = max(0.0, chance - allowed), min(1.0, chance + allowed)
        yield within(f"share with m = {m}", share, low, high)


KINDS = (
    ("Assumption 3", style.LEARNED, "o"),
    ("all labels covered", style.NEGATIVE, "s"),
    ("a label uncovered", style.DEAD, "x"),
)


@topic.figure(
    "without-assumption-3",
    "Narrow networks, on which Assumption 3 may fail: norm of the limit, plateaus of the loss, and "
    "how often the assumption holds.",
    layout=(1, 3, style.PAGE, 2.6),
    tolerance=(1e-3, 1e-6),
)
def narrow(result: Study) -> Iterator[Panel]:
    """(a) norm of the limit, (b) plateaus of the loss, (c) how often Assumption 3 holds."""
    arrays, widths = result.arrays, result.arrays["width"]
    kinds = np.where(arrays["complete"], 0, np.where(arrays["all_covered"], 1, 2))
    places = np.searchsorted(widths, arrays["m"])

    def cloud(quantity: str) -> Iterator[Points]:
        """The runs of each kind, spread around the place of their width."""
        for kind, (label, colour, marker) in enumerate(KINDS):
            chosen = np.flatnonzero(kinds == kind)
            spread = 0.5 * ((np.arange(len(chosen)) * 0.618) % 1.0 - 0.5)
            look: Any = {"size": 3.5, "colour": colour, "marker": marker, "label": label}
            yield Points(places[chosen] + spread, arrays[quantity][chosen], **look)

    axis: Any = {
        "xlabel": "width $m$",
        "xticks": Ticks(range(len(widths)), [f"{m}" for m in widths]),
    }
    yield Panel(
        [Horizontal(1.0, dash="-", width=0.6), *cloud("ratio")],
        title="norm of the limit",
        ylabel=r"$\|\theta_\infty\|^2\,/\,$least",
        **axis,
    )
    most = int(arrays["plateaus"].max())
    yield Panel(
        cloud("plateaus"),
        title="plateaus",
        ylabel="plateaus of the loss",
        yticks=range(most + 2),
        **axis,
    )
    chance, at = probabilities(result), np.arange(len(widths))
    named = "probability of Assumption 3"
    yield Panel(
        [
            Line(at, chance, dash="--", colour=style.THEORY, label=named),
            Points(at, arrays["share"]),
        ],
        title="Assumption 3 holds",
        ylabel="share of draws",
        ylim=(0.0, 1.05),
        **axis,
    )
