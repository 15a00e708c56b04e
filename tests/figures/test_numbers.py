"""The numbers behind a figure: flattening, thinning, JSON, comparison."""

import json
import math
from typing import NamedTuple

import numpy as np

from flowrepro.figures.numbers import compare_numbers, numbers


class Inner(NamedTuple):
    name: str
    values: np.ndarray


class Outer(NamedTuple):
    level: float
    limits: tuple[float, float]
    parts: tuple[Inner, ...]
    absent: None
    table: dict


SAMPLE = Outer(
    0.1 + 0.2,
    (0.0, math.inf),
    (Inner("a", np.array([1.0, math.nan])), Inner("b", np.array([[1, 2], [3, 4]]))),
    None,
    {"k": np.array([True])},
)


def test_names_values_and_json():
    form = numbers(SAMPLE)
    assert form == {
        "level": [0.3],
        "limits.0": [0.0],
        "limits.1": ["inf"],
        "parts.0.values": [1.0, None],
        "parts.1.values": [1, 2, 3, 4],
        "table.k": [1],
    }
    assert json.loads(json.dumps(form, allow_nan=False)) == form


def test_long_series_is_thinned_evenly_with_both_ends():
    series = numbers({"x": np.arange(20_001)})["x"]
    assert len(series) == 200
    assert (series[0], series[-1]) == (0, 20_000)
    assert set(np.diff(series)) <= {100, 101}
    assert numbers({"x": np.arange(200)})["x"] == list(range(200))


def test_ten_significant_digits():
    assert numbers({"x": np.array([1.0 / 3.0, 1e-20 / 3.0])}) == {"x": [0.3333333333, 3.333333333e-21]}


def test_comparison_accepts_what_is_equal_within_the_tolerance():
    form = numbers(SAMPLE)
    assert compare_numbers(form, form, rtol=0.0, atol=0.0) == []
    assert compare_numbers({"x": [1.0 + 1e-9]}, {"x": [1.0]}, rtol=1e-8, atol=0.0) == []
    assert compare_numbers({"x": [1e-9]}, {"x": [0.0]}, rtol=0.0, atol=1e-8) == []


def test_comparison_names_the_series_and_the_distance():
    reference = {"x": [1.0, 2.0, 3.0], "gone": [1], "short": [1, 2], "null": [None], "far": ["inf"]}
    ours = {"x": [1.0, 2.1, 3.01], "short": [1], "null": [0.0], "far": ["-inf"], "new": [1]}
    faults = compare_numbers(ours, reference, rtol=1e-6, atol=0.0)
    assert faults[0] == "x: 2 of 3 entries differ, most at index 1: 2.1 instead of 2"
    assert faults[1:3] == ["gone: missing", "short: 1 entries, the reference has 2"]
    assert faults[3] == "null: 1 of 1 entries differ, most at index 0: 0 instead of nan"
    assert faults[4] == "far: 1 of 1 entries differ, most at index 0: -inf instead of inf"
    assert faults[5] == "new: not in the reference"
