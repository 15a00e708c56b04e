"""Pairs of digits as a two-class problem: the MNIST digits of the papers are packaged, others come
through torchvision.

``digits.npz`` holds one uint8 array (count, 28, 28) per packaged digit, named by the digit, in the
order of the MNIST training split; ``build_digits.py`` makes it. Attribution and licence: NOTICE.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Dataset
from flowrepro.errors import DataError, EnvironmentFault, UsageError

PACKAGED = Path(__file__).with_name("digits.npz")
PACKAGED_DIGITS = (0, 1, 3, 7, 8)
PACKAGED_SHA256 = "da85e73f4e5a0a5f34886c41cc2328a4c76ab31f58c0df560f55b44116d7f46c"
OFFICIAL: dict[str, tuple[str, dict[str, str]]] = {
    "mnist": ("MNIST", {}),
    "fashion-mnist": ("FashionMNIST", {}),
    "kmnist": ("KMNIST", {}),
    "emnist": ("EMNIST", {"split": "digits"}),
}
"""name -> (class of torchvision.datasets, its options besides root, train and download)."""


def digits(
    dataset: str = "mnist",
    positive: int = 1,
    negative: int = 0,
    subset: int | None = None,
    subset_seed: int = 0,
) -> Dataset:
    """Two classes of 28 x 28 images, pixels in [0, 1] minus the mean image of the selected images
    (min2024 Section 4).

    Parameters
    ----------
    dataset : a key of OFFICIAL; for those other than "mnist" the digits are the class numbers 0..9.
    positive, negative : classes of the training split that get y = +1 and y = -1.
    subset : number of images drawn without replacement by ``default_rng(subset_seed).choice``; None
        for all.
        The mean is taken after drawing.

    Returns
    -------
    Dataset
        X (n, 784) and y (n,) in float32, positives first, each class in the order of the file;
        ``extra["mean_image"]`` (784,) in float64.

    Raises
    ------
    UsageError
        For options out of range.
    DataError
        If the packaged file is damaged.
    EnvironmentFault
        If torchvision cannot provide a data set that is not packaged.
    """
    _check_options(dataset, positive, negative)
    packaged = dataset == "mnist" and {positive, negative} <= set(PACKAGED_DIGITS)
    first, second = (packaged_digits if packaged else _official_digits(dataset))(positive, negative)
    images = np.concatenate([first, second]).reshape(len(first) + len(second), -1)
    y = np.repeat(np.array([1.0, -1.0], dtype=np.float32), [len(first), len(second)])
    if subset is not None:
        drawn = _draw(len(y), subset, subset_seed)
        images, y = images[drawn], y[drawn]
    mean_image = images.mean(axis=0, dtype=np.float64) / 255.0
    X = (images / 255.0 - mean_image).astype(np.float32)
    note = (
        f"{dataset} training split, {positive} (+1) against {negative} (-1), {len(y)} images, "
        "centred"
    )
    one_class = (
        (
            f"all {len(y)} images drawn are of one class; draw more than {subset} or change "
            "subset_seed.",
        )
        if len(set(y.tolist())) == 1
        else ()
    )
    return Dataset(X, y, note, extra={"mean_image": mean_image}, warnings=one_class)


def packaged_digits(*wanted: int) -> list[np.ndarray]:
    """The packaged images (count, 28, 28) of each wanted digit, uint8;

    DataError unless the file is the one released.
    """
    remedy = "reinstall flowrepro (pip install --force-reinstall --no-deps flowrepro)"
    try:
        content = PACKAGED.read_bytes()
    except OSError as error:
        raise DataError(
            f"the packaged digits {PACKAGED} cannot be read ({error.strerror}): {remedy}"
        ) from None
    found = hashlib.sha256(content).hexdigest()
    if found != PACKAGED_SHA256:
        raise DataError(
            f"the packaged digits {PACKAGED} are damaged, expected sha256 {PACKAGED_SHA256} but "
            f"got {found}: {remedy}"
        )
    with np.load(io.BytesIO(content), allow_pickle=False) as archive:
        return [archive[str(digit)] for digit in wanted]


def cache_folder() -> Path:
    """Where official data sets are kept: $FLOWREPRO_DATA, else flowrepro in the user's cache
    folder.
    """
    if chosen := os.environ.get("FLOWREPRO_DATA"):
        return Path(chosen).expanduser()
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "flowrepro"


def _official_digits(dataset: str) -> Any:
    """A function of class numbers that returns their images, from the training split that
    torchvision provides.
    """
    needless = (
        f"(digits {', '.join(map(str, PACKAGED_DIGITS))} of mnist need neither torchvision nor a "
        "network)"
    )
    try:
        from torchvision import datasets
    except Exception as error:
        raise EnvironmentFault(
            f"data set '{dataset}' is read through torchvision, which cannot be imported "
            f"({_one_line(error)}): "
            "install builds of torch and torchvision that belong together, both for CPU or both "
            f"for the same CUDA {needless}"
        ) from None
    name, options = OFFICIAL[dataset]
    folder = "$FLOWREPRO_DATA"
    try:
        folder = str(cache_folder())
        with contextlib.redirect_stdout(sys.stderr):
            official = getattr(datasets, name)(folder, train=True, download=True, **options)
        images, labels = official.data.numpy(), official.targets.numpy()
    except Exception as error:
        raise EnvironmentFault(
            f"torchvision could not provide data set '{dataset}' in {folder} ({_one_line(error)}): "
            f"check the network, or set FLOWREPRO_DATA to a folder that already holds {name}/raw "
            f"{needless}"
        ) from None
    return lambda *wanted: [images[labels == digit] for digit in wanted]


def _check_options(dataset: str, positive: int, negative: int) -> None:
    if dataset not in OFFICIAL:
        raise UsageError(
            f"data.options.dataset must be one of {', '.join(OFFICIAL)}, not '{dataset}'"
        )
    for name, digit in (("positive", positive), ("negative", negative)):
        if type(digit) is not int or not 0 <= digit <= 9:
            raise UsageError(
                f"data.options.{name} must be a whole number from 0 to 9, not '{digit}'"
            )
    if positive == negative:
        raise UsageError(
            f"data.options.positive and data.options.negative must differ, both are {positive}"
        )


def _draw(n: int, subset: int, seed: int) -> np.ndarray:
    """Positions of the drawn images, increasing, so that positives stay first."""
    if type(subset) is not int or not 2 <= subset <= n:
        raise UsageError(
            f"data.options.subset must be null (all) or a whole number from 2 to {n}, the number "
            f"of images, not '{subset}'"
        )
    if type(seed) is not int or seed < 0:
        raise UsageError(
            f"data.options.subset_seed must be a whole number that is not negative, not '{seed}'"
        )
    return np.sort(np.random.default_rng(seed).choice(n, subset, replace=False))


def _one_line(error: Exception) -> str:
    """The error's class and text without line breaks, cut at 300 characters."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
