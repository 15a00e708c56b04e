"""Atomic writing and the lock."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from flowrepro.errors import DataError, EnvironmentFault
from flowrepro.store import files as storage
from flowrepro.store import reading
from flowrepro.store.locks import locked


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_leaves_the_old_file_and_no_torn_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    path = tmp_path / "claims.json"
    storage.write_atomic(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(EnvironmentFault, match=r"claims\.json.*12 bytes needed.*free"):
        storage.write_atomic(path, b"new content!", ours=(reading.sha256_of(b"old"),))
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["claims.json"]


def test_killed_in_the_middle_of_a_write(tmp_path: Path) -> None:
    path = tmp_path / "trajectory.npz"
    storage.write_atomic(path, b"old")
    script = (
        "import os,sys,signal; from pathlib import Path; from flowrepro.store import files as "
        "storage\nos.fsync "
        "= lambda d: os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    script += f"storage.write_atomic(Path({str(path)!r}), b'new' * 1000)"
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 2
    storage.sweep_temporaries(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["trajectory.npz"]


def test_an_output_folder_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    with pytest.raises(EnvironmentFault, match=r"taken is a file"):
        storage.require_writable(tmp_path / "taken" / "below")


def test_an_unwritable_output_folder_names_its_owner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, *_: object, **__: object) -> None:
        raise PermissionError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(EnvironmentFault, match=r"not writable \(owner of .*Read-only"):
        storage.require_writable(tmp_path)


def test_a_path_that_is_too_long_is_refused_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFault, match="too long"):
        storage.require_writable(tmp_path / ("x" * 300))


def test_npz_bytes_are_the_same_twice_and_read_back(tmp_path: Path) -> None:
    arrays = {"x": np.arange(6.0).reshape(2, 3), "name": np.array("text")}
    assert reading.npz_bytes(arrays) == reading.npz_bytes(arrays)
    path = tmp_path / "a.npz"
    storage.write_atomic(path, reading.npz_bytes(arrays))
    read = reading.read_npz(path)
    assert np.array_equal(read["x"], arrays["x"])
    assert str(read["name"]) == "text"


def test_damaged_files_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.npz").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(DataError, match=r"a\.npz is damaged"):
        reading.read_npz(tmp_path / "a.npz")
    (tmp_path / "a.json").write_text("{")
    with pytest.raises(DataError, match=r"a\.json is damaged: .* JSON"):
        reading.read_json(tmp_path / "a.json")


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=np.array([{}], dtype=object))
    with pytest.raises(DataError, match="damaged"):
        reading.read_npz(tmp_path / "a.npz")


HOLD = """
import sys, time
from pathlib import Path
from flowrepro.store.locks import locked
with locked(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def hold(path: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_process_learns_who_holds_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".toy-0123456789.lock"
    owner = hold(path)
    try:
        with (
            pytest.raises(
                EnvironmentFault, match=rf"toy-0123456789 is in use by process {owner.pid} on .* since .*--wait"
            ),
            locked(path),
        ):
            pass
        assert json.loads(path.read_text())["pid"] == owner.pid
    finally:
        owner.kill()
        owner.communicate()


def test_a_dead_owner_is_taken_over(tmp_path: Path) -> None:
    path = tmp_path / ".run.lock"
    owner = hold(path)
    owner.kill()
    owner.communicate()
    assert path.exists()
    with locked(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    assert not path.exists()


def test_waiting_for_the_lock(tmp_path: Path) -> None:
    path = tmp_path / ".run.lock"
    owner = hold(path)
    script = HOLD.replace("locked(Path(sys.argv[1]))", "locked(Path(sys.argv[1]), wait=True)").replace(
        "time.sleep(60)", ""
    )
    waiter = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE, text=True)
    owner.kill()
    owner.communicate()
    assert waiter.communicate(timeout=20)[0] == "held\n"
