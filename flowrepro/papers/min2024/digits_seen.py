"""Reading a run on digits, and whether it is the paper's own (min2024, Section 4)."""

from __future__ import annotations

import numpy as np

from flowrepro.core.config import TrainingCase, departures
from flowrepro.core.trajectory import Run

END = 15_000
"""The iteration at which the paper ends its curves and shows its neurons."""
SUBSET_SHIFT = 60
"""By how many iterations a random subset of the images moves events at most (measured with 1000 images, six seeds)."""
SMALLEST_SUBSET = 1_000
COARSEST = 100
"""Largest distance of records, in iterations, at which the windows of events make sense."""
IRRELEVANT = (
    "seed",
    "protocol.engine",
    "protocol.device",
    "protocol.dtype",
    "protocol.rtol",
    "protocol.n_steps",
    "record.",
    "data.options.subset",
)
"""Keys that may differ from the paper's case: `unlike_paper` looks at the horizon, the records and the subset itself."""


def unlike_paper(run: Run, case: TrainingCase, until: int, weights_at: int = 0) -> str:
    """Why a statement on the paper's run of ``case`` up to iteration ``until`` cannot be judged on this one; "" where it can."""
    trajectory = run.trajectory
    if foreign := departures_from(run, case):
        return f"the paper states this for its own run; this case differs in {', '.join(foreign)}"
    if trajectory.step[-1] < until:
        return f"needs iteration {until}, but the records end at {trajectory.step[-1]} ({trajectory.stop.reason.value})"
    if run.case.record.save_every > COARSEST:
        return f"needs a record at least every {COARSEST} iterations; --set record.save_every=20 gives it"
    if "mean_cos" not in trajectory.observed:
        return "the alignment was not recorded; --set record.observe=class-alignment records it"
    if not trajectory.has(weights_at):
        return f"needs the weights of iteration {weights_at}; --set record.snapshots=[{weights_at}] keeps them"
    return ""


def departures_from(run: Run, case: TrainingCase) -> list[str]:
    """Keys in which the case differs from the paper's; of other points only their name is told."""
    keys = departures(run.case, case, IRRELEVANT)
    if "data.name" in keys:
        return [key for key in keys if not key.startswith("data.options.")]
    subset = run.case.data.options.get("subset")
    return (
        [*keys, "data.options.subset"] if subset is not None and subset < SMALLEST_SUBSET else keys
    )


def value_at(run: Run, name: str, step: int) -> np.ndarray:
    """The observed quantity at the last record not after ``step``."""
    index = int(np.searchsorted(run.trajectory.step, step, side="right")) - 1
    return run.trajectory.observed[name][index]  # type: ignore[no-any-return]


def loss_at(run: Run, step: int) -> float:
    """The loss at the last record not after ``step``."""
    return float(run.trajectory.loss[np.searchsorted(run.trajectory.step, step, side="right") - 1])


def first_step(run: Run, event: np.ndarray) -> float:
    """First recorded iteration at which ``event`` (T,) is true; nan if it never is."""
    hits = np.flatnonzero(event)
    return float(run.trajectory.step[hits[0]]) if hits.size else float("nan")


def event_window(run: Run, low: float, high: float) -> tuple[float, float]:
    """The window of an event, wider by SUBSET_SHIFT on a subset of the images."""
    shift = 0 if run.case.data.options.get("subset") is None else SUBSET_SHIFT
    return low - shift, high + shift


def stable_rank(run: Run) -> np.ndarray:
    """||W||_F^2 / ||W||_2^2 (T,)."""
    return run.trajectory.observed["frobenius2"] / run.trajectory.observed["spectral2"]  # type: ignore[no-any-return]
