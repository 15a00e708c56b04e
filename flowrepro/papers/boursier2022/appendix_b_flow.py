r"""The flow from scales far below the smallest double, at the times that Appendix B names.

lambda = 10^-p / sqrt(m), p from the options; ll = ln(1/lambda). The integrator keeps ln ||w_j||, so
p = 10000 is ordinary. The paper's positive class is the faster one here, its negative class the
slower one: + -> fast, - -> slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.core.config import Data
from flowrepro.core.initialize import INITS
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.engines.flow.result import Events, FlowResult
from flowrepro.errors import NumericalError
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.closed_form import ClosedForm, early_growth
from flowrepro.papers.boursier2022.hypotheses import require_orthogonal, squared_norm
from flowrepro.papers.boursier2022.sign_classes import SignClass, largest_epsilon, sign_classes
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

topic = Topic(PAPER, "Appendix B: the flow from tiny scales")

FLOOR, LEVEL_FLOOR = 2e-9, 2e-10
"""Least value of a power of lambda in a bound, and of W - u at the end of a phase: rounding."""
RTOL = 1e-11
EARLY, OVERALL, CROSSING = 40, 150, 90
"""Times kept: while the neurons align, over the whole run, and around each half-fit."""


@dataclass(frozen=True)
class Start:
    """One draw: unit-scale weights W (m, d), a (m,), and ln(lambda) of a run from lambda (W, a)."""

    W: np.ndarray
    a: np.ndarray
    ln_scale: float

    @classmethod
    def of(cls, log10_scale: float, m: int, seed: int, d: int) -> Start:
        """lambda = 10^log10_scale / sqrt(m)."""
        W, a = INITS["balanced"](np.random.default_rng(seed), m, d)
        return cls(W, a, float(log10_scale * np.log(10.0) - 0.5 * np.log(m)))

    def flow(self, X: np.ndarray, y: np.ndarray, t: np.ndarray, **options: Any) -> FlowResult:
        """The flow of L from this start at the times t; options as those of `integrate`."""
        known = {"ln_scale": self.ln_scale, **options}
        return integrate(X, y, self.W, self.a, HALF_MEAN_SQUARE, t, **known)


def require_end(run: FlowResult, start: Start) -> None:
    """NumericalError unless the flow got to the last of its times."""
    if run.stop.reason is not StopReason.HORIZON:
        raise NumericalError(
            f"the flow from lambda = e^{start.ln_scale:.6g} ended early: "
            f"{run.stop.reason.value} ({run.stop.note})"
        )


def special_times(classes: tuple[SignClass, ...], ll: float, eps: float) -> dict[str, float]:
    """The times that the lemmas name, in flow time   (Appendix B.1).

    t1 = t_{-1}, t_{+1}, the bound of t2, the end of the window of Fact 1, the bound of t3.
    """
    fast, slow = (chosen.rate for chosen in classes)
    return {
        "t1": eps * ll / slow,
        "t+1": eps * ll / fast,
        "t2 bound": (1 + 3 * eps) * ll / fast,
        "saddle until": (1 - eps) * ll / slow,
        "t3 bound": (1 + 3 * fast / slow * eps) * ll / slow,
    }


def first_reach(t: np.ndarray, deficit: np.ndarray, after: float, level: float) -> int | None:
    """Index of the first time >= after at which the deficit W - u is at most level, or None."""
    reached = np.flatnonzero((t >= after) & (deficit <= level))
    return int(reached[0]) if reached.size else None


def power(ll: float, exponent: float, floor: float = FLOOR) -> float:
    """lambda^exponent, not below the floor."""
    return max(float(np.exp(-ll * exponent)), floor)


@topic.study
def log_scale(
    data: Dataset,
    *,
    p: list[int | float] = option(
        [2, 3, 4, 6, 8, 12, 16, 20, 27, 40, 60, 82, 100, 150, 300, 1000],
        "scales 10^-p",
        within=(-2.0, 1e6),
    ),
    seeds: int = option(3, "draws for each scale", within=(1, 100)),
    m: int = option(60, "neurons", within=(1, 2000)),
    fractions: list[float] = option(
        [1.0, 0.4], "parts of the largest admissible eps", within=(1e-3, 1.0)
    ),
    seed: int,
    progress: Progress,
) -> dict[str, np.ndarray]:
    """The flow at every scale and draw, reduced to what the lemmas need.

    Arrays over R runs: p, seed, ll, c, c_min, complete (S+ and S- not empty), settled (R, 2) and
    settled_predicted (R, 2) last deactivation in S of each class, half_time_predicted (R, 2),
    moved (R, E) for the E fractions of eps, activations (events by which a neuron becomes active on
    a label), norm_ratio (||theta||^2 at the end over its least value); over runs and T times: t,
    and the quantities of `observe`. The first class is the faster one.

    Raises DataError for points that are not orthogonal with labels of both signs, NumericalError
    where the flow stops early.
    """
    X, y = data.X, data.y
    require_orthogonal(X, y)
    draws = [(each, draw) for each in p for draw in range(seed, seed + seeds)]
    runs = []
    for done, (each, draw) in enumerate(draws):
        run = _trace(X, y, Start.of(-each, m, draw, X.shape[1]), fractions)
        runs.append({"p": np.array(float(each)), "seed": np.array(draw), **run})
        progress(done + 1, len(draws))
    return {name: np.stack([run[name] for run in runs]) for name in runs[0]}


LOG_SCALE = log_scale.case(
    "log-scale",
    "The flow on two orthogonal points goes through all phases from tiny scales (Figure 1).",
    Data(name="two-points"),
    quick={"options.seeds": 1},
)  # scales around those from which the lemmas say something, 1e-27 and 1e-82
LOG_SCALE_FOUR = log_scale.case(
    "log-scale-four-points",
    "The flow on four points, two labels per sign, goes through all phases from tiny scales.",
    Data(name="orthonormal", options={"labels": [1.0, 0.6, -0.5, -0.3]}),
    quick={"options.seeds": 1},
    p=[2, 4, 6, 12, 20, 40, 55, 70, 100, 200, 400, 800, 2000, 10000],
    seeds=2,
)
BOTH = (LOG_SCALE, LOG_SCALE_FOUR)


def of_the_paper(result: Study) -> bool:
    """Points and width on which the lemmas were seen to hold at the scales that are judged."""
    known = [(case.data, case.options["m"]) for case in BOTH]
    return (result.case.data, result.case.options["m"]) in known


def smallest_scale(result: Study) -> float:
    """The least lambda of a study; 0 below the smallest double."""
    return float(np.exp(-result.arrays["ll"].max()))


def _trace(
    X: np.ndarray, y: np.ndarray, start: Start, fractions: Sequence[float]
) -> dict[str, np.ndarray]:
    classes, ll = sign_classes(X, y), -start.ln_scale
    form = ClosedForm.of(X, y, start.W, start.a)  # that of the unit scale
    half = form.half_times - start.ln_scale / form.rates
    t = _times(classes, ll, half, fractions)
    kept, place = np.unique(t, return_inverse=True)
    run = start.flow(X, y, kept, rtol=RTOL)
    require_end(run, start)
    seen = observe(X, y, run.Y, classes, form, start)
    norms = np.linalg.norm(start.W, axis=1)
    settled = [
        _last_deactivation(run.events, members, end)
        for members, end in zip(form.members, half, strict=True)
    ]
    tau = early_growth(X, y, start.W, start.a)[1]
    largest = largest_epsilon(classes)
    moved = [_moved(run.Y, seen, kept, classes, form, ll, share * largest) for share in fractions]
    return {
        "ll": np.array(ll),
        "c": norms.max(),
        "c_min": norms.min(),
        "complete": np.array(bool(form.members.any(axis=1).all())),
        "settled": np.array(settled),
        "settled_predicted": np.array([tau[members].max(initial=0.0) for members in form.members]),
        "half_time_predicted": half,
        "moved": np.array(moved),
        "activations": np.array(len(run.events.of("cross+", "leave+"))),
        "norm_ratio": np.asarray(
            squared_norm(*run.weights()) / (2 * sum(chosen.weight for chosen in classes))
        ),
        "t": t,
        **{name: values[place] for name, values in seen.items()},
    }


def _times(
    classes: tuple[SignClass, ...], ll: float, half: np.ndarray, fractions: Sequence[float]
) -> np.ndarray:
    """Sorted times, some of them double: as many for every run."""
    eps, rates = largest_epsilon(classes), [chosen.rate for chosen in classes]
    half = np.where(np.isfinite(half), half, ll / np.array(rates))
    special = [
        time for share in fractions for time in special_times(classes, ll, share * eps).values()
    ]
    widest = special_times(classes, ll, max(fractions) * eps)
    end = max(half[1] + 60.0 / rates[1], widest["t3 bound"])
    grids = [
        np.array(special),
        np.linspace(0.0, widest["t1"], EARLY),
        np.linspace(0.0, end, OVERALL),
        *(
            np.linspace(middle - 8.0 / rate, middle + 30.0 / rate, CROSSING)
            for middle, rate in zip(half, rates, strict=True)
        ),
    ]
    return np.sort(np.clip(np.concatenate(grids), 0.0, end))


def observe(
    X: np.ndarray,
    y: np.ndarray,
    Y: np.ndarray,
    classes: tuple[SignClass, ...],
    form: ClosedForm,
    start: Start,
) -> dict[str, np.ndarray]:
    """Quantities (T,) of the states Y (T, m, d + 2); over the neurons of S, nan where it is empty.

    cos_*        least cosine with the class's direction
    wrong_*      largest <w_j, x_k> / (||w_j|| ||x_k||) over labels k of the other sign
    ln_least_*   least ln ||w_j||
    ln_most      largest ln ||w_j||; ln_most_not_fast outside S_fast, ln_most_others outside both S,
        -inf where there is no such neuron
    deficit_*    W - u, u = sum ||w_j||^2 over S;  share_*: u / W
    ln_growth    largest ln(||w_j|| / ||w_j(0)||) over all neurons
    to_saddle, to_limit   ||theta - theta_S||, ||theta - theta*||
    loss, loss_fast       (1/2n) sum r^2, the same over the faster class
    pull_fast             ||(1/n) sum_fast r_k x_k||
    """
    U = Y[:, :, 1:-1]
    size = np.linalg.norm(U, axis=2)
    ln_norm = Y[:, :, 0] + np.log(size)
    unit = X / np.linalg.norm(X, axis=1, keepdims=True)
    cosine_x = U @ unit.T / size[:, :, None]  # (T, m, n)
    with np.errstate(under="ignore"):
        W, a = np.exp(Y[:, :, :1]) * U, np.exp(Y[:, :, 0]) * Y[:, :, -1]
    residual = np.einsum("tmk,tm->tk", np.maximum(W @ X.T, 0.0), a) - y
    seen: dict[str, np.ndarray] = {}
    for name, chosen, members in zip(("fast", "slow"), classes, form.members, strict=True):
        cosine = U[:, members] @ chosen.direction / chosen.rate / size[:, members]
        others = cosine_x[:, members][:, :, np.sign(y) != chosen.sign]
        u = np.sum(np.exp(2.0 * ln_norm[:, members]), axis=1)
        seen |= {
            f"cos_{name}": _over(np.min, cosine),
            f"wrong_{name}": _over(np.max, others.reshape(len(Y), -1)),
            f"ln_least_{name}": _over(np.min, ln_norm[:, members]),
            f"deficit_{name}": chosen.weight - u,
            f"share_{name}": u / chosen.weight,
        }
    seen["ln_most"] = ln_norm.max(axis=1)
    seen["ln_most_not_fast"] = ln_norm[:, ~form.members[0]].max(axis=1, initial=-np.inf)
    seen["ln_most_others"] = ln_norm[:, ~form.members.any(axis=0)].max(axis=1, initial=-np.inf)
    ln_start = np.log(np.linalg.norm(start.W, axis=1))
    seen["ln_growth"] = (ln_norm - ln_start - start.ln_scale).max(axis=1)
    for name, (W1, a1) in (("to_saddle", form.saddle()), ("to_limit", form.minimiser())):
        squares = np.sum(np.square(W - W1), axis=(1, 2)) + np.sum(np.square(a - a1), axis=1)
        seen[name] = np.sqrt(squares)
    fast, n = np.sign(y) == classes[0].sign, len(y)
    seen["loss"] = np.sum(np.square(residual), axis=1) / (2 * n)
    seen["loss_fast"] = np.sum(np.square(residual[:, fast]), axis=1) / (2 * n)
    seen["pull_fast"] = np.linalg.norm(residual[:, fast] @ X[fast], axis=1) / n
    return seen


def _over(reduce: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    return reduce(values, axis=1) if values.shape[1] else np.full(len(values), np.nan)


def _last_deactivation(events: Events, members: np.ndarray, end: float) -> float:
    """Time of the last deactivation in S before ``end``, the half-fit; 0 if there is none."""
    left = events.of("cross-", "slide")
    return float(left.t[members[left.neuron] & (left.t < end)].max(initial=0.0))


def _moved(
    Y: np.ndarray,
    seen: Mapping[str, np.ndarray],
    t: np.ndarray,
    classes: tuple[SignClass, ...],
    form: ClosedForm,
    ll: float,
    eps: float,
) -> float:
    """max over S_fast of ||w_j(t2) - w_j(t3)||, nan where one of the times is not reached."""
    begin, level = special_times(classes, ll, eps)["t+1"], power(ll, eps / 5, LEVEL_FLOOR)
    second = first_reach(t, seen["deficit_fast"], begin, level)
    if second is None or not form.members[0].any():
        return float("nan")
    level = power(ll, eps / 29, LEVEL_FLOOR)
    third = first_reach(t, seen["deficit_slow"], t[second], level)
    if third is None:
        return float("nan")
    W = np.exp(Y[[second, third], :, :1]) * Y[[second, third], :, 1:-1]
    return float(np.linalg.norm(W[0] - W[1], axis=1)[form.members[0]].max())
