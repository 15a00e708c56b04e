"""Seconds on the CPU and on a GPU, which the tests marked gpu leave and `make gpu` prints."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import pytest


class Timed(NamedTuple):
    """A training, and the seconds that it took in PyTorch on either device."""

    what: str
    cpu_s: float
    gpu_s: float


MEASURED = pytest.StashKey[list[Timed]]()
"""Where the tests of a session leave them."""


def table(measured: Iterable[Timed]) -> list[str]:
    """The lines of the table."""
    lines = [f"{'training':<48} {'CPU':>9} {'GPU':>9} {'CPU / GPU':>10}"]
    for what, cpu, gpu in measured:
        lines.append(f"{what:<48} {cpu:>7.2f} s {gpu:>7.2f} s {cpu / gpu:>10.2f}")
    return lines
