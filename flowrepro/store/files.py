"""Writing that never tears a file, and a lock that dies with its owner."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from flowrepro.errors import DataError, DiskFault, EnvironmentFault, Interrupted

TEMPORARY = ".writing-"
_LONGEST_NAME = 255
_LONGEST_PATH = 3800


def write_atomic(path: Path, content: bytes) -> None:
    """Replace ``path`` by ``content`` as a whole: temporary file beside it, fsync, rename.

    Raises EnvironmentFault naming path, bytes needed and free where the disk or quota is full or refuses;
    the previous file is untouched then.
    """
    temporary = path.with_name(f"{TEMPORARY}{os.getpid()}-{path.name}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _disk_fault(path, len(content), error) from error


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
            f"{path} could not be written: {error.strerror} ({needed:,} bytes needed, {free}); make room or choose another --out"
        )
    return DiskFault(
        f"{path} could not be written: {error.strerror or error}; choose another folder with --out"
    )


def _existing(path: Path) -> Path:
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def require_writable(folder: Path) -> None:
    """Create ``folder`` and write a probe into it; DiskFault naming path and owner where that fails."""
    longest = max((len(os.fsencode(part)) for part in folder.parts), default=0)
    if longest > _LONGEST_NAME or len(os.fsencode(str(folder.absolute()))) > _LONGEST_PATH:
        raise DiskFault(
            f"the output folder's path is too long ({longest} bytes in one name, at most {_LONGEST_NAME}); choose a shorter --out"
        )
    blocked = _existing(folder)
    if not blocked.is_dir():
        raise DiskFault(
            f"the output folder {folder} cannot be made because {blocked} is a file; choose another --out"
        )
    try:
        probe = folder / f".probe-{os.getpid()}"
        write_atomic(probe, b"")
        probe.unlink(missing_ok=True)
    except (DiskFault, OSError) as error:
        raise DiskFault(
            f"the output folder {folder} is not writable (owner of {blocked}: {_owner(blocked)}; {error})"
        ) from error


def _owner(path: Path) -> str:
    try:
        return path.owner()
    except (KeyError, OSError):
        return "unknown"


def sweep_temporaries(folder: Path) -> None:
    """Remove what an interrupted `write_atomic` left in a folder tree (only its lock's holder may call this)."""
    for leftover in folder.rglob(f"{TEMPORARY}*"):
        leftover.unlink(missing_ok=True)


def json_bytes(value: Any) -> bytes:
    """Readable JSON with a final newline; keys keep their order."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def read_json(path: Path) -> Any:
    """The JSON in ``path``; DataError naming it where it is missing or broken."""
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except (ValueError, OSError) as error:
        raise DataError(f"{path} is not readable JSON ({error})") from error


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """A compressed npz; the same arrays give the same bytes."""
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz that we wrote, never unpickling; DataError naming it where it is broken."""
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            return {name: archive[name] for name in archive.files}
    except FileNotFoundError:
        raise DataError(f"{path} does not exist") from None
    except Exception as error:  # zipfile, zlib and numpy each have their own
        raise DataError(f"{path} is damaged ({type(error).__name__}: {error})") from error


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file's content."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def locked(
    path: Path, wait: bool = False, interrupted: Callable[[], bool] = lambda: False
) -> Iterator[None]:
    """Hold the lock file ``path``, made and removed here; it is released by the kernel when its owner dies, however it dies.

    Raises EnvironmentFault saying who holds it (host, pid, since), unless ``wait``; Interrupted where one is asked for while waiting.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = _acquire(path, wait, interrupted)
    except OSError as error:
        raise DiskFault(
            f"{path} could not be locked: {error.strerror or error}; choose an --out that is writable"
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
        path.unlink(missing_ok=True)
        os.close(descriptor)


def _acquire(path: Path, wait: bool, interrupted: Callable[[], bool]) -> int:
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EAGAIN, errno.EACCES):
                os.close(descriptor)
                raise EnvironmentFault(
                    f"{path} could not be locked: {error.strerror}; choose an --out on a file system with locks"
                ) from error
            holder = os.pread(descriptor, 1000, 0).decode(errors="replace")
            os.close(descriptor)
            if not wait:
                run = path.name.removeprefix(".").removesuffix(".lock")
                raise EnvironmentFault(
                    f"the run {run} is in use by {_describe(holder)}; wait for it with --wait or choose another --out"
                ) from None
            if interrupted():
                raise Interrupted(f"stopped while waiting for {_describe(holder)}") from None
            time.sleep(0.2)
            continue
        if _is_at(path, descriptor):
            return descriptor
        os.close(descriptor)  # the previous owner removed this file between our open and our lock


def _is_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False


def _describe(holder: str) -> str:
    try:
        owner = json.loads(holder)
        return f"process {owner['pid']} on {owner['host']} since {owner['since']}"
    except (ValueError, KeyError, TypeError):
        return "another process"
