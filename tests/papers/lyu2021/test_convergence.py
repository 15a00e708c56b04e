"""StudyCase "convergence": the measured constants, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from margin_findings import computed, quick

from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.convergence import collect_laws, settled


def test_the_constants_of_both_laws() -> None:
    """Measured with an independent implementation on other starts: K1 0.198 and 0.501, K2 0.245 and 0.154."""
    findings = quick("convergence")
    K1 = [float(np.mean(q * gap)) for q, gap in settled(findings, "gap")]
    K2 = [float(distance[-1] * q[-1] ** 0.5) for q, distance in settled(findings, "distance")]
    np.testing.assert_allclose(K1, [0.198, 0.501], rtol=0.05)
    np.testing.assert_allclose(K2, [0.245, 0.154], rtol=0.15)
    np.testing.assert_allclose(findings.arrays["angle"], [34.5, 24.7], atol=0.1)


def test_what_is_not_resolved_is_left_out() -> None:
    laws = collect_laws(quick("convergence"))
    assert np.nanmin(laws.gap) > 1e-8
    assert np.isfinite(laws.gap).sum() > 10


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dimensions": [2]}, "lists of one length"),
        ({"m": 300}, "take fewer neurons"),
        ({"q": 10.0}, "options.q must be in"),
    ],
)
def test_what_cannot_be_computed_is_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        computed("convergence", **options)
