"""Points from a csv file: plain numbers many lines at a time, and all else line by line, so that a
refusal names the line and the column.
"""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple, NoReturn, TextIO

import numpy as np

from flowrepro.errors import DataError

MAX_BYTES = 2**30
MAX_LINE = 2**22
"""Limits of the file in bytes and of a line in characters."""


TARGETS = ("y", "target", "label")
"""Names, in any case, of a column that must hold the targets."""
INDEX = re.compile(r"(unnamed: ?\d+)?|index|id", re.IGNORECASE)
"""Names of a first column that may number the rows."""
DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")
BLOCK = 2**22
"""Characters that are read at once where they are plain; at most MAX_LINE."""
MOST_NAMES = 8
"""Names of a header that are echoed."""


class Points(NamedTuple):
    """Points X (n, d), targets y (n,), and what was read as what, in words."""

    X: np.ndarray
    y: np.ndarray
    told: str


class Columns(NamedTuple):
    """Positions of the x columns and of the y column among ``width`` columns, and the header."""

    width: int
    x: list[int]
    y: int
    names: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """'y = label, header: a b c label'."""
        if not self.names:
            return "y = last column, no header"
        shown = [
            "".join(letter if letter.isprintable() else "?" for letter in name)[:40]
            for name in self.names
        ]
        more = f" ... ({self.width} columns)" if self.width > MOST_NAMES else ""
        return f"y = {shown[self.y]}, header: {' '.join(shown[:MOST_NAMES])}{more}"


def read_points(handle: BinaryIO, path: Path) -> Points:
    """The points of an open csv file: comma-separated finite numbers; blank lines and lines that
    start with # are skipped.

    A first line without any number names the columns, or else the last line with a # above the
    numbers that has as many names. y is the last column; where a column is named y and all others
    x1, x2, ..., it may stand anywhere.
    Raises DataError naming line, column, rule and remedy. What could be read in two ways is
    refused: a column that numbers the rows, column numbers in place of names, targets that are not
    last, semicolons and decimal commas.
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


def _parse(text: TextIO, path: Path) -> Points:
    columns: Columns | None = None
    numbers = array("d")
    remarks: list[tuple[int, list[str]]] = []
    source = _lines(text, path)
    done = 0
    for line, cells in _rows(source, 0):
        if cells[0].startswith("#"):
            remarks.append((line, [cells[0].lstrip("# "), *cells[1:]]))
            continue
        if not _has_number(cells):
            columns = _named(cells, path, line)
        else:
            columns = _unnamed(cells, remarks, path, line)
            _extend(numbers, cells, path, line)
        done = line
        break
    if columns is None:
        raise DataError(f"{path} holds no points: give at least one line of numbers")
    while block := text.read(BLOCK):
        block += text.readline(MAX_LINE + 1)
        if not _extend_block(numbers, block, columns.width):
            source = _lines(io.StringIO(block, newline=""), path, begun=True)
            if '"' in block:  # a cell may go on in the next block
                source = itertools.chain(source, _lines(text, path, begun=True))
            for line, cells in _rows(source, done):
                if cells[0].startswith("#"):
                    continue
                if len(cells) != columns.width:
                    _refuse_width(len(cells), columns, path, line)
                _extend(numbers, cells, path, line)
        done += len(re.findall(r"\r\n?|\n", block))
    if not numbers:
        raise DataError(f"{path} holds no points: give at least one line of numbers")
    table = np.frombuffer(numbers, dtype=np.float64).reshape(-1, columns.width)
    reject_row_numbers(table[:, 0], columns, path)
    return Points(table[:, columns.x].copy(), table[:, columns.y].copy(), columns.told)


def _rows(lines: Iterable[str], done: int) -> Iterator[tuple[int, list[str]]]:
    """(line number counted from 1, stripped cells) of every line that is not blank, after ``done``
    lines.
    """
    reader = csv.reader(lines, strict=True)
    for row in reader:
        cells = [cell.strip() for cell in row]
        if any(cells):
            yield done + reader.line_num, cells


def _extend_block(numbers: array[float], block: str, width: int) -> bool:
    """Append the numbers of whole lines; False, and nothing appended, unless all are plain."""
    if not block.isascii() or len(block) - block.rfind("\n", 0, -1) > MAX_LINE or block.isspace():
        return False
    try:
        table = np.loadtxt(io.StringIO(block, newline=""), delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return False
    if table.shape[1] != width or not np.isfinite(table).all():
        return False
    numbers.frombytes(table.tobytes())
    return True


def _lines(text: TextIO, path: Path, begun: bool = False) -> Iterator[str]:
    """Lines of bounded length, the first one of the table judged unless it has ``begun``."""
    number = 0
    while line := text.readline(MAX_LINE + 1):
        number += 1
        if len(line) > MAX_LINE:
            raise DataError(
                f"{path} has a line above the limit of {MAX_LINE} characters: write one point per "
                "line, or use npz"
            )
        if line.lstrip().startswith("#"):
            yield line.replace('"', "")  # a quotation mark in a comment is not one of csv
            continue
        if not begun and line.strip():
            begun = True
            _reject_separator(line, text, path, number)
        yield line


def _reject_separator(line: str, text: TextIO, path: Path, number: int) -> None:
    """DataError where the first line of a table has other separators than commas."""
    for sign, name in ((";", "semicolons"), ("\t", "tabs")):
        if sign in line.strip() and not ("," in line and sign == "\t"):
            below = line + text.readline(MAX_LINE)
            decimal = " and numbers have decimal commas" if re.search(r"\d,\d", below) else ""
            raise DataError(
                f"{path}, line {number}: columns are separated by {name}{decimal}; separate the "
                "columns by commas and write decimal points (write.csv in R, not write.csv2)"
            )


# ---- the first line


def _named(names: list[str], path: Path, line: int) -> Columns:
    """The columns that a header names."""
    _require_two(names, path, line)
    if not names[0]:
        _refuse_index(path, line, "has no name")
    if "" in names:
        raise DataError(
            f"{path}, line {line}: column {names.index('') + 1} has no name; name every column, or "
            "remove the commas at the ends of the lines"
        )
    lowered = [name.lower() for name in names]
    last = len(names) - 1
    x = [k for k, name in enumerate(lowered) if name.startswith("x")]
    if len(x) == last and lowered.count("y") == 1:
        return Columns(len(names), x, lowered.index("y"), tuple(names))
    targets = [k for k, name in enumerate(lowered) if name in TARGETS]
    if targets not in ([], [last]) or len(x) > last:
        what = (
            f"column '{names[targets[0]]}' is not the last, from which y is read"
            if targets
            else "no column is named y"
        )
        raise DataError(
            f"{path}, line {line}: {what}, in columns {', '.join(names[:MOST_NAMES])}; move the "
            "targets to the end, or name one column y and all others x1, x2, ..."
        )
    return Columns(len(names), list(range(last)), last, tuple(names))


def _unnamed(
    first: list[str], remarks: list[tuple[int, list[str]]], path: Path, line: int
) -> Columns:
    """The columns of a file whose first line ``first`` holds numbers, below comments."""
    _require_two(first, path, line)
    numbered = first[0] == "" and first[1:] == [str(k) for k in range(len(first) - 1)]
    if numbered:
        _refuse_index(path, line, "has no name and the others only numbers")
    if first == [str(k) for k in range(len(first))]:
        raise DataError(
            f"{path}, line {line}: {','.join(first[:4])}{',...' if first[4:] else ''} may number "
            "the columns, as pandas does without names; write the file with header=False or with "
            "names such as x1,x2,y, or a point as 0.0,1.0"
        )
    if remarks and len(remarks[-1][1]) == len(first) and not _has_number(remarks[-1][1]):
        return _named(remarks[-1][1], path, remarks[-1][0])
    return Columns(len(first), list(range(len(first) - 1)), len(first) - 1)


def _require_two(cells: list[str], path: Path, line: int) -> None:
    if len(cells) < 2:
        raise DataError(
            f"{path}, line {line}: one column, but x and y need two at least; separate the "
            "columns by commas"
        )


# ---- what numbers the rows


def _refuse_index(path: Path, line: int, why: str) -> NoReturn:
    raise DataError(
        f"{path}, line {line}: the first column {why}, so it may number the rows; write the file "
        "without it (index=False in pandas, row.names=FALSE in R)"
    )


WITHOUT_NUMBERS = (
    "write the file without it (index=False in pandas, row.names=FALSE in R), or name it x1 in a "
    "header if it is a coordinate"
)


def reject_row_numbers(
    first: np.ndarray, columns: Columns, path: Path, remedy: str = WITHOUT_NUMBERS
) -> None:
    """DataError where the first column counts the rows and no name says that it is a
    coordinate.
    """
    unnamed = not columns.names and columns.width > 2
    if not unnamed and not (columns.names and INDEX.fullmatch(columns.names[0])):
        return
    rows = np.arange(len(first))
    if len(first) > 2 and (np.array_equal(first, rows) or np.array_equal(first, rows + 1)):
        name = f"the first column, '{columns.names[0]}'," if columns.names else "the first column"
        raise DataError(f"{path}: {name} numbers the rows; {remedy}")


def _refuse_width(found: int, columns: Columns, path: Path, line: int) -> NoReturn:
    remedy = "give every line the same number"
    if columns.names and found == columns.width + 1:
        remedy += (
            "; where row names were written without a name, leave them out (row.names=FALSE in R)"
        )
    raise DataError(
        f"{path}, line {line}: {found} columns where the first line has {columns.width}; {remedy}"
    )


# ---- numbers


def _has_number(cells: list[str]) -> bool:
    return any(_is_number(cell) for cell in cells)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return bool(DECIMAL_COMMA.fullmatch(cell))
    return True


def _extend(numbers: array[float], cells: list[str], path: Path, line: int) -> None:
    """Append the numbers of a line."""
    text = "".join(cells)
    if "_" not in text and text.isascii():
        try:
            values = list(map(float, cells))
        except ValueError:
            values = [math.nan]
        if math.isfinite(sum(values)):
            numbers.extend(values)
            return
    numbers.extend(_number(cell, path, line, column) for column, cell in enumerate(cells, start=1))


def _number(cell: str, path: Path, line: int, column: int) -> float:
    place = f"{path}, line {line}, column {column}"
    try:
        if "_" in cell or not cell.isascii():  # what Python reads beyond csv
            raise ValueError
        value = float(cell)
    except ValueError:
        remedy = "write numbers such as -1.5 or 2e-3"
        if DECIMAL_COMMA.fullmatch(cell):
            remedy = f"it has a decimal comma, write {cell.replace(',', '.')}"
        elif "_" in cell:
            remedy = "it has an underscore, write digits without any"
        raise DataError(f"{place}: '{cell[:40]}' is not a number; {remedy}") from None
    if not math.isfinite(value):
        raise DataError(f"{place}: {cell} is not finite; remove or correct this point")
    return value
