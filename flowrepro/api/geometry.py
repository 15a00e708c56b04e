"""What the points alone decide: margins, activation cones, extremal vectors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.core import arguments
from flowrepro.core.config import Loss
from flowrepro.core.network import output_gradient
from flowrepro.errors import DataError, UsageError
from flowrepro.theory.arrangement import Arrangement, arrangement
from flowrepro.theory.arrangement_extremal import extremal_vectors, subgradients
from flowrepro.theory.margin import Inseparable, Separator, hard_margin
from flowrepro.theory.margin_global import LargestMargin, improved_margin, largest_margin


@dataclass(frozen=True)
class Margins:
    """Margins of labelled points; all are of networks or separators without bias.

    Attributes
    ----------
    separator : the unit w that maximises min_k y_k <w, x_k>, with its certificate; or the proof
        that there is none.
    one_neuron : sign of the output weight -> the largest normalised margin of one neuron, min_k y_k
        f(x_k) / ||theta||^2; not positive where one such neuron cannot separate the points.
    largest : lower and upper bound of the largest normalised margin over all widths, and a network
        that has the lower one. None where it was not found: the points are not separated by any
        network found.
    """

    separator: Separator | Inseparable
    one_neuron: Mapping[int, float]
    largest: LargestMargin | None


def margin(X: Any, y: Any, alpha: float = 0.0) -> Margins:
    r"""The max-margin separator, the margins of one neuron, and bounds of the largest margin of
    two-layer networks.

    The normalised margin of theta = (W, a) is min_k y_k f(x_k) / ||theta||^2 (lyu2021, Section 3).
    One neuron of output sign s sees the points x_k with y_k = s, and alpha x_k of the others; its
    margin is half that of their separator (lyu2021, Assumption A.5).

    Parameters
    ----------
    X : array_like, shape (n, d)
    y : array_like, shape (n,)
        Labels -1 and +1.
    alpha : float
        Slope of the leaky part, in [0, 1].

    Returns
    -------
    Margins

    Raises
    ------
    UsageError, DataError
        An argument of a wrong shape or out of its range; a margin that double precision does not
        resolve.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> found = fr.margin([[2.0, 0.0], [-2.0, 0.0]], [1, -1], alpha=0.5)
    >>> round(found.separator.margin, 9), round(found.one_neuron[1], 9)
    (2.0, 0.5)
    >>> round(found.largest.lower, 9)
    0.75
    """
    X = arguments.points(X)
    y = arguments.signs(arguments.targets(y, len(X)), "a margin")
    alpha = arguments.between("alpha", alpha, 0.0, 1.0)
    single = {sign: _one_neuron(X, y, alpha, sign) for sign in (1, -1)}
    return Margins(
        hard_margin(X, y),
        {sign: (found.margin / 2 if found else 0.0) for sign, found in single.items()},
        _largest(X, y, alpha, single),
    )


def _one_neuron(X: np.ndarray, y: np.ndarray, alpha: float, sign: int) -> Separator | None:
    seen = np.where(y == sign, 1.0, alpha)[:, None] * X
    try:
        found = hard_margin(seen, y)
    except DataError:
        return None
    return found if isinstance(found, Separator) and found.margin > 0 else None


def _largest(
    X: np.ndarray, y: np.ndarray, alpha: float, single: Mapping[int, Separator | None]
) -> LargestMargin | None:
    """Bounds that meet, or those of a local search where the arrangement has too many cells."""
    moving = np.any(X != 0, axis=1)
    if not moving.all():  # f(0) = 0, so that no network has a positive margin
        return None
    try:
        return largest_margin(X, y, alpha)
    except UsageError:
        start = [(found.w, float(sign)) for sign, found in single.items() if found]
        if not start:
            start = [(w / np.linalg.norm(w), s) for w, s in zip(y[:, None] * X, y, strict=True)]
        W, a = (np.array(part) / np.sqrt(2 * len(start)) for part in zip(*start, strict=True))
        found = improved_margin(X, y, W, a, alpha)
        return found if found.lower > 0 else None


@dataclass(frozen=True)
class ExtremalVector:
    """A direction that a neuron may align with while the network's output is negligible.

    Attributes
    ----------
    direction : ndarray, shape (d,)
        The critical point w on the unit sphere: sign * D / ||D||.
    force : ndarray, shape (d,)
        D, the element of least norm of the forces in its cone.
    pattern : ndarray, shape (n,), int8
        sign(<w, x_k>).
    kind : "maximum", "minimum" or "saddle" of G(w) = <w, D(w)>, which neurons with a > 0 climb and
        those with a < 0 descend.
    """

    direction: np.ndarray
    force: np.ndarray
    pattern: np.ndarray
    kind: str


@dataclass(frozen=True)
class Cones:
    """The activation cones of points and the extremal vectors of their data.

    Attributes
    ----------
    arrangement : all cones: their sign vectors, dimensions, and a unit vector inside each.
    extremal : the extremal vectors.
    """

    arrangement: Arrangement
    extremal: tuple[ExtremalVector, ...]

    def __len__(self) -> int:
        return len(self.arrangement)

    @property
    def patterns(self) -> np.ndarray:
        """Activation patterns of the cones of full dimension, (c, n) int8 in {-1, 1}."""
        found = self.arrangement
        return np.asarray(found.signs[found.dimension == found.rank])

    @property
    def directions(self) -> np.ndarray:
        """The extremal directions, (e, d)."""
        d = self.arrangement.X.shape[1]
        return np.array([one.direction for one in self.extremal]).reshape(-1, d)


def cones(X: Any, y: Any, alpha: float = 0.0, *, loss: str = "square") -> Cones:
    r"""The cones into which the hyperplanes <w, x_k> = 0 cut the space of a neuron, and the data's
    extremal vectors.

    With the pulls g_k = -dl/df(0, y_k) / n, the force on a neuron in the cone of u is sum_k eta_k
    g_k x_k, eta_k = 1 where u_k = 1, alpha where u_k = -1, anything between where u_k = 0
    (boursier2024, Definition 1).

    Parameters
    ----------
    X : array_like, shape (n, d)
    y : array_like, shape (n,)
        Targets; labels -1 and +1 for every loss but the square.
    alpha : float
        Slope of the leaky part, in [0, 1].
    loss : {"square", "logistic", "logistic2", "exp"}

    Returns
    -------
    Cones

    Raises
    ------
    UsageError, DataError
        An argument of a wrong shape or out of its range; more cones than are enumerated (20000).

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> found = fr.cones(np.eye(2), [1.0, -1.0])
    >>> len(found), len(found.patterns)
    (8, 4)
    """
    X = arguments.points(X)
    name = arguments.loss_name(loss)
    y = arguments.targets(y, len(X), name)
    alpha = arguments.between("alpha", alpha, 0.0, 1.0)
    found = arrangement(X)
    mean = Loss(name=name, reduction="mean")  # type: ignore[arg-type]
    forces = subgradients(found, -output_gradient(mean, np.zeros(len(y)), y), alpha)
    return Cones(
        found,
        tuple(
            ExtremalVector(
                one.sign * one.D / np.linalg.norm(one.D),
                one.D,
                found.signs[one.cone],
                one.kind.value,
            )
            for one in extremal_vectors(forces)
        ),
    )
