"""How the engines compile: one decorator around numba."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

range_parallel = numba.prange

FAST = {"reassoc", "contract", "nsz"}
"""Sums may be vectorised and fused multiply-adds used; nan and inf keep their meaning (divergence must be seen)."""


def compiled(function: Function) -> Function:
    """``function`` compiled by numba at its first call, without the interpreter lock; x / 0 is inf or nan.

    The machine code is kept on disk; where no directory is writable it is compiled anew in every process.
    """
    return _jit(function)


def compiled_parallel(function: Function) -> Function:
    """As `compiled`, with the iterations of its outer ``range_parallel`` shared among the cores."""
    return _jit(function, parallel=True)


def _jit(function: Function, **more: Any) -> Function:
    options: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy", **more}
    try:
        return cast("Function", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # numba's "no locator available"
        return cast("Function", numba.njit(**options)(function))


@contextlib.contextmanager
def at_most_threads(count: int | None) -> Iterator[int]:
    """Run parallel kernels on at most ``count`` cores inside the block (None: on all that numba may use); the number in use."""
    before = numba.get_num_threads()
    numba.set_num_threads(before if count is None else max(1, min(count, before)))
    try:
        yield int(numba.get_num_threads())
    finally:
        numba.set_num_threads(before)


def is_compiled(kernel: Any) -> bool:
    """Whether a call of ``kernel`` starts at once: compiled in this process, or found on disk (a hint, not a promise)."""
    if kernel.signatures:
        return True
    folder = kernel.stats.cache_path
    return folder is not None and any(Path(folder).glob(f"*.{kernel.py_func.__qualname__}-*.nbc"))
