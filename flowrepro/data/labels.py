"""Labels of a classification."""

from __future__ import annotations

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError


def require_signs(data: Dataset) -> None:
    """DataError, with the remedy, unless all labels are +1 and -1."""
    strange = np.setdiff1d(data.y, [-1.0, 1.0])
    if strange.size:
        zero = set(strange) == {0.0}
        remedy = "write -1 for 0" if zero else "write +1 for one class and -1 for the other"
        named = ", ".join(f"{value:g}" for value in strange[:4])
        raise DataError(
            f"labels must be +1 and -1 here, but {data.note} have labels {named}: {remedy}"
        )
