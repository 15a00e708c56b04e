"""A paper from outside: by file and by entry point, and what is refused."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import hostile_plugins
import pytest
from command_line import Result, in_process
from faults import Call, refused

from flowrepro.cli.main import cli
from flowrepro.papers import plugins, registry

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples/later_paper/later_paper.py"


@pytest.fixture
def flowrepro(flowrepro: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Run the command line in this process, which forgets afterwards what a command added to it."""

    def call(*words: object) -> Result:
        modules = set(sys.modules)
        caches = (registry.contents, plugins.add_installed)
        with monkeypatch.context() as patch:
            for owner, name in ((registry, "PAPERS"), (registry, "_ADDED"), (cli, "commands")):
                patch.setattr(owner, name, dict(getattr(owner, name)))
            patch.setenv(plugins.VARIABLE, "")
            caches[1].cache_clear()
            answer = flowrepro(*words)
        for cached in caches:
            cached.cache_clear()
        for name in set(sys.modules) - modules:
            file = Path(getattr(sys.modules[name], "__file__", None) or "")
            if file.parent in (tmp_path, EXAMPLE.parent):
                del sys.modules[name]
        return answer

    return call


def test_the_example_is_one_short_file() -> None:
    assert len(EXAMPLE.read_text().splitlines()) <= 150


def test_a_file_is_a_paper_like_the_others(flowrepro: Call, tmp_path: Path) -> None:
    plugin = ("--plugin", EXAMPLE)
    listed = flowrepro(*plugin, "list", "--json").json()
    assert {"small", "large"} <= {line["case"] for line in listed}
    words = ("early-directions", "--format", "png", "--out", tmp_path)
    answer = flowrepro(*plugin, *words, "--json")
    assert answer.code == 0, answer.err
    verdicts = {(one["id"], one["case"]): one["verdict"] for one in answer.json()["claims"]}
    assert verdicts["directional-convergence", "small"] == "PASS"
    assert verdicts["directional-convergence", "large"] != "PASS"
    assert [Path(path).name for path in answer.json()["figures"]] == ["directions.png"]
    runs = sorted(path.parent for path in tmp_path.rglob("manifest.json"))
    assert flowrepro(*plugin, "verify", *runs).code == 0
    report = flowrepro(*plugin, "report", tmp_path, "--out", tmp_path / "report.html")
    assert report.code == 0, report.err
    assert "kumar2024" in (tmp_path / "report.html").read_text()


def test_a_file_in_the_working_folder_is_not_taken_by_itself(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(EXAMPLE, tmp_path / "my_paper.py")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    answer = flowrepro("--plugin", "my_paper.py", "list")
    assert answer.code == 0, answer.err
    assert "early-directions" in answer.out


def test_a_file_can_be_swept(flowrepro: Call, tmp_path: Path) -> None:
    words = ("sweep", "early-directions", "--grid", "init.scale=1e-6,1e-4", "--seeds", "0:1")
    answer = flowrepro("--plugin", EXAMPLE, *words, "--set", "n_steps=300", "--workers", "1", "--out", tmp_path)
    assert answer.code == 0, answer.err
    assert len(list(tmp_path.rglob("trajectory.npz"))) == 2


BROKE = ((11, 398), (12, 1165), (12, 1519), (12, 1676), (12, 3343), (12, 3927), (12, 3985), (2612, 525), (2912, 615))
"""(seed, number) of every mutation that once was an internal error."""
BROKEN = {
    "import nothing_of_the_kind": "cannot be imported (ModuleNotFoundError",
    "x = 1": "has no CONTENTS",
    "CONTENTS = 3": "has no CONTENTS",
}


@pytest.mark.parametrize("text", BROKEN)
def test_a_broken_file_is_one_sentence(flowrepro: Call, tmp_path: Path, text: str) -> None:
    (tmp_path / "broken_paper.py").write_text(text)
    answer = flowrepro("--plugin", tmp_path / "broken_paper.py", "list")
    refused(answer, 2, BROKEN[text], "broken_paper.py")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"kumar2024"', '"lyu2021"', "which is there already"),
        ('"early-directions"', '"margin"', "which is taken"),
        ('    "weights-stay-small"', '    "directional-convergence"', "twice"),
        ('    "large",', '    "small",', "twice"),
        ("on=(SMALL, LARGE)", "on=(SMALL, LARDGE)", "LARDGE"),
        ("on=(SMALL,)", "on=(SMALL, 3)", "the claim 'weights-stay-small' on something that is no case"),
        ('    "directions",', "    None,", "a Figure whose id is None and no text"),
        ("scale=1e-6", "scale=int", "the case 'small', which cannot be stored"),
    ],
)
def test_a_clash_or_a_typo_is_named(flowrepro: Call, tmp_path: Path, old: str, new: str, words: str) -> None:
    text = EXAMPLE.read_text()
    assert old in text
    (tmp_path / "clashing_paper.py").write_text(text.replace(old, new))
    refused(flowrepro("--plugin", tmp_path / "clashing_paper.py", "list"), 2, words)


def test_a_claim_that_breaks_is_the_plug_in_s_fault(flowrepro: Call, tmp_path: Path) -> None:
    broken = tmp_path / "breaking_paper.py"
    broken.write_text(EXAMPLE.read_text().replace("yield number(", "yield numbber("))
    words = ("early-directions", "--case", "large", "--no-figures", "--out", tmp_path)
    refused(flowrepro("--plugin", broken, *words), 2, f"plug-in {broken}, line", "NameError", "correct it")


@pytest.mark.parametrize("what", ["return 3", "yield 3,"])
def test_a_claim_without_parts_is_refused(flowrepro: Call, tmp_path: Path, what: str) -> None:
    head, _, tail = EXAMPLE.read_text().partition('    """measured: the least cosine')
    rest = tail[tail.index("@topic.claim") :]
    (tmp_path / "empty_paper.py").write_text(f"{head}    {what}\n\n\n{rest}")
    words = ("early-directions", "--case", "large", "--no-figures", "--set", "n_steps=200", "--out", tmp_path)
    answer = flowrepro("--plugin", tmp_path / "empty_paper.py", *words)
    refused(answer, 2, "the claim 'directional-convergence' gives", "no parts of a verdict")


@pytest.mark.filterwarnings("default")
def test_a_few_that_were_mutated() -> None:
    faults = [hostile_plugins.attack(0, number) for number in range(40)]
    assert [fault for fault in faults if fault] == []


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("seed", "number"), BROKE)
def test_what_once_broke(seed: int, number: int) -> None:
    assert hostile_plugins.attack(seed, number) == ""


def test_what_is_no_python_file_is_refused(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro("--plugin", tmp_path / "absent.py", "list"), 2, "is no Python file")
    (tmp_path / "numpy.py").write_text("")
    refused(flowrepro("--plugin", tmp_path / "numpy.py", "list"), 2, "rename the file")


def installed(folder: Path, name: str, value: str) -> None:
    """What pip leaves of a package with a paper, as far as it is read."""
    info = folder / f"{name}-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[flowrepro.papers]\n{name} = {value}\n")


def test_installed_papers_are_found_and_a_broken_one_leaves_the_rest_working(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(tmp_path, "broken", "no_such_module:CONTENTS")
    installed(tmp_path, "later", "later_paper:CONTENTS")
    shutil.copy(EXAMPLE, tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    answer = flowrepro("list", "--json")
    assert answer.code == 0
    assert "entry point 'broken' (no_such_module:CONTENTS) cannot be imported" in answer.err
    assert {"small", "large", "toy"} <= {line["case"] for line in answer.json()}


@pytest.mark.slow
def test_the_example_is_installed_with_pip(tmp_path: Path) -> None:
    source = shutil.copytree(EXAMPLE.parent, tmp_path / "source")
    options = ("--no-deps", "--no-build-isolation", "--target", tmp_path / "site", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", "install", *options, source], check=True)
    answer = in_process("list", "--json", env={"PYTHONPATH": f"{tmp_path / 'site'}:{ROOT}"})
    assert {"small", "large"} <= {line["case"] for line in answer.json()}, answer.err
