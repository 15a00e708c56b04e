"""The arrays of the engine: points, cones, neurons and the blocks of caught neurons.

A *cone* is an activation pattern that some neuron has. Its slot s holds the propagator M_s (d+1,
d+1) since its epoch and the Gram matrix S_s = sum_j theta0_j theta0_j^T of its neurons, where theta
= (w, a), theta_j = M_s theta0_j now.

Slots with ``edge`` = k >= 0 are for neurons caught on the hyperplane <w, x_k> = 0: those are kept
as they are, in blocks of LANES neurons, and every step touches each of them. Their pattern has bit
k off.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

LEVELS = 48
"""Neurons of a cone wait in LEVELS lists: those of list l have more than 2^-l left to turn, those
of the last may cross at once.
"""

LANES = 64
FREE, PLAIN = -2, -1
"""Values of ``edge`` for an unused slot and for an ordinary cone."""

SLOTS, BLOCKS, CROSSINGS, EXAMINED, CAPTURES = range(5)
"""Places in ``Cones.counter``: slots and blocks in use (up to the last one), and what has been
done.
"""


class Points(NamedTuple):
    """X (n, d), its row norms (n,), y (n,)."""

    X: np.ndarray
    norm: np.ndarray
    y: np.ndarray


class Rule(NamedTuple):
    """One step: size, slope of the leaky part, number of the loss, its weight per sample, whether a
    is trained, whether by boosts.
    """

    lr: float
    alpha: float
    loss: int
    weight: float
    both: bool
    boost: bool


class Cones(NamedTuple):
    """Per slot: see the module; ``turned`` bounds the angle by which any direction theta has turned
    since the epoch.

    pattern (C, words) uint64, edge (C,), members (C,) number of neurons, active (C, d, n) =
    slope_sk x_k, M and S (C, d+1, d+1), turned (C,), head (C, LEVELS) first neuron of each list,
    due (C, LEVELS) value of ``turned`` above which a list must be looked at, soonest (C,) = min of
    due, counter (5,).
    """

    pattern: np.ndarray
    edge: np.ndarray
    members: np.ndarray
    active: np.ndarray
    M: np.ndarray
    S: np.ndarray
    turned: np.ndarray
    head: np.ndarray
    due: np.ndarray
    soonest: np.ndarray
    counter: np.ndarray


class Neurons(NamedTuple):
    """theta0 (m, d+1) in epoch coordinates, following (m,): the next neuron of the same list, or
    -1.
    """

    theta0: np.ndarray
    following: np.ndarray


class Caught(NamedTuple):
    """Blocks of caught neurons: W (b, d, LANES), a (b, LANES), neuron (b, LANES), slot (b,) or -1,
    held (b,) number of neurons.

    A block is looked at when its slot has turned by more than ``due`` (b,), and ``pause`` (b,)
    steps after the last look, at step ``check`` (b,). ``sums`` (b, d+1) are those of
    ``caught.sum_block``, to be formed anew where ``stale`` (b,).
    """

    W: np.ndarray
    a: np.ndarray
    neuron: np.ndarray
    slot: np.ndarray
    held: np.ndarray
    due: np.ndarray
    check: np.ndarray
    pause: np.ndarray
    sums: np.ndarray
    stale: np.ndarray


class Work(NamedTuple):
    """Scratch: D, V (C, d), q (d+1,), f, g (n,), z, on, kick (LANES,), system (d+1, d+2), theta
    (d+1,), pattern and other (words,).
    """

    D: np.ndarray
    V: np.ndarray
    q: np.ndarray
    f: np.ndarray
    g: np.ndarray
    z: np.ndarray
    on: np.ndarray
    kick: np.ndarray
    system: np.ndarray
    theta: np.ndarray
    pattern: np.ndarray
    other: np.ndarray


def words(n: int) -> int:
    """Number of 64-bit words that hold n bits."""
    return (n + 63) // 64


def empty_cones(n: int, d: int, capacity: int) -> Cones:
    """``capacity`` free slots."""
    return Cones(
        pattern=np.zeros((capacity, words(n)), np.uint64),
        edge=np.full(capacity, FREE, np.int64),
        members=np.zeros(capacity, np.int64),
        active=np.zeros((capacity, d, n)),
        M=np.tile(np.eye(d + 1), (capacity, 1, 1)),
        S=np.zeros((capacity, d + 1, d + 1)),
        turned=np.zeros(capacity),
        head=np.full((capacity, LEVELS), -1, np.int64),
        due=np.full((capacity, LEVELS), np.inf),
        soonest=np.full(capacity, np.inf),
        counter=np.zeros(5, np.int64),
    )


def grown(cones: Cones) -> Cones:
    """The same cones with twice as many slots."""
    capacity, d, n = cones.active.shape
    larger = empty_cones(n, d, 2 * capacity)
    for old, new in zip(cones, larger, strict=True):
        new[: len(old)] = old
    return larger


def empty_caught(m: int, d: int) -> Caught:
    """Blocks for m neurons and then some; the memory is taken up by the system only where it is
    written.
    """
    blocks = m // LANES + min(m, 256) + 1
    return Caught(
        W=np.zeros((blocks, d, LANES)),
        a=np.zeros((blocks, LANES)),
        neuron=np.zeros((blocks, LANES), np.int64),
        slot=np.full(blocks, -1, np.int64),
        held=np.zeros(blocks, np.int64),
        due=np.zeros(blocks),
        check=np.zeros(blocks, np.int64),
        pause=np.zeros(blocks, np.int64),
        sums=np.zeros((blocks, d + 1)),
        stale=np.zeros(blocks, np.bool_),
    )


def workspace(n: int, d: int, capacity: int) -> Work:
    """Scratch for ``capacity`` slots."""
    return Work(
        D=np.zeros((capacity, d)),
        V=np.zeros((capacity, d)),
        q=np.zeros(d + 1),
        f=np.zeros(n),
        g=np.zeros(n),
        z=np.zeros(LANES),
        on=np.zeros(LANES),
        kick=np.zeros(LANES),
        system=np.zeros((d + 1, d + 2)),
        theta=np.zeros(d + 1),
        pattern=np.zeros(words(n), np.uint64),
        other=np.zeros(words(n), np.uint64),
    )
