"""Study "classifiers": what it finds, on the paper's points and on a user's."""

from __future__ import annotations

import numpy as np
import pytest
from margin_results import computed, drawn, found

from flowrepro.claims.verdict import Verdict
from flowrepro.core.config import StudyCase
from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, NumericalError, UsageError
from flowrepro.papers import registry
from flowrepro.papers.lyu2021 import classifiers, own_points
from flowrepro.papers.lyu2021.figure_1_kkt_networks import LEFT, MIDDLE, RIGHT
from flowrepro.papers.lyu2021.figure_2_trained import figure_2_left
from flowrepro.papers.lyu2021.own_points import SEPARATOR
from flowrepro.papers.lyu2021.shared import bracket, geometry
from flowrepro.papers.lyu2021.shared.bracket import cheap_bound, margin_bracket
from flowrepro.theory.margin import hard_margin, normalised_margin
from flowrepro.theory.margin_global import largest_margin

QUICK = {"q": 1e4}


def own(X: list[list[float]] | np.ndarray, y: list[float] | np.ndarray) -> Dataset:
    return Dataset(np.array(X, dtype=float), np.array(y, dtype=float), "points of own.csv")


def separable(n: int, d: int, seed: int = 0) -> Dataset:
    X = np.random.default_rng(seed).standard_normal((n, d))
    y = np.sign(X[:, 0])
    X[:, 0] += 0.3 * y
    return own(X, y)


def test_numbers_of_the_examples() -> None:
    """Measured with an independent implementation: iterations, margins, norms of mu+ and mu-."""
    for case, switch, total, largest in (
        (LEFT, 1830, 2555, 0.375),
        (MIDDLE, 3081, 8000, 0.1489580),
        (RIGHT, 2967, 9100, 0.1453095),
    ):
        arrays = found(case).arrays
        assert arrays["net_step"][int(arrays["net_switch"])] == switch
        assert arrays["net_step"][-1] + arrays["net_rejected"] == pytest.approx(total, rel=0.01)
        assert arrays["largest_lower"] == pytest.approx(largest, abs=1e-7)
    arrays = found(MIDDLE).arrays
    assert (arrays["mu_plus"], arrays["mu_minus"]) == (
        pytest.approx(1.92419, abs=1e-5),
        pytest.approx(1.30778, abs=1e-5),
    )
    assert arrays["alignment"] == pytest.approx(0.2246, abs=1e-4)
    assert arrays["gamma_plus"] == pytest.approx(0.2236068, abs=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize(
    "points",
    [separable(12, 1), separable(9, 3), separable(15, 4), own([[1.0, 2.0]], [1.0]), own(np.eye(4), np.ones(4))],
)
def test_points_of_any_shape(points: Dataset) -> None:
    arrays = computed(SEPARATOR, points, **QUICK).arrays
    assert arrays["star_residual"] <= 1e-10
    assert arrays["largest_lower"] <= arrays["largest_upper"] * (1 + 1e-8)
    assert arrays["net_normalised_margin"].max() <= arrays["largest_upper"] * (1 + 1e-8)
    assert arrays["net_q_min"][-1] >= 1e4 * (1 - 1e-12)
    W, a = arrays["largest_W"], arrays["largest_a"]
    assert np.vdot(W, W) + a @ a == pytest.approx(1.0)
    assert normalised_margin(points.X, points.y, W, a, 0.5) == pytest.approx(float(arrays["largest_lower"]))


def test_units_of_the_points_do_not_matter() -> None:
    points = separable(8, 2, seed=3)
    plain, scaled = (
        computed(SEPARATOR, points, **QUICK).arrays,
        computed(SEPARATOR, own(1e-6 * points.X, points.y), scale=1e-3, **QUICK).arrays,
    )
    assert scaled["net_eps"][-1] == pytest.approx(plain["net_eps"][-1], rel=1e-2)
    assert scaled["net_normalised_margin"][-1] == pytest.approx(1e-6 * plain["net_normalised_margin"][-1], rel=1e-6)


def test_points_that_are_not_separable_are_proved_so() -> None:
    points = own([[1, 1], [-1, -1], [1, -1], [2, 0.5]], [1, 1, -1, 1])
    with pytest.raises(
        DataError,
        match=r"not separable by a hyperplane through the origin: "
        r"0\.5 z_\d \+ 0\.5 z_\d = 0, .* bias=true",
    ) as error:
        geometry.best_separator(points.X, points.y)
    assert error.value.exit_code == 3


def test_long_proofs_are_cut() -> None:
    X = np.vstack([np.eye(12), -np.ones(12)])
    with pytest.raises(DataError, match=r"\+ 5 more terms = 0"):
        geometry.best_separator(X, np.ones(13))


def test_points_without_a_separator_have_a_largest_margin() -> None:
    """XOR: sqrt 2 (1 - alpha) / 8."""
    xor = own([[1, 1], [-1, -1], [1, -1], [-1, 1]], [1, 1, -1, -1])
    result = computed(SEPARATOR, xor, q=10.0)
    assert result.arrays["largest_exact"]
    assert result.arrays["largest_lower"] == pytest.approx(np.sqrt(2) / 16, rel=1e-8)
    assert np.isnan(result.arrays["gamma_star"])
    assert own_points.largest_margin_bracket.judge(result).verdict is Verdict.PASS
    certificate = own_points.separator_certificate.judge(result)
    assert certificate.verdict is Verdict.NOT_APPLICABLE
    assert "z_1 + 0.5 z_2 = 0" in certificate.note
    assert own_points.predicted.judge(result).verdict is Verdict.NOT_APPLICABLE
    assert len(own_points.margins.lines(result)) == 2
    assert len(drawn(own_points.portrait, result)) == 2


def test_a_tiny_margin_leaves_an_open_bracket() -> None:
    thin = own([[1, 1e-11], [1, -1e-11]], [1, -1])
    pair = geometry.linear_pair(np.array([0.0, 1.0]))
    open_one = margin_bracket(thin.X, thin.y, 0.5, np.full(2, 5e21), [pair])
    assert not open_one["largest_exact"]
    assert "too small to resolve" in str(open_one["largest_reason"])
    assert open_one["largest_lower"] == pytest.approx(0.375e-11)
    same = own([[1, 2], [1, 2]], [1, -1])
    with pytest.raises(DataError, match="no two-layer network"):
        margin_bracket(same.X, same.y, 0.5, np.ones(2), [pair])


def test_a_failed_certificate_leaves_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object, **__: object) -> None:
        raise DataError("a sliver")

    monkeypatch.setattr(bracket, "largest_margin", fails)
    result = computed(SEPARATOR, own([[1, 2], [-1, 1]], [1, -1]), q=10.0)
    judgement = own_points.largest_margin_bracket.judge(result)
    assert judgement.verdict is Verdict.NOT_APPLICABLE
    assert "the bracket is open" in judgement.note
    assert "a sliver" in judgement.note


def test_a_search_that_fails_leaves_the_bracket_open(monkeypatch: pytest.MonkeyPatch) -> None:
    def unsolved(*_: object, **__: object) -> None:
        raise NumericalError("the linear program was not solved")

    monkeypatch.setattr(bracket, "largest_margin", unsolved)
    monkeypatch.setattr(bracket, "improved_margin", unsolved)
    X, y = np.array([[1.0, 0.2], [-0.3, 1.0]]), np.array([1.0, -1.0])
    pair = np.array([[1.0, -1.0], [-1.0, 1.0]]), np.array([1.0, -1.0])
    found = bracket.margin_bracket(X, y, 0.5, np.ones(2), [pair])
    assert not found["largest_exact"]
    assert "not solved" in str(found["largest_reason"])
    assert found["largest_lower"] <= found["largest_upper"]


def test_wide_arrangements_get_fewer_rounds() -> None:
    """Orthogonal points are degenerate: their bracket of a width of 1e-8 takes all rounds."""
    assert bracket.affordable_rounds(np.eye(3)) == 200
    assert bracket.affordable_rounds(np.ones((100, 2))) == 100
    assert bracket.affordable_rounds(np.eye(11)) == 16


STUDIES = [
    case
    for case in registry.cases_of("margin")
    if isinstance(case, StudyCase) and case.data is not None and not case.name.startswith("table")
]


@pytest.mark.parametrize("case", STUDIES, ids=lambda case: case.name)
def test_every_study_of_own_points_asks_for_signs(case: StudyCase) -> None:
    with pytest.raises(DataError, match="labels must be"):
        computed(case, own([[1.0, 0.5], [2.0, -1.0]], [0.5, 2.0]))


def test_labels_must_be_signs() -> None:
    for y, remedy in (([0.0, 1.0], "write -1 for 0"), ([2.0, 3.0], "write \\+1 for one class")):
        with pytest.raises(DataError, match=remedy):
            computed(SEPARATOR, own([[1.0], [2.0]], y))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"alpha": 2.0}, r"options.alpha .* must lie in \[0, 1\], not 2"),
        ({"m": 2.5}, "options.m must be of type int"),
        ({"method": "adam"}, "options.method .* must be one of gd, flow"),
        ({"init": "xavier"}, "options.init .* must be one of"),
        ({"q": 1.0}, "options.q .* must lie in"),
        ({"engine": "fused"}, "options.engine .* must be one of auto, log-domain, torch"),
        ({"engine": "torch"}, "options.method=flow integrates .* add --set method=gd"),
        ({"device": "cuda"}, "options.method=flow integrates .* add --set method=gd"),
        ({"batch_size": 2}, "options.method=flow integrates .* add --set method=gd"),
    ],
)
def test_options_out_of_range_are_refused(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        computed(SEPARATOR, **options)


def test_too_many_points_are_refused() -> None:
    with pytest.raises(UsageError, match="at most 4000 points, not 4001"):
        computed(SEPARATOR, separable(4001, 2))


def test_the_cheap_bound_is_a_bound() -> None:
    """Against the closed bracket, on points small enough for both."""
    for seed in range(2):
        points = separable(6, 3, seed)
        best = hard_margin(points.X, points.y)
        for alpha in (0.0, 0.5, 1.0):
            assert cheap_bound(points.X, points.y, alpha, best.duals) >= largest_margin(points.X, points.y, alpha).lower
    assert cheap_bound(points.X, points.y, 1.0, best.duals) == pytest.approx(best.margin / 2)


def test_a_bracket_that_cannot_be_closed_stays_open() -> None:
    points = separable(60, 10)
    best = hard_margin(points.X, points.y)
    pair = np.array([best.w, -best.w]), np.array([1.0, -1.0])
    found_bracket = margin_bracket(points.X, points.y, 0.5, best.duals, [pair])
    assert not found_bracket["largest_exact"]
    assert found_bracket["largest_lower"] >= 1.5 / 4 * best.margin * (1 - 1e-9)
    assert found_bracket["largest_upper"] > found_bracket["largest_lower"]


def test_neurons_that_slide_along_a_kink_are_passed() -> None:
    """The implicit integrator stops at them."""
    arrays = computed(SEPARATOR, separable(30, 20), q=300.0).arrays
    assert str(arrays["net_method"]) == "rk4+bdf+euler"
    assert arrays["net_q_min"][-1] >= 300.0
    assert np.all(np.diff(arrays["net_step"]) >= 0)


def test_points_that_relu_neurons_are_dead_on_end_the_training(monkeypatch: pytest.MonkeyPatch) -> None:
    """One neuron, active on the first point only: the second one's output stays 0."""
    monkeypatch.setattr(classifiers, "WORK", 1e6)
    points = own([[1.0, 0.1], [-1.0, 0.1]], [1.0, 1.0])
    arrays = computed(SEPARATOR, points, alpha=0.0, m=1, q=100.0).arrays
    assert arrays["net_switch"] == -1
    assert str(arrays["net_stop"]) != "TARGET_LOSS"
    assert np.isnan(arrays["net_eps"][-1])


def test_large_nets_are_followed_by_the_explicit_integrator() -> None:
    arrays = computed(SEPARATOR, separable(20, 9), m=60, q=20.0).arrays
    assert str(arrays["net_method"]) == "euler"
    assert arrays["net_q_min"][-1] >= 20.0


def test_mini_batches_are_another_descent_than_the_papers() -> None:
    """PyTorch takes them by itself; the claims about the paper's own descent do not judge them."""
    small = {"m": 6, "scale": 0.3, "lr": 0.1, "q": 5.0}
    result = computed(LEFT, **small, batch_size=2)
    assert str(result.arrays["net_method"]) == "sgd"
    assert result.arrays["net_q_min"][-1] >= 5.0
    assert "options.batch_size" in figure_2_left.judge(result).note
    note = figure_2_left.judge(computed(LEFT, **small, engine="torch")).note
    assert "options.m" in note
    assert "options.engine" not in note
