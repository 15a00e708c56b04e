"""The hypothesis of every reproduction: the case is the paper's own, and it ran as the paper ran
it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from flowrepro import engines
from flowrepro.claims.verdict import Limit, Reason
from flowrepro.core.config import StudyCase, TrainingCase
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Ensemble, Run, StopReason, Study

FREE = ("seed", "seeds", "protocol.engine", "protocol.device", "record.")
"""Keys that do not make a run another than the paper's."""
COMPUTED_BY = ("options.engine", "options.device")
"""Options that do not make a study another: by what, and where, it trains."""


def is_flow(run: Run | Ensemble) -> bool:
    """Whether the run is the gradient flow itself, not a descent."""
    return engines.is_flow(run.engine)


def coarse_step(run: Run, growth: float, most: float, name: str) -> str | None:
    """None where the run is the flow, or where ``growth``, a multiple of the step, is at most
    ``most``; else the sentence with the largest step, to one digit, that is fine enough.
    """
    if is_flow(run) or growth <= most:
        return None
    lr = run.case.protocol.lr * most / growth
    unit = 10.0 ** math.floor(math.log10(lr))
    lr = float(f"{math.floor(lr / unit) * unit:.0e}")
    return Reason.of(
        f"the step is too coarse for a statement on the flow ({name} = {growth:.2g} > {most:g}); "
        f"set lr={lr:.0e}, or take --engine flow",
        Limit("lr", run.case.protocol.lr, lr),
    )


def as_published(
    case: TrainingCase, free: tuple[str, ...] = FREE
) -> Callable[[Run | Ensemble], str | None]:
    """The case of a run or ensemble is ``case`` but for the keys in ``free``; and it ran to its
    end.
    """

    def hypothesis(run: Run | Ensemble) -> str | None:
        changed = departures(run.case, case, free)
        if changed:
            return (
                "the paper's observation is for its own protocol; this run departs from it in "
                f"{', '.join(changed)}"
            )
        if is_flow(run):
            return "the paper's observation is of gradient descent; this run is the flow itself"
        if run.trajectory.stop.reason is not StopReason.HORIZON:
            return (
                f"the run stopped at step {run.trajectory.last_step}: "
                f"{run.trajectory.stop.reason.value}"
            )
        return None

    return hypothesis


def as_declared(study: StudyCase, free: tuple[str, ...] = ()) -> Callable[[Study], str | None]:
    """The study is ``study`` but for the keys in ``free`` and in COMPUTED_BY."""

    def hypothesis(findings: Study) -> str | None:
        changed = departures(findings.case, study, (*free, *COMPUTED_BY))
        return (
            f"stated for the study as declared; this one departs from it in {', '.join(changed)}"
            if changed
            else None
        )

    return hypothesis
