"""The forge's workflows call the targets of the Makefile, on the Pythons that setup.cfg supports."""

from __future__ import annotations

import configparser
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[1]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))


def jobs(path: Path) -> dict[str, Any]:
    return yaml.safe_load(path.read_text(encoding="utf-8"))["jobs"]


def steps(path: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(path).values() for step in job["steps"]]


def made(path: Path) -> list[str]:
    """Targets that a workflow makes."""
    return [step["run"].split()[1] for step in steps(path) if "run" in step]


def supported() -> list[str]:
    """Versions of Python among the classifiers of setup.cfg."""
    config = configparser.ConfigParser()
    config.read(ROOT / "setup.cfg")
    found = re.findall(r"Python :: (\d+\.\d+)", config["metadata"]["classifiers"])
    assert config["options"]["python_requires"] == f">={found[0]}"
    return found


def test_every_kind_of_check_has_a_workflow() -> None:
    assert [path.stem for path in WORKFLOWS] == ["figures", "manual", "package", "tests"]
    targets = {target for path in WORKFLOWS for target in made(path)}
    assert targets == {"lint", "test", "slow", "figures", "docs", "package"}


def test_the_forge_and_ci_run_make_the_same() -> None:
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    mine = set(re.findall(r"^make (?:-\S+ )*(\w+)", script, re.MULTILINE))
    assert mine == {target for path in WORKFLOWS for target in made(path)} - {"package"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_calls_targets_that_exist_with_variables_that_exist(path: Path) -> None:
    for step in steps(path):
        if "run" not in step:
            continue
        program, target, *settings = re.findall(r'(?:[^\s"]|"[^"]*")+', step["run"])
        assert program == "make"
        assert re.search(rf"^{target}:", MAKEFILE, re.MULTILINE), target
        assert re.search(rf"^\.PHONY:.*\b{target}\b", MAKEFILE, re.MULTILINE), target
        for setting in settings:
            assert re.search(rf"^{setting.partition('=')[0]} \?=", MAKEFILE, re.MULTILINE), setting


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_actions_are_pinned_and_rights_are_few(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert yaml.safe_load(text)["permissions"] == {"contents": "read"}
    for step in steps(path):
        assert ("uses" in step) != ("run" in step)
        if "uses" in step:
            assert re.fullmatch(r"actions/[\w-]+@v\d+", step["uses"]), step["uses"]
    assert all("timeout-minutes" in job for job in jobs(path).values())
    assert not re.search(r"https?://|index-url|secrets", text)


def test_every_supported_python_is_tested() -> None:
    tests = jobs(ROOT / ".github/workflows/tests.yml")
    assert tests["tests"]["strategy"]["matrix"]["python"] == supported()
    for path in WORKFLOWS:
        for step in steps(path):
            version = step.get("with", {}).get("python-version")
            assert version in (None, "${{ matrix.python }}", supported()[0])
