"""A paper from outside: by file and by entry point, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import in_process

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/later_paper/later_paper.py"


def test_the_example_is_one_short_file() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 150


def test_a_file_is_a_paper_like_the_others(tmp_path: Path) -> None:
    plugin = ("--plugin", EXAMPLE)
    listed = in_process(*plugin, "list", "--json").json()
    assert {"small", "large"} <= {line["case"] for line in listed}
    words = ("early-directions", "--format", "png", "--out", tmp_path)
    answer = in_process(*plugin, *words, "--json")
    assert answer.code == 0, answer.err
    verdicts = {(one["id"], one["case"]): one["verdict"] for one in answer.json()["claims"]}
    assert verdicts["directional-convergence", "small"] == "PASS"
    assert verdicts["directional-convergence", "large"] != "PASS"
    assert [Path(path).name for path in answer.json()["figures"]] == ["directions.png"]
    runs = sorted(path.parent for path in tmp_path.rglob("manifest.json"))
    assert in_process(*plugin, "verify", *runs).code == 0
    report = in_process(*plugin, "report", tmp_path, "--out", tmp_path / "report.html")
    assert report.code == 0, report.err
    assert "kumar2024" in (tmp_path / "report.html").read_text()


def test_a_file_in_the_working_folder_is_not_taken_by_itself(tmp_path: Path) -> None:
    shutil.copy(EXAMPLE, tmp_path / "my_paper.py")
    env = {"PYTHONPATH": f"{tmp_path}:{ROOT}"}
    answer = in_process("--plugin", "my_paper.py", "list", env=env, cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert "early-directions" in answer.out


def test_a_file_can_be_swept(tmp_path: Path) -> None:
    words = ("sweep", "early-directions", "--grid", "init.scale=1e-6,1e-4", "--seeds", "0:1")
    answer = in_process(
        "--plugin", EXAMPLE, *words, "--set", "n_steps=300", "--workers", "1", "--out", tmp_path
    )
    assert answer.code == 0, answer.err
    assert len(list(tmp_path.rglob("trajectory.npz"))) == 2


BROKEN = {
    "import nothing_of_the_kind": "cannot be imported (ModuleNotFoundError",
    "x = 1": "has no CONTENTS",
    "CONTENTS = 3": "has no CONTENTS",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "broken_paper.py").write_text(text)
    answer = in_process("--plugin", tmp_path / "broken_paper.py", "list")
    assert answer.code == 2
    assert BROKEN[text] in answer.err
    assert "broken_paper.py" in answer.err
    assert "Traceback" not in answer.err


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"kumar2024"', '"lyu2021"', "which is there already"),
        ('"early-directions"', '"margin"', "which is taken"),
        ('    "weights-stay-small"', '    "directional-convergence"', "twice"),
        ('    "large",', '    "small",', "twice"),
        ("on=(SMALL, LARGE)", "on=(SMALL, LARDGE)", "LARDGE"),
    ],
)
def test_a_clash_or_a_typo_is_named(tmp_path: Path, old: str, new: str, words: str) -> None:
    text = EXAMPLE.read_text()
    assert old in text
    (tmp_path / "clashing_paper.py").write_text(text.replace(old, new))
    answer = in_process("--plugin", tmp_path / "clashing_paper.py", "list")
    assert answer.code == 2
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_what_is_no_python_file_is_refused(tmp_path: Path) -> None:
    assert "names no file" not in in_process("--plugin", tmp_path / "absent.py", "list").out
    assert in_process("--plugin", tmp_path / "absent.py", "list").code == 2
    (tmp_path / "numpy.py").write_text("")
    answer = in_process("--plugin", tmp_path / "numpy.py", "list")
    assert answer.code == 2
    assert "rename the file" in answer.err


def test_a_broken_installed_paper_leaves_the_rest_working(tmp_path: Path) -> None:
    info = tmp_path / "broken-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[flowrepro.papers]\nbroken = no_such_module:CONTENTS\n")
    answer = in_process("list", "--json", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert answer.code == 0
    assert "entry point 'broken' (no_such_module:CONTENTS) cannot be imported" in answer.err
    assert len(answer.json()) > 100


def test_an_installed_paper_is_found(tmp_path: Path) -> None:
    info = tmp_path / "later-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: later\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text("[flowrepro.papers]\nlater = later_paper:CONTENTS\n")
    (tmp_path / "later_paper.py").write_text(EXAMPLE.read_text())
    answer = in_process("list", "--json", env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
    assert {"small", "large"} <= {line["case"] for line in answer.json()}, answer.err


@pytest.mark.slow
def test_the_example_is_installed_with_pip(tmp_path: Path) -> None:
    source = shutil.copytree(EXAMPLE.parent, tmp_path / "source")
    options = ("--no-deps", "--no-build-isolation", "--target", tmp_path / "site", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, source], check=True)
    answer = in_process("list", "--json", env={"PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"})
    assert {"small", "large"} <= {line["case"] for line in answer.json()}, answer.err
