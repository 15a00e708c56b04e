"""What ``make setup`` compiles is what the engines call."""

from __future__ import annotations

import importlib
from typing import Any

import pytest

from flowrepro.engines import warm

KERNELS = {
    "flow": ("flow.flow.march",),
    "grouped": ("grouped.engine._advance",),
    "lazy": ("lazy.engine._descend",),
    "late phases": ("log_domain.kernel.march",),
    "interpolated": ("torch_interpolated.march", "torch_interpolated.near"),
    "fused": ("fused_gd.descend", "fused_gd.descend_in_span", "ensemble.descend_members"),
}


@pytest.mark.parametrize("name", warm.JOBS)
def test_a_job_calls_the_kernels_of_its_engines(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    called = []
    for place in KERNELS[name]:
        module, _, kernel = f"flowrepro.engines.{place}".rpartition(".")
        compiled = getattr(importlib.import_module(module), kernel)

        def call(*arguments: Any, compiled: Any = compiled, place: str = place) -> Any:
            called.append(place)
            return compiled(*arguments)

        monkeypatch.setattr(f"{module}.{kernel}", call)
    assert warm.timed(name) > 0
    assert set(called) == set(KERNELS[name])
