"""Activation paths as walks on the lattice of (k_+, k_-), and the longest of them (min2024, Appendix C.2; Figures 14 to 17).

A neuron of V_+ that is active on k_+ positive and k_- negative data can only gain positive and lose negative ones, one at
a time. For a neuron of V_- exchange the labels.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise

State = tuple[int, int]
Edge = tuple[State, State]


def maximal_path(n_plus: int, n_minus: int) -> list[State]:
    """P_max: (0, n_-), ..., (0, 1), (1, 1), (1, 0), ..., (n_+, 0); without negative data it starts at (1, 0)."""
    losing = [(0, k) for k in range(n_minus, 0, -1)]
    return [*losing, *([(1, 1)] if n_minus else []), *((k, 0) for k in range(1, n_plus + 1))]


def edges(states: Iterable[State]) -> list[Edge]:
    """Neighbouring pairs of states."""
    return list(pairwise(states))


def is_path(states: Iterable[State], n_plus: int, n_minus: int) -> bool:
    """A path of Appendix C.2 in unit moves: gains a positive or loses a negative datum each time, avoids (0, 0), ends in (n_+, 0)."""
    walk = list(states)
    moves = {(after[0] - before[0], after[1] - before[1]) for before, after in edges(walk)}
    return moves <= {(1, 0), (0, -1)} and (0, 0) not in walk and walk[-1] == (n_plus, 0)


def counterpart(edge: Edge) -> Edge:
    """The edge of P_max that an edge of any path corresponds to (Figures 16 and 17): the same loss, or the same gain."""
    (plus, minus), (_, left) = edge
    if left < minus:
        return ((0, minus), (0, minus - 1)) if minus >= 2 else ((1, 1), (1, 0))
    return ((plus, 0), (plus + 1, 0)) if plus >= 1 else ((0, 1), (1, 1))


def travel_time(states: Iterable[State]) -> float:
    """T(P) in units of 4 / (M sqrt(mu) X_min): sum of 1 / (k_+ + k_-) over all states but the last."""
    return sum(edge_time(edge) for edge in edges(states))


def edge_time(edge: Edge) -> float:
    """1 / (k_+ + k_-) at the start of the edge."""
    return 1.0 / sum(edge[0])
