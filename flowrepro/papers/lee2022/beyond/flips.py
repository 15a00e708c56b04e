"""Which samples change their activation on the way, counted one by one (beyond lee2022, Figure 1).

While w turns in the plane of w_0 and w*, a sample changes at most once, and the samples on which
the neuron and its teacher differ are those in the wedge between them: the share theta / pi. A
sample of finite size also moves w out of the plane.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from flowrepro.claims.verdict import Part, at_most, none_of, number, within
from flowrepro.core.trajectory import Study
from flowrepro.engines.base import Problem
from flowrepro.engines.lazy.engine import LazyGD
from flowrepro.engines.population import angle_between
from flowrepro.figures import style
from flowrepro.figures.panels import Line, Mark, Panel, Points
from flowrepro.papers.lee2022 import PAPER
from flowrepro.papers.lee2022.figure_1_initial_norms import nine_problems
from flowrepro.papers.lee2022.hypotheses import draws_its_points
from flowrepro.papers.lee2022.panels import STEPS
from flowrepro.papers.lee2022.section_5_runs import NEURONS, STARTS, counted
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Changes of activation", given=(draws_its_points,))

RECORDS = 60
WEDGE_SHARE = 0.3
"""Largest |share of differing samples - theta / pi| in units of sqrt(d/n): w depends on the sample
(chosen; measured 0.10 at most in 5 draws)."""


def count(problem: Problem, teacher: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Train with the lazy engine, which sees every change at the step that makes it.

    Returns (4, T): changes so far, samples unlike the start, samples unlike the teacher, theta.
    """
    engine = LazyGD(problem)
    taught, begun = problem.X @ teacher > 0, problem.X @ problem.W0[0] > 0
    found = np.empty((len(steps), 4))
    for k, step in enumerate(steps):
        engine.advance(np.array([step]))
        w = engine.weights()[0][0]
        on, changes = problem.X @ w > 0, engine.stats["activation_flips"]
        found[k] = changes, np.sum(on != begun), np.sum(on != taught), angle_between(w, teacher)
    return found.T


@topic.study
def flips(
    *,
    coarser: float = option(20.0, "size of a step over the paper's", within=(1.0, 200.0)),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Counts along the nine runs.

    runs : (9,) names. step : (T,) in the paper's steps. n, d : (). flips, changed, wedge, theta :
    (9, T) as in `count`.
    """
    runs = nine_problems(seed, coarser)
    first = runs["1l-sn"][0]
    steps = np.concatenate([[0], np.geomspace(1, first.n_steps, RECORDS).round()])
    steps = np.unique(steps.astype(np.int64))
    found: list[np.ndarray] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for counts in pool.map(lambda run: count(run[0], run[1], steps), runs.values()):
            found.append(counts)
            progress(len(found), len(runs))
    *counted_samples, theta = np.swapaxes(found, 0, 1)
    changes, changed, wedge = (each.astype(np.int64) for each in counted_samples)
    n, d = map(np.array, first.shape[:2])
    about = {"runs": np.array(list(runs)), "step": coarser * steps, "n": n, "d": d}
    return {**about, "flips": changes, "changed": changed, "wedge": wedge, "theta": theta}


FLIPS = flips.case(
    "flips",
    "beyond Figure 1: which samples change their activation on the way, counted one by one in the "
    "nine runs",
    quick={"coarser": 50.0},
)


@topic.claim(
    "beyond-wedge",
    "Neuron and teacher differ on the share theta / pi of the samples.",
    place="Lemma 2.1, beyond the paper",
)
def wedge_is_angle(study: Study) -> Iterator[Part]:
    """At the start, where w_0 does not depend on the sample, in standard errors; later."""
    arrays = study.arrays
    n, share = int(arrays["n"]), arrays["theta"] / np.pi
    deviation = arrays["wedge"] / n - share
    error = np.sqrt(share[:, 0] * (1 - share[:, 0]) / n)
    yield at_most("at the start, standard errors", np.abs(deviation[:, 0] / error).max(), 4.0)
    largest = np.abs(deviation).max() / np.sqrt(arrays["d"] / n)
    yield at_most("along the runs, sqrt(d/n) (finite-sample tolerance)", largest, WEDGE_SHARE)


@topic.claim(
    "beyond-flips",
    "Every sample between the directions changes its activation once, and few change it back and "
    "forth.",
    place="Figure 1, beyond the paper",
)
def few_return(study: Study) -> Iterator[Part]:
    """Counts without the parity or number of the changed samples; changes / swept."""
    arrays = study.arrays
    changes, changed, theta = arrays["flips"], arrays["changed"], arrays["theta"]
    fewer, odd = changes < changed, (changes - changed) % 2 == 1
    impossible = fewer | odd | (np.diff(changes, axis=1, prepend=0) < 0)
    yield none_of("impossible counts", int(impossible.sum()))
    ratio = changes[:, -1] / (arrays["n"] * (theta[:, 0] - theta[:, -1]) / np.pi)
    yield within("changes / swept samples, least", ratio.min(), 0.95, 1.3)
    yield within("changes / swept samples, most", ratio.max(), 0.95, 1.3)
    for name, total in zip(arrays["runs"], changes[:, -1], strict=True):
        yield number(f"{name}: changes", total)


@topic.figure(
    "beyond-flips",
    "Changes of activation along the nine runs, and samples on which the neuron differs from its "
    "teacher, beside theta / pi.",
    layout=(1, 3, style.PAGE, 3.0),
    share="y",
    tolerance=(1e-3, 1e-3),  # a sample on the boundary counts 1 / n
)
def shares_of_samples(study: Study) -> Iterable[Panel]:
    """Shares of the samples over the steps for the three starts, a panel for each depth."""
    arrays = study.arrays
    x, n = arrays["step"] / 1000, arrays["n"]
    for k in range(len(NEURONS) // 3):
        marks: list[Mark] = []
        for j, (start, dash) in enumerate(zip(STARTS, style.DASHES, strict=False)):
            run = 3 * k + j
            changes, unlike = arrays["flips"][run] / n, arrays["wedge"][run] / n
            marks += [
                Line(x, changes, dash=dash, label=f"changes so far / n, {start} start"),
                Line(x, unlike, colour=style.DATA, dash=dash, width=1.0,
                     label=f"unlike the teacher / n, {start} start"),
                Points(x[::4], arrays["theta"][run, ::4] / np.pi, colour=style.THEORY, size=2.5,
                       label=r"$\theta/\pi$"),
            ]  # fmt: skip
        yield Panel(marks, title=counted(k + 1), xlabel=STEPS, ylabel="share of the samples",
                    scale="log-linear", xlim=(x[1], x[-1]),
                    ylim=(0, 1.1 * float((arrays["flips"] / n).max())))  # fmt: skip
