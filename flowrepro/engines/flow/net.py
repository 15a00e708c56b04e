"""The problem as the flow sees it: hyperplanes <w, n_p> = 0 instead of samples.

Samples with parallel x (duplicates, multiples, x and -x) share one hyperplane. Treating them one by
one would give each its own slope on the plane: a larger set than Filippov's, and wrong.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from flowrepro.core.config import Loss
from flowrepro.core.network import LOSSES
from flowrepro.engines.compiled import LOSS_CODES

PARALLEL = 1e-12
"""Unit normals closer than this are one hyperplane: events cannot be told apart at this distance.
"""


class Net(NamedTuple):
    """Data of the flow of reduction_k l(f(x_k), y_k); samples with x = 0 are left out, they move
    nothing.

    normal : (P, d) unit normals, normal_t : (d, P) the same.
    plane, side, norm : (n,) x_k = side_k norm_k normal[plane_k], side = +-1; the first sample of a
        plane has +1.
    both : (P,) whether a plane holds samples of both sides.
    weight : 1/n or 1; loss : code of the loss; alpha : slope of the leaky part.
    constant : the loss of the samples left out.
    """

    normal: np.ndarray
    normal_t: np.ndarray
    plane: np.ndarray
    side: np.ndarray
    norm: np.ndarray
    both: np.ndarray
    y: np.ndarray
    weight: float
    loss: int
    alpha: float
    constant: float


def merge(X: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Hyperplanes of nonzero points X (n, d): normals (P, d), plane (n,), side (n,)."""
    units = X / np.linalg.norm(X, axis=1)[:, None]
    key = units @ np.random.default_rng(0).standard_normal(X.shape[1])
    order = np.argsort(np.abs(key), kind="stable")
    reach = 4 * PARALLEL * np.sqrt(X.shape[1])
    leader = np.full(len(X), -1)
    for place, k in enumerate(order):
        group = [k]
        for other in order[place + 1 :]:
            if abs(key[other]) - abs(key[k]) > reach:
                break
            if (
                leader[other] < 0
                and min(
                    np.abs(units[other] - units[k]).max(), np.abs(units[other] + units[k]).max()
                )
                <= PARALLEL
            ):
                group.append(other)
        if leader[k] < 0:
            leader[group] = min(group)
    leaders, plane = np.unique(leader, return_inverse=True)
    normal = units[leaders]
    side = np.where(np.einsum("kd,kd->k", units, normal[plane]) > 0, 1.0, -1.0)
    return normal, plane.astype(np.int64), side


def make_net(X: np.ndarray, y: np.ndarray, loss: Loss, alpha: float) -> Net:
    """The net of points X (n, d), y (n,); ``loss.factor`` plays no part here."""
    X, y = np.ascontiguousarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    weight = 1.0 / len(y) if loss.reduction == "mean" else 1.0
    norm = np.linalg.norm(X, axis=1)
    kept = norm > 0
    normal, plane, side = merge(X[kept])
    both = np.array([np.ptp(side[plane == p]) > 0 for p in range(len(normal))], dtype=np.bool_)
    constant = weight * float(LOSSES[loss.name][0](np.zeros(int((~kept).sum())), y[~kept]).sum())
    return Net(
        normal=np.ascontiguousarray(normal),
        normal_t=np.ascontiguousarray(normal.T),
        plane=plane,
        side=side,
        norm=norm[kept],
        both=both,
        y=y[kept],
        weight=weight,
        loss=LOSS_CODES[loss.name],
        alpha=float(alpha),
        constant=constant,
    )
