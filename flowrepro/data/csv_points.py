"""Points from a csv file, read line by line so that a refusal names the line and the column."""

from __future__ import annotations

import csv
import io
import math
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from flowrepro.errors import DataError

MAX_BYTES = 2**30
MAX_LINE = 2**22
"""Limits of the file in bytes and of a line in characters."""


class Columns(NamedTuple):
    """Positions of the x columns and of the y column among ``width`` columns."""

    width: int
    x: list[int]
    y: int


def read_points(handle: BinaryIO, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """(X (n, d), y (n,)) of an open csv file: comma-separated finite numbers, blank lines ignored.

    An optional first line (a leading # is ignored) names the columns: y is the column "y" and X are
    the columns whose names start with x, in their order; without a column "y", or without names, y
    is the last column.
    Raises DataError naming line and column.
    """
    if handle.seek(0, io.SEEK_END) > MAX_BYTES:
        raise DataError(
            f"{path} is larger than the limit of {MAX_BYTES} bytes for csv: use fewer points, or "
            "npz"
        )
    handle.seek(0)
    text = io.TextIOWrapper(handle, encoding="utf-8-sig", newline="")
    try:
        return _parse(text, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} is not csv text in UTF-8 ({error}): save it as csv again"
        ) from None
    finally:
        text.detach()


def _parse(text: io.TextIOWrapper, path: Path) -> tuple[np.ndarray, np.ndarray]:
    columns: Columns | None = None
    numbers = array("d")
    for line, cells in _rows(text, path):
        if columns is None:
            columns, is_header = _columns(cells, path, line)
            if is_header:
                continue
        if len(cells) != columns.width:
            raise DataError(
                f"{path}, line {line}: {len(cells)} columns where the first line has "
                f"{columns.width}; give every line the same number"
            )
        numbers.extend(
            _number(cell, path, line, column) for column, cell in enumerate(cells, start=1)
        )
    if columns is None or not numbers:
        raise DataError(f"{path} holds no points: give at least one line of numbers")
    table = np.frombuffer(numbers, dtype=np.float64).reshape(-1, columns.width)
    return table[:, columns.x].copy(), table[:, columns.y].copy()


def _rows(text: io.TextIOWrapper, path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line number counted from 1, stripped cells) of every line that is not blank."""
    reader = csv.reader(_lines(text, path), strict=True)
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield reader.line_num, cells


def _lines(text: io.TextIOWrapper, path: Path) -> Iterator[str]:
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise DataError(
                f"{path} has a line above the limit of {MAX_LINE} characters: write one point per "
                "line, or use npz"
            )
        yield line


def _columns(first: list[str], path: Path, line: int) -> tuple[Columns, bool]:
    """What the columns are, and whether the first line is a header: one without any number."""
    names = [first[0].removeprefix("#").strip(), *first[1:]]
    if len(names) < 2:
        raise DataError(
            f"{path}, line {line}: one column, but x and y need two at least; separate the "
            "columns by commas"
        )
    positions = range(len(names))
    if any(_is_number(name) for name in names):
        return Columns(len(names), list(positions[:-1]), positions[-1]), False
    lowered = [name.lower() for name in names]
    if "y" not in lowered and not all(name.startswith("x") for name in lowered):
        return Columns(len(names), list(positions[:-1]), positions[-1]), True
    x = [k for k in positions if lowered[k].startswith("x")]
    if lowered.count("y") != 1 or len(x) != len(names) - 1 or not x:
        raise DataError(
            f"{path}, line {line}: columns {', '.join(names)}; name one column y and all others "
            "x1, x2, ..., or drop the header (y last)"
        )
    return Columns(len(names), x, lowered.index("y")), True


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _number(cell: str, path: Path, line: int, column: int) -> float:
    try:
        value = float(cell)
    except ValueError:
        raise DataError(
            f"{path}, line {line}, column {column}: '{cell[:40]}' is not a number; write numbers "
            "such as -1.5 or 2e-3"
        ) from None
    if not math.isfinite(value):
        raise DataError(
            f"{path}, line {line}, column {column}: {cell} is not finite; remove or correct this "
            "point"
        )
    return value
