"""Assumptions, definitions and conserved quantities of boursier2022 as checks.

What the paper asserts of its own data is judged on its own data; on other data it is a number.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import (
    NotApplicable,
    lower,
    none_of,
    number,
    require,
    statement,
    upper,
    window,
)
from flowrepro.claims.old_verdict import Judgement
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022.experiments import TOY
from flowrepro.papers.boursier2022.hypotheses import (
    ORTHOGONAL_FLOW,
    balanced,
    descending,
    first_half_fit,
    initial,
    largest_cosine,
    orthogonal,
    ref,
    small,
    two_signs,
    univariate,
)
from flowrepro.papers.boursier2022.sign_classes import (
    assumption_3_probability,
    largest_epsilon,
    ratio,
    sign_classes,
)
from flowrepro.theory.conservation import drift, sign_changes
from flowrepro.theory.square_descent import descent_on_squares, moderate, step_time, two_layer_relu
from flowrepro.theory.variation_norm import least_variation_norm

EVERY_RUN = ("toy", "five-points", "lazy")
MANY = 20
"""Snapshots before the first half-fit from which a neuron's return to a sample is looked for."""
VAGUE = 2.0
"""Allowance for the shrinking of a neuron between two snapshots above which they do not tell where it was deactivated."""


def _of_the_paper(run: Run) -> bool:
    return run.case.data == TOY.data


@statement(
    "assumption-1",
    ref("Assumption 1"),
    "theory",
    ("toy",),
    "the inputs are orthogonal; norms other than 1 are allowed for",
    (moderate,),
)
def assumption_1(run: Run) -> list[Judgement]:
    """measured: max |cos(x_k, x_l)|, k != l."""
    norms = np.linalg.norm(run.X, axis=1)
    unit = (
        "norms 1"
        if np.allclose(norms, 1.0, rtol=1e-12, atol=0.0)
        else f"orthogonal, not normalised: norms {norms.min():.4g} to {norms.max():.4g}"
    )
    if not _of_the_paper(run):
        require(orthogonal(run))
    return [upper(f"largest |cos| ({unit})", largest_cosine(run.X), 1e-12)]


@statement(
    "assumption-2",
    ref("Assumption 2"),
    "theory",
    ("toy",),
    "no label is zero and ||D+|| != ||D-||",
    (moderate,),
)
def assumption_2(run: Run) -> list[Judgement]:
    """measured: |r - 1|, r = ||D_fast|| / ||D_slow||; near 0 there is no visible saddle."""
    classes = sign_classes(run.X, run.y)
    if len(classes) < 2:
        raise NotApplicable("all labels have one sign; there is one phase only")
    zeros = int(np.sum(run.y == 0))
    if _of_the_paper(run):
        return [
            none_of("labels that are zero", zeros),
            lower("|r - 1|", ratio(classes) - 1.0, 1e-9),
        ]
    return [number("|r - 1|", ratio(classes) - 1.0), number("labels that are zero", zeros)]


@statement(
    "assumption-3",
    ref("Assumption 3"),
    "theory",
    ("toy",),
    "S+ and S- are non-empty at initialisation",
    (moderate, two_layer_relu, orthogonal),
)
def assumption_3(run: Run) -> list[Judgement]:
    """measured: size of the smaller of the two sets; the note has the probability that a balanced Gaussian draw satisfies it."""
    classes = sign_classes(run.X, run.y)
    if len(classes) < 2:
        raise NotApplicable("all labels have one sign; there is one phase only")
    W, a = initial(run)
    if not np.any(W):
        raise NotApplicable(
            "the initial weights are zero, or below the smallest double, so S+ and S- are not known"
        )
    least = min(int(chosen.members(W, a).sum()) for chosen in classes)
    chance = number(
        "probability for such a draw",
        assumption_3_probability(len(a), len(classes[0].y), len(classes[1].y)),
    )
    counted = "neurons in the smaller of S+ and S-"
    return (
        [lower(counted, least, 1), chance]
        if _of_the_paper(run) and run.case.init.name != "file"
        else [number(counted, least), chance]
    )


@statement(
    "lemma-1",
    ref("Lemma 1"),
    "theory",
    EVERY_RUN,
    "a_j^2 - ||w_j||^2 is constant, up to the drift of descent, and no a_j with a_j^2 above that drift changes sign",
    (descent_on_squares, descending),
)
def lemma_1(run: Run) -> list[Judgement]:
    """measured: largest drift over neurons and snapshots.

    The flow has none. A step of descent changes a^2 - ||w||^2 by lr^2 (<w, D>^2 - a^2 ||D||^2), at most lr^2 times the
    squared gradient; summed, by the descent lemma, at most 2 lr times the decrease of the loss. With one orthogonal
    input per sign, neurons of a small start grow along their own direction and the two terms cancel, which leaves the
    drift while they align. Signs are kept by a balanced start; descent resolves them for a_j^2 above the drift.
    """
    group, loss = run.trajectory.group, run.trajectory.loss
    W, a = run.trajectory.W[:, group], run.trajectory.a[:, group]
    drifted, sizes = float(drift(W, a).max()), np.square(a) + np.sum(np.square(W), axis=2)
    if (
        len(run.y) == 2
        and orthogonal(run) is None
        and two_signs(run) is None
        and small(run) is None
    ):
        allowed = 1e-8 * sizes.max() + step_time(run) * sizes[0].max()
    else:
        allowed = 2.0 * run.case.protocol.lr * max(loss[0] - loss[-1], 0.0) + 1e-13 * sizes.max()
    if allowed == 0.0:
        raise NotApplicable("all weights are zero")
    parts = [
        upper("drift / what the step allows", drifted / allowed, 1.0),
        number("drift / largest a^2 + ||w||^2", drifted / sizes.max()),
    ]
    if balanced(run) is None:
        parts.append(
            none_of(
                "neurons whose a_j changes sign with a_j^2 above the drift",
                sign_changes(a, np.sqrt(drifted)),
            )
        )
        parts.append(
            number(
                "sign changes with a_j^2 below the drift, which no step resolves",
                sign_changes(a) - sign_changes(a, np.sqrt(drifted)),
            )
        )
    return parts


@statement(
    "epsilon",
    ref("Appendix B.1"),
    "theory",
    ("toy",),
    "the timeline has room: (1+3 eps)/||D+|| <= (1-eps)/||D-||",
    (moderate, orthogonal, two_signs),
)
def epsilon(run: Run) -> list[Judgement]:
    """measured: the largest admissible eps; 1/8 on the paper's points with alpha, beta read with the missing 1/n^2."""
    classes = sign_classes(run.X, run.y)
    eps = largest_epsilon(classes)
    room = (1 - eps) / classes[1].rate - (1 + 3 * eps) / classes[0].rate
    shares = [
        number("alpha", classes[0].smallest_share),
        number("beta", classes[1].smallest_share),
        number("room in units of ln(1/lambda)", room),
    ]
    if _of_the_paper(run):
        return [window("largest eps", eps, 0.125 - 1e-12, 0.125 + 1e-12), *shares]
    return [number("largest eps", eps), *shares]


@statement(
    "lemma-6",
    ref("Lemma 6"),
    "theory",
    ("toy",),
    "a neuron that leaves a sample never becomes active on it again",
    ORTHOGONAL_FLOW,
)
def lemma_6(run: Run) -> list[Judgement]:
    """measured: pairs (j, k) with <w_j, x_k>/||w_j|| > 1e-12 at a snapshot after being negative at an earlier one.

    Neurons leave samples while they align; MANY snapshots before the first half-fit make a return visible.
    """
    early = int(np.sum(run.trajectory.snapshot_step < first_half_fit(run)))
    if early < MANY:
        raise NotApplicable(
            f"the run keeps weights at {early} steps before the first half-fit, too few (of {MANY}) to see a neuron return; set record.geometric=1.05"
        )
    u = _directed(run)
    was_negative = np.logical_or.accumulate(u < 0, axis=0)
    return [
        none_of("pairs that come back", np.any(was_negative[:-1] & (u[1:] > 1e-12), axis=0).sum()),
        number("snapshots before the first half-fit", early),
    ]


@statement(
    "proposition-2",
    ref("Proposition 2"),
    "theory",
    ("toy",),
    "with relu'(0) = 0 a deactivated pair stays on <w_j, x_k> = 0",
    ORTHOGONAL_FLOW,
)
def proposition_2(run: Run) -> list[Judgement]:
    """measured: most negative <w_j, x_k>/||w_j|| of a deactivated pair, in units of the one step a descent overshoots by.

    That step is dt |y_k| ||x_k||^2 / n. The first snapshot after the event is used; ||w_j|| may have shrunk since the
    event by at most e^{-(||D+|| + ||D-||) dt} over the interval, which the unit allows for. Intervals over which it allows for
    more than VAGUE decide nothing and are left out.
    """
    u, steps = _directed(run), run.trajectory.snapshot_step
    dt, fastest = step_time(run), sum(chosen.rate for chosen in sign_classes(run.X, run.y))
    one_step = dt * np.abs(run.y) * np.sum(np.square(run.X), axis=1) / len(run.y)
    shrunk = np.exp(np.minimum(fastest * dt * np.diff(steps), 700.0))
    left = (u[:-1] > 0) & (u[1:] <= 0)  # (S-1, m, n)
    close = left & (shrunk <= VAGUE)[:, None, None]
    if not left.any():
        raise NotApplicable("no neuron is deactivated between two snapshots")
    if not close.any():
        apart = int(np.diff(steps)[left.any(axis=(1, 2))].min())
        raise NotApplicable(
            f"the snapshots around a deactivation are {apart} steps apart or more, too far to tell its overshoot; set record.geometric=1.05"
        )
    overshoot = np.where(close, -u[1:] / (one_step * shrunk[:, None, None]), 0.0)
    return [
        upper("overshoot in steps", overshoot.max(), 1.0 + 1e-6),
        number("deactivated pairs", close.any(axis=0).sum()),
        number("not judged, between snapshots too far apart", left.sum() - close.sum()),
    ]


def _directed(run: Run) -> np.ndarray:
    """<w_j, x_k> / ||w_j|| at the snapshots, (S, m, n); 0 for w_j = 0."""
    W = run.trajectory.W[:, run.trajectory.group]
    size = np.abs(W).max(axis=2, keepdims=True)
    U = W / np.where(size > 0, size, 1.0)
    norms = np.linalg.norm(U, axis=2, keepdims=True)
    return (U / np.where(norms > 0, norms, 1.0)) @ run.X.T  # type: ignore[no-any-return]


@statement(
    "equation-8",
    ref("eq 8"),
    "theory",
    ("toy",),
    "min ||theta||^2/2 over interpolators is the least F1 norm, W+ + W-",
    (moderate, orthogonal, two_signs, univariate),
)
def equation_8(run: Run) -> list[Judgement]:
    """measured: the least F1 norm, solved as a linear program, over sum over classes of sqrt(sum (y_k/||x_k||)^2)."""
    expected = sum(chosen.weight for chosen in sign_classes(run.X, run.y))
    return [
        window(
            "least F1 norm / (W+ + W-)",
            least_variation_norm(run.X, run.y) / expected,
            1 - 1e-6,
            1 + 1e-6,
        )
    ]


CLAIMS = (
    assumption_1,
    assumption_2,
    assumption_3,
    lemma_1,
    epsilon,
    lemma_6,
    proposition_2,
    equation_8,
)
