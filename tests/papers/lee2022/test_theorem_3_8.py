"""The implicit bound of the norm."""

from __future__ import annotations

import pytest

from flowrepro.errors import UsageError
from flowrepro.papers.lee2022.theorem_3_8 import IMPLICIT, implicit, solves

from .results import at, changed, study, three_ways


def test_the_inverted_bound_solves_its_equation() -> None:
    three_ways(solves, study(IMPLICIT, m=[2, 3]), changed("difference", at(0, 1e-3)))


@pytest.mark.parametrize("start", [(3.0, 0.3, 1.0), (9.0, 0.3, 0.5), (3.0, 0.0, 0.5)])
def test_starts_out_of_range_are_refused(start: tuple[float, float, float]) -> None:
    with pytest.raises(UsageError, match=r"v\*, v_0 and epsilon"):
        implicit(starts=[start])
