"""Values of a sweep: lists, ranges, logarithms below the smallest double, and what is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from faults import Call, refused
from hypothesis import given
from hypothesis import strategies as st

from flowrepro.core.config import TrainingCase
from flowrepro.errors import UsageError
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY
from flowrepro.sweep.grid import Grid, parse_axis


@pytest.mark.parametrize(
    ("text", "key", "values"),
    [
        ("lr=1e-3,1e-4", "protocol.lr", ("1e-3", "1e-4")),
        ("protocol.n_steps=lin:100:300:3", "protocol.n_steps", ("100", "200", "300")),
        ("scale=log:1e-8:1e-2:4", "init.scale", ("1e-8", "1e-6", "0.0001", "0.01")),
        ("scale=log:1e-10000:1e-10:4", "init.scale", ("1e-10000", "1e-6670", "1e-3340", "1e-10")),
        ("engine=fused,torch", "protocol.engine", ("fused", "torch")),
    ],
)
def test_lists_and_ranges(text: str, key: str, values: tuple[str, ...]) -> None:
    axis = parse_axis(TOY, text)
    assert (axis.key, axis.values) == (key, values)


@pytest.mark.parametrize(
    "text",
    [
        "lr",
        "lr=",
        "lr=log:0:1:3",
        "lr=log:1:2",
        "lr=lin:1:2:1",
        "lr=lin:a:2:3",
        "lr=lin:1:2:3:4",
        "lr=1,1",
        "learning=1",
        "lr=lin:1:inf:3",
        "lr=lin:1:2:2.5",
    ],
)
def test_what_is_no_axis_is_refused_with_its_name(text: str) -> None:
    with pytest.raises(UsageError, match=text.partition("=")[0]):
        parse_axis(TOY, text)


def test_points_are_all_combinations_with_the_last_axis_fastest() -> None:
    axes = [parse_axis(TOY, "lr=1e-3,2e-3"), parse_axis(TOY, "m=10,20,30")]
    found = list(Grid(TOY, tuple(axes)))
    assert [point.values for point in found] == [(lr, m) for lr in ("1e-3", "2e-3") for m in ("10", "20", "30")]
    assert [(point.case.protocol.lr, point.case.init.m) for point in found if isinstance(point.case, TrainingCase)] == [
        (lr, m) for lr in (1e-3, 2e-3) for m in (10, 20, 30)
    ]


def test_scales_below_the_smallest_double_are_split() -> None:
    (point,) = Grid(TOY, (parse_axis(TOY, "scale=2.5e-10000"),))
    assert isinstance(point.case, TrainingCase)
    assert (point.case.init.scale, point.case.init.log10_scale) == (2.5, -10000.0)


@pytest.mark.parametrize("text", ["scale=x", "scale=-1", "scale=0", "n_steps=1.5", "dtype=3"])
def test_a_value_that_its_key_does_not_take_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        list(Grid(TOY, (parse_axis(TOY, text),)))


@given(first=st.floats(1e-12, 1e12), ratio=st.floats(1.5, 1e6), count=st.integers(2, 30))
def test_logarithmic_ranges_have_equal_ratios(first: float, ratio: float, count: int) -> None:
    values = [float(value) for value in parse_axis(TOY, f"lr=log:{first!r}:{first * ratio!r}:{count}").values]
    assert len(values) == count
    assert values[0] == pytest.approx(first, rel=1e-11)
    assert values[-1] == pytest.approx(first * ratio, rel=1e-11)
    steps = [later / earlier for earlier, later in itertools.pairwise(values)]
    assert max(steps) == pytest.approx(min(steps), rel=1e-9)


def test_a_start_that_does_not_exist_is_refused_before_any_run(tmp_path: Path, flowrepro: Call) -> None:
    words = ("sweep", "orthogonal", "--grid", "lr=1e-3", "--set", "init.name=3")
    refused(flowrepro(*words, "--out", tmp_path / "out"), 2, "init.name must be one of", "'3'")
    named = ("sweep", "orthogonal", "--grid", "init.name=balanced,balancd")
    refused(flowrepro(*named, "--out", tmp_path / "out"), 2, "init.name must be one of")
    assert not (tmp_path / "out").exists()


def test_some_points_of_a_large_grid_are_spread_over_every_axis() -> None:
    grid = Grid(TOY, (parse_axis(TOY, "lr=log:1e-6:1e-3:1000"), parse_axis(TOY, "m=lin:1:1000:1000")))
    assert len(grid) == 1_000_000
    chosen = grid.some(100)
    for axis in range(2):
        thirds = {grid.axes[axis].values.index(point.values[axis]) * 3 // 1000 for point in chosen}
        assert thirds == {0, 1, 2}
        assert len({point.values[axis] for point in chosen}) > 90
