"""Quantities evaluated at every recorded step of a run, by the name a case's ``record.observe``
gives.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from flowrepro.core.config import Loss
from flowrepro.errors import UsageError
from flowrepro.theory.alignment import class_alignment
from flowrepro.theory.change_rates import change_rates

Observed = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]
Factory = Callable[[np.ndarray, np.ndarray, Loss], Observed]

OBSERVABLES: dict[str, Factory] = {
    "class-alignment": lambda X, y, loss: class_alignment(X, y),
    "change-rates": change_rates,
}
"""name -> factory(X (n, d), y (n,), loss) of a function (W (m, d), a (m,)) -> {quantity: array}."""


def observer(name: str) -> Factory:
    """The member of that name; UsageError for an unknown one."""
    if name not in OBSERVABLES:
        raise UsageError(
            f"record.observe must be empty or one of {', '.join(OBSERVABLES)}, not '{name}'"
        )
    return OBSERVABLES[name]
