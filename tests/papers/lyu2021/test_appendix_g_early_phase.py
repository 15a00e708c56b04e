"""The early phase without symmetry: the entry into the cone, and the growth from there."""

from __future__ import annotations

import numpy as np
import pytest
from theory_results import Change, changed, flipped, found, lost, three_ways

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.appendix_g_early_phase import (
    EARLY_MIDDLE,
    aligned_growth,
    cone_entry,
    growth_rates,
    power_iteration,
)


def first_entry_late(f: Study) -> Study:
    times = f.arrays["entry_t"].copy()
    times[:, 0] *= 1.1
    return changed(f, entry_t=times)


def growing(f: Study) -> Study:
    """Neurons that grow 10 % more from record to record."""
    factor = 1.1 ** np.arange(f.arrays["grow_t"].shape[-1])
    W, a = f.arrays["grow_W"] * factor[:, None, None], f.arrays["grow_a"] * factor[:, None]
    return changed(f, grow_W=W, grow_a=a)


def sign_lost(f: Study) -> Study:
    """Output weights that change their sign after T0."""
    sign = np.sign(f.arrays["grow_t"] - 1e-9)[..., None]
    return changed(f, grow_a=-f.arrays["grow_a"] * sign)


@pytest.mark.parametrize(
    ("claim", "broken", "outside"),
    [
        (cone_entry, first_entry_late, lost("entry_t")),
        (growth_rates, growing, lost("grow_a")),
        (power_iteration, sign_lost, flipped),
    ],
    ids=lambda value: getattr(value, "id", None),
)
def test_claims(claim: Claim, broken: Change, outside: Change) -> None:
    three_ways(claim, EARLY_MIDDLE, broken, outside)


def test_options_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"options\.ratio"):
        aligned_growth(found(EARLY_MIDDLE).dataset, ratio=0.0)
