"""Full disks, damaged folders and odd paths: nothing is lost, one sentence says what is wrong."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from command_line import typed
from faults import SHORT_TOY, TOY, Call, refused


def test_output_folder_is_a_file(flowrepro: Call, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused(flowrepro(*TOY, "--out", tmp_path / "file"), 7, "is a file", "--out")


def test_disk_full_at_any_write(flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import errno

    from flowrepro.store import files as storage

    original, count = os.fsync, [0]
    words = (*typed("orthogonal --figure 5 --format png --set n_steps=100 --out"), tmp_path)
    for failing in range(1, 60):
        count[0] = 0

        def full(descriptor: int, failing: int = failing) -> None:
            count[0] += 1
            if count[0] == failing:
                raise OSError(errno.ENOSPC, "No space left on device")
            original(descriptor)

        monkeypatch.setattr(storage.os, "fsync", full)
        result = flowrepro(*words)
        if count[0] < failing:
            break
        refused(result, 7, "No space left")
        assert not list(tmp_path.rglob(".writing-*"))
    monkeypatch.setattr(storage.os, "fsync", original)
    assert failing > 5
    assert flowrepro(*words).code in (0, 5)


@pytest.mark.parametrize("content", ["[]", "{", '{"schema": 1}', '{"schema": 1, "files": []}'])
def test_a_damaged_manifest(flowrepro: Call, tmp_path: Path, content: str) -> None:
    out = tmp_path / "schema"  # a path with this word was once mistaken for a later schema
    words = (*TOY, "--set", "n_steps=50", "--out", out, "--json")
    directory = Path(flowrepro(*words).json()["runs"][0]["dir"])
    (directory / "manifest.json").write_text(content)
    refused(flowrepro("show", directory), 3, "manifest.json")
    refused(flowrepro("show", directory, "--json"), 3, "manifest.json")
    refused(flowrepro("verify", directory), 3, "manifest.json")
    again = flowrepro(*words)
    assert again.code in (0, 5)
    assert "moved aside" in again.err


def test_verdicts_of_an_earlier_attempt_are_not_believed(flowrepro: Call, tmp_path: Path) -> None:
    words = (*TOY, "--set", "n_steps=50", "--out", tmp_path, "--json")
    first = flowrepro(*words).json()
    directory = Path(first["runs"][0]["dir"])
    stored = json.loads((directory / "claims.json").read_text())
    stored["claims"][0] |= {"verdict": "FAIL", "measured": 99.0}
    (directory / "claims.json").write_text(json.dumps(stored))
    (directory / "manifest.json").unlink()
    assert flowrepro(*words).json()["claims"] == first["claims"]


def test_verify_of_a_failed_run(flowrepro: Call, tmp_path: Path) -> None:
    words = (*TOY, *typed("--set lr=5 --set init.scale=1 --set alpha=0.5 --out"), tmp_path, "--json")
    assert flowrepro("verify", flowrepro(*words).json()["runs"][0]["dir"]).code == 4


def test_a_path_that_is_too_long(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro(*TOY, "--out", tmp_path / ("y" * 300)), 7, "too long")


@pytest.mark.parametrize("command", ["verify", "rerun", "report", "show"])
def test_a_damaged_run_is_refused_by_every_command_that_reads_it(
    flowrepro: Call, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = Path(flowrepro(*SHORT_TOY, "--out", tmp_path, "--json").json()["runs"][0]["dir"])
    with (directory / "trajectory.npz").open("r+b") as file:
        file.write(b"x")
    refused(flowrepro(command, directory), 3, "trajectory.npz does not have the sha256")
    (directory / "manifest.json").write_text(json.dumps({"schema": 2, "flowrepro": "9.9", "files": {}}))
    refused(flowrepro(command, directory), 3, "flowrepro 9.9", "upgrade")


@pytest.mark.parametrize("words", [(), ("--markdown",)])
def test_a_folder_whose_name_is_no_text_is_used_and_reported(
    flowrepro: Call, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff d"))
    assert flowrepro("orthogonal", "--figure", "5", "--format", "png", "--set", "n_steps=50", "--out", out).code in (
        0,
        5,
    )
    result = flowrepro("report", out, *words, "--out", tmp_path / "page")
    assert result.code == 0, result.err
    assert "b%FF%20d/" in (tmp_path / "page").read_text()


def test_a_run_of_an_installed_package_which_has_no_git_is_reported(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowrepro.store.provenance.revision", lambda: {"revision": None})
    assert flowrepro(*SHORT_TOY, "--out", tmp_path / "runs").code in (0, 5)
    result = flowrepro("report", tmp_path / "runs", "--out", tmp_path / "r.html")
    assert result.code == 0, result.err
    assert "git unknown;" in (tmp_path / "r.html").read_text()
