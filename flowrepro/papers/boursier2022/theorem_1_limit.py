"""The limit of the flow: an interpolator of least norm, reached past a strict saddle.

boursier2022: Theorem 1, Proposition 1, Fact 1, eq 8. A small start leaves neurons that miss the
smallest label of a class, so the limit is at distance of order lambda^gamma from theta*.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, at_least, at_most, number
from flowrepro.core.network import activation, predict
from flowrepro.core.trajectory import Run
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.figure_4_five_points import FIVE_POINTS
from flowrepro.papers.boursier2022.figure_5_lazy import LARGER, LAZY
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.papers.boursier2022.hypotheses import (
    FLOW_EQUAL_NORMS,
    balanced,
    below_an_unnamed_scale,
    closed_form,
    equal_norms,
    final,
    half_mean_square,
    long_enough,
    orthogonal,
    squared_norm,
    straggling,
    two_signs,
    univariate,
)
from flowrepro.papers.boursier2022.sign_classes import sign_classes
from flowrepro.papers.topic import Topic
from flowrepro.theory.alignment import cosines
from flowrepro.theory.square_descent import descent_on_squares, mse, step_time
from flowrepro.theory.stationary import gradient_norm
from flowrepro.theory.variation_norm import least_variation_norm, piecewise_linear, variation_norm

topic = Topic(PAPER, "Theorem 1: the limit has the least norm")
claim = partial(topic.claim, on=(TOY,), given=FLOW_EQUAL_NORMS)


def multipliers(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """lam_k = y_k / (||x_k||^2 W_sign(y_k)), (n,), of min ||theta||^2 over interpolators."""
    weights = {chosen.sign: chosen.weight for chosen in sign_classes(X, y)}
    of_label = np.array([weights[float(sign)] for sign in np.sign(y)])
    return y / np.sum(np.square(X), axis=1) / of_label  # type: ignore[no-any-return]


@claim(
    "theorem-1",
    "The flow converges to zero loss and, for lambda -> 0, to an interpolator of least norm.",
    place="Theorem 1",
)
@below_an_unnamed_scale
def theorem_1(run: Run) -> Iterator[Part]:
    """Final L, ||theta||^2 / (2 (W+ + W-)) - 1, and ||theta - theta*||, theta* from the draw alone.

    Stragglers leave O(lambda^{2 gamma}) and O(lambda^gamma); descent leaves O(lr).
    """
    long_enough(run, 1e-12)
    W, a = final(run)
    form, left = closed_form(run), straggling(run)
    W_star, a_star = form.minimiser()
    excess = squared_norm(W, a) / (2 * sum(chosen.weight for chosen in form.classes)) - 1.0
    distance = np.sqrt(squared_norm(W - W_star, a - a_star) / squared_norm(W_star, a_star))
    dt = step_time(run)
    yield at_most("final L", half_mean_square(run.X, run.y, W, a), 1e-12)
    yield at_most("|norm^2 / (2 (W+ + W-)) - 1|", abs(excess), max(dt / 20, left**2))
    yield at_most("||theta - theta*|| / ||theta*||", distance, max(dt / 2, left))


@claim(
    "proposition-1",
    "The limit is a KKT point of min ||theta||^2 over interpolators, along D+ and -D-.",
    place="Proposition 1",
)
@below_an_unnamed_scale
def proposition_1(run: Run) -> Iterator[Part]:
    """||theta - sum_k lam_k grad f(x_k)|| / ||theta||, and how far grown neurons are turned away.

    The latter is 1 - the mean cosine, with weights ||w||^2, with the direction of their sign.
    """
    long_enough(run, 1e-12)
    W, a = final(run)
    lam, Z = multipliers(run.X, run.y), W @ run.X.T
    norms, left = np.linalg.norm(W, axis=1), straggling(run)
    # the flow leaves pairs on <w, x> = 0, up to rounding
    active = 1e-12 * norms[:, None] * np.linalg.norm(run.X, axis=1) < Z
    rest = W - a[:, None] * ((active * lam) @ run.X), a - activation(Z) @ lam
    residual = np.sqrt(squared_norm(*rest) / squared_norm(W, a))
    yield at_most("KKT residual", residual, max(1e-5, left))
    for chosen in sign_classes(run.X, run.y):
        grown = (norms > 1e-3) & (np.sign(a) == chosen.sign)
        if grown.any():
            cosine = np.average(cosines(W[grown], chosen.direction), weights=norms[grown] ** 2)
            note = f"1 - mean cosine, sign {chosen.sign:+.0f}"
            yield at_most(note, 1.0 - cosine, max(1e-4, left) ** 2)


@claim(
    "proposition-1-minimal-value",
    "The least ||theta||^2 of an interpolator is 2 (W+ + W-), as the multipliers certify.",
    place="Proposition 1",
)
@below_an_unnamed_scale
def minimal_value(run: Run) -> Iterator[Part]:
    """Duality gap of theta*, and of the end of the run, relative to 2 (W+ + W-).

    The multipliers are feasible: sup over unit u of |sum_k lam_k relu(<u, x_k>)| =
    sqrt(sum over a class of lam^2 ||x||^2) = 1. So ||theta||^2 >= 2 sum_k lam_k f(x_k) for every
    network: no interpolator has a smaller norm.
    """
    long_enough(run, 1e-12)
    form, lam = closed_form(run), multipliers(run.X, run.y)
    value = 2 * sum(chosen.weight for chosen in form.classes)
    sums = [
        np.sum(np.square(lam[np.sign(run.y) == chosen.sign]) * chosen.squared_norms)
        for chosen in form.classes
    ]
    best, reached = (
        (squared_norm(W, a) - 2 * float(lam @ predict(run.X, W, a))) / value
        for W, a in (form.minimiser(), final(run))
    )
    feasible = np.abs(np.array(sums) - 1).max()
    yield at_most("|sum of lam_k^2 ||x_k||^2 over a class - 1|", feasible, 1e-12)
    dual = abs(2 * float(lam @ run.y) / value - 1)
    yield at_most("|2 sum_k lam_k y_k / (2 (W+ + W-)) - 1|", dual, 1e-12)
    yield at_most("gap of theta*", abs(best), 1e-12)
    yield at_most("gap at the end of the run", abs(reached), max(1e-4, straggling(run)))
    yield at_least("weak duality at the end", reached, -1e-12)
    yield number("min ||theta||^2", value)


def _in_coordinates(X: np.ndarray, W: np.ndarray) -> np.ndarray:
    """W on the axes x_k/||x_k|| of orthogonal inputs: there <w, x_k> = 0 is without rounding."""
    turned = W @ (X / np.linalg.norm(X, axis=1)[:, None]).T
    return np.where(np.abs(turned) > 1e-12 * np.abs(turned).max(initial=0.0), turned, 0.0)


@claim(
    "fact-1-strict-saddle",
    "The points theta_S and 0 are strict saddles.",
    place="Fact 1",
    given=(descent_on_squares, orthogonal, two_signs, balanced, equal_norms),
    label="identity",
)
def strict_saddle(run: Run) -> Iterator[Part]:
    """||grad L||, the level of L, and the descent along one zero neuron, at theta_S and at 0.

    Putting (w, a) = eta (v, s), v the slow class's unit direction and s its sign, on a zero neuron
    changes L by -eta^2 ||D|| + eta^4/(2n) sum <v, x_k>^2 over that class; at 0 likewise along
    either class. theta_S is built from the draw, so this holds whatever the run does.
    """
    form = closed_form(run)
    fast, slow = form.classes
    if not form.members[0].any():
        raise NotApplicable("S of the faster class is empty (Assumption 3), so theta_S is 0")
    W, a = form.saddle()
    X, W = np.diag(np.linalg.norm(run.X, axis=1)), _in_coordinates(run.X, W)
    origin = np.zeros_like(W), np.zeros_like(a)
    size = half_mean_square(X, run.y, *origin)
    level = half_mean_square(X, run.y, W, a) - np.sum(np.square(slow.y)) / (2 * slow.n)
    yield at_most("||grad L(theta_S)||", gradient_norm(X, run.y, W, a), 1e-12 * size)
    yield at_most("|L(theta_S) - (1/2n) sum y^2|", abs(level), 1e-12 * size)
    places = (("theta_S", (W, a), slow), ("0", origin, fast), ("0", origin, slow))
    for name, (base_W, base_a), chosen in places:
        v = _in_coordinates(run.X, chosen.direction[None] / chosen.rate)[0]
        squares = np.sum(np.square(X[np.sign(run.y) == chosen.sign] @ v))
        for eta in (0.3, 0.1, 0.03):
            moved = half_mean_square(
                X, run.y, np.vstack([base_W, eta * v]), np.append(base_a, eta * chosen.sign)
            )
            change = -(eta**2) * chosen.rate + eta**4 / (2 * chosen.n) * squares
            error = abs(moved - half_mean_square(X, run.y, base_W, base_a) - change)
            note = f"descent from {name}, sign {chosen.sign:+.0f}, eta {eta:g}: error"
            yield at_most(note, error, 1e-12 * max(1.0, size))


@claim(
    "equation-8-variation-norm",
    "The F1 norm of f_theta is at most ||theta||^2/2.",
    place="eq 8",
    on=(TOY, FIVE_POINTS, LAZY),
    given=(descent_on_squares, univariate),
    label="identity",
)
def variation_norm_bound(run: Run) -> Iterator[Part]:
    """F1 norm / (||theta||^2/2) at the end, and the least F1 norm with these outputs / F1 norm."""
    W, a = final(run)
    f = piecewise_linear(W, a)
    norm = variation_norm(f)
    if norm == 0.0:
        raise NotApplicable("the network is the zero function")
    least = least_variation_norm(run.X, f(run.X[:, 0]))
    yield at_most("F1 norm / (||theta||^2/2)", norm / (squared_norm(W, a) / 2), 1 + 1e-6)
    yield at_most("least F1 norm with these outputs / F1 norm", least / norm, 1 + 1e-6)
    yield number("F1 norm", norm)


@claim(
    "section-3-2-larger-scale",
    "From a start of the scale of the mean field, 100000 times as large as that of Section 5, the "
    "limit still has nearly the least norm, and no saddle holds the loss up.",
    place="Section 3.2",
    on=(LARGER,),
    kind="reproduction",
    given=(as_published(LARGER),),
)
def larger_scale(run: Run) -> Iterator[Part]:
    """lambda sqrt(m) = 0.1; the rate is -d ln L/dt, while L is 0.6 to 0.4 of its first value.

    8 seeds: 1.005 to 1.008 and 0.27 to 0.75; from lambda sqrt(m) = 1e-6 the rate is 9e-5 at most.
    """
    classes, loss = sign_classes(run.X, run.y), mse(run)
    least = 2 * sum(chosen.weight for chosen in classes)
    k = np.flatnonzero((loss[:-1] < 0.6 * loss[0]) & (loss[1:] > 0.4 * loss[0]))
    if not k.size:
        raise NotApplicable("no two records lie between the labels; set record.save_every=1")
    t = run.trajectory.step * step_time(run)
    rate = np.log(loss[k] / loss[k + 1]) / (t[k + 1] - t[k]) / min(each.rate for each in classes)
    yield at_most("||theta||^2 / the least", squared_norm(*final(run)) / least, 1.02)
    yield at_most("MSE at the end", loss[-1], 1e-10)
    yield at_least("least rate between the labels, ||D-||", rate.min(), 0.1)
