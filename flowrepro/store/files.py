"""Writing that never tears a file.

Nothing is replaced here that the caller does not prove to be ours by its sha256: the rest is set
aside under a name that says why. Symbolic links are never followed, whether to write or to delete.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
import sys
from collections.abc import Collection
from pathlib import Path

from flowrepro.errors import DataError, DiskFault
from flowrepro.store.places import SUBFOLDERS, is_plain_file, is_plain_folder, shown
from flowrepro.store.reading import own_sha256, sha256_of

TEMPORARY = ".writing-"
_TEMPORARY_NAME = re.compile(r"\.writing-[0-9a-f]+-[A-Za-z0-9._-]+")
_LONGEST_NAME = 255
_LONGEST_PATH = 3800


# ---- what stands in the way


def set_aside(path: Path, why: str) -> Path:
    """Rename what stands at ``path`` to a free name beside it that says why (nothing is deleted, no
    link followed); the new path.
    """
    stem, suffix = (path.name, "") if is_plain_folder(path) else (path.stem, path.suffix)
    for k in range(1, 10_000):
        target = path.with_name(f"{stem}.{why}-{k}{suffix}")
        if not os.path.lexists(target):
            try:
                path.rename(target)
            except OSError as error:
                raise DiskFault(
                    f"{shown(path)} stands in the way and could not be renamed: "
                    f"{error.strerror or error}; move it away"
                ) from error
            return target
    raise DataError(f"{path.parent} holds too much that was set aside; remove some")


def make_way(path: Path, ours: Collection[str] = (), why: str = "foreign") -> None:
    """Set aside, and say so, what stands at ``path``, unless it is a regular file with one of the
    sha256 ``ours``.
    """
    if os.path.lexists(path) and not (ours and own_sha256(path) in ours):
        why = "link" if path.is_symlink() else why
        _tell(path, set_aside(path, why), why)


def remove(path: Path) -> None:
    """Delete a file that the caller knows to be ours;

    DiskFault where the folder does not allow it.
    """
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise DiskFault(
            f"{path} could not be removed: {error.strerror or error}; make its folder writable"
        ) from error


def require_folder(path: Path) -> None:
    """Set aside, and say so, what stands at ``path`` and is not a folder, or is a link to one."""
    if not is_plain_folder(path):
        make_way(path)


def _tell(path: Path, kept: Path, why: str) -> None:
    reason = {
        "link": "is a link, which is not followed",
        "edited": "was changed since it was written",
    }.get(why, "was not written by this tool")
    with contextlib.suppress(OSError, ValueError):
        print(
            f"flowrepro: {shown(path)} {reason}; it is kept as {shown(kept.name)}",
            file=sys.stderr,
            flush=True,
        )


# ---- writing


def write_atomic(
    path: Path,
    content: bytes,
    ours: Collection[str] = (),
    why: str = "foreign",
    durable: bool = True,
) -> None:
    """Make ``path`` a file of this content as a whole: temporary file beside it, fsync, rename.

    A file that is there is replaced if its sha256 is one of ``ours`` or that of the content;
    anything else is set aside (`make_way`). Raises EnvironmentFault naming path, bytes needed and
    free where the disk or quota is full or refuses;
    the previous file is untouched then. Without ``durable`` the content may be lost with the power.
    """
    temporary = path.with_name(f"{TEMPORARY}{secrets.token_hex(4)}-{path.name}")
    created = False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("xb") as stream:
            created = True
            stream.write(content)
            stream.flush()
            if durable:
                os.fsync(stream.fileno())
        make_way(path, {*ours, sha256_of(content)}, why)
        temporary.replace(path)
        if durable:
            _sync_folder(path.parent)
    except OSError as error:
        raise _disk_fault(path, len(content), error) from error
    finally:
        if created:
            with contextlib.suppress(OSError):
                temporary.unlink(missing_ok=True)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EBADF):  # some file systems cannot sync a folder
            raise
    finally:
        os.close(descriptor)


def _disk_fault(path: Path, needed: int, error: OSError) -> DiskFault:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        try:
            free = f"{shutil.disk_usage(_existing(path)).free:,} are free"
        except OSError:
            free = "how many are free is not known"
        return DiskFault(
            f"{path} could not be written: {error.strerror} ({needed:,} bytes needed, {free}); "
            "make room or choose another --out"
        )
    return DiskFault(
        f"{path} could not be written: {error.strerror or error}; choose another folder with --out"
    )


def _existing(path: Path) -> Path:
    while not os.path.exists(path) and path != path.parent:
        path = path.parent
    return path


def require_writable(folder: Path) -> None:
    """Create ``folder`` and write a probe into it;

    DiskFault naming path and owner where that fails.
    """
    longest = max((len(os.fsencode(part)) for part in folder.parts), default=0)
    if longest > _LONGEST_NAME or len(os.fsencode(str(folder.absolute()))) > _LONGEST_PATH:
        raise DiskFault(
            f"the output folder's path is too long ({longest} bytes in one name, at most "
            f"{_LONGEST_NAME}); choose a shorter --out"
        )
    blocked = _existing(folder)
    if not blocked.is_dir():
        raise DiskFault(
            f"the output folder {folder} cannot be made because {blocked} is a file; choose "
            "another --out"
        )
    try:
        probe = folder / f".probe-{secrets.token_hex(4)}"
        write_atomic(probe, b"")
        probe.unlink(missing_ok=True)
    except (DiskFault, OSError) as error:
        raise DiskFault(
            f"the output folder {folder} is not writable (owner of {blocked}: {_owner(blocked)}; "
            f"{error})"
        ) from error


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "unknown"


def sweep_temporaries(folder: Path) -> None:
    """Remove what an interrupted `write_atomic` left in a folder and its SUBFOLDERS (only its
    lock's holder may call this).
    """
    for place in (folder, *(folder / name for name in SUBFOLDERS)):
        for leftover in place.glob(f"{TEMPORARY}*") if is_plain_folder(place) else ():
            if _TEMPORARY_NAME.fullmatch(leftover.name) and is_plain_file(leftover):
                remove(leftover)
