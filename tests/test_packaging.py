"""The wheel holds all of the package, installs, and runs outside of the checkout."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from command_line import typed

import flowrepro

ROOT = Path(flowrepro.__file__).parents[1]
SOURCES = ("setup.cfg", "pyproject.toml", "README.md", "LICENSE", "NOTICE")
DATA = (".npz", ".j2", ".css", ".html", ".js", ".json", ".typed")


def run(*command: object, cwd: Path, env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    """A command in a folder that is not the checkout."""
    clean = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return subprocess.run(
        [*map(str, command)],
        cwd=cwd,
        env={**clean, **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of a copy of the sources, built without a network."""
    if importlib.util.find_spec("build") is None or not (ROOT / "setup.cfg").exists():
        pytest.skip("needs the package 'build' and a checkout")
    folder = tmp_path_factory.mktemp("packaging")
    copy = folder / "source"
    shutil.copytree(ROOT / "flowrepro", copy / "flowrepro", ignore=shutil.ignore_patterns("__pycache__"))
    for name in SOURCES:
        shutil.copy(ROOT / name, copy / name)
    built = run(sys.executable, *typed("-m build --wheel --no-isolation --outdir"), folder, copy, cwd=folder)
    if "setuptools" in built.stderr + built.stdout and "Missing dependencies" in built.stderr + built.stdout:
        pytest.skip("needs the setuptools that pyproject.toml names")
    assert built.returncode == 0, built.stderr[-2000:]
    (found,) = folder.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder to put on PYTHONPATH, with the wheel in it and nothing else."""
    folder = tmp_path_factory.mktemp("installed")
    done = run(
        sys.executable, *typed("-m pip install --quiet --no-deps --no-index --target"), folder, wheel, cwd=folder
    )
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
def test_the_wheel_holds_every_module_and_every_packaged_file(wheel: Path) -> None:
    package = ROOT / "flowrepro"
    wanted = {
        path.relative_to(ROOT).as_posix()
        for path in package.rglob("*")
        if path.suffix in (".py", *DATA) or path.name == "py.typed"
    }
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        entry = next(name for name in names if name.endswith("entry_points.txt"))
        assert "flowrepro = flowrepro.cli.main:main" in archive.read(entry).decode()
        metadata = archive.read(entry.replace("entry_points.txt", "METADATA")).decode()
    held = {name for name in names if name.startswith("flowrepro/")}
    assert held == wanted
    assert {
        "flowrepro/py.typed",
        "flowrepro/data/digits.npz",
        "flowrepro/report/templates/report.html.j2",
        "flowrepro/report/templates/report.md.j2",
        "flowrepro/sweep/pool.py",
    } <= held
    assert all(name.startswith(("flowrepro/", "flowrepro-")) for name in names)
    assert sum(name.rpartition("/")[2] in ("LICENSE", "NOTICE") for name in names) == 2
    assert f"Version: {flowrepro.__version__}" in metadata


@pytest.mark.slow
def test_the_installed_package_runs_outside_of_the_checkout(installed: Path, tmp_path: Path) -> None:
    env = {"PYTHONPATH": str(installed)}
    where = run(sys.executable, "-c", "import flowrepro; print(flowrepro.__file__)", cwd=tmp_path, env=env)
    assert Path(where.stdout.strip()).is_relative_to(installed)
    command = installed / "bin" / "flowrepro"
    assert (
        run(sys.executable, command, "--version", cwd=tmp_path, env=env).stdout
        == f"flowrepro, version {flowrepro.__version__}\n"
    )
    trained = run(
        sys.executable, command, *typed("orthogonal --quick --case toy --case lazy --format png"), cwd=tmp_path, env=env
    )
    assert trained.returncode == 0, trained.stderr
    digits = run(
        sys.executable,
        "-c",
        "from flowrepro.data.mnist import digits; print(digits(subset=10).X.shape)",
        cwd=tmp_path,
        env=env,
    )
    assert digits.stdout == "(10, 784)\n"
    for words, page in {(): "report.html", ("--markdown",): "report.md"}.items():
        written = run(sys.executable, command, "report", *words, cwd=tmp_path, env=env)
        assert written.returncode == 0, written.stderr
        assert "toy" in (tmp_path / page).read_text()
    assert run(sys.executable, command, "list", "--keys", cwd=tmp_path, env=env).returncode == 0
