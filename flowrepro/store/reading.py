"""The one reader of stored files, which are foreign until they are read.

A file is read if it is a regular one (no link, pipe, device or folder), within its limit of bytes,
and of the form that is asked for. JSON has a type and a greatest depth. An npz is judged by what
its headers declare before an array is read. Everything else raises Damaged.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import json
import math
import os
import stat
import warnings
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np

from flowrepro.core.config import is_shallow
from flowrepro.errors import DataError, FlowreproError, Interrupted, UsageError
from flowrepro.store.places import is_behind_link, shown

T = TypeVar("T")
JSON_BYTES = 2**24
"""Limit of a JSON file; the largest that the papers' runs write has 200 kB."""
MOST_BYTES = 2**30
"""Limit of any other file that is read as a whole."""
RATIO, FREE_BYTES, GROWTH = 100, 2**26, 2**32
"""An npz of n bytes may take n + min(RATIO n + FREE_BYTES, GROWTH) bytes of memory; the papers'
runs take up to 16 n."""
KINDS = "biufcU"
"""Arrays hold truth values, numbers or text: kinds of numpy's dtypes."""
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Damaged(DataError):
    """A stored file that is not as flowrepro writes it; ``rule`` says what it breaks."""

    def __init__(self, path: Path, rule: object, remedy: str = "run it again") -> None:
        self.rule = shown(" ".join(str(rule).split())[:300])
        super().__init__(f"{shown(path)} is damaged: {self.rule}; {remedy}")


@contextlib.contextmanager
def trusting(path: Path, remedy: str = "run it again") -> Iterator[None]:
    """Around work on what is stored in ``path``, which may have any values that its types allow.

    Raises Damaged where the work fails on them. A defect of the work looks the same, so that the
    sentence names the exception.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, Interrupted | OSError | MemoryError) or (
            isinstance(error, FlowreproError) and not isinstance(error, UsageError)
        ):
            raise
        kind = "" if isinstance(error, UsageError) else f"{type(error).__name__}: "
        raise Damaged(path, f"what it holds cannot be used ({kind}{error})", remedy) from error


# ---- bytes


def open_plain(path: Path) -> io.BufferedReader:
    """Open a regular file for reading; Damaged for anything else, which is not waited for."""
    if is_behind_link(path):
        raise Damaged(path, f"{path.parent.name} is a link, which is not followed")
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise Damaged(path, "it does not exist") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        linked = getattr(error, "errno", None) == errno.ELOOP
        rule = "it is a link, which is not followed" if linked else f"it is not readable ({error})"
        raise Damaged(path, rule) from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Damaged(path, "it is not a regular file")
    return os.fdopen(descriptor, "rb")


def read_bytes(path: Path, most: int = MOST_BYTES) -> bytes:
    """The content of a regular file of at most ``most`` bytes; else Damaged."""
    with open_plain(path) as stream:
        try:
            content = stream.read(most + 1)
        except OSError as error:
            raise Damaged(path, f"it is not readable ({error.strerror or error})") from error
    if len(content) > most:
        raise Damaged(path, f"it has more than {most} bytes")
    return content


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


# ---- JSON


def json_bytes(value: Any) -> bytes:
    """Readable JSON with a final newline; keys keep their order."""
    return (json.dumps(value, indent=2, allow_nan=False) + "\n").encode()


def parse_json(content: bytes | str, kind: Any = Any, finite: bool = True) -> Any:
    """The JSON value of a text as ``kind``, a type that msgspec knows; objects lose unknown keys.

    Raises ValueError for what is no JSON, is no ``kind``, is nested too deep, or holds whole
    numbers beyond 64 bits or, where they must be ``finite``, numbers that are not.
    """
    text = content.decode() if isinstance(content, bytes) else content
    try:
        value = json.loads(
            text,
            parse_int=_whole,
            parse_float=_finite if finite else None,
            parse_constant=_finite if finite else None,
        )
    except RecursionError:
        raise ValueError("it is nested too deep") from None
    if not is_shallow(value):
        raise ValueError("it is nested too deep")
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:  # no ValueError before msgspec 0.20
        raise ValueError(str(error)) from None


def read_json(path: Path, kind: Any = Any) -> Any:
    """The JSON in ``path`` as ``kind`` (`parse_json`); else Damaged."""
    content = read_bytes(path, JSON_BYTES)
    try:
        return parse_json(content, kind)
    except ValueError as error:
        raise Damaged(path, f"it does not hold the JSON that belongs there ({error})") from error


def _whole(text: str) -> int:
    if len(text) > 20 or not -(2**63) <= (value := int(text)) < 2**64:
        raise ValueError(f"a whole number of {len(text)} digits is out of range")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text[:20]} is not a finite number")
    return value


# ---- arrays


def npz_bytes(arrays: Mapping[str, np.ndarray]) -> bytes:
    """An npz; the same arrays give the same bytes.

    It is compressed, unless it would then grow more than `read_npz` allows.
    """
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **dict(arrays))  # type: ignore[arg-type]
    size = buffer.tell()
    if sum(np.asarray(values).nbytes for values in arrays.values()) >= size + _growth(size) / 2:
        buffer = io.BytesIO()
        np.savez(buffer, **dict(arrays))  # type: ignore[arg-type]
    return buffer.getvalue()


def read_npz(path: Path) -> dict[str, np.ndarray]:
    """All arrays of an npz that we wrote, never unpickling; Damaged for any other."""
    with open_plain(path) as stream, warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return _arrays(stream)
        except Exception as error:  # zipfile, zlib and numpy each have their own
            raise Damaged(path, f"it is not an npz of plain arrays ({error})") from error


def _arrays(stream: io.BufferedReader) -> dict[str, np.ndarray]:
    size = stream.seek(0, io.SEEK_END)
    with zipfile.ZipFile(stream) as archive:
        members = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
        if len(members) != len(archive.infolist()):
            raise ValueError("two of its arrays have one name")
        needed = sum(_declared_bytes(archive, info) for info in members.values())
        if needed > size + _growth(size):
            raise ValueError(f"its {size} bytes declare {needed} bytes of arrays")
        return {name: _array(archive, info) for name, info in members.items()}


def _growth(size: int) -> int:
    return min(RATIO * size + FREE_BYTES, GROWTH)


def _declared_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> int:
    """The bytes that reading a member takes; ValueError unless it is a plain array of its size."""
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise ValueError(f"{info.filename} is compressed in another way than ours")
    with archive.open(info) as member:
        head = io.BytesIO(member.read(10_000))
    shape, _, dtype = _HEADERS[np.lib.format.read_magic(head)](head)
    if dtype.kind not in KINDS or dtype.itemsize == 0:
        raise ValueError(f"{info.filename} holds {dtype}, not numbers or text")
    declared, present = math.prod(shape) * dtype.itemsize, info.file_size - head.tell()
    if min(shape, default=0) < 0 or declared != present:
        raise ValueError(f"{info.filename} declares {declared} bytes, and there are {present}")
    return math.prod(max(1, k) for k in shape) * dtype.itemsize


def _array(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        found = np.lib.format.read_array(member, allow_pickle=False)
        member.read(1)  # the end of the member is where zipfile compares the checksum
    return np.asarray(found)
