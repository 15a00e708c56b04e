"""Each stored file, injected with each fault, read by each command: one sentence, exit code 3, and
nothing outside of the folder is read or written.
"""

from __future__ import annotations

import contextlib
import functools
import io
import itertools
import os
import shutil
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import hostile
import numpy as np
import pytest

from flowrepro.errors import DataError
from flowrepro.store.checkpoint import sha256_of_arrays
from flowrepro.store.reading import Damaged, npz_bytes, parse_json, read_json, read_npz
from flowrepro.store.run_directory import RunDirectory

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture
def copy(good_folders: dict[str, Path], tmp_path: Path) -> Callable[[str], Path]:
    """A copy of a good folder, its surroundings the working directory."""

    def made(kind: str) -> Path:
        folder = tmp_path / good_folders[kind].relative_to(good_folders[kind].parents[2])
        shutil.copytree(good_folders[kind].parents[1], folder.parents[1])
        (tmp_path / "secret").write_text("not yours")
        return folder

    return made


# ---- things in place of a file


def to_fifo(path: Path) -> None:
    os.mkfifo(path)


def to_link(path: Path) -> None:
    path.symlink_to(path.parents[2] / "secret")


def to_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


THINGS = {"fifo": to_fifo, "folder": Path.mkdir, "link": to_link, "device": to_device}
FIGURE = "figures/figure-3-toy-loss.json"
FILES = {
    "experiment.json": "run",
    "provenance.json": "run",
    "claims.json": "run",
    "manifest.json": "run",
    "trajectory.npz": "run",
    FIGURE: "run",
    FIGURE.replace("json", "png"): "run",
    "ensemble.npz": "ensemble",
    "study.npz": "study",
    "inputs.npz": "own",
}
"""Every stored file, and a kind of folder that has it."""
STORED = ("show", "show --json", "verify", "rerun", "report", "report --markdown")


def turns(*lists: object) -> list[tuple[object, ...]]:
    """Every pair of the first two lists, with one of the third in turn."""
    first, second, third = map(list, lists)  # type: ignore[call-overload]
    pairs = itertools.product(first, second)
    return [(*pair, third[k % len(third)]) for k, pair in enumerate(pairs)]


def every_turn(*lists: object) -> list[tuple[object, ...]]:
    return list(itertools.product(*lists))  # type: ignore[call-overload]


def in_place(copy: Callable[[str], Path], name: str, thing: str, command: str) -> None:
    folder = copy(FILES[name])
    every = hostile.commands(folder, FILES[name])
    (folder / name).unlink()
    THINGS[thing](folder / name)
    with hostile.limited():
        code, said = every[command]()
    assert code == 3, said
    assert name in said
    assert "run it again" in said
    assert "not yours" not in said


@pytest.mark.parametrize(("name", "thing", "command"), turns(FILES, THINGS, STORED))
def test_what_is_no_regular_file(copy: Callable[[str], Path], name: str, thing: str, command: str) -> None:
    in_place(copy, name, thing, command)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "thing", "command"), every_turn(FILES, THINGS, STORED))
def test_what_is_no_regular_file_for_every_command(
    copy: Callable[[str], Path], name: str, thing: str, command: str
) -> None:
    in_place(copy, name, thing, command)


# ---- contents, under a manifest that is true of them

JSON = {
    "empty": b"",
    "truncated": b'{"schema": 1, "fil',
    "deep": hostile.DEEP,
    "deep objects": b'{"a":' * 200_000,
    "deep in a field": b'{"argv": ' + hostile.DEEP + b"}",
    "a list": b"[1]",
    "a number": b"1",
    "no field": b"{}",
    "huge number": b'{"schema": 1e999}',
    "many digits": b'{"schema": ' + b"9" * 5000 + b"}",
    "not a number": b'{"schema": NaN}',
    "not UTF-8": b'{"a": "\xff\xfe"}',
    "UTF-16": '{"schema": 1}'.encode("utf-16"),
    "large": b'{"a": "' + b"x" * 2**24 + b'"}',
    "mistyped": b'{"schema": "1", "argv": [1], "package": 1, "files": [], "name": 1, "claims": 1}',
}
READERS = {
    "experiment.json": STORED,
    "provenance.json": STORED,
    "claims.json": ("show", "show --json", "report", "report --markdown"),
    "manifest.json": STORED,
    FIGURE: ("report", "report --markdown"),
}
"""File -> the commands that need what it says."""


def as_json(copy: Callable[[str], Path], name: str, how: str, command: str) -> None:
    folder = copy("run")
    every = hostile.commands(folder, "run")
    (folder / name).write_bytes(JSON[how])
    hostile.seal(folder)
    with hostile.limited():
        code, said = every[command]()
    assert code == 3, said
    assert name in said
    assert "run it again" in said
    assert len(said.splitlines()) == 1
    assert len(said) < 1_000


JSON_EVERYWHERE = list(itertools.product(READERS, JSON))
BY_FORM = ("a list", "a number", "no field", "mistyped")
"""Each file is asked for its own form; the reader that all share refuses the others."""


def in_turn(pairs: list[tuple[str, str]]) -> list[tuple[str, str, str]]:
    """Each pair of a file and a content, with one of the file's readers in turn."""
    return [(name, how, READERS[name][k % len(READERS[name])]) for k, (name, how) in enumerate(pairs)]


@pytest.mark.parametrize(
    ("name", "how", "command"),
    in_turn(
        [pair for pair in JSON_EVERYWHERE if pair[1] in BY_FORM]
        + list(zip(itertools.cycle(READERS), [how for how in JSON if how not in BY_FORM], strict=False))
    ),
)
def test_json_that_is_not_what_belongs_there(copy: Callable[[str], Path], name: str, how: str, command: str) -> None:
    as_json(copy, name, how, command)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "how", "command"), [(name, how, command) for name, how in JSON_EVERYWHERE for command in READERS[name]]
)
def test_json_that_is_not_what_belongs_there_for_every_command(
    copy: Callable[[str], Path], name: str, how: str, command: str
) -> None:
    as_json(copy, name, how, command)


# ---- arrays


def forged(header: str, data: bytes = b"", declared: int | None = None) -> bytes:
    """An npz whose only member has this npy header."""
    text = header.encode() + b" " * (117 - len(header)) + b"\n"
    npy = b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text + data
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("step.npy", npy)
    return buffer.getvalue()


def saved(**arrays: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays)  # type: ignore[arg-type]
    return buffer.getvalue()


def of(dtype: str, shape: str) -> str:
    return f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}"


@functools.cache
def bomb() -> bytes:
    """128 MB of zeros in 130 kB."""
    return saved(step=np.zeros(2**24))


ARRAYS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "no archive": lambda: b"PK\x03\x04 not a zip",
    "truncated": lambda: saved(step=np.arange(1000))[:-30],
    "huge shape": lambda: forged(of("<f8", "(1000000000000,)")),
    "huge and empty": lambda: forged(of("<f8", "(0, 1000000000000000)")),
    "negative shape": lambda: forged(of("<f8", "(-1,)")),
    "overflowing shape": lambda: forged(of("<f8", "(9223372036854775807, 16)")),
    "no size": lambda: forged(of("<U0", "(1000000000000,)")),
    "objects": lambda: saved(step=np.array([{}, 1], dtype=object)),
    "records": lambda: saved(step=np.zeros(3, dtype=[("a", "f8")])),
    "dates": lambda: saved(step=np.zeros(3, dtype="M8[s]")),
    "code in the header": lambda: forged("__import__('os').system('touch pwned')"),
    "a bomb": bomb,
    "no arrays": lambda: saved(),
    "text": lambda: saved(step=np.array("x"), stop=np.array("{"), stats=np.array("[1]")),
}
DATA = {"trajectory.npz": "run", "ensemble.npz": "ensemble", "inputs.npz": "own"}


def as_arrays(copy: Callable[[str], Path], name: str, how: str, command: str) -> None:
    folder = copy(DATA[name])
    every = hostile.commands(folder, DATA[name])
    (folder / name).write_bytes(ARRAYS[how]())
    hostile.seal(folder)
    with hostile.limited(), contextlib.chdir(folder.parents[2]):
        code, said = every[command]()
    assert not Path("pwned").exists()
    assert not list(folder.parents[2].rglob("pwned"))
    if command == "rerun" and name != "inputs.npz" and how in ("no arrays", "text"):
        assert code == 5  # it is compared, and everything differs
        return
    assert code == 3, said
    assert "again" in said or "anew" in said


@pytest.mark.parametrize(
    ("name", "how", "command"),
    [(name, how, "verify") for name in DATA for how in ("no arrays", "text")]
    + list(zip(itertools.cycle(DATA), list(ARRAYS)[:-2], itertools.cycle(("verify", "rerun")), strict=False)),
)
def test_arrays_that_are_not_what_belongs_there(copy: Callable[[str], Path], name: str, how: str, command: str) -> None:
    as_arrays(copy, name, how, command)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how", "command"), every_turn(DATA, ARRAYS, ("verify", "rerun")))
def test_arrays_that_are_not_what_belongs_there_for_every_command(
    copy: Callable[[str], Path], name: str, how: str, command: str
) -> None:
    as_arrays(copy, name, how, command)


def test_a_small_file_does_not_take_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.npz"
    path.write_bytes(bomb())
    assert path.stat().st_size < 2**18
    tracemalloc.start()
    try:
        with pytest.raises(Damaged, match=f"declare {2**27} bytes of arrays"):
            read_npz(path)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


def test_what_is_written_is_read_even_where_it_compresses_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flowrepro.store.reading.FREE_BYTES", 2**10)
    arrays = {"W": np.zeros((4, 1000, 100)), "text": np.array("x" * 1000)}
    (tmp_path / "a.npz").write_bytes(saved(**arrays))
    with pytest.raises(Damaged, match="declare"):
        read_npz(tmp_path / "a.npz")
    (tmp_path / "a.npz").write_bytes(npz_bytes(arrays))
    read = read_npz(tmp_path / "a.npz")
    assert all(np.array_equal(read[name], arrays[name]) for name in arrays)


def test_objects_are_not_unpickled(tmp_path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "pwned"),)

    np.savez(tmp_path / "a.npz", x=np.array([Bomb()], dtype=object))
    with pytest.raises(Damaged, match="object"):
        read_npz(tmp_path / "a.npz")
    assert not (tmp_path / "pwned").exists()


# ---- resuming, sweeping, notes, locks


@pytest.mark.parametrize("how", ["fifo", "link", "empty", "objects", "another run's", "another step", "no step"])
def test_a_checkpoint_that_is_none(copy: Callable[[str], Path], how: str) -> None:
    folder = copy("begun")
    path = folder / "checkpoint.npz"
    content = read_npz(path)
    path.unlink()
    if how in THINGS:
        THINGS[how](path)
    elif how in ARRAYS:
        path.write_bytes(ARRAYS[how]())
    else:
        header = str(content.pop("header"))
        if how == "another run's":
            header = header.replace(folder.name, "toy-0123456789")
        elif how == "another step":
            content["step"] = content["step"] + 1
        else:
            old = sha256_of_arrays(content)
            del content["step"]
            header = header.replace(old, sha256_of_arrays(content))
        path.write_bytes(saved(header=np.array(header), **content))
    with hostile.limited():
        code, said = hostile.commands(folder, "begun")["resume"]()
    if how == "no step":
        assert (code, "begin anew with --new" in said) == (3, True), said
    else:
        assert code in (0, 5), said
        assert "computing from the start" in said
    assert (folder.parents[2] / "secret").read_text() == "not yours"


@pytest.mark.parametrize("name", ["trajectory.npz", "provenance.json", "claims.json"])
def test_a_sweep_says_damaged_in_its_table(copy: Callable[[str], Path], name: str) -> None:
    folder = copy("run")
    table = hostile.commands(folder, "run")["summary"]
    assert "HORIZON" in table()[1]
    RunDirectory(folder).write(name, b"[1]")
    RunDirectory(folder).seal()
    assert ("damaged" in table()[1]) == (name != "claims.json")
    assert "HORIZON" not in table()[1]


@pytest.mark.parametrize("name", [".written.json", "lock"])
@pytest.mark.parametrize("thing", [*THINGS, "deep"])
def test_notes_and_locks_of_others(copy: Callable[[str], Path], name: str, thing: str) -> None:
    folder = copy("run")
    path = RunDirectory(folder).lock if name == "lock" else folder / name
    if thing == "deep":
        path.write_bytes(hostile.DEEP)
    else:
        THINGS[thing](path)
    before = os.path.lexists(path)
    with hostile.limited():
        code, said = hostile.commands(folder, "run")["verify"]()
    assert before
    assert code in (0, 5), said
    assert list(path.parent.glob(f"{path.stem}.*-1*"))
    assert (folder.parents[2] / "secret").read_text() == "not yours"


# ---- the reader


@pytest.mark.parametrize("value", [{"a": 1}, [1, 2.5, "x", None, True], {"a": [[{"b": "\udcff"}]]}])
def test_json_that_is_sound_is_read(tmp_path: Path, value: object) -> None:
    import json

    (tmp_path / "a.json").write_text(json.dumps(value))
    assert read_json(tmp_path / "a.json") == value


@pytest.mark.parametrize("text", ["1e999", "NaN", "-Infinity", "9" * 30, "[" * 40 + "]" * 40])
def test_numbers_and_levels_have_a_limit(text: str) -> None:
    with pytest.raises(ValueError, match=r"finite|range|deep"):
        parse_json(text)


def test_a_damaged_file_is_bad_data(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"a\.json is damaged: it does not exist; run it again"):
        read_json(tmp_path / "a.json")
