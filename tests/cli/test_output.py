"""What a terminal shows: no word is split, nothing is wider than it, and the answer fits a screen."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from flowrepro.cli import catalogue, output
from flowrepro.run import console

BOX = "┃│━─┏┓┗┛┡┩┳┻╇└┘├┤┬┴┼"
CLAIM = {
    "id": "appendix-e-2-descent-once", "case": "theory-rule-unbalanced", "place": "min2024, Appendix E.2",
    "sentence": "A neuron crosses every hyperplane at most once.", "verdict": "PASS", "measured": 1.2345678e-188,
    "relation": "<=", "bound": 1.0, "slack": 1.0, "ratio": 1.001, "label": "",
    "note": "the largest error, e^-13.8155, is below sqrt(n) * 1.00000000001 in 1000 draws",
}  # fmt: skip


@pytest.fixture(params=[40, 80, 160])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Columns of a terminal without colours."""
    for name, value in (("COLUMNS", request.param), ("FORCE_COLOR", 1), ("NO_COLOR", 1)):
        monkeypatch.setenv(name, str(value))
    return int(request.param)


def words(text: str) -> list[str]:
    return "".join(" " if letter in BOX else letter for letter in text).split()


def require_whole(shown: str, columns: int, cells: list[str]) -> None:
    """Every word of the cells is in the text, and only lines of one long word are too wide."""
    there = {word.strip(",:;") for word in words(shown)} | set(words(shown))
    assert [word for cell in cells for word in words(cell) if word not in there] == []
    for line in shown.splitlines():
        assert len(line.rstrip()) <= columns or max(map(len, words(line))) > columns - 8, line


@pytest.mark.parametrize("name", ["overview", "orthogonal", "three-point", "gronwall", "lemma-16"])
def test_tables_split_no_word(name: str, columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    if name == "overview":
        table = catalogue.overview()
    else:
        is_experiment = name in ("orthogonal", "three-point")
        table = (catalogue.experiment if is_experiment else catalogue.explained)(name)
    output.print_table(table.title, table.header, table.lines)
    shown = capsys.readouterr().out
    require_whole(shown, columns, [cell for line in table.lines for cell in line])
    if name == "overview":
        assert ("┃" in shown) == (columns > 40), "a narrow terminal gets a list"


def test_verdicts_split_no_word(columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_claims([CLAIM])
    require_whole(capsys.readouterr().out, columns, [str(CLAIM[key]) for key in ("id", "case", "note")])


@pytest.mark.parametrize("verdict", ["PASS", "FAIL"])
def test_what_is_notable_splits_no_word(verdict: str, columns: int, capsys: pytest.CaptureFixture[str]) -> None:
    output.print_notable([{**CLAIM, "verdict": verdict}])
    output.print_reasons([{**CLAIM, "verdict": "N/A"}])
    require_whole(capsys.readouterr().out, columns, [CLAIM["id"], "1.23e-188"])


def test_lists_and_answers_have_colours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    output.print_claims([CLAIM])
    output.print_notable([CLAIM, {**CLAIM, "verdict": "FAIL"}])
    shown = capsys.readouterr().out
    assert "\\x1b" not in shown, "control characters that were escaped"
    assert f"\x1b[32mPASS  {CLAIM['id']}\x1b[0m" in shown
    assert "\x1b[1;31mFAIL\x1b[0m" in shown


def test_lines_are_cut_between_words() -> None:
    line = "toy  1 PASS  init.scale = 1e-08: two points pass"
    assert output.cut(line, 48, 11) == line
    assert output.cut(line, 37, 11) == "toy  1 PASS  init.scale = 1e-08: …"
    assert output.cut(line, 34, 11) == "toy  1 PASS", "too little room for what follows"


def on_a_terminal(*arguments: object, cwd: Path, columns: int = 80) -> tuple[int, str]:
    """Exit code and everything that a terminal receives."""
    ours, theirs = pty.openpty()
    env: dict[str, Any] = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", "NO_COLOR": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "flowrepro", *map(str, arguments)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=cwd,
    ) as process:  # fmt: skip
        os.close(theirs)
        received = b""
        try:
            while part := os.read(ours, 65536):
                received += part
        except OSError:  # the other end was closed
            pass
    os.close(ours)
    return process.returncode, received.decode()


def remaining(text: str) -> list[str]:
    """The lines that stay on the screen, by what moves the cursor and clears its line."""
    rows, row, column = [""], 0, 0
    for part in re.split(r"(\n|\r|\x1b\[[?\d;]*[A-Za-z])", text):
        if part == "\n":
            row += 1
            rows += [""] * (row + 1 - len(rows))
        elif part == "\r":
            column = 0
        elif part == "\x1b[2K":
            rows[row] = ""
        elif part.endswith("A") and part.startswith("\x1b"):
            row -= int(part[2:-1])
        elif not part.startswith("\x1b"):
            rows[row] = rows[row][:column].ljust(column) + part + rows[row][column + len(part) :]
            column += len(part)
    return [line.rstrip() for line in rows if line.strip()]


def test_a_passing_line_gives_way_to_the_next(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    report = console.Console(console.Signals())
    report.doing("checking")
    assert capsys.readouterr().err == "checking\n", "no terminal"
    monkeypatch.setattr(console, "_is_terminal", lambda: True)
    report.doing("a long line on what is being done")
    report.doing("checking")
    report.say("done")
    shown = capsys.readouterr().err
    assert remaining(shown) == ["done"]
    assert "a long line on what\r" in shown
    console.Console(console.Signals(), verbose=True).doing("checking")
    assert capsys.readouterr().err == "checking\n"


@pytest.mark.long
@pytest.mark.slow
def test_the_quick_answer_fits_a_screen(tmp_path: Path) -> None:
    code, text = on_a_terminal("orthogonal", "--quick", "--out", "runs", cwd=tmp_path)
    assert code == 0
    assert "drawing figure 5" in text
    lines = remaining(text)
    assert lines[0] == "orthogonal  in runs/orthogonal"
    assert [line for line in lines if re.search("drawing|checking|engine", line)] == []
    assert len(lines) <= 40
    assert max(map(len, lines)) <= 80


def test_an_internal_error_is_said_where_no_paper_can_be_imported(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setitem(sys.modules, "flowrepro.papers.plugins", None)  # importing it raises
    assert output.report_internal_error(ValueError("no such thing")) == 1
    assert "internal error (ValueError: no such thing)" in capsys.readouterr().err
