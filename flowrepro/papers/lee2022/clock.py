"""Time in the bounds: e^{-ct} for the flow, (1 - c lr)^T for descent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Clock:
    """Flow times t (T,), and the step size of the descent that passed them; 0 for the flow itself."""

    t: np.ndarray
    lr: float = 0.0

    def decay(self, rate: float) -> np.ndarray:
        """e^{-rate t} of the flow, (1 - rate lr)^(t / lr) of the descent, (T,)   (lee2022 Theorem 4.1); 0 < rate lr < 1."""
        return np.asarray(
            np.exp(-rate * self.t if self.lr == 0 else self.t / self.lr * np.log1p(-rate * self.lr))
        )

    def since(self, index: int) -> Clock:
        """The clock started anew at t[index], with the times from there on."""
        return Clock(self.t[index:] - self.t[index], self.lr)
