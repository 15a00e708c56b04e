"""Figure 4: the norm of a network of five weight matrices from a small and from a large start."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import pairwise

import numpy as np

from flowrepro.claims.old_claim import NotApplicable, lower, none_of, number, statement, upper
from flowrepro.claims.old_verdict import Judgement
from flowrepro.claims.published import as_declared
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.papers.lee2022.experiments import DEEP, DEEP_LARGE_LR, DEEP_SMALL_LR
from flowrepro.papers.lee2022.hypotheses import ref
from flowrepro.papers.topic import Progress

WIDTHS = (100, 50, 50, 50, 50, 1)
"""d, four hidden layers and the output (Appendix D.2: depth 5, 50 neurons)."""
RECORDS, FIRST = 500, 20
"""Records of a run, evenly spread, and first steps that are all recorded: the large start jumps there."""
EULER_EVERY = 25
SETTLED = 10
"""Step from which the norm of the large start falls; the first ones are beyond the limit of stability."""


def gaussian_layers(rng: np.random.Generator, scale: float) -> list[np.ndarray]:
    """Weight matrices with entries N(0, scale^2)."""
    return [scale * rng.standard_normal((wide, narrow)) for narrow, wide in pairwise(WIDTHS)]


def compute_deep(
    study: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """The two runs of Figure 4, by the prefixes small_ and large_.

    step, loss : (T,), norms : (T, 5), euler : (T,) as in `DeepPath`; teacher_norms : (5,) of the run's teacher, lr : ().
    diverged : seeds that overflowed before one that did not; seed : () the one shown, the last one tried where all did.
    """
    options = study.options
    totals = [int(options[f"{name}_steps"]) for name in ("small", "large")]
    arrays: dict[str, np.ndarray] = {}
    done = 0
    for name, n_steps in zip(("small", "large"), totals, strict=True):
        report = _offset(progress, done, sum(totals))
        arrays |= {
            f"{name}_{key}": np.asarray(value)
            for key, value in _one(study, name, n_steps, report).items()
        }
        done += n_steps
    return arrays


def _offset(progress: Progress, done: int, total: int) -> Callable[[int], None]:
    return lambda step: progress(done + step, total)


def _one(
    study: StudyCase, name: str, n_steps: int, report: Callable[[int], None]
) -> dict[str, object]:
    """One run, tried with the next seeds where it overflows."""
    from flowrepro.engines.torch_deep import descend, outputs

    options = study.options
    lr = float(options[f"{name}_lr"])
    record = np.unique(
        np.concatenate(
            [
                np.arange(min(FIRST, n_steps) + 1),
                np.linspace(0, n_steps, min(n_steps, RECORDS) + 1).round().astype(int),
            ]
        )
    )
    diverged: list[int] = []
    for seed in range(study.seed, study.seed + max(1, int(options["attempts"]))):
        rng = np.random.default_rng(seed)
        X, teacher, student = (
            rng.standard_normal((int(options["n"]), WIDTHS[0])),
            gaussian_layers(rng, float(options["teacher"])),
            gaussian_layers(rng, float(options[name])),
        )
        path = descend(
            X,
            outputs(X, teacher),
            student,
            lr,
            record.tolist(),
            device=str(options["device"]),
            euler_every=EULER_EVERY,
            progress=report,
        )
        if not path.diverged:
            break
        diverged.append(seed)
    found = {
        "step": path.step,
        "loss": path.loss,
        "norms": path.norms,
        "euler": path.euler,
        "lr": lr,
        "seed": seed,
    }
    return {
        **found,
        "teacher_norms": [float(np.linalg.norm(W)) for W in teacher],
        "diverged": np.array(diverged, dtype=np.int64),
    }


def total(norms: np.ndarray) -> np.ndarray:
    """||Theta|| = sqrt(sum_l ||W_l||_F^2) from norms (..., L)."""
    return np.asarray(np.sqrt(np.sum(np.square(norms), axis=-1)))


def survived(name: str) -> Callable[[Study], str | None]:
    """Factory: the run with this prefix did not overflow."""

    def hypothesis(findings: Study) -> str | None:
        seeds = findings.arrays[f"{name}_diverged"]
        if findings.arrays[f"{name}_seed"] in seeds:
            return f"all {len(seeds)} seeds overflowed (lr above stability at these draws)"
        return None

    return hypothesis


GIVEN = (as_declared(DEEP, ("seed", "options")),)


@statement(
    "figure-4-small",
    ref("Figure 4a; Appendix D.2"),
    "reproduction",
    ("deep",),
    "from a small start the norm grows",
    (*GIVEN, survived("small")),
)
def small_grows(findings: Study) -> list[Judgement]:
    """measured: depth of the dip before the first minimum, and the largest fall between records after it, relative to the norm."""
    norm = total(findings.arrays["small_norms"])
    first = int(norm.argmin())
    falls = np.maximum(-np.diff(norm[first:]), 0.0).max(initial=0.0) / norm[0]
    return [
        upper("dip", 1 - norm[first] / norm[0], 1e-3),
        upper("largest fall between records", falls, 1e-4),
        lower("growth, end / start", norm[-1] / norm[0], 1.0),
    ]


@statement(
    "figure-4-large",
    ref("Figure 4b; Appendix D.2"),
    "reproduction",
    ("deep",),
    "from a large start the norm falls",
    (*GIVEN, survived("large")),
)
def large_falls(findings: Study) -> list[Judgement]:
    """measured: records after step 10 at which the norm grows; seeds that overflowed before the one shown; jump of the loss in the first steps."""
    arrays = findings.arrays
    norm = total(arrays["large_norms"])
    later = np.flatnonzero(arrays["large_step"] >= SETTLED)
    grows = int(np.sum(np.diff(norm[later]) > 0))
    jump = arrays["large_loss"][: later[0] + 1].max() / arrays["large_loss"][0]
    return [
        none_of("records with a larger norm", grows),
        number("seeds that diverged before", arrays["large_diverged"].size),
        number("largest loss of the first steps / initial", jump),
    ]


@statement(
    "figure-4-norm-identity",
    ref("Appendix D.2"),
    "theory",
    ("deep",),
    "a step changes ||Theta||^2 by -10 lr mean((f - y) f) + lr^2 ||gradient||^2",
    GIVEN,
)
def norm_identity(findings: Study) -> list[Judgement]:
    """measured: largest error relative to ||Theta||^2, in float64: why the norm is monotone while mean(f^2) - mean(y f) keeps its sign."""
    errors = [findings.arrays[f"{name}_euler"] for name in ("small", "large")]
    return [
        upper(f"{name} start", np.nanmax(error), 1e-13)
        for name, error in zip(("small", "large"), errors, strict=True)
    ]


@statement(
    "figure-4-balance",
    ref("Section 3.2; Appendix D.2"),
    "theory",
    ("deep",),
    "the flow keeps the differences of the layers' squared norms",
    (*GIVEN, survived("small")),
)
def balance(findings: Study) -> list[Judgement]:
    """measured: largest drift of ||W_(l+1)||^2 - ||W_l||^2 in the small run, in units of ||Theta(0)||^2 / 5; the steps of the large one are not the flow's."""
    squares = np.square(findings.arrays["small_norms"])
    gaps = np.diff(squares, axis=1)
    return [upper("largest drift", np.abs(gaps - gaps[0]).max() / squares[0].mean(), 1e-2)]


@statement(
    "figure-4-slower",
    ref("Appendix D.2"),
    "reproduction",
    ("deep",),
    "a small start slows the network down",
    (*GIVEN, survived("small"), survived("large")),
)
def small_is_slower(findings: Study) -> list[Judgement]:
    """measured: steps until the loss stays below half its initial value, in the paper's step sizes, small over large."""
    arrays = findings.arrays
    halved = {}
    for name, paper_lr in (("small", DEEP_SMALL_LR), ("large", DEEP_LARGE_LR)):
        loss = arrays[f"{name}_loss"]
        first = (
            int(np.flatnonzero(loss > 0.5 * loss[0])[-1]) + 1
        )  # it may dip below before: the large start jumps
        if first == len(loss):
            raise NotApplicable(
                f"the {name} start does not halve its loss within {arrays[f'{name}_step'][-1]} steps"
            )
        halved[name] = float(arrays[f"{name}_step"][first] * arrays[f"{name}_lr"] / paper_lr)
    return [
        lower("small / large", halved["small"] / halved["large"], 100.0),
        *(number(f"{name}, paper's steps", step) for name, step in halved.items()),
    ]


CLAIMS = (small_grows, large_falls, norm_identity, balance, small_is_slower)
