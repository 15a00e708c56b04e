"""What the initial norm does to one, two and three layers (lee2022, columns of Figure 1)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro import data
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.lazy.together import run_together
from flowrepro.engines.population import angle_between
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.neuron import first_below
from flowrepro.papers.lee2022.section_5_runs import ALIGNED, NEURONS, SIZES, STEP_SIZES
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "What the initial norm does", given=(draws_its_points,))

RECORDS = 500


def nine_problems(seed: int, coarser: float) -> dict[str, tuple[Problem, np.ndarray]]:
    """The nine runs of a draw, with steps ``coarser`` times as large and as many fewer.

    Returns name -> (problem, w*).
    """
    found = {}
    for name, case in NEURONS.items():
        lr, n_steps = coarser * case.protocol.lr, round(case.protocol.n_steps / coarser)
        changed = override(case, {"data.options.seed": seed, "lr": lr, "n_steps": n_steps})
        points = data.load(changed.data)
        weights = initial_weights(changed.init, seed, points.X.shape[1], points.extra["student"])
        found[name] = (Problem.of(changed, points.X, points.y, *weights), points.extra["teacher"])
    return found


@topic.study
def initial_norms(
    *,
    seeds: list[int] = option([0, 1, 2, 3], "draws", within=(0, 2**31)),
    # coarser: the same curves in seconds
    coarser: float = option(4.0, "size of a step over the paper's", within=(1.0, 100.0)),
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Angles along the nine runs of several draws.

    runs : (9,) names. seeds : (S,). aligned : (S, 9) first recorded step, of the paper's size, with
    theta < ALIGNED, inf if none. last : (S, 9) theta at the end. apart : (S, layers, 2)
    sup |theta - theta of the middle norm| of the small and the large norm.
    """
    aligned, last = np.empty((2, len(seeds), 9))
    apart = np.empty((len(seeds), 3, 2))
    for k, seed in enumerate(seeds):
        problems, teachers = zip(*nine_problems(seed, coarser).values(), strict=True)
        n_steps = problems[0].n_steps
        grid = np.linspace(0, n_steps, min(n_steps, RECORDS) + 1).round().astype(np.int64)
        grid = np.unique(grid)
        runs = zip(run_together(problems, SaveAt(grid[[0, -1]], grid)), teachers, strict=True)
        theta = np.stack([angle_between(run.W[:, 0], teacher) for run, teacher in runs])
        aligned[k] = [first_below(path, coarser * grid, ALIGNED) for path in theta]
        last[k] = theta[:, -1]
        by_layers = theta.reshape(len(STEP_SIZES), len(SIZES), -1)
        apart[k] = np.abs(by_layers[:, [0, 2]] - by_layers[:, [1]]).max(axis=2)
        progress(k + 1, len(seeds))
    found = {"aligned": aligned, "last": last, "apart": apart}
    return {"runs": np.array(list(NEURONS)), "seeds": np.array(seeds), **found}


INITIAL_NORMS = initial_norms.case(
    "initial-norms",
    "Figure 1 across its columns: what the initial norm does to one, two and three layers",
    quick={"seeds": [0, 1], "coarser": 10.0},
)


@topic.claim(
    "figure-1-order",
    "A small initial norm speeds one layer up, leaves two layers alone and slows three down.",
    place="Figure 1; Section 5.1",
    kind="reproduction",
)
def ordering(study: Study) -> Iterator[Part]:
    """Draws out of order (one and three layers); spread of the times (two)."""
    one, two, three = np.split(study.arrays["aligned"], 3, axis=1)
    ordered = (one[:, 0] < one[:, 1]) & (one[:, 1] < one[:, 2])
    yield none_of("one layer: draws out of order", int(np.sum(~ordered)))
    finite = bool(np.all(np.isfinite(two)))
    spread = float(np.max(two.max(axis=1) / two.min(axis=1) - 1)) if finite else float("inf")
    yield at_most("two layers: largest relative spread of the times", spread, 0.1)
    small, others = three[:, [0]], three[:, 1:]
    slower = (small > others) | np.isinf(small) & np.isfinite(others)
    note = "three layers: draws in which a small norm is not slower than both others"
    yield none_of(note, int(np.sum(~slower.all(axis=1))))


@topic.claim(
    "figure-1-stuck",
    "Three layers from a small norm are far from aligned after 100000 steps of the paper's size.",
    place="Figure 1g",
    kind="reproduction",
)
def stuck(study: Study) -> Iterator[Part]:
    """Least theta at the end over the draws."""
    at = list(study.arrays["runs"]).index("3l-sn")
    yield at_least("least theta at the end", study.arrays["last"][:, at].min(), 0.3)


@topic.claim(
    "figure-1-two-layers",
    "The angle of two layers does not depend on the norm, up to what the sample and the step do.",
    place="Figure 1d-f; Section 5.1",
    kind="reproduction",
)
def independent(study: Study) -> Iterator[Part]:
    """sup |theta - theta of the middle norm|, which is 0 for the population flow."""
    apart = study.arrays["apart"]
    note = "two layers: largest difference (finite-sample tolerance)"
    yield at_most(note, apart[:, 1].max(), 0.05)
    for layers in (1, 3):
        yield number(f"the same for {layers} layers", apart[:, layers - 1].max())
