"""The public formats trajectory.npz and ensemble.npz."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flowrepro.core.trajectory import EnsembleTrajectory, Stop, StopReason, Trajectory
from flowrepro.store import schema
from flowrepro.store.reading import Damaged, npz_bytes, parse_json, read_npz


def save_trajectory(trajectory: Trajectory) -> bytes:
    """The bytes of trajectory.npz."""
    arrays = {
        name: getattr(trajectory, name)
        for name in ("step", "t", "loss", "snapshot_step", "W", "a", "group")
    }
    arrays |= {f"observed.{name}": values for name, values in trajectory.observed.items()}
    arrays |= {f"events.{name}": values for name, values in trajectory.events.items()}
    if trajectory.log_rows is not None:
        arrays["log_rows"] = trajectory.log_rows
    return npz_bytes({**arrays, **_ending(trajectory)})


def save_ensemble(trajectory: EnsembleTrajectory) -> bytes:
    """The bytes of ensemble.npz."""
    names = ("seeds", "step", "t", "loss", "levels", "first_below", "snapshot_step", "W", "a")
    return npz_bytes({**{name: getattr(trajectory, name) for name in names}, **_ending(trajectory)})


def _ending(trajectory: Trajectory | EnsembleTrajectory) -> dict[str, np.ndarray]:
    """Why a run stopped and its counts, as JSON texts."""
    stop = trajectory.stop
    reason = {"reason": stop.reason.name, "step": stop.step, "t": stop.t, "note": stop.note}
    return {
        "stop": np.array(json.dumps(reason)),
        "stats": np.array(json.dumps(dict(trajectory.stats))),
    }


def _read_ending(arrays: dict[str, np.ndarray]) -> tuple[Stop, dict[str, Any]]:
    """Take `_ending` out of the arrays of a file."""
    stop = parse_json(str(arrays.pop("stop")), schema.Stop, finite=False)
    stats = parse_json(str(arrays.pop("stats")), schema.Stats, finite=False)
    return Stop(StopReason[stop["reason"]], stop["step"], stop["t"], stop["note"]), stats


def _require(arrays: Mapping[str, np.ndarray], whole: tuple[str, ...]) -> None:
    """ValueError unless all arrays hold numbers, and those named ``whole`` whole ones."""
    for name, values in arrays.items():
        if values.dtype.kind not in ("iu" if name in whole else "iufb"):
            raise ValueError(f"{name} holds {values.dtype}")


def load_trajectory(path: Path) -> Trajectory:
    """The trajectory stored in ``path``; Damaged where the file is not one."""
    arrays = read_npz(path)
    try:
        stop, stats = _read_ending(arrays)
        observed, events = _pop_group(arrays, "observed."), _pop_group(arrays, "events.")
        _require({**arrays, **observed}, ("step", "snapshot_step", "group"))
        return Trajectory(**arrays, stop=stop, observed=observed, stats=stats, events=events)
    except (LookupError, TypeError, ValueError) as error:
        raise Damaged(path, f"it is not a trajectory of this version ({error})") from error


def _pop_group(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Take the arrays whose names begin with ``prefix`` out, under the rest of their names."""
    return {
        name.removeprefix(prefix): arrays.pop(name)
        for name in list(arrays)
        if name.startswith(prefix)
    }


def load_ensemble(path: Path) -> EnsembleTrajectory:
    """The ensemble stored in ``path``; Damaged where the file is not one."""
    arrays = read_npz(path)
    try:
        stop, stats = _read_ending(arrays)
        _require(arrays, ("seeds", "step", "first_below", "snapshot_step"))
        return EnsembleTrajectory(**arrays, stop=stop, stats=stats)
    except (LookupError, TypeError, ValueError) as error:
        raise Damaged(path, f"it is not an ensemble of this version ({error})") from error
