"""The run directory: what a run leaves on disk, whether it is complete, and how it is taken up
again.

    <root>/<command>/<case>-<hash10>/
        experiment.json   the case                       provenance.json   where the numbers come
        from
        trajectory.npz    the public format (README)    inputs.npz        the user's own points,
        weights
        ensemble.npz      instead, for an ensemble      study.npz         instead, for a study
        claims.json       verdicts                      figures/          images
        manifest.json     sha256 of every file that we wrote, written last
        checkpoint.npz    only while unfinished

A directory without a manifest is unfinished; the same command resumes it. Only what we wrote and
what is still as we wrote it is replaced or removed (own_files.py); anything else in the folder is
the user's.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowrepro import __version__
from flowrepro.core.config import Case, from_json, run_id, to_json, validate
from flowrepro.core.trajectory import StopReason
from flowrepro.errors import DataError, UsageError
from flowrepro.store.files import (
    is_plain_file,
    is_safe_name,
    json_bytes,
    member,
    own_sha256,
    read_bytes,
    read_json,
    require_folder,
    set_aside,
    sha256_of,
    sweep_temporaries,
)
from flowrepro.store.own_files import OwnFiles

MANIFEST_SCHEMA = 1
MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint.npz"
DERIVED = ("claims.json", "figures/", "tables/", "animations/")
"""Members that are made from the others."""


PROVENANCE: dict[str, Any] = {
    "argv": list,
    "engine": str,
    "dataset": str,
    "stop": dict,
    "stats": dict,
    "wall_s": (int, float),
    "fingerprint": dict,
    "package": str,
    "git": dict,
    "versions": dict,
    "cpu": str,
    "threads": int,
}
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


@dataclass(frozen=True)
class RunDirectory:
    """One run's folder."""

    path: Path

    @classmethod
    def of(cls, root: Path, case: Case) -> RunDirectory:
        """The folder of a case below ``root``."""
        _require_safe_names(case)
        return cls(root / case.command / run_id(case))

    @property
    def lock(self) -> Path:
        """The lock file, beside the folder, so that the folder can be set aside under it."""
        return self.path.with_name(f".{self.path.name}.lock")

    @classmethod
    def named(cls, path: Path) -> RunDirectory:
        """The folder that a user names, who may name it by a link."""
        return cls(Path(os.path.realpath(path)) if path.is_symlink() else path)

    def file(self, name: str) -> Path:
        """Path of a member; DataError for a name that cannot be one."""
        return member(self.path, name)

    def own(self) -> OwnFiles:
        """The files here that we wrote."""
        if not self.is_complete():
            return OwnFiles(self.path)
        return OwnFiles(
            self.path,
            {name: entry["sha256"] for name, entry in self.files().items()} | self._own_manifest(),
        )

    def _own_manifest(self) -> dict[str, str]:
        """The manifest's own entry, if it is written as we write it."""
        content = read_bytes(self.file(MANIFEST))
        return {MANIFEST: sha256_of(content)} if content == json_bytes(json.loads(content)) else {}

    def write(self, name: str, content: bytes) -> Path:
        """Write a member atomically; what stands in the way and is not ours is set aside."""
        return self.own().write(name, content)

    def holds(self, *names: str) -> bool:
        """Whether all these are members that the manifest lists; False for an unfinished folder."""
        return self.is_complete() and all(
            name in self.files() and is_plain_file(self.file(name)) for name in names
        )

    def foreign(self) -> list[str]:
        """Names of what lies here and was not written by us."""
        return self.own().foreign()

    def write_json(self, name: str, value: Any) -> None:
        """Write a member as JSON."""
        self.write(name, json_bytes(value))

    # ---- completeness

    def is_complete(self) -> bool:
        """Whether there is a manifest; `damage` says whether what it lists is intact."""
        return os.path.lexists(self.file(MANIFEST))

    def seal(self, without: Collection[str] = ()) -> None:
        """Write the manifest of what it listed and of what we wrote since; from then on the run
        counts as complete.

        A file that was changed keeps the sha256 that it had, and one that we did not write is not
        listed.
        """
        own = self.own()
        written = {
            name: digest
            for name in own.noted
            if name not in (MANIFEST, CHECKPOINT) and (digest := own.digest(name))
        }
        files = (
            {name: entry for name, entry in self.files().items() if name not in without}
            if self.is_complete()
            else {}
        )
        files |= {
            name: {"sha256": digest, "bytes": self.file(name).lstat().st_size}
            for name, digest in written.items()
            if name not in without
        }
        own.write(
            MANIFEST,
            json_bytes(
                {
                    "schema": MANIFEST_SCHEMA,
                    "flowrepro": __version__,
                    "files": dict(sorted(files.items())),
                }
            ),
        )
        if own.digest(CHECKPOINT):
            own.drop(CHECKPOINT)
        own.forget()

    def damage(self, results_only: bool = False) -> list[str]:
        """What is wrong with a complete run, one sentence each; empty if every file has its sha256.

        ``results_only`` leaves out what can be made anew from the rest (DERIVED).

        Raises DataError for a manifest of a later schema, which this version must not touch.
        """
        try:
            manifest = read_json(self.file(MANIFEST))
            schema, writer, files = (
                int(manifest["schema"]),
                manifest.get("flowrepro", "?"),
                manifest["files"],
            )
        except DataError as error:
            return [f"manifest.json is damaged ({error})"]
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            return [f"manifest.json is not a manifest ({error})"]
        if schema > MANIFEST_SCHEMA:
            raise DataError(
                f"{self.path} was written by flowrepro {writer} (manifest schema {schema}); "
                f"this is {__version__}, which reads schema {MANIFEST_SCHEMA}: upgrade, or choose "
                "another --out"
            )
        try:
            expected = {
                name: entry["sha256"]
                for name, entry in self._entries(files).items()
                if not (results_only and name.startswith(DERIVED))
            }
        except DataError as error:
            return [f"manifest.json is not a manifest ({error})"]
        return [
            f"{name} {reason}"
            for name, digest in expected.items()
            if (reason := self._flaw(name, digest))
        ]

    def _flaw(self, name: str, digest: str) -> str:
        path = self.file(name)
        if not is_plain_file(path):
            return (
                "is a link or lies behind one, or is no regular file"
                if os.path.lexists(path)
                else "is missing"
            )
        return "" if own_sha256(path) == digest else "does not have the sha256 of the manifest"

    def _entries(self, files: Any) -> dict[str, dict[str, Any]]:
        """The files of a manifest;

        DataError where a name could lead out of the folder, or an entry is not one.
        """
        if not isinstance(files, dict) or not all(
            _has(entry, {"sha256": str, "bytes": int}) for entry in files.values()
        ):
            raise DataError("it does not list files with their sha256 and bytes")
        for name in files:
            member(self.path, name)
        return files

    def drop_derived(self) -> None:
        """Remove verdicts, figures, tables and animations that we made, which are then made anew,
        and seal what is left.

        Those that were changed since are set aside, and what we did not make stays.
        """
        own = self.own()
        derived = [name for name in {**own.listed, **own.noted} if name.startswith(DERIVED)]
        for name in derived:
            own.drop(name)
        self.seal(without=derived)

    def has_sizes(self) -> bool:
        """Whether every file of the manifest is there with its size: a quick look, `damage` is the
        proof.
        """
        try:
            return all(
                is_plain_file(self.file(name)) and self.file(name).lstat().st_size == entry["bytes"]
                for name, entry in self.files().items()
            )
        except (DataError, OSError, KeyError, TypeError, AttributeError):
            return False

    def set_aside(self, why: str) -> Path:
        """Rename the folder (nothing is deleted) so that the run can be made anew; the new path."""
        return set_aside(self.path, why)

    def clean(self) -> None:
        """Remove torn temporary files of a killed writer; what is here and is no folder, or a link
        to one, is set aside.
        """
        require_folder(self.path)
        sweep_temporaries(self.path)

    # ---- reading

    def case(self) -> Case:
        """The case stored here."""
        try:
            case = from_json(read_json(self.file("experiment.json")))
            validate(case)
            _require_safe_names(case)
            return case
        except (UsageError, TypeError, AttributeError, ValueError) as error:
            raise DataError(
                f"{self.file('experiment.json')} is not a case of this version of flowrepro "
                f"({error}); run it again"
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
                f"{self.file('provenance.json')} is not the provenance of a run of this version "
                "of flowrepro; run it again"
            )
        return found  # type: ignore[no-any-return]

    def claims(self) -> list[dict[str, Any]]:
        """The verdicts in claims.json, none where it is absent;

        DataError where they are not verdicts.
        """
        if not self.holds("claims.json"):
            return []
        found = read_json(self.file("claims.json"))
        if not _has(found, {"package": str, "claims": list}) or not all(
            _has(claim, CHECK) for claim in found["claims"]
        ):
            raise DataError(
                f"{self.file('claims.json')} does not hold verdicts of this version of flowrepro; "
                "'flowrepro verify' makes them anew"
            )
        return found["claims"]  # type: ignore[no-any-return]

    def files(self) -> dict[str, dict[str, Any]]:
        """Name -> sha256 and bytes of every file the manifest lists;

        `damage` says whether they are there.
        """
        manifest = read_json(self.file(MANIFEST))
        try:
            return self._entries(manifest["files"] if isinstance(manifest, dict) else None)
        except (DataError, KeyError) as error:
            raise DataError(f"{self.file(MANIFEST)} is not a manifest ({error})") from None

    def begin(self, case: Case) -> None:
        """Write the case, so that an unfinished folder says what it is."""
        self.write_json("experiment.json", to_json(case))


def _require_safe_names(case: Case) -> None:
    """DataError for names, which become those of folders, that could lead elsewhere."""
    for name in (case.name, case.command, case.paper):
        if not is_safe_name(name):
            raise DataError(
                f"a case cannot have the name {name!r}, which is no plain name of a folder"
            )
