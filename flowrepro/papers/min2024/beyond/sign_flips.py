"""How many output weights change sign early, against the imbalance of the start (Section 2.1).

The paper's theorems start balanced, where the sign of a_j is constant; its experiments do not.
While the network is negligible and a neuron keeps its activation pattern,

    a(t) = a_0 cosh(||D|| t) + <u, w_0> sinh(||D|| t),   D = x_a(w_0),   u = D / ||D||.

Hence a_j changes its sign iff sign(a_0) <u, w_0> < -|a_0|, which |a_0| >= ||w_0|| excludes.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.claim import require
from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most, none_of
from flowrepro.core.initialize import initial_weights
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.figures import style
from flowrepro.figures.panels import Band, Line, Panel, Ticks
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.figures_6_to_9_toy import SIX_POINTS
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Sign changes of the output weights")


@topic.study
def sign_flips(
    data: Dataset,
    *,
    seeds: int = option(40, "draws of the initial weights", within=(1, 10_000)),
    m: int = option(50, "neurons", within=(1, 1_000)),
    scale: float = option(1e-6, "deviation of the initial w_j", within=(1e-100, 10.0)),
    lr: float = option(2e-3, "step size", within=(1e-6, 1.0)),
    n_steps: int = option(7_000, "iterations", within=(1, 1_000_000)),
    ratio: list[float] = option(
        [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0],
        "deviation of w_j over that of a_j",
        within=(1e-6, 1e6),
    ),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """Runs from the paper's draws of the weights, with a_j divided by each ratio.

    Returns W0 (R, m, d), ratio (Q,), a0 and a (Q, R, m) at the start and at the end.
    """
    case = override(SIX_POINTS, {"m": m, "scale": scale, "lr": lr, "n_steps": n_steps})
    members = np.arange(seed, seed + seeds)
    draws = [initial_weights(case.init, int(member), data.X.shape[1]) for member in members]
    W0, a0 = np.stack([W for W, _ in draws]), np.stack([a for _, a in draws])
    ends, found = np.array([0, n_steps]), []
    for done, quotient in enumerate(ratio):
        problem = Problem.of(case, data.X, data.y, W0[0], a0[0] / quotient)
        end = run_ensemble(problem, Members(members, W0, a0 / quotient), SaveAt(ends, ends))
        found.append(end.at(n_steps)[1])
        progress(done + 1, len(ratio))
    starts = np.stack([a0 / quotient for quotient in ratio])
    return {"W0": W0, "ratio": np.array(ratio), "a0": starts, "a": np.stack(found)}


SIGN_FLIPS = sign_flips.case(
    "sign-flips",
    "Beyond the paper: output weights that change sign, against the imbalance of the start.",
    data=SIX_POINTS.data,
    quick={"options.seeds": 5},
)


def flipped(result: Study) -> np.ndarray:
    """Neurons (Q, R, m) whose a_j has another sign at the end than at the start."""
    return np.asarray(np.sign(result.arrays["a"]) != np.sign(result.arrays["a0"]))


def predicted(X: np.ndarray, y: np.ndarray, W0: np.ndarray, a0: np.ndarray) -> np.ndarray:
    """Neurons (...) whose a_j changes its sign if they keep their first activation pattern."""
    pull = ((W0 @ X.T > 0) * y) @ X
    norms = np.linalg.norm(pull, axis=-1)
    component = np.sum(pull * W0, axis=-1) / np.where(norms > 0, norms, 1.0)
    return np.asarray((norms > 0) & (np.sign(a0) * component < -np.abs(a0)))


def predicted_of(result: Study) -> np.ndarray:
    """The prediction for all neurons of the study, (Q, R, m)."""
    return predicted(result.X, result.y, result.arrays["W0"], result.arrays["a0"])


@topic.claim(
    "beyond-flips-dominated",
    "A neuron that starts with |a_j| >= ||w_j|| keeps the sign of a_j.",
    place="Section 2.1",
)
def dominated(result: Study) -> Iterator[Part]:
    """Such neurons whose a_j changed its sign."""
    safe = np.abs(result.arrays["a0"]) >= np.linalg.norm(result.arrays["W0"], axis=-1)
    none = "no neuron starts with |a_j| >= ||w_j||; take a smaller options.ratio"
    require(None if safe.any() else none)
    changed = int(np.sum(flipped(result) & safe))
    yield none_of(f"of {int(safe.sum())} neurons with |a_j| >= ||w_j||, changed", changed)


@topic.claim(
    "beyond-flips-share",
    "Without balance a_j changes its sign iff sign(a_0) <x_a, w_0> < -|a_0| ||x_a||.",
    place="beyond Section 4",
    given=(as_declared(SIGN_FLIPS, ("seed", "options.seeds", "options.ratio")),),
)
def share_of_flips(result: Study) -> Iterator[Part]:
    """Neurons that the first pattern predicts wrongly, over all ratios (measured 1.1 %)."""
    wrong = np.mean(flipped(result) != predicted_of(result), axis=(1, 2)).max()
    yield at_most("largest share of neurons predicted wrongly", wrong, 0.025)


@topic.figure(
    "beyond-sign-flips",
    "How many output weights change sign, against the imbalance of the initialisation.",
    layout=(1, 1, style.COLUMN, 2.7),
)
def flips(result: Study) -> Iterator[Panel]:
    """Shares of the neurons of a run: mean and 5 to 95 % over the runs, and the prediction."""
    ratio, shares = result.arrays["ratio"], flipped(result).mean(axis=2)
    low, _, high = np.percentile(shares, (5, 50, 95), axis=1)
    marks = [
        Band(ratio, low, high, label="5 to 95 % of the runs"),
        Line(ratio, shares.mean(axis=1), marker="o", width=1.2, label="descent, mean"),
        Line(ratio, predicted_of(result).mean(axis=(1, 2)), dash="--", width=1.2,
             colour=style.THEORY, label="predicted from the first pattern"),
    ]  # fmt: skip
    yield Panel(marks, xlabel="deviation of $w$ over deviation of $a$ at the start",
                ylabel="share of $a_j$ that change sign", scale="log-linear", ylim=(0, None),
                xticks=Ticks(ratio, [f"{one:g}" for one in ratio]),
                legend="lower right")  # fmt: skip
