"""What the flow returns: states at the save times, events, and why it stopped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Stop, StopReason
from flowrepro.engines.flow.resolve import KINDS
from flowrepro.engines.flow.state import cartesian
from flowrepro.engines.flow.stepping import DIVERGED, MAX_EVENTS, MAX_STEPS, OK, UNDERFLOW, ZENO

REASONS = {
    OK: StopReason.HORIZON,
    UNDERFLOW: StopReason.STEP_UNDERFLOW,
    ZENO: StopReason.ZENO,
    MAX_STEPS: StopReason.MAX_STEPS,
    MAX_EVENTS: StopReason.MAX_EVENTS,
    DIVERGED: StopReason.DIVERGED,
}


@dataclass(frozen=True)
class Events:
    """What happened, in the order of time: t (E,), neuron (E,), plane (E,) with -1 for none, kind
    (E,) into KINDS.

    ``samples`` lists the indices of the samples of each plane.
    """

    t: np.ndarray
    neuron: np.ndarray
    plane: np.ndarray
    kind: np.ndarray
    samples: tuple[tuple[int, ...], ...]

    def of(self, *kinds: str) -> Events:
        """Events of these kinds only."""
        wanted = np.isin(self.kind, [KINDS.index(kind) for kind in kinds])
        return Events(
            self.t[wanted], self.neuron[wanted], self.plane[wanted], self.kind[wanted], self.samples
        )

    def arrays(self, n: int) -> dict[str, np.ndarray]:
        """The same with names, for files: t, neuron, plane (E,), kind (E,) into ``kinds`` (texts),
        plane_of_sample (n,).

        -1 stands for no plane, in the last for a sample at the origin.
        """
        plane_of_sample = np.full(n, -1)
        for plane, samples in enumerate(self.samples):
            plane_of_sample[list(samples)] = plane
        return {
            "t": self.t,
            "neuron": self.neuron,
            "plane": self.plane,
            "kind": self.kind,
            "kinds": np.array(KINDS),
            "plane_of_sample": plane_of_sample,
        }

    def __len__(self) -> int:
        return len(self.t)

    def describe(self, i: int) -> str:
        """One event in words."""
        where = f" samples {self.samples[self.plane[i]]}" if self.plane[i] >= 0 else ""
        return f"{KINDS[self.kind[i]]} of neuron {self.neuron[i]}{where} at t={self.t[i]:.9g}"


@dataclass(frozen=True)
class FlowResult:
    """States at the save times that were reached.

    t (T,) flow time, loss (T,) the objective with its factor, Y (T, m, d+2) rows (ln r, w / r, a /
    r), r^2 = ||w||^2 + a^2.
    mode (m, P) at the end: 0 minus side, 1 plus side, 2 sliding.
    """

    t: np.ndarray
    loss: np.ndarray
    Y: np.ndarray
    mode: np.ndarray
    events: Events
    stats: Mapping[str, Any]
    stop: Stop

    def weights(self, index: int = -1) -> tuple[np.ndarray, np.ndarray]:
        """(W (m, d), a (m,)) at a save time; underflows to 0 where a weight is below the smallest
        double.
        """
        return cartesian(self.Y[index])
