"""How costs grow: slopes of what is measured; no test depends on a clock."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from flowrepro.bench import growth
from flowrepro.bench.engines import toy_flow
from flowrepro.bench.growth import Growth, compare_growth, measured
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

STEEP = Growth("flow", "m", (1, 2), [1.0, 8.0])


def test_the_slope_is_that_of_a_power() -> None:
    found = Growth("fused", "m", (1.0, 10.0, 100.0), [3 * m**1.5 for m in (1.0, 10.0, 100.0)])
    assert found.slope == pytest.approx(1.5)
    assert found.said == "3 us at 1, 94.9 us at 10, 3e+03 us at 100"


@pytest.mark.parametrize("sizes", [{"n": 5, "d": 2}, {"n": 5, "m": 3}, {"d": 3, "m": 1}])
def test_one_size_is_varied(sizes: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "advancing", lambda engine, steps: lambda: (engine.problem.shape, steps))
    (varied,) = {"n", "d", "m"} - set(sizes)
    shape = tuple({**sizes, varied: 40}[name] for name in ("n", "d", "m"))
    assert growth._descent("lazy" if varied == "n" else "fused", **sizes)(40.0, 7)() == (shape, 7)


def test_seeds_and_the_flow_are_trained() -> None:
    trained = growth._seeds(3.0, 5)()
    assert trained.loss.shape == (3, 2)  # type: ignore[attr-defined]
    assert trained.step[-1] == 5  # type: ignore[attr-defined]
    flow, horizon = toy_flow(-300.0)
    result = flow()
    assert result.loss[-1] < 1e-3 * np.mean(growth.data.load(TOY.data).y ** 2)
    assert horizon > 600


def test_cost_is_that_of_one_step_and_a_steep_one_misses_the_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "interleaved", lambda sides, repeats: [work() for work in sides])
    found = measured("fused", "m", (1, 2), lambda m, steps: lambda: m * steps, 4, 1)
    assert found.cost == [1e6, 2e6]
    monkeypatch.setattr(growth, "growths", lambda repeats: [STEEP])
    (result,) = compare_growth()
    assert (result.ours, result.plain, result.ratio, result.met) == (8.0, 1.0, pytest.approx(3.0), "no")


def test_a_picture_that_is_there_is_set_aside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growth, "growths", lambda: [STEEP])
    place = tmp_path / "cost.png"
    place.write_bytes(b"mine")
    growth.main(place)
    assert place.read_bytes()[:4] == b"\x89PNG"
    assert b"mine" in {path.read_bytes() for path in tmp_path.iterdir()}
