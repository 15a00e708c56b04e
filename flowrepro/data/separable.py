"""Linearly separable sets of lyu2021, labels +1 and -1, without a bias feature unless stated."""

from __future__ import annotations

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.errors import UsageError

PAPER = "lyu2021"


def symmetric_example(alpha: float = 0.5) -> Dataset:
    """Figure 1 left (lyu2021, Appendix I.1.1): +-(1, cot b), +-(1, 0), +-(1, -cot b), the classes
    mirror images.

    cos b is the positive root of (2 - 2 alpha^2) c^2 + (alpha^2 - alpha) c + (2 alpha^2 - alpha -
    1) = 0. X (6, 2).
    ``extra`` holds the KKT network that is not optimal, "W" (3, 2) and "a" (3,), and its
    multipliers "duals" (6,).
    """
    if not 0 <= alpha < 1:
        raise UsageError(f"alpha of the symmetric example must lie in [0, 1), not {alpha}")
    c = float(max(np.roots([2 - 2 * alpha**2, alpha**2 - alpha, 2 * alpha**2 - alpha - 1]).real))
    sin, cot = np.sqrt(1 - c * c), c / np.sqrt(1 - c * c)
    positive = np.array([[1.0, cot], [1.0, 0.0], [1.0, -cot]])
    outer, straight = (2 * (1 + alpha) * c) ** -0.5, (1 + alpha) ** -0.5
    W = np.array(
        [[outer * sin * cot, outer * sin], [outer * sin * cot, -outer * sin], [-straight, 0.0]]
    )
    side = sin**2 / (c * (1 - alpha))
    extra = {
        "W": W,
        "a": np.array([outer, outer, -straight]),
        "duals": np.array([side, 0.0, side, 0.0, 1 - 2 * alpha * side, 0.0]),
    }
    return Dataset(
        np.vstack([positive, -positive]),
        np.repeat([1.0, -1.0], 3),
        f"six symmetric points ({PAPER}, Figure 1 left)",
        extra,
    )


def constant_feature(eps: float = 0.2, far: float = 1.0, c: float = 0.1) -> Dataset:
    """Figure 1 middle (lyu2021, Appendix I.1.2): (eps + t, +-1, c) for t = 0..4 against (-far - t,
    0, c) for t = 0, 1, 2.

    X (13, 3). The paper gives no numbers; these satisfy its condition alpha (eps far - c^2) >=
    eps^2 + c^2 for alpha = 1/2.
    """
    positive = [(eps + t, side, c) for t in range(5) for side in (1.0, -1.0)]
    negative = [(-far - t, 0.0, c) for t in range(3)]
    return Dataset(
        np.array(positive + negative),
        np.repeat([1.0, -1.0], [10, 3]),
        f"thirteen points with a constant feature ({PAPER}, Figure 1 middle)",
    )


def hinted(H: float = 4.0, K: float = 1.0, eps: float = 0.2, flipped: bool = False) -> Dataset:
    """Figure 1 right (lyu2021, Definition 6.1): three hints (H, 0), (eps, +-K), all +1, before
    eight points around +-(1, 0).

    X (11, 2). H = 31 satisfies the sufficient condition of Theorem 6.2, H = 4 its assumptions only.
    ``flipped`` flips all labels, for Theorem A.10.
    """
    hints = [(H, 0.0), (eps, K), (eps, -K)]
    positive = [(1.0, 0.3), (1.0, -0.3), (1.5, 0.2), (1.4, -0.1)]
    negative = [(-1.0, 0.3), (-1.0, -0.3), (-1.5, 0.1), (-1.3, -0.2)]
    return Dataset(
        np.array(hints + positive + negative),
        (-1.0 if flipped else 1.0) * np.repeat([1.0, -1.0], [7, 4]),
        f"eight points and three hints ({PAPER}, Figure 1 right{', flipped' if flipped else ''})",
    )


def counterexample_a7() -> Dataset:
    """Three points, repeated, that satisfy all assumptions of Theorem A.7 of lyu2021 at alpha = 1/2
    and at which its conclusion is false.

    X (7, 2): (1, 0.2) three times and (0.3, -0.9) twice, labelled +1, and (-0.5, 1) twice,
    labelled -1. All y_i y_j <x_i, x_j> are positive.
    """
    points = np.array([(1.0, 0.2), (-0.5, 1.0), (0.3, -0.9)])
    times = [3, 2, 2]
    return Dataset(
        np.repeat(points, times, axis=0),
        np.repeat([1.0, -1.0, 1.0], times),
        f"seven points against Theorem A.7 ({PAPER})",
    )


def symmetric(d: int = 2, h: int = 6, seed: int = 0) -> Dataset:
    """h Gaussian points with x_1 > 0.3, scaled to ||x|| <= 1, and their mirror images: X (2h, d)
    (lyu2021, Assumption 4.1).
    """
    X = np.random.default_rng(seed).standard_normal((h, d))
    X *= np.sign(X[:, :1])
    X[:, 0] += 0.3
    X /= np.linalg.norm(X, axis=1).max()
    return Dataset(
        np.vstack([X, -X]),
        np.repeat([1.0, -1.0], h),
        f"{2 * h} symmetric points in dimension {d} ({PAPER}, Assumption 4.1)",
    )


def shifted_gaussian(
    n: int = 100, shift: float = 0.45, seed: int = 0, d: int = 50, n_test: int = 10_000
) -> Dataset:
    """Table 1 (lyu2021, Appendix J): standard Gaussian points, classes moved apart by ``shift``
    along e_1, bias feature 0.1.

    X (n, d + 1); ``extra`` holds "X_test" (n_test, d + 1) and "y_test". The paper says "mildly"
    separated; 0.45 reproduces its errors of the linear classifier. Drawn from default_rng(1000 seed
    + n), the training set first.
    """
    rng = np.random.default_rng(1000 * seed + n)
    (X, y), (X_test, y_test) = (_shifted(rng, size, d, shift) for size in (n, n_test))
    return Dataset(
        X,
        y,
        f"{n} shifted Gaussian points in dimension {d} ({PAPER}, Table 1)",
        {"X_test": X_test, "y_test": y_test},
    )


def _shifted(
    rng: np.random.Generator, n: int, d: int, shift: float
) -> tuple[np.ndarray, np.ndarray]:
    X = rng.standard_normal((n, d))
    y = np.sign(X[:, 0])
    X[:, 0] += shift * y
    return np.column_stack([X, np.full(n, 0.1)]), y


def orthogonally_separable(seed: int = 0, size: int = 5) -> Dataset:
    """Points with y_i y_j <x_i, x_j> >= 0 for all pairs, > 0 inside a class, ||x|| <= 1: X (2 size,
    6) (lyu2021, Appendix H).

    Positive points in the first three coordinates and negative ones in the last three, each moved
    by -0.1 times the mean of the other class, then rotated at random.
    """
    rng = np.random.default_rng(seed)
    X = np.zeros((2 * size, 6))
    X[:size, :3], X[size:, 3:] = (
        np.abs(rng.standard_normal((size, 3))),
        np.abs(rng.standard_normal((size, 3))),
    )
    means = X[size:].mean(axis=0), X[:size].mean(axis=0)
    X -= 0.1 * np.repeat(means, size, axis=0)
    rotation, _ = np.linalg.qr(rng.standard_normal((6, 6)))
    X = X @ rotation
    X /= np.linalg.norm(X, axis=1).max()
    return Dataset(
        X,
        np.repeat([1.0, -1.0], size),
        f"{2 * size} orthogonally separable points ({PAPER}, Appendix H)",
    )
