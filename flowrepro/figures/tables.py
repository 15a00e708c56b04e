"""Tables of the papers, filled with measured numbers: declared beside the figures, written as CSV
and Markdown.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    """A declared table.

    id, file : the paper's number and the stem of the files. case : the case whose result ``lines``
        takes (pure); caption : one line.
    header : column titles; every line has as many cells, texts or numbers.
    """

    id: str
    file: str
    case: str
    caption: str
    header: tuple[str, ...]
    lines: Callable[[Any], Sequence[Sequence[Any]]]


def cell(value: Any) -> str:
    """A cell as text: numbers with six significant digits, nothing for None."""
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)


def csv_text(table: Table, lines: Sequence[Sequence[Any]]) -> str:
    """The table as CSV."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [table.header, *([cell(value) for value in line] for line in lines)]
    )
    return text.getvalue()


def markdown_text(table: Table, lines: Sequence[Sequence[Any]]) -> str:
    """The table as Markdown."""
    rows = [
        table.header,
        ["---"] * len(table.header),
        *([cell(value).replace("|", "\\|") for value in line] for line in lines),
    ]
    return f"{table.caption}\n\n" + "".join("| " + " | ".join(row) + " |\n" for row in rows)
