r"""The largest normalised margin of a two-layer (leaky) ReLU network of any width, with a
certificate.

    gamma_max = max_{||theta|| = 1} min_i q_i = 1/2 min_{lam in simplex} max_{||u|| = 1, s = +-1} s
    sum_i lam_i y_i sigma(<u, x_i>)

The left-hand side is a linear program over measures on (u, s), solved by column generation; every
network is a lower bound and every lam an upper bound. The inner maximum over u is exact: inside one
cell of the arrangement of the hyperplanes <u, x_i> = 0 the sum is linear, <v, u>, and its maximum
over the cell's unit vectors is the length of the projection of v on the cell (if v is not in its
polar cone).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np
from scipy.optimize import linprog, nnls

from flowrepro.core.network import activation
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.theory.margin import Separator, hard_margin, normalised_margin

MOST_CELLS = 5000
"""Cells of the arrangement up to which the certificate is computed (one small least-squares problem
each).
"""

COLUMNS_PER_ROUND = 20


@dataclass(frozen=True)
class LargestMargin:
    """lower <= gamma_max <= upper;

    W (m, d), a (m,) is a unit-norm network of margin ``lower``, duals (n,) prove ``upper``.
    """

    lower: float
    upper: float
    W: np.ndarray
    a: np.ndarray
    duals: np.ndarray


def largest_margin(
    X: np.ndarray,
    y: np.ndarray,
    alpha: float = 0.0,
    tolerance: float = 1e-8,
    rounds: int = 200,
    outputs: tuple[float, ...] = (1.0, -1.0),
) -> LargestMargin:
    """The largest normalised margin over all widths, to ``tolerance`` relative; of networks with
    these signs of a_j only.

    The points need not be linearly separable. Where no network separates them, both bounds are 0
    up to ``tolerance`` times the largest ||x_i||.

    Raises
    ------
    DataError
        Some point is 0 or not finite.
    UsageError
        The data are so many, in so high a dimension, that the arrangement may have more than
        MOST_CELLS cells.
    NumericalError
        The bounds did not meet in the given number of rounds.
    """
    size = unit_of(X)
    X = X / size
    signs = cells(X)
    atoms = _Atoms(X, y, alpha)
    lam = np.full(len(y), 1 / len(y))
    best_lower, best_upper = None, (np.inf, lam)
    for _ in range(rounds):
        upper, candidates = steepest(X, y, alpha, lam, signs, outputs)
        best_upper = min(best_upper, (0.5 * upper, lam), key=lambda bound: bound[0])
        atoms.add(candidates)
        W, a, lam = atoms.solve()
        lower = normalised_margin(X, y, W, a, alpha)
        if best_lower is None or lower > best_lower[0]:
            best_lower = (lower, W, a)
        gap, height = best_upper[0] - best_lower[0], abs(best_upper[0])
        if gap <= tolerance * height or max(gap, height) <= tolerance:
            lower, W, a = best_lower
            return LargestMargin(size * lower, size * best_upper[0], W, a, best_upper[1])
    raise NumericalError(
        f"the bounds of the largest margin did not meet in {rounds} rounds; allow a larger "
        f"tolerance than {tolerance:g}"
    )


def improved_margin(
    X: np.ndarray,
    y: np.ndarray,
    W: np.ndarray,
    a: np.ndarray,
    alpha: float,
    seed: int = 0,
    rounds: int = 40,
    starts: int = 200,
) -> LargestMargin:
    """A margin at least that of the network W (m, d), a (m,), by the same column generation with a
    local search for columns.

    For points whose arrangement has too many cells. ``upper`` is rigorous but not tight:

        1/2 ((1 + alpha)/2 ||sum_i lam_i y_i x_i|| + (1 - alpha)/2 sqrt(lambda_max(sum_i lam_i x_i
        x_i^T)))

    from phi(z) = (1 + alpha)/2 z + (1 - alpha)/2 |z| and Cauchy-Schwarz, at the best duals met.

    rounds, starts : of the column generation, and random directions that each search begins from.
    """
    size = unit_of(X)
    X = X / size
    rng = np.random.default_rng(seed)
    atoms, upper, best = _Atoms(X, y, alpha), (np.inf, np.full(len(y), 1 / len(y))), (-np.inf, W, a)
    lengths = np.linalg.norm(W, axis=1)
    atoms.add(
        np.column_stack([W / np.where(lengths > 0, lengths, 1.0)[:, None], np.sign(a)])[lengths > 0]
    )
    for _ in range(rounds):
        W, a, lam = atoms.solve()
        best = max(best, (normalised_margin(X, y, W, a, alpha), W, a), key=lambda found: found[0])
        upper = min(upper, (_spectral_bound(X, y, lam, alpha), lam), key=lambda bound: bound[0])
        height = 2 * best[0]
        heights, found = _ascended(
            X,
            y,
            alpha,
            lam,
            np.vstack([rng.standard_normal((starts, X.shape[1])), atoms.U[:, :-1]]),
        )
        better = heights > height * (1 + 1e-9)
        if not better.any():
            break
        atoms.add(found[better][np.argsort(-heights[better])[:COLUMNS_PER_ROUND]])
    return LargestMargin(size * best[0], size * upper[0], best[1], best[2], upper[1])


def unit_of(X: np.ndarray) -> float:
    """The power of two above max_i ||x_i||, by which points are divided first, without rounding.

    DataError where some point is 0, at which every network is 0, or not finite.
    """
    lengths = np.linalg.norm(X, axis=1)
    if not (lengths.size and np.all(np.isfinite(lengths))):
        raise DataError("a margin needs at least one point and finite coordinates only")
    if not lengths.min() > 0:
        raise DataError(
            f"point {int(lengths.argmin()) + 1} is 0, where every network without biases is 0; "
            "remove it, or append a constant feature with --set bias=true"
        )
    return float(2.0 ** np.frexp(lengths.max())[1])


def _spectral_bound(X: np.ndarray, y: np.ndarray, lam: np.ndarray, alpha: float) -> float:
    spread = float(np.linalg.norm(np.sqrt(lam)[:, None] * X, ord=2))
    return 0.25 * ((1 + alpha) * float(np.linalg.norm((lam * y) @ X)) + (1 - alpha) * spread)


def _ascended(
    X: np.ndarray, y: np.ndarray, alpha: float, lam: np.ndarray, U: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Local maxima of s sum_i lam_i y_i phi(<u, x_i>) over unit u, reached by u <- v / ||v|| from U
    (p, d): heights (2p,) and rows (u, s); -inf for those that lose all points on the way.
    """
    heights, found = [], []
    for s in (1.0, -1.0):
        directions = U / np.linalg.norm(U, axis=1, keepdims=True)
        for _ in range(50):
            V = s * (np.where(directions @ X.T > 0, 1.0, alpha) * (lam * y)) @ X
            moved = V / np.maximum(np.linalg.norm(V, axis=1, keepdims=True), np.finfo(float).tiny)
            still = np.abs(moved - directions).max() < 1e-14
            directions = moved
            if still:
                break
        reached = s * (activation(directions @ X.T, alpha) @ (lam * y))
        heights.append(np.where(np.any(directions != 0, axis=1), reached, -np.inf))
        found.append(np.column_stack([directions, np.full(len(U), s)]))
    return np.concatenate(heights), np.vstack(found)


def cells(X: np.ndarray) -> np.ndarray:
    """Sign vectors (c, n) in {-1, +1} of the full-dimensional cells of the arrangement <u, x_i> =
    0.

    Hyperplanes are added one by one; a side of a cell exists if the points, with their signs as
    labels, are separable.
    """
    distinct, same, orientation = _hyperplanes(X)
    h, d = distinct.shape
    bound = 2 * sum(comb(h - 1, k) for k in range(min(d, h)))
    if bound > MOST_CELLS:
        raise UsageError(
            f"{h} hyperplanes in dimension {d} may have {bound} cells, and a certified margin "
            f"allows {MOST_CELLS}; take fewer points"
        )
    found = [(np.empty(0), np.zeros(d))]
    for i in range(h):
        grown = []
        for signs, inside in found:
            side = float(distinct[i] @ inside)
            for sign in (1.0, -1.0):
                extended = np.append(signs, sign)
                if sign * side > 1e-9:
                    grown.append((extended, inside))
                    continue
                separator = hard_margin(distinct[: i + 1], extended, decided_exactly=False)
                if isinstance(separator, Separator):
                    grown.append((extended, separator.w))
        found = grown
    return np.asarray(np.array([signs for signs, _ in found])[:, same] * orientation)


def _hyperplanes(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Unit normals of the distinct hyperplanes (h, d), the one of each row (n,), and whether it has
    the same sense (+-1).
    """
    U = X / np.linalg.norm(X, axis=1, keepdims=True)
    cosines = U @ U.T
    parallel = np.abs(cosines) > 1 - 1e-14
    first = parallel.argmax(axis=1)
    kept, same = np.unique(first, return_inverse=True)
    return U[kept], same, np.sign(cosines[np.arange(len(X)), first])


def steepest(
    X: np.ndarray,
    y: np.ndarray,
    alpha: float,
    lam: np.ndarray,
    signs: np.ndarray,
    outputs: tuple[float, ...] = (1.0, -1.0),
) -> tuple[float, np.ndarray]:
    """Max over (u, s) of s sum_i lam_i y_i sigma(<u, x_i>), and good candidates (p, d + 1), rows
    (u, s).

    ||v|| bounds a cell's maximum: only cells that could beat the best candidate are projected on.
    """
    V = (np.where(signs > 0, 1.0, alpha) * (lam * y)) @ X
    lengths = np.linalg.norm(V, axis=1)
    best, candidates = 0.0, []
    for s in outputs:
        U = s * V[lengths > 0] / lengths[lengths > 0, None]
        heights = s * (activation(U @ X.T, alpha) @ (lam * y))
        best = max(best, float(heights.max(initial=0.0)))
        candidates += [(height, np.append(u, s)) for height, u in zip(heights, U, strict=True)]
    for k in np.argsort(-lengths):
        if lengths[k] <= best:
            break
        for s in outputs:
            walls = signs[k][:, None] * X
            push, _ = nnls(walls.T, -s * V[k])
            top = s * V[k] + push @ walls
            height = float(np.linalg.norm(top))
            if height > 0:
                candidates.append((height, np.append(top / height, s)))
            best = max(best, height)
    if not candidates:  # the sum is 0 for all u
        candidates = [(0.0, np.append(np.eye(X.shape[1])[0], outputs[0]))]
    candidates.sort(key=lambda candidate: -candidate[0])
    return best, np.array([atom for _, atom in candidates[:COLUMNS_PER_ROUND]])


class _Atoms:
    """The neurons (u, s) found so far and the linear program over their weights."""

    def __init__(self, X: np.ndarray, y: np.ndarray, alpha: float) -> None:
        self.X, self.y, self.alpha = X, y, alpha
        self.U = np.empty((0, X.shape[1] + 1))

    def add(self, atoms: np.ndarray) -> None:
        """Append rows (u, s)."""
        self.U = np.unique(np.vstack([self.U, atoms]), axis=0)

    def solve(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """max tau s.t. sum_j beta_j s_j y_i sigma(<u_j, x_i>) >= tau, sum beta = 1/2: the network
        (W, a) and the duals.
        """
        u, s = self.U[:, :-1], self.U[:, -1]
        gains = self.y[:, None] * activation(self.X @ u.T, self.alpha) * s
        n, p = gains.shape
        solution = linprog(
            np.append(np.zeros(p), -1.0),
            A_ub=np.column_stack([-gains, np.ones(n)]),
            b_ub=np.zeros(n),
            A_eq=np.append(np.ones(p), 0.0)[None],
            b_eq=[0.5],
            bounds=[(0, None)] * p + [(None, None)],
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        if solution.x is None:
            raise NumericalError(
                f"the linear program of the largest margin was not solved ({solution.message}); "
                "rescale the data to ||x|| about 1"
            )
        beta = np.maximum(solution.x[:-1], 0.0)
        used = beta > 0
        beta = beta[used] / (2 * beta.sum())
        lam = np.maximum(-solution.ineqlin.marginals, 0.0)
        return np.sqrt(beta)[:, None] * u[used], s[used] * np.sqrt(beta), lam / lam.sum()
