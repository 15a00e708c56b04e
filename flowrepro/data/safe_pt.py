"""Points from a file of ``torch.save``: tensors alone, and no code of the file is ever run.

The archive is bounded before PyTorch sees it. PyTorch's own restricted unpickler reads it
(``weights_only``), which refuses every function and class but those that make a tensor.
"""

from __future__ import annotations

import math
import warnings
import zipfile
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from flowrepro.data.safe_npz import MAX_BYTES, check_directory
from flowrepro.errors import DataError

REMEDY = "save it with torch.save({'X': X, 'y': y}, path)"


def read_tensors(handle: BinaryIO, path: Path) -> tuple[np.ndarray, np.ndarray, str]:
    """x, y in float64, and what was read as what, of an open ``.pt`` file.

    The file holds a dict of tensors X (or x) and y, whose other tensors are left alone, or a tuple
    or list (X, y).
    Raises DataError for all else, before any code of the file could run.
    """
    check_directory(handle, path, "a file of torch.save", REMEDY)
    try:
        with zipfile.ZipFile(handle) as archive:
            stored = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise DataError(f"{path} is not a sound file of torch.save ({error}): {REMEDY}") from None
    if sum(info.file_size for info in stored) > MAX_BYTES:
        raise DataError(f"{path} holds more than the limit of {MAX_BYTES} bytes: use fewer points")
    import torch

    handle.seek(0)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # PyTorch's remarks on what is refused below
            found = torch.load(handle, map_location="cpu", weights_only=True)
    except Exception:  # a damaged archive raises many kinds, with many words on weights_only
        raise DataError(
            f"{path} holds more than tensors, such as a module, or is damaged, and what is not a "
            f"tensor is never loaded: {REMEDY}"
        ) from None
    if isinstance(found, dict):
        names = [name for name in ("x", "X", "y") if name in found]
        if len(names) != 2 or names[1] != "y":
            raise DataError(
                f"{path} holds a dict without one tensor X and one tensor y (keys: "
                f"{', '.join(map(repr, list(found)[:8])) or 'none'}): {REMEDY}"
            )
        x, y = (found[name] for name in names)
        told = f"tensors {' and '.join(names)}"
    elif isinstance(found, tuple | list) and len(found) == 2:
        x, y = found
        told = f"x and y = the two tensors of a {type(found).__name__}"
    else:
        raise DataError(
            f"{path} holds one {type(found).__name__} where X and y are needed: {REMEDY}"
        )
    return _numbers(x, "X", path), _numbers(y, "y", path), told


def _numbers(tensor: Any, name: str, path: Path) -> np.ndarray:
    import torch

    if not isinstance(tensor, torch.Tensor):
        raise DataError(
            f"{path}: {name} is no tensor but a {type(tensor).__name__}: {REMEDY} from tensors"
        )
    dense = tensor.layout == torch.strided and not tensor.is_meta and not tensor.is_quantized
    if tensor.is_complex() or not dense:
        raise DataError(
            f"{path}: {name} is not a dense tensor of real numbers ({tensor.dtype}, "
            f"{tensor.layout}): convert it to float64 first"
        )
    if math.prod(tensor.shape) * 8 > MAX_BYTES:  # a view may repeat a single stored number
        raise DataError(
            f"{path}: {name} holds more than the limit of {MAX_BYTES} bytes of float64: use fewer "
            "points"
        )
    return tensor.detach().to(torch.float64).numpy().copy()
