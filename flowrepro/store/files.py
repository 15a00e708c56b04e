"""Writing that never tears a file, reading that follows no link, and a lock that dies with its
owner.

Nothing is replaced here that the caller does not prove to be ours by its sha256: the rest is set
aside under a name that says why. Symbolic links are never followed, whether to read, to write or to
delete.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import re
import secrets
import shutil
import socket
import stat
import sys
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flowrepro.errors import DataError, DiskFault, EnvironmentFault, Interrupted

TEMPORARY = ".writing-"
SUBFOLDERS = ("figures", "tables", "animations")
"""The folders that a run directory may have."""
_TEMPORARY_NAME = re.compile(r"\.writing-[0-9a-f]+-[A-Za-z0-9._-]+")
_PART = re.compile(r"[A-Za-z0-9._-]+")
_LONGEST_NAME = 255
_LONGEST_PATH = 3800


# ---- names and places


def is_safe_name(text: object) -> bool:
    """Whether a stored text may be one part of a path: plain characters, and not a way out of the
    folder.
    """
    return isinstance(text, str) and _PART.fullmatch(text) is not None and text not in (".", "..")


def member(folder: Path, name: str) -> Path:
    """The path of a file of a folder;

    DataError for a name that leads elsewhere than into it or one of SUBFOLDERS.
    """
    *above, last = name.split("/")
    if not is_safe_name(last) or (above and (len(above) > 1 or above[0] not in SUBFOLDERS)):
        raise DataError(f"'{shown(name)}' cannot be the name of a file in {folder}")
    return folder / name


def is_plain_file(path: Path) -> bool:
    """Whether there is a regular file that is no link and does not lie in a linked subfolder."""
    try:
        return stat.S_ISREG(path.lstat().st_mode) and not _is_behind_link(path)
    except OSError:
        return False


def _is_behind_link(path: Path) -> bool:
    return path.parent.name in SUBFOLDERS and path.parent.is_symlink()


def is_plain_folder(path: Path) -> bool:
    """Whether there is a folder that is no link."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def shown(path: object) -> str:
    """A path for a message, unprintable characters escaped."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode()
        for c in str(path)
    )


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
    while not path.exists() and path != path.parent:
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


# ---- reading


def open_plain(path: Path) -> io.BufferedReader:
    """Open a regular file for reading;

    DataError for a link, a device or a pipe, which is neither followed nor waited for.
    """
    if _is_behind_link(path):
        raise DataError(f"{path.parent} is a link, which is not followed")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise DataError(f"{path} is a link, which is not followed") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise DataError(f"{path} is not a regular file")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path) -> bytes:
    """The content of a regular file; DataError where it is missing, not regular or not readable."""
    try:
        with open_plain(path) as stream:
            return stream.read()
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except OSError as error:
        raise DataError(f"{path} is not readable ({error.strerror or error})") from error


def json_bytes(value: Any) -> bytes:
    """Readable JSON with a final newline; keys keep their order."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """The JSON in ``path``; DataError naming it where it is missing or broken."""
    try:
        return json.loads(read_bytes(path))
    except ValueError as error:
        raise DataError(f"{path} is not readable JSON ({error})") from error


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A compressed npz; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz that we wrote, never unpickling;

    DataError naming it where it is broken.
    """
    try:
        with open_plain(path) as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except DataError:
        raise
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise DataError(f"{path} is damaged ({type(error).__name__}: {error})") from error


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a regular file's content."""
    with open_plain(path) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def sha256_of(content: bytes) -> str:
    """Hexadecimal sha256 of bytes."""
    return hashlib.sha256(content).hexdigest()


def own_sha256(path: Path) -> str | None:
    """The sha256 of a regular file; None where there is none, or it cannot be read."""
    try:
        return sha256(path)
    except (DataError, OSError):
        return None


@contextlib.contextmanager
def locked(
    path: Path, wait: bool = False, interrupted: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Hold the lock file ``path``, made and removed here; it is released by the kernel when its
    owner dies, however it dies.

    Raises EnvironmentFault saying who holds it (host, pid, since), unless ``wait``; Interrupted
    where one is asked for while waiting.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(path, wait, interrupted)
    except OSError as error:
        raise DiskFault(
            f"{path} could not be locked: {error.strerror or error}; choose an --out that is "
            "writable"
        ) from error
    try:
        owner = {
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        }
        with contextlib.suppress(
            OSError
        ):  # the note is for others to read; the lock holds without it
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, json.dumps(owner).encode(), 0)
        yield
    finally:
        if _is_at(path, descriptor):
            path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, wait: bool, interrupted: Callable[[], bool]) -> int:
    while True:
        if os.path.lexists(path) and not stat.S_ISREG(_mode(path)):
            make_way(path)
        descriptor = os.open(
            path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, 0o644
        )
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                os.close(descriptor)
                raise EnvironmentFault(
                    f"{path} could not be locked: {error.strerror}; choose an --out on a file "
                    "system with locks"
                ) from error
            holder = os.pread(descriptor, 1000, 0).decode(errors="replace")
            os.close(descriptor)
            if not wait:
                run = path.name.removeprefix(".").removesuffix(".lock")
                raise EnvironmentFault(
                    f"the run {run} is in use by {_describe(holder)}; wait for it with --wait or "
                    "choose another --out"
                ) from None
            if interrupted():
                raise Interrupted(f"stopped while waiting for {_describe(holder)}") from None
            time.sleep(0.2)
            continue
        at_its_place = _is_at(path, descriptor)
        if at_its_place and _is_note(os.pread(descriptor, 1000, 0)):
            return descriptor
        if at_its_place:
            make_way(path)
        os.close(descriptor)
        # It was somebody's own file and is set aside, or the previous owner removed it between our
        # open and our lock.


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _mode(path: Path) -> int:
    try:
        return path.lstat().st_mode
    except FileNotFoundError:
        return stat.S_IFREG  # it went away meanwhile


def _is_note(content: bytes) -> bool:
    """Whether a lock file is one of ours: empty, or what its owner noted, torn or not."""
    return not content.strip(b"\0") or content.startswith(b'{"host": ')


def _describe(holder: str) -> str:
    try:
        owner = json.loads(holder)
        return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
