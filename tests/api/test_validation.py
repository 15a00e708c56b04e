"""Each wrong input and its sentence; each input of another type and what it becomes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import flowrepro as fr
from flowrepro.core import arguments
from flowrepro.core.config import Loss
from flowrepro.engines.flow.flow import Integration, integrate

X = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
Y = np.array([1.0, -1.0, 1.0])
W = np.array([[0.1, 0.2], [0.3, -0.1]])
A = np.array([0.1, -0.2])
NAN = np.array([[1.0, 0.0], [0.0, np.nan], [1.0, 1.0]])

ARRAYS = [
    ({"X": [1.0, 2.0, 3.0]}, "X has shape (3,) but must be (n, d): one row per sample; use X[:, None] for points on a line"),
    ({"X": np.ones((3, 2, 2))}, "X has shape (3, 2, 2) but must be (n, d): one row per sample; use X.reshape(len(X), -1)"),
    ({"X": np.ones((0, 2)), "y": []}, "X has shape (0, 2); give at least one sample of at least one coordinate"),
    ({"X": NAN}, "X[1, 1] is nan and must be finite (1 of 6 entries are not); remove or correct it"),
    ({"X": X + 1j}, "X holds complex numbers and must hold real ones; give X.real"),
    ({"X": "points"}, "X must hold numbers, not str; give an array, a list or a tensor of them"),
    ({"X": [["a", "b"]]}, "X must hold numbers, not <U1; give an array, a list or a tensor of them"),
    ({"X": [[1.0, 2.0], [3.0]]}, "X has rows of different lengths; give as many numbers in each"),
    ({"X": np.ma.masked_equal(X, 0.0)}, "X has masked entries; fill or remove them"),
    ({"y": Y[:2]}, "y has 2 targets but X has 3 rows; give one target per sample"),
    ({"y": np.ones((3, 2))}, "y has shape (3, 2) but must be (n,): one target per sample"),
    ({"y": [1.0, np.inf, 1.0]}, "y[1] is inf and must be finite (1 of 3 entries are not); remove or correct it"),
    ({"y": [0, 1, 1], "loss": "exp"}, "y[0] is 0 but loss='exp' needs labels y in {-1, +1}; use 2 * y - 1"),
    ({"y": [2, 1, 1], "loss": "logistic"}, "y[0] is 2 but loss='logistic' needs labels y in {-1, +1}; or take loss='square'"),
    ({"W": W[0]}, "W has shape (2,) but must be (m, d): one row per neuron; use W[None] for a single neuron"),
    ({"W": np.ones((2, 3))}, "W has shape (2, 3) but the points have dimension 2; give W (m, 2); use W.T"),
    ({"W": np.ones((3, 2))}, "W has 3 rows but a has 2 entries; give one of each per neuron"),
    ({"W": W * np.inf}, "W[0, 0] is inf and must be finite (4 of 4 entries are not); remove or correct it"),
    ({"a": A[None]}, "a has shape (1, 2) but must be (m,): one output weight per neuron; use a.ravel()"),
    ({"loss": "squared"}, "loss must be one of square, logistic, logistic2, exp, not 'squared'; did you mean 'square'?"),
    ({"loss": None}, "loss must be one of square, logistic, logistic2, exp, not None"),
    ({"alpha": 1.5}, "alpha must lie in [0, 1], not 1.5"),
    ({"reduction": "meen"}, "reduction must be one of mean, sum, not 'meen'; did you mean 'mean'?"),
    ({"factor": 0}, "factor must be positive, not 0"),
    ({"target_loss": -1}, "target_loss must lie in [0, inf], not -1"),
]  # fmt: skip
FLOW = [
    ({"t": [2.0, 1.0]}, "t must increase, but holds 2 before 1; use numpy.unique(t)"),
    ({"t": [1.0, 1.0]}, "t must increase, but holds 1 twice; use numpy.unique(t)"),
    ({"t": -1.0}, "t holds -1, but the flow starts at time 0; give times that are not negative"),
    ({"t": [1.0, np.nan]}, "t holds nan at place 1; give finite times"),
    ({"t": np.inf}, "t holds inf at place 0; give finite times"),
    ({"t": 0.0}, "t is 0, where the flow starts; give a positive horizon"),
    ({"t": []}, "t has shape (0,); give one horizon, or a list of increasing times"),
    ({"t": [[1.0]]}, "t has shape (1, 1); give one horizon, or a list of increasing times"),
    ({"t": "soon"}, "t must hold numbers, not str; give an array, a list or a tensor of them"),
    ({"rtol": 1e-20}, "rtol must lie in [1e-13, 0.01], what double precision resolves, not 1e-20"),
    ({"rtol": np.nan}, "rtol must be a finite number, not nan"),
    ({"records": 0}, "records must be between 1 and 1e+10, not 0"),
    ({"log10_scale": -1e7}, "log10_scale must lie in [-1e+06, 1e+06], not -1e+07"),
    ({"engine": "torch"}, "engine must be one of flow, smooth-flow, grouped-boost, not 'torch'; fr.descend takes the other engines"),
]  # fmt: skip
DESCENT = [
    ({"lr": 0}, "lr must be positive, not 0"),
    ({"lr": -0.1}, "lr must be positive, not -0.1"),
    ({"lr": np.nan}, "lr must be a finite number, not nan"),
    ({"lr": [0.1, 0.2]}, "lr must be one number, not an array of shape (2,)"),
    ({"steps": 0}, "steps must be between 1 and 1e+10, not 0"),
    ({"steps": 1.5}, "steps must be a whole number, not 1.5"),
    ({"steps": True}, "steps must be a whole number, not True"),
    ({"batch_size": 4}, "batch_size must be between 1 and 3, not 4"),
    ({"save_every": 0}, "save_every must be between 1 and 1e+10, not 0"),
    ({"dtype": "float16"}, "dtype must be one of float64, float32, not 'float16'; did you mean 'float64'?"),
    ({"train": "last"}, "train must be one of both, first, not 'last'"),
    ({"engine": "trch"}, "engine must be one of auto, lazy, grouped, fused, interpolated, torch, not 'trch'; did you mean 'torch'?"),
    ({"engine": "flow"}, "engine must be one of auto, lazy, grouped, fused, interpolated, torch, not 'flow'; fr.flow integrates the flow"),
]  # fmt: skip


def flow(**changes: Any) -> fr.Run:
    return fr.flow(**{"X": X, "y": Y, "W": W, "a": A, "t": 1.0, **changes})


def descend(**changes: Any) -> fr.Run:
    given = {"X": X, "y": Y, "W": W, "a": A, "lr": 0.1, "steps": 3, "engine": "torch"}
    return fr.descend(**{**given, **changes})


@pytest.mark.parametrize("train", [flow, descend])
@pytest.mark.parametrize(("changes", "sentence"), ARRAYS, ids=lambda value: str(value)[:60])
def test_wrong_arrays(train: Any, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError) as refusal:  # noqa: PT011  (compared below)
        train(**changes)
    assert isinstance(refusal.value, fr.FlowreproError)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("train", "changes", "sentence"),
    [(flow, *row) for row in FLOW] + [(descend, *row) for row in DESCENT],
    ids=lambda value: getattr(value, "__name__", str(value)[:60]),
)
def test_wrong_numbers(train: Any, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fr.UsageError) as refusal:
        train(**changes)
    assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    "change",
    [
        lambda array: array.tolist(),
        lambda array: array.astype(np.float32),
        lambda array: torch.from_numpy(array),
        lambda array: torch.from_numpy(array).float().requires_grad_(),
        lambda array: np.asfortranarray(array),
    ],
    ids=["lists", "float32", "tensors", "tensors with gradients", "Fortran order"],
)
def test_other_types_become_float64(change: Any) -> None:
    """Eighths are exact in float32, so that nothing is rounded."""
    given = {"W": np.array([[0.125, 0.25], [0.375, -0.5]]), "a": np.array([0.5, -0.25])}
    plain = descend(**given)
    other = descend(X=change(X), y=change(Y), **{name: change(v) for name, v in given.items()})
    assert np.array_equal(plain.W, other.W)
    assert other.W.dtype == np.float64


def test_integers_and_columns_are_taken_and_nothing_is_changed_in_place() -> None:
    points, labels = np.array([[1, 0], [0, 1], [1, 1]]), np.array([[1], [-1], [1]])
    assert np.array_equal(descend(X=points, y=labels).W, descend().W)
    before = X.copy(), W.copy()
    descend()
    assert np.array_equal(X, before[0])
    assert np.array_equal(W, before[1])


@pytest.mark.parametrize(
    ("times", "sentence"),
    [
        ([2.0, 1.0], "times must increase, but holds 2 before 1; use numpy.unique(times)"),
        ([-1.0, 1.0], "times holds -1, but the flow starts at time 0; give times that are not negative"),
        ([np.nan], "times holds nan at place 0; give finite times"),
    ],
)  # fmt: skip
def test_the_integrator_itself_refuses_times(times: list[float], sentence: str) -> None:
    half = Loss(name="square", reduction="mean")
    for call in (
        lambda: integrate(X, Y, W, A, half, np.array(times)),
        lambda: Integration(X, Y, W, A, half).advance(np.array(times)),
    ):
        with pytest.raises(fr.UsageError) as refusal:
            call()
        assert str(refusal.value) == sentence


@pytest.mark.parametrize(
    ("place", "value", "start"),
    [
        (0, NAN, "X[1, 1] is nan"),
        (0, X[:, 0], "X has shape (3,)"),
        (1, Y[:2], "y has 2 targets"),
        (2, W.T[:1], "W has 1 rows"),
        (3, A[None], "a has shape (1, 2)"),
        (4, "square", "loss must be a Loss"),
    ],
)
def test_the_integrator_itself_refuses_arrays(place: int, value: Any, start: str) -> None:
    given: list[Any] = [X, Y, W, A, Loss(name="square", reduction="mean")]
    given[place] = value
    with pytest.raises((fr.DataError, fr.UsageError)) as refusal:
        integrate(*given, 1.0)
    assert str(refusal.value).startswith(start)


def test_the_integrator_does_not_go_back() -> None:
    flow = Integration(X, Y, W, A, Loss(name="square", reduction="mean"))
    flow.advance(np.array([50.0]))
    with pytest.raises(fr.UsageError, match="does not go back"):
        flow.advance(np.array([1.0]))


def test_the_integrators_loss_has_the_factor() -> None:
    one, two = (
        integrate(X, Y, W, A, Loss(name="square", reduction="mean", factor=factor), 1.0).loss for factor in (1.0, 2.0)
    )
    assert np.array_equal(2 * one, two)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"scale": 0.0}, "scale=0 is below what doubles resolve (2.2e-308); draw with scale=1 and give the flow its power of ten, as in fr.flow(..., log10_scale=-400)"),
        ({"scale": -1.0}, "scale must be positive, not -1"),
        ({"m": 0}, "m must be between 1 and 1e+08, not 0"),
        ({"seed": -1}, "seed must be between 0 and 9.22337e+18, not -1"),
        ({"divide_by": "m"}, "divide_by must be one of 1, sqrt(m), sqrt(m*d), not 'm'"),
    ],
)  # fmt: skip
def test_initial_weights_refuse(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(fr.UsageError) as refusal:
        fr.init.balanced(**{"m": 3, "d": 2, **options})
    assert str(refusal.value) == sentence


def test_whole_numbers() -> None:
    assert arguments.whole("m", 3.0, 1) == 3
    assert arguments.whole("m", np.int32(3), 1) == 3
