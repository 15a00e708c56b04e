"""Cases beyond the paper: when its limits are reached, from which starts, and what is optimal where its theorems do not apply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flowrepro.core.config import Data, StudyCase


def study_case(
    name: str,
    shows: str,
    computes: str,
    data: Data | None,
    options: Mapping[str, Any],
    quick: Mapping[str, Any],
) -> StudyCase:
    """A study of this command."""
    return StudyCase(
        name=name,
        command="margin",
        paper="lyu2021",
        shows=shows,
        computes=computes,
        data=data,
        options=options,
        quick=quick,
    )


TABLE_NET = {"shift": 0.45, "alpha": 0.5, "m": 100, "scale": 1e-3, "lr": 0.01}  # as for Table 1

BEYOND_CASES = (
    study_case(
        "early-stopping",
        "beyond the paper: test errors of Table 1 along the training, with and without mirror images",
        "early-stopping",
        None,
        {
            **TABLE_NET,
            "sizes": [100],
            "seeds": 3,
            "n_test": 10_000,
            "q": [1.0, 3.0, 10.0, 30.0, 100.0, 300.0],
        },
        {"options.seeds": 1, "options.q": [1.0, 10.0, 100.0]},
    ),
    study_case(
        "table-optimum",
        "beyond the paper: is the margin reached on the sets of Table 1 the largest?",
        "table-optimum",
        None,
        {**TABLE_NET, "sizes": [10, 20, 40], "seeds": 3, "q": [100.0, 1000.0]},
        {"options.seeds": 1, "options.sizes": [10]},
    ),
    study_case(
        "convergence-constants",
        "beyond the paper: the constants of the convergence laws over random symmetric sets",
        "convergence",
        None,
        {
            "alpha": 0.5,
            "dimensions": [2] * 10 + [3] * 10 + [5] * 10,
            "halves": [6] * 10 + [8] * 10 + [10] * 10,
            "data_seeds": list(range(100, 130)),
            "m": 6,
            "scale": 1e-6,
            "q": 1e6,
        },
        {"options.dimensions": [2, 3], "options.halves": [6, 8], "options.data_seeds": [100, 110]},
    ),
)
