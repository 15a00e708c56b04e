"""Equations (7), (8) and (46) of min2024 at every single step of a descent: on points that satisfy Assumption 1 they hold for any step.

A step moves w_j by lr a_j sum over active k of |l'_k| y_k x_k, so that sign(a_j) y_i <x_i, .> of it is a sum of terms >= 0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from flowrepro.claims.old_claim import none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.options import at_least_one, one_of, positive
from flowrepro.core.config import Loss, StudyCase
from flowrepro.core.initialize import gaussian
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines import load
from flowrepro.engines.base import Problem
from flowrepro.papers.min2024.theory_cases import RULE, RULE_10D, RULE_UNBALANCED
from flowrepro.papers.min2024.theory_flow import balanced_start
from flowrepro.papers.min2024.theory_states import assumption_1, points_of, ref
from flowrepro.papers.topic import Progress
from flowrepro.theory.conservation import imbalance

CASES = (RULE.name, RULE_10D.name, RULE_UNBALANCED.name)
CHUNK = 500
"""Steps judged together."""
ROUNDING = 1e-15
"""Of <x_i, w_j> relative to ||x_i|| ||w_j||."""


def activation_rule(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """Full-batch descent, judged step by step.

    loss (K + 1,) at every step. wrong_way : steps x neurons x data with sign(a_j) y_i <x_i, change of w_j> < 0.
    wrong_changes : activations gained or lost against (7) and (8). changes (m, n) : how often each neuron crosses each hyperplane.
    revived : changes of dead neurons. left : changes of neurons in S+ (a > 0) or S- (a < 0). flips : changes of sign(a_j).
    imbalance : largest |a_j^2 - ||w_j||^2| / ||w_j||^2.
    """
    assert dataset is not None
    options, X, y = case.options, dataset.X.astype(np.float64), dataset.y.astype(np.float64)
    m, n_steps, scale, lr = (
        at_least_one(case, "m"),
        at_least_one(case, "n_steps"),
        positive(case, "scale"),
        positive(case, "lr"),
    )
    loss = Loss(
        name=one_of(case, "loss", "exp", "logistic2", "logistic"),
        reduction=one_of(case, "reduction", "sum", "mean"),
    )  # type: ignore[arg-type]
    W, a = (
        balanced_start(case.seed, m, X.shape[1])
        if options["balanced"]
        else gaussian(np.random.default_rng(case.seed), m, X.shape[1])
    )
    problem = Problem(X, y, scale * W, scale * a, loss, lr, n_steps)
    engine = load("fused")(problem)
    found = {
        name: np.array(0) for name in ("wrong_way", "wrong_changes", "revived", "left", "flips")
    }
    found |= {"changes": np.zeros((m, len(y)), dtype=np.int64), "imbalance": np.array(0.0)}
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
            _judge(X, y, W, a, found)
        progress(engine.step, n_steps)
    return {"loss": np.concatenate(losses), **found}


def _judge(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, found: dict[str, np.ndarray]
) -> None:
    """Add what the steps between the states W (B + 1, m, d), a (B + 1, m) do."""
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
    found["imbalance"][...] = max(
        float(found["imbalance"]), float(np.max(np.abs(imbalance(W, a)) / lengths**2))
    )


def finite(findings: Study) -> str | None:
    """The descent did not diverge."""
    return (
        None
        if np.all(np.isfinite(findings.arrays["loss"]))
        else "the descent diverged; lower options.lr"
    )


def descending(findings: Study) -> str | None:
    """No step raises the loss by more than 0.1 %, beyond which the descent follows no flow."""
    loss = findings.arrays["loss"]
    return finite(findings) or (
        None
        if np.all(np.diff(loss) <= 1e-3 * loss[:-1])
        else "a step raises the loss by more than 0.1 %; lower options.lr"
    )


def balanced(findings: Study) -> str | None:
    """|a_j| = ||w_j|| at the start."""
    return (
        None
        if findings.case.options["balanced"]
        else "the start is not balanced, so the signs of a_j change"
    )


@statement(
    "E46",
    ref("eq. (46)"),
    "theory",
    CASES,
    "every step moves <x_i, w_j> towards sign(a_j) y_i, so activations change as (7) and (8) say",
    (assumption_1, finite),
)
def check_rule(findings: Study) -> Sequence[Judgement]:
    """Products that move the wrong way, and activations that change the wrong way."""
    found = findings.arrays
    return [
        none_of("products that move the wrong way", int(found["wrong_way"])),
        none_of("wrong changes", int(found["wrong_changes"])),
    ]


@statement(
    "E46.dead", ref("Definition 1"), "theory", CASES, "a dead neuron never moves again", (finite,)
)
def check_dead(findings: Study) -> Sequence[Judgement]:
    """Activations that a dead neuron gains."""
    return [none_of("activations of dead neurons", int(findings.arrays["revived"]))]


@statement(
    "E46.traps",
    ref("Lemma 12"),
    "theory",
    CASES,
    "neurons never leave S+ (V_+) or S- (V_-)",
    (assumption_1, balanced, descending),
)
def check_traps(findings: Study) -> Sequence[Judgement]:
    """Activations that change in S+ or S-."""
    return [none_of("changes within a trap", int(findings.arrays["left"]))]


@statement(
    "E46.once",
    ref("Appendix E.2"),
    "theory",
    CASES,
    "every neuron crosses every hyperplane at most once",
    (assumption_1, balanced, descending),
)
def check_once(findings: Study) -> Sequence[Judgement]:
    """Most crossings of one hyperplane by one neuron: no Zeno behaviour, so a solution exists for all time."""
    return [upper("most crossings of a pair", int(findings.arrays["changes"].max()), 1.0)]


@statement(
    "E46.sign",
    ref("Section 2.1"),
    "theory",
    CASES,
    "a balanced start keeps the sign of every a_j",
    (balanced, descending),
)
def check_sign(findings: Study) -> Sequence[Judgement]:
    """Changes of sign between steps."""
    return [none_of("changes of sign", int(findings.arrays["flips"]))]


@statement(
    "E46.balance",
    ref("Section 2.1"),
    "theory",
    CASES,
    "a_j^2 - ||w_j||^2 is constant up to the step",
    (balanced, descending),
)
def check_balance(findings: Study) -> Sequence[Judgement]:
    """Largest |a_j^2 - ||w_j||^2| / ||w_j||^2 against 5 lr n X_max; a step changes it by lr^2 ||x_a||^2 ||w||^2 sin^2."""
    points, options = points_of(findings), findings.case.options
    rate = points.n * points.x_max if options["reduction"] == "sum" else points.x_max
    return [
        upper(
            "largest relative imbalance",
            float(findings.arrays["imbalance"]),
            5 * float(options["lr"]) * rate,
        )
    ]


@statement("E46.loss", ref("Section 2.1"), "theory", CASES, "the loss never increases", (finite,))
def check_loss(findings: Study) -> Sequence[Judgement]:
    """Largest relative increase in one step, and the loss at the end."""
    loss = findings.arrays["loss"]
    return [
        upper(
            "largest relative increase in a step", float(np.max(np.diff(loss) / loss[:-1])), 1e-14
        ),
        number("loss at the end", loss[-1]),
    ]


CLAIMS = (check_rule, check_dead, check_traps, check_once, check_sign, check_balance, check_loss)
