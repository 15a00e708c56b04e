"""Figure 1 read across its columns: what the size of the start does to one, two and three layers, for several draws."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from flowrepro import data
from flowrepro.claims.old_claim import lower, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.lazy.together import run_together
from flowrepro.engines.population import angle_between
from flowrepro.papers.lee2022.angle_checks import first_below
from flowrepro.papers.lee2022.experiments import ALIGNED, INITIAL_NORMS, NEURONS, SIZES, STEP_SIZES
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

RECORDS = 500


def nine_problems(seed: int, coarser: float) -> dict[str, tuple[Problem, np.ndarray]]:
    """The nine runs of a draw, with steps ``coarser`` times as large and as many fewer; name -> (problem, w*)."""
    found = {}
    for name, case in NEURONS.items():
        changed = override(
            case,
            {
                "data.options.seed": seed,
                "lr": coarser * case.protocol.lr,
                "n_steps": round(case.protocol.n_steps / coarser),
            },
        )
        points = data.load(changed.data)
        weights = initial_weights(changed.init, seed, points.X.shape[1], points.extra["student"])
        found[name] = (Problem.of(changed, points.X, points.y, *weights), points.extra["teacher"])
    return found


def compute_initial_norms(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Angles along the nine runs of several draws.

    runs : (9,) names. seeds : (S,). step : (T,) in the paper's steps. aligned : (S, 9) first recorded step with theta < 0.1, inf if none.
    last : (S, 9) theta at the end. apart : (S, layers, 2) sup |theta - theta of the middle norm| of the small and the large norm.
    """
    seeds, coarser = [int(seed) for seed in study.options["seeds"]], float(study.options["coarser"])
    aligned, last, apart = (
        np.empty((len(seeds), 9)),
        np.empty((len(seeds), 9)),
        np.empty((len(seeds), 3, 2)),
    )
    for k, seed in enumerate(seeds):
        runs = nine_problems(seed, coarser)
        n_steps = next(iter(runs.values()))[0].n_steps
        grid = np.unique(
            np.linspace(0, n_steps, min(n_steps, RECORDS) + 1).round().astype(np.int64)
        )
        trajectories = run_together(
            [problem for problem, _ in runs.values()], SaveAt(grid[[0, -1]], grid)
        )
        theta = np.stack(
            [
                angle_between(run.W[:, 0], teacher)
                for run, (_, teacher) in zip(trajectories, runs.values(), strict=True)
            ]
        )
        aligned[k] = [first_below(path, coarser * grid, ALIGNED) for path in theta]
        last[k] = theta[:, -1]
        by_layers = theta.reshape(len(STEP_SIZES), len(SIZES), -1)
        apart[k] = np.abs(by_layers[:, [0, 2]] - by_layers[:, [1]]).max(axis=2)
        progress(k + 1, len(seeds))
    return {
        "runs": np.array(list(NEURONS)),
        "seeds": np.array(seeds),
        "aligned": aligned,
        "last": last,
        "apart": apart,
    }


GIVEN = (as_declared(INITIAL_NORMS, ("seed", "options")),)


@statement(
    "figure-1-order",
    ref("Figure 1; Section 5.1"),
    "reproduction",
    ("initial-norms",),
    "a small norm speeds one layer up, leaves two alone and slows three down",
    GIVEN,
)
def ordering(findings: Study) -> list[Judgement]:
    """measured over the draws: inversions of the order small < middle < large (one layer), spread of the times (two), inversions (three)."""
    one, two, three = np.split(findings.arrays["aligned"], 3, axis=1)
    spread = (
        float(np.max(two.max(axis=1) / two.min(axis=1) - 1))
        if np.all(np.isfinite(two))
        else float("inf")
    )
    slower = (three[:, [0]] > three[:, 1:]) | np.isinf(three[:, [0]]) & np.isfinite(three[:, 1:])
    return [
        none_of(
            "one layer: draws out of order",
            int(np.sum(~((one[:, 0] < one[:, 1]) & (one[:, 1] < one[:, 2])))),
        ),
        upper("two layers: largest relative spread of the times", spread, 0.1),
        none_of(
            "three layers: draws in which a small norm is not slower than both others",
            int(np.sum(~slower.all(axis=1))),
        ),
    ]


@statement(
    "figure-1-stuck",
    ref("Figure 1g"),
    "reproduction",
    ("initial-norms",),
    "three layers from a small norm are far from aligned after 100000 steps",
    GIVEN,
)
def stuck(findings: Study) -> list[Judgement]:
    """measured: least theta at the end over the draws."""
    at = list(findings.arrays["runs"]).index("3l-sn")
    return [lower("least theta at the end", findings.arrays["last"][:, at].min(), 0.3)]


@statement(
    "figure-1-two-layers",
    ref("Figure 1d-f; Section 5.1"),
    "reproduction",
    ("initial-norms",),
    "for two layers the angle does not depend on the norm",
    GIVEN,
)
def independent(findings: Study) -> list[Judgement]:
    """measured: sup |theta - theta of the middle norm|; 0 for the population flow, so what is left is the sample's and the step's."""
    apart = findings.arrays["apart"]
    others = [
        number(f"the same for {layers} layers", apart[:, layers - 1].max()) for layers in (1, 3)
    ]
    return [
        upper("two layers: largest difference (finite-sample tolerance)", apart[:, 1].max(), 0.05),
        *others,
    ]


CLAIMS = (ordering, stuck, independent)
