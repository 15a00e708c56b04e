"""What a caller hands over, as float64 arrays and checked numbers; each refusal names the argument,
the rule and the remedy.

Lists, integers, booleans, float32, tensors of PyTorch and columns of pandas are converted to
float64. A value that cannot be used raises UsageError or DataError, which are ValueErrors.
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any

import numpy as np

from flowrepro.core.network import LOSSES
from flowrepro.errors import DataError, UsageError


def array(name: str, value: Any) -> np.ndarray:
    """``value`` as a float64 array of its own; UsageError unless it holds real numbers."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DataError(f"{name} has masked entries; fill or remove them")
    if hasattr(value, "detach"):  # a tensor, which may have a gradient or lie on a GPU
        value = value.detach().cpu()
        value = (value if value.is_complex() else value.double()).numpy()
    try:
        found = np.asarray(value)
    except ValueError:
        raise UsageError(
            f"{name} has rows of different lengths; give as many numbers in each"
        ) from None
    if found.dtype.kind == "c":
        raise UsageError(f"{name} holds complex numbers and must hold real ones; give {name}.real")
    if found.dtype.kind not in "biuf":
        raise UsageError(
            f"{name} must hold numbers, not {found.dtype if found.ndim else type(value).__name__}; "
            "give an array, a list or a tensor of them"
        )
    return np.array(found, dtype=np.float64, order="C")


def finite(name: str, values: np.ndarray) -> np.ndarray:
    """The array; DataError, naming the first bad place, where it holds nan or an infinity."""
    bad = np.argwhere(~np.isfinite(values))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise DataError(
            f"{name}[{place}] is {values[tuple(bad[0])]} and must be finite "
            f"({len(bad)} of {values.size} entries are not); remove or correct it"
        )
    return values


def points(X: Any, name: str = "X", d: int | None = None) -> np.ndarray:
    """Points (n, d), one row per sample; ``d`` is the dimension that they must have."""
    X = array(name, X)
    if X.ndim != 2:
        if X.ndim == 1 and d not in (None, 1):
            remedy = f"use {name}[None] for a single sample"
        elif X.ndim == 1:
            remedy = f"use {name}[:, None] for points on a line"
        else:
            remedy = f"use {name}.reshape(len({name}), -1)" if X.ndim > 2 else "give an array"
        raise DataError(
            f"{name} has shape {X.shape} but must be (n, d): one row per sample; {remedy}"
        )
    if X.size == 0:
        raise DataError(
            f"{name} has shape {X.shape}; give at least one sample of at least one coordinate"
        )
    if d is not None and X.shape[1] != d:
        raise DataError(
            f"{name} has shape {X.shape} but the neurons have dimension {d}; give {name} (n, {d})"
        )
    return finite(name, X)


def targets(y: Any, n: int, loss: str = "square") -> np.ndarray:
    """Targets (n,) from (n,) or (n, 1); labels -1 and +1 for the losses that classify."""
    y = array("y", y)
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0].copy()
    if y.ndim != 1:
        raise DataError(f"y has shape {y.shape} but must be (n,): one target per sample")
    if len(y) != n:
        raise DataError(f"y has {len(y)} targets but X has {n} rows; give one target per sample")
    finite("y", y)
    return y if loss == "square" else signs(y, f"loss='{loss}'")


def signs(y: np.ndarray, why: str) -> np.ndarray:
    """Labels (n,); DataError unless each is -1 or +1. ``why`` is what needs them."""
    wrong = np.flatnonzero(np.abs(y) != 1)
    if wrong.size == 0:
        return y
    remedy = "use 2 * y - 1" if np.all((y == 0) | (y == 1)) else "or take loss='square'"
    raise DataError(
        f"y[{wrong[0]}] is {y[wrong[0]]:g} but {why} needs labels y in {{-1, +1}}; {remedy}"
    )


def weights(W: Any, a: Any, d: int) -> tuple[np.ndarray, np.ndarray]:
    """First layer W (m, d) and second layer a (m,) for points of dimension d."""
    W, a = array("W", W), array("a", a)
    if W.ndim != 2:
        remedy = (
            "use W[None] for a single neuron" if W.ndim == 1 and len(W) == d else "give an array"
        )
        raise DataError(f"W has shape {W.shape} but must be (m, d): one row per neuron; {remedy}")
    if a.ndim != 1:
        remedy = "use a.ravel()" if a.size == len(W) else "give one number per neuron"
        raise DataError(
            f"a has shape {a.shape} but must be (m,): one output weight per neuron; {remedy}"
        )
    if W.size == 0:
        raise DataError(f"W has shape {W.shape}; give at least one neuron")
    if len(a) != len(W):
        raise DataError(
            f"W has {len(W)} rows but a has {len(a)} entries; give one of each per neuron"
        )
    if W.shape[1] != d:
        remedy = "; use W.T" if len(W) == d else ""
        raise DataError(
            f"W has shape {W.shape} but the points have dimension {d}; give W (m, {d}){remedy}"
        )
    return finite("W", W), finite("a", a)


def times(t: Any, name: str = "t") -> np.ndarray:
    """Flow times (T,), finite, not negative and increasing, from one number or many."""
    found = np.atleast_1d(array(name, t))
    if found.ndim != 1 or found.size == 0:
        raise UsageError(
            f"{name} has shape {found.shape}; give one horizon, or a list of increasing times"
        )
    bad = np.flatnonzero(~np.isfinite(found))
    if bad.size:
        raise UsageError(f"{name} holds {found[bad[0]]} at place {bad[0]}; give finite times")
    if found.min() < 0:
        raise UsageError(
            f"{name} holds {found.min():g}, but the flow starts at time 0; give times that are not "
            "negative"
        )
    back = np.flatnonzero(np.diff(found) <= 0)
    if back.size:
        k = int(back[0])
        what = "twice" if found[k] == found[k + 1] else f"before {found[k + 1]:g}"
        raise UsageError(
            f"{name} must increase, but holds {found[k]:g} {what}; use numpy.unique({name})"
        )
    return found


def number(name: str, value: Any) -> float:
    """One finite number."""
    found = array(name, value)
    if found.ndim != 0:
        raise UsageError(f"{name} must be one number, not an array of shape {found.shape}")
    if not math.isfinite(found):
        raise UsageError(f"{name} must be a finite number, not {float(found)}")
    return float(found)


def positive(name: str, value: Any, remedy: str = "") -> float:
    """One positive number."""
    found = number(name, value)
    if not found > 0:
        raise UsageError(f"{name} must be positive, not {found:g}{remedy}")
    return found


def scale(name: str, text: str) -> Decimal:
    """A positive number written as text, which may lie below the smallest double."""
    try:
        found = Decimal(text)
    except InvalidOperation:
        found = Decimal(0)
    if not found.is_finite() or not found > 0 or "_" in text or not -99_999 < found.adjusted() < 99:
        raise UsageError(f"{name} must be a positive number such as 1e-4, not '{text}'")
    return found


def between(name: str, value: Any, low: float, high: float, why: str = "") -> float:
    """One number in [low, high]."""
    found = number(name, value)
    if not low <= found <= high:
        raise UsageError(f"{name} must lie in [{low:g}, {high:g}]{why}, not {found:g}")
    return found


def whole(name: str, value: Any, least: int, most: int = 10**10) -> int:
    """One whole number from ``least`` to ``most``; 3.0 is one, True is none."""
    try:
        if isinstance(value, bool):
            raise TypeError
        found = (
            int(value) if isinstance(value, float) and value.is_integer() else operator.index(value)
        )
    except TypeError:
        raise UsageError(f"{name} must be a whole number, not {value!r}") from None
    if not least <= found <= most:
        raise UsageError(f"{name} must be between {least} and {most:.6g}, not {found}")
    return found


def choice(name: str, value: Any, options: Iterable[str], remedy: str = "") -> str:
    """One of ``options``; a refusal names the nearest."""
    known = tuple(options)
    if isinstance(value, str) and value in known:
        return value
    close = difflib.get_close_matches(str(value), known, n=1)
    nearest = f"; did you mean '{close[0]}'?" if close else remedy
    raise UsageError(f"{name} must be one of {', '.join(known)}, not {value!r}{nearest}")


def loss_name(value: Any) -> str:
    """The name of a loss; UsageError naming the nearest."""
    return choice("loss", value, LOSSES)
