"""The run directory: what a run leaves on disk, whether it is complete, and how it is taken up again.

    <root>/<command>/<case>-<hash10>/
        experiment.json   the case                       provenance.json   where the numbers come from
        trajectory.npz    the public format (README)    inputs.npz        the user's own points, weights
        ensemble.npz      instead, for an ensemble      study.npz         instead, for a study
        claims.json       verdicts                      figures/          images
        manifest.json     sha256 of every file, written last
        checkpoint.npz    only while unfinished

A directory without a manifest is unfinished; the same command resumes it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from flowrepro import __version__
from flowrepro.core.config import Case, from_json, run_id, to_json, validate
from flowrepro.core.trajectory import EnsembleTrajectory, Stop, StopReason, Trajectory
from flowrepro.errors import DataError, UsageError
from flowrepro.store.files import (
    json_bytes,
    npz_bytes,
    read_json,
    read_npz,
    sha256,
    sweep_temporaries,
    write_atomic,
)

MANIFEST_SCHEMA = 1
DERIVED = ("claims.json", "figures/", "tables/", "animations/")
"""Members that are made from the others."""
CHECKPOINT_SECONDS = 20.0
"""Seconds between two checkpoints; the environment variable FLOWREPRO_CHECKPOINT_SECONDS sets another number."""


PROVENANCE: dict[str, Any] = {
    "argv": list, "engine": str, "dataset": str, "stop": dict, "stats": dict, "wall_s": (int, float), "fingerprint": dict, "package": str,
    "git": dict, "versions": dict, "cpu": str, "threads": int,
}  # fmt: skip
STOP: dict[str, Any] = {"reason": str, "meaning": str, "note": str}
CHECK: dict[str, Any] = dict.fromkeys(
    ("id", "place", "verdict", "relation", "note", "case", "kind", "sentence"), str
)
"""What stored JSON must hold: key -> type."""


def _has(found: Any, fields: Mapping[str, Any]) -> bool:
    """Whether a JSON value is an object with these keys and types."""
    return isinstance(found, dict) and all(
        isinstance(found.get(name), kind) for name, kind in fields.items()
    )


def save_trajectory(trajectory: Trajectory) -> bytes:
    """The bytes of trajectory.npz."""
    arrays = {
        name: getattr(trajectory, name)
        for name in ("step", "t", "loss", "snapshot_step", "W", "a", "group")
    }
    arrays |= {f"observed.{name}": values for name, values in trajectory.observed.items()}
    arrays |= {f"events.{name}": values for name, values in trajectory.events.items()}
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
    stop, stats = json.loads(str(arrays.pop("stop"))), json.loads(str(arrays.pop("stats")))
    return Stop(
        StopReason[stop["reason"]], int(stop["step"]), float(stop["t"]), stop["note"]
    ), stats


def load_trajectory(path: Path) -> Trajectory:
    """The trajectory stored in ``path``; DataError where the file is not one."""
    arrays = read_npz(path)
    try:
        stop, stats = _read_ending(arrays)
        observed, events = _pop_group(arrays, "observed."), _pop_group(arrays, "events.")
        return Trajectory(**arrays, stop=stop, observed=observed, stats=stats, events=events)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is not a trajectory of this version of flowrepro ({error})"
        ) from error


def _pop_group(arrays: dict[str, np.ndarray], prefix: str) -> dict[str, np.ndarray]:
    """Take the arrays whose names begin with ``prefix`` out, under the rest of their names."""
    return {
        name.removeprefix(prefix): arrays.pop(name)
        for name in list(arrays)
        if name.startswith(prefix)
    }


def load_ensemble(path: Path) -> EnsembleTrajectory:
    """The ensemble stored in ``path``; DataError where the file is not one."""
    arrays = read_npz(path)
    try:
        stop, stats = _read_ending(arrays)
        return EnsembleTrajectory(**arrays, stop=stop, stats=stats)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(
            f"{path} is not an ensemble of this version of flowrepro ({error})"
        ) from error


@dataclass(frozen=True)
class RunDirectory:
    """One run's folder."""

    path: Path

    @classmethod
    def of(cls, root: Path, case: Case) -> RunDirectory:
        """The folder of a case below ``root``."""
        return cls(root / case.command / run_id(case))

    @property
    def lock(self) -> Path:
        """The lock file, beside the folder, so that the folder can be set aside under it."""
        return self.path.with_name(f".{self.path.name}.lock")

    def file(self, name: str) -> Path:
        """Path of a member."""
        return self.path / name

    def write(self, name: str, content: bytes) -> Path:
        """Write a member atomically."""
        path = self.file(name)
        write_atomic(path, content)
        return path

    def write_json(self, name: str, value: Any) -> None:
        """Write a member as JSON."""
        self.write(name, json_bytes(value))

    # ---- completeness

    def is_complete(self) -> bool:
        """Whether there is a manifest; `damage` says whether what it lists is intact."""
        return self.file("manifest.json").exists()

    def seal(self) -> None:
        """Write the manifest of everything that is here now; from then on the run counts as complete."""
        files = {
            str(path.relative_to(self.path)): {"sha256": sha256(path), "bytes": path.stat().st_size}
            for path in sorted(self.path.rglob("*"))
            if path.is_file()
            and not path.name.startswith(".")
            and path.name not in ("manifest.json", "checkpoint.npz")
        }
        self.write_json(
            "manifest.json", {"schema": MANIFEST_SCHEMA, "flowrepro": __version__, "files": files}
        )
        self.file("checkpoint.npz").unlink(missing_ok=True)

    def damage(self, results_only: bool = False) -> list[str]:
        """What is wrong with a complete run, one sentence each; empty if every file has its sha256.

        ``results_only`` leaves out what can be made anew from the rest (DERIVED).

        Raises DataError for a manifest of a later schema, which this version must not touch.
        """
        try:
            manifest = read_json(self.file("manifest.json"))
            schema, writer = int(manifest["schema"]), manifest.get("flowrepro", "?")
            expected = {
                name: entry["sha256"]
                for name, entry in manifest["files"].items()
                if not (results_only and name.startswith(DERIVED))
            }
        except DataError as error:
            return [f"manifest.json is damaged ({error})"]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return [f"manifest.json is not a manifest ({error})"]
        if schema > MANIFEST_SCHEMA:
            raise DataError(
                f"{self.path} was written by flowrepro {writer} (manifest schema {schema}); "
                f"this is {__version__}, which reads schema {MANIFEST_SCHEMA}: upgrade, or choose another --out"
            )
        missing = [f"{name} is missing" for name in expected if not self.file(name).is_file()]
        return missing + [
            f"{name} does not have the sha256 of the manifest"
            for name, digest in expected.items()
            if self.file(name).is_file() and sha256(self.file(name)) != digest
        ]

    def drop_derived(self) -> None:
        """Remove verdicts, figures, tables and animations, which are then made anew, and seal what is left."""
        for name in DERIVED:
            for path in (self.file(name), *self.file(name).glob("*")):
                if path.is_file():
                    path.unlink()
        self.seal()

    def has_sizes(self) -> bool:
        """Whether every file of the manifest is there with its size: a quick look, `damage` is the proof."""
        try:
            return all(
                self.file(name).stat().st_size == entry["bytes"]
                for name, entry in self.files().items()
            )
        except (DataError, OSError, KeyError, TypeError, AttributeError):
            return False

    def set_aside(self, why: str) -> Path:
        """Rename the folder (nothing is deleted) so that the run can be made anew; the new path."""
        for k in range(1, 10_000):
            target = self.path.with_name(f"{self.path.name}.{why}-{k}")
            if not target.exists():
                self.path.rename(target)
                return target
        raise DataError(f"{self.path.parent} holds too many folders set aside; remove some")

    # ---- checkpoints

    def checkpoint(
        self, arrays: Mapping[str, np.ndarray], fingerprint: Mapping[str, str], wall_s: float
    ) -> None:
        """Keep arrays to resume from, with what must be equal then and the seconds spent so far."""
        header = np.array(json.dumps({"fingerprint": dict(fingerprint), "wall_s": wall_s}))
        self.write("checkpoint.npz", npz_bytes({**arrays, "header": header}))

    def resume(
        self, fingerprint: Mapping[str, str], force: bool
    ) -> tuple[dict[str, np.ndarray], float, list[str]] | None:
        """(arrays, seconds spent, remarks) of the last checkpoint; None if there is none.

        Raises UsageError listing the differences where code, versions or machine changed, unless ``force``;
        a checkpoint that cannot be read raises DataError.
        """
        path = self.file("checkpoint.npz")
        if not path.exists():
            return None
        arrays = read_npz(path)
        try:
            header = json.loads(str(arrays.pop("header")))
            before, spent = dict(header["fingerprint"]), float(header["wall_s"])
        except (KeyError, TypeError, ValueError) as error:
            raise DataError(
                f"{path} is not a checkpoint of this version of flowrepro ({error})"
            ) from error
        changed = [
            f"{key}: {before.get(key)} -> {fingerprint.get(key)}"
            for key in sorted(before.keys() | fingerprint.keys())
            if before.get(key) != fingerprint.get(key)
        ]
        if changed and not force:
            raise UsageError(
                f"{self.path} was begun under other conditions ({'; '.join(changed)}); start it anew with --new, or mix with --force-resume, which is recorded"
            )
        return arrays, spent, changed

    def clean(self) -> None:
        """Remove torn temporary files of a killed writer."""
        sweep_temporaries(self.path)

    # ---- reading

    def case(self) -> Case:
        """The case stored here."""
        try:
            case = from_json(read_json(self.file("experiment.json")))
            validate(case)
            return case
        except (UsageError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"{self.file('experiment.json')} is not a case of this version of flowrepro ({error}); run it again"
            ) from error

    def provenance(self) -> dict[str, Any]:
        """provenance.json; DataError where it lacks what every run's has."""
        found = read_json(self.file("provenance.json"))
        if (
            not _has(found, PROVENANCE)
            or not _has(found["stop"], STOP)
            or found["stop"]["reason"] not in StopReason.__members__
        ):
            raise DataError(
                f"{self.file('provenance.json')} is not the provenance of a run of this version of flowrepro; run it again"
            )
        return found  # type: ignore[no-any-return]

    def claims(self) -> list[dict[str, Any]]:
        """The verdicts in claims.json, none where it is absent; DataError where they are not verdicts."""
        if not self.file("claims.json").exists():
            return []
        found = read_json(self.file("claims.json"))
        if not _has(found, {"package": str, "claims": list}) or not all(
            _has(claim, CHECK) for claim in found["claims"]
        ):
            raise DataError(
                f"{self.file('claims.json')} does not hold verdicts of this version of flowrepro; 'flowrepro verify' makes them anew"
            )
        return found["claims"]  # type: ignore[no-any-return]

    def files(self) -> dict[str, dict[str, Any]]:
        """Name -> sha256 and bytes of every file the manifest lists; `damage` says whether they are there."""
        return read_json(self.file("manifest.json"))["files"]  # type: ignore[no-any-return]

    def begin(self, case: Case) -> None:
        """Write the case, so that an unfinished folder says what it is; verdicts and figures of an earlier attempt go."""
        for stale in (self.file("claims.json"), *self.file("figures").glob("*")):
            stale.unlink(missing_ok=True)
        self.write_json("experiment.json", to_json(case))


def _checkpoint_seconds() -> float:
    asked = os.environ.get("FLOWREPRO_CHECKPOINT_SECONDS", "")
    try:
        return max(0.0, float(asked)) if asked else CHECKPOINT_SECONDS
    except ValueError:
        raise UsageError(
            f"FLOWREPRO_CHECKPOINT_SECONDS must be a number of seconds, not '{asked}'; correct or unset it"
        ) from None


class Checkpointer:
    """Callback for engines.base.run: keeps a checkpoint every CHECKPOINT_SECONDS, and a last one on interruption."""

    def __init__(
        self, directory: RunDirectory, fingerprint: Mapping[str, str], spent: float
    ) -> None:
        self.directory, self.fingerprint = directory, dict(fingerprint)
        self.interval = _checkpoint_seconds()
        self.spent, self.started, self.last = spent, time.perf_counter(), time.perf_counter()

    def wall_s(self) -> float:
        """Seconds of computation so far, over all sessions of the run."""
        return self.spent + time.perf_counter() - self.started

    def __call__(self, take: Callable[[], Mapping[str, np.ndarray]], final: bool) -> None:
        """Keep the arrays if the last checkpoint is old enough, or if it is the final one."""
        if final or time.perf_counter() - self.last >= self.interval:
            self.directory.checkpoint(take(), self.fingerprint, self.wall_s())
            self.last = time.perf_counter()
