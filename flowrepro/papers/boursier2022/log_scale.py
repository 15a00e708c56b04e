r"""The flow from scales far below the smallest double, and what the lemmas of Appendix B say of each of its times.

lambda = 10^-p / sqrt(m), p from the options; ll = ln(1/lambda). The integrator keeps ln ||w_j||, so p = 10000 is ordinary.
The paper's positive class is the faster one here, its negative class the slower one: + -> fast, - -> slow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from flowrepro.core.config import StudyCase
from flowrepro.core.initialize import INITS
from flowrepro.core.trajectory import Dataset, StopReason
from flowrepro.engines.flow.flow import integrate
from flowrepro.engines.flow.result import Events
from flowrepro.errors import NumericalError
from flowrepro.papers.boursier2022.closed_form import ClosedForm, early_growth
from flowrepro.papers.boursier2022.sign_classes import SignClass, largest_epsilon, sign_classes
from flowrepro.papers.boursier2022.study_inputs import require_options, require_orthogonal
from flowrepro.papers.topic import Progress
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

FLOOR, LEVEL_FLOOR = 2e-9, 2e-10
"""What replaces smaller powers of lambda in bounds, and in the level of W - u that ends a phase: below, rounding decides."""
RTOL = 1e-11
EARLY, OVERALL, CROSSING = 40, 150, 90
"""Times kept: while the neurons align, over the whole run, and around each half-fit."""


@dataclass(frozen=True)
class Start:
    """One draw: unit-scale weights W (m, d), a (m,), and ln(lambda) of the run that starts at lambda (W, a)."""

    W: np.ndarray
    a: np.ndarray
    ln_scale: float

    @classmethod
    def of(cls, log10_scale: float, m: int, seed: int, d: int) -> Start:
        """lambda = 10^log10_scale / sqrt(m)."""
        return cls(
            *INITS["balanced"](np.random.default_rng(seed), m, d),
            float(log10_scale * np.log(10.0) - 0.5 * np.log(m)),
        )


def special_times(classes: tuple[SignClass, ...], ll: float, eps: float) -> dict[str, float]:
    """The times that the lemmas name, in flow time   (Appendix B.1): t1 = t_{-1}, t_{+1}, the window of Fact 1, the bounds of t2, t3."""
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


def log_scale(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """StudyCase: the flow at every scale 10^-p and seed of the options, reduced to what the lemmas need.

    Arrays over R runs: p, seed, ll, c, c_min, complete (S+ and S- not empty), settled (R, 2) and settled_predicted (R, 2)
    last deactivation in S of each class, half_time_predicted (R, 2), moved (R, E) for the E fractions of eps, activations
    (events by which a neuron becomes active on a label), norm_ratio (||theta||^2 at the end over its least value);
    over runs and T times: t, and the quantities of `observe`. The first class is the faster one.

    Raises UsageError for points that are not orthogonal with two label signs, NumericalError where the flow stops early.
    """
    assert dataset is not None
    options, (X, y) = study.options, (dataset.X, dataset.y)
    require_options(study)
    require_orthogonal(X, y)
    cases = [
        (p, seed) for p in options["p"] for seed in range(study.seed, study.seed + options["seeds"])
    ]
    cases: list[dict[str, np.ndarray]] = []
    for done, (p, seed) in enumerate(cases):
        cases.append(
            {
                "p": np.array(float(p)),
                "seed": np.array(seed),
                **_trace(X, y, Start.of(-p, options["m"], seed, X.shape[1]), options["fractions"]),
            }
        )
        progress(done + 1, len(cases))
    return {name: np.stack([case[name] for case in cases]) for name in cases[0]}


def _trace(
    X: np.ndarray, y: np.ndarray, start: Start, fractions: Sequence[float]
) -> dict[str, np.ndarray]:
    classes, ll = sign_classes(X, y), -start.ln_scale
    form = ClosedForm.of(X, y, start.W, start.a)
    half = (
        form.half_times - start.ln_scale / form.rates
    )  # the closed form is that of the unit scale
    t = _times(classes, ll, half, fractions)
    kept, place = np.unique(t, return_inverse=True)
    run = integrate(
        X, y, start.W, start.a, HALF_MEAN_SQUARE, kept, rtol=RTOL, ln_scale=start.ln_scale
    )
    if run.stop.reason is not StopReason.HORIZON:
        raise NumericalError(
            f"the flow from lambda = e^{start.ln_scale:.6g} ended early: {run.stop.reason.value} ({run.stop.note})"
        )
    seen = observe(X, y, run.Y, classes, form, start)
    norms = np.linalg.norm(start.W, axis=1)
    return {
        "ll": np.array(ll),
        "c": norms.max(),
        "c_min": norms.min(),
        "complete": np.array(bool(form.members.any(axis=1).all())),
        "settled": np.array(
            [
                _last_event(run.events, members, end)
                for members, end in zip(form.members, half, strict=True)
            ]
        ),
        "settled_predicted": _settled(X, y, start, form),
        "half_time_predicted": half,
        "moved": np.array(
            [
                _moved(run.Y, seen, kept, classes, form, ll, share * largest_epsilon(classes))
                for share in fractions
            ]
        ),
        "activations": np.array(len(run.events.of("cross+", "leave+"))),
        "norm_ratio": _squared_norm(run.weights()) / (2 * sum(chosen.weight for chosen in classes)),
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
    end = max(
        half[1] + 60.0 / rates[1], special_times(classes, ll, max(fractions) * eps)["t3 bound"]
    )
    grids: list[np.ndarray] = [
        np.array(special),
        np.linspace(0.0, special_times(classes, ll, max(fractions) * eps)["t1"], EARLY),
        np.linspace(0.0, end, OVERALL),
    ]
    grids += [
        np.linspace(middle - 8.0 / rate, middle + 30.0 / rate, CROSSING)
        for middle, rate in zip(half, rates, strict=True)
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
    """Quantities (T,) of the states Y (T, m, d + 2): minima and maxima over the neurons of S of a class, nan where it is empty.

    cos_*        least cosine with the class's direction
    wrong_*      largest <w_j, x_k> / (||w_j|| ||x_k||) over labels k of the other sign
    ln_least_*   least ln ||w_j||;  ln_most, ln_most_not_fast, ln_most_others: largest one over all, outside S_fast, outside both
    deficit_*    W - u, u = sum ||w_j||^2 over S;  share_*: u / W
    ln_growth    largest ln(||w_j|| / ||w_j(0)||) over all neurons
    to_saddle, to_limit   ||theta - theta_S||, ||theta - theta*||
    loss, loss_fast       (1/2n) sum r^2, the same over the faster class;  pull_fast: ||(1/n) sum_fast r_k x_k||
    """
    U = Y[:, :, 1:-1]
    size = np.linalg.norm(U, axis=2)
    ln_norm = Y[:, :, 0] + np.log(size)
    cosine_x = U @ (X / np.linalg.norm(X, axis=1, keepdims=True)).T / size[:, :, None]  # (T, m, n)
    with np.errstate(under="ignore"):
        W, a = np.exp(Y[:, :, :1]) * U, np.exp(Y[:, :, 0]) * Y[:, :, -1]
    residual = np.einsum("tmk,tm->tk", np.maximum(W @ X.T, 0.0), a) - y
    seen: dict[str, np.ndarray] = {}
    for name, chosen, members in zip(("fast", "slow"), classes, form.members, strict=True):
        cosine = U[:, members] @ chosen.direction / chosen.rate / size[:, members]
        u = np.sum(np.exp(2.0 * ln_norm[:, members]), axis=1)
        seen |= {
            f"cos_{name}": _over(np.min, cosine),
            f"wrong_{name}": _over(
                np.max, cosine_x[:, members][:, :, np.sign(y) != chosen.sign].reshape(len(Y), -1)
            ),
            f"ln_least_{name}": _over(np.min, ln_norm[:, members]),
            f"deficit_{name}": chosen.weight - u,
            f"share_{name}": u / chosen.weight,
        }
    fast = np.sign(y) == classes[0].sign
    seen["ln_most"] = ln_norm.max(axis=1)
    seen["ln_most_not_fast"] = _over(np.max, ln_norm[:, ~form.members[0]])
    seen["ln_most_others"] = _over(np.max, ln_norm[:, ~form.members.any(axis=0)])
    seen["ln_growth"] = (ln_norm - np.log(np.linalg.norm(start.W, axis=1)) - start.ln_scale).max(
        axis=1
    )
    for name, (W1, a1) in (("to_saddle", form.saddle()), ("to_limit", form.minimiser())):
        seen[name] = np.sqrt(
            np.sum(np.square(W - W1), axis=(1, 2)) + np.sum(np.square(a - a1), axis=1)
        )
    seen["loss"] = np.sum(np.square(residual), axis=1) / (2 * len(y))
    seen["loss_fast"] = np.sum(np.square(residual[:, fast]), axis=1) / (2 * len(y))
    seen["pull_fast"] = np.linalg.norm(residual[:, fast] @ X[fast], axis=1) / len(y)
    return seen


def _over(reduce: Callable[..., np.ndarray], values: np.ndarray) -> np.ndarray:
    return reduce(values, axis=1) if values.shape[1] else np.full(len(values), np.nan)


def _squared_norm(theta: tuple[np.ndarray, np.ndarray]) -> np.ndarray:
    W, a = theta
    return np.asarray(np.sum(np.square(W)) + np.sum(np.square(a)))


def _last_event(events: Events, members: np.ndarray, end: float) -> float:
    """Time of the last activation event of a neuron of S before ``end``, when its class is half fitted; 0 if there is none."""
    return float(
        events.t[members[events.neuron] & (events.plane >= 0) & (events.t < end)].max(initial=0.0)
    )


def _settled(X: np.ndarray, y: np.ndarray, start: Start, form: ClosedForm) -> np.ndarray:
    tau = early_growth(X, y, start.W, start.a)[1]
    return np.array([tau[members].max(initial=0.0) for members in form.members])


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
    second = first_reach(
        t,
        seen["deficit_fast"],
        special_times(classes, ll, eps)["t+1"],
        power(ll, eps / 5, LEVEL_FLOOR),
    )
    third = (
        None
        if second is None
        else first_reach(t, seen["deficit_slow"], t[second], power(ll, eps / 29, LEVEL_FLOOR))
    )
    if second is None or third is None or not form.members[0].any():
        return float("nan")
    W = np.exp(Y[[second, third], :, :1]) * Y[[second, third], :, 1:-1]
    return float(np.linalg.norm(W[0] - W[1], axis=1)[form.members[0]].max())
