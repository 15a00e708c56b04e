"""Which values a case may have."""

from __future__ import annotations

import itertools
from typing import Any

from flowrepro.core.config import Case, TrainingCase, computing_form, flatten
from flowrepro.errors import UsageError


def validate(case: Case) -> None:
    """Raise UsageError, naming the key and its range, for a value that no engine could run."""
    for key, value in flatten(computing_form(case)).items():
        if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
            raise UsageError(f"{key} must be a finite number, not {value}")
    if not 0 <= case.seed < 2**63:
        raise UsageError(f"seed must lie in [0, 2^63), not {case.seed}")
    if isinstance(case, TrainingCase):
        _validate_experiment(case)


def _validate_experiment(case: TrainingCase) -> None:
    rules: tuple[tuple[str, Any, bool, str], ...] = (
        ("protocol.lr", case.protocol.lr, case.protocol.lr > 0, "must be positive"),
        (
            "protocol.n_steps",
            case.protocol.n_steps,
            1 <= case.protocol.n_steps <= 10**10,
            "must be between 1 and 1e10",
        ),
        (
            "protocol.batch_size",
            case.protocol.batch_size,
            case.protocol.batch_size is None or case.protocol.batch_size >= 1,
            "must be null (full batch) or at least 1",
        ),
        (
            "protocol.target_loss",
            case.protocol.target_loss,
            case.protocol.target_loss >= 0,
            "must not be negative",
        ),
        (
            "protocol.rtol",
            case.protocol.rtol,
            1e-13 <= case.protocol.rtol <= 1e-2,
            "must lie in [1e-13, 1e-2], the lower end being what double precision resolves",
        ),
        (
            "init.log10_scale",
            case.init.log10_scale,
            abs(case.init.log10_scale) <= 1e6,
            "must lie in [-1e6, 1e6]",
        ),
        ("init.m", case.init.m, 1 <= case.init.m <= 10**8, "must be between 1 and 1e8"),
        ("init.scale", case.init.scale, case.init.scale > 0, "must be positive"),
        ("model.alpha", case.model.alpha, 0 <= case.model.alpha <= 1, "must lie in [0, 1]"),
        (
            "model.depth",
            case.model.depth,
            1 <= case.model.depth <= 100,
            "must be between 1 and 100",
        ),
        ("loss.factor", case.loss.factor, case.loss.factor > 0, "must be positive"),
        (
            "record.save_every",
            case.record.save_every,
            case.record.save_every >= 1,
            "must be at least 1",
        ),
        (
            "record.snapshot_every",
            case.record.snapshot_every,
            case.record.snapshot_every >= 0,
            "must be 0 (none) or at least 1",
        ),
        (
            "record.geometric",
            case.record.geometric,
            case.record.geometric == 0 or case.record.geometric > 1,
            "must be 0 (none) or above 1",
        ),
        (
            "record.snapshots",
            case.record.snapshots,
            all(k >= 0 for k in case.record.snapshots),
            "must not hold negative steps",
        ),
        (
            "record.levels",
            case.record.levels,
            all(level > 0 for level in case.record.levels),
            "must be positive",
        ),
        (
            "record.times",
            case.record.times,
            not case.record.times or _are_times(case.record.times, case.protocol.n_steps),
            "must be positive, increasing and as many as there are steps",
        ),
        (
            "seeds",
            case.seeds,
            case.seeds is None or 0 <= case.seeds[0] < case.seeds[1] < 2**63,
            "must be [A,B] with 0 <= A < B",
        ),
    )
    for key, value, holds, rule in rules:
        if not holds:
            raise UsageError(f"{key} {rule}, not {value}")


def _are_times(times: tuple[float, ...], n_steps: int) -> bool:
    ahead = all(before < after for before, after in itertools.pairwise((0.0, *times)))
    return ahead and len(times) == n_steps and times[-1] < float("inf")
