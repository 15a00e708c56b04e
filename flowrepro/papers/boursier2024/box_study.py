r"""Random points in the boxes of Assumption 3: which of Assumptions 4 to 6 they satisfy (Lemma 8), and where training ends (Theorem 2).

Training is by the engine "grouped-boost", whose steps keep a^2 - ||w||^2 and the sign of a as the flow does. Descent is not
the flow here: a balanced neuron with a < 0 that shrinks may change the sign of a, and lead training out of the spurious minimum.

The study's options: eta (list), samples (uniform in the boxes, for every eta), trained (sets of the first eta that are
trained), m, scale, lr, n_steps, finer (descent is run with lr, and with a step so many times shorter).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, style
from flowrepro.papers.boursier2024.assumptions import (
    assumption_5,
    assumption_6,
    boxes,
    edge_data,
    middle_coordinates,
)
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.least_squares import least_squares
from flowrepro.papers.boursier2024.study_hypotheses import declared
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress
from flowrepro.theory.arrangement import ON, arrangement

if TYPE_CHECKING:
    from matplotlib.axes import Axes

OUTER = np.array([True, False, True])
"""K for points in the boxes: the middle direction lies between the others (proof of Lemma 8)."""
AT_REST = 1e-8
"""Distance from least squares up to which training is at rest there."""
COMPARED = 50
"""Samples on which the closed forms are compared with the general test of Assumption 6."""


def sample_boxes(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """Per eta and sample: the least cosine (Assumption 4), the ratio of Assumption 5, the least r_k over K (6), eq 13; per trained set: its end."""
    rng, options = np.random.default_rng(case.seed), case.options
    drawn = [in_boxes(rng, float(eta), options["samples"]) for eta in options["eta"]]
    work = len(drawn) + options["trained"]
    slacks = []
    for done, ((X, y), eta) in enumerate(zip(drawn, options["eta"], strict=True)):
        slacks.append(_slacks(X, y, eta))
        progress(done + 1, work)
    arrays = {name: np.stack([part[name] for part in slacks]) for name in slacks[0]}
    first_X, first_y = drawn[0]
    arrays["general_gap"] = np.array(
        [
            _general_gap(X, y, arrays["residual"][0, i])
            for i, (X, y) in enumerate(zip(first_X[:COMPARED], first_y, strict=False))
        ]
    )
    ends = np.empty((options["trained"], 3, 2))
    for i in range(len(ends)):
        for j, (finer, engine) in enumerate(
            ((1, "grouped-boost"), (options["finer"], "auto"), (1, "auto"))
        ):
            ends[i, j] = _end(first_X[i], first_y[i], case, i, finer, engine)
        progress(len(drawn) + i + 1, work)
    return {
        **arrays,
        "distance": ends[:, 0, 0],
        "end_mse": ends[:, 0, 1],
        "fine_descent": ends[:, 1, 0],
        "descent": ends[:, 2, 0],
    }


def in_boxes(rng: np.random.Generator, eta: float, count: int) -> tuple[np.ndarray, np.ndarray]:
    """``count`` uniform samples of Assumption 3: X (count, 3, 2) and y (count, 3)."""
    low, high = boxes(eta)
    draw = low + (high - low) * rng.random((count, len(low)))
    return draw[:, :6].reshape(count, 3, 2), draw[:, 6:]


def _slacks(X: np.ndarray, y: np.ndarray, eta: float) -> dict[str, np.ndarray]:
    """Arrays (count,) for X (count, 3, 2), y (count, 3)."""
    norms = np.linalg.norm(X, axis=2)
    cosines = X @ X.transpose(0, 2, 1) / (norms[:, :, None] * norms[:, None, :])
    above = np.triu_indices(3, 1)
    sines = np.abs(
        X[:, above[0], 0] * X[:, above[1], 1] - X[:, above[0], 1] * X[:, above[1], 0]
    ) / (norms[:, above[0]] * norms[:, above[1]])
    fits = np.stack(
        [points @ least_squares(points, labels) for points, labels in zip(X, y, strict=True)]
    )
    middle = np.array([middle_coordinates(points) for points in X])
    return {
        "cosine": np.minimum(cosines[:, above[0], above[1]].min(axis=1), sines.min(axis=1)),
        "ratio": np.array(
            [assumption_5(points, labels, OUTER).ratio for points, labels in zip(X, y, strict=True)]
        ),
        "residual": (y - fits)[:, OUTER].min(axis=1),
        "middle": np.minimum(middle[:, 0] - eta, middle[:, 1]),
    }


def _general_gap(X: np.ndarray, y: np.ndarray, residual: float) -> float:
    """0 where the general test of Assumption 6 agrees with r_1, r_3 > 0 and K is the outer points; else 1."""
    cones = arrangement(X)
    K = edge_data(cones)
    return float(
        not (np.array_equal(K, OUTER) and (assumption_6(cones, y, K).slack > 0) == (residual > 0))
    )


def _end(
    X: np.ndarray, y: np.ndarray, case: StudyCase, index: int, finer: int, engine: str
) -> tuple[float, float]:
    """max_k |h(x_k) - <beta*, x_k>| and the MSE at the end of training with a step ``finer`` times shorter."""
    options = case.options
    init = Init(name="balanced", m=options["m"], scale=options["scale"], divide_by="sqrt(m)")
    end = train(
        problem_of(
            X, y, init, case.seed + index, options["lr"] / finer, finer * options["n_steps"]
        ),
        engine=engine,
    )
    h = predict(X, *end.at(end.last_step))
    return float(np.abs(h - X @ least_squares(X, y)).max()), float(end.loss[-1])


def paper_eta(findings: Study) -> str | None:
    """The first eta is at most 1/6."""
    eta = float(findings.case.options["eta"][0])
    return None if eta <= 1 / 6 + 1e-12 else f"the paper asks for eta < 1/6, not {eta:g}"


@statement(
    "lemma-8-samples",
    ref("Lemma 8"),
    "theory",
    ("boxes",),
    "points of the boxes satisfy Assumptions 4 and 6 and eq 13",
    given=(paper_eta,),
)
def lemma_8_samples(findings: Study) -> Sequence[Judgement]:
    """Over all samples; Assumption 5, which the lemma claims too, fails for some: see the errata."""
    arrays, eta = findings.arrays, findings.case.options["eta"]
    fractions = [
        number(f"part failing Assumption 5 at eta = {e:.4g}", float(np.mean(ratio <= 1)))
        for e, ratio in zip(eta, arrays["ratio"], strict=True)
    ]
    return [
        lower("least cosine or sine (Assumption 4)", float(arrays["cosine"].min()), ON),
        lower("least r_k (Assumption 6)", float(arrays["residual"].min()), ON),
        lower("least margin of eq 13", float(arrays["middle"].min()), ON),
        none_of("general tests of Assumption 6 that disagree", int(arrays["general_gap"].sum())),
        *fractions,
    ]


@statement(
    "lemma-8-assumption-5",
    ref("Lemma 8"),
    "reproduction",
    ("boxes",),
    "Assumption 5 fails on a part of the boxes at 1/6",
    given=(declared,),
)
def lemma_8_assumption_5(findings: Study) -> Sequence[Judgement]:
    """Corrected claim: guaranteed for eta <= 0.0976 only (measured at the corners of the boxes)."""
    fails = np.mean(findings.arrays["ratio"] <= 1, axis=1)
    return [
        window("part failing at 1/6", float(fails[0]), 0.03, 0.10),
        window("part failing at 0.12", float(fails[1]), 0.0, 0.005),
        window("part failing at 0.0976", float(fails[2]), 0.0, 0.0),
    ]


@statement(
    "theorem-2-boxes",
    ref("Theorem 2"),
    "theory",
    ("boxes",),
    "training ends at least squares on every set of the boxes",
    given=(paper_eta,),
)
def theorem_2_boxes(findings: Study) -> Sequence[Judgement]:
    """Also where Assumption 5 fails."""
    arrays = findings.arrays
    trained = len(arrays["distance"])
    return [
        upper(
            "largest |h - <beta*, x>| at the end",
            float(arrays["distance"].max(initial=0.0)),
            AT_REST,
        ),
        lower("least MSE at the end", float(arrays["end_mse"].min(initial=np.inf)), 1e-3),
        number("sets trained", trained),
        number("of them failing Assumption 5", int(np.sum(arrays["ratio"][0, :trained] <= 1))),
        number(
            "of them leaving least squares by descent", int(np.sum(arrays["descent"] > AT_REST))
        ),
        number(
            f"and with a step {findings.case.options['finer']} times shorter",
            int(np.sum(arrays["fine_descent"] > AT_REST)),
        ),
    ]


class BoxSamples(NamedTuple):
    """eta (e,), ratio of both sides of Assumption 5 (e, samples), sorted; distances from least squares (3, trained), sorted, by steps
    that keep the imbalance, by descent, and by descent with shorter steps; how much shorter.
    """

    eta: np.ndarray
    ratio: np.ndarray
    distance: np.ndarray
    finer: int


def collect_boxes(findings: Study) -> BoxSamples:
    """Slacks and ends."""
    arrays, options = findings.arrays, findings.case.options
    distance = np.stack([np.sort(arrays[name]) for name in ("distance", "descent", "fine_descent")])
    return BoxSamples(
        np.array(options["eta"]), np.sort(arrays["ratio"], axis=1), distance, int(options["finer"])
    )


def draw_boxes(axes: Sequence[Axes], data: BoxSamples) -> None:
    """Distribution of the ratio; distances one beside the other."""
    ratios, ends = axes
    share = (np.arange(data.ratio.shape[1]) + 1) / data.ratio.shape[1]
    for eta, ratio, line in zip(
        data.eta, data.ratio, ("-", "--", ":", "-.") * len(data.eta), strict=False
    ):
        ratios.plot(ratio, share, line, color=style.LEARNED, label=f"$\\eta$ = {eta:.3g}")
    ratios.axvline(1.0, color=style.THEORY, linewidth=1.0)
    ratios.set(
        xlabel="left / right side of Assumption 5",
        ylabel="part of the samples below",
        title="(a) Assumption 5 holds right of 1",
    )
    ratios.legend(loc="lower right")
    looks = (
        (style.POSITIVE, "+", "$a^2 - ||w||^2$ kept"),
        (style.NEGATIVE, "v", "descent, the same step"),
        (style.LEARNED, "o", f"descent, a step {data.finer} times shorter"),
    )
    for distance, (colour, marker, label) in zip(data.distance, looks, strict=True):
        ends.plot(
            np.arange(1, len(distance) + 1),
            np.maximum(distance, 1e-16),
            marker,
            color=colour,
            markersize=4,
            markerfacecolor="none",
            label=label,
        )
    ends.set(
        yscale="log",
        ylim=(1e-16, 1e6),
        xlabel="set of points, sorted",
        title="(b) $\\max_k |h - \\langle\\beta^*, x_k\\rangle|$ at the end",
    )
    ends.legend(loc="upper left")


CLAIMS: tuple[Claim, ...] = (lemma_8_samples, lemma_8_assumption_5, theorem_2_boxes)
FIGURES = (
    Figure(
        id="boxes",
        file="boxes",
        cases=("boxes",),
        caption="Random points in the boxes of Assumption 3: how often Assumption 5 holds, and where training ends.",
        layout=(1, 2, style.PAGE, 2.7),
        collect=collect_boxes,
        draw=draw_boxes,
    ),
)
