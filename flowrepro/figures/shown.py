"""A figure of matplotlib that shows itself."""

from __future__ import annotations

import io
from typing import Any

from matplotlib.figure import Figure


class Shown(Figure):
    """What a notebook shows as the last line of a cell, although pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        file = io.BytesIO()
        draw: Any = self.savefig
        draw(file, format="png", dpi=150)
        return file.getvalue()
