r"""The classifiers of a set of points, each with its certificate, and a trained net.

The best linear separator; the best single neurons w^+, w^-; the largest normalised margin over all
widths; a KKT network that is not optimal where the data set brings one (Figure 1 left), else the
better single neuron; which theorem of the paper applies; one network trained into its late phase.

Paper -> here: \alpha_leaky -> alpha; \phi -> sigma; q_i(\theta) = y_i f(x_i); \gamma(\theta) =
q_min / ||\theta||^2, the normalised margin. The loss is the mean of ln(1 + e^{-q_i}) and t its flow
time. Constant steps never get past q ~ 15, so nets are trained by ``engines.log_domain``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from flowrepro.core.initialize import INITS
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.data.labels import require_signs
from flowrepro.engines.log_domain import (
    HANDOVER,
    Classification,
    LateRun,
    Method,
    Start,
    descend,
    integrate,
    join,
)
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.shared import geometry, local_optimum
from flowrepro.papers.lyu2021.shared.bracket import affordable, margin_bracket
from flowrepro.papers.lyu2021.shared.descent import BATCH_SIZE, DEVICE, ENGINE
from flowrepro.papers.lyu2021.shared.geometry import Weights
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.theory.margin import Separator, normalised_margin
from flowrepro.theory.margin_global import unit_of
from flowrepro.theory.margin_kkt import KktCertificate, kkt_certificate

MOST_POINTS = 4000
"""Points whose inner products are all looked at."""
STIFF_MOST = 400
"""Weights up to which the implicit integrator is quick."""
WORK, OVERHEAD = 1.5e9, 30
"""What explicit integrators may spend: products of a coordinate and a weight (a few seconds).

A point costs OVERHEAD of them besides."""
MET = 1e-9
"""Relative distance up to which a level of q is met."""
IMPLICIT_STEPS = 3000
"""Of the implicit integrator, which needs some hundreds to q = 1e8 where it gets on (measured)."""
EVERY_RECORD = 100_000
"""Points times weights up to which every record gets its KKT certificate, else the last one."""
RECORDED = ("step", "s", "ln_t", "ln_loss", "q_min", "rho", "normalised_margin", "smoothed_margin")
"""Columns of a LateRun that are kept."""

topic = Topic(PAPER, "The classifiers of a set of points")


@topic.study
def classifiers(
    data: Dataset,
    *,
    alpha: float = option(0.5, "slope of the leaky part", within=(0.0, 1.0)),  # Figure 1, caption
    # The paper does not say; Appendix J has 100.
    m: int = option(100, "number of neurons", within=(1, 100_000)),
    init: str = option("he", "distribution of the start", choices=tuple(INITS)),
    # Appendix I.1.3: 0.001 times the He initialisation.
    scale: float = option(1e-3, "factor of the start", within=(1e-150, 1e6)),
    # gd: until L < ln 2 / n with step lr, then with backtracking on ln L.
    method: str = option("gd", "descent or gradient flow", choices=("gd", "flow")),
    lr: float = option(0.01, "step of descent", within=(1e-12, 1e6)),  # Appendix J
    engine: str = ENGINE,
    device: str = DEVICE,
    batch_size: int | None = BATCH_SIZE,
    # Loss e^-1000; the pictures no longer change.
    q: float = option(1000.0, "least output margin at the end", within=(2.0, 1e10)),
    seed: int,
    progress: Progress,
) -> dict[str, Any]:
    """Arrays of `described_points`, of `margin_bracket`, of the KKT network ("kkt_") and the net.

    The trained net's names begin with "net_" (see `_trained`).

    Raises
    ------
    DataError
        Labels other than +1 and -1, a point at 0, or points that no network separates.
    """
    if len(data.y) > MOST_POINTS:
        raise UsageError(
            f"the classifiers are computed of at most {MOST_POINTS} points, not {len(data.y)}; "
            "give a part of them"
        )
    require_signs(data)
    X, y = data.X, data.y
    unit_of(X)  # refuses points at 0
    found = described_points(X, y, alpha)
    progress(1, 4)
    W, a = _kkt_network(data, alpha)
    proof = _proof(X, y, W, a, alpha) if a.size else None
    if proof is not None:
        found |= {
            "kkt_W": W,
            "kkt_a": a,
            "kkt_margin": normalised_margin(X, y, W, a, alpha),
            "kkt_eps": proof.eps,
            "kkt_delta": proof.delta,
            "kkt_duals": proof.duals,
            "kkt_kinks": proof.kinks,
        }
    else:
        found["kkt_margin"] = np.nan
    progress(2, 4)
    task = Classification(X, y, alpha)
    run = train(
        task, m=m, init=init, scale=scale, method=method, lr=lr, q=q, seed=seed, engine=engine,
        device=device, batch_size=batch_size, pulse=lambda: progress(2, 4),
    )  # fmt: skip
    progress(3, 4)
    found |= _trained(X, y, run, found, alpha, seed)
    known = [run.final]
    if proof is not None:
        known += [(W, a)]
    if np.isfinite(found["gamma_star"]):
        known += [geometry.linear_pair(found["w_star"])]
    found |= margin_bracket(X, y, alpha, found["star_duals"], known)
    progress(4, 4)
    return found


def described_points(X: np.ndarray, y: np.ndarray, alpha: float) -> dict[str, Any]:
    """Separators with their certificates, and the hypotheses of the paper's theorems.

    w_star (d,), gamma_star, star_residual, star_duals (n,) : the separator.
    w_plus, gamma_plus, plus_residual, plus_duals, and the same for minus : the single neurons.
    nan, and 0 for the multipliers, where there is none (inseparable points; alpha = 0).
    mirrored : Assumption 4.1. mu_x_least : least |<mu, x_i>| (4.5). orthogonally_separable :
    Definition H.1. alignment : A.2's least slack. principal : A.1's, over mu, w^*, w^+.
    mu_plus, mu_minus : norms (A.3).
    other_sign (2,) : bounds of the largest margin without outputs of the leading neuron's sign on
    its support, over its own margin (A.5: less than 1); other_rate : the growth of the fastest such
    neuron over its own (the corrected A.5: less than 1); nan where unknown.
    """
    star = geometry.separator(X, y)
    neurons = {
        name: geometry.one_neuron(X, y, alpha, sign)
        for name, sign in (("plus", 1.0), ("minus", -1.0))
    }
    nan = float("nan")
    none = Separator(np.full(X.shape[1], nan), nan, nan, np.zeros(len(X)), nan, nan, nan)
    found: dict[str, Any] = {}
    for name, best in {
        "star": star or none,
        **{name: own or none for name, own in neurons.items()},
    }.items():
        found |= {
            f"w_{name}": best.w,
            f"gamma_{name}": best.margin,
            f"{name}_residual": max(best.infeasibility, best.stationarity, best.gap),
            f"{name}_duals": best.duals,
        }
    mu = geometry.mean(X, y)
    Z = y[:, None] * X
    gram = Z @ Z.T
    separators = [own.w for own in (star, neurons["plus"]) if own is not None]
    directions = [geometry.unit(mu), *separators]
    lengths = [
        float(np.linalg.norm(geometry.one_neuron_mean(X, y, alpha, sign))) for sign in (1.0, -1.0)
    ]
    sign = 1.0 if lengths[0] >= lengths[1] else -1.0
    return found | {
        "mirrored": geometry.mirrored(X, y),
        "mu_x_least": float(np.abs(X @ mu).min()),
        "orthogonally_separable": bool(
            np.all(gram[y[:, None] == y] > 0) and np.all(gram[y[:, None] != y] >= 0)
        ),
        "alignment": float(geometry.alignment_slack(X, y, alpha).min()) if alpha > 0 else -np.inf,
        "principal": max(geometry.principal_slack(X, y, alpha, w) for w in directions),
        "mu_plus": lengths[0],
        "mu_minus": lengths[1],
        **_other_sign(X, y, alpha, sign),
    }


def _other_sign(X: np.ndarray, y: np.ndarray, alpha: float, sign: float) -> dict[str, Any]:
    """other_sign and other_rate of `described_points`, for the leading ``sign``."""
    bounds, rate = np.full(2, np.nan), np.nan
    own = local_optimum.support(X, y, alpha, sign)
    if own is not None and (affordable(own.X) or np.ptp(own.y) == 0):
        try:
            rate = local_optimum.negative_rate(own, alpha)[0] / own.best.margin
            bounds = np.array(local_optimum.negative_margin(own, alpha)) / (own.best.margin / 2)
        except (NumericalError, UsageError, DataError):
            pass
    return {"other_sign": bounds, "other_rate": rate}


def _kkt_network(data: Dataset, alpha: float) -> Weights:
    """A KKT network: the data set's, or the better single neuron, or the linear pair.

    Without neurons where none is known.
    """
    if {"W", "a"} <= data.extra.keys():
        return data.extra["W"], data.extra["a"]
    neurons = [(geometry.one_neuron(data.X, data.y, alpha, sign), sign) for sign in (1.0, -1.0)]
    known = [(neuron.margin, neuron.w, sign) for neuron, sign in neurons if neuron is not None]
    if not known:
        star = geometry.separator(data.X, data.y)
        nothing = np.empty((0, data.X.shape[1])), np.empty(0)
        return geometry.linear_pair(star.w) if star is not None else nothing
    _, w, sign = max(known, key=lambda item: item[0])
    return sign * w[None] / np.sqrt(2), np.array([sign / np.sqrt(2)])


def train(
    task: Classification,
    *,
    m: int,
    init: str,
    scale: float,
    method: str,
    lr: float,
    q: float,
    seed: int,
    engine: str = "auto",
    device: str = "cpu",
    batch_size: int | None = None,
    pulse: Callable[[], None] = lambda: None,
) -> LateRun:
    """One network into its late phase, kept at two levels of q a decade.

    ``scale`` multiplies a draw of unit scale. ``engine`` to ``pulse``: see `log_domain.descend`;
    UsageError where they are asked of the flow.
    """
    if method == "flow" and (engine == "torch" or device != "cpu" or batch_size is not None):
        raise UsageError(
            "options.method=flow integrates the gradient flow on the CPU, which engine torch, "
            "devices and mini-batches do not do; add --set method=gd to descend"
        )
    d = task.X.shape[1]
    W, a = INITS[init](np.random.default_rng(seed), m, d)
    W, a = scale * W, scale * a
    levels = np.geomspace(1.0, q, max(1, round(2 * np.log10(q))) + 1)
    if method == "gd":
        return descend(
            task, W, a, levels, lr=lr, engine=engine, device=device, batch_size=batch_size,
            seed=seed, pulse=pulse,
        )  # fmt: skip
    budget = int(WORK / (task.X.shape[0] * (m * d + OVERHEAD)))
    if m * (d + 1) > STIFF_MOST:
        return integrate(task, W, a, levels, method="euler", max_steps=budget)
    return _flow(task, W, a, levels, budget)


def _flow(
    task: Classification, W: np.ndarray, a: np.ndarray, levels: np.ndarray, budget: int
) -> LateRun:
    """Explicit to HANDOVER, or as far as a quarter of the ``budget`` goes; implicit from there.

    A step takes four of the evaluations that the budget counts. The run ends where the points are
    not separated by then: a point on which all neurons of its sign are inactive never will be.

    A neuron that slides along a kink is pushed back from both sides, which no smooth integrator
    passes: then with Euler's steps.
    """
    near = np.unique(np.minimum(levels, HANDOVER))
    run = integrate(task, W, a, near, method="rk4", max_steps=budget // 4)
    legs: tuple[tuple[Method, int], ...] = (("bdf", IMPLICIT_STEPS), ("euler", budget))
    for method, steps in legs:
        beyond = levels[levels > run.q_min[-1] * (1 + MET)]
        if not beyond.size or run.separated is None:
            break
        start = Start(int(run.step[-1]), float(run.s[-1]), float(run.ln_t[-1]))
        most = start.step + steps
        leg = integrate(task, *run.final, beyond, method=method, start=start, max_steps=most)
        run = join(run, leg)
    return run


def _trained(
    X: np.ndarray, y: np.ndarray, run: LateRun, found: Mapping[str, Any], alpha: float, seed: int
) -> dict[str, Any]:
    """Records (R,) of the run under their names in LateRun, and the weights first and last.

    net_eps, net_delta, net_balance (R,) : the KKT certificates; nan before the net separates.
    net_aligned (m,) : the cone test of Lemma G.4 when L < ln 2 / n.
    net_linear, net_plus, net_minus, net_orthogonal (R,) : max over random unit x of |f(x) / rho^2 -
    target(x)|, the targets of Theorems 4.3, A.7, A.10, H.2 (which is for ReLU).
    """
    switch = -1 if run.separated is None else run.separated
    cheap = X.shape[0] * (run.W[0].size + run.a[0].size) <= EVERY_RECORD
    points = geometry.probes(seed, X.shape[1])
    targets = {
        "linear": geometry.linear_target(found["w_star"], alpha, points),
        "plus": geometry.one_neuron_target(found["w_plus"], alpha, points),
        "minus": geometry.one_neuron_target(found["w_minus"], alpha, points, -1.0),
        "orthogonal": geometry.orthogonal_target(X, y, points),
    }
    states = list(zip(run.W, run.a, run.rho, strict=True))
    functions = np.array([predict(points, W, a, alpha) / rho**2 for W, a, rho in states])
    proofs = [
        _proof(X, y, W, a, alpha) if cheap or k == len(states) - 1 else None
        for k, (W, a, _) in enumerate(states)
    ]
    return {
        **{f"net_{name}": getattr(run, name) for name in RECORDED},
        **{
            f"net_{name}": np.array(
                [np.nan if proof is None else getattr(proof, name) for proof in proofs]
            )
            for name in ("eps", "delta", "balance")
        },
        **{
            f"net_{name}": np.abs(functions - target).max(axis=1)
            for name, target in targets.items()
        },
        "net_W": run.W[-1],
        "net_a": run.a[-1],
        "net_W0": run.W[0],
        "net_a0": run.a[0],
        "net_aligned": geometry.aligned(X, y, run.W[switch], run.a[switch]),
        "net_switch": np.array(switch),
        "net_rejected": np.array(run.stats.get("rejected", 0.0)),
        "net_method": np.array(run.method),
        "net_stop": np.array(run.stop.name),
    }


def _proof(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float
) -> KktCertificate | None:
    """The certificate for points scaled to ||x_i|| <= 1.

    None before the net separates them, which a margin of 1e-18 never does in double precision, or
    with too many neurons at one kink.
    """
    try:
        return kkt_certificate(geometry.scaled(X), y, W, a, alpha)
    except UsageError:
        return None


def network(result: Study, name: str) -> tuple[np.ndarray, np.ndarray, float]:
    """(W, a, alpha) of the network "kkt", "largest" or "net"."""
    arrays = result.arrays
    return arrays[f"{name}_W"], arrays[f"{name}_a"], float(result.case.options["alpha"])


def last(result: Study, name: str) -> float:
    """The trained net's record at its end."""
    return float(result.arrays[f"net_{name}"][-1])
