"""Labels of both signs: what is lost, what it costs, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from flowrepro.papers.boursier2024.label_signs import AT_ZERO, CLAIMS, collect_ends
from study_findings import changed, computed, small, small_case, with_options

from flowrepro.claims.old_verdict import Verdict
from flowrepro.errors import UsageError

LOST_DATA = CLAIMS[0].function


def test_a_lost_datum_keeps_the_loss_of_a_zero_output() -> None:
    findings = small("label-signs")
    options, end, lost = findings.case.options, findings.arrays["end"], findings.arrays["lost"]
    assert findings.arrays["y"].tolist() == [1.0, -1.0, 1.0]
    dominated = options["laws"].index("dominated")
    for i, name in enumerate(options["losses"]):
        assert lost[i, dominated, 0].tolist() == [False, True, False]
        assert AT_ZERO[name] / 3 <= end[i, dominated, 0] + 1e-12 < 1.05 * AT_ZERO[name] / 3
    assert collect_ends(findings).ratio[:, dominated].min() >= 1 / 3 - 1e-12


def test_fates_are_compared_between_dominated_runs_only() -> None:
    findings = small("label-signs")
    assert (
        LOST_DATA(with_options(findings, laws=["balanced", "he", "gaussian"])).verdict
        is Verdict.NOT_APPLICABLE
    )
    for outside in (
        with_options(findings, scale=1e-3),
        with_options(findings, lr=0.02),
        changed(findings, end=lambda e: e + 0.1),
    ):
        assert LOST_DATA(outside).verdict is Verdict.NOT_APPLICABLE
    one_loss = np.zeros_like(findings.arrays["lost"])
    one_loss[0, findings.case.options["laws"].index("balanced"), 0, 1] = (
        True  # a balanced run that loses a datum under one loss
    )
    apart = changed(findings, lost=lambda lost: lost | one_loss)
    assert LOST_DATA(apart).verdict is Verdict.PASS


def test_an_unknown_loss_is_refused() -> None:
    with pytest.raises(UsageError, match="logistic and square"):
        computed(small_case("label-signs", losses=["hinge"]))
