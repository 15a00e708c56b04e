r"""Lemmas 1, 3 and 4 for leaky slopes and other losses (min2024, Appendix B.1, Remarks 4 and 5).

A balanced neuron of a leaky network turns by s_j P_w sum_k sigma'(<x_k, w>) (-l'(y_k, f_k)) x_k,
and according to the lemmas nearly by s_j P_w x_a(w), x_a(w) = sum_k sigma'(<x_k, w>) y_k x_k: now
the sum is over all data, with the weight alpha for the inactive ones. The loss need only satisfy
Lemma 2, as the exponential, twice the logistic and half the square loss do.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import partial
from typing import Literal, get_args

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Part, at_least, at_most
from flowrepro.core.config import Loss
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import NumericalError
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.hypotheses import moderate_scale, slope_one
from flowrepro.papers.min2024.shared.constants import CLUSTERS, SIX_POINTS, points_of
from flowrepro.papers.min2024.shared.flow_states import States
from flowrepro.papers.min2024.small_initialization import (
    stays_small,
    turns_as_in_4,
    turns_until_t,
)
from flowrepro.papers.min2024.theorem_1_flow import balanced_start
from flowrepro.papers.study import Progress, option, silent
from flowrepro.papers.topic import Topic

LeakyLoss = Literal["exp", "logistic2", "logistic", "square"]
LOSSES = get_args(LeakyLoss)
"""Losses that the study may take; "logistic" violates Lemma 2."""


def labelled(result: Study) -> str | None:
    """Labels +1 and -1."""
    return None if np.all(np.abs(result.y) == 1.0) else "the labels are not all +1 and -1"


topic = Topic(PAPER, "Leaky slopes (Remark 5)", (labelled, slope_one), command="toy2d")


@topic.study
def leaky_flow(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 0.99)),
    m: int = option(50, "neurons", within=(1, 10_000)),
    ln_eps: float = option(-6 * math.log(10), "ln of the scale of the start", within=(-1e3, 0.0)),
    loss: LeakyLoss = option("exp", "loss, summed over the samples", choices=LOSSES),
    horizon: float = option(5.0, "flow time at which it ends", within=(1e-3, 1e3)),
    points: int = option(1000, "times that are kept", within=(2, 100_000)),
    rtol: float = option(1e-10, "relative tolerance of the integration", within=(1e-13, 1e-4)),
    seed: int,
    progress: Progress = silent,
) -> dict[str, np.ndarray]:
    """The flow of a leaky network from a balanced start, eps W_0.

    Returns t (T,), loss (T,), and Y (T, m, d + 2): for each neuron (ln r, w/r, a/r),
    r^2 = ||w||^2 + a^2.
    """
    W, a = balanced_start(seed, m, data.X.shape[1])
    rule, t = Loss(name=loss, reduction="sum"), np.linspace(0.0, horizon, points)
    run = integrate(data.X, data.y, W, a, rule, t, alpha, rtol=rtol, ln_scale=ln_eps)
    if len(run.t) < points:
        raise NumericalError(
            f"the leaky flow ended at t = {run.t[-1]:.4g} of {horizon:g} ({run.stop.note}); "
            "shorten options.horizon or loosen options.rtol"
        )
    return {"t": run.t, "loss": run.loss, "Y": run.Y}


LEAKY = leaky_flow.case(
    "theory-leaky",
    "Lemmas 1, 3 and 4 for the leaky slope 1/2 on six points, eps = 1e-6",
    data=SIX_POINTS,
)
LEAKY_10D = leaky_flow.case(
    "theory-leaky-10d",
    "The same for the slope 0.1 and the logistic loss, on twelve points in ten dimensions",
    data=CLUSTERS,
    alpha=0.1,
    m=30,
    loss="logistic2",
    horizon=2.5,
    seed=101,
)
LEAKY_SQUARE = leaky_flow.case(
    "theory-leaky-square",
    "The same for the slope 1/2 and half the square loss, on six points",
    data=SIX_POINTS,
    loss="square",
)
stated = partial(topic.claim, on=(LEAKY, LEAKY_10D, LEAKY_SQUARE))


def leaky_states(result: Study) -> States:
    """The states of the study, whose ``active`` (T, m, n) holds the slopes 1 and alpha."""
    Y, alpha = result.arrays["Y"], float(result.case.options["alpha"])
    sizes = np.linalg.norm(Y[..., 1:-1], axis=-1)
    ln_w, ln_a = Y[..., 0] + np.log(sizes), Y[..., 0] + np.log(np.abs(Y[..., -1]))
    U, sign = Y[..., 1:-1] / sizes[..., None], np.sign(Y[0, :, -1])
    heights = U @ result.X.T
    slopes = np.where(heights > 0, 1.0, alpha)
    top = (ln_w + ln_a).max(axis=1)
    unit = sign * np.exp(ln_w + ln_a - top[:, None])
    scaled = np.einsum("tmn,tm->tn", heights * slopes, unit)
    largest = np.abs(scaled).max(axis=1)
    ln_f = np.log(largest) + top
    relative = scaled / largest[:, None]
    f = np.exp(ln_f)[:, None] * relative
    times, losses = result.arrays["t"], result.arrays["loss"]
    return States(times, ln_w, ln_a, U, sign, losses, slopes, ln_f, relative, f)


@stated(
    "lemma-3-leaky-norms",
    "For a leaky slope, until T, ||w_j||^2 stays below 2 eps W_max^2/sqrt(m), and |f| below "
    "2 eps sqrt(m) X_max W_max^2.",
    place="Lemma 3, Remarks 4 and 5",
    given=(moderate_scale,),
)
def leaky_norms(result: Study) -> Iterator[Part]:
    """As for ReLU."""
    return stays_small(result, leaky_states(result))


@stated(
    "lemma-1-leaky-directions",
    "For a leaky slope, until T, directions turn as in (4) up to 4 eps n sqrt(m) X_max^2 W_max^2.",
    place="Lemma 1, Remarks 4 and 5",
    given=(moderate_scale,),
)
def leaky_approximation(result: Study) -> Iterator[Part]:
    """As for ReLU."""
    yield turns_until_t(result, leaky_states(result))


@stated(
    "lemma-4-leaky-directions",
    "For a leaky slope, while |f| <= 1, directions turn as in (4) up to 2 n X_max max |f|.",
    place="Lemma 4, Remarks 4 and 5",
)
def leaky_directions(result: Study) -> Iterator[Part]:
    """From the force at every record; and by differences, between records of one pattern.

    The difference quotient is that of the middle up to (n X_max)^3 dt^2 / 4, which is allowed for.
    """
    states, points = leaky_states(result), points_of(result)
    yield turns_as_in_4(result, states)
    dt, slopes = np.diff(states.t)[:, None], states.active
    same = np.all(slopes[1:] == slopes[:-1], axis=2) & (states.ln_f[1:] <= 0)[:, None]
    if not same.any():
        raise NotApplicable("no neuron keeps its pattern between two records; raise options.points")
    middle = states.U[1:] + states.U[:-1]
    middle /= np.linalg.norm(middle, axis=2, keepdims=True)
    force = (slopes[:-1] * result.y) @ result.X
    pull = force - np.sum(force * middle, axis=2, keepdims=True) * middle
    off = np.diff(states.U, axis=0) / dt[..., None] - states.sign[:, None] * pull
    pace = points.n * points.x_max
    largest = np.exp(np.maximum(states.ln_f[1:], states.ln_f[:-1]))[:, None]
    ratio = np.linalg.norm(off, axis=2) / (2 * pace * largest + pace**3 * dt**2 / 4)
    yield at_most("by differences: largest error over its bound", ratio[same].max(), 1.0)
    turned = 1 - np.sum(states.U[-1] * states.U[0], axis=1).min()
    yield at_least("largest turn, 1 - cosine", turned, 0.01)
