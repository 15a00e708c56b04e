"""Mini-batches as a pure function of the step, so that a run may be cut and resumed anywhere."""

from __future__ import annotations

import numpy as np


class Batches:
    """Batches of ``size`` rows out of n, reshuffled every epoch, the last partial one kept
    (min2024, Section 4).

    The order of epoch e is ``default_rng([seed, e]).permutation(n)``. ``size`` None means the full
    batch.
    """

    def __init__(self, n: int, size: int | None, seed: int) -> None:
        self.n, self.size, self.seed = n, size, seed
        self.per_epoch = 1 if size is None else -(-n // size)
        self._order: tuple[int, np.ndarray] = (-1, np.empty(0, dtype=np.int64))

    def rows(self, step: int) -> np.ndarray | None:
        """Indices of the rows that step ``step`` -> step + 1 uses; None for all."""
        if self.size is None:
            return None
        epoch, position = divmod(step, self.per_epoch)
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self.seed, epoch]).permutation(self.n))
        return self._order[1][position * self.size : (position + 1) * self.size]

    def epochs(self, step: int) -> int:
        """Completed epochs after ``step`` steps."""
        return step // self.per_epoch
