"""Assumptions, definitions and conserved quantities of boursier2022 (Section 2, Lemma 1, App. B.1).

What the paper asserts of its own data is judged on its own data; on other data it is a number.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable, require
from flowrepro.claims.limits import following_the_flow
from flowrepro.claims.verdict import Part, at_least, at_most, none_of, number, within
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figure_5_lazy import LAZY
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.hypotheses import (
    ORTHOGONAL_FLOW,
    balanced,
    closed_form,
    descending,
    growth_per_step,
    initial,
    orthogonal,
    small,
    two_signs,
    univariate,
)
from flowrepro.papers.boursier2022.sign_classes import (
    SignClass,
    assumption_3_probability,
    largest_cosine,
    largest_epsilon,
    ratio,
    sign_classes,
)
from flowrepro.papers.topic import Topic
from flowrepro.theory.conservation import drift, sign_changes
from flowrepro.theory.square_descent import descent_on_squares, moderate, step_time, two_layer_relu
from flowrepro.theory.variation_norm import least_variation_norm

topic = Topic(PAPER, "Assumptions, definitions and conserved quantities")
claim = partial(topic.claim, on=(TOY,))

LEAST_TURN = 0.1
"""Turn, in radians, that shows that a pair does not stay (chosen; measured 14)."""
MANY = 20
"""Snapshots before the first half-fit that show whether a neuron returns to a sample."""
RESOLVED = 1e-12
"""Part of the loss below which its fall is rounding, from which no bound of the drift follows."""
VAGUE = 2.0
"""A neuron that may shrink by more between two snapshots was deactivated nobody knows where."""


def _of_the_paper(run: Run) -> bool:
    return run.case.data == TOY.data


def _two_classes(run: Run) -> tuple[SignClass, ...]:
    classes = sign_classes(run.X, run.y)
    if len(classes) < 2:
        raise NotApplicable("all labels have one sign; there is one phase only")
    return classes


@claim(
    "assumption-1",
    "The inputs are orthogonal; norms other than 1 are allowed.",
    place="Assumption 1",
    given=(moderate,),
)
def assumption_1(run: Run) -> Iterator[Part]:
    """max |cos(x_k, x_l)|, k != l."""
    norms = np.linalg.norm(run.X, axis=1)
    unit = f"orthogonal, not normalised: norms {norms.min():.4g} to {norms.max():.4g}"
    if np.allclose(norms, 1.0, rtol=1e-12, atol=0.0):
        unit = "norms 1"
    if not _of_the_paper(run):
        require(orthogonal(run))
    yield at_most(f"largest |cos| ({unit})", largest_cosine(run.X), 1e-12)


def _balanced_classes(run: Run) -> Run:
    """The run with labels for which ||D+|| = ||D-||."""
    size = np.empty_like(run.y)
    for own in (run.y > 0, run.y < 0):
        size[own] = np.linalg.norm(run.y[own] @ run.X[own])
    return replace(run, dataset=replace(run.dataset, y=run.y / size))


@claim(
    "assumption-2",
    "No label is zero, and ||D+|| != ||D-||.",
    place="Assumption 2",
    given=(moderate,),
    control=_balanced_classes,
)
def assumption_2(run: Run) -> Iterator[Part]:
    """|r - 1|, r = ||D_fast|| / ||D_slow||; near 0 there is no visible saddle."""
    distance, zeros = ratio(_two_classes(run)) - 1.0, int(np.sum(run.y == 0))
    if _of_the_paper(run):
        yield none_of("labels that are zero", zeros)
        yield at_least("|r - 1|", distance, 1e-9)
    else:
        yield number("|r - 1|", distance)
        yield number("labels that are zero", zeros)


@claim(
    "assumption-3",
    "S+ and S- are not empty at the initialisation.",
    place="Assumption 3",
    given=(moderate, two_layer_relu, orthogonal),
)
def assumption_3(run: Run) -> Iterator[Part]:
    """Size of the smaller of the two sets, and the probability for a balanced Gaussian draw."""
    classes, (W, a) = _two_classes(run), initial(run)
    if not np.any(W):
        raise NotApplicable(
            "the initial weights are zero, or below the smallest double, so S+ and S- are not known"
        )
    least = min(int(chosen.members(W, a).sum()) for chosen in classes)
    counted = "neurons in the smaller of S+ and S-"
    drawn = _of_the_paper(run) and run.case.init.name != "file"
    yield at_least(counted, least, 1) if drawn else number(counted, least)
    chance = assumption_3_probability(len(a), *(len(chosen.y) for chosen in classes))
    yield number("probability for such a draw", chance)


@claim(
    "lemma-1",
    "Every a_j^2 - ||w_j||^2 is constant up to the drift of descent, and no a_j with a_j^2 above "
    "that drift changes its sign.",
    place="Lemma 1",
    on=(TOY, FIVE_POINTS, LAZY),
    given=(descent_on_squares, descending),
)
@following_the_flow(TOY, FIVE_POINTS, LAZY)
def lemma_1(run: Run) -> Iterator[Part]:
    """Largest drift over neurons and snapshots.

    The flow has none. A step of descent changes a^2 - ||w||^2 by lr^2 (<w, D>^2 - a^2 ||D||^2), at
    most lr^2 times the squared gradient; summed, by the descent lemma, at most 2 lr times the
    decrease of the loss. With one orthogonal input per sign, neurons of a small start grow along
    their own direction and the two terms cancel, which leaves the drift while they align. Signs
    are kept by a balanced start; descent resolves them for a_j^2 above the drift.
    """
    group, loss = run.trajectory.group, run.trajectory.loss
    W, a = run.trajectory.W[:, group], run.trajectory.a[:, group]
    drifted, sizes = float(drift(W, a).max()), np.square(a) + np.sum(np.square(W), axis=2)
    cancelling = all(given(run) is None for given in (orthogonal, two_signs, small))
    if len(run.y) == 2 and cancelling:
        allowed = 1e-8 * sizes.max() + step_time(run) * sizes[0].max()
    else:
        fall = float(loss[0] - loss[-1])
        require(None if fall > RESOLVED * loss[0] else "the loss does not fall above rounding")
        allowed = 2.0 * run.case.protocol.lr * fall + 1e-13 * sizes.max()
    if allowed == 0.0:
        raise NotApplicable("all weights are zero")
    yield at_most("drift / what the step allows", drifted / allowed, 1.0)
    yield number("drift / largest a^2 + ||w||^2", drifted / sizes.max())
    if balanced(run) is None:
        changed = sign_changes(a, np.sqrt(drifted))
        yield none_of("neurons whose a_j changes sign with a_j^2 above the drift", changed)
        yield number(
            "sign changes with a_j^2 below the drift, which no step resolves",
            sign_changes(a) - changed,
        )


@claim(
    "appendix-b-1-epsilon",
    "The timeline has room between its phases: (1 + 3 eps)/||D+|| <= (1 - eps)/||D-||.",
    place="Appendix B.1",
    given=(moderate, orthogonal, two_signs),
    label="identity",
)
def epsilon(run: Run) -> Iterator[Part]:
    """The largest admissible eps; 1/8 on the paper's points with the missing 1/n^2 of alpha, beta.

    A property of the points, whatever is trained on them.
    """
    fast, slow = classes = sign_classes(run.X, run.y)
    eps = largest_epsilon(classes)
    if _of_the_paper(run):
        yield within("largest eps", eps, 0.125 - 1e-12, 0.125 + 1e-12)
    else:
        yield number("largest eps", eps)
    yield number("alpha", fast.smallest_share)
    yield number("beta", slow.smallest_share)
    room = (1 - eps) / slow.rate - (1 + 3 * eps) / fast.rate
    yield number("room in units of ln(1/lambda)", room)


def _directed(run: Run) -> np.ndarray:
    """<w_j, x_k> / ||w_j|| at the snapshots, (S, m, n); 0 for w_j = 0."""
    W = run.trajectory.W[:, run.trajectory.group]
    size = np.abs(W).max(axis=2, keepdims=True)
    U = W / np.where(size > 0, size, 1.0)
    norms = np.linalg.norm(U, axis=2, keepdims=True)
    return (U / np.where(norms > 0, norms, 1.0)) @ run.X.T  # type: ignore[no-any-return]


@claim(
    "lemma-6",
    "A neuron that leaves a sample never becomes active on it again.",
    place="Lemma 6",
    given=ORTHOGONAL_FLOW,
)
def lemma_6(run: Run) -> Iterator[Part]:
    """Pairs (j, k) with <w_j, x_k>/||w_j|| > 1e-12 at a snapshot after a negative one.

    Neurons leave samples while they align; MANY snapshots before the first half-fit of the closed
    form make a return visible.
    """
    form = closed_form(run)
    half_fit = form.half_steps(growth_per_step(run, form))[0]
    early = int(np.sum(run.trajectory.snapshot_step < half_fit))
    if early < MANY:
        raise NotApplicable(
            f"the run keeps weights at {early} steps before the first half-fit, too few (of {MANY})"
            " to see a neuron return; set record.geometric=1.05"
        )
    u = _directed(run)
    was_negative = np.logical_or.accumulate(u < 0, axis=0)
    back = np.any(was_negative[:-1] & (u[1:] > 1e-12), axis=0)
    yield none_of("pairs that come back", back.sum())
    yield number("snapshots before the first half-fit", early)


@claim(
    "proposition-2",
    "With relu'(0) = 0 a deactivated pair stays on <w_j, x_k> = 0.",
    place="Proposition 2",
    given=ORTHOGONAL_FLOW,
)
def proposition_2(run: Run) -> Iterator[Part]:
    """Most negative <w_j, x_k>/||w_j|| of a deactivated pair, over one step of descent.

    That step, by which descent overshoots, is dt |y_k| ||x_k||^2 / n. The first snapshot after the
    event is used; ||w_j|| may have shrunk since by at most e^{-(||D+|| + ||D-||) dt} over the
    interval, which the unit allows for. Intervals over which it allows for more than VAGUE decide
    nothing and are left out.
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
            f"the snapshots around a deactivation are {apart} steps apart or more, too far to tell "
            "its overshoot; set record.geometric=1.05"
        )
    overshoot = np.where(close, -u[1:] / (one_step * shrunk[:, None, None]), 0.0)
    yield at_most("overshoot in steps", overshoot.max(), 1.0 + 1e-6)
    yield number("deactivated pairs", close.any(axis=0).sum())
    yield number("not judged, between snapshots too far apart", left.sum() - close.sum())


@claim(
    "proposition-2-only-if",
    "With another value of relu'(0) than 0 a deactivated pair could not stay on <w_j, x_k> = 0, "
    "where it stays, so the flow would have no solution.",
    place="Proposition 2",
    given=ORTHOGONAL_FLOW,
)
def proposition_2_only_if(run: Run) -> Iterator[Part]:
    """From the deactivation of a pair until |h(x_k)| = |y_k|/2, as in the proof.

    The pair stays. With relu'(0) = 1 its equation would turn it off by the integral of
    |a_j| |y_k - h(x_k)| ||x_k|| / (n ||w_j||) over time; the largest over the pairs.
    """
    group, steps = run.trajectory.group, run.trajectory.snapshot_step
    W, a = run.trajectory.W[:, group], run.trajectory.a[:, group]
    h = np.stack([predict(run.X, *state) for state in zip(W, a, strict=True)])
    heights = W @ run.X.T
    early = np.logical_and.accumulate(np.abs(h) < np.abs(run.y) / 2)
    inside = np.logical_or.accumulate(heights <= 0) & (heights[0] > 0) & early[:, None]
    if not inside[:-1].any():
        raise NotApplicable("no pair is deactivated before its label is half fitted")
    dt, held = step_time(run) * np.diff(steps)[:, None, None], inside[:-1] & inside[1:]
    weight = np.linalg.norm(run.X, axis=1) / len(run.y)
    if np.max(np.sum(dt * held, axis=0) * np.abs(run.y) / 2 * weight) < LEAST_TURN:
        raise NotApplicable("the run ends too soon after a deactivation; raise n_steps")
    peak = np.maximum(np.abs(W).max(axis=2), np.finfo(float).tiny)
    sizes = peak * np.maximum(np.linalg.norm(W / peak[..., None], axis=2), 1e-300)
    speed = (np.abs(a) / sizes)[..., None] * (np.abs(run.y - h) * weight)[:, None]
    reach = sizes[1:, :, None] * np.linalg.norm(run.X, axis=1)
    stays = np.where(held, np.abs(np.diff(heights, axis=0)) / reach, 0.0).sum(axis=0)
    turns = np.where(held, dt * (speed[1:] + speed[:-1]) / 2, 0.0).sum(axis=0)
    yield at_most("way of <w_j, x_k> / (||w_j|| ||x_k||) of a deactivated pair", stays.max(), 1e-9)
    yield at_least("turn that relu'(0) = 1 would give it", turns.max(), LEAST_TURN)
    yield number("pairs", held.any(axis=0).sum())


@claim(
    "equation-8",
    "The least ||theta||^2/2 of an interpolator is the least F1 norm, W+ + W-.",
    place="eq 8",
    given=(moderate, orthogonal, two_signs, univariate),
    label="identity",
)
def equation_8(run: Run) -> Iterator[Part]:
    """The least F1 norm, by linear programming, over sum over classes of sqrt(sum (y/||x||)^2)."""
    expected = sum(chosen.weight for chosen in sign_classes(run.X, run.y))
    least = least_variation_norm(run.X, run.y) / expected
    yield within("least F1 norm / (W+ + W-)", least, 1 - 1e-6, 1 + 1e-6)
