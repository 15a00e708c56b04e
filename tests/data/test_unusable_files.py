"""Points and weights that cannot be used: hostile files, wrong shapes, missing labels."""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from command_line import typed
from faults import TOY, Call, refused

from flowrepro.papers.lyu2021 import classifiers


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
    _stored(path, "x.npy", _npy((1,), b"cos\nsystem\n(S'touch %s'\ntR." % str(path.with_name("pwned")).encode(), "|O"))


HOSTILE: dict[str, tuple[Callable[[Path], None], str]] = {
    "bomb": (_zip_bomb, "zip bomb"),
    "8 TB header": (lambda path: _stored(path, "x.npy", _npy((10**9, 1000))), "8000000000000 bytes of data"),
    "pickle": (_pickle, "pickled Python objects"),
    "member above the folder": (lambda path: _stored(path, "../x.npy", _npy((1,), bytes(8))), "outside of the archive"),
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


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": np.ones((3, 2)), "y": np.ones(2)}, ("y",)),
        ({"x": np.array([[1.0, np.nan]]), "y": np.ones(1)}, ("finite",)),
        ({"x": np.ones((0, 2)), "y": np.ones(0)}, ("no ",)),
        ({"x": np.array([["a"]]), "y": np.ones(1)}, ("x",)),
        ({"z": np.ones(2)}, ("x",)),
    ],
)
def test_bad_points(flowrepro: Call, tmp_path: Path, arrays: dict[str, np.ndarray], words: tuple[str, ...]) -> None:
    np.savez(tmp_path / "d.npz", **arrays)  # type: ignore[arg-type]
    refused(flowrepro("orthogonal", "--data", tmp_path / "d.npz", "--out", tmp_path), 3, "d.npz", *words)


def test_missing_files(flowrepro: Call, tmp_path: Path) -> None:
    refused(flowrepro("orthogonal", "--data", tmp_path / "no.csv", "--out", tmp_path), 3, "no.csv")
    refused(flowrepro("orthogonal", "--init", tmp_path / "no.npz", "--out", tmp_path), 3, "no.npz")


def test_weights_of_another_dimension(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "i.npz", W=np.ones((4, 5)), a=np.ones(4))
    refused(flowrepro(*TOY, "--init", tmp_path / "i.npz", "--out", tmp_path), 3, "dimension 5", "dimension 2")


def test_labels_for_a_classification_loss(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.ones((2, 3)), y=np.array([0.5, 1.0]))
    refused(flowrepro("mnist-align", "--data", tmp_path / "d.npz", "--out", tmp_path), 3, "{-1, +1}")


def test_degenerate_points_run_with_a_warning(flowrepro: Call, tmp_path: Path) -> None:
    np.savez(tmp_path / "d.npz", x=np.array([[1.0, 2.0], [1.0, 2.0]]), y=np.array([1.0, 1.0]))
    result = flowrepro(
        "orthogonal", "--data", tmp_path / "d.npz", *typed("--set n_steps=50 --out"), tmp_path / "o", "--format", "png"
    )
    assert result.code in (0, 5), result.err
    assert "warning" in result.err


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
    looked_into = option == "--data" or case == "member above the folder"
    refused(
        flowrepro("orthogonal", option, tmp_path / "h.npz", "--out", tmp_path / "out"),
        3,
        "h.npz",
        HOSTILE[case][1] if looked_into else "no array 'W'",
    )
    assert not (tmp_path / "pwned").exists()
    assert not list((tmp_path / "out").rglob("*.json"))


def points_file(folder: Path, x: list[list[int]], y: list[int]) -> Path:
    names = [*(f"x{k}" for k in range(1, len(x[0]) + 1)), "y"]
    place, table = folder / "points.csv", np.column_stack([x, y])
    np.savetxt(place, table, delimiter=",", header=",".join(names), comments="")
    return place


@pytest.mark.slow
@pytest.mark.parametrize(
    ("x", "y", "weight"),
    [
        ([[1, 1, 1], [-1, -1, 1], [1, -1, 1], [-1, 1, 1]], [1, 1, -1, -1], 0.25),  # xor with bias
        ([[1, 0], [-1, 0]], [1, 1], 0.5),  # opposite points of one class
    ],
)
def test_points_without_a_separator_get_a_proof_and_a_bracket(
    flowrepro: Call, tmp_path: Path, x: list[list[int]], y: list[int], weight: float
) -> None:
    words = ("margin", "--quick", "--data", points_file(tmp_path, x, y), "--no-figures", "--json")
    answer = flowrepro(*words, "--out", tmp_path / "out")
    assert answer.code == 0, answer.err
    claims = {claim["id"]: claim for claim in answer.json()["claims"]}
    separator = claims["assumption-3-2-certificate"]
    assert separator["verdict"] == "N/A"
    terms = [(float(c), int(k)) for c, k in re.findall(r"([\d.e-]+) z_(\d+)", separator["note"])]
    assert all(value == pytest.approx(weight) for value, _ in terms)
    combination = sum(value * y[k - 1] * np.array(x[k - 1]) for value, k in terms)
    assert np.all(combination == 0), "a convex combination of y_i x_i that vanishes is the proof"
    assert claims["section-3-largest-margin"]["verdict"] == "PASS"


def test_a_point_of_both_classes_is_the_data_s_fault(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classifiers, "WORK", 1e6)  # which training on them always takes
    place = points_file(tmp_path, [[1, 2], [1, 2], [3, 1]], [1, -1, 1])
    answer = flowrepro("margin", "--data", place, "--out", tmp_path / "out")
    refused(answer, 3, "no two-layer network", "correct the labels")
    assert not list((tmp_path / "out").rglob("study.npz"))
