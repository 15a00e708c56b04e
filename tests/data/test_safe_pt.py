"""Points saved by torch.save: tensors are read, all else is refused and none of its code runs."""

import pathlib
import subprocess
import sys

import numpy as np
import pytest
import torch

from flowrepro.data import safe_pt
from flowrepro.data.from_file import points_from_file
from flowrepro.errors import DataError

X = torch.tensor([[0.5, 1.0], [2.0, -3.0], [0.0, 4.0]])
Y = torch.tensor([1.0, -1.0, 1.0])


@pytest.mark.parametrize(
    ("saved", "told"),
    [
        ({"X": X, "y": Y}, "(tensors X and y)"),
        ({"y": Y[:, None].int(), "x": X.double(), "epoch": 3}, "(tensors x and y)"),
        ((X.half(), Y), "(x and y = the two tensors of a tuple)"),
        ([X.T.contiguous().T, Y.to(torch.int8)], "(x and y = the two tensors of a list)"),
        ((torch.nn.Parameter(X), Y), "3 points of own.pt in dimension 2"),
    ],
)
def test_tensors_are_read_as_float64_and_told(saved, told, tmp_path):
    torch.save(saved, tmp_path / "own.pt")
    dataset = points_from_file(str(tmp_path / "own.pt"))
    assert dataset.X.dtype == dataset.y.dtype == np.float64
    assert np.array_equal(dataset.X, X.numpy())
    assert np.array_equal(dataset.y, Y.numpy())
    assert told in dataset.note


class Touches:
    """What a pickle would do: make a file where it is loaded."""

    def __init__(self, place):
        self.place = place

    def __reduce__(self):
        return pathlib.Path.touch, (self.place,)


def test_a_module_is_refused_in_one_plain_sentence(tmp_path):
    torch.save(torch.nn.Linear(2, 2), tmp_path / "model.pt")
    with pytest.raises(DataError) as refusal:
        points_from_file(str(tmp_path / "model.pt"))
    assert str(refusal.value).endswith(
        "holds more than tensors, such as a module, or is damaged, and what is not a tensor is never "
        "loaded: save it with torch.save({'X': X, 'y': y}, path)"
    )


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize("wrap", [lambda evil: evil, lambda evil: {"X": evil, "y": Y, "z": evil}])
def test_code_in_a_file_is_never_run(wrap, zipped, tmp_path):
    place = tmp_path / "touched"
    torch.save(wrap(Touches(place)), tmp_path / "bad.pt", _use_new_zipfile_serialization=zipped)
    with pytest.raises(DataError, match=r"bad\.pt (holds more than tensors|is not a file)"):
        points_from_file(str(tmp_path / "bad.pt"))
    assert not place.exists()
    torch.load(tmp_path / "bad.pt", weights_only=False)
    assert place.exists(), "the file was not dangerous, so this test shows nothing"


@pytest.mark.parametrize(
    ("saved", "message"),
    [
        (X, "holds one Tensor where X and y are needed"),
        ((X, Y, Y), "holds one tuple where X and y are needed"),
        (torch.nn.Linear(2, 2), "what is not a tensor is never loaded"),
        (torch.utils.data.TensorDataset(X, Y), "what is not a tensor is never loaded"),
        ({"X": X, "Y": Y}, r"without one tensor X and one tensor y \(keys: 'X', 'Y'\)"),
        ({"X": X, "x": X, "y": Y}, "without one tensor X"),
        ({}, r"\(keys: none\)"),
        ({"X": X.tolist(), "y": Y}, "X is no tensor but a list"),
        ({"X": X * 1j, "y": Y}, "X is not a dense tensor of real numbers"),
        ({"X": X.to_sparse(), "y": Y}, "X is not a dense tensor"),
        ({"X": X.to("meta"), "y": Y}, "X is not a dense tensor"),
        ({"X": X[:1, :1].expand(10**5, 10**5), "y": Y}, "the limit of 1073741824 bytes of float64"),
        ({"X": X[:2], "y": Y}, r"x has shape \(2, 2\) and y \(3,\)"),
        ({"X": X * torch.nan, "y": Y}, "x is not finite in row 1"),
    ],
)
@pytest.mark.filterwarnings("ignore:.*beta state:UserWarning")  # of to_sparse
def test_other_contents_are_refused_in_one_sentence(saved, message, tmp_path):
    torch.save(saved, tmp_path / "bad.pt")
    with pytest.raises(DataError, match=message) as caught:
        points_from_file(str(tmp_path / "bad.pt"))
    assert "bad.pt" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_and_large_files(tmp_path, monkeypatch):
    torch.save({"X": X, "y": Y}, tmp_path / "own.pt")
    content = (tmp_path / "own.pt").read_bytes()
    place = content.index(b"ctorch._utils")
    for damaged in (b"", b"1,2\n", content[:-100], content[:place] + b"?" + content[place + 1 :]):
        (tmp_path / "bad.pt").write_bytes(damaged)
        with pytest.raises(DataError, match=r"bad\.pt .* torch\.save"):
            points_from_file(str(tmp_path / "bad.pt"))
    monkeypatch.setattr(safe_pt, "MAX_BYTES", 20)
    with pytest.raises(DataError, match="more than the limit of 20 bytes"):
        points_from_file(str(tmp_path / "own.pt"))


def test_torch_is_imported_for_such_a_file_only(tmp_path):
    np.save(tmp_path / "own.npy", np.eye(3))
    code = (
        "import sys; from flowrepro.data.from_file import points_from_file; "
        f"points_from_file({str(tmp_path / 'own.npy')!r}); print('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True).stdout == b"False\n"
