r"""The point of a convex hull that is nearest to 0, in rational arithmetic.

Double precision cannot tell a tiny margin from none. Every double is a dyadic rational, so the
question has an exact answer: with x = argmin ||sum_i p_i z_i|| over the simplex, the z_i lie in an
open half-space exactly if x != 0, and then x / ||x|| is their max-margin separator, ||x|| its
margin. Wolfe's algorithm (Wolfe 1976, "Finding the nearest point in a polytope") ends after
finitely many exact steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from math import lcm

import numpy as np

Integers = list[list[int]]


def nearest_point(
    Z: np.ndarray, start: Sequence[int] = ()
) -> tuple[list[Fraction], list[Fraction]]:
    """x (d,), the point of the hull of the finite rows Z (n, d) nearest to 0, and weights p (n,).

    start : rows that may carry it; a good guess saves almost all steps.
    """
    rows, unit = _integers(Z)
    weight = _guessed(rows, start)
    while True:
        x, scale = _combined(rows, weight)
        heights = [_dot(row, x) for row in rows]
        j = min(range(len(rows)), key=heights.__getitem__)
        # optimal if <z_j, x> >= <x, x> for all j; x is kept as integers times 1 / scale
        if not any(x) or heights[j] * scale >= _dot(x, x):
            point = [Fraction(value, scale) / unit for value in x]
            return point, [weight.get(i, Fraction(0)) for i in range(len(rows))]
        weight[j] = Fraction(0)
        _descend(rows, weight)


def _descend(rows: Integers, weight: dict[int, Fraction]) -> None:
    """Move to the nearest point of the affine hull of the weighted rows; drop rows on the way."""
    while True:
        chosen = list(weight)
        best = dict(zip(chosen, _affine_weights([rows[i] for i in chosen]), strict=True))
        inward = [i for i in chosen if best[i] <= 0]
        step = min((weight[i] / (weight[i] - best[i]) for i in inward if weight[i] > best[i]),
                   default=Fraction(1))  # fmt: skip
        for i in chosen:
            weight[i] += step * (best[i] - weight[i])
        for i in [i for i in chosen if weight[i] <= 0]:
            del weight[i]
        if step == 1:
            return


def _affine_weights(points: Integers) -> list[Fraction]:
    """Weights of sum 1 of the point nearest to 0 in the affine hull of affinely independent points.

    They solve <z_i, sum_j p_j z_j> = nu for all i, sum_j p_j = 1.
    """
    k = len(points)
    system = [[0] + [1] * k + [1]]
    system += [[1, *(_dot(a, b) for b in points), 0] for a in points]
    return _solved(system)[1:]


def _solved(system: Integers) -> list[Fraction]:
    """Solution of the square system (k, k + 1), right-hand side last, by Bareiss' elimination."""
    size, previous = len(system), 1
    for k in range(size):
        pivot = next(i for i in range(k, size) if system[i][k])
        system[k], system[pivot] = system[pivot], system[k]
        for i in range(size):
            if i != k:
                factor, head = system[i][k], system[k][k]
                system[i] = [
                    (head * a - factor * b) // previous
                    for a, b in zip(system[i], system[k], strict=True)
                ]
        previous = system[k][k]
    return [Fraction(row[-1], row[k]) for k, row in enumerate(system)]


def _integers(Z: np.ndarray) -> tuple[Integers, int]:
    """The rows times one common power of two, and that power."""
    ratios = [[float(value).as_integer_ratio() for value in row] for row in Z]
    unit = max((below for row in ratios for _, below in row), default=1)
    return [[above * (unit // below) for above, below in row] for row in ratios], unit


def _combined(rows: Integers, weight: dict[int, Fraction]) -> tuple[list[int], int]:
    """(integers x, scale) with sum_i p_i row_i = x / scale."""
    scale = lcm(*(p.denominator for p in weight.values()))
    parts = [(int(p * scale), rows[i]) for i, p in weight.items()]
    return [sum(p * row[k] for p, row in parts) for k in range(len(rows[0]))], scale


def _guessed(rows: Integers, start: Sequence[int]) -> dict[int, Fraction]:
    """Weights on ``start`` if these rows carry the nearest point of their affine hull, else the
    shortest row.
    """
    if start:
        try:
            weights = _affine_weights([rows[i] for i in start])
        except StopIteration:  # affinely dependent: no pivot
            weights = []
        if weights and min(weights) > 0:
            return dict(zip(start, weights, strict=True))
    return {min(range(len(rows)), key=lambda i: _dot(rows[i], rows[i])): Fraction(1)}


def _dot(a: Sequence[int], b: Sequence[int]) -> int:
    return sum(x * y for x, y in zip(a, b, strict=True))
