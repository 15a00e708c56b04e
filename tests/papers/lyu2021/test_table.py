"""StudyCase "table" on two small sizes, and its cases as text."""

from __future__ import annotations

import numpy as np
import pytest
from margin_findings import computed, found, small_table

from flowrepro.data.separable import shifted_gaussian
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021.table import bias_offset, figure_axes
from flowrepro.papers.lyu2021.table_figures import HEADER, cells, collect_table
from flowrepro.papers.lyu2021.tables import TABLES, error_lines, margin_lines
from flowrepro.theory.margin import hard_margin


def test_errors_are_those_of_the_separator() -> None:
    arrays = small_table().arrays
    for case, n in enumerate((10, 20)):
        for seed in (0, 1):
            data = shifted_gaussian(n, 0.45, seed, 50, 300)
            w = hard_margin(data.X, data.y).w
            assert arrays["svm"][case, seed] == np.mean(
                np.sign(data.extra["X_test"] @ w) != data.extra["y_test"]
            )
    assert np.all(np.abs(arrays["svm"] - arrays["net"]) <= 1 - arrays["agreement"])
    assert arrays["reached"].min() >= 20.0
    assert arrays["residual"].max() <= 1e-12


def test_nothing_depends_on_the_threads() -> None:
    again = computed("table", sizes=[10, 20], seeds=2, n_test=300, m=20, q=20.0)
    for name, values in small_table().arrays.items():
        np.testing.assert_array_equal(values, again.arrays[name])


def test_the_plane_holds_the_true_normal_and_the_separator() -> None:
    arrays = small_table().arrays
    axes = figure_axes(arrays["w"][1])
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-14)
    assert bias_offset(51)[-1] == 0.1
    assert arrays["points"].shape == (2, 20, 2)
    assert np.isnan(arrays["points"][0, 10:]).all()
    # the separator's zero line: <w, u e_1 + v e + offset> = 0
    w = arrays["w"][1]
    slope = -np.linalg.norm(w[1:-1]) / w[0]
    assert arrays["tilt_svm"][1] == pytest.approx(np.degrees(np.arctan(slope)), abs=1e-9)


def test_mirrored_training_sets_give_the_linear_classifier() -> None:
    arrays = computed("table-mirrored", sizes=[20], seeds=1, n_test=500, q=300.0).arrays
    assert arrays["agreement"].min() >= 0.98
    assert arrays["margin_ratio"][0, 0] == pytest.approx(1.0, abs=0.02)


def test_cases_as_text() -> None:
    data = collect_table(small_table())
    cases = cells(data)
    assert [case[0] for case in cases] == ["10", "20"]
    assert all(len(case) == len(HEADER) for case in cases)
    assert cases[0][1] == "30.2"
    assert (
        cases[0][2]
        == f"{100 * small_table().arrays['svm'][0].mean():.1f} ± {100 * small_table().arrays['svm'][0].std(ddof=1):.1f}"
    )


def test_the_stored_table_has_the_numbers() -> None:
    lines = error_lines(small_table())
    assert [line[0] for line in lines] == [10, 20]
    assert lines[0][1:3] == [30.2, round(100 * float(small_table().arrays["svm"][0].mean()), 2)]
    single = error_lines(computed("table", sizes=[15], seeds=1, n_test=50, m=5, q=2.0))
    assert single[0][1] is None
    assert single[0][3] is None
    assert all(
        len(line) == len(table.header)
        for table, found_lines in (
            (TABLES[0], lines),
            (TABLES[1], margin_lines(found("separator"))),
        )
        for line in found_lines
    )


def test_margins_of_a_set_of_points() -> None:
    lines = margin_lines(found("separator"))
    assert [line[2] for line in lines[:2]] == pytest.approx([1.0, 1.0])
    assert len(lines) == 5
    relu = margin_lines(computed("separator", alpha=0.0, q=10.0))
    assert [line[0][:3] for line in relu] == [
        "lar",
        "lin",
        "tra",
    ]  # a single ReLU neuron does not separate two classes


def test_ranges() -> None:
    with pytest.raises(UsageError, match=r"options.sizes must be whole and in"):
        computed("table", sizes=[])
    with pytest.raises(UsageError, match=r"options.seeds"):
        computed("table", seeds=0)
