"""The user's own points (csv, npy, npz, pt) and weights (npz), used as given once they are known to
be sound.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import stat
from collections.abc import Iterator
from io import BufferedReader
from pathlib import Path

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.data.csv_points import Columns, read_points, reject_row_numbers
from flowrepro.data.safe_npz import read_and_tell, read_arrays, read_npy
from flowrepro.data.safe_pt import read_tensors
from flowrepro.errors import DataError, UsageError


def points_from_file(path: str, sha256: str = "", bias: bool = False) -> Dataset:
    """Points and targets of a csv, npy, npz or pt file, in float64, as given.

    Parameters
    ----------
    path : a ``.csv`` (format: `csv_points.read_points`) or an ``.npz`` with arrays x (n, d) or
        (n,), which may be called X, and y (n,) or (n, 1); its other arrays are not looked into; or
        an ``.npy`` whose last column is y (n, d + 1); or a ``.pt`` (`safe_pt.read_tensors`).
    sha256 : hexadecimal hash that the file must have; "" for any.
    bias : append the constant feature 1 to every point.

    Returns
    -------
    Dataset
        X (n, d) or, with bias, (n, d + 1); y (n,). ``note`` says what was read. ``warnings`` name
        what is legal but degenerate:
        duplicates, zero points, targets of one sign, more dimensions than points.

    Raises
    ------
    DataError
        One sentence that names the file, the place and the rule.
    """
    if not isinstance(bias, bool):
        raise UsageError(f"data.options.bias must be true or false, not '{bias}'")
    file = Path(path).expanduser()
    with _opened(file, sha256) as handle:
        return _points(handle, file, bias)


def points_from_bytes(name: str, content: bytes, bias: bool = False) -> Dataset:
    """As `points_from_file`, for the content of a file called ``name``, which is on no disk."""
    return _points(BufferedReader(io.BytesIO(content)), Path(name), bias)


def _points(handle: BufferedReader, file: Path, bias: bool) -> Dataset:
    x, y, told = _read(handle, file)
    if x.ndim == 1:
        x = x[:, None]
    if y.ndim == 2 and y.shape[1] == 1:
        y = y[:, 0].copy()
    _check_points(file, x, y)
    warnings = tuple(f"{file.name}: {sentence}." for sentence in degeneracies(x, y))
    X = np.column_stack([x, np.ones(len(x))]) if bias else x
    note = (
        f"{len(X)} point{'s' * (len(X) != 1)} of {file.name} in dimension {x.shape[1]}"
        f"{', bias appended' if bias else ''} ({told})"
    )
    return Dataset(X, y, note, warnings=warnings)


def weights_from_file(path: str, sha256: str = "") -> tuple[np.ndarray, np.ndarray]:
    """(W (m, d), a (m,)) in float64 of an ``.npz`` file with these two arrays;

    DataError as in `points_from_file`.
    """
    file = Path(path).expanduser()
    with _opened(file, sha256) as handle:
        if file.suffix.lower() != ".npz":
            raise DataError(
                f"{file} must end in .npz, the format of weights: save it with np.savez(path, "
                "W=W, a=a)"
            )
        W, a = read_arrays(handle, file, ("W", "a"))
    if W.ndim != 2 or a.shape != W.shape[:1] or W.size == 0:
        raise DataError(
            f"{file}: W has shape {W.shape} and a {a.shape}; give W (m, d) and a (m,) with m and "
            "d at least 1"
        )
    _check_finite(file, "W", W)
    _check_finite(file, "a", a)
    return W, a


def file_sha256(path: str) -> str:
    """Hexadecimal sha256 of a file's content; DataError if it cannot be read."""
    with _opened(Path(path).expanduser()) as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def degeneracies(x: np.ndarray, y: np.ndarray) -> list[str]:
    """What about points (n, d) and targets (n,) is legal but may surprise; rows are counted
    from 1.
    """
    found = []
    suspects = _perhaps_equal_rows(x)
    distinct, inverse, counts = np.unique(
        x[suspects] + 0.0, axis=0, return_inverse=True, return_counts=True
    )  # + 0.0 makes -0 equal to 0
    if len(distinct) < len(suspects):
        twins = suspects[inverse.ravel() == np.argmax(counts > 1)]
        found.append(
            f"rows {twins[0] + 1} and {twins[1] + 1} are the same point, "
            f"{len(suspects) - len(distinct)} of {len(x)} rows are repetitions"
        )
        pairs = np.column_stack([inverse.ravel(), y[suspects]])
        if len(np.unique(pairs, axis=0)) > len(distinct):
            found.append("some equal points have different targets, so no network fits all of them")
    zero = np.flatnonzero(~x.any(axis=1))
    if zero.size:
        found.append(
            f"row {zero[0] + 1} is the zero point ({zero.size} in all), which a network without "
            "bias maps to 0"
        )
    if np.all(y > 0) or np.all(y < 0):
        found.append(
            f"all targets are {'positive' if y[0] > 0 else 'negative'}, a single class if they "
            "are labels"
        )
    elif not y.any():
        found.append("all targets are 0")
    elif set(np.unique(y)) == {0.0, 1.0}:
        found.append("the targets are 0 and 1; write -1 and 1 (2 y - 1) if they are labels")
    if x.shape[1] > len(x):
        found.append(f"there are more dimensions ({x.shape[1]}) than points ({len(x)})")
    return found


def _perhaps_equal_rows(x: np.ndarray) -> np.ndarray:
    """Indices of the rows of x (n, d) whose projection on a fixed direction is not the only one of
    its value: all equal rows are among them, and of a million others few are.
    """
    direction = np.random.default_rng(0).standard_normal((x.shape[1],)).tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        # a sum by columns, whose rounding is that of the row alone (a matrix product's is not)
        value = sum((x[:, k] * c for k, c in enumerate(direction)), np.zeros(len(x)))
    _, inverse, counts = np.unique(value + 0.0, return_inverse=True, return_counts=True)
    return np.flatnonzero(counts[inverse] > 1)


def _read(handle: BufferedReader, file: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """x, y and what was read as what, by the ending of the file's name."""
    match file.suffix.lower():
        case ".csv":
            return read_points(handle, file)
        case ".npy":
            return _split(read_npy(handle, file), file)
        case ".npz":
            arrays, rest = read_and_tell(handle, file, ("x", "y"), also={"x": "X"})
            x, y = arrays.values()
            return x, y, f"arrays {' and '.join(arrays)}{_ignored(rest)}"
        case ".pt":
            return read_tensors(handle, file)
    raise DataError(
        f"{file} must end in .csv, .npy, .npz or .pt, the formats of points: convert or rename it"
    )


def _split(table: np.ndarray, file: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """Points and targets of a table (n, d + 1) without names."""
    if table.ndim != 2 or table.shape[1] < 2:
        raise DataError(
            f"{file} holds an array of shape {table.shape}, but points are the rows (x, y) of a "
            "2-D array whose last column is y; save np.column_stack([X, y]), or np.savez(path, "
            "X=X, y=y)"
        )
    remedy = "leave it out, or save np.savez(path, X=X, y=y) if it is a coordinate"
    reject_row_numbers(table[:, 0], Columns(table.shape[1], [], -1), file, remedy)
    return table[:, :-1].copy(), table[:, -1].copy(), f"y = last column of {table.shape}"


@contextlib.contextmanager
def _opened(file: Path, sha256: str = "") -> Iterator[BufferedReader]:
    """The regular file, open for reading, after its hash has been compared on the same handle."""
    try:
        if not stat.S_ISREG(file.stat().st_mode):  # before opening: a pipe would wait for a writer
            raise DataError(
                f"{file} is {'a folder' if file.is_dir() else 'not a regular file'}: give the "
                "path of a file"
            )
        handle = file.open("rb")
    except FileNotFoundError:
        raise DataError(f"{file} does not exist: give the path of a file") from None
    except DataError:
        raise
    except (OSError, ValueError) as error:
        raise DataError(
            f"{file} cannot be read ({getattr(error, 'strerror', None) or error}): check its path "
            "and permissions"
        ) from None
    with handle:
        if sha256:
            found = hashlib.file_digest(handle, "sha256").hexdigest()
            if found != sha256.lower():
                raise DataError(
                    f"{file} has changed, expected sha256 {sha256} but got {found}: restore the "
                    "file or start a new run from it"
                )
            handle.seek(0)
        yield handle


def _ignored(names: list[str]) -> str:
    """'; not read: meta, names', printable and short."""
    shown = ["".join(c if c.isprintable() else "?" for c in name)[:40] for name in names[:8]]
    return f"; not read: {', '.join(shown)}{', ...' if names[8:] else ''}" if names else ""


def _check_points(file: Path, x: np.ndarray, y: np.ndarray) -> None:
    if x.ndim != 2 or y.ndim != 1 or len(x) != len(y):
        raise DataError(
            f"{file}: x has shape {x.shape} and y {y.shape}; give x (n, d) or (n,) and y (n,) "
            "or (n, 1) with the same n"
        )
    if x.size == 0:
        raise DataError(
            f"{file} holds no points, x has shape {x.shape}: give at least one point of one "
            "coordinate"
        )
    _check_finite(file, "x", x)
    _check_finite(file, "y", y)


def _check_finite(file: Path, name: str, values: np.ndarray) -> None:
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if bad.size:
        raise DataError(
            f"{file}: {name} is not finite in row {bad[0] + 1} (counted from 1, {bad.size} such "
            "rows): remove or correct it"
        )
