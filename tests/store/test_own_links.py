"""Links that a user made in or of a run directory are neither followed nor lost."""

from __future__ import annotations

import itertools
import json
import os
from pathlib import Path

import pytest
from own_runs import COMMANDS, FIGURE, MINE, SOUND, Call

from flowrepro.store.locks import locked
from flowrepro.store.run_directory import RunDirectory

pytestmark = pytest.mark.usefixtures("here")


@pytest.mark.parametrize(
    ("command", "place"),
    [
        *((command, "figures") for command in COMMANDS),
        *((command, "animations") for command in ("run --animate", "verify", "report")),
    ],
)
def test_a_linked_folder_is_neither_read_nor_emptied(
    flowrepro: Call, tmp_path: Path, out: Path, run: Path, command: str, place: str
) -> None:
    paper = tmp_path / "paper"
    (run / place).rename(paper)
    (paper / "thesis.tex").write_bytes(MINE)
    (run / place).symlink_to(paper)
    before = {path.name: path.read_bytes() for path in paper.iterdir()}
    result = flowrepro(*COMMANDS[command](out, run))
    assert result.code in SOUND, result.err
    assert {path.name: path.read_bytes() for path in paper.iterdir()} == before
    if command in ("verify", "rerun", "report", "show"):
        assert result.code == 3
        assert "link" in result.err


def test_figures_are_drawn_beside_the_link(flowrepro: Call, tmp_path: Path, out: Path, run: Path) -> None:
    (run / "figures").rename(tmp_path / "paper")
    (run / "figures").symlink_to(tmp_path / "paper")
    assert flowrepro(*COMMANDS["run"](out, run)).code in (0, 5)
    assert (run / "figures.link-1").is_symlink()
    assert not (run / "figures").is_symlink()
    assert (run / FIGURE).is_file()


NOT_SWEPT = [command for command in COMMANDS if command not in ("sweep", "run --animate")]
MEMBERS = (FIGURE, "claims.json", "trajectory.npz", "manifest.json", "animations/toy.gif")


@pytest.mark.parametrize(
    ("name", "command", "dangling"),
    [(*pair, k % 2 == 0) for k, pair in enumerate(itertools.product(MEMBERS, NOT_SWEPT))],
)
def test_a_linked_member_is_neither_read_nor_written(
    flowrepro: Call, tmp_path: Path, out: Path, run: Path, name: str, command: str, dangling: bool
) -> None:
    target = tmp_path / "elsewhere"
    content = (run / name).read_bytes()
    (run / name).unlink()
    (run / name).symlink_to(target)
    if not dangling:
        target.write_bytes(content)
    result = flowrepro(*COMMANDS[command](out, run))
    assert result.code in SOUND, result.err
    assert "internal error" not in result.err
    assert target.exists() != dangling
    assert dangling or target.read_bytes() == content
    assert any(path.is_symlink() for path in out.rglob("*"))
    if command in ("verify", "rerun", "report", "show"):
        assert result.code == 3


def test_a_linked_run_directory_is_set_aside(flowrepro: Call, tmp_path: Path, out: Path, run: Path) -> None:
    run.rename(tmp_path / "archive")
    run.symlink_to(tmp_path / "archive")
    (tmp_path / "archive" / FIGURE).write_bytes(MINE)
    before = {path: path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file()}
    assert flowrepro(*COMMANDS["run"](out, run)).code in (0, 5)
    assert run.with_name(f"{run.name}.link-1").is_symlink()
    assert {path: path.read_bytes() for path in (tmp_path / "archive").rglob("*") if path.is_file()} == before


def test_a_linked_run_directory_that_is_named_is_read(flowrepro: Call, tmp_path: Path, run: Path) -> None:
    (tmp_path / "short").symlink_to(run)
    for words in (
        ("verify", tmp_path / "short"),
        ("show", tmp_path / "short"),
        ("report", tmp_path / "short", "--out", tmp_path / "r.html"),
    ):
        assert flowrepro(*words).code in (0, 5)
    assert (tmp_path / "short").is_symlink()


@pytest.mark.parametrize("dangling", [False, True])
def test_a_lock_that_is_a_link(flowrepro: Call, tmp_path: Path, out: Path, run: Path, dangling: bool) -> None:
    target = tmp_path / "target"
    if not dangling:
        target.write_bytes(MINE)
    RunDirectory(run).lock.symlink_to(target)
    result = flowrepro("verify", run)
    assert result.code in (0, 5)
    assert "is a link" in result.err
    assert target.exists() != dangling
    assert dangling or target.read_bytes() == MINE
    assert run.with_name(f".{run.name}.link-1.lock").is_symlink()


@pytest.mark.parametrize("thing", ["file", "hard link", "pipe"])
def test_a_lock_that_is_somebodys_file(tmp_path: Path, thing: str) -> None:
    path = tmp_path / ".toy.lock"
    if thing == "pipe":
        os.mkfifo(path)
    else:
        path.write_bytes(MINE)
        os.link(path, tmp_path / "notes") if thing == "hard link" else None
    with locked(path):
        assert json.loads(path.read_text())["pid"] == os.getpid()
    kept = tmp_path / ".toy.foreign-1.lock"
    assert kept.is_fifo() if thing == "pipe" else kept.read_bytes() == MINE
    assert not path.exists()
