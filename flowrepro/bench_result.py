"""What one comparison of the benchmark gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchResult:
    """One comparison.

    ours, plain : median time in ``unit``, of a step or of the whole job; ``plain`` is the other side, named in ``job``.
    ratio : what ``target`` bounds: plain / ours for ">= x" (how many times faster), ours / plain for "<= x".
    """

    job: str
    ours: float
    plain: float
    unit: str
    ratio: float
    target: str
    note: str

    @property
    def met(self) -> str:
        """Whether the ratio satisfies the target: "yes", "no", or "" without one."""
        relation, _, bound = self.target.partition(" ")
        if not bound:
            return ""
        return "yes" if (self.ratio >= float(bound) if relation == ">=" else self.ratio <= float(bound)) else "no"
