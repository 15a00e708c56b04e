"""A lock that dies with its owner."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from flowrepro.errors import DiskFault, EnvironmentFault, Interrupted
from flowrepro.store.files import make_way
from flowrepro.store.places import shown
from flowrepro.store.reading import parse_json
from flowrepro.store.schema import Owner


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
        owner = parse_json(holder, Owner)
    except ValueError:
        return "another process"
    return f"process {owner['pid']} on {shown(owner['host'])} since {shown(owner['since'])}"
