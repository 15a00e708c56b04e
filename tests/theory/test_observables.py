from __future__ import annotations

import numpy as np
import pytest

from flowrepro.core.config import Loss
from flowrepro.core.network import gradient
from flowrepro.theory.alignment import class_alignment, class_sums, cosines, mean_neurons, squared_norms
from flowrepro.theory.change_rates import change_rates
from flowrepro.theory.observables import OBSERVABLES

LOSS = Loss(name="exp", reduction="mean")
SHAPES = [(1, 3), (7, 5), (5, 7)]


def setting(m: int, d: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """X, y, W, a with both classes of data, and of neurons where m > 1."""
    rng = np.random.default_rng(10 * m + d)
    X, y = rng.standard_normal((9, d)), np.where(np.arange(9) < 4, 1.0, -1.0)
    W, a = rng.standard_normal((m, d)), rng.standard_normal(m)
    a[0] = abs(a[0])
    a[1:2] = -np.abs(a[1:2])
    return X, y, W, a


@pytest.mark.parametrize("name", OBSERVABLES)
def test_every_observable_returns_arrays_of_fixed_shape(name: str) -> None:
    X, y, W, a = setting(7, 5)
    observe = OBSERVABLES[name](X, y, LOSS)
    first, second = observe(W, a), observe(-W, np.abs(a))
    assert first
    assert {key: np.shape(value) for key, value in first.items()} == {
        key: np.shape(value) for key, value in second.items()
    }


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("m", "d"), SHAPES)
def test_class_alignment_equals_its_definition(m: int, d: int, dtype: type) -> None:
    X, y, W, a = setting(m, d)
    W, a = W.astype(dtype), a.astype(dtype)
    seen = class_alignment(X, y)(W, a)
    aligned = 0
    for side, sign in enumerate((1, -1)):
        total = sum(x for x, label in zip(X, y, strict=True) if label == sign)
        chosen = [w.astype(np.float64) for w, out in zip(W, a, strict=True) if np.sign(out) == sign]
        own = [float(w @ total / np.linalg.norm(w) / np.linalg.norm(total)) for w in chosen]
        aligned += sum(cosine > 0.9 for cosine in own)
        assert seen["count"][side] == len(chosen)
        if chosen:
            mean = np.mean(chosen, axis=0)
            assert seen["mean_cos"][side] == pytest.approx(
                mean @ total / np.linalg.norm(mean) / np.linalg.norm(total), abs=1e-6
            )
            assert (seen["min_cos"][side], seen["max_cos"][side]) == pytest.approx((min(own), max(own)), abs=1e-6)
        else:
            assert np.isnan([seen[name][side] for name in ("mean_cos", "min_cos", "max_cos")]).all()
    assert seen["aligned_share"] == aligned / m
    assert seen["sign"].tolist() == np.sign(a).tolist()
    singular = np.linalg.svd(W.astype(np.float64), compute_uv=False)
    assert (float(seen["frobenius2"]), float(seen["spectral2"])) == pytest.approx(
        (np.sum(singular**2), singular[0] ** 2), rel=1e-12
    )


def test_neurons_along_their_own_sum_are_aligned_and_others_are_not() -> None:
    X, y, _, _ = setting(4, 5)
    positive, negative = class_sums(X, y)
    seen = class_alignment(X, y)(
        np.stack([positive, 2 * negative, -positive, negative]), np.array([1e-9, -3.0, 2.0, 0.0])
    )
    assert seen["aligned_share"] == 0.5
    assert seen["mean_cos"][1] == pytest.approx(1.0)
    assert (seen["min_cos"][0], seen["max_cos"][0]) == pytest.approx((-1.0, 1.0))


def test_permuting_neurons_moves_nothing_but_the_signs() -> None:
    X, y, W, a = setting(7, 5)
    order = np.random.default_rng(0).permutation(7)
    observe = class_alignment(X, y)
    seen, permuted = observe(W, a), observe(W[order], a[order])
    for name in seen.keys() - {"sign"}:
        assert permuted[name] == pytest.approx(seen[name], rel=1e-12), name
    assert np.array_equal(permuted["sign"], seen["sign"][order])


def test_missing_classes_and_zero_neurons_are_nan_without_a_warning() -> None:
    X, _, W, a = setting(7, 5)
    one_class = class_alignment(X, np.ones(9))(W, a)
    assert np.isnan(one_class["mean_cos"]).tolist() == [False, True]
    dead = class_alignment(X, np.ones(9))(np.zeros((7, 5)), a)
    assert np.isnan(dead["max_cos"]).all()
    assert dead["aligned_share"] == 0.0


def test_cosines_ignore_lengths_and_keep_leading_axes() -> None:
    W = np.array([[[3.0, 4.0], [0.0, -2.0]], [[1e-30, 0.0], [0.0, 0.0]]])
    assert cosines(W, np.array([0.0, 5.0])) == pytest.approx(np.array([[0.8, -1.0], [0.0, np.nan]]), nan_ok=True)


def test_norms_do_not_depend_on_which_gram_matrix_is_smaller() -> None:
    W = np.random.default_rng(3).standard_normal((4, 11))
    assert squared_norms(W) == pytest.approx(squared_norms(W.T), rel=1e-12)


def test_mean_neurons_follow_the_current_sign() -> None:
    W, a = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([1.0, -1.0, 1.0])
    assert mean_neurons(W, a).tolist() == [[3.0, 4.0], [3.0, 4.0]]
    assert np.isnan(mean_neurons(W, np.zeros(3))).all()


def test_change_rates_are_the_time_derivatives_of_norms_and_directions() -> None:
    X, y, W, a = setting(7, 5)
    X[:, 2] = 0.0
    W[3] = 0.0
    seen = change_rates(X, y, LOSS)(W, a)
    G, step = -gradient(X, y, W, a, LOSS)[0], 1e-6
    ahead, behind = W + step * G, W - step * G
    assert seen["norms"] == pytest.approx((np.sum(ahead**2) - np.sum(behind**2)) / (2 * step), rel=1e-6)
    alive = np.arange(7) != 3
    turned = [V[alive] / np.linalg.norm(V[alive], axis=1, keepdims=True) for V in (ahead, behind)]
    assert seen["directions"] == pytest.approx(
        np.sum(np.linalg.norm(turned[0] - turned[1], axis=1)) / (2 * step), rel=1e-5
    )
    assert np.all(np.isfinite([seen["norms"], seen["directions"]]))
