"""Studies small enough for tests."""

from flowrepro import data
from flowrepro.core.config import override
from flowrepro.core.trajectory import Study
from flowrepro.papers.boursier2022.experiments import (
    CLOSEST_APPROACH,
    GRONWALL,
    LOG_SCALE,
    LOG_SCALE_FOUR,
    SIGN_JUMPS,
    WITHOUT_ASSUMPTION_3,
)
from flowrepro.papers.boursier2022.studies import STUDIES

SMALL = {
    "log-scale": override(LOG_SCALE, {"options.p": [2, 4, 6, 8, 27, 100, 300], "options.seeds": 1}),
    "log-scale-four-points": override(
        LOG_SCALE_FOUR, {"options.p": [2, 20, 40, 55, 1500], "options.seeds": 1}
    ),
    "closest-approach": override(CLOSEST_APPROACH, {"options.ratios": [2.0, 3.0]}),
    "without-assumption-3": override(
        WITHOUT_ASSUMPTION_3, {"options.m": [4, 16, 48], "options.seeds": 3, "options.draws": 400}
    ),
    "sign-jumps": override(SIGN_JUMPS, {"options.seeds": 1}),
    "gronwall": override(GRONWALL, {"options.draws": 300}),
}


def compute(case, dataset=None):
    dataset = dataset or (data.load(case.data) if case.data else None)
    seen = []
    arrays = STUDIES[case.computes](case, dataset, lambda done, total: seen.append((done, total)))
    assert seen[-1][0] == seen[-1][1]
    return Study(case, dataset, arrays)
