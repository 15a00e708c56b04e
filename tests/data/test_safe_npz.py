"""Hostile and damaged npz files: refused from their headers, in little memory."""

import contextlib
import io
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowrepro.data.safe_npz import MAX_DIRECTORY, read_and_tell, read_arrays, read_npy
from flowrepro.errors import DataError

NAME = Path("user.npz")
Y = np.array([1.0, -1.0])


def npy(array, **options):
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, **options)
    return buffer.getvalue()


def forged(shape, descr="'<f8'", data=b"", version=(1, 0), header_bytes=None):
    """An npy member whose header says what we want."""
    header = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    length = struct.pack("<H" if version == (1, 0) else "<I", len(header) if header_bytes is None else header_bytes)
    return b"\x93NUMPY" + bytes(version) + length + header + data


def archive_of(members, compression=zipfile.ZIP_DEFLATED):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return buffer.getvalue()


def bomb(raw_bytes, header, pad=b"\0"):
    """A deflated member of ``raw_bytes`` equal bytes after a header, made without holding it."""
    buffer = io.BytesIO()
    with (
        zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.npy", "w", force_zip64=True) as member,
    ):
        member.write(header)
        for _ in range(raw_bytes // 2**20):
            member.write(pad * 2**20)
    return buffer.getvalue()


def directory_bomb():
    """An archive of no member whose directory has 60000 entries."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", 20, 20, 0, 0, 0, 33, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0) + b"name"
    directory = entry * 60_000
    return directory + struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 60_000, 60_000, len(directory), 0, 0)


def zip64_end():
    """An archive whose zip64 end record would replace the directory's size by another one."""
    content = archive_of([("x.npy", npy(np.eye(2)))])
    end = content.rindex(b"PK\x05\x06")
    return content[:end] + struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1) + content[end:]


def zip64_directory():
    """An archive whose zip64 end record declares a directory of 1 GB."""
    content = archive_of([("x.npy", npy(np.eye(2)))])
    end = content.rindex(b"PK\x05\x06")
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 1, 1, 2**30, 0)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, end, 1)
    return content[:end] + record + locator + content[end:]


def encrypted():
    content = bytearray(archive_of([("x.npy", npy(np.eye(2))), ("y.npy", npy(Y))]))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def oversized():
    """An archive whose directory says that a member has 1025 MiB."""
    content = bytearray(archive_of([("x.npy", npy(np.eye(2))), ("y.npy", npy(Y))]))
    struct.pack_into("<L", content, content.index(b"PK\x01\x02") + 24, 1025 * 2**20)
    return bytes(content)


def with_y(*members, compression=zipfile.ZIP_DEFLATED):
    return archive_of([*members, ("y.npy", npy(Y))], compression)


HOSTILE = {
    "8 TB header": (
        lambda: with_y(("x.npy", forged("(1000000000, 1000)"))),
        "declares shape (1000000000, 1000), 8000000000000 bytes of data but there are 0",
    ),
    "sizes whose product overflows": (lambda: with_y(("x.npy", forged(f"({2**40}, {2**40})"))), "but there are 0"),
    "two negative sizes": (lambda: with_y(("x.npy", forged("(-2, -2)", data=bytes(32)))), "declares shape (-2, -2)"),
    "size that is not a number": (lambda: with_y(("x.npy", forged("('a',)"))), "npy header is not readable"),
    "zip bomb": (lambda: bomb(64 * 2**20, forged(f"({8 * 2**20},)")), "zip bomb"),
    "member above the limit": (oversized, "above the limit of 1073741824"),
    "4 GB npy header": (
        lambda: with_y(("x.npy", forged("(2,)", version=(2, 0), header_bytes=2**32 - 1) + b" " * 2**20)),
        "npy header is not readable",
    ),
    "deeply nested header": (lambda: with_y(("x.npy", forged("(" * 3000 + ")" * 3000))), "npy header is not readable"),
    "pickled objects": (lambda: with_y(("x.npy", npy(np.array([{}, {}], dtype=object)))), "pickled Python objects"),
    "bare pickle": (lambda: with_y(("x.npy", b"\x80\x04N.")), "npy header is not readable"),
    "member above the folder": (lambda: with_y(("../x.npy", npy(np.eye(2)))), "outside of the archive"),
    "absolute member": (lambda: with_y(("/tmp/x.npy", npy(np.eye(2)))), "outside of the archive"),
    "windows member": (lambda: with_y(("C:/x.npy", npy(np.eye(2)))), "outside of the archive"),
    "member that is no array": (lambda: with_y(("run.sh", b"echo")), "not an array"),
    "lzma": (lambda: with_y(("x.npy", npy(np.eye(2))), compression=zipfile.ZIP_LZMA), "compressed in another way"),
    "encrypted": (encrypted, "encrypted"),
    "directory bomb": (directory_bomb, f"above the limit of {MAX_DIRECTORY} bytes"),
    "zip64 end without a record": (zip64_end, "damaged or forged zip64 end"),
    "zip64 directory": (zip64_directory, f"above the limit of {MAX_DIRECTORY} bytes"),
    "complex": (lambda: with_y(("x.npy", npy(np.eye(2) * 1j))), "complex128 is not a real number"),
    "text": (lambda: with_y(("x.npy", npy(np.array(["1", "2"])))), "is not a real number"),
    "dates": (lambda: with_y(("x.npy", npy(np.zeros(2, "M8[s]")))), "is not a real number"),
    "records": (lambda: with_y(("x.npy", npy(np.zeros(2, "f8,f8")))), "is not a real number"),
    "no x": (lambda: with_y(("W.npy", npy(np.eye(2)))), "has no array 'x' (arrays: W, y)"),
    "no member": (lambda: archive_of([]), "has no array 'x' (arrays: none)"),
    "not a zip": (lambda: b"x,y\n1,2\n", "not an npz file"),
    "empty": (lambda: b"", "not an npz file"),
    "truncated": (lambda: with_y(("x.npy", npy(np.eye(2))))[:-30], "end is missing"),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused_in_one_sentence_and_little_memory(case):
    make, message = HOSTILE[case]
    handle = io.BytesIO(make())
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as caught:
            read_arrays(handle, NAME, ("x", "y"))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert message in str(caught.value)
    assert str(caught.value).startswith("user.npz")
    assert "\n" not in str(caught.value)
    assert peak < 50e6


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_member_given_twice_is_refused():
    content = archive_of([("x.npy", npy(np.eye(2))), ("x.npy", npy(np.ones((2, 2))))])
    with pytest.raises(DataError, match="twice"):
        read_arrays(io.BytesIO(content), NAME, ("x",))


@pytest.mark.parametrize("dtype", ["f8", "f4", ">f8", "i8", "u1", "?"])
def test_a_bare_npy_is_read_as_float64(dtype):
    x = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
    got = read_npy(io.BytesIO(npy(x)), NAME)
    assert got.dtype == np.float64
    assert np.array_equal(got, x)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy(np.array([{}, {}], dtype=object)), "pickled Python objects"),
        (npy(np.array(["1", "2"])), "is not a real number"),
        (forged("(1000000000, 1000)"), "8000000000000 bytes of data but there are 0"),
        (npy(np.eye(2))[:-1], "32 bytes of data but there are 31"),
        (npy(np.eye(2)) + b"?", "32 bytes of data but there are 33"),
        (b"\x80\x04N.", "npy header is not readable"),
        (b"", "npy header is not readable"),
    ],
)
def test_a_hostile_npy_is_refused_by_its_header(content, message):
    with pytest.raises(DataError, match=message) as caught:
        read_npy(io.BytesIO(content), NAME)
    assert "\n" not in str(caught.value)


def test_members_that_are_not_asked_for_are_left_alone():
    pickled, text = npy(np.array([{}], dtype=object)), npy(np.array(["a"]))
    content = archive_of([("x.npy", npy(np.eye(2))), ("z.npy", pickled), ("names.npy", text), ("bad.npy", b"?")])
    arrays, rest = read_and_tell(io.BytesIO(content), NAME, ("x",))
    assert np.array_equal(arrays["x"], np.eye(2))
    assert rest == ["bad", "names", "z"]
    with pytest.raises(DataError, match="pickled"):
        read_arrays(io.BytesIO(content), NAME, ("z",))


def test_a_second_spelling_is_taken_where_it_is_the_only_one():
    content = archive_of([("X.npy", npy(np.eye(2)))])
    arrays, _ = read_and_tell(io.BytesIO(content), NAME, ("x",), {"x": "X"})
    assert list(arrays) == ["X"]


def test_many_small_numbers_count_as_the_float64_they_become():
    content = bomb(256 * 2**20, forged(f"({256 * 2**20},)", "'|u1'"))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive, archive.open("x.npy", "w") as member:
        member.write(forged(f"({129 * 2**20},)", "'|u1'"))
        for _ in range(129):
            member.write(bytes(2**20))
    for hostile in (content, buffer.getvalue()):
        with pytest.raises(DataError, match=r"zip bomb|1073741824 bytes of float64"):
            read_arrays(io.BytesIO(hostile), NAME, ("x",))


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", ">f8", "i8", "u1", "?"])
def test_what_numpy_saves_is_read_as_float64(save, dtype):
    x = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
    buffer = io.BytesIO()
    save(buffer, x=np.asfortranarray(x), y=Y, other=np.arange(3))
    got_y, got_x = read_arrays(buffer, NAME, ("y", "x"))
    assert got_x.dtype == np.float64
    assert np.array_equal(got_x, x)
    assert np.array_equal(got_y, Y)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), compressed=st.booleans())
def test_damage_anywhere_is_an_error_or_leaves_the_arrays_alone(data, compressed):
    buffer = io.BytesIO()
    x = np.arange(12.0).reshape(4, 3)
    (np.savez_compressed if compressed else np.savez)(buffer, x=x, y=np.arange(4.0))
    content = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.sampled_from([len(content), len(content) - 1, len(content) // 2]))]
    with contextlib.suppress(DataError):  # any other exception, or other numbers, would be a fault
        (found,) = read_arrays(io.BytesIO(bytes(content)), NAME, ("x",))
        assert np.array_equal(found, x)
