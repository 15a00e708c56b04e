r"""Networks of infinite width beside wide ones, on the points of Figure 2 (beyond Section 4).

The radius of a neuron's law integrates out, so that equidistributed nodes train the limit
m -> infinity up to the error of the nodes. Random networks differ from it by 1 / sqrt(m).
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.verdict import Part, at_most, number, within
from flowrepro.core.config import Data
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Mark, Panel, Points
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.hypotheses import declared
from flowrepro.papers.boursier2024.training import law, problem_of, train
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Infinite width")
LIMIT = np.array(
    [
        [0.01466, 0.01356, 0.01081],
        [0.114532, 0.105967, 0.084554],
        [0.536782, 0.497738, 0.400126],
        [0.723312, 0.675020, 0.554289],
    ]
)
"""h on the data at steps 3669, 4440, 5374 and 6504 in infinite width (measured, 400000 nodes)."""


@topic.study
def infinite_width(
    data: Dataset,
    *,
    steps: list[int] = option([3669, 4440, 5374, 6504], "steps of descent", within=(1, 10**6)),
    widths: list[int] = option([200, 2000, 10_000], "neurons", within=(1, 10**6)),
    seeds: int = option(16, "networks of each width", within=(1, 1000)),
    nodes: int = option(40_000, "nodes of infinite width, a multiple of 20", within=(20, 10**6)),
    scale: float = option(1e-3, "initial scale lambda", within=(1e-12, 10.0)),
    lr: float = option(1e-3, "step of descent", within=(1e-4, 0.1)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """h on the data: limit (steps, n) with the nodes, coarse (steps, n) with a tenth of them.

    finite (widths, seeds, steps, n) : of random networks.
    """
    X, y = data.X, data.y
    work = 2 + len(widths) * seeds

    def outputs(name: str, m: int, seed: int) -> np.ndarray:
        problem = problem_of(X, y, law(name, m, scale), seed, lr, max(steps))
        run = train(problem, snapshots=tuple(steps))
        return np.stack([predict(X, *run.at(step)) for step in steps])

    limit = outputs("balanced-quadrature", nodes, seed)
    coarse = outputs("balanced-quadrature", nodes // 20 * 2, seed)
    finite = np.empty((len(widths), seeds, *limit.shape))
    for done, (i, j) in enumerate(np.ndindex(finite.shape[:2])):
        finite[i, j] = outputs("balanced", widths[i], seed + j)
        progress(done + 3, work)
    return {"limit": limit, "coarse": coarse, "finite": finite}


INFINITE_WIDTH = infinite_width.case(
    "infinite-width",
    "Beyond the paper: the network of infinite width on the points of Figure 2, and how wide ones "
    "approach it.",
    Data(name="three-points"),
    quick={"options.nodes": 4000, "options.seeds": 2, "options.widths": [100, 400]},
)


def errors(result: Study) -> np.ndarray:
    """max_k |h - h_inf|, shape (widths, seeds, steps)."""
    return np.abs(result.arrays["finite"] - result.arrays["limit"]).max(axis=-1)  # type: ignore[no-any-return]


@topic.claim(
    "beyond-width-error",
    "Wide networks approach the limit of infinite width as 1 / sqrt(m).",
    place="beyond Section 4",
)
def width_error(result: Study) -> Iterable[Part]:
    """Exponents of the root mean square error, within four standard deviations.

    ln of a root mean square of R normal errors has the variance 1 / (2 R). The error of the nodes
    is far below.
    """
    options, error = result.case.options, errors(result)
    widths = np.array(options["widths"], dtype=np.float64)
    if len(widths) < 2 or widths.max() < 50 * widths.min():
        require("an exponent needs widths over a factor of 50")
    x = np.log(widths)
    sizes = np.sqrt(np.mean(error**2, axis=1))
    half = 4.0 * np.sqrt(0.5 / options["seeds"] / np.sum((x - x.mean()) ** 2))
    for step, exponent in zip(options["steps"], np.polyfit(x, np.log(sizes), 1)[0], strict=True):
        yield within(f"exponent at step {step}", exponent, -0.5 - half, -0.5 + half)
    nodes = np.abs(result.arrays["coarse"] - result.arrays["limit"]).max()
    yield at_most("error of a tenth of the nodes", nodes, 0.1 * float(error[-1].mean()))
    yield number("largest width", widths.max())


@topic.claim(
    "beyond-infinite-width",
    "The network of infinite width on the points of Figure 2 has known outputs.",
    place="beyond Figure 2",
    kind="reproduction",
    given=(declared(INFINITE_WIDTH),),
)
def known_limit(result: Study) -> Iterable[Part]:
    """Difference from 400000 nodes, and the constant of the error at step 5374."""
    scaled = errors(result) * np.sqrt(result.case.options["widths"])[:, None, None]
    middle = scaled[:, :, result.case.options["steps"].index(5374)]
    gap = np.abs(result.arrays["limit"] - LIMIT).max()
    size = np.sqrt(np.mean(middle**2))
    yield at_most("difference from 400000 nodes", gap, 2e-5)
    note = "root mean square of sqrt(m) max |h - h_inf| at step 5374"
    yield within(note, size, 0.2, 0.7)


@topic.figure(
    "infinite-width",
    "Three points: distance of wide networks from the network of infinite width, at four steps.",
    layout=(1, 1, style.COLUMN, 2.9),
)
def distances(result: Study) -> Iterable[Panel]:
    """One mark per run, steps side by side; slope -1/2 from the largest root mean square."""
    error, steps = errors(result), result.case.options["steps"]
    widths = np.array(result.case.options["widths"])
    marks: list[Mark] = []
    for s, step in enumerate(steps):
        x = widths * (1.0 + 0.12 * (s - (len(steps) - 1) / 2))
        marks.append(Points(np.repeat(x, error.shape[1]), error[:, :, s].ravel(), size=3.0,
                            marker="osv^Dx"[s % 6], colour=style.grey(s, len(steps)),
                            label=f"step {step}"))  # fmt: skip
    largest = np.sqrt(np.mean(error**2, axis=1)).max(axis=1)
    law = largest[0] * np.sqrt(widths[0] / widths)
    marks.append(Line(widths, law, colour=style.THEORY, dash="--", width=1.0,
                      label="slope $-1/2$"))  # fmt: skip
    yield Panel(marks, scale="log-log", xlabel="width $m$", ylabel=r"$\max_k |h - h_\infty|$")
