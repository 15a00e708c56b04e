r"""StudyCase "classifiers": what there is to know about the classifiers of a set of points, each with its certificate, and a trained net.

The best linear separator; the best single neurons w^+, w^-; the largest margin over all widths; a KKT network that is not
optimal where the data set brings one (Figure 1 left), else the better single neuron; which of the paper's theorems applies;
and one network trained into its late phase.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from flowrepro.claims.options import one_of, require_ranges
from flowrepro.core.config import StudyCase
from flowrepro.core.initialize import INITS
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset
from flowrepro.engines.log_domain import (
    HANDOVER,
    Classification,
    LateRun,
    Method,
    Start,
    integrate,
    join,
)
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers.lyu2021 import geometry
from flowrepro.papers.lyu2021.bracket import margin_bracket
from flowrepro.papers.lyu2021.draws import probes
from flowrepro.papers.topic import Progress
from flowrepro.theory.margin import Inseparable, Separator, hard_margin, normalised_margin
from flowrepro.theory.margin_kkt import KktCertificate, kkt_certificate

MOST_POINTS = 4000
"""Points whose inner products are all looked at."""
ROUNDING = 1e-12
"""Weight in a proof that is a rounding error."""
SHOWN = 8
"""Cases named in the proof that points are not separable."""
STIFF_MOST = 400
"""Weights up to which the implicit integrator is quick."""
WORK, OVERHEAD = 1.5e9, 30
"""Products of a point's coordinate and a weight that the explicit integrators may spend, and what a point costs besides: a few seconds."""
MET = 1e-9
"""Relative distance up to which a level of q is met."""
IMPLICIT_STEPS = 3000
"""Of the implicit integrator, which needs some hundreds to q = 1e8 where it gets on (measured)."""
EVERY_RECORD = 100_000
"""Points times weights up to which every record gets its KKT certificate, else the last one only."""
RANGES = {
    "alpha": (0.0, 1.0),
    "m": (1, 100_000),
    "scale": (1e-150, 1e6),
    "lr": (1e-12, 1e6),
    "q": (2.0, 1e10),
}
RECORDED = ("step", "s", "ln_t", "ln_loss", "q_min", "rho", "normalised_margin", "smoothed_margin")
"""Columns of a LateRun that are kept."""


def study_classifiers(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, Any]:
    """Arrays of `described_points` (prefix-free), of the KKT network ("kkt_..."), and of the trained net ("net_...").

    Raises
    ------
    DataError
        Labels other than +1 and -1.
    NumericalError
        The points are not separable by a hyperplane through the origin; the message holds the proof.
    """
    if dataset is None:
        raise UsageError(f"case '{case.name}' needs points: give them by --data FILE")
    if len(dataset.y) > MOST_POINTS:
        raise UsageError(
            f"case '{case.name}' takes at most {MOST_POINTS} points, not {len(dataset.y)}; give a part of them"
        )
    options, alpha = case.options, float(case.options["alpha"])
    require_ranges(options, RANGES)
    one_of(case, "init", *INITS)
    one_of(case, "method", "gd", "flow")
    X, y = labelled(dataset)
    found = described_points(X, y, alpha)
    progress(1, 4)
    W, a = _kkt_network(dataset, alpha)
    found |= _kkt(X, y, W, a, alpha)
    progress(2, 4)
    run = train(Classification(X, y, alpha), options, case.seed)
    progress(3, 4)
    found |= _trained(X, y, run, found, alpha, case.seed)
    found |= margin_bracket(
        X, y, alpha, found["star_duals"], [(W, a), run.final, geometry.linear_pair(found["w_star"])]
    )
    progress(4, 4)
    return found


def labelled(dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """(X, y) once the labels are known to be +1 and -1; DataError with the remedy otherwise."""
    strange = np.setdiff1d(dataset.y, [-1.0, 1.0])
    if strange.size:
        remedy = (
            "write -1 for 0"
            if set(strange) == {0.0}
            else "write +1 for one class and -1 for the other"
        )
        raise DataError(
            f"labels must be +1 and -1 here, but {dataset.note} have labels {', '.join(f'{value:g}' for value in strange[:4])}: {remedy}"
        )
    return dataset.X, dataset.y


def best_separator(X: np.ndarray, y: np.ndarray) -> Separator:
    """The max-margin separator; NumericalError with the proof where there is none."""
    found = hard_margin(X, y)
    if isinstance(found, Inseparable):
        raise NumericalError(
            f"the points are not separable by a hyperplane through the origin: {_combination(found)} = 0 up to {found.residual:.1e} of the largest point, "
            "with z_i = y_i x_i and cases counted from 1; correct the labels, or append a constant feature, if there is none, with --set bias=true"
        )
    return found


def _combination(proof: Inseparable) -> str:
    """0.25 z_3 + 0.75 z_7, largest weights first."""
    order = np.argsort(-proof.duals, kind="stable")
    order = order[proof.duals[order] > ROUNDING]
    terms = [f"{proof.duals[i]:.4g} z_{i + 1}" for i in order[:SHOWN]]
    return " + ".join(terms) + (f" + {len(order) - SHOWN} more terms" if len(order) > SHOWN else "")


def described_points(X: np.ndarray, y: np.ndarray, alpha: float) -> dict[str, Any]:
    """Separators with their certificates, and the hypotheses of the paper's theorems.

    w_star (d,), gamma_star, star_residual, star_duals (n,): the separator.   w_plus, gamma_plus, plus_residual, plus_duals and
    the same for minus: the single neurons, nan where there is none (alpha = 0 and two classes).   mirrored (Assumption 4.1),
    mu_x_least (4.5), orthogonally_separable (Definition H.1), alignment (A.2's least slack), principal (A.1's, over mu, w^*,
    w^+), mu_plus, mu_minus (norms, A.3), one_class (the support vectors of the leading neuron have its label: implies A.5).
    """
    star = best_separator(X, y)
    found: dict[str, Any] = _named("star", star)
    neurons = {
        "plus": geometry.one_neuron(X, y, alpha, 1.0),
        "minus": geometry.one_neuron(X, y, alpha, -1.0),
    }
    for name, neuron in neurons.items():
        found |= _named(name, neuron or _none(X))
    mu = geometry.mean(X, y)
    Z = y[:, None] * X
    gram = Z @ Z.T
    directions = [geometry.unit(mu), star.w] + ([neurons["plus"].w] if neurons["plus"] else [])
    lengths = [
        float(np.linalg.norm(geometry.one_neuron_mean(X, y, alpha, sign))) for sign in (1.0, -1.0)
    ]
    leading, sign = ("plus", 1.0) if lengths[0] >= lengths[1] else ("minus", -1.0)
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
        "one_class": bool(np.all(y[found[f"{leading}_duals"] > 0] == sign))
        and neurons[leading] is not None,
    }


def _named(name: str, found: Separator) -> dict[str, Any]:
    residual = max(found.infeasibility, found.stationarity, found.gap)
    return {
        f"w_{name}": found.w,
        f"gamma_{name}": found.margin,
        f"{name}_residual": residual,
        f"{name}_duals": found.duals,
    }


def _none(X: np.ndarray) -> Separator:
    nan = float("nan")
    return Separator(np.full(X.shape[1], nan), nan, nan, np.zeros(len(X)), nan, nan, nan)


def _kkt_network(dataset: Dataset, alpha: float) -> tuple[np.ndarray, np.ndarray]:
    """The network of the data set where it brings one, else the better of the single neurons, else the linear pair; unit norm."""
    if {"W", "a"} <= dataset.extra.keys():
        return dataset.extra["W"], dataset.extra["a"]
    neurons = [
        (geometry.one_neuron(dataset.X, dataset.y, alpha, sign), sign) for sign in (1.0, -1.0)
    ]
    known = [(neuron.margin, neuron.w, sign) for neuron, sign in neurons if neuron is not None]
    if not known:
        return geometry.linear_pair(best_separator(dataset.X, dataset.y).w)
    _, w, sign = max(known, key=lambda item: item[0])
    return sign * w[None] / np.sqrt(2), np.array([sign / np.sqrt(2)])


def _kkt(
    X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray, alpha: float
) -> dict[str, Any]:
    proof = kkt_certificate(geometry.scaled(X), y, W, a, alpha)
    margin = normalised_margin(X, y, W, a, alpha)
    return {
        "kkt_W": W,
        "kkt_a": a,
        "kkt_margin": margin,
        "kkt_eps": proof.eps,
        "kkt_delta": proof.delta,
        "kkt_duals": proof.duals,
        "kkt_kinks": proof.kinks,
    }


def train(task: Classification, options: Mapping[str, Any], seed: int) -> LateRun:
    """One network into its late phase; levels of q two a decade. ``scale`` multiplies a unit draw."""
    d = task.X.shape[1]
    m, q = int(options["m"]), float(options["q"])
    W, a = INITS[options["init"]](np.random.default_rng(seed), m, d)
    W, a = options["scale"] * W, options["scale"] * a
    levels = np.geomspace(1.0, q, max(1, round(2 * np.log10(q))) + 1)
    if options["method"] == "gd":
        return integrate(task, W, a, levels, method="gd", control=options["lr"])
    budget = int(WORK / (task.X.shape[0] * (m * d + OVERHEAD)))
    if m * (d + 1) > STIFF_MOST:
        return integrate(task, W, a, levels, method="euler", max_steps=budget)
    return _flow(task, W, a, levels, budget)


def _flow(
    task: Classification, W: np.ndarray, a: np.ndarray, levels: np.ndarray, budget: int
) -> LateRun:
    """Explicit to HANDOVER, or as far as a quarter of the ``budget`` of evaluations goes (four a step); implicit from there.

    Ends where the points are not separated by then: a point on which all neurons of its sign are inactive never will be.

    A neuron that slides along a kink is pushed back from both sides, which no smooth integrator passes: then with Euler's steps.
    """
    near = np.unique(np.minimum(levels, HANDOVER))
    run = integrate(task, W, a, near, method="rk4", max_steps=budget // 4)
    legs: tuple[tuple[Method, int], ...] = (("bdf", IMPLICIT_STEPS), ("euler", budget))
    for method, steps in legs:
        beyond = levels[levels > run.q_min[-1] * (1 + MET)]
        if not beyond.size or run.separated is None:
            break
        start = Start(int(run.step[-1]), float(run.s[-1]), float(run.ln_t[-1]))
        run = join(
            run,
            integrate(
                task, *run.final, beyond, method=method, start=start, max_steps=start.step + steps
            ),
        )
    return run


def _trained(
    X: np.ndarray, y: np.ndarray, run: LateRun, found: Mapping[str, Any], alpha: float, seed: int
) -> dict[str, Any]:
    """Records (R,) of the run under their names in LateRun, certificates where it separates, weights first and last.

    net_eps, net_delta, net_balance (R,) : the KKT certificates.   net_aligned (m,) : the cone test of Lemma G.4 when L < ln 2 / n.
    net_linear, net_plus, net_minus (R,) : max over random unit x of |f(x) / rho^2 - target(x)|, the targets of Theorems 4.3, A.7, A.10.
    """
    switch = -1 if run.separated is None else run.separated
    cheap = X.shape[0] * (run.W[0].size + run.a[0].size) <= EVERY_RECORD
    points = probes(seed, X.shape[1])
    targets = {
        "linear": geometry.linear_target(found["w_star"], alpha, points),
        "plus": geometry.one_neuron_target(found["w_plus"], alpha, points),
        "minus": geometry.one_neuron_target(found["w_minus"], alpha, points, -1.0),
    }
    functions = np.array(
        [
            predict(points, W, a, alpha) / rho**2
            for W, a, rho in zip(run.W, run.a, run.rho, strict=True)
        ]
    )
    proofs = [
        _proof(X, y, W, a, alpha) if cheap or case == len(run.step) - 1 else None
        for case, (W, a) in enumerate(zip(run.W, run.a, strict=True))
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
    """The certificate for points scaled to ||x_i|| <= 1; None before the net separates them, or with too many neurons at one kink."""
    try:
        return kkt_certificate(geometry.scaled(X), y, W, a, alpha)
    except UsageError:
        return None
