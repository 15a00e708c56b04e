"""Controls: results that are wrong in one stated way, on which a claim must not pass.

A verdict is worth something only if it can fail. Every control changes a good result: its numbers,
its points, or its case. A claim that passes on the good result has teeth if it fails on at least
one control. Where none of the common controls concerns what a claim measures, the claim declares
one of its own (`Claim.control`). A claim that cannot fail by construction is labelled an identity.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Literal

import numpy as np

from flowrepro.claims.claim import Claim
from flowrepro.core.trajectory import EnsembleTrajectory, Study

SEED = 0
Outcome = Literal["PASS", "FAIL", "N/A", "INFO", "unreadable"]
Change = Callable[[np.ndarray], np.ndarray]
"""Changes an array whose first axis is time (or, for many seeds, the seed); keeps its shape."""


@dataclass(frozen=True)
class Control:
    """One way to be wrong.

    numbers : what happens to a recorded array of floating-point numbers. counts : to an array of
    whole numbers of a study. points : to (X, y). slower : what flow times and
    the step size are multiplied by. outer : what output weights are multiplied by, and input
    weights divided by, after the first record.
    """

    name: str
    sentence: str
    numbers: Change | None = None
    counts: Change | None = None
    points: Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]] | None = None
    slower: float = 1.0
    outer: float = 1.0

    def results(self, result: Any) -> Iterator[Any]:
        """The wrong results: all arrays changed at once, then one array after the other."""
        if self.points and result.dataset is not None:
            X, y = self.points(result.X, result.y)
            yield replace(result, dataset=replace(result.dataset, X=X, y=y))
        if self.slower != 1 and not isinstance(result, Study):
            protocol = replace(result.case.protocol, lr=self.slower * result.case.protocol.lr)
            recorded = replace(result.trajectory, t=self.slower * result.trajectory.t)
            case = replace(result.case, protocol=protocol)
            yield replace(result, case=case, trajectory=recorded)
        recorded = _recorded(result)
        if self.outer != 1 and {"W", "a"} <= recorded.keys():
            W = _later(lambda array: array / self.outer)(recorded["W"])
            a = _later(lambda array: array * self.outer)(recorded["a"])
            yield _with(result, recorded | {"W": W, "a": a})
        attempts = {name: self._changed(array) for name, array in recorded.items()}
        changed = {name: array for name, array in attempts.items() if array is not None}
        if changed:
            yield _with(result, recorded | changed)
        if len(changed) > 1:
            for name, array in changed.items():
                yield _with(result, recorded | {name: array})

    def _changed(self, array: np.ndarray) -> np.ndarray | None:
        """The array after the change, or None where there is none."""
        if self.numbers and np.issubdtype(array.dtype, np.floating):
            return self.numbers(array)
        if self.counts and (np.issubdtype(array.dtype, np.integer) or array.dtype == bool):
            return self.counts(array)
        return None


def _recorded(result: Any) -> dict[str, np.ndarray]:
    """The arrays that a result holds, by name."""
    if isinstance(result, Study):
        return {name: np.asarray(array) for name, array in result.arrays.items()}
    recorded = result.trajectory
    arrays = {name: getattr(recorded, name) for name in ("loss", "W", "a")}
    if isinstance(recorded, EnsembleTrajectory):
        return arrays | {"first_below": recorded.first_below.astype(float)}
    if recorded.log_rows is not None:
        arrays["log_rows"] = recorded.log_rows
    return arrays | {f"observed.{name}": array for name, array in recorded.observed.items()}


def _with(result: Any, arrays: dict[str, np.ndarray]) -> Any:
    """The result with other arrays."""
    if isinstance(result, Study):
        return replace(result, arrays=arrays)
    recorded = result.trajectory
    fields: dict[str, Any] = {k: v for k, v in arrays.items() if not k.startswith("observed.")}
    if isinstance(recorded, EnsembleTrajectory):
        first = np.nan_to_num(fields["first_below"], nan=-1.0)
        fields["first_below"] = np.maximum(first, -1).astype(np.int64)
    else:
        fields["observed"] = {name: arrays[f"observed.{name}"] for name in recorded.observed}
    return replace(result, trajectory=replace(recorded, **fields))


def _noise(array: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(SEED).standard_normal(array.shape)
    return (array * (1 + 0.5 * noise)).astype(array.dtype)


def _shuffled(array: np.ndarray) -> np.ndarray:
    rng = np.random.default_rng(SEED)
    return rng.permuted(array, axis=-1) if array.ndim else array


def _later(change: Change) -> Change:
    """The change of all but the first record."""
    return lambda array: np.concatenate([array[:1], change(array[1:])]) if array.ndim else array


def _random_points(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    drawn = np.random.default_rng(SEED).standard_normal(X.shape)
    return drawn.astype(X.dtype), y


CONTROLS = (
    Control("frozen", "nothing moves: every record is the first one",
            lambda array: np.repeat(array[:1], len(array), axis=0) if array.ndim else array),
    Control("backwards", "the records are in the opposite order",
            lambda array: array[::-1] if array.ndim else array),
    Control("noise", "every number is multiplied by 1 + 0.5 g, g standard normal", _noise),
    Control("shuffled", "coordinates, or the entries of a list, are in another order", _shuffled),
    Control("astray", "as 'shuffled', but the first record is right", _later(_shuffled)),
    Control("restless", "as 'noise', but the first record is right", _later(_noise)),
    Control("opposite", "every number has the other sign", np.negative),
    Control("turned", "as 'opposite', but the first record is right", _later(np.negative)),
    Control("third", "every number is a third of what it was", lambda array: array / 3),
    Control("triple", "every number is three times what it was", lambda array: 3 * array),
    Control("thousandfold", "every number is a thousand times what it was; all but loose claims "
            "fail on 'third' or 'triple' before", lambda array: 1000 * array),
    Control("fading", "the last record is a tenth of what it was",
            lambda array: np.concatenate([array[:-1], array[-1:] / 10]) if array.ndim else array),
    Control("root", "every number x is sign(x) sqrt|x|: exponents are half of what they were",
            lambda array: np.sign(array) * np.sqrt(np.abs(array))),
    Control("counts", "every count is one more, every truth value the other",
            counts=lambda array: ~array if array.dtype == bool else array + 1),
    Control("nothing", "every number is 0: the zero function", np.zeros_like),
    Control("slower", "the step size and all flow times are 1.5 times what they were", slower=1.5),
    Control("outer", "output weights are ten times, input weights a tenth of what they were: the "
            "same function; the first record is right", outer=10.0),
    Control("inner", "the opposite of 'outer'", outer=0.1),
    Control("labels", "every label has the other sign", points=lambda X, y: (X, -y)),
    Control("points", "the points are standard normal draws", points=_random_points),
)  # fmt: skip
OWN = "own"
"""The name under which a claim's own control is listed."""


def altered(result: Study, **arrays: np.ndarray) -> Study:
    """A study's result with other arrays: what a claim's own control is made of."""
    return replace(result, arrays={**result.arrays, **arrays})


def outcomes(claim: Claim, result: Any) -> dict[str, Outcome]:
    """What the claim says on every control made from a result on which it passes.

    A control that changes arrays one by one counts as failed if the claim fails on one of its
    results. "unreadable" stands for a wrong result that the claim cannot evaluate at all.
    """
    return {name: _worst(claim, wrong) for name, wrong in _wrong(claim, result).items()}


def _wrong(claim: Claim, result: Any) -> dict[str, Iterable[Any]]:
    """The wrong results by control, the claim's own one first."""
    own: dict[str, Iterable[Any]] = {}
    if claim.control is not None:
        own[OWN] = [claim.control(result)]
    return own | {control.name: control.results(result) for control in CONTROLS}


def _worst(claim: Claim, wrong: Iterable[Any]) -> Outcome:
    """FAIL if the claim fails on one of the results, else what it says on the first."""
    first: Outcome | None = None
    for result in wrong:
        said = _outcome(claim, result)
        if said == "FAIL":
            return said
        first = first or said
    return first or "PASS"


def _outcome(claim: Claim, result: Any) -> Outcome:
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            return claim.judge(result).verdict.value
        except Exception:  # nonsense may break what is computed from it in any way
            return "unreadable"


def control_that_fails(claim: Claim, result: Any, among: Sequence[str] = ()) -> str | None:
    """The first control on which the claim fails; None where it has no teeth on this result.

    among : names of the controls to try, all unless given.
    """
    for start, end in ((0, 1), (1, None)):  # all arrays at once, then one array after the other
        for name, wrong in _wrong(claim, result).items():
            if among and name not in among:
                continue
            if _worst(claim, islice(wrong, start, end)) == "FAIL":
                return name
    return None
