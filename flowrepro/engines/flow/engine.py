"""The flow as an engine: step k of the case's protocol is flow time factor * lr * k."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np

from flowrepro.engines.base import Engine, Problem, beyond_doubles_on_cpu
from flowrepro.engines.compiled import is_compiled
from flowrepro.engines.flow.flow import Integration
from flowrepro.engines.flow.march import march
from flowrepro.engines.flow.result import Events
from flowrepro.engines.flow.state import cartesian


class Flow(Engine):
    """The Clarke/Filippov gradient flow itself, integrated to ``problem.rtol`` with exact
    activation events.

    Attributes
    ----------
    failure : why the flow ended before the steps asked for, or None.
    stats : see `Integration.stats`.
    """

    name: ClassVar[str] = "flow"
    kind: ClassVar[Literal["descent", "flow"]] = "flow"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self._flow = Integration(
            problem.X,
            problem.y,
            problem.W0,
            problem.a0,
            problem.loss,
            problem.alpha,
            rtol=problem.rtol,
            ln_scale=problem.ln_scale,
        )
        self._rows = self._flow.state.Y.copy()
        self.stats = self._flow.stats()

    @classmethod
    def supports(cls, problem: Problem) -> str | None:
        """None, or what is not a flow of both layers in float64 on the CPU."""
        if problem.alpha >= 1.0:
            return (
                "with alpha = 1 the network is linear and has no activation events; use a descent "
                "engine"
            )
        if problem.train != "both":
            return f"it moves both layers and the case trains the {problem.train} one"
        return beyond_doubles_on_cpu(problem)

    @classmethod
    def advises_against(cls, problem: Problem) -> str | None:
        """A case that asks for "auto" asks for a descent: the flow is another method, and is taken
        only by name.
        """
        return "it integrates the gradient flow, not the descent of the case"

    @classmethod
    def is_compiled(cls) -> bool:
        """Whether the first step starts at once (False: the first call compiles for about a
        minute).
        """
        return is_compiled(march)

    @property
    def events(self) -> Events:
        """All events so far, by flow time."""
        return self._flow.events()

    def event_log(self) -> dict[str, np.ndarray]:
        """See `Events.arrays`."""
        return self.events.arrays(len(self.problem.y))

    def advance(self, steps: np.ndarray) -> np.ndarray:
        """See `Engine.advance`; nan from the first step that a failing flow did not reach."""
        steps = np.asarray(steps, dtype=np.int64)
        losses = np.full(len(steps), np.nan)
        values, rows = self._flow.advance(self.problem.time(steps))
        losses[: len(values)] = self.problem.loss.factor * values
        if len(values):
            self.step, self._rows = int(steps[len(values) - 1]), rows[0]
        self.failure = self._flow.failure(self.step)
        self.stats = self._flow.stats()
        return losses

    def weights(self) -> tuple[np.ndarray, np.ndarray]:
        """W (m, d), a (m,); a weight below the smallest double is 0 here, `log_weights` has it."""
        return cartesian(self._rows)

    def log_weights(self) -> np.ndarray:
        """Rows (ln r, w / r, a / r) (m, d + 2), r^2 = ||w||^2 + a^2, at the current step."""
        return self._rows.copy()

    def state(self) -> dict[str, np.ndarray]:
        """The integrator's state, which lies at or before the current step, and the rows at the
        step.
        """
        return {**self._flow.arrays(), "rows": self._rows.copy()}

    def restore(self, state: Mapping[str, np.ndarray], step: int) -> None:
        """See `Engine.restore`."""
        self._flow.restore(state)
        self._rows, self.step, self.failure = np.array(state["rows"]), step, None
        self.stats = self._flow.stats()
