"""How the engines compile: one decorator around numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])

FAST = {"reassoc", "contract"}
"""Sums may be vectorised and fused multiply-adds used; nan and inf keep their meaning (divergence must be seen)."""


def compiled(function: Function) -> Function:
    """``function`` compiled by numba at its first call, without the interpreter lock.

    The machine code is kept on disk; where no directory is writable it is compiled anew in every process.
    """
    try:
        return cast("Function", numba.njit(cache=True, nogil=True, fastmath=FAST)(function))
    except RuntimeError:
        return cast("Function", numba.njit(nogil=True, fastmath=FAST)(function))
