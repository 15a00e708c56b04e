r"""What the flow tends to when Assumption 3 fails (beyond boursier2022), on orthonormal points from a tiny scale.

Label k is covered if a neuron with s_j = sign(y_k) starts with <w_j, x_k> > 0. Masks only switch off, and only for labels of
the other sign, so an uncovered label is never fitted and a covered one always is: L -> (1/2n) sum over uncovered y_k^2.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.old_claim import lower, none_of, number, require, statement, upper, window
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.initialize import balanced
from flowrepro.core.trajectory import Dataset, StopReason, Study
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import NumericalError
from flowrepro.papers.boursier2022.experiments import WITHOUT_ASSUMPTION_3
from flowrepro.papers.boursier2022.hypotheses import ref
from flowrepro.papers.boursier2022.log_scale import Start
from flowrepro.papers.boursier2022.sign_classes import assumption_3_probability, sign_classes
from flowrepro.papers.boursier2022.study_inputs import require_options, require_orthogonal
from flowrepro.papers.topic import Progress
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

RECORDS = 800
"""Times at which the loss is kept."""
FLAT, LASTING = 1e-3, 20.0
"""A plateau is where |d ln L / dt| is below FLAT for longer than LASTING."""


def covered(X: np.ndarray, y: np.ndarray, W: np.ndarray, a: np.ndarray) -> np.ndarray:
    """(n,) whether a neuron of the label's sign is active on it."""
    return np.any((W @ X.T > 0) & (np.sign(a)[:, None] == np.sign(y)), axis=0)  # type: ignore[no-any-return]


def plateaus(t: np.ndarray, loss: np.ndarray, limit: float) -> int:
    """Number of plateaus of a loss curve (T,) above its limit."""
    above = loss > limit + 1e-6 * loss[0]
    t, loss = t[above], loss[above]
    if len(t) < 2:
        return 0
    flat = np.concatenate([[False], np.abs(np.diff(np.log(loss)) / np.diff(t)) < FLAT, [False]])
    begins, ends = np.flatnonzero(flat[1:] & ~flat[:-1]), np.flatnonzero(~flat[1:] & flat[:-1])
    return int(np.sum(t[ends] - t[begins] > LASTING))


def uncovered(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """StudyCase: the end of the flow for several widths and many draws.

    Arrays (R,): m, seed, complete (Assumption 3), all_covered, loss, expected (the loss of the uncovered labels), ratio of
    ||theta||^2 to its least value 2 (W+ + W-), plateaus; (M,): width, and share, that of many more draws with Assumption 3.
    Raises UsageError for points that are not orthogonal, NumericalError where the flow stops early.
    """
    assert dataset is not None
    options, (X, y) = study.options, (dataset.X, dataset.y)
    require_options(study)
    require_orthogonal(X, y)
    cases = [
        (m, seed) for m in options["m"] for seed in range(study.seed, study.seed + options["seeds"])
    ]
    cases = []
    for done, (m, seed) in enumerate(cases):
        cases.append(
            (m, seed, *_end(X, y, Start.of(-options["p"], m, seed, X.shape[1]), options["horizon"]))
        )
        progress(done + 1, len(cases))
    names = ("m", "seed", "complete", "all_covered", "loss", "expected", "ratio", "plateaus")
    rng, widths = np.random.default_rng(study.seed), np.array(options["m"])
    share = np.array([_share(X, y, int(m), options["draws"], rng) for m in widths])
    return {
        name: np.array(values) for name, values in zip(names, zip(*cases, strict=True), strict=True)
    } | {"width": widths, "share": share}


def _share(X: np.ndarray, y: np.ndarray, m: int, draws: int, rng: np.random.Generator) -> float:
    """Share of balanced draws of width m that satisfy Assumption 3."""
    W, a = balanced(rng, draws * m, X.shape[1])
    members = [chosen.members(W, a).reshape(draws, m).any(axis=1) for chosen in sign_classes(X, y)]
    return float(np.mean(np.all(members, axis=0)))


def _end(
    X: np.ndarray, y: np.ndarray, start: Start, horizon: float
) -> tuple[bool, bool, float, float, float, int]:
    run = integrate(
        X,
        y,
        start.W,
        start.a,
        HALF_MEAN_SQUARE,
        np.linspace(0.0, horizon, RECORDS),
        ln_scale=start.ln_scale,
    )
    if run.stop.reason is not StopReason.HORIZON:
        raise NumericalError(
            f"the flow from lambda = e^{start.ln_scale:.6g} ended early: {run.stop.reason.value} ({run.stop.note})"
        )
    W, a = run.weights()
    classes, fitted = sign_classes(X, y), covered(X, y, start.W, start.a)
    expected = float(np.sum(np.square(y[~fitted])) / (2 * len(y)))
    ratio = float(
        (np.sum(np.square(W)) + np.sum(np.square(a)))
        / (2 * sum(chosen.weight for chosen in classes))
    )
    complete = all(chosen.members(start.W, start.a).any() for chosen in classes)
    return (
        complete,
        bool(fitted.all()),
        float(run.loss[-1]),
        expected,
        ratio,
        plateaus(run.t, run.loss, expected),
    )


CASE = (WITHOUT_ASSUMPTION_3.name,)
FREE = ("seed", "options.seeds", "options.m", "options.draws")
SAME = (as_declared(WITHOUT_ASSUMPTION_3, FREE),)


@statement(
    "uncovered-loss",
    ref("Assumption 3, beyond"),
    "theory",
    CASE,
    "the loss tends to that of the labels that no neuron of their sign starts active on",
    SAME,
)
def uncovered_loss(findings: Study) -> list[Judgement]:
    """measured: largest |L(end) - (1/2n) sum over uncovered y^2|."""
    arrays = findings.arrays
    return [
        upper("largest |L - expected|", np.abs(arrays["loss"] - arrays["expected"]).max(), 1e-12),
        number("runs", len(arrays["m"])),
        number("with an uncovered label", np.sum(~arrays["all_covered"])),
    ]


@statement(
    "uncovered-norm",
    ref("Theorem 1, beyond"),
    "theory",
    CASE,
    "Assumption 3 gives the least norm and two plateaus; without it the norm is larger",
    SAME,
)
def uncovered_norm(findings: Study) -> list[Judgement]:
    """measured: ||theta||^2 over its least value, and plateaus of the loss, with Assumption 3; the ratio of covered draws without it."""
    arrays = findings.arrays
    good, rest = arrays["complete"], ~arrays["complete"] & arrays["all_covered"]
    require(None if good.any() else "no draw satisfies Assumption 3")
    parts = [
        upper(
            "largest |ratio - 1| with Assumption 3", np.abs(arrays["ratio"][good] - 1).max(), 1e-5
        ),
        none_of(
            "such runs with another number of plateaus than 2",
            np.sum(arrays["plateaus"][good] != 2),
        ),
    ]
    if rest.any():
        low, high = arrays["ratio"][rest].min(), arrays["ratio"][rest].max()
        parts += [
            lower("least ratio of covered draws without it", low, 1 + 1e-4),
            number("largest", high),
        ]
    return [*parts, number("most plateaus", arrays["plateaus"].max())]


@statement(
    "assumption-3-width",
    ref("Assumption 3"),
    "theory",
    CASE,
    "wide networks satisfy Assumption 3: its probability tends to 1 with the width",
    SAME,
)
def width(findings: Study) -> list[Judgement]:
    """measured: share of draws at each width; bound: the probability, 4 standard deviations and one draw wide."""
    arrays, counts, parts = (
        findings.arrays,
        [int(np.sum(np.sign(findings.y) == sign)) for sign in (1, -1)],
        [],
    )
    draws = findings.case.options["draws"]
    for m, share in zip(arrays["width"], arrays["share"], strict=True):
        chance = assumption_3_probability(int(m), *counts)
        allowed = 4 * np.sqrt(chance * (1 - chance) / draws) + 1 / draws
        parts.append(
            window(
                f"share with m = {m}", share, max(0.0, chance - allowed), min(1.0, chance + allowed)
            )
        )
    return parts


CLAIMS = (uncovered_loss, uncovered_norm, width)
