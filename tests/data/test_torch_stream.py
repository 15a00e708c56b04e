"""The stream in numpy against torch itself."""

import numpy as np
import pytest
import torch

from flowrepro.data.torch_stream import TorchStream


@pytest.mark.parametrize("seed", [0, 4, 2**32 - 1])
def test_uniforms_and_signs_are_those_of_torch(seed):
    torch.manual_seed(seed)
    stream = TorchStream(seed)
    np.testing.assert_array_equal(stream.uniform(37), torch.rand(37).numpy())
    np.testing.assert_array_equal(stream.signs(50), 2 * torch.bernoulli(0.5 * torch.ones(50)).numpy() - 1)


@pytest.mark.parametrize("n", [1, 2, 7, 15, 16, 17, 40, 100])
def test_normals_of_every_length_are_those_of_torch(n):
    """With a float in between: the stream has also taken as many words as torch, and kept the same
    half of a pair.
    """
    torch.manual_seed(4)
    stream = TorchStream(4)
    for _ in range(3):
        np.testing.assert_array_equal(stream.uniform(1), torch.rand(1).numpy())
        np.testing.assert_allclose(stream.normal(n), torch.randn(n).numpy(), atol=2e-6)


def test_a_layer_is_that_of_torch():
    torch.manual_seed(4)
    layer = torch.nn.Linear(7, 5, bias=False)
    layer.weight.data.normal_(0.0, 0.5)
    np.testing.assert_allclose(0.5 * TorchStream(4).linear(5, 7), layer.weight.detach().numpy(), atol=2e-6)
