"""What ``make setup`` compiles is what the engines call."""

from __future__ import annotations

import pytest

from flowrepro import engines
from flowrepro.engines import ensemble, warm
from flowrepro.engines.log_domain import kernel


def overloads(function: object) -> int:
    return len(function.signatures)  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", warm.JOBS)
def test_after_a_job_its_engine_starts_at_once(name: str) -> None:
    assert warm.timed(name) > 0
    ready = {
        "late phases": lambda: overloads(kernel.march) == 1,
        "fused": lambda: engines.load("fused").is_compiled() and ensemble.is_ready(),
    }
    assert ready.get(name, lambda: engines.load(name).is_compiled())()
