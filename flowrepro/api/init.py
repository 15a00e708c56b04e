r"""Initial weights, drawn as the command line draws them: float64, from
``numpy.random.default_rng(seed)``.

Every function returns W (m, d), whose rows are w_j, and a (m,). Both are multiplied by scale /
divide_by.

>>> import flowrepro as fr
>>> W, a = fr.init.balanced(m=4, d=3, scale=1e-3, seed=0)
>>> W.shape, a.shape
((4, 3), (4,))
"""

from __future__ import annotations

import sys
from typing import Any, Literal

import numpy as np

from flowrepro.core import arguments
from flowrepro.core.config import Init
from flowrepro.core.initialize import INITS, initial_weights
from flowrepro.errors import UsageError

Divisor = Literal["1", "sqrt(m)", "sqrt(m*d)"]
DIVISORS = ("1", "sqrt(m)", "sqrt(m*d)")
Weights = tuple[np.ndarray, np.ndarray]


def balanced(
    m: int, d: int, *, scale: float = 1.0, seed: int = 0, divide_by: Divisor = "1"
) -> Weights:
    r"""Balanced weights: ``|a_j| = ||w_j||``, so that a^2 - norm(w)^2 = 0 along the whole flow.

    g_j ~ N(0, I_d), then fair signs s_j: w_j = c g_j, a_j = c s_j norm(g_j), c = scale / divide_by
    (boursier2022, eq. 4).

    Parameters
    ----------
    m, d : int
        Number of neurons and dimension of the points.
    scale : float
        Positive. For a start below the smallest double draw with scale=1 and give `flow` its
        log10_scale.
    seed : int
        At least 0. The draw is that of ``init.name=balanced`` on the command line.
    divide_by : {"1", "sqrt(m)", "sqrt(m*d)"}
        What the scale is divided by.

    Returns
    -------
    W : ndarray, shape (m, d)
    a : ndarray, shape (m,)

    Raises
    ------
    UsageError
        An argument out of its range.

    Examples
    --------
    >>> import numpy as np, flowrepro as fr
    >>> W, a = fr.init.balanced(m=50, d=3, scale=1e-6, seed=0)
    >>> bool(np.allclose(np.abs(a), np.linalg.norm(W, axis=1), rtol=1e-12))
    True
    """
    return draw("balanced", m, d, scale=scale, seed=seed, divide_by=divide_by)


def gaussian(
    m: int, d: int, *, scale: float = 1.0, seed: int = 0, divide_by: Divisor = "1"
) -> Weights:
    """Gaussian weights.

    The rows w_j ~ N(0, I_d), then a_j ~ N(0, 1), times the scale (min2024, Section 4); see
    `balanced`.
    """
    return draw("gaussian", m, d, scale=scale, seed=seed, divide_by=divide_by)


def dominated(
    m: int, d: int, *, scale: float = 1.0, seed: int = 0, divide_by: Divisor = "1"
) -> Weights:
    """Outputs that dominate.

    The rows w_j are uniform in [-1, 1]^d and a_j = +-sqrt(d), so that
    ``|a_j| >= ||w_j||`` (boursier2024); see `balanced`.
    """
    return draw("dominated", m, d, scale=scale, seed=seed, divide_by=divide_by)


def unit_output(
    m: int, d: int, *, scale: float = 1.0, seed: int = 0, divide_by: Divisor = "1"
) -> Weights:
    """Outputs of size one.

    The rows w_j ~ N(0, I_d) times the scale, and a_j = +1 or -1, which is not scaled (min2024,
    Appendix A.5); see `balanced`.
    """
    return draw("unit-output", m, d, scale=scale, seed=seed, divide_by=divide_by)


def he(m: int, d: int, *, scale: float = 1.0, seed: int = 0, divide_by: Divisor = "1") -> Weights:
    """The usual large start (He et al.).

    The rows w_j ~ N(0, (2/d) I_d), then a_j ~ N(0, 2/m), times the scale; see `balanced`.
    """
    return draw("he", m, d, scale=scale, seed=seed, divide_by=divide_by)


def draw(
    name: str, m: int, d: int, *, scale: float = 1.0, seed: int = 0, divide_by: Divisor = "1"
) -> Weights:
    """The weights that ``init.name`` of the command line draws, by that name; see `balanced`.

    The names that end in -quadrature are nodes for the limit of infinite width and draw nothing.

    Examples
    --------
    >>> import flowrepro as fr
    >>> W, a = fr.init.draw("gaussian-quadrature", m=6, d=2)
    >>> W.shape
    (6, 2)
    """
    arguments.choice("name", name, INITS)
    arguments.choice("divide_by", divide_by, DIVISORS)
    width, dimension = arguments.whole("m", m, 1, 10**8), arguments.whole("d", d, 1)
    factor = _scale(scale)
    init = Init(name=name, m=width, scale=factor, divide_by=divide_by)
    return initial_weights(init, arguments.whole("seed", seed, 0, 2**63 - 1), dimension)


def _scale(scale: Any) -> float:
    found = arguments.number("scale", scale)
    if found == 0.0 or 0 < abs(found) < sys.float_info.min:
        raise UsageError(
            f"scale={found:g} is below what doubles resolve (2.2e-308); draw with scale=1 and give "
            "the flow its power of ten, as in fr.flow(..., log10_scale=-400)"
        )
    return arguments.positive("scale", found)
