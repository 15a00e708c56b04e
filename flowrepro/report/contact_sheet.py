"""One image with all figures of a paper, small and labelled by their ids, for the manual."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flowrepro.papers import registry

if TYPE_CHECKING:
    from PIL.Image import Image

COLUMNS, WIDTH, HEIGHT, LABEL, GAP = 4, 320, 230, 20, 10
"""Figures in a row; pixels of a figure, of its label, and between two."""
COLOURS = 64
"""Colours of the image, which keep it small."""


def figures_in(folder: Path, paper: str) -> list[tuple[str, Path]]:
    """Id and image of the paper's figures that a gallery holds, in the paper's order."""
    found = [
        (figure.id, folder / f"{paper}-{figure.file}.png")
        for figure in registry.contents(paper).figures
    ]
    return [(id, path) for id, path in found if path.is_file()]


def contact_sheet(figures: Sequence[tuple[str, Path]]) -> bytes:
    """A PNG of the given images (id, path) in rows of COLUMNS, each with its id above."""
    from PIL import Image, ImageDraw, ImageFont

    cells = [(id, _small(path)) for id, path in figures]
    rows = [cells[k : k + COLUMNS] for k in range(0, len(cells), COLUMNS)]
    heights = [max(image.height for _, image in row) + LABEL + GAP for row in rows]
    width = min(len(cells), COLUMNS) * (WIDTH + GAP) + GAP
    sheet = Image.new("RGB", (width, sum(heights) + GAP), "white")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    top = GAP
    for row, height in zip(rows, heights, strict=True):
        for k, (id, image) in enumerate(row):
            left = GAP + k * (WIDTH + GAP)
            pen.text((left, top), id, fill="black", font=font)
            sheet.paste(image, (left, top + LABEL))
        top += height
    content = io.BytesIO()
    sheet.quantize(COLOURS, dither=Image.Dither.NONE).save(content, "PNG", optimize=True)
    return content.getvalue()


def _small(path: Path) -> Image:
    """An image within WIDTH x HEIGHT."""
    from PIL import Image

    with Image.open(path) as image:
        small = image.convert("RGB")
    small.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    return small
