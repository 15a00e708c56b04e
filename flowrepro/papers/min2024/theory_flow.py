"""Old place of theorem_1_flow; for the modules that still import it from here."""

from typing import Any

import numpy as np

from flowrepro.papers.min2024 import theorem_1_flow
from flowrepro.papers.min2024.theorem_1_flow import balanced_start as balanced_start


def theory_flow(case: Any, data: Any, progress: Any) -> dict[str, np.ndarray]:
    """The study for a case."""
    return theorem_1_flow.theory_flow(data, seed=case.seed, progress=progress, **case.options)
