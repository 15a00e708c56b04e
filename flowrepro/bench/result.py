"""What one comparison of the benchmark gives."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class BenchResult:
    """One comparison.

    ours, plain : median time in ``unit``, of a step or of the whole job; ``plain`` is the other
        side, named in ``job``.
    ratio : what ``target`` bounds: plain / ours for ">= x" (how many times faster), ours / plain
        for "<= x", or a slope where the note says so.
    limit : the largest ``ours`` that will do, in ``unit``; None where only the ratio has a target,
        or the job was cut short.
    """

    job: str
    ours: float
    plain: float
    unit: str
    ratio: float
    target: str
    note: str
    limit: float | None = None

    @property
    def met(self) -> str:
        """Whether the ratio satisfies the target and ours the limit: "yes", "no", or "" with
        neither.
        """
        relation, _, bound = self.target.partition(" ")
        held = []
        if bound:
            held.append(
                self.ratio >= float(bound) if relation == ">=" else self.ratio <= float(bound)
            )
        if self.limit is not None:
            held.append(self.ours <= self.limit)
        return ("yes" if all(held) else "no") if held else ""

    def to_json(self) -> dict[str, Any]:
        """The public form, with ``met``; numbers that are not finite become null."""
        form = {**dataclasses.asdict(self), "met": self.met}
        return {
            key: None if isinstance(value, float) and not math.isfinite(value) else value
            for key, value in form.items()
        }
