"""At every step of a descent a neuron only gains data of its own sign (min2024, eqs. 7, 8 and 46).

Along the flow d/dt <x_i, w_j> has the sign of a_j y_i under Assumption 1. A neuron of V_+ (a_j > 0)
can therefore only gain positive and lose negative data, and S+, S- and the dead cone are traps.
Descent is judged step by step, so that no change of activation between records is missed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from flowrepro.claims.limits import following_the_flow
from flowrepro.claims.verdict import Part, at_most, none_of, number
from flowrepro.core.config import Loss
from flowrepro.core.initialize import gaussian
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines import load
from flowrepro.engines.base import Problem
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import LOSS_NAMES, LossName, assumption_1
from flowrepro.papers.min2024.shared.constants import CLUSTERS, SIX_POINTS, points_of
from flowrepro.papers.min2024.theorem_1_flow import balanced_start
from flowrepro.papers.study import Progress, option, silent
from flowrepro.papers.topic import Topic
from flowrepro.theory.conservation import imbalance

CHUNK = 500
"""Steps judged together."""
ROUNDING = 1e-15
"""Of <x_i, w_j> relative to ||x_i|| ||w_j||."""

topic = Topic(PAPER, "Activations change one way (eqs. 7, 8 and 46)", command="toy2d")


@topic.study
def activation_rule(
    data: Dataset,
    *,
    m: int = option(50, "neurons", within=(1, 100_000)),
    scale: float = option(1e-6, "scale of the start", within=(1e-100, 10.0)),
    balanced: bool = option(True, "start with |a_j| = ||w_j||"),
    loss: LossName = option("exp", "loss", choices=LOSS_NAMES),
    reduction: Literal["sum", "mean"] = option(
        "sum", "sum or mean over the samples", choices=("sum", "mean")
    ),
    lr: float = option(1e-3, "step size", within=(1e-9, 10.0)),
    n_steps: int = option(20_000, "steps", within=(1, 10_000_000)),
    seed: int,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """Full-batch descent, judged step by step.

    Returns
    -------
    loss (K + 1,) : at every step.
    wrong_way : steps x neurons x data with sign(a_j) y_i <x_i, change of w_j> < 0.
    wrong_changes : activations gained or lost against (7) and (8).
    changes (m, n) : how often each neuron crosses each hyperplane.
    revived : changes of dead neurons. left : changes of neurons in S+ (a > 0) or S- (a < 0).
    flips : changes of sign(a_j). imbalance : largest |a_j^2 - ||w_j||^2| / ||w_j||^2.
    """
    require_signs(data)
    X, y = data.X.astype(np.float64), data.y.astype(np.float64)
    if balanced:
        W, a = balanced_start(seed, m, X.shape[1])
    else:
        W, a = gaussian(np.random.default_rng(seed), m, X.shape[1])
    rule = Loss(name=loss, reduction=reduction)
    engine = load("fused")(Problem(X, y, scale * W, scale * a, rule, lr, n_steps))
    found = no_changes(m, len(y))
    losses = [engine.advance(np.array([0]))]
    W, a = (weights[None] for weights in engine.weights())
    while engine.step < n_steps:
        states = []
        for step in range(engine.step + 1, min(engine.step + CHUNK, n_steps) + 1):
            losses.append(engine.advance(np.array([step])))
            states.append(engine.weights())
        W = np.concatenate([W[-1:], [state[0] for state in states]])
        a = np.concatenate([a[-1:], [state[1] for state in states]])
        with np.errstate(all="ignore"):  # a descent may diverge
            add_changes(X, y, W, a, found)
        progress(engine.step, n_steps)
    return {"loss": np.concatenate(losses), **found}


def no_changes(m: int, n: int) -> dict[str, np.ndarray]:
    """The counters of `activation_rule` at zero."""
    names = ("wrong_way", "wrong_changes", "revived", "left", "flips")
    counters = {name: np.array(0) for name in names}
    return counters | {"changes": np.zeros((m, n), dtype=np.int64), "imbalance": np.array(0.0)}


def add_changes(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, found: dict[str, np.ndarray]
) -> None:
    """Add to the counters what the steps between the states W (B + 1, m, d), a (B + 1, m) do."""
    sign, sizes = np.sign(a[:-1])[..., None], np.linalg.norm(X, axis=1)
    lengths = np.linalg.norm(W, axis=-1)
    moves = sign * y * (np.diff(W, axis=0) @ X.T)
    found["wrong_way"] += np.sum(moves < -ROUNDING * sizes * lengths[:-1, :, None])
    active = W @ X.T > 0
    changed, before = active[1:] != active[:-1], active[:-1]
    found["wrong_changes"] += np.sum(changed & (active[1:] != (sign * y > 0)))
    found["changes"] += np.sum(changed, axis=0)
    dead, own = ~before.any(axis=-1), np.all(before == (sign * y > 0), axis=-1)
    found["revived"] += np.sum(changed & dead[..., None])
    found["left"] += np.sum(changed & own[..., None])
    found["flips"] += np.sum(np.diff(np.sign(a), axis=0) != 0)
    largest = float(np.max(np.abs(imbalance(W, a)) / lengths**2))
    found["imbalance"][...] = max(float(found["imbalance"]), largest)


RULE = activation_rule.case(
    "theory-rule",
    "Equations (7), (8) and (46) at every step of a descent on six points: activations change one "
    "way only",
    data=SIX_POINTS,
    quick={"options.n_steps": 4_000},
)
RULE_10D = activation_rule.case(
    "theory-rule-10d",
    "The same on twelve points in ten dimensions",
    data=CLUSTERS,
    m=30,
    quick={"options.n_steps": 4_000},
)
RULE_UNBALANCED = activation_rule.case(
    "theory-rule-unbalanced",
    "The same for the unbalanced start of the experiments, by the current sign of each output "
    "weight",
    data=SIX_POINTS,
    balanced=False,
    reduction="mean",
    lr=2e-3,
    n_steps=21_000,
    quick={"options.n_steps": 4_000},
)


def finite(result: Study) -> str | None:
    """The descent did not diverge."""
    if np.all(np.isfinite(result.arrays["loss"])):
        return None
    return "the descent diverged; lower options.lr"


def descending(result: Study) -> str | None:
    """No step raises the loss by more than 0.1 %, beyond which the descent follows no flow."""
    loss = result.arrays["loss"]
    if reason := finite(result):
        return reason
    if np.all(np.diff(loss) <= 1e-3 * loss[:-1]):
        return None
    return "a step raises the loss by more than 0.1 %; lower options.lr"


following = following_the_flow(*topic.cases)
"""Decorator: the statement is about the flow, and descent has it for small steps."""


def balanced_from_the_start(result: Study) -> str | None:
    """|a_j| = ||w_j|| at the start."""
    if result.case.options["balanced"]:
        return None
    return "the start is not balanced, so the signs of a_j change"


@topic.claim(
    "equation-46-descent",
    "Every step moves <x_i, w_j> towards sign(a_j) y_i, so that activations change as (7) and (8) "
    "say.",
    place="eq. (46)",
    given=(assumption_1, finite),
)
def one_way(result: Study) -> Iterator[Part]:
    """Products that move the wrong way, and activations that change the wrong way."""
    yield none_of("products that move the wrong way", int(result.arrays["wrong_way"]))
    yield none_of("wrong changes", int(result.arrays["wrong_changes"]))


@topic.claim(
    "definition-1-descent-dead",
    "A dead neuron never moves again.",
    place="Definition 1",
    given=(finite,),
)
def dead_stay(result: Study) -> Iterator[Part]:
    """Activations that a dead neuron gains."""
    yield none_of("activations of dead neurons", int(result.arrays["revived"]))


@topic.claim(
    "lemma-12-descent-traps",
    "A neuron never leaves S+ (V_+) or S- (V_-).",
    place="Lemma 12",
    given=(assumption_1, balanced_from_the_start, descending),
)
@following
def traps(result: Study) -> Iterator[Part]:
    """Activations that change in S+ or S-."""
    yield none_of("changes within a trap", int(result.arrays["left"]))


@topic.claim(
    "appendix-e-2-descent-once",
    "A neuron crosses every hyperplane at most once.",
    place="Appendix E.2",
    given=(assumption_1, balanced_from_the_start, descending),
)
@following
def once(result: Study) -> Iterator[Part]:
    """Most crossings of one hyperplane by one neuron: a solution exists for all time."""
    yield at_most("most crossings of a pair", int(result.arrays["changes"].max()), 1.0)


@topic.claim(
    "section-2-1-descent-sign",
    "A balanced start keeps the sign of every a_j.",
    place="Section 2.1",
    given=(balanced_from_the_start, descending),
)
@following
def signs(result: Study) -> Iterator[Part]:
    """Changes of sign between steps."""
    yield none_of("changes of sign", int(result.arrays["flips"]))


@topic.claim(
    "section-2-1-descent-balance",
    "The imbalance a_j^2 - ||w_j||^2 is constant up to the step.",
    place="Section 2.1",
    given=(balanced_from_the_start, descending),
)
@following
def balance(result: Study) -> Iterator[Part]:
    """Against 5 lr n X_max, as a step changes it by lr^2 ||x_a||^2 ||w||^2 sin^2."""
    points, options = points_of(result), result.case.options
    rate = points.n * points.x_max if options["reduction"] == "sum" else points.x_max
    largest = float(result.arrays["imbalance"])
    yield at_most("largest relative imbalance", largest, 5 * float(options["lr"]) * rate)


@topic.claim(
    "section-2-1-descent-loss", "The loss never increases.", place="Section 2.1", given=(finite,)
)
@following
def loss_falls(result: Study) -> Iterator[Part]:
    """Largest relative increase in one step, and the loss at the end."""
    loss = result.arrays["loss"]
    tiny = np.finfo(float).tiny  # the loss may underflow to 0
    largest = float(np.max(np.diff(loss) / np.maximum(loss[:-1], tiny)))
    yield at_most("largest relative increase in a step", largest, 1e-14)
    yield number("loss at the end", loss[-1])
