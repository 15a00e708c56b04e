"""Repeat a stored run and compare every array bit by bit."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from flowrepro.core.config import Case, Data, TrainingCase
from flowrepro.data.from_file import file_sha256
from flowrepro.errors import DataError
from flowrepro.run.kind import Report, Settings
from flowrepro.run.results import compute, require_own_case
from flowrepro.store import provenance
from flowrepro.store.files import write_atomic
from flowrepro.store.reading import npz_bytes, read_npz, trusting
from flowrepro.store.run_directory import RunDirectory

COUNTS = "stats"
"""What an engine counted: work that depends on how a run was cut, not a result."""
RESULTS = ("trajectory.npz", "ensemble.npz", "study.npz")


@dataclass(frozen=True)
class Repetition:
    """How many arrays were compared, one sentence per array that differs, and what else is not as
    it was (code, versions, machine).
    """

    compared: int
    differences: tuple[str, ...]
    changed: tuple[str, ...]


def rerun(
    directory: RunDirectory, report: Report, allow: Callable[[Case], None] = lambda case: None
) -> Repetition:
    """Compute the case of a complete run again, elsewhere, from its own points and weights where
    those were the user's. ``allow`` may refuse the case before it is computed.

    Raises DataError for a run that is unfinished or damaged, Interrupted where it is stopped.
    """
    if not directory.is_complete():
        raise DataError(
            f"{directory.path} is not a complete run; the command that began it finishes it"
        )
    damage = directory.damage()
    if damage:
        raise DataError(
            f"{directory.path} is invalid: {'; '.join(damage)}; run it again, which keeps the "
            "damaged folder beside"
        )
    require_own_case(directory)
    case, old = directory.case(), directory.provenance()
    name = next((name for name in RESULTS if directory.holds(name)), None)
    if name is None:
        raise DataError(f"{directory.path} holds none of {', '.join(RESULTS)}; run it again")
    with tempfile.TemporaryDirectory(prefix="flowrepro-rerun-") as folder:
        again = RunDirectory.of(Path(folder), case)
        with trusting(directory.path, "run its command anew, which says more"):
            own = _on_stored_inputs(case, directory, Path(folder))
        allow(own)
        with trusting(directory.path, "run its command anew, which says more"):
            compute(own, again, Settings(root=Path(folder)), report)
        before, after = read_npz(directory.file(name)), read_npz(again.file(name))
        for arrays in (before, after):
            arrays.pop(COUNTS, None)
        new = again.provenance()
    one, other = old["fingerprint"], new["fingerprint"]
    changed = [
        f"{key}: {one.get(key)} -> {other.get(key)}"
        for key in sorted(one.keys() | other.keys())
        if one.get(key) != other.get(key)
    ]
    if old["package"] != provenance.package_hash() and not changed:
        changed = ["code that does not compute (claims, figures, command line)"]
    return Repetition(len(before), tuple(_differences(before, after)), tuple(changed))


def _on_stored_inputs(case: Case, directory: RunDirectory, folder: Path) -> Case:
    """The case with the user's files replaced by what the run directory kept of them."""
    if not directory.holds("inputs.npz"):
        if (case.data is not None and case.data.name == "file") or (
            isinstance(case, TrainingCase) and case.init.name == "file"
        ):
            raise DataError(
                f"{directory.path} lacks inputs.npz, the user's points and weights; run it again"
            )
        return case
    arrays = read_npz(directory.file("inputs.npz"))
    if case.data is not None and case.data.name == "file":
        points = folder / "points.npz"
        write_atomic(points, npz_bytes({"x": arrays["x"], "y": arrays["y"]}))
        case = replace(
            case,
            data=Data(
                name="file",
                options={"path": str(points), "sha256": file_sha256(str(points)), "bias": False},
            ),
        )
    if isinstance(case, TrainingCase) and case.init.name == "file":
        weights = folder / "weights.npz"
        write_atomic(weights, npz_bytes({"W": arrays["W"], "a": arrays["a"]}))
        case = replace(
            case,
            init=replace(
                case.init,
                scale=1.0,
                divide_by="1",
                file=str(weights),
                sha256=file_sha256(str(weights)),
            ),
        )
    return case


def _differences(before: dict[str, np.ndarray], after: dict[str, np.ndarray]) -> list[str]:
    """One sentence per array whose bits differ."""
    found = []
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if one is None or other is None:
            found.append(f"{name} is {'new' if one is None else 'missing'}")
        elif one.shape != other.shape or one.dtype != other.dtype:
            found.append(
                f"{name} has shape {other.shape} ({other.dtype}) instead of {one.shape} "
                f"({one.dtype})"
            )
        elif one.tobytes() != other.tobytes():
            found.append(f"{name} differs in {_amount(one, other)}")
    return found


def _amount(one: np.ndarray, other: np.ndarray) -> str:
    differ = (one != other) & ~((one != one) & (other != other))
    count = f"{int(differ.sum())} of {one.size} entries"
    if one.dtype.kind != "f" or not differ.any():
        return count
    gap = np.abs(one - other)[differ] / np.maximum(np.abs(one), np.abs(other))[differ]
    return f"{count}, by at most {np.max(gap):.2g} relative"
