"""Quantities evaluated at every recorded step of a run, by the name a row's ``record.observe`` gives."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.theory.alignment import class_alignment

Observed = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]

OBSERVABLES: dict[str, Callable[[np.ndarray, np.ndarray], Observed]] = {
    "class-alignment": class_alignment,
}
"""name -> factory(X (n, d), y (n,)) of a function (W (m, d), a (m,)) -> {quantity: array}."""


def observer(name: str) -> Callable[[np.ndarray, np.ndarray], Observed]:
    """The member of that name; UsageError for an unknown one."""
    if name not in OBSERVABLES:
        raise UsageError(f"record.observe must be empty or one of {', '.join(OBSERVABLES)}, not '{name}'")
    return OBSERVABLES[name]
