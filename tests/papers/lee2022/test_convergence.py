"""Claims on the end of a run notice a wrong gradient and say when a run is too short."""

from __future__ import annotations

import numpy as np
import pytest

from flowrepro.papers.lee2022 import convergence as module
from flowrepro.papers.lee2022.convergence import convergence, dead_scalar

from .results import FAIL, quick_run


def test_a_gradient_that_ignores_dead_scalars_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    right = module.chain_gradient

    def wrong(X: np.ndarray, y: np.ndarray, w: np.ndarray, v: np.ndarray) -> np.ndarray:
        return right(X, y, w, np.maximum(np.abs(v), 0.1))

    monkeypatch.setattr(module, "chain_gradient", wrong)
    assert dead_scalar.judge(quick_run("3l-mn")).verdict is FAIL


def test_three_layers_from_a_small_norm_are_predicted_to_align_later() -> None:
    """The population flow aligns after 1.47 times the run at seed 0 (measured)."""
    assert "1.47 times this run" in convergence.judge(quick_run("3l-sn")).note
