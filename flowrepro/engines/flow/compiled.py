"""Compilation of the engine's inner loops, cached on disk where there is a writable place."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def _package_stamp() -> tuple[tuple[str, int, int], ...]:
    files = sorted(file for file in Path(__file__).parent.glob("*.py") if "flow.compiled import" in file.read_text())
    return tuple((file.name, file.stat().st_mtime_ns, file.stat().st_size) for file in files)


_STAMP = _package_stamp()


def jit(function: Function) -> Function:
    """``function`` compiled by numba, callable from compiled code and from Python."""
    return _compile(function)


def inner(function: Function) -> Function:
    """``function`` compiled by numba for compiled callers only: half the time to compile where arguments are large tuples."""
    return _compile(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)


def _compile(function: Function, **options: Any) -> Function:
    """Compiled, and cached on disk unless no cache directory is writable."""
    options |= {"error_model": "numpy", "nogil": True}
    try:
        compiled = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # numba's "no locator available"
        return cast("Function", numba.njit(**options)(function))
    # numba looks for changes only in the file of the function itself, never in those of its callees.
    stored = getattr(getattr(compiled, "_cache", None), "_cache_file", None)
    if stored is not None:
        stored._source_stamp = _STAMP
    return cast("Function", compiled)
