"""The packaged digits, and the way to those that are not."""

import os
import subprocess
import sys
import textwrap
from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from flowrepro.core.config import Data
from flowrepro.data import load, mnist
from flowrepro.data.mnist import PACKAGED, PACKAGED_DIGITS, digits, packaged_digits
from flowrepro.errors import DataError, EnvironmentFault, UsageError

COUNTS = {0: 5923, 1: 6742, 3: 6131, 7: 6265, 8: 5851}  # of the MNIST training split


@pytest.fixture(scope="module")
def ones_and_zeros():
    return digits()


def test_the_packaged_file_is_found_as_package_data_and_is_small():
    resource = resources.files("flowrepro.data").joinpath("digits.npz")
    content = resource.read_bytes()
    assert content == PACKAGED.read_bytes()
    assert len(content) < 5.5e6


def test_every_packaged_digit_has_the_count_of_the_training_split():
    arrays = packaged_digits(*PACKAGED_DIGITS)
    assert {digit: len(images) for digit, images in zip(PACKAGED_DIGITS, arrays, strict=True)} == COUNTS
    assert all(images.dtype == np.uint8 and images.shape[1:] == (28, 28) for images in arrays)


def test_ones_against_zeros_have_the_papers_shape(ones_and_zeros):
    X, y = ones_and_zeros.X, ones_and_zeros.y
    assert X.shape == (12665, 784)
    assert (int(np.sum(y > 0)), int(np.sum(y < 0))) == (6742, 5923)
    assert X.dtype == y.dtype == np.float32
    assert np.all(y[:6742] == 1)
    assert ones_and_zeros.warnings == ()


def test_centring_makes_the_class_sums_opposite(ones_and_zeros):
    X, y = ones_and_zeros.X.astype(np.float64), ones_and_zeros.y
    plus, minus = X[y > 0].sum(axis=0), X[y < 0].sum(axis=0)
    assert abs(plus @ minus / np.linalg.norm(plus) / np.linalg.norm(minus) + 1) < 1e-9
    assert np.linalg.norm(plus) / len(X) == pytest.approx(1.8827, abs=5e-5)


@pytest.mark.parametrize(("pair", "norm"), [((3, 8), 0.9062), ((1, 7), 1.3406)])
def test_the_other_pairs_have_their_measured_class_mean(pair, norm):
    dataset = digits(positive=pair[0], negative=pair[1])
    assert len(dataset.y) == COUNTS[pair[0]] + COUNTS[pair[1]]
    plus = dataset.X[dataset.y > 0].sum(axis=0, dtype=np.float64)
    assert np.linalg.norm(plus) / len(dataset.y) == pytest.approx(norm, abs=5e-5)


def test_adding_the_mean_image_gives_back_the_pixels(ones_and_zeros):
    pixels = (ones_and_zeros.X + ones_and_zeros.extra["mean_image"]) * 255
    raw = np.concatenate(packaged_digits(1, 0)).reshape(-1, 784)
    assert np.array_equal(np.rint(pixels), raw)
    assert np.abs(pixels - raw).max() < 1e-4


def test_a_subset_is_the_stated_draw_centred_by_its_own_mean():
    dataset = digits(subset=100, subset_seed=3)
    drawn = np.sort(np.random.default_rng(3).choice(12665, 100, replace=False))
    raw = np.concatenate(packaged_digits(1, 0)).reshape(-1, 784)[drawn] / 255
    assert np.array_equal(dataset.X, (raw - raw.mean(axis=0)).astype(np.float32))
    assert np.array_equal(dataset.y > 0, drawn < 6742)
    assert not np.array_equal(dataset.X, digits(subset=100, subset_seed=4).X)


def test_exchanging_the_classes_flips_the_labels_only():
    there, back = digits(subset=12665), digits(positive=0, negative=1)
    assert np.array_equal(there.X[:6742], back.X[5923:])
    assert np.array_equal(there.X[6742:], back.X[:5923])


def test_a_subset_of_one_class_warns():
    seed = next(
        s for s in range(100) if len({k < 6742 for k in np.random.default_rng(s).choice(12665, 2, replace=False)}) == 1
    )
    assert "one class" in digits(subset=2, subset_seed=seed).warnings[0]


def test_the_row_name_loads_the_digits():
    assert load(Data(name="digits", options={"subset": 10})).X.shape == (10, 784)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"dataset": "cifar"}, "fashion-mnist"),
        ({"positive": 10}, "positive"),
        ({"negative": -1}, "negative"),
        ({"positive": 1.0}, "positive"),
        ({"positive": True}, "positive"),
        ({"positive": 0}, "differ"),
        ({"subset": 1}, "from 2 to 12665"),
        ({"subset": 12666}, "from 2 to 12665"),
        ({"subset": 10.5}, "subset"),
        ({"subset": 10, "subset_seed": -1}, "subset_seed"),
    ],
)
def test_options_out_of_range_are_refused_by_name(options, named):
    with pytest.raises(UsageError, match=named):
        digits(**options)


@pytest.mark.parametrize("damage", ["flipped", "truncated", "missing"])
def test_a_damaged_packaged_file_is_named_with_both_hashes_and_the_remedy(damage, tmp_path, monkeypatch):
    content = bytearray(PACKAGED.read_bytes())
    content[len(content) // 2] ^= 1
    broken = tmp_path / "digits.npz"
    if damage != "missing":
        broken.write_bytes(content if damage == "flipped" else content[: len(content) // 2])
    monkeypatch.setattr(mnist, "PACKAGED", broken)
    with pytest.raises(DataError) as caught:
        digits()
    message = str(caught.value)
    assert str(broken) in message
    assert "reinstall" in message
    assert caught.value.exit_code == 3
    if damage != "missing":
        assert mnist.PACKAGED_SHA256 in message
        assert message.count("sha256") == 1


POISONS = {
    "mismatch": "raise RuntimeError('operator torchvision::nms does not exist')",
    "absent": "raise ModuleNotFoundError(\"No module named 'torchvision'\")",
}


@pytest.mark.parametrize("poison", POISONS)
def test_a_broken_torchvision_hurts_only_what_needs_it_and_is_explained(poison, tmp_path):
    package = tmp_path / "torchvision"
    package.mkdir()
    (package / "__init__.py").write_text(POISONS[poison])
    program = """
        import sys
        from flowrepro.data.mnist import digits
        from flowrepro.errors import EnvironmentFault
        assert digits(subset=10).X.shape == (10, 784)
        assert "torchvision" not in sys.modules and "torch" not in sys.modules
        for options in ({"positive": 2}, {"dataset": "kmnist"}):
            try:
                digits(**options)
            except EnvironmentFault as error:
                assert error.exit_code == 7 and error.__suppress_context__
                print(error)
    """
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(mnist.__file__).parents[2])])}
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)], env=environment, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert "torchvision" in line.split("(")[1]
        assert "belong together" in line
        assert "0, 1, 3, 7, 8" in line


class _Tensor:
    def __init__(self, values):
        self.values = np.asarray(values)

    def numpy(self):
        return self.values


def _official(monkeypatch, loader):
    """Put a torchvision whose every data set is ``loader`` in place of the real one."""
    import types

    datasets = types.ModuleType("torchvision.datasets")
    for name, _ in mnist.OFFICIAL.values():
        setattr(datasets, name, loader)
    package = types.ModuleType("torchvision")
    package.datasets = datasets
    monkeypatch.setitem(sys.modules, "torchvision", package)
    monkeypatch.setitem(sys.modules, "torchvision.datasets", datasets)


@pytest.mark.parametrize("dataset", mnist.OFFICIAL)
def test_other_digits_come_from_the_training_split_in_the_chosen_folder(dataset, tmp_path, monkeypatch, capsys):
    asked = {}

    def loader(folder, **options):
        asked.update(options, folder=folder)
        print("Downloading")

        class Split:
            data = _Tensor(np.repeat(np.array([10, 20, 30, 40], np.uint8), 784).reshape(4, 28, 28))
            targets = _Tensor([2, 5, 9, 2])

        return Split

    monkeypatch.setenv("FLOWREPRO_DATA", str(tmp_path))
    _official(monkeypatch, loader)
    found = digits(dataset, positive=2, negative=5)
    assert found.y.tolist() == [1, 1, -1]
    assert found.extra["mean_image"][0] == pytest.approx((10 + 40 + 20) / 3 / 255)
    assert asked["folder"] == str(tmp_path)
    assert asked["train"]
    assert asked["download"]
    assert capsys.readouterr().out == ""  # standard output is for data


def test_a_refused_download_becomes_one_sentence_with_cause_folder_and_remedy(tmp_path, monkeypatch):
    def loader(folder, **options):
        raise RuntimeError("Error downloading train-images:\nTried mirror, got:\nHTTP Error 503: Service Unavailable\n")

    monkeypatch.setenv("FLOWREPRO_DATA", str(tmp_path))
    _official(monkeypatch, loader)
    with pytest.raises(EnvironmentFault, match="HTTP Error 503") as caught:
        digits("fashion-mnist")
    assert "\n" not in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert "FLOWREPRO_DATA" in str(caught.value)


def test_the_default_folder_is_in_the_users_cache(monkeypatch, tmp_path):
    monkeypatch.delenv("FLOWREPRO_DATA", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert mnist.cache_folder() == tmp_path / "flowrepro"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert mnist.cache_folder() == tmp_path / ".cache" / "flowrepro"
