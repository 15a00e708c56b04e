"""Faults of devices, injected: which of them it is, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from flowrepro.engines.torch_device import exact_arithmetic, existing_devices, resolve_device
from flowrepro.errors import EnvironmentFault, UsageError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Pretend a PyTorch build and GPUs: machine(build=None | "12.4", gpus=0, error=None)."""

    def pretend(build: str | None = "12.4", gpus: int = 0, error: str | None = None) -> None:
        def init() -> None:
            if error:
                raise RuntimeError(error)

        monkeypatch.setattr(torch.version, "cuda", build)
        monkeypatch.setattr(torch.cuda, "init", init)
        monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
        monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: f"GPU {index}")

    return pretend


FAULTS = (
    ({"build": None}, "CPU-only build"),
    (
        {"error": "The NVIDIA driver on your system is too old (found version 11040)."},
        "driver is too old for CUDA 12.4",
    ),
    ({"error": "Found no NVIDIA driver on your system. Please check"}, "no NVIDIA driver is installed"),
    ({"error": "CUDA unknown error"}, "CUDA does not start .CUDA unknown error"),
    ({"gpus": 0}, "shows no GPU"),
)


@pytest.mark.parametrize(("state", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_cuda_that_cannot_be_used_is_named_with_its_remedy(
    machine: Callable[..., None], state: dict[str, object], said: str
) -> None:
    machine(**state)
    for name in ("cuda", "cuda:0", "cuda:7"):
        with pytest.raises(EnvironmentFault, match=f"{said}.*--device cpu"):
            resolve_device(name)
    device, note = resolve_device("auto")
    assert device.type == "cpu"
    assert note.startswith("device cpu, as no GPU can be used: ")


def test_devices_that_exist(machine: Callable[..., None]) -> None:
    machine(gpus=2)
    assert existing_devices() == ["cpu", "cuda:0", "cuda:1"]
    assert resolve_device("cuda") == (torch.device("cuda", 0), "device cuda:0 (GPU 0)")
    assert resolve_device("cuda:1")[0] == torch.device("cuda", 1)
    assert resolve_device("auto")[0] == torch.device("cuda", 0)
    assert resolve_device("cpu")[0] == torch.device("cpu")


@pytest.mark.parametrize("name", ["cuda:2", "cuda:7", "cdua", "mps", "cuda:-1", "cuda:", ""])
def test_devices_that_do_not_exist_list_those_that_do(machine: Callable[..., None], name: str) -> None:
    machine(gpus=2)
    with pytest.raises(UsageError, match="cpu, cuda:0, cuda:1"):
        resolve_device(name)


def test_unknown_names_without_a_gpu_list_the_cpu(machine: Callable[..., None]) -> None:
    machine(build=None)
    with pytest.raises(UsageError, match="one of auto, cpu, not 'mps'"):
        resolve_device("mps")


def test_exact_arithmetic_restores_what_it_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.set_float32_matmul_precision("high")
    try:
        with exact_arithmetic(torch.device("cuda")):
            assert torch.get_float32_matmul_precision() == "highest"
            assert torch.are_deterministic_algorithms_enabled()
        assert torch.get_float32_matmul_precision() == "high"
        assert not torch.are_deterministic_algorithms_enabled()
        with exact_arithmetic(torch.device("cpu")):
            assert torch.get_float32_matmul_precision() == "high"
    finally:
        torch.set_float32_matmul_precision("highest")
