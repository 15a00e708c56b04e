"""How the engines compile: one decorator around numba."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

FAST = {"reassoc", "contract", "nsz"}
"""Sums may be vectorised and fused multiply-adds used; nan and inf keep their meaning (divergence must be seen)."""


def compiled(function: Function) -> Function:
    """``function`` compiled by numba at its first call, without the interpreter lock; x / 0 is inf or nan.

    The machine code is kept on disk; where no directory is writable it is compiled anew in every process.
    """
    options: dict[str, Any] = {"nogil": True, "fastmath": FAST, "error_model": "numpy"}
    try:
        return cast("Function", numba.njit(cache=True, **options)(function))
    except RuntimeError:  # numba's "no locator available"
        return cast("Function", numba.njit(**options)(function))


def is_compiled(kernel: Any) -> bool:
    """Whether a call of ``kernel`` starts at once: compiled in this process, or found on disk (a hint, not a promise)."""
    if kernel.signatures:
        return True
    folder = kernel.stats.cache_path
    return folder is not None and any(Path(folder).glob(f"*.{kernel.py_func.__qualname__}-*.nbc"))
