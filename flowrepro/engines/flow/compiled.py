"""Compilation of the flow's inner loops: without fast-math, since events are decided by signs of
tiny numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from flowrepro.engines import compiled

Function = TypeVar("Function", bound=Callable[..., Any])


def jit(function: Function) -> Function:
    """``function`` compiled by numba, callable from compiled code and from Python."""
    return compiled.jit(function)


def inner(function: Function) -> Function:
    """``function`` compiled by numba for compiled callers only: half the time to compile where
    arguments are large tuples.
    """
    return compiled.jit(function, no_cpython_wrapper=True, no_cfunc_wrapper=True)
