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

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flowrepro import __version__
from flowrepro.core.config import Case, from_json, run_id, to_json
from flowrepro.core.trajectory import StopReason
from flowrepro.core.validation import validate
from flowrepro.errors import DataError
from flowrepro.store import schema
from flowrepro.store.files import require_folder, set_aside, sweep_temporaries
from flowrepro.store.own_files import OwnFiles
from flowrepro.store.places import is_plain_file, is_safe_name, member, shown
from flowrepro.store.reading import Damaged, json_bytes, own_sha256, read_json, sha256_of

MANIFEST_SCHEMA = 1
MANIFEST = "manifest.json"
CASE, CLAIMS = "experiment.json", "claims.json"
CHECKPOINT = "checkpoint.npz"
DERIVED = (CLAIMS, "figures/", "tables/", "animations/")
"""Members that are made from the others."""


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
        content = json_bytes(read_json(self.file(MANIFEST)))
        digest = sha256_of(content)
        return {MANIFEST: digest} if own_sha256(self.file(MANIFEST)) == digest else {}

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
            begun = read_json(self.file(MANIFEST), schema.Begun)
        except Damaged as error:
            return [f"{MANIFEST} is damaged ({error.rule})"]
        if begun["schema"] > MANIFEST_SCHEMA:
            raise DataError(
                f"{self.path} was written by flowrepro {shown(begun.get('flowrepro', '?'))} "
                f"(manifest schema {begun['schema']}); this is {__version__}, which reads schema "
                f"{MANIFEST_SCHEMA}: upgrade, or choose another --out"
            )
        try:
            files = self.files()
        except Damaged as error:
            return [f"{MANIFEST} is damaged ({error.rule})"]
        expected = {
            name: entry["sha256"]
            for name, entry in files.items()
            if not (results_only and name.startswith(DERIVED))
        }
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
        except (DataError, OSError):
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
            case = from_json(read_json(self.file(CASE), dict[str, Any]))
            validate(case)
            _require_safe_names(case)
            return case
        except Damaged:
            raise
        except (TypeError, AttributeError, ValueError, ArithmeticError) as error:
            raise Damaged(self.file(CASE), f"it is not a case of this version ({error})") from error

    def provenance(self) -> dict[str, Any]:
        """provenance.json, a `schema.Provenance`."""
        path = self.file("provenance.json")
        found: dict[str, Any] = read_json(path, schema.Provenance)
        if found["stop"]["reason"] not in StopReason.__members__:
            raise Damaged(path, f"it stopped for the unknown reason '{found['stop']['reason']}'")
        return found

    def judged(self) -> dict[str, Any]:
        """claims.json, a `schema.Claims`; one without claims where there is none."""
        if not self.holds(CLAIMS):
            return {"package": "", "claims": []}
        found: dict[str, Any] = read_json(self.file(CLAIMS), schema.Claims)
        return found

    def claims(self) -> list[dict[str, Any]]:
        """The verdicts in claims.json; none where there is none."""
        optional: dict[str, Any] = {"parts": [], "ratio": None}
        return [{**optional, **claim} for claim in self.judged()["claims"]]

    def drawn(self, stem: str) -> dict[str, Any]:
        """The JSON beside the images of a figure, a `schema.Drawn`."""
        found: dict[str, Any] = read_json(self.file(f"{stem}.json"), schema.Drawn)
        return found

    def manifest(self) -> dict[str, Any]:
        """manifest.json, a `schema.Manifest` of names that stay in the folder."""
        path = self.file(MANIFEST)
        found: dict[str, Any] = read_json(path, schema.Manifest)
        try:
            for name in found["files"]:
                member(self.path, name)
        except DataError as error:
            raise Damaged(path, error) from error
        return found

    def files(self) -> dict[str, dict[str, Any]]:
        """Name -> sha256 and bytes of every file the manifest lists;

        `damage` says whether they are there.
        """
        files: dict[str, dict[str, Any]] = self.manifest()["files"]
        return files

    def begin(self, case: Case) -> None:
        """Write the case, so that an unfinished folder says what it is."""
        self.write_json(CASE, to_json(case))


def _require_safe_names(case: Case) -> None:
    """DataError for names, which become those of folders, that could lead elsewhere."""
    for name in (case.name, case.command, case.paper):
        if not is_safe_name(name):
            raise DataError(
                f"a case cannot have the name {name!r}, which is no plain name of a folder"
            )
