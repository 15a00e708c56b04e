r"""Why descent from a very small scale stays at the saddle of Figure 4, which the flow leaves.

On the five points the negative neurons shrink on the way to the saddle, all the more the smaller
the scale. The flow keeps the sign of a_j (Lemma 1). Descent keeps a_j^2 - ||w_j||^2 only up to the
square of its step, so neurons below that drift may jump over 0; once no active neuron has a
negative output weight, nothing is left to leave the best fit with positive weights. A smaller step
is the remedy (measured, seed 0 at 1e-5: it stays with lr = 1e-3 and leaves with 1e-4).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, none_of, number
from flowrepro.core.config import Data, Record
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.errors import UsageError
from flowrepro.figures import style
from flowrepro.figures.panels import Mark, Panel, Points, Ticks
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.appendix_b_flow import Start
from flowrepro.papers.boursier2022.figures_2_3_toy import MSE
from flowrepro.papers.boursier2022.positive_fit import best_positive_fit
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

LEFT = 0.99
"""The saddle is left when the MSE falls below this part of its value there."""
RECORDS = 240

topic = Topic(PAPER, "Descent loses its negative neurons where the flow keeps them")


@topic.study
def sign_jumps(
    data: Dataset,
    *,
    p: list[int | float] = option([3, 4, 5, 6], "scales 10^-p", within=(-2.0, 300.0)),
    seeds: int = option(4, "draws for each scale", within=(1, 100)),
    m: int = option(60, "neurons", within=(1, 2000)),
    lr: float = option(1e-3, "step size of descent on the MSE", within=(1e-5, 0.1)),
    horizon: float = option(600.0, "flow time; the flow leaves by 400", within=(1.0, 5000.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The flow and descent of the same draws from several scales, to the same flow time.

    Arrays (R,): p, seed, start (active neurons with a_j < 0 at the start); for the flow and for
    descent: left_* flow time at which the saddle is left (nan: not yet), negative_* such neurons at
    the end, changed_* neurons whose a_j changed sign, reached_* the last time. The flow may end
    early where many neurons slide at one instant; what it did until then counts.

    Raises UsageError for points that are not in the plane.
    """
    X, y = data.X, data.y
    if X.shape[1] != 2:
        raise UsageError(
            "this study fits points (x, 1) of the plane with positive weights, and these have "
            f"dimension {X.shape[1]}; give points with d = 2"
        )
    draws = [(float(each), draw) for each in p for draw in range(seed, seed + seeds)]
    starts = [Start.of(-each, m, draw, X.shape[1]) for each, draw in draws]
    level, count = LEFT * best_positive_fit(X, y).mse, len(draws)
    flows = []
    for done, start in enumerate(starts):
        flows.append(_flow(data, start, level, horizon))
        progress(done + 1, 2 * count)

    def later(part: float) -> None:
        progress(count + int(part * count), 2 * count)

    descents = _descend(data, starts, level, lr, horizon, later)
    return {
        "p": np.array([each for each, _ in draws]),
        "seed": np.array([draw for _, draw in draws]),
        "start": np.array([_negative(X, start.W, start.a) for start in starts]),
        **{
            f"{key}_{name}": np.array([end[key] for end in ends])
            for name, ends in (("flow", flows), ("descent", descents))
            for key in ends[0]
        },
    }


def _negative(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> int:
    """Neurons with a_j < 0 that are active on a sample; those that slide are on it by rounding."""
    height = W @ X.T / np.maximum(np.linalg.norm(W, axis=1), 1e-300)[:, None]
    return int(np.sum((a < 0) & np.any(height > 1e-9, axis=1)))


def _flow(data: Dataset, start: Start, level: float, horizon: float) -> dict[str, int | float]:
    run = start.flow(data.X, data.y, np.linspace(0.0, horizon, RECORDS))
    below = np.flatnonzero(2 * run.loss < level)
    u, b = run.Y[-1, :, 1:-1], run.Y[-1, :, -1]
    return {
        "left": float(run.t[below[0]]) if below.size else np.nan,
        "negative": _negative(data.X, u, b),
        "changed": int(np.sum(np.sign(b) != np.sign(start.a))),
        "reached": float(run.t[-1]),
    }


def _descend(
    data: Dataset,
    starts: list[Start],
    level: float,
    lr: float,
    horizon: float,
    progress: Callable[[float], None],
) -> list[dict[str, int | float]]:
    n_steps = round(horizon / (MSE.factor * lr))
    W0 = np.stack([np.exp(start.ln_scale) * start.W for start in starts])
    a0 = np.stack([np.exp(start.ln_scale) * start.a for start in starts])
    run = run_ensemble(
        Problem(data.X, data.y, W0[0], a0[0], MSE, lr, n_steps),
        Members(np.arange(len(starts)), W0, a0),
        SaveAt.of(Record(save_every=n_steps), n_steps),
        levels=(level,),
        progress=lambda step: progress(step / n_steps),
    )
    left = run.first_steps_below(level) * MSE.factor * lr
    W, a = run.at(n_steps)
    return [
        {
            "left": float(t) if np.isfinite(t) else np.nan,
            "negative": _negative(data.X, W[i], a[i]),
            "changed": int(np.sum(a[i] * a0[i] < 0)),
            "reached": horizon,
        }
        for i, t in enumerate(left)
    ]


SIGN_JUMPS = sign_jumps.case(
    "sign-jumps",
    "Descent from smaller scales loses negative neurons that the flow keeps (beyond the paper).",
    Data(name="five-points"),
    quick={"options.seeds": 1},
)


@topic.claim(
    "beyond-sign-jumps",
    "The flow leaves the saddle from every scale; descent stays there only once all its negative "
    "neurons have jumped over 0 or died.",
    place="Lemma 1, beyond",
    given=(as_declared(SIGN_JUMPS, ("seed", "options.seeds", "options.m")),),
)
def flow_leaves(result: Study) -> Iterator[Part]:
    """Flows that stay or change the sign of an a_j; descents that stay with a negative neuron."""
    arrays = result.arrays
    stays, active = np.isnan(arrays["left_descent"]), arrays["negative_descent"] > 0
    staying = int(np.sum(np.isnan(arrays["left_flow"])))
    changed = int(arrays["changed_flow"].sum())
    yield none_of("flows that do not leave the saddle", staying)
    yield none_of("neurons of a flow whose output weight changes sign", changed)
    held = int(np.sum(stays & active))
    yield none_of("descents that stay although a negative neuron is active", held)
    for p in np.unique(arrays["p"]):
        own = arrays["p"] == p
        note = f"descents that stay, scale 1e-{p:g} (of {np.sum(own)})"
        yield number(note, int(np.sum(stays & own)))


@topic.figure(
    "sign-jumps",
    "Five points from small scales: the flow leaves the saddle later and later; descent stays once "
    "its negative neurons have jumped over 0.",
    layout=(1, 2, style.PAGE, 2.7),
    tolerance=(2e-2, 1e-6),
)
def flow_and_descent(result: Study) -> Iterator[Panel]:
    """(a) when the saddle is left, (b) the active negative neurons that remain."""
    arrays, options = result.arrays, result.case.options
    scales = np.unique(arrays["p"])
    place = np.searchsorted(scales, arrays["p"]) + 0.04 * (np.arange(len(arrays["p"])) % 5 - 2)
    times, counts = list[Mark](), list[Mark]()
    for k, (key, name, colour) in enumerate(
        (
            ("flow", "flow", style.LEARNED),
            ("descent", f"gradient descent, step {options['lr']:g}", style.NEGATIVE),
        )
    ):
        left, at = arrays[f"left_{key}"], place + 0.12 * (2 * k - 1)
        stays = np.isnan(left)
        look: Any = {"marker": "os"[k], "size": 3.5, "colour": colour}
        times.append(Points(at[~stays], left[~stays], label=name, **look))
        if stays.any():
            end, named = np.full(stays.sum(), options["horizon"]), f"{name}: stays"
            times.append(Points(at[stays], end, marker="x", colour=colour, label=named))
        counts.append(Points(at, arrays[f"negative_{key}"], **look))
    start = arrays["start"]
    counts.append(
        Points(place, start, marker="_", size=6.0, colour=style.FRAME, label="at the start")
    )
    axis: Any = {
        "xlabel": "initial scale",
        "xticks": Ticks(range(len(scales)), [f"$10^{{-{p:g}}}$" for p in scales]),
        "ylim": (0.0, None),
    }
    yield Panel(times, title="when the saddle is left", ylabel="saddle left, flow time", **axis)
    yield Panel(
        counts, title="negative neurons at the end", ylabel="active neurons with $a_j<0$", **axis
    )
