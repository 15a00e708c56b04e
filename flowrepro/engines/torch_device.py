"""Which device a name means, and what to do where it does not exist."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from flowrepro.errors import EnvironmentFault, UsageError


def resolve_device(name: str) -> tuple[torch.device, str]:
    """The device ``name`` asks for and one line that says what was taken.

    "auto" takes the first GPU and falls back to the CPU, giving the reason; nothing else falls
    back.

    Raises
    ------
    UsageError : a name other than auto, cpu, cuda, cuda:<i>, or an index that does not exist.
    EnvironmentFault : cuda is asked for and PyTorch cannot use a GPU here.
    """
    match = re.fullmatch(r"cuda(?::(\d+))?", name)
    if name not in ("auto", "cpu") and match is None:
        raise UsageError(
            f"device must be one of auto, {', '.join(existing_devices())}, not '{name}'"
        )
    if name == "cpu":
        return torch.device("cpu"), "device cpu as asked"
    fault = cuda_fault()
    if name == "auto":
        if fault:
            return torch.device("cpu"), f"device cpu, as no GPU can be used: {fault[0]}"
        return torch.device("cuda:0"), f"device cuda:0 ({torch.cuda.get_device_name(0)})"
    if fault:
        raise EnvironmentFault(
            f"device '{name}' cannot be used: {fault[0]}; {fault[1]}, or run with --device cpu"
        )
    assert match is not None
    index = int(match[1] or 0)
    if index >= torch.cuda.device_count():
        raise UsageError(
            f"device '{name}' does not exist here; the devices are {', '.join(existing_devices())}"
        )
    return torch.device("cuda", index), f"device cuda:{index} ({torch.cuda.get_device_name(index)})"


def existing_devices() -> list[str]:
    """Names of the devices that can be used: cpu, cuda:0, ..."""
    count = 0 if cuda_fault() else torch.cuda.device_count()
    return ["cpu", *(f"cuda:{index}" for index in range(count))]


def cuda_fault() -> tuple[str, str] | None:
    """None where a GPU can be used, else (what is wrong, the remedy)."""
    if torch.version.cuda is None:
        return (
            "this PyTorch is a CPU-only build",
            "install a CUDA build ('pip install --force-reinstall torch' takes it on Linux)",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.cuda.init()  # type: ignore[no-untyped-call]
            count = torch.cuda.device_count()
    except (RuntimeError, AssertionError) as error:
        said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        if "too old" in said:
            return (
                f"the NVIDIA driver is too old for CUDA {torch.version.cuda}",
                "update the driver, or install a PyTorch built for an older CUDA",
            )
        if "no NVIDIA driver" in said:
            return (
                "no NVIDIA driver is installed, so there is no GPU to use",
                "install the driver if this machine has a GPU",
            )
        return f"CUDA does not start ({said.rstrip('.')})", "repair the CUDA installation"
    return (
        None
        if count
        else ("this machine shows no GPU", "check CUDA_VISIBLE_DEVICES and nvidia-smi")
    )


@contextmanager
def faults_named(device: torch.device) -> Iterator[None]:
    """Errors of CUDA raised inside (memory that ran out, a driver that was reset) become one
    EnvironmentFault.
    """
    try:
        yield
    except RuntimeError as error:
        said = str(error).strip().partition("\n")[0]
        if device.type != "cuda" or "CUDA" not in said:
            raise
        raise EnvironmentFault(
            f"device '{device}' failed ({said.rstrip('.')}); the same command goes on once it "
            "works, or use --device cpu"
        ) from error


@contextmanager
def exact_arithmetic(device: torch.device) -> Iterator[None]:
    """On CUDA: no TF32 and deterministic algorithms, restored afterwards.

    On the CPU both hold anyway.
    """
    if device.type != "cuda":
        yield
        return
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # cuBLAS is deterministic only with a fixed workspace
    precision, deterministic = (
        torch.get_float32_matmul_precision(),
        torch.are_deterministic_algorithms_enabled(),
    )
    torch.set_float32_matmul_precision("highest")
    torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(precision)
        torch.use_deterministic_algorithms(deterministic)


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for the products inside, which are too small for more.

    On a busy machine threads that wait for each other made them ten times slower (measured).
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
