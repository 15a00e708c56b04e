"""Section 2: what the gradient flow keeps along any run, and descent up to its step.

dw/dt = a D, da/dt = <D, w>, so a^2 - ||w||^2 of every neuron is constant (Lemma 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.limits import following_the_flow
from flowrepro.claims.published import is_flow
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.figure_1_boxes import FIGURE_1
from flowrepro.papers.boursier2024.figure_2_three_points import FIGURE_2, PHASES
from flowrepro.papers.boursier2024.figure_3_eight_pieces import FIGURE_3
from flowrepro.papers.boursier2024.hypotheses import dominated, square_descent
from flowrepro.papers.boursier2024.neurons import active, reach, sides, states
from flowrepro.papers.boursier2024.section_5_limit import DOMINATED, UNBALANCED
from flowrepro.papers.topic import Topic
from flowrepro.theory.conservation import imbalance, sign_changes
from flowrepro.theory.square_descent import step_time

topic = Topic(PAPER, "What the flow keeps", given=(square_descent,))
ALL = (FIGURE_1, FIGURE_2, PHASES, UNBALANCED, DOMINATED, FIGURE_3)
stated = partial(topic.claim, on=ALL)
INTERVALS = 60


@stated(
    "lemma-1",
    "The flow keeps a^2 - ||w||^2 of every neuron, and descent does up to the step.",
    place="Lemma 1",
)
def lemma_1(run: Run) -> Iterable[Part]:
    """Sum over neurons of the largest change, relative to its bound.

    A step changes the difference by at most dt^2 ||D_j||^2 (a^2 + ||w||^2). The bound is the sum
    over steps, from above on at most INTERVALS intervals.
    """
    trajectory, group = run.trajectory, run.trajectory.group
    last = len(trajectory.snapshot_step) - 1
    chosen = np.unique(np.linspace(0, last, INTERVALS + 1).round().astype(int))
    W, a = trajectory.at(0)
    start, bound, changes = imbalance(W, a), 0.0, np.zeros(len(a))
    before = _largest_force(run, W, a), squared_norms(W, a)
    for gap, i in zip(np.diff(trajectory.snapshot_step[chosen]), chosen[1:], strict=True):
        W, a = trajectory.W[i][group], trajectory.a[i][group]
        changes = np.maximum(changes, np.abs(imbalance(W, a) - start))
        now = _largest_force(run, W, a), squared_norms(W, a)
        force, size = (np.maximum(*pair) for pair in zip(before, now, strict=True))
        bound += gap * float(np.sum(np.square(force) * size))
        before = now
    if is_flow(run):
        yield at_most("sum of changes / sum a^2", changes.sum() / np.sum(np.square(a)), 1e-5)
        return
    rounding = 2.0 * np.finfo(float).eps * trajectory.last_step * float(before[1].sum())
    yield at_most(
        "sum of changes / sum of dt^2 ||D||^2 (a^2 + ||w||^2)",
        changes.sum() / (step_time(run) ** 2 * bound + rounding),
        1.0,
    )
    yield number("largest change / largest a^2", changes.max() / np.square(a).max())


def squared_norms(W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """a_j^2 + ||w_j||^2, shape (m,)."""
    return np.square(a) + np.sum(np.square(W), axis=1)  # type: ignore[no-any-return]


def _largest_force(run: Run, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """Bound of ||D|| (m,) on either side of the hyperplanes that a neuron may cross in a step."""
    residual = run.y - predict(run.X, W, a)
    side = sides(run.X, W, reach(run, a, residual))
    D = ((side > 0) * residual) @ run.X
    near = (side == 0) @ (np.abs(residual) * np.linalg.norm(run.X, axis=1))
    return (np.linalg.norm(D, axis=1) + near) / len(residual)  # type: ignore[no-any-return]


@stated(
    "section-3-signs",
    "An initialisation with |a| >= ||w|| keeps the signs of the output weights.",
    place="Section 3",
    given=(dominated,),
)
@following_the_flow(*ALL)
def signs_kept(run: Run) -> Iterable[Part]:
    """Neurons whose a has both signs among the snapshots."""
    changed = sign_changes(run.trajectory.a[:, run.trajectory.group])
    yield none_of("neurons that change the sign of a", changed)


@stated(
    "lemma-4-inactive",
    "Neurons that start inactive on all data never move.",
    place="Lemma 4, item 3",
)
def inactive_neurons(run: Run) -> Iterable[Part]:
    """Such neurons that differ in a bit from their start at any snapshot."""
    W0, a0 = run.trajectory.at(0)
    idle = ~active(run.X, W0).any(axis=1)
    if not idle.any():
        raise NotApplicable("no neuron starts inactive on all data")
    moved = np.zeros(int(idle.sum()), dtype=bool)
    for W, a in states(run):
        moved |= np.any(W[idle] != W0[idle], axis=1) | (a[idle] != a0[idle])
    yield none_of(f"of {idle.sum()} neurons, moved", int(moved.sum()))


@stated("equation-2-descent", "The loss never rises.", place="Equation (2)")
@following_the_flow(*ALL)
def loss_descends(run: Run) -> Iterable[Part]:
    """Largest rise of the recorded loss, relative to its first value."""
    loss = run.trajectory.loss
    yield at_most("largest rise / L(0)", np.diff(loss).max(initial=0.0) / loss[0], 1e-6)
    yield number("rises", int(np.sum(np.diff(loss) > 0)))
