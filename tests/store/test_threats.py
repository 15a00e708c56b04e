"""The table of docs/explanation/foreign-files.md: each test that it names exists, and attacks that
are tested nowhere else.
"""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path

import hostile
import pytest
from command_line import call, in_process
from faults import Call

from flowrepro.store.run_directory import RunDirectory

pytestmark = pytest.mark.filterwarnings("default")
ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/explanation/foreign-files.md"


def copy_of(good_folders: dict[str, Path], kind: str, tmp_path: Path) -> Path:
    folder = tmp_path / good_folders[kind].relative_to(good_folders[kind].parents[2])
    shutil.copytree(good_folders[kind].parents[1], folder.parents[1])
    return folder


def change(folder: Path, name: str, **fields: object) -> None:
    form = json.loads((folder / name).read_text())
    (folder / name).write_text(json.dumps({**form, **fields}))
    hostile.seal(folder)


def test_every_test_that_the_page_names_exists() -> None:
    rows = [line for line in PAGE.read_text().splitlines() if line.startswith("| ")][2:]
    assert len(rows) == 6
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for row in rows:
        named = re.findall(r"`(test_\w+)`", row)
        assert named, row
        for name in named:
            assert f"def {name}(" in sources, name


@pytest.mark.parametrize("command", ["verify", "rerun", "show", "report"])
def test_a_case_that_names_files_of_yours_reads_none_of_them(
    good_folders: dict[str, Path], tmp_path: Path, command: str
) -> None:
    folder = copy_of(good_folders, "own", tmp_path)
    os.mkfifo(tmp_path / "yours.csv")  # whoever opens it waits for ever
    data = json.loads((folder / "experiment.json").read_text())["data"]
    data["options"]["path"] = str(tmp_path / "yours.csv")
    change(folder, "experiment.json", data=data)
    with hostile.limited():
        code, said = hostile.commands(folder, "own")[command]()
    assert code in (0, 5), said


@pytest.mark.parametrize("command", ["verify", "rerun"])
def test_without_its_inputs_such_a_run_is_damaged(good_folders: dict[str, Path], tmp_path: Path, command: str) -> None:
    folder = copy_of(good_folders, "own", tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    del manifest["files"]["inputs.npz"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    (folder / "inputs.npz").unlink()
    code, said = hostile.commands(folder, "own")[command]()
    assert code == 3, said
    assert "inputs.npz" in said


def test_code_in_a_folder_is_not_run(good_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(good_folders, "run", tmp_path)
    for name in ("conftest.py", "sitecustomize.py", "matplotlibrc", "plugin.py", "setup.cfg"):
        (folder / name).write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')\n")
    result = in_process("report", folder, cwd=tmp_path)
    assert result.code == 0, result.err
    assert hostile.commands(folder, "run")["verify"]()[0] in (0, 5)
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("field", ["paper", "command", "computes"])
def test_a_folder_cannot_ask_for_a_plugin(good_folders: dict[str, Path], tmp_path: Path, field: str) -> None:
    folder = copy_of(good_folders, "study", tmp_path)
    (folder / "plugin.py").write_text(f"open({str(tmp_path / 'pwned')!r}, 'w')\n")
    change(folder, "experiment.json", **{field: "plugin"})
    for command in ("verify", "rerun", "show", "report"):
        code, said = hostile.commands(folder, "study")[command]()
        assert code in (0, 3), said
        assert code == 3 or command in ("show", "report")
    assert not (tmp_path / "pwned").exists()


def test_what_is_shown_moves_no_terminal_and_is_no_markup(
    good_folders: dict[str, Path], tmp_path: Path, flowrepro: Call
) -> None:
    folder, evil = copy_of(good_folders, "run", tmp_path), "\x1b[2J<script>alert(1)</script>"
    change(folder, "provenance.json", cpu=evil, engine=evil, argv=["x", evil], warnings=[evil])
    claims = json.loads((folder / "claims.json").read_text())["claims"]
    change(folder, "claims.json", claims=[{**claim, "note": evil, "id": evil} for claim in claims])
    page = tmp_path / "page"
    for words in (["--out", str(page)], ["--markdown", "--out", str(page)]):
        assert call(["report", str(folder), *words])[0] == 0
        assert "<script>alert" not in page.read_text()
    shown = flowrepro("show", folder)
    assert shown.code == 0, shown.err
    assert "\x1b" not in shown.out + shown.err
    assert "\x1b" not in flowrepro("verify", folder).err


def test_a_forged_verdict_is_shown_and_judged_anew(good_folders: dict[str, Path], tmp_path: Path) -> None:
    folder = copy_of(good_folders, "run", tmp_path)
    before = RunDirectory(folder).claims()
    forged = [{**claim, "verdict": "PASS"} for claim in before]
    change(folder, "claims.json", claims=forged)
    assert RunDirectory(folder).claims() == forged
    call(["verify", str(folder)])
    assert [claim["verdict"] for claim in RunDirectory(folder).claims()] == [claim["verdict"] for claim in before]
