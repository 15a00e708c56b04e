"""A complete run with figures and an animation, for tests of what a user does to it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from command_line import call
from own_runs import RUN


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The --out of a complete run with figures and an animation; copied, never changed."""
    root = tmp_path_factory.mktemp("made")
    code, said = call([*RUN, "--animate", "--out", str(root)])
    assert code in (0, 5), said
    return root


@pytest.fixture
def out(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made, tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def run(out: Path) -> Path:
    (found,) = (path for path in (out / "orthogonal").iterdir() if path.is_dir())
    return found
