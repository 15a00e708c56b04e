"""From the flow to descent."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.papers.lee2022.theorem_4_1 import DESCENT_OF_FLOW, constant, converse, order

from .results import NOT_APPLICABLE, Tampered, at, changed, ids, study, three_ways


@cache
def computed() -> Study:
    return study(DESCENT_OF_FLOW, lr=[1.28e-3, 6.4e-4, 3.2e-4])


@pytest.mark.parametrize(
    ("claim", "tamper"),
    [
        (order, changed("power", np.sqrt)),
        (constant, changed("power", lambda error: 20 * error)),
        (converse, changed("exponential", lambda error: error + 0.01)),
    ],
    ids=ids,
)
def test_claims_three_ways(claim: Claim, tamper: Tampered) -> None:
    three_ways(claim, computed(), tamper)


def test_without_fine_steps_the_constant_is_not_judged() -> None:
    unbounded = changed("bound", at(..., np.nan))(computed())
    assert constant.judge(unbounded).verdict is NOT_APPLICABLE
    first = computed().arrays["bound"][0]
    assert np.all(np.isnan(first)), "v_0 = 0.5: (g^-1)' (g' + x g'') changes sign"
