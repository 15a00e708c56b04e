"""Checkpoints of an unfinished run: what to resume from, and what must be equal then."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from flowrepro.errors import UsageError
from flowrepro.store.reading import Damaged, npz_bytes, parse_json, read_npz
from flowrepro.store.run_directory import CHECKPOINT, RunDirectory
from flowrepro.store.schema import Header

CHECKPOINT_SECONDS = 20.0
"""Seconds between two checkpoints; FLOWREPRO_CHECKPOINT_SECONDS sets another number."""


@dataclass(frozen=True)
class Resumed:
    """What a checkpoint holds.

    arrays : to continue from. spent : seconds of computation so far.
    mixed : one remark for each condition that has changed since, where that was forced.
    """

    arrays: dict[str, np.ndarray]
    spent: float
    mixed: list[str]


def resume(directory: RunDirectory, fingerprint: Mapping[str, str], force: bool) -> Resumed | None:
    """The last checkpoint in a folder; None if there is none.

    Raises UsageError listing the differences where code, versions or machine changed, unless
    ``force``. A checkpoint that cannot be read, or is of another run, raises Damaged.
    """
    path = directory.file(CHECKPOINT)
    if not os.path.lexists(path):
        return None
    arrays = read_npz(path)
    try:
        header = parse_json(str(arrays.pop("header")), Header)
        if header["of"] != directory.path.name:
            raise ValueError(f"it is one of {header['of']}")
        if header["arrays"] != sha256_of_arrays(arrays):
            raise ValueError("its arrays were changed")
    except (KeyError, ValueError) as error:
        raise Damaged(path, f"it is no checkpoint of this version and run ({error})") from error
    before, spent = header["fingerprint"], header["wall_s"]
    changed = [
        f"{key}: {before.get(key)} -> {fingerprint.get(key)}"
        for key in sorted(before.keys() | fingerprint.keys())
        if before.get(key) != fingerprint.get(key)
    ]
    if changed and not force:
        raise UsageError(
            f"{directory.path} was begun under other conditions ({'; '.join(changed)}); "
            "start it anew with --new, or mix with --force-resume, which is recorded"
        )
    return Resumed(arrays, spent, changed)


def sha256_of_arrays(arrays: Mapping[str, np.ndarray]) -> str:
    """Hexadecimal sha256 of names, types, shapes and values."""
    digest = hashlib.sha256()
    for name, values in sorted(arrays.items()):
        values = np.asarray(values)
        digest.update(f"{name} {values.dtype.str} {values.shape}".encode() + values.tobytes())
    return digest.hexdigest()


class Checkpointer:
    """Callback of `engines.drive.run`: keeps a checkpoint every CHECKPOINT_SECONDS.

    It keeps a last one when the run is interrupted.
    """

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
            arrays = take()
            header: Header = {
                "of": self.directory.path.name,
                "fingerprint": self.fingerprint,
                "wall_s": self.wall_s(),
                "arrays": sha256_of_arrays(arrays),
            }
            content = npz_bytes({**arrays, "header": np.array(json.dumps(header))})
            self.directory.write(CHECKPOINT, content)
            self.last = time.perf_counter()


def _checkpoint_seconds() -> float:
    asked = os.environ.get("FLOWREPRO_CHECKPOINT_SECONDS", "")
    try:
        return max(0.0, float(asked)) if asked else CHECKPOINT_SECONDS
    except ValueError:
        raise UsageError(
            f"FLOWREPRO_CHECKPOINT_SECONDS must be a number of seconds, not '{asked}'; "
            "correct or unset it"
        ) from None
