"""How the engines compile: one decorator around numba."""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

range_parallel = numba.prange

FAST = {"reassoc", "contract", "nsz"}
"""Sums may be vectorised and fused multiply-adds used; nan and inf keep their meaning (divergence
must be seen).
"""

LOSS_CODES = {"square": 0, "logistic": 1, "logistic2": 2, "exp": 3}
"""What the kernels call the losses of ``network.LOSSES``."""


def compiled(function: Function) -> Function:
    """``function`` compiled by numba at its first call, without the interpreter lock; x / 0 is inf
    or nan.

    The machine code is kept on disk; where no directory is writable it is compiled anew in every
    process.
    """
    return jit(function, fastmath=FAST)


def compiled_inline(function: Function) -> Function:
    """As `compiled`, with every call of it inlined.

    Without this a kernel that was just compiled may call other copies of its callees than the same
    kernel loaded from disk, which `reassoc` lets round differently.
    """
    return jit(function, fastmath=FAST, forceinline=True)


def compiled_parallel(function: Function) -> Function:
    """As `compiled`, with the iterations of its outer ``range_parallel`` shared among the cores."""
    return jit(function, fastmath=FAST, parallel=True)


def jit(function: Function, **options: Any) -> Function:
    """What the decorators above share: ``options`` are numba's, without fast-math unless given."""
    options = {"nogil": True, "error_model": "numpy", **options}
    try:
        kernel = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba's "no locator available"
        return cast("Function", numba.njit(**options)(function))
    # numba looks for changes only in the file of the function itself, never in those of its
    # callees.
    stored = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    if stored is not None:
        stored._source_stamp = _source_stamp(Path(function.__code__.co_filename).parent)
    return cast("Function", kernel)


@functools.cache
def _source_stamp(folder: Path) -> str:
    """Hash of all code in a folder of engines and in this file: what kernels in the folder may
    call.
    """
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for path in sorted(folder.glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()


@contextlib.contextmanager
def at_most_threads(count: int | None) -> Iterator[int]:
    """Run parallel kernels on at most ``count`` cores inside the block (None: on all that numba may
    use); the number in use.
    """
    before = numba.get_num_threads()
    numba.set_num_threads(before if count is None else max(1, min(count, before)))
    try:
        yield int(numba.get_num_threads())
    finally:
        numba.set_num_threads(before)


def is_compiled(kernel: Any) -> bool:
    """Whether a call of ``kernel`` starts at once: compiled in this process, or found on disk (a
    hint, not a promise).
    """
    if kernel.signatures:
        return True
    folder = kernel.stats.cache_path
    return folder is not None and any(Path(folder).glob(f"*.{kernel.py_func.__qualname__}-*.nbc"))
