"""Statements about one run, read as statements about the probability that a run shows them, and
counted over seeds.
"""

from __future__ import annotations

import numpy as np

from flowrepro.claims.verdict import Part, at_least

CLAIMED = 0.05 ** (1 / 100)
"""0.97: what all of 100 seeds show (so it was measured for every window) holds for this share of
seeds, at 95 % confidence.
"""
ENOUGH = 100
"""Seeds from which a share of 0.97 can be told from 1 - 1/R."""


def too_few(R: int) -> str | None:
    """None for at least ENOUGH seeds, else why they decide nothing."""
    return (
        None
        if R >= ENOUGH
        else f"a share of {CLAIMED:.2f} of the seeds needs at least {ENOUGH}; these are {R}"
    )


def summary(values: np.ndarray) -> str:
    """least, median, largest of (R,) values."""
    return f"least {values.min():.6g}, median {np.median(values):.6g}, largest {values.max():.6g}"


def wilson(successes: int, trials: int, z: float = 1.96) -> tuple[float, float]:
    """The 95 % interval for a probability of which ``successes`` of ``trials`` were seen (Wilson's
    score interval).
    """
    share, spread = successes / trials, z * z / trials
    middle, half = (
        share + spread / 2,
        z * np.sqrt(share * (1 - share) / trials + spread / (4 * trials)),
    )
    return float((middle - half) / (1 + spread)), float((middle + half) / (1 + spread))


def share(note: str, holds: np.ndarray, values: np.ndarray) -> Part:
    """Part: at least CLAIMED of the seeds satisfy ``holds`` (R,); the note has the interval and
    what the values (R,) are.
    """
    low, high = wilson(int(holds.sum()), len(holds))
    return at_least(
        f"share of {len(holds)} seeds with {note} ({summary(values)}; 95 % interval [{low:.4f}, "
        f"{high:.4f}])",
        holds.mean(),
        CLAIMED,
    )


def inside(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """Which values lie in [low, high]; nan does not."""
    with np.errstate(invalid="ignore"):
        return (values >= low) & (values <= high)
