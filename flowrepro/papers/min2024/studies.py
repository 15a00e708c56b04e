"""Every study of min2024: key -> what its cases compute."""

from __future__ import annotations

from flowrepro.papers.min2024.basins import basins
from flowrepro.papers.min2024.critical_scale import critical_scale
from flowrepro.papers.min2024.pair_laws import pair_laws
from flowrepro.papers.min2024.rank_limit import rank_limit
from flowrepro.papers.min2024.sign_flips import sign_flips
from flowrepro.papers.min2024.time_laws import alignment_time, fit_time
from flowrepro.papers.min2024.toy_seeds import points_seeds, separability_seeds
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "toy-seeds": points_seeds,
    "separability-seeds": separability_seeds,
    "sign-flips": sign_flips,
    "basins": basins,
    "fit-time": fit_time,
    "alignment-time": alignment_time,
    "critical-scale": critical_scale,
    "rank-limit": rank_limit,
    "pair-laws": pair_laws,
}
