"""How many output weights change sign early, against the imbalance of the initialisation (beyond min2024).

The paper's theorems start balanced, where the sign of a_j is constant; its experiments do not. While the network is
negligible and a neuron keeps its pattern, a(t) = a_0 cosh(||D|| t) + <u, w_0> sinh(||D|| t) with D = x_a(w_0), u = D/||D||:
a_j changes its sign iff sign(a_0) <u, w_0> < -|a_0|, which |a_0| >= ||w_0|| excludes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import none_of, require, statement, upper
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.claims.options import at_least_one, numbers
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase, override
from flowrepro.core.initialize import initial_weights
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.figures import Figure, style
from flowrepro.papers.min2024.toy_cases import SIGN_FLIPS, SIX_POINTS
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SECTION_2 = Ref("min2024", "Section 2.1")
CASES = (SIGN_FLIPS.name,)
FREE = ("seed", "options.seeds", "options.ratio")


def sign_flips(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """Runs from ``options.seeds`` draws of the paper's initialisation, with its a_j divided by each of ``options.ratio``.

    Returns W0 (R, m, d), ratio (Q,), a0 and a (Q, R, m) at the start and after ``options.n_steps``.
    """
    assert dataset is not None
    case = override(
        SIX_POINTS, {key: study.options[key] for key in ("m", "scale", "lr", "n_steps")}
    )
    seeds, ratios = (
        np.arange(study.seed, study.seed + at_least_one(study, "seeds")),
        numbers(study, "ratio"),
    )
    draws = [initial_weights(case.init, int(seed), dataset.X.shape[1]) for seed in seeds]
    W0, a0 = np.stack([W for W, _ in draws]), np.stack([a for _, a in draws])
    ends = np.array([0, case.protocol.n_steps])
    found = []
    for done, ratio in enumerate(ratios):
        problem = Problem.of(case, dataset.X, dataset.y, W0[0], a0[0] / ratio)
        trajectory = run_ensemble(problem, Members(seeds, W0, a0 / ratio), SaveAt(ends, ends))
        found.append(trajectory.at(int(ends[-1]))[1])
        progress(done + 1, len(ratios))
    return {
        "W0": W0,
        "ratio": np.array(ratios),
        "a0": np.stack([a0 / ratio for ratio in ratios]),
        "a": np.stack(found),
    }


def flipped(findings: Study) -> np.ndarray:
    """Neurons (Q, R, m) whose a_j has another sign at the end than at the start."""
    return np.asarray(np.sign(findings.arrays["a"]) != np.sign(findings.arrays["a0"]))


def predicted(X: np.ndarray, y: np.ndarray, W0: np.ndarray, a0: np.ndarray) -> np.ndarray:
    """Neurons (...) whose a_j changes its sign if they keep their first pattern: sign(a_0) <u, w_0> < -|a_0|."""
    pull = ((W0 @ X.T > 0) * y) @ X
    norms = np.linalg.norm(pull, axis=-1)
    along = np.sum(pull * W0, axis=-1) / np.where(norms > 0, norms, 1.0)
    return np.asarray((norms > 0) & (np.sign(a0) * along < -np.abs(a0)))


@statement(
    "flips.dominated",
    SECTION_2,
    "theory",
    CASES,
    "a neuron that starts with |a_j| >= ||w_j|| keeps the sign of a_j",
)
def dominated(findings: Study) -> list[Judgement]:
    """measured: such neurons whose a_j changed its sign."""
    safe = np.abs(findings.arrays["a0"]) >= np.linalg.norm(findings.arrays["W0"], axis=-1)
    require(
        None
        if safe.any()
        else "no neuron starts with |a_j| >= ||w_j||; take a smaller options.ratio"
    )
    return [
        none_of(
            f"of {int(safe.sum())} neurons with |a_j| >= ||w_j||, changed",
            np.sum(flipped(findings) & safe),
        )
    ]


@statement(
    "flips.share",
    Ref("min2024", "Section 4"),
    "theory",
    CASES,
    "without balance a_j changes its sign iff sign(a_0) <x_a, w_0> < -|a_0| ||x_a||",
    (as_declared(SIGN_FLIPS, FREE),),
)
def share_of_flips(findings: Study) -> list[Judgement]:
    """measured: neurons for which the first pattern predicts otherwise, the largest share of all ratios (measured 1.1 % in the worst case)."""
    expected = predicted(findings.X, findings.y, findings.arrays["W0"], findings.arrays["a0"])
    return [
        upper(
            "largest share of neurons predicted wrongly",
            np.mean(flipped(findings) != expected, axis=(1, 2)).max(),
            0.025,
        )
    ]


class Flips(NamedTuple):
    """Per ratio (Q,) of the deviations of w and a: percentiles 5, 50, 95 (3, Q) over the runs of the share that flips, its mean and the predicted one."""

    ratio: np.ndarray
    band: np.ndarray
    mean: np.ndarray
    predicted: np.ndarray


def collect_flips(findings: Study) -> Flips:
    """Shares of the neurons of a run, over the runs."""
    shares = flipped(findings).mean(axis=2)
    expected = predicted(findings.X, findings.y, findings.arrays["W0"], findings.arrays["a0"])
    return Flips(
        findings.arrays["ratio"],
        np.percentile(shares, (5, 50, 95), axis=1),
        shares.mean(axis=1),
        expected.mean(axis=(1, 2)),
    )


def draw_flips(axes: Sequence[Axes], data: Flips) -> None:
    """One panel over the ratio on a log axis."""
    (ax,) = axes
    ax.fill_between(
        data.ratio,
        data.band[0],
        data.band[2],
        color=style.LEARNED,
        alpha=0.25,
        linewidth=0,
        label="5 to 95 % of the runs",
    )
    ax.plot(
        data.ratio,
        data.mean,
        "o-",
        color=style.LEARNED,
        markersize=3.5,
        linewidth=1.2,
        label="descent, mean",
    )
    ax.plot(
        data.ratio,
        data.predicted,
        "--",
        color=style.THEORY,
        linewidth=1.2,
        label="predicted from the first pattern",
    )
    ax.set(
        xscale="log",
        xlabel="deviation of $w$ over deviation of $a$ at the start",
        ylabel="share of $a_j$ that change sign",
        ylim=(0, None),
    )
    ax.set_xticks(data.ratio, [f"{ratio:g}" for ratio in data.ratio])
    ax.minorticks_off()
    ax.spines["right"].set_visible(False)
    ax.legend(loc="lower right")


CLAIMS = (dominated, share_of_flips)
FIGURES = (
    Figure(
        id="beyond-sign-flips",
        file="beyond-sign-flips",
        cases=CASES,
        caption="How many output weights change sign, against the imbalance of the initialisation (six points of Figure 6).",
        layout=(1, 1, style.COLUMN, 2.7),
        collect=collect_flips,
        draw=draw_flips,
    ),
)
