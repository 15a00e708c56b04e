"""The random numbers of PyTorch's CPU generator in plain numpy: data that a paper drew with torch,
on any machine without it.

torch.manual_seed fills a Mersenne Twister as init_genrand of Matsumoto and Nishimura does. A float
is the low 24 bits of one word, a double the low 53 bits of two. 16 or more normals are made by Box
and Muller from blocks of 16 floats (the first eight give radii, the others angles), a remainder by
doing the last 16 again; fewer are made from pairs of doubles.
What differs from torch is the rounding of its float32 (1e-6 of a normal).
"""

from __future__ import annotations

import numpy as np

WORDS = 624
BLOCK = 16


class TorchStream:
    """``torch.manual_seed(seed)`` and the draws that follow, in order; all values float64."""

    def __init__(self, seed: int) -> None:
        key = [seed & 0xFFFFFFFF]
        for i in range(1, WORDS):
            key.append((1812433253 * (key[-1] ^ (key[-1] >> 30)) + i) & 0xFFFFFFFF)
        self._spare = np.empty(0)  # the second normal of a pair of which one was asked for
        self._words = np.random.MT19937()
        self._words.state = {
            "bit_generator": "MT19937",
            "state": {"key": np.array(key, dtype=np.uint32), "pos": WORDS},
        }

    def uniform(self, n: int) -> np.ndarray:
        """n float32 uniforms in [0, 1): torch.rand."""
        return np.asarray((self._words.random_raw(n) & 0xFFFFFF) * 2.0**-24)

    def normal(self, n: int) -> np.ndarray:
        """n standard normals: torch.randn, or Tensor.normal_ of any standard deviation divided by
        it.
        """
        if n < BLOCK:
            missing = max(0, n - len(self._spare))
            angle, radius = self._doubles(missing + missing % 2).reshape(-1, 2).T
            values = np.append(self._spare, _box_muller(1.0 - radius, angle))
            self._spare = values[n:]
            return values[:n]
        values = np.empty(n)
        whole = n - n % BLOCK
        values[:whole] = _in_blocks(self.uniform(n)[:whole])
        if whole < n:
            values[n - BLOCK :] = _in_blocks(self.uniform(BLOCK))
        return values

    def signs(self, n: int) -> np.ndarray:
        """2 * torch.bernoulli(0.5 * torch.ones(n)) - 1."""
        return np.where(self.uniform(n) < 0.5, 1.0, -1.0)

    def linear(self, outputs: int, inputs: int) -> np.ndarray:
        """torch.nn.Linear(inputs, outputs, bias=False) with its weights (outputs, inputs) drawn
        again by normal_, of unit scale.
        """
        self.uniform(outputs * inputs)  # the layer's own initialisation
        return self.normal(outputs * inputs).reshape(outputs, inputs)

    def _doubles(self, n: int) -> np.ndarray:
        words = self._words.random_raw(2 * n).reshape(n, 2)
        return np.asarray(
            (((words[:, 0] << np.uint64(32)) | words[:, 1]) & np.uint64(2**53 - 1)) * 2.0**-53
        )


def _in_blocks(uniforms: np.ndarray) -> np.ndarray:
    """Normals in the order of torch: of each block first the eight cosines, then the eight
    sines.
    """
    blocks = uniforms.reshape(-1, 2, BLOCK // 2)
    return np.asarray(np.moveaxis(_box_muller(1.0 - blocks[:, 0], blocks[:, 1]), -1, 1).ravel())


def _box_muller(radius: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """(..., 2) normals from uniforms in (0, 1] and [0, 1)."""
    size = np.sqrt(-2.0 * np.log(radius))
    return np.stack(
        [size * np.cos(2.0 * np.pi * angle), size * np.sin(2.0 * np.pi * angle)], axis=-1
    )
