"""Claims on the end of a run hold on the paper's runs, fail on spoilt ones, else do not apply."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.claims.claim import Claim
from flowrepro.papers.lee2022 import convergence as module
from flowrepro.papers.lee2022.convergence import (
    convergence,
    dead_scalar,
    follows,
    late_rate,
    loss_falls,
    topic,
    uniqueness,
)

from .results import (
    FAIL,
    NOT_APPLICABLE,
    PASS,
    Tampered,
    flat,
    ids,
    judgements,
    outside,
    quick_run,
    rising,
    stopped_late,
    stuck,
)

TOO_SHORT = [(convergence, "3l-sn"), (late_rate, "3l-sn")]
"""Three layers from a small norm do not align within 100000 steps."""


@pytest.mark.parametrize(("claim", "name"), judgements(topic.claims), ids=ids)
def test_holds_on_the_papers_runs(claim: Claim, name: str) -> None:
    result = claim.judge(quick_run(name))
    expected = NOT_APPLICABLE if (claim, name) in TOO_SHORT else PASS
    assert result.verdict is expected, result.note


@pytest.mark.parametrize(
    ("claim", "name", "tamper"),
    [
        (convergence, "1l-mn", stuck),
        (loss_falls, "1l-ln", rising),
        (follows, "2l-ln", stuck),
        (late_rate, "1l-mn", stopped_late),
        (uniqueness, "1l-mn", flat),
    ],
    ids=ids,
)
def test_fails_on_a_spoilt_run(claim: Claim, name: str, tamper: Tampered) -> None:
    assert claim.judge(tamper(quick_run(name))).verdict is FAIL


@pytest.mark.parametrize("claim", topic.claims, ids=ids)
def test_does_not_apply_outside_the_papers_setting(claim: Claim) -> None:
    for other in outside(quick_run(claim.cases[0].name)):
        assert claim.judge(other).verdict is NOT_APPLICABLE


def test_a_gradient_that_ignores_dead_scalars_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.chain_gradient

    def wrong(X: np.ndarray, y: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return right(X, y, w, np.maximum(np.abs(v), 0.1))

    monkeypatch.setattr(module, "chain_gradient", wrong)
    assert dead_scalar.judge(quick_run("3l-mn")).verdict is FAIL


def test_three_layers_from_a_small_norm_are_predicted_to_align_later() -> None:
    """The population flow aligns after 1.47 times the run at seed 0 (measured)."""
    assert "1.47 times this run" in convergence.judge(quick_run("3l-sn")).note
