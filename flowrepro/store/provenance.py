"""Where a result comes from: code, versions, machine."""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import flowrepro

PACKAGE = Path(flowrepro.__file__).parent
TARGETS = ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "NUMBA_OPT", "NUMBA_ENABLE_AVX")
"""Variables that change what numba compiles, and so the bits of a result."""
DEPENDENCIES = ("numpy", "scipy", "numba", "torch", "matplotlib")


def _hash(patterns: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for path in sorted({path for pattern in patterns for path in PACKAGE.glob(pattern)}):
        digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:16]


@functools.cache
def package_hash() -> str:
    """Hash of all of the package's code."""
    return _hash(("**/*.py",))


@functools.cache
def versions() -> dict[str, str]:
    """Versions of python and of every dependency that computes, read without importing any."""
    found = {"python": platform.python_version(), "flowrepro": flowrepro.__version__}
    for name in DEPENDENCIES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "absent"
    return found


def threads() -> int:
    """Threads that a matrix product may use."""
    for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        if os.environ.get(variable, "").isdecimal():
            return int(os.environ[variable])
    return cores()


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def conditions(
    code: str, libraries: tuple[str, ...], *, threads_matter: bool, **more: str
) -> dict[str, str]:
    """What must be equal for a computation to come out bit-identical.

    code : fingerprint of the code that it reaches. libraries : those whose version matters beside
    Python and numpy. threads_matter : whether sums depend on the number of threads.
    """
    found = {"code": code, "cpu": cpu(), **more}
    found |= {f"version of {name}": versions()[name] for name in ("python", "numpy", *libraries)}
    if "numba" in libraries:
        found["compile target"] = compile_target()
    return found | ({"threads": str(threads())} if threads_matter else {})


@functools.cache
def cpu() -> str:
    """The processor's model name."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def compile_target() -> str:
    """What numba compiles for: the processor's features, unless its variables name others."""
    asked = [f"{name}={os.environ[name]}" for name in TARGETS if os.environ.get(name)]
    return ", ".join([*asked, f"features {_features()}"])


@functools.cache
def _features() -> str:
    """A hash of the processor's features, which a virtual machine may mask."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    named = [line.split(":", 1)[1] for line in lines if line.startswith(("flags", "Features"))]
    flags = " ".join(sorted(named[0].split())) if named else platform.machine()
    return hashlib.sha256(flags.encode()).hexdigest()[:10]


@functools.cache
def revision() -> dict[str, Any]:
    """Git revision of the checkout the package lies in, whether it is dirty, and the uncommitted
    difference.
    """

    def git(*words: str) -> str:
        done = subprocess.run(
            ["git", *words], cwd=PACKAGE, capture_output=True, text=True, timeout=10, check=True
        )
        return done.stdout

    try:
        if Path(git("rev-parse", "--show-toplevel").strip()) != PACKAGE.parent:
            return {"revision": None, "dirty": False}
        difference = git("diff", "HEAD", "--", ".")
        return {
            "revision": git("rev-parse", "HEAD").strip(),
            "dirty": bool(difference),
            "difference": difference[:100_000],
        }
    except (OSError, subprocess.SubprocessError):
        return {"revision": None, "dirty": False}


def describe() -> dict[str, Any]:
    """Command line, code, versions and machine, for provenance.json."""
    return {
        "argv": sys.argv,
        "package": package_hash(),
        "git": revision(),
        "versions": versions(),
        "platform": platform.platform(),
        "cpu": cpu(),
        "threads": threads(),
    }
