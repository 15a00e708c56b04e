r"""Why descent from a very small scale stays at the saddle of Figure 4, which the flow leaves (beyond boursier2022).

On the five points the negative neurons shrink on the way to the saddle, all the more the smaller the scale. The flow keeps the
sign of a_j (Lemma 1). Descent keeps a_j^2 - ||w_j||^2 only up to the square of its step, so neurons below that drift may jump
over 0; once no active neuron has a negative output weight, nothing is left to leave the best fit with positive weights.
A smaller step is the remedy (measured, seed 0 at 1e-5: it stays with lr = 1e-3 and leaves with 1e-4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from flowrepro.claims.old_claim import none_of, number, require, statement
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import Record, StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.ensemble import Members, run_ensemble
from flowrepro.engines.flow.flow import integrate
from flowrepro.errors import UsageError
from flowrepro.papers.boursier2022.experiments import MSE, SIGN_JUMPS
from flowrepro.papers.boursier2022.hypotheses import ref
from flowrepro.papers.boursier2022.log_scale import Start
from flowrepro.papers.boursier2022.positive_fit import best_positive_fit
from flowrepro.papers.boursier2022.study_inputs import require_options
from flowrepro.papers.topic import Progress
from flowrepro.theory.stationary import HALF_MEAN_SQUARE

LEFT = 0.99
"""The saddle is left when the MSE falls below this part of its value there."""
RECORDS = 240


def sign_jumps(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> dict[str, np.ndarray]:
    """StudyCase: the flow and descent of the same draws from several scales, to the same flow time.

    Arrays (R,): p, seed, start (active neurons with a_j < 0 at the start); for the flow and for descent: left_* flow time at
    which the saddle is left (nan: not yet), negative_* such neurons at the end, changed_* neurons whose a_j changed sign.
    Raises UsageError for points that are not in the plane or options out of range.
    The flow may end early where many neurons slide at one instant (`reached`, its last time); what it did until then counts.
    """
    assert dataset is not None
    require_options(study)
    options, (X, y) = study.options, (dataset.X, dataset.y)
    if X.shape[1] != 2:
        raise UsageError(
            f"this study fits points (x, 1) of the plane with positive weights, and these have dimension {X.shape[1]}; give points with d = 2"
        )
    cases = [
        (float(p), seed)
        for p in options["p"]
        for seed in range(study.seed, study.seed + options["seeds"])
    ]
    starts = [Start.of(-p, options["m"], seed, X.shape[1]) for p, seed in cases]
    level = LEFT * best_positive_fit(X, y).mse
    flows = []
    for done, start in enumerate(starts):
        flows.append(_flow(X, y, start, level, options["horizon"]))
        progress(done + 1, 2 * len(cases))
    descents = _descend(
        X,
        y,
        starts,
        level,
        options["lr"],
        options["horizon"],
        lambda part: progress(len(cases) + int(part * len(cases)), 2 * len(cases)),
    )
    named = {f"{key}_flow": values for key, values in _columns(flows).items()} | {
        f"{key}_descent": values for key, values in _columns(descents).items()
    }
    begin = np.array([_negative(X, start.W, start.a) for start in starts])
    return {
        "p": np.array([p for p, _ in cases]),
        "seed": np.array([seed for _, seed in cases]),
        "start": begin,
        **named,
    }


class _End(NamedTuple):
    left: float
    negative: int
    changed: int
    reached: float


def _columns(ends: list[_End]) -> dict[str, np.ndarray]:
    return {
        name: np.array(values)
        for name, values in zip(_End._fields, zip(*ends, strict=True), strict=True)
    }


def _negative(X: np.ndarray, W: np.ndarray, a: np.ndarray) -> int:
    """Neurons with a_j < 0 that are active on a sample."""
    height = (
        W @ X.T / np.maximum(np.linalg.norm(W, axis=1), 1e-300)[:, None]
    )  # neurons that slide along <w, x_k> = 0 are on it up to rounding
    return int(np.sum((a < 0) & np.any(height > 1e-9, axis=1)))


def _flow(X: np.ndarray, y: np.ndarray, start: Start, level: float, horizon: float) -> _End:
    run = integrate(
        X,
        y,
        start.W,
        start.a,
        HALF_MEAN_SQUARE,
        np.linspace(0.0, horizon, RECORDS),
        ln_scale=start.ln_scale,
    )
    below = np.flatnonzero(2 * run.loss < level)
    u, b = run.Y[-1, :, 1:-1], run.Y[-1, :, -1]
    return _End(
        float(run.t[below[0]]) if below.size else np.nan,
        _negative(X, u, b),
        int(np.sum(np.sign(b) != np.sign(start.a))),
        float(run.t[-1]),
    )


def _descend(
    X: np.ndarray,
    y: np.ndarray,
    starts: list[Start],
    level: float,
    lr: float,
    horizon: float,
    progress: Callable[[float], None],
) -> list[_End]:
    n_steps = round(horizon / (MSE.factor * lr))
    W0, a0 = (
        np.stack([np.exp(start.ln_scale) * start.W for start in starts]),
        np.stack([np.exp(start.ln_scale) * start.a for start in starts]),
    )
    members = Members(np.arange(len(starts)), W0, a0)
    problem = Problem(X, y, W0[0], a0[0], MSE, lr, n_steps)
    run = run_ensemble(
        problem,
        members,
        SaveAt.of(Record(save_every=n_steps), n_steps),
        levels=(level,),
        progress=lambda step: progress(step / n_steps),
    )
    left = run.first_steps_below(level) * MSE.factor * lr
    W, a = run.at(n_steps)
    return [
        _End(
            float(t) if np.isfinite(t) else np.nan,
            _negative(X, W[i], a[i]),
            int(np.sum(a[i] * a0[i] < 0)),
            horizon,
        )
        for i, t in enumerate(left)
    ]


@statement(
    "sign-jumps",
    ref("Lemma 1, beyond"),
    "theory",
    (SIGN_JUMPS.name,),
    "the flow leaves the saddle from every scale; descent stays there only once all its negative neurons jumped over 0 or died",
    (as_declared(SIGN_JUMPS, ("seed", "options.seeds", "options.m")),),
)
def flow_leaves(findings: Study) -> list[Judgement]:
    """measured: flows that stay or change the sign of an a_j; descents that stay although a negative neuron is active, or leave without one."""
    arrays = findings.arrays
    stays = np.isnan(arrays["left_descent"])
    require(None if len(stays) else "no runs")
    return [
        none_of("flows that do not leave the saddle", int(np.sum(np.isnan(arrays["left_flow"])))),
        none_of(
            "neurons of a flow whose output weight changes sign", int(arrays["changed_flow"].sum())
        ),
        none_of(
            "descents that stay although a negative neuron is active",
            int(np.sum(stays & (arrays["negative_descent"] > 0))),
        ),
        *(
            number(
                f"descents that stay, scale 1e-{p:g} (of {np.sum(arrays['p'] == p)})",
                int(np.sum(stays & (arrays["p"] == p))),
            )
            for p in np.unique(arrays["p"])
        ),
    ]


CLAIMS = (flow_leaves,)
