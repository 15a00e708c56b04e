"""Orthogonally separable points: the one function, and neurons that move monotonically."""

from __future__ import annotations

import pytest
from theory_results import Change, inseparable, last, three_ways, with_options

from flowrepro.claims.claim import Claim
from flowrepro.core.config import StudyCase
from flowrepro.papers.lyu2021.appendix_h_orthogonal import FLOW_LEAKY, monotone_neurons, one_function
from flowrepro.papers.lyu2021.section_3_flows import FLOW_ORTHOGONAL


@pytest.mark.parametrize(
    ("claim", "case", "broken", "outside"),
    [
        (one_function, FLOW_ORTHOGONAL, last("W", 1.1), with_options(alpha=0.5)),
        (monotone_neurons, FLOW_LEAKY, last("W", -1.0), inseparable),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, case: StudyCase, broken: Change, outside: Change) -> None:
    three_ways(claim, case, broken, outside)
