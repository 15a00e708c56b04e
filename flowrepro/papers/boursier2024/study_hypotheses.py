"""What checks of boursier2024 ask of a study."""

from __future__ import annotations

import numpy as np

from flowrepro.core.config import departures
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2024.assumptions import assumption_4
from flowrepro.papers.boursier2024.least_squares import least_mse
from flowrepro.papers.boursier2024.study_cases import STUDY_CASES


def declared(findings: Study) -> str | None:
    """The study ran on the points and options of its case, the number of directions and the seed apart."""
    cases = {case.name: case for case in STUDY_CASES}
    changed = departures(findings.case, cases[findings.case.name], ("seed", "options.directions"))
    return (
        f"these numbers are for the case's own points and options; this one departs from it in {', '.join(changed)}"
        if changed
        else None
    )


def spurious(findings: Study) -> str | None:
    """Assumption 4 holds and a linear function does not fit the points."""
    X, y = findings.X, findings.y
    if least_mse(X, y) <= 1e-12 * float(np.mean(y**2)):
        return "least squares fits the points, so there is nothing to be trapped at"
    slack = assumption_4(X, y)
    return (
        None
        if slack > 0
        else f"Assumption 4 fails (least of cosines, labels and singular values: {slack:.3g})"
    )
