"""Points drawn from a distribution, labelled by a teacher: every draw is float64 from
``default_rng(seed)``.
"""

from __future__ import annotations

import numpy as np

from flowrepro.core.network import gain
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError

LIMITS = {"n": 10**7, "d": 10**5, "depth": 100}


def gaussian_teacher(
    n: int = 10_000, d: int = 100, seed: int = 0, scale: float = 1.0, depth: int = 1
) -> Dataset:
    """Standard Gaussian points and the output of a balanced single-neuron teacher of the given
    depth (lee2022, Section 6).

    Drawn in this order: X (n, d), the teacher's direction z* (d,), a student's direction z0 (d,),
    all N(0, 1).
    w* = scale z* (the paper's N(0, k I) has standard deviation k), its depth - 1 scalars equal
    ||w*||, so y = ||w*||^(depth - 1) relu(X w*). The same seed gives the same X, z* and z0 whatever
    the scale and the depth.

    Returns
    -------
    Dataset
        ``extra["teacher"]`` is w* (d,), ``extra["student"]`` is z0 (d,): a student starts at w = k
        z0, scalars k ||z0||.

    Raises
    ------
    UsageError
        For options out of range.
    """
    for name, value in (("n", n), ("d", d), ("depth", depth)):
        if type(value) is not int or not 1 <= value <= LIMITS[name]:
            raise UsageError(
                f"data.options.{name} must be a whole number from 1 to {LIMITS[name]}, not "
                f"'{value}'"
            )
    if type(seed) is not int or seed < 0:
        raise UsageError(
            f"data.options.seed must be a whole number that is not negative, not '{seed}'"
        )
    if not 0 < scale < np.inf:
        raise UsageError(f"data.options.scale must be a positive number, not '{scale}'")
    rng = np.random.default_rng(seed)
    X, direction, student = (
        rng.standard_normal((n, d)),
        rng.standard_normal(d),
        rng.standard_normal(d),
    )
    teacher = scale * direction
    y = gain(np.array(np.linalg.norm(teacher)), depth) * np.maximum(X @ teacher, 0.0)
    note = (
        f"{n} standard Gaussian points in dimension {d}, labelled by one neuron with {depth - 1} "
        f"scalars, seed {seed} (lee2022, Section 6)"
    )
    return Dataset(X, y, note, extra={"teacher": teacher, "student": student})
