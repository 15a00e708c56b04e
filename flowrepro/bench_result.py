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
