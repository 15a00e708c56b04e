"""The high-dimensional experiment of boursier2022: nearly orthogonal Gaussian points labelled by a
network of six neurons.
"""

from __future__ import annotations

import numpy as np

from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset
from flowrepro.data.torch_stream import TorchStream
from flowrepro.errors import UsageError

LIMITS = {"n": 10_000, "d": 10_000, "teachers": 1_000, "students": 10_000}


def nearly_orthogonal(
    seed: int = 4, n: int = 75, d: int = 150, teachers: int = 6, students: int = 200
) -> Dataset:
    """n standard Gaussian points of dimension d, a random teacher's labels, and the student's start
    (boursier2022, Appendix A.2).

    The authors' draws in their order, those of torch's generator: the teacher's layers N(0,
    1/(teachers d)) and N(0, 1/teachers), the points, the student's first layer, its signs. With
    seed 4 these are the points of Figures 6 and 7.

    Returns
    -------
    Dataset
        ``extra["student"]`` (students, d + 1) holds balanced neurons (w_j, s_j ||w_j||) with w_j ~
        N(0, I_d).

    Raises
    ------
    UsageError
        For options out of range.
    """
    for name, value in (("n", n), ("d", d), ("teachers", teachers), ("students", students)):
        if type(value) is not int or not 1 <= value <= LIMITS[name]:
            raise UsageError(
                f"data.options.{name} must be a whole number from 1 to {LIMITS[name]}, not "
                f"'{value}'"
            )
    if type(seed) is not int or not 0 <= seed < 2**32:
        raise UsageError(f"data.options.seed must be a whole number in [0, 2^32), not '{seed}'")
    stream = TorchStream(seed)
    W, a = (
        stream.linear(teachers, d) / np.sqrt(teachers * d),
        stream.linear(1, teachers)[0] / np.sqrt(teachers),
    )
    X = stream.normal(n * d).reshape(n, d)
    student = stream.linear(students, d)
    stream.uniform(
        students
    )  # the initialisation of the student's second layer, which its signs replace
    outputs = stream.signs(students) * np.linalg.norm(student, axis=1)
    note = (
        f"{n} Gaussian points in dimension {d}, labelled by {teachers} neurons, torch's seed "
        f"{seed} (boursier2022, Figures 6 and 7)"
    )
    return Dataset(
        X, predict(X, W, a), note, extra={"student": np.column_stack([student, outputs])}
    )
