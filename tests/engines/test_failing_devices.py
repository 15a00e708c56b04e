"""Devices that are absent or fail in the middle."""

from __future__ import annotations

import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from faults import SHORT_TOY, TOY, Call, refused
from problems import random_problem

from flowrepro.errors import EnvironmentFault


def test_cuda_without_cuda(flowrepro: Call, tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    refused(flowrepro(*TOY, "--engine", "torch", "--device", "cuda", "--out", tmp_path), 7, "cuda", "--device cpu")


@pytest.mark.parametrize("device", ["cdua", "cuda:77", "mps"])
def test_devices_that_do_not_exist(flowrepro: Call, tmp_path: Path, device: str) -> None:
    result = flowrepro(*TOY, "--engine", "torch", "--device", device, "--out", tmp_path)
    assert result.code in (2, 7)
    refused(result, result.code, device, "cpu")


def test_a_step_that_cannot_be_captured_is_made_eagerly_with_the_same_bits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machinery of CUDA graphs on the CPU, its capture refused; the weights that the warm-up
    moved are put back.
    """
    torch = pytest.importorskip("torch")
    from flowrepro.engines import torch_gd

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("operation not permitted when stream is capturing\nmore")

    stream = SimpleNamespace(wait_stream=lambda other: None)
    stand_ins = {"CUDAGraph": object, "Stream": lambda: stream, "current_stream": lambda: stream, "graph": refuse}
    for name, stand_in in {**stand_ins, "device": contextlib.nullcontext, "stream": contextlib.nullcontext}.items():
        monkeypatch.setattr(torch.cuda, name, stand_in)
    problem = random_problem(n_steps=20, batch_size=2)
    plain, captured = torch_gd.TorchGD(problem), torch_gd.TorchGD(problem)
    captured._graphs = torch_gd._StepGraphs(captured)
    assert np.array_equal(plain.advance(np.arange(21)), captured.advance(np.arange(21)))
    assert np.array_equal(plain.weights()[0], captured.weights()[0])
    assert captured.stats["cuda_graph"] == "eager: operation not permitted when stream is capturing"


@pytest.mark.parametrize(
    "said", ["CUDA out of memory. Tried to allocate 2.00 GiB.", "CUDA error: unspecified launch failure\nFor debugging"]
)
def test_a_gpu_that_fails_in_the_middle_is_a_fault_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, said: str
) -> None:
    torch = pytest.importorskip("torch")
    from flowrepro.engines import torch_gd

    def fail(*_: object) -> None:
        raise (torch.cuda.OutOfMemoryError if "memory" in said else RuntimeError)(said)

    engine = torch_gd.TorchGD(random_problem())
    monkeypatch.setattr(engine, "_descend", fail)
    with pytest.raises(RuntimeError, match="CUDA"):
        engine.advance(np.array([1]))  # on the CPU nothing is translated
    monkeypatch.setattr(engine, "_device", torch.device("cuda:0"))
    with pytest.raises(EnvironmentFault, match=r"device 'cuda:0' failed \(CUDA .*--device cpu") as fault:
        engine.advance(np.array([1]))
    assert fault.value.exit_code == 7
    assert "\n" not in str(fault.value)


def test_other_errors_are_not_blamed_on_the_gpu() -> None:
    torch = pytest.importorskip("torch")
    from flowrepro.engines.torch_device import faults_named

    with pytest.raises(RuntimeError, match="shapes"), faults_named(torch.device("cuda:0")):
        raise RuntimeError("shapes cannot be multiplied")


def test_finished_cases_are_kept_when_the_device_fails(
    flowrepro: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("torch")
    from flowrepro.engines.torch_gd import TorchGD

    original, calls = TorchGD.advance, [0]

    def fail_later(self: TorchGD, steps: np.ndarray) -> np.ndarray:
        calls[0] += 1
        if self.problem.seed == 1:
            raise EnvironmentFault("device 'cuda:0' failed")
        return original(self, steps)

    monkeypatch.setattr(TorchGD, "advance", fail_later)
    words = (*SHORT_TOY, "--engine", "torch", "--seeds", "0:2", "--out", tmp_path, "--json")
    result = flowrepro(*words)
    assert result.code == 7
    assert [run["seed"] for run in result.json()["runs"]] == [0]
    monkeypatch.setattr(TorchGD, "advance", original)
    again = flowrepro(*words)
    assert again.code in (0, 5), again.err
    assert [run["reused"] for run in again.json()["runs"]] == [True, False]
