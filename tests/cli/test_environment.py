"""Broken installations, odd terminals and streams: the rest of the tool works on."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import in_process, typed
from faults import SHORT_TOY, TOY, Call, refused


@pytest.fixture
def broken_torch(tmp_path: Path) -> dict[str, str]:
    """An environment whose torch cannot be imported."""
    (tmp_path / "poison" / "torch").mkdir(parents=True)
    (tmp_path / "poison" / "torch" / "__init__.py").write_text("raise ImportError('libtorch_cpu.so: undefined symbol')")
    return {"PYTHONPATH": str(tmp_path / "poison")}


@pytest.fixture
def poisoned(tmp_path: Path) -> Callable[[str, str], dict[str, str]]:
    """An environment in which importing a package runs the given line."""

    def poison(package: str, line: str) -> dict[str, str]:
        folder = tmp_path / "poison" / package
        folder.mkdir(parents=True)
        (folder / "__init__.py").write_text(line)
        return {"PYTHONPATH": str(tmp_path / "poison")}

    return poison


@pytest.mark.slow
def test_everything_but_the_torch_engine_works_without_torch(tmp_path: Path, broken_torch: dict[str, str]) -> None:
    out = tmp_path / "out"
    trained = in_process(*TOY, "--set", "n_steps=100", "--out", out, "--json", env=broken_torch)
    assert trained.code in (0, 5), trained.err
    directory = trained.json()["runs"][0]["dir"]
    assert in_process("verify", directory, env=broken_torch).code in (0, 5)
    assert in_process("show", directory, env=broken_torch).code == 0


def test_the_torch_engine_without_torch_is_a_fault_of_the_installation(
    tmp_path: Path, broken_torch: dict[str, str]
) -> None:
    answer = in_process(*TOY, "--engine", "torch", "--out", tmp_path, env=broken_torch)
    refused(answer, 7, "torch", "undefined symbol", "reinstall")


def test_auto_without_torch_is_a_fault_of_the_installation(tmp_path: Path, broken_torch: dict[str, str]) -> None:
    refused(
        in_process("mnist-align", "--quick", "--out", tmp_path / "o", env=broken_torch), 7, "torch", "undefined symbol"
    )


@pytest.mark.slow
def test_figures_do_not_depend_on_the_users_matplotlib_locale_and_paths(flowrepro: Call, tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("text.usetex: True\nfont.family: No Such Font\nbackend: QtAgg\n")
    env = {
        "MPLCONFIGDIR": "/proc/nowhere", "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
        "DISPLAY": "", "MPLBACKEND": "TkAgg", "LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0",
        "PYTHONIOENCODING": "ascii", "TERM": "dumb", "NO_COLOR": "1",
    }  # fmt: skip
    words = typed("orthogonal --figure 5 --set n_steps=50 --format png --out")
    places = tmp_path / "with space and \u00fc\u4e2d", tmp_path / "plain"
    hostile = in_process(*words, places[0], env=env)
    assert hostile.code in (0, 5), hostile.err
    assert "\x1b" not in hostile.out + hostile.err
    plain = flowrepro(*words, places[1])
    assert plain.code in (0, 5), plain.err
    images = [next(place.rglob("*.png")).read_bytes() for place in places]
    assert images[0] == images[1]


def test_a_bad_source_date_epoch(flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    words = ("orthogonal", "--figure", "5", "--set", "n_steps=50", "--out", tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "abc")
    refused(flowrepro(*words), 2, "SOURCE_DATE_EPOCH")


@pytest.mark.slow
def test_a_closed_stdout_is_quiet(tmp_path: Path) -> None:
    command = f"{sys.executable} -m flowrepro list --keys | head -1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] in ("0", "141")
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.parametrize("words", ["list >&- <&-", "--help 2>&-"])
def test_closed_streams(words: str) -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m flowrepro {words}"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", ["list > /dev/full", "list > /dev/full 2>&1", "toy2d --case none 2> /dev/full"])
def test_a_full_disk_at_stdout_or_stderr(words: str) -> None:
    """Python itself would end with 120 where a stream cannot be flushed."""
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m flowrepro {words}"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 7, done.stderr
    said = "flowrepro: output could not be written: No space left on device; make room\n"
    assert done.stderr == (said if words == "list > /dev/full" else "")


@pytest.mark.slow
def test_a_poisoned_torchvision_does_not_touch_the_packaged_digits(
    tmp_path: Path, poisoned: Callable[[str, str], dict[str, str]]
) -> None:
    env = poisoned("torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    words = typed(
        "mnist-align --case digits-1-0 --quick --set n_steps=2 --set data.options.subset=50 --set m=4 --no-figures"
    )
    trained = in_process(*words, "--out", tmp_path / "out", env=env)
    assert trained.code in (0, 5), trained.err
    refused(
        in_process(*words, "--dataset", "kmnist", "--out", tmp_path / "k", env=env),
        7,
        "torchvision::nms does not exist",
        "belong together",
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("raise OSError('libcudart.so.12: cannot open shared object file')", "libcudart.so.12"),
        ("raise RuntimeError('module compiled against ABI version 0x1000009')", "ABI version"),
        ("__version__ = '0.4.1'", "torch"),
        ("raise AttributeError(\"module 'numpy' has no attribute 'bool'\")", "numpy"),
    ],
)
def test_a_torch_that_cannot_be_used_is_explained_and_the_rest_works(
    tmp_path: Path, poisoned: Callable[[str, str], dict[str, str]], line: str, words: str
) -> None:
    env = poisoned("torch", line)
    assert in_process(*SHORT_TOY, "--out", tmp_path / "out", env=env).code in (0, 5)
    refused(
        in_process(*SHORT_TOY, "--engine", "torch", "--out", tmp_path / "t", env=env),
        7,
        "engine 'torch' needs torch",
        words,
        "reinstall",
    )


def test_animations_without_ffmpeg_name_it_and_the_formats_that_are_written(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    result = flowrepro(*SHORT_TOY[:5], "--set", "n_steps=3", "--animate", "--format", "png", "--out", tmp_path)
    assert result.code in (0, 5), result.err
    assert "ffmpeg" in result.err
    assert {path.suffix for path in tmp_path.rglob("animations/*")} == {".gif", ".webp", ".json"}


@pytest.mark.slow
def test_a_font_that_is_missing_leaves_the_figure_in_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "font.family: No Such Font\nfont.sans-serif: No Such Font\nmathtext.fontset: stix\n"
    )
    words = (*typed("orthogonal --figure 5 --set n_steps=50 --format svg --format png --out"), tmp_path / "out")
    result = in_process(
        *words, env={"MATPLOTLIBRC": str(tmp_path / "matplotlibrc"), "HOME": "/nonexistent", "PATH": "/nonexistent"}
    )
    assert result.code in (0, 5), result.err
    assert "findfont" not in result.err
    assert len(list(tmp_path.rglob("figures/*.png"))) == len(list(tmp_path.rglob("figures/*.svg"))) == 1


@pytest.mark.parametrize(
    ("name", "value"), [("NUMBA_DISABLE_JIT", "1"), ("NUMBA_NUM_THREADS", "0"), ("NUMBA_NUM_THREADS", "-3")]
)
def test_a_compiler_that_is_turned_off_is_said(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    refused(flowrepro(*SHORT_TOY, "--out", tmp_path), 7, name, "unset it")
    assert flowrepro("--help").code == 0


@pytest.mark.parametrize("words", [SHORT_TOY, ("list",), ("report",), ("show", "x")])
def test_a_working_directory_that_is_gone(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    refused(flowrepro(*words), 7, "working directory is gone", "change to a folder that exists")


@pytest.mark.parametrize("kilobytes", [200_000, 400_000, 700_000])
def test_too_little_address_space_is_said_before_a_library_hangs(tmp_path: Path, kilobytes: int) -> None:
    command = f"ulimit -v {kilobytes}; exec {sys.executable} -m flowrepro list"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode == 7, done.stderr
    assert done.stderr.count("\n") == 1
    assert "raise the limit" in done.stderr


@pytest.mark.slow
def test_the_least_address_space_is_enough(tmp_path: Path) -> None:
    words = f"orthogonal --case toy --quick --format png --out {tmp_path}"
    command = f"ulimit -v 1000000; exec {sys.executable} -m flowrepro {words}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, 5), done.stderr
    assert len(list(tmp_path.rglob("figures/*.png"))) >= 2


@pytest.mark.slow
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_with_a_read_only_installation_and_no_home() -> None:
    env = {"PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "PYTHONPATH": os.pathsep.join(sys.path)}
    nobody = {"user": 65534, "group": 65534, "extra_groups": [], "env": env, "cwd": "/"}

    def as_nobody(*words: object) -> subprocess.CompletedProcess[str]:
        line = [*map(str, words)]
        return subprocess.run(line, capture_output=True, text=True, check=False, **nobody)  # type: ignore[call-overload]

    pythons = (sys.executable, "/usr/bin/python{}.{}".format(*sys.version_info))
    readable = [one for one in pythons if _runs(as_nobody, one)]
    if not readable:
        pytest.skip("no Python of this version can be read by other users")
    words = ("-m", "flowrepro", "orthogonal", "--case", "toy", "--quick", "--format", "png")
    with tempfile.TemporaryDirectory() as folder:
        closed = Path(folder) / "closed"
        closed.mkdir(0o700)
        Path(folder).chmod(0o777)
        refused = as_nobody(readable[0], *words, "--out", closed / "runs")
        assert refused.returncode == 7, refused.stderr
        assert "not writable" in refused.stderr
        done = as_nobody(readable[0], *words, "--out", Path(folder) / "runs")
        assert done.returncode in (0, 5), done.stderr
        assert list(Path(folder).rglob("manifest.json"))
    assert "Traceback" not in done.stderr
    assert done.stderr.count("NUMBA_CACHE_DIR") == 1


def _runs(as_nobody: Callable[..., subprocess.CompletedProcess[str]], python: str) -> bool:
    try:
        return as_nobody(python, "-c", "import typing, numpy").returncode == 0
    except OSError:
        return False
