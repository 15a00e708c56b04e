"""What the study cases of boursier2022 compute."""

from __future__ import annotations

from flowrepro.papers.boursier2022.closest_approach import closest_approach
from flowrepro.papers.boursier2022.gronwall import gronwall
from flowrepro.papers.boursier2022.log_scale import log_scale
from flowrepro.papers.boursier2022.sign_jumps import sign_jumps
from flowrepro.papers.boursier2022.uncovered import uncovered
from flowrepro.papers.topic import StudyFunction

STUDIES: dict[str, StudyFunction] = {
    "log-scale": log_scale,
    "closest-approach": closest_approach,
    "uncovered": uncovered,
    "sign-jumps": sign_jumps,
    "gronwall": gronwall,
}
