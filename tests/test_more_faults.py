"""Faults by injection, beside test_faults.py: hostile files, broken installations, failing devices,
limits, clocks, terminals.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import Result, in_process
from PIL import Image
from problems import random_problem

from flowrepro.core.trajectory import Run
from flowrepro.errors import EnvironmentFault
from flowrepro.figures import Figure
from flowrepro.run import drawing
from flowrepro.run.console import Console, Signals
from flowrepro.run.results import load
from flowrepro.store.run_directory import RunDirectory

Call = Callable[..., Result]
TOY = (
    "orthogonal",
    "--case",
    "toy",
    "--set",
    "geometric=0",
    "--set",
    "snapshots=[]",
    "--set",
    "n_steps=50",
    "--no-figures",
)


def refused(result: Result, code: int, *words: str) -> None:
    """The command ended with ``code`` and one sentence holding the words, without a traceback."""
    assert result.code == code, result.err
    assert "Traceback" not in result.err
    assert "internal error" not in result.err
    for word in words:
        assert word in result.err


# ---- 7: hostile files take no memory


def _npy(shape: tuple[int, ...], data: bytes = b"", descr: str = "<f8") -> bytes:
    header = f"{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    header += b" " * (-(len(header) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + data


def _zip_bomb(path: Path) -> None:
    """800 MB of zeros in less than 1 MB."""
    with (
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open("x.npy", "w") as member,
    ):
        member.write(_npy((100 * 2**20,)))
        for _ in range(100):
            member.write(bytes(8 * 2**20))


def _stored(path: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, content)
        archive.writestr("y.npy", _npy((1,), bytes(8)))


def _pickle(path: Path) -> None:
    """An object array that would make a file when it is unpickled."""
    _stored(
        path,
        "x.npy",
        _npy((1,), b"cos\nsystem\n(S'touch %s'\ntR." % str(path.with_name("pwned")).encode(), "|O"),
    )


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "bomb": (_zip_bomb, "zip bomb"),
    "8 TB header": (
        lambda path: _stored(path, "x.npy", _npy((10**9, 1000))),
        "8000000000000 bytes of data",
    ),
    "pickle": (_pickle, "pickled Python objects"),
    "member above the folder": (
        lambda path: _stored(path, "../x.npy", _npy((1,), bytes(8))),
        "outside of the archive",
    ),
}
MEASURED = """
import resource, sys
from flowrepro.data.from_file import points_from_file
from flowrepro.errors import DataError
points_from_file(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        points_from_file(path)
    except DataError as error:
        print(error)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_hostile_points_are_refused_in_less_than_50_mb_over_the_process(tmp_path: Path) -> None:
    np.savez(tmp_path / "good.npz", x=np.eye(2), y=np.ones(2))
    paths = [tmp_path / f"{k}.npz" for k in range(len(HOSTILE))]
    for path, (make, _) in zip(paths, HOSTILE.values(), strict=True):
        make(path)
    command = [sys.executable, "-c", MEASURED, tmp_path / "good.npz", *paths]
    *sentences, megabytes = subprocess.run(
        list(map(str, command)), capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert len(sentences) == len(HOSTILE)
    for sentence, path, (_, words) in zip(sentences, paths, HOSTILE.values(), strict=True):
        assert str(path) in sentence
        assert words in sentence
    assert float(megabytes) < 50
    assert not (tmp_path / "pwned").exists()


@pytest.mark.parametrize("option", ["--data", "--init"])
@pytest.mark.parametrize("case", ["8 TB header", "pickle", "member above the folder"])
def test_every_option_that_takes_a_file_refuses_hostile_ones(
    flowrepro: Call, tmp_path: Path, option: str, case: str
) -> None:
    HOSTILE[case][0](tmp_path / "h.npz")
    refused(
        flowrepro("orthogonal", option, tmp_path / "h.npz", "--out", tmp_path / "out"),
        3,
        "h.npz",
        HOSTILE[case][1],
    )
    assert not (tmp_path / "pwned").exists()
    assert not list((tmp_path / "out").rglob("*.json"))


# ---- 8 and memory: what is too much


def test_too_many_seeds_are_refused_before_any_is_drawn(flowrepro: Call, tmp_path: Path) -> None:
    started = time.process_time()
    refused(
        flowrepro(
            "orthogonal",
            "--case",
            "toy",
            "--seeds",
            "0:100000000",
            "--no-figures",
            "--out",
            tmp_path,
        ),
        2,
        "100000000 seeds",
        "GB",
    )
    assert time.process_time() - started < 5
    assert not list(tmp_path.rglob("experiment.json"))


def test_memory_that_runs_out_is_one_sentence(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise MemoryError("Unable to allocate 7.45 TiB")

    monkeypatch.setattr("flowrepro.run.training.initial_weights", full)
    refused(flowrepro(*TOY, "--out", tmp_path), 7, "too little memory", "7.45 TiB", "fewer neurons")


# ---- 11: tolerances and caps


@pytest.mark.parametrize("value", ["1e-20", "0", "-1e-8", "1", "nan"])
def test_a_tolerance_that_doubles_do_not_resolve_is_refused(
    flowrepro: Call, tmp_path: Path, value: str
) -> None:
    refused(
        flowrepro(*TOY, "--engine", "flow", "--set", f"rtol={value}", "--out", tmp_path), 2, "rtol"
    )
    assert not list(tmp_path.iterdir())


def test_a_flow_that_hits_its_cap_keeps_what_it_has(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from flowrepro.engines.flow import engine

    monkeypatch.setattr(engine, "Integration", functools.partial(engine.Integration, max_steps=20))
    words = (
        "orthogonal",
        "--case",
        "toy",
        "--set",
        "geometric=0",
        "--set",
        "n_steps=5000",
        "--engine",
        "flow",
        "--no-figures",
        "--out",
        tmp_path,
    )
    refused(flowrepro(*words), 4, "MAX_STEPS")
    (stored,) = tmp_path.rglob("trajectory.npz")
    with np.load(stored) as arrays:
        assert 0 < arrays["step"][-1] < 5000
        assert np.all(np.isfinite(arrays["loss"]))
        assert arrays["snapshot_step"][-1] == arrays["step"][-1]
        assert np.all(np.isfinite(arrays["W"]))
        assert json.loads(str(arrays["stop"]))["reason"] == "MAX_STEPS"
    assert flowrepro(*words).code == 4, "a reused run says the same"


# ---- 12: several flows


def _loss_curve(run: Run) -> tuple[np.ndarray, np.ndarray]:
    return run.trajectory.t, run.trajectory.loss


def _loss_panel(axes: Sequence[Any], curve: tuple[np.ndarray, np.ndarray]) -> None:
    axes[0].plot(*curve)


def test_one_of_several_flows_is_flagged_in_the_folder_and_in_every_image(
    flowrepro: Call, tmp_path: Path
) -> None:
    """The problem of test_cli.py: a neuron may leave its activation boundary to either side at t =
    2.44271.
    """
    rng = np.random.default_rng(17)
    X, W = rng.standard_normal((5, 3)), 0.5 * rng.standard_normal((8, 3))
    rng.choice([-1.0, 1.0], 8)
    np.savez(tmp_path / "d.npz", x=X, y=rng.standard_normal(5))
    np.savez(tmp_path / "i.npz", W=W, a=0.1 * np.random.default_rng(17).standard_normal(8))
    words = (
        "orthogonal",
        "--data",
        tmp_path / "d.npz",
        "--init",
        tmp_path / "i.npz",
        "--engine",
        "flow",
        "--no-figures",
        "--json",
        "--strict",
    )
    result = flowrepro(
        *words,
        "--set",
        "lr=0.05",
        "--set",
        "n_steps=60",
        "--set",
        "geometric=0",
        "--out",
        tmp_path / "out",
    )
    assert result.code == 4
    directory = RunDirectory(Path(result.json()["runs"][0]["dir"]))
    assert directory.provenance()["stats"]["unique_until"] == pytest.approx(2.44271, abs=1e-5)
    run = load(directory)
    assert isinstance(run, Run)
    assert run.trajectory.events["t"].size > 0
    figure = Figure(
        id="x",
        file="x",
        cases=("toy",),
        caption="Loss.",
        layout=(1, 1, 3.0, 2.0),
        collect=_loss_curve,
        draw=_loss_panel,
    )
    images = drawing.draw(figure, [run], directory, ("png", "svg"), Console(Signals()))
    with Image.open(images[0]) as image:
        assert image.info["one of several flows"] == "from t=2.44271 on"
    assert "one of several flows=from t=2.44271 on" in images[1].read_text()


# ---- 15: a GPU that fails


def test_a_step_that_cannot_be_captured_is_made_eagerly_with_the_same_bits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The machinery of CUDA graphs on the CPU, its capture refused; the weights that the warm-up
    moved are put back.
    """
    torch = pytest.importorskip("torch")
    from flowrepro.engines import torch_gd

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    stream = SimpleNamespace(wait_stream=lambda other: None)
    stand_ins = {
        "CUDAGraph": object,
        "Stream": lambda: stream,
        "current_stream": lambda: stream,
        "graph": refuse,
    }
    for name, stand_in in {
        **stand_ins,
        "device": contextlib.nullcontext,
        "stream": contextlib.nullcontext,
    }.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    problem = random_problem(n_steps=20, batch_size=2)
    plain, captured = torch_gd.TorchGD(problem), torch_gd.TorchGD(problem)
    captured._graphs = torch_gd._StepGraphs(captured)
    assert np.array_equal(plain.advance(np.arange(21)), captured.advance(np.arange(21)))
    assert np.array_equal(plain.weights()[0], captured.weights()[0])
    assert captured.stats["cuda_graph"] == "eager: operation not permitted when stream is capturing"


@pytest.mark.parametrize(
    "said",
    [
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "CUDA error: unspecified launch failure\nFor debugging",
    ],
)
def test_a_gpu_that_fails_in_the_middle_is_a_fault_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    torch = pytest.importorskip("torch")
    from flowrepro.engines import torch_gd

    def fail(*_: object) -> None:
        raise (torch.cuda.OutOfMemoryError if "memory" in said else RuntimeError)(said)

    engine = torch_gd.TorchGD(random_problem())
    monkeypatch.setattr(engine, "_descend", fail)
    with pytest.raises(RuntimeError, match="CUDA"):
        engine.advance(np.array([1]))  # on the CPU nothing is translated
    monkeypatch.setattr(engine, "_device", torch.device("cuda:0"))
    with pytest.raises(
        EnvironmentFault, match=r"device 'cuda:0' failed \(CUDA .*--device cpu"
    ) as fault:
        engine.advance(np.array([1]))
    assert fault.value.exit_code == 7
    assert "\n" not in str(fault.value)


def test_other_errors_are_not_blamed_on_the_gpu() -> None:
    torch = pytest.importorskip("torch")
    from flowrepro.engines.torch_device import faults_named

    with pytest.raises(RuntimeError, match="shapes"), faults_named(torch.device("cuda:0")):
        raise RuntimeError("shapes cannot be multiplied")


def test_finished_cases_are_kept_when_the_device_fails(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from flowrepro.engines.torch_gd import TorchGD

    original, calls = TorchGD.advance, [0]

    def fail_later(self: TorchGD, steps: np.ndarray) -> np.ndarray:
        calls[0] += 1
        if self.problem.seed == 1:
            raise EnvironmentFault("device 'cuda:0' failed")
        return original(self, steps)

    monkeypatch.setattr(TorchGD, "advance", fail_later)
    words = (*TOY, "--engine", "torch", "--seeds", "0:2", "--out", tmp_path, "--json")
    result = flowrepro(*words)
    assert result.code == 7
    assert [run["seed"] for run in result.json()["runs"]] == [0]
    monkeypatch.setattr(TorchGD, "advance", original)
    again = flowrepro(*words)
    assert again.code in (0, 5), again.err
    assert [run["reused"] for run in again.json()["runs"]] == [True, False]


# ---- 16, 17: broken installations


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
def test_a_poisoned_torchvision_does_not_touch_the_packaged_digits(
    tmp_path: Path, poisoned: Callable[[str, str], dict[str, str]]
) -> None:
    env = poisoned("torchvision", "raise RuntimeError('operator torchvision::nms does not exist')")
    words = (
        "mnist-align",
        "--case",
        "digits-1-0",
        "--quick",
        "--set",
        "n_steps=2",
        "--set",
        "data.options.subset=50",
        "--set",
        "m=4",
        "--no-figures",
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
    assert in_process(*TOY, "--out", tmp_path / "out", env=env).code in (0, 5)
    refused(
        in_process(*TOY, "--engine", "torch", "--out", tmp_path / "t", env=env),
        7,
        "engine 'torch' needs torch",
        words,
        "reinstall",
    )


# ---- 22: what is stored


@pytest.mark.parametrize("command", ["verify", "rerun", "report", "show"])
def test_a_damaged_run_is_refused_by_every_command_that_reads_it(
    flowrepro: Call, tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    directory = Path(flowrepro(*TOY, "--out", tmp_path, "--json").json()["runs"][0]["dir"])
    with (directory / "trajectory.npz").open("r+b") as file:
        file.write(b"x")
    refused(flowrepro(command, directory), 3, "trajectory.npz does not have the sha256")
    (directory / "manifest.json").write_text(
        json.dumps({"schema": 2, "flowrepro": "9.9", "files": {}})
    )
    refused(flowrepro(command, directory), 3, "flowrepro 9.9", "upgrade")


# ---- 23: margins that do not exist


@pytest.mark.parametrize(
    ("x", "y", "weight"),
    [
        (
            [[1, 1, 1], [-1, -1, 1], [1, -1, 1], [-1, 1, 1]],
            [1, 1, -1, -1],
            0.25,
        ),  # xor with a constant feature
        ([[1, 2], [1, 2], [3, 1]], [1, -1, 1], 0.5),  # a point of both classes
        ([[1, 0], [-1, 0]], [1, 1], 0.5),  # opposite points of one class: singular
    ],
)
def test_points_without_a_margin_get_a_proof_and_no_number(
    flowrepro: Call, tmp_path: Path, x: list[list[int]], y: list[int], weight: float
) -> None:
    cases = np.column_stack([x, y])
    np.savetxt(
        tmp_path / "xor.csv",
        cases,
        delimiter=",",
        header=",".join([*(f"x{k}" for k in range(1, len(x[0]) + 1)), "y"]),
        comments="",
    )
    result = flowrepro("margin", "--data", tmp_path / "xor.csv", "--out", tmp_path / "out")
    refused(result, 4, "not separable", "= 0 up to")
    terms = [(float(value), int(k)) for value, k in re.findall(r"([\d.e-]+) z_(\d+)", result.err)]
    assert all(value == pytest.approx(weight, abs=1e-3) for value, _ in terms)
    combination = sum(value * y[k - 1] * np.array(x[k - 1]) for value, k in terms)
    assert np.abs(combination).max() < 1e-3, (
        "the proof that is shown is one: a convex combination of y_i x_i that vanishes"
    )
    assert sum(value for value, _ in terms) == pytest.approx(1, abs=1e-3)
    assert "margin" not in result.out
    assert not list((tmp_path / "out").rglob("study.npz"))


# ---- 24: figures


def test_animations_without_ffmpeg_name_it_and_the_formats_that_are_written(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda *_, **__: None)
    result = flowrepro(
        *TOY[:5], "--set", "n_steps=3", "--animate", "--format", "png", "--out", tmp_path
    )
    assert result.code in (0, 5), result.err
    assert "ffmpeg" in result.err
    assert {path.suffix for path in tmp_path.rglob("animations/*")} == {".gif", ".webp", ".json"}


@pytest.mark.slow
def test_a_font_that_is_missing_leaves_the_figure_in_the_packaged_one(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text(
        "font.family: No Such Font\nfont.sans-serif: No Such Font\nmathtext.fontset: stix\n"
    )
    words = (
        "orthogonal",
        "--figure",
        "5",
        "--set",
        "n_steps=50",
        "--format",
        "svg",
        "--format",
        "png",
        "--out",
        tmp_path / "out",
    )
    result = in_process(
        *words,
        env={
            "MATPLOTLIBRC": str(tmp_path / "matplotlibrc"),
            "HOME": "/nonexistent",
            "PATH": "/nonexistent",
        },
    )
    assert result.code in (0, 5), result.err
    assert "findfont" not in result.err
    assert (
        len(list(tmp_path.rglob("figures/*.png")))
        == len(list(tmp_path.rglob("figures/*.svg")))
        == 1
    )


# ---- 25: clocks and names


def test_clocks_that_jump_do_not_matter(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backwards = iter(range(10**9, 0, -10_000))
    monkeypatch.setattr(time, "time", lambda: float(next(backwards)))
    directory = Path(flowrepro(*TOY, "--out", tmp_path, "--json").json()["runs"][0]["dir"])
    assert json.loads((directory / "provenance.json").read_text())["wall_s"] >= 0
    for k, path in enumerate(sorted(directory.rglob("*"))):
        os.utime(path, (0, 0) if k % 2 else (4e9, 4e9))
    again = flowrepro(*TOY, "--out", tmp_path, "--json").json()
    assert again["runs"][0]["reused"]


@pytest.mark.parametrize("words", [(), ("--markdown",)])
def test_a_folder_whose_name_is_no_text_is_used_and_reported(
    flowrepro: Call, tmp_path: Path, words: tuple[str, ...]
) -> None:
    out = Path(os.fsdecode(os.fsencode(tmp_path) + b"/b\xff d"))
    assert flowrepro(
        "orthogonal", "--figure", "5", "--format", "png", "--set", "n_steps=50", "--out", out
    ).code in (0, 5)
    result = flowrepro("report", out, *words, "--out", tmp_path / "page")
    assert result.code == 0, result.err
    assert "b%FF%20d/" in (tmp_path / "page").read_text()


def test_a_run_of_an_installed_package_which_has_no_git_is_reported(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flowrepro.store.provenance.revision", lambda: {"revision": None})
    assert flowrepro(*TOY, "--out", tmp_path / "runs").code in (0, 5)
    result = flowrepro("report", tmp_path / "runs", "--out", tmp_path / "r.html")
    assert result.code == 0, result.err
    assert "git unknown;" in (tmp_path / "r.html").read_text()
