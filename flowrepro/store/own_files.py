"""Which files of a folder are ours: the one place that decides what may be replaced or removed.

A file is ours if it has the content that we wrote. What we wrote is known from the manifest of a
sealed run and, for what came since, from a note (LEDGER) that is made before each write, so that a
kill at any moment leaves no doubt.
Everything else belongs to the user: it stays where it is or, where it stands in the way, is set
aside.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from flowrepro.store.files import TEMPORARY, make_way, remove, require_folder, write_atomic
from flowrepro.store.places import SUBFOLDERS, is_plain_folder, is_safe_name, member
from flowrepro.store.reading import (
    JSON_BYTES,
    json_bytes,
    own_sha256,
    parse_json,
    read_bytes,
    sha256_of,
)
from flowrepro.store.schema import Notes

LEDGER = ".written.json"


class OwnFiles:
    """The files that we wrote into a folder.

    listed : name -> sha256 as a manifest has it. noted : name -> the sha256 that a file written
        since may have.
    """

    def __init__(self, folder: Path, listed: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.listed = dict(listed or {})
        self.noted, self._ledger = _read_ledger(folder / LEDGER)

    def digest(self, name: str) -> str | None:
        """The sha256 of a file that is ours; None for one that is not, or is not there."""
        path, written = member(self.folder, name), self._written(name)
        found = own_sha256(path) if written else None
        return found if found in written else None

    def _written(self, name: str) -> set[str]:
        return {*self.noted.get(name, ()), *([self.listed[name]] if name in self.listed else ())}

    def write(self, name: str, content: bytes) -> Path:
        """Write a file; what stands in the way and is not ours is set aside."""
        path = member(self.folder, name)
        require_folder(self.folder)
        require_folder(path.parent)
        before, why = self.digest(name), "edited" if self._written(name) else "foreign"
        self._note({**self.noted, name: [*([before] if before else []), sha256_of(content)]})
        write_atomic(path, content, ours=(before,) if before else (), why=why)
        return path

    def drop(self, name: str) -> None:
        """Remove a file that is ours; one that was changed since is set aside, and what lies behind
        a linked folder stays.
        """
        path = member(self.folder, name)
        if self.digest(name):
            remove(path)
        elif is_plain_folder(path.parent):
            make_way(path, why="edited")

    def foreign(self) -> list[str]:
        """Names of what is here and was not written by us, subfolders of the user's and links with
        a remark.
        """
        known = {*self.listed, *self.noted, LEDGER}
        return [name for name in _names(self.folder) if name.removesuffix("/") not in known]

    def forget(self) -> None:
        """End the notes: what they say is in the manifest now."""
        if self._ledger and own_sha256(self.folder / LEDGER) == self._ledger:
            remove(self.folder / LEDGER)
        self.noted, self._ledger = {}, ""

    def _note(self, notes: dict[str, list[str]]) -> None:
        content = json_bytes(notes)
        write_atomic(
            self.folder / LEDGER,
            content,
            ours=(self._ledger,) if self._ledger else (),
            durable=False,
        )
        self.noted, self._ledger = notes, sha256_of(content)


def _read_ledger(path: Path) -> tuple[dict[str, list[str]], str]:
    """The notes and the sha256 of their file; ({}, "") where there is none or it is not one of
    ours.
    """
    try:
        content = read_bytes(path, JSON_BYTES)
        notes = parse_json(content, Notes)
    except ValueError:  # DataError is one
        return {}, ""
    if not all(is_safe_name(part) for name in notes for part in name.split("/")):
        return {}, ""
    return notes, sha256_of(content)


def _names(folder: Path) -> Iterator[str]:
    """Names of the files of a folder and its SUBFOLDERS; other folders and linked ones as
    ``name/``, not looked into.
    """
    for path in sorted(folder.iterdir()):
        if path.name in SUBFOLDERS and is_plain_folder(path):
            yield from (
                f"{path.name}/{inner.name}{'/' if inner.is_dir() else ''}"
                for inner in sorted(path.iterdir())
            )
        elif not path.name.startswith(TEMPORARY):
            yield f"{path.name}/" if path.is_dir() else path.name
