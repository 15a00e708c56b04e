"""The lattice of (k_+, k_-), and the longest activation path on it (min2024, Appendix C.2).

A neuron of V_+ that is active on k_+ positive and k_- negative data can only gain positive and lose
negative ones, one at a time. Its path on the lattice ends in (n_+, 0), in S_+, unless it dies at
(0, 0). The proof of Theorem 1 bounds the time of a path by

    T(P) = 4 / (M sqrt(mu) X_min) * sum over the states before the last of 1 / (k_+ + k_-),

and maps the edges of every path into those of one path, P_max. For a neuron of V_- exchange the
labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

State = tuple[int, int]
Edge = tuple[State, State]


def maximal_path(n_plus: int, n_minus: int) -> list[State]:
    """P_max: (0, n_-), ..., (0, 1), (1, 1), (1, 0), ..., (n_+, 0).

    Without negative data it starts at (1, 0).
    """
    losing = [(0, k) for k in range(n_minus, 0, -1)]
    return [*losing, *([(1, 1)] if n_minus else []), *((k, 0) for k in range(1, n_plus + 1))]


def edges(states: Iterable[State]) -> list[Edge]:
    """Neighbouring pairs of states."""
    return list(pairwise(states))


def is_path(states: Iterable[State], n_plus: int, n_minus: int) -> bool:
    """Whether the states are a path of Appendix C.2 in unit moves.

    It gains a positive or loses a negative datum each time, avoids (0, 0), and ends in (n_+, 0).
    """
    walk = list(states)
    moves = {(after[0] - before[0], after[1] - before[1]) for before, after in edges(walk)}
    return moves <= {(1, 0), (0, -1)} and (0, 0) not in walk and walk[-1] == (n_plus, 0)


def counterpart(edge: Edge) -> Edge:
    """The edge of P_max with the same loss, or the same gain, as this edge (Figures 16 and 17)."""
    (plus, minus), (_, left) = edge
    if left < minus:
        return ((0, minus), (0, minus - 1)) if minus >= 2 else ((1, 1), (1, 0))
    return ((plus, 0), (plus + 1, 0)) if plus >= 1 else ((0, 1), (1, 1))


def edge_time(edge: Edge) -> float:
    """1 / (k_+ + k_-) at the start of the edge."""
    return 1.0 / sum(edge[0])


def travel_time(states: Iterable[State]) -> float:
    """T(P) in units of 4 / (M sqrt(mu) X_min)."""
    return sum(edge_time(edge) for edge in edges(states))


def harmonic(k: int) -> float:
    """H_k = 1 + 1/2 + ... + 1/k, 0 for k = 0."""
    return float(np.sum(1.0 / np.arange(1, k + 1)))


def longest_path(n_own: int, n_other: int) -> float:
    """T(P_max) in the same units, in closed form.

    H_{n_other} + 1/2 + H_{n_own - 1}, and H_{n_own - 1} without another class: all data of the
    other class are lost one by one, then all own ones gained.
    """
    if n_own == 0:
        return harmonic(n_other)
    return harmonic(n_own - 1) + (harmonic(n_other) + 0.5 if n_other else 0.0)


def longest_path_by_enumeration(n_own: int, n_other: int) -> float:
    """The same by dynamic programming over all patterns that are no trap.

    The changes of a pattern (k_own, k_other) are those that (7) allows.
    """
    best = np.zeros((n_own + 1, n_other + 1))
    for own in range(n_own, -1, -1):
        for other in range(n_other + 1):
            if (own == n_own and other == 0) or own + other == 0:
                continue
            best[own, other] = 1.0 / (own + other) + float(np.max(best[own:, : other + 1]))
    return float(best.max())
