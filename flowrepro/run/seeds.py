"""One case for many seeds: what a seed changes, and whether all seeds can be run at once."""

from __future__ import annotations

from flowrepro import data
from flowrepro.core.config import Case, TrainingCase
from flowrepro.core.initialize import STUDENT
from flowrepro.errors import UsageError
from flowrepro.run.ensembles import ensemble_refusal
from flowrepro.run.training import prepare

ENSEMBLE_FROM = 50
"""Seeds from which a case that can be run at once is one ensemble in one folder, not one run per
seed.
"""


def seed_changes(case: Case, seed: int) -> dict[str, int]:
    """What a seed changes: the case's, and that of its points where the initial weights come with
    them.
    """
    comes_with_points = (
        isinstance(case, TrainingCase) and case.init.name == STUDENT and "seed" in case.data.options
    )
    return {"seed": seed, "data.options.seed": seed} if comes_with_points else {"seed": seed}


def seed_range(seed: int | None, seeds: str) -> tuple[int, int]:
    """(A, B) of ``--seeds A:B``; UsageError where it is not that, or --seed is given beside it."""
    first, separator, last = seeds.partition(":")
    if (
        seed is not None
        or not separator
        or not all(end.isdecimal() and end.isascii() for end in (first, last))
        or int(first) >= int(last)
    ):
        raise UsageError(f"--seeds takes A:B with 0 <= A < B, without --seed, not '{seeds}'")
    return int(first), int(last)


def runs_at_once(case: TrainingCase) -> bool:
    """Whether all seeds of a case can be run at once, and the case is small."""
    problem = prepare(case, data.load(case.data))
    if ensemble_refusal(case, problem) is not None:
        return False
    from flowrepro.engines.ensemble import is_small

    return is_small(problem)
