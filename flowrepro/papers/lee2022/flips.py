"""Which samples change their activation on the way, counted one by one (beyond lee2022, Figure 1).

While w turns in the plane of w_0 and w*, a sample changes at most once, and the samples on which the neuron and its teacher
differ are those in the wedge between them: the share theta / pi. A sample of finite size also moves w out of the plane.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import none_of, number, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import require_ranges
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.engines.population import angle_between
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lee2022.beyond_cases import FLIPS
from flowrepro.papers.lee2022.experiments import NEURONS
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.lee2022.initial_norms import nine_problems
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RANGES = {"coarser": (1.0, 200.0)}
RECORDS = 60
WEDGE_SHARE = 0.3
"""Largest |share of differing samples - theta / pi| in units of sqrt(d/n): w depends on the sample (chosen; measured 0.10 at most in 5 draws)."""


class Counts(NamedTuple):
    """Along one run, (T,): changes of activation so far, samples unlike the start, samples unlike the teacher, and theta."""

    flips: np.ndarray
    changed: np.ndarray
    wedge: np.ndarray
    theta: np.ndarray


def count(problem: Problem, teacher: np.ndarray, steps: np.ndarray) -> Counts:
    """Train with the lazy engine, which sees every change at the step that makes it."""
    engine = LazyGD(problem)
    taught, begun = problem.X @ teacher > 0, problem.X @ problem.W0[0] > 0
    found = np.empty((len(steps), 4))
    for k, step in enumerate(steps):
        engine.advance(np.array([step]))
        w = engine.weights()[0][0]
        on = problem.X @ w > 0
        found[k] = (
            engine.stats["activation_flips"],
            np.sum(on != begun),
            np.sum(on != taught),
            angle_between(w, teacher),
        )
    flips, changed, wedge, theta = found.T
    return Counts(flips.astype(np.int64), changed.astype(np.int64), wedge.astype(np.int64), theta)


def compute_flips(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Counts along the nine runs: runs (9,) names, step (T,) in the paper's steps, samples and dimension, and `Counts`, each (9, T)."""
    require_ranges(study.options, RANGES)
    coarser = float(study.options["coarser"])
    runs = nine_problems(study.seed, coarser)
    first = runs["1l-sn"][0]
    steps = np.unique(
        np.concatenate([[0], np.geomspace(1, first.n_steps, RECORDS).round()]).astype(np.int64)
    )
    found: list[Counts] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(lambda run: count(run[0], run[1], steps), runs.values()):
            found.append(counts)
            progress(len(found), len(runs))
    arrays = {
        name: np.array([getattr(counts, name) for counts in found]) for name in Counts._fields
    }
    return {
        "runs": np.array(list(runs)),
        "step": coarser * steps,
        "n": np.array(first.shape[0]),
        "d": np.array(first.shape[1]),
        **arrays,
    }


GIVEN = (as_declared(FLIPS, ("seed", "options")),)


@statement(
    "beyond-wedge",
    ref("Lemma 2.1, beyond the paper"),
    "theory",
    ("flips",),
    "neuron and teacher differ on the share theta / pi of the samples",
    GIVEN,
)
def wedge_is_angle(findings: Study) -> list[Judgement]:
    """measured: at the start, where w_0 does not depend on the sample, the deviation in standard errors; later its largest in units of sqrt(d/n)."""
    arrays = findings.arrays
    n, share = int(arrays["n"]), arrays["theta"] / np.pi
    deviation = arrays["wedge"] / n - share
    error = np.sqrt(share[:, 0] * (1 - share[:, 0]) / n)
    return [
        upper("at the start, standard errors", np.abs(deviation[:, 0] / error).max(), 4.0),
        upper(
            "along the runs, sqrt(d/n) (finite-sample tolerance)",
            np.abs(deviation).max() / np.sqrt(arrays["d"] / n),
            WEDGE_SHARE,
        ),
    ]


@statement(
    "beyond-flips",
    ref("Figure 1, beyond the paper"),
    "theory",
    ("flips",),
    "every sample between the directions changes once, few change back and forth",
    GIVEN,
)
def few_return(findings: Study) -> list[Judgement]:
    """measured: records at which the count has not the parity and at least the number of the changed samples; changes over n (theta_0 - theta) / pi."""
    arrays = findings.arrays
    flips, changed = arrays["flips"], arrays["changed"]
    impossible = (
        (flips < changed) | ((flips - changed) % 2 == 1) | (np.diff(flips, axis=1, prepend=0) < 0)
    )
    swept = arrays["n"] * (arrays["theta"][:, 0] - arrays["theta"][:, -1]) / np.pi
    ratio = flips[:, -1] / swept
    numbers = [
        number(f"{name}: changes", total)
        for name, total in zip(arrays["runs"], flips[:, -1], strict=True)
    ]
    return [
        none_of("impossible counts", int(impossible.sum())),
        window("changes / swept samples, least", ratio.min(), 0.95, 1.3),
        window("changes / swept samples, most", ratio.max(), 0.95, 1.3),
        *numbers,
    ]


CLAIMS = (wedge_is_angle, few_return)


# ---- figure


class Flips(NamedTuple):
    """Names, steps (T,), changes and samples of the wedge as shares of n, and theta / pi, (9, T)."""

    runs: tuple[str, ...]
    step: np.ndarray
    flips: np.ndarray
    wedge: np.ndarray
    angle: np.ndarray


def collect_flips(findings: Study) -> Flips:
    """The study's arrays as shares."""
    arrays = findings.arrays
    return Flips(
        tuple(map(str, arrays["runs"])),
        arrays["step"],
        arrays["flips"] / arrays["n"],
        arrays["wedge"] / arrays["n"],
        arrays["theta"] / np.pi,
    )


def draw_flips(axes: Sequence[Axes], data: Flips) -> None:
    """One panel for each number of layers: shares over the steps for the three starts."""
    dashes = ("-", (0, (5, 2)), (0, (1, 1.2)))
    sizes = ("small", "middle", "large")
    for k, ax in enumerate(axes):
        for j, (dash, size) in enumerate(zip(dashes, sizes, strict=True)):
            run = len(sizes) * k + j
            ax.plot(
                data.step / 1000,
                data.flips[run],
                color=style.LEARNED,
                linestyle=dash,
                label=f"changes so far / n, {size} start",
            )
            ax.plot(
                data.step / 1000,
                data.wedge[run],
                color=style.DATA,
                linestyle=dash,
                linewidth=1.0,
                label=f"unlike the teacher / n, {size} start",
            )
            ax.plot(
                data.step[::4] / 1000,
                data.angle[run, ::4],
                "o",
                color=style.THEORY,
                markersize=2.5,
                label=r"$\theta/\pi$" if j == 0 else None,
            )
        ax.set(
            xscale="log",
            xlim=(data.step[1] / 1000, data.step[-1] / 1000),
            xlabel="step $T$ / 1000",
            title=f"({'abc'[k]}) {k + 1} layer{'s' if k else ''}",
        )
        ax.tick_params(labelleft=k == 0)
        ax.set_ylim(0, 1.1 * data.flips.max())
        ax.spines["right"].set_visible(False)
    axes[0].set_ylabel("share of the samples")
    legend_below(axes, columns=3)


FIGURES = (
    Figure(
        id="beyond-flips",
        file="beyond-flips",
        cases=("flips",),
        caption="Changes of activation along the nine runs, and samples on which the neuron differs from its teacher, beside theta / pi.",
        layout=(1, len(NEURONS) // 3, style.PAGE, 3.0),
        collect=collect_flips,
        draw=draw_flips,
        tolerance=(1e-3, 1e-3),  # a sample on the boundary counts 1 / n
    ),
)
