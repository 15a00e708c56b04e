"""Numeric arrays from an npz or npy file of unknown origin: what is asked for is judged by
headers before an array is read, and the rest is left alone.

What a header declares is bounded first (size of the directory, names, sizes, compression, header
length, dtype, shape against the bytes there are), so that rejecting a hostile file takes no more
memory than reading its headers.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np

from flowrepro.errors import DataError

MAX_BYTES = 2**30
"""Limit of the arrays of one file, all together, both as stored and as float64."""
MAX_DIRECTORY = 2**20
"""Limit of the zip directory; an entry takes some 60 bytes."""
MAX_RATIO, FREE_BYTES = 200, 2**24
"""Limit of the compression ratio of a member larger than FREE_BYTES; digits reach 5, zeros 1000."""
MAX_HEADER = 10_000
"""Limit of an npy header in bytes, numpy's own."""

_HEADER_READERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    ValueError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
)


def read_arrays(
    handle: BinaryIO, path: Path, wanted: tuple[str, ...], also: Mapping[str, str] | None = None
) -> list[np.ndarray]:
    """The wanted arrays of an open npz file, as float64; ``also`` holds second spellings of names.

    Every one must be a plain numeric array within the limits above; others are not looked into.
    Raises DataError, naming the member and the limit, before any array is read.
    """
    return list(read_and_tell(handle, path, wanted, also)[0].values())


def read_and_tell(
    handle: BinaryIO, path: Path, wanted: tuple[str, ...], also: Mapping[str, str] | None = None
) -> tuple[dict[str, np.ndarray], list[str]]:
    """As `read_arrays`, by the names that the file has, and the names that were left alone."""
    try:
        check_directory(handle, path)
        with zipfile.ZipFile(handle) as archive:
            members = _named_members(archive, path)
            names = [_spelled(name, members, also or {}, path) for name in wanted]
            _check_sizes(archive, [members[name] for name in names if name in members], path)
            for name in names:
                if name not in members:
                    present = ", ".join(sorted(members)[:10]) or "none"
                    raise DataError(
                        f"{path} has no array '{name}' (arrays: {present}): save it with "
                        f"np.savez(path, {_call(wanted)})"
                    )
            arrays = {name: _read(archive, members[name]) for name in names}
            return arrays, sorted(set(members) - set(names))
    except DataError:
        raise
    except _DAMAGE as error:
        raise DataError(
            f"{path} is not a sound npz file ({' '.join(str(error).split())[:200]}): save it "
            "again with np.savez"
        ) from None


def _spelled(
    name: str, members: Mapping[str, zipfile.ZipInfo], also: Mapping[str, str], path: Path
) -> str:
    """The spelling of a name that the file has."""
    second = also.get(name)
    if second not in members:
        return name
    if name in members:
        raise DataError(f"{path} holds both '{name}' and '{second}': keep one of them")
    return str(second)


def check_directory(
    handle: BinaryIO,
    path: Path,
    what: str = "an npz file",
    remedy: str = "save it again with np.savez",
) -> None:
    """Bound the zip directory, which ``zipfile`` reads as a whole and expands some twentyfold in
    memory.
    """
    size = handle.seek(0, io.SEEK_END)
    start = handle.seek(max(0, size - 2**16 - 98))
    tail = handle.read()
    end = tail.rfind(b"PK\x05\x06")
    if end < 0 or len(tail) < end + 22:
        raise DataError(f"{path} is not {what}, or its end is missing: {remedy}")
    directory_bytes = struct.unpack("<L", tail[end + 12 : end + 16])[0]
    locator, record = tail[max(0, end - 20) : end], tail[max(0, end - 76) : max(0, end - 20)]
    if locator.startswith(b"PK\x06\x07"):  # the sizes of a zip64 record override those just read
        plain = record.startswith(b"PK\x06\x06") and struct.unpack("<Q", record[4:12])[0] == 44
        if not plain or struct.unpack("<Q", locator[8:16])[0] != start + end - 76:
            raise DataError(f"{path} is {what} with a damaged or forged zip64 end: {remedy}")
        directory_bytes = struct.unpack("<Q", record[40:48])[0]
    if directory_bytes > MAX_DIRECTORY:
        raise DataError(
            f"{path} has a zip directory above the limit of {MAX_DIRECTORY} bytes: save only the "
            "arrays that are needed"
        )
    handle.seek(0)


def _named_members(archive: zipfile.ZipFile, path: Path) -> dict[str, zipfile.ZipInfo]:
    """Array name -> member, judged by their names alone."""
    members: dict[str, zipfile.ZipInfo] = {}
    for info in archive.infolist():
        _check_name(info.filename, path)
        name = info.filename.removesuffix(".npy")
        if name in members:
            raise DataError(f"{path} holds '{info.filename}' twice: keep one of them")
        members[name] = info
    return members


def _check_sizes(archive: zipfile.ZipFile, infos: list[zipfile.ZipInfo], path: Path) -> None:
    """Judge the members that will be read by their directory entries and headers."""
    total = 0
    for info in infos:
        _check_entry(info, path)
        total += _float64_bytes(archive, info, path)
        if total > MAX_BYTES:
            raise DataError(
                f"{path} holds more than the limit of {MAX_BYTES} bytes of float64 with member "
                f"'{info.filename}': use fewer points"
            )


def _check_name(name: str, path: Path) -> None:
    parts = name.replace("\\", "/").split("/")
    if name.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
        raise DataError(
            f"{path} has a member '{name}' that points outside of the archive, which a file of "
            "arrays never needs: save it again with np.savez"
        )
    if not name.endswith(".npy"):
        raise DataError(
            f"{path} has a member '{name}' that is not an array (.npy): save it again with np.savez"
        )


def _check_entry(info: zipfile.ZipInfo, path: Path) -> None:
    """Judge a member by its directory entry alone."""
    name = info.filename
    if info.flag_bits & 1 or info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise DataError(
            f"{path} has a member '{name}' that is encrypted or compressed in another way than "
            "np.savez does: save it again with np.savez"
        )
    if info.file_size > MAX_BYTES:
        raise DataError(
            f"{path} has a member '{name}' of {info.file_size} bytes, above the limit of "
            f"{MAX_BYTES}: use fewer points"
        )
    if info.file_size > FREE_BYTES and info.file_size > MAX_RATIO * info.compress_size:
        raise DataError(
            f"{path} has a member '{name}' compressed more than {MAX_RATIO}-fold, the mark of a "
            "zip bomb: save it with np.savez, uncompressed"
        )


def _float64_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path) -> int:
    """Bytes of the member as float64, from its npy header;

    DataError unless a plain numeric array of exactly its size.
    """
    with archive.open(info) as member:
        head = io.BytesIO(member.read(MAX_HEADER + 12))
    shape, itemsize = _judged_header(head, info.file_size, f"{path}, member '{info.filename}'")
    return math.prod(shape) * max(8, itemsize)


def _judged_header(head: io.BytesIO, size: int, place: str) -> tuple[tuple[int, ...], int]:
    """Shape and bytes of an item of an npy file of ``size`` bytes that begins with ``head``."""
    try:
        shape, _, dtype = _HEADER_READERS[np.lib.format.read_magic(head)](
            head, max_header_size=MAX_HEADER
        )
    except Exception as error:  # the parser of the header raises many kinds
        reason = " ".join(str(error).split())[:120]
        raise DataError(
            f"{place}: its npy header is not readable within {MAX_HEADER} bytes ({reason}): save "
            "it again with numpy"
        ) from None
    if dtype.hasobject:
        raise DataError(
            f"{place}: holds pickled Python objects, which are never loaded: save numbers (dtype "
            "float64)"
        )
    if dtype.kind not in "biuf":
        raise DataError(f"{place}: dtype {dtype} is not a real number: save it as float64")
    declared, present = math.prod(shape) * dtype.itemsize, size - head.tell()
    if min(shape, default=0) < 0 or declared != present:
        claim = f"shape {shape}, {declared} bytes of data"[:120]
        raise DataError(
            f"{place}: its header declares {claim} but there are {present}: the file is damaged or "
            "forged"
        )
    return shape, dtype.itemsize


def read_npy(handle: BinaryIO, path: Path) -> np.ndarray:
    """The array of an open npy file, as float64, judged by its header as a member of an npz is."""
    size = handle.seek(0, io.SEEK_END)
    handle.seek(0)
    head = io.BytesIO(handle.read(MAX_HEADER + 12))
    shape, itemsize = _judged_header(head, size, str(path))
    if math.prod(shape) * max(8, itemsize) > MAX_BYTES:
        raise DataError(
            f"{path} holds more than the limit of {MAX_BYTES} bytes of float64: use fewer points"
        )
    handle.seek(0)
    return np.asarray(np.lib.format.read_array(handle, allow_pickle=False), dtype=np.float64)


def _read(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> np.ndarray:
    with archive.open(info) as member:
        array = np.lib.format.read_array(member, allow_pickle=False)
        member.read(1)  # the end of the member is where zipfile compares the checksum
    return np.asarray(array, dtype=np.float64)


def _call(wanted: tuple[str, ...]) -> str:
    return ", ".join(f"{name}={name}" for name in wanted)
