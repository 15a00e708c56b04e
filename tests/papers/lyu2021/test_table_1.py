"""Table 1 and Figure 4: the study on two small sizes, claims, text, panels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from margin_results import computed, drawn, judge_three_ways, small_table, times

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import Study
from flowrepro.data.separable import shifted_gaussian
from flowrepro.errors import UsageError
from flowrepro.papers.lyu2021 import figure_4_planes, table_1
from flowrepro.papers.lyu2021.shared.planes import bias_offset, figure_axes
from flowrepro.papers.lyu2021.table_1 import TABLE, TABLE_MIRRORED
from flowrepro.theory.margin import hard_margin


def declared() -> Study:
    """The declared case with the errors that are expected of it, and the rest plausible."""
    ours = np.array([target.ours for target in TABLE.targets], dtype=float)[:, None]
    ones = np.ones((10, 5))
    arrays = {
        "size": np.arange(10, 101, 10),
        "svm": ours * ones,
        "net": 0.93 * ours * ones,
        "agreement": 0.97 * ones,
        "margin_ratio": 1.05 * ones,
        "residual": 1e-14 * ones,
        "reached": 100.5 * ones,
        "ln_loss": -101.0 * ones,
        "tilt_svm": np.linspace(-50, -25, 10),
        "tilt_net": np.linspace(-51, -23, 10),
        "bend": np.full(10, 1e-4),
    }
    return Study(TABLE, None, arrays)


@pytest.mark.parametrize(
    ("claim", "spoiled", "outside"),
    [
        (table_1.svm_errors, {"svm": times(2.0)}, {"shift": 0.5}),
        (table_1.nearly_equal, {"net": times(0.5)}, {"reached": times(0.5)}),
        (table_1.agreement, {"agreement": times(0.9)}, {"shift": 0.5}),
        (table_1.trend, {"net": lambda errors: errors[::-1]}, {"shift": 0.5}),
        (figure_4_planes.planes, {"tilt_net": times(1.5)}, {"shift": 0.5}),
    ],
    ids=lambda value: value.id if isinstance(value, Claim) else "",
)
def test_claims(claim: Claim, spoiled: dict[str, Any], outside: dict[str, Any]) -> None:
    judge_three_ways(claim, declared(), spoiled, outside)


def test_the_claim_on_mirrored_sets() -> None:
    ones = np.ones((3, 2))
    arrays = {
        "agreement": 0.996 * ones,
        "margin_ratio": 0.999 * ones,
        "residual": 1e-14 * ones,
        "reached": 1001.0 * ones,
    }
    good = Study(TABLE_MIRRORED, None, arrays)
    judge_three_ways(table_1.mirrored, good, {"agreement": times(0.9)}, {"mirror": False})


def test_errors_are_those_of_the_separator() -> None:
    arrays = small_table().arrays
    for k, n in enumerate((10, 20)):
        for seed in (0, 1):
            data = shifted_gaussian(n, 0.45, seed, 50, 300)
            sign = np.sign(data.extra["X_test"] @ hard_margin(data.X, data.y).w)
            assert arrays["svm"][k, seed] == np.mean(sign != data.extra["y_test"])
    assert np.all(np.abs(arrays["svm"] - arrays["net"]) <= 1 - arrays["agreement"])
    assert arrays["reached"].min() >= 20.0
    assert arrays["residual"].max() <= 1e-12


def test_the_table_is_the_same_in_pytorch() -> None:
    """Errors and steps are equal, margins to rounding."""
    compiled = small_table().arrays
    ours = computed(TABLE, sizes=[10], seeds=1, n_test=300, m=20, q=20.0, engine="torch").arrays
    for name in ("svm", "net", "agreement", "steps"):
        assert ours[name] == compiled[name][:1, :1], name
    assert ours["margin_ratio"] == pytest.approx(compiled["margin_ratio"][:1, :1], rel=1e-6)
    assert ours["W"] == pytest.approx(compiled["W"][:1], abs=1e-6)


def test_nothing_depends_on_the_threads() -> None:
    again = computed(TABLE, sizes=[10, 20], seeds=2, n_test=300, m=20, q=20.0)
    for name, values in small_table().arrays.items():
        np.testing.assert_array_equal(values, again.arrays[name])


def test_the_plane_holds_the_true_normal_and_the_separator() -> None:
    arrays = small_table().arrays
    w = arrays["w"][1]
    axes = figure_axes(w)
    np.testing.assert_allclose(axes @ axes.T, np.eye(2), atol=1e-14)
    assert bias_offset(51)[-1] == 0.1
    assert arrays["points"].shape == (2, 20, 2)
    assert np.isnan(arrays["points"][0, 10:]).all()
    # the separator's zero line: <w, u e_1 + v e + offset> = 0
    slope = -np.linalg.norm(w[1:-1]) / w[0]
    assert arrays["tilt_svm"][1] == pytest.approx(np.degrees(np.arctan(slope)), abs=1e-9)


def test_mirrored_training_sets_give_the_linear_classifier() -> None:
    arrays = computed(TABLE_MIRRORED, sizes=[20], seeds=1, n_test=500, q=300.0).arrays
    assert arrays["agreement"].min() >= 0.98
    assert arrays["margin_ratio"][0, 0] == pytest.approx(1.0, abs=0.02)


def test_lines_as_text() -> None:
    first, second = table_1.as_text(table_1.error_columns(small_table()))
    assert len(first) == len(second) == len(table_1.HEADER)
    svm = 100 * small_table().arrays["svm"][0]
    assert first[:3] == ("10", "30.2", f"{svm.mean():.1f} ± {svm.std(ddof=1):.1f}")
    assert second[0] == "20"


def test_the_stored_table_has_the_numbers() -> None:
    lines = table_1.errors.lines(small_table())
    assert [line[0] for line in lines] == [10, 20]
    assert lines[0][1:3] == [30.2, round(100 * float(small_table().arrays["svm"][0].mean()), 2)]
    assert all(len(line) == len(table_1.errors.header) for line in lines)
    ((size, paper, _, spread, *_),) = table_1.errors.lines(computed(TABLE, sizes=[15], seeds=1, n_test=50, m=5, q=2.0))
    assert (size, paper, spread) == (15, None, None)


def test_figures() -> None:
    assert len(drawn(table_1.table_picture, small_table())) == 1
    panels = drawn(figure_4_planes.figure_4, small_table())
    assert [panel.title for panel in panels] == ["$n=10$", "$n=20$"]


def test_ranges() -> None:
    with pytest.raises(UsageError, match=r"options.sizes .* must not be empty"):
        computed(TABLE, sizes=[])
    with pytest.raises(UsageError, match=r"options.seeds .* must lie in \[1, 1000\]"):
        computed(TABLE, seeds=0)
