"""The build of the packaged digits, on small idx files."""

import hashlib

import numpy as np
import pytest

from flowrepro.data import build_digits
from flowrepro.data.build_digits import main, read_training_split, write_digits
from flowrepro.data.mnist import PACKAGED_DIGITS
from flowrepro.errors import DataError


@pytest.fixture
def split():
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (40, 28, 28), dtype=np.uint8), rng.integers(0, 10, 40).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, split, monkeypatch):
    images, labels = split
    contents = {
        "train-images-idx3-ubyte": bytes(16) + images.tobytes(),
        "train-labels-idx1-ubyte": bytes(8) + labels.tobytes(),
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    hashes = {name: hashlib.md5(content).hexdigest() for name, content in contents.items()}
    monkeypatch.setattr(build_digits, "SOURCES", hashes)
    return tmp_path


def test_every_digit_keeps_its_images_in_the_order_of_the_file(folder, split):
    assert main([str(folder), "--out", str(folder / "out.npz")]) == 0
    images, labels = split
    with np.load(folder / "out.npz") as archive:
        assert sorted(archive) == sorted(map(str, PACKAGED_DIGITS))
        for digit in PACKAGED_DIGITS:
            assert np.array_equal(
                archive[str(digit)], [image for image, label in zip(images, labels, strict=True) if label == digit]
            )


def test_the_same_images_give_the_same_bytes(folder):
    arrays = read_training_split(folder)
    first = write_digits(folder / "a.npz", *arrays)
    assert first == write_digits(folder / "b.npz", *arrays)
    assert (folder / "a.npz").read_bytes() == (folder / "b.npz").read_bytes()
    assert first == hashlib.sha256((folder / "a.npz").read_bytes()).hexdigest()


def test_a_changed_source_is_refused_and_nothing_is_written(folder, capsys):
    path = folder / "train-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes() + b"0")
    with pytest.raises(DataError, match="expected md5"):
        read_training_split(folder)
    assert main([str(folder), "--out", str(folder / "out.npz")]) == 3
    assert "train-labels-idx1-ubyte" in capsys.readouterr().err
    assert not (folder / "out.npz").exists()


def test_a_missing_source_is_named(tmp_path):
    with pytest.raises(DataError, match="train-images-idx3-ubyte cannot be read"):
        read_training_split(tmp_path)
