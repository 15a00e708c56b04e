"""What the page asks for, checked, and the training that it means."""

from __future__ import annotations

import math
import shlex
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Annotated, Any, Literal

import msgspec
import numpy as np

from flowrepro.api import init
from flowrepro.api.run import Run
from flowrepro.api.suggest import horizon, step_size
from flowrepro.api.train import descend, flow
from flowrepro.core import arguments
from flowrepro.core.config import Loss
from flowrepro.errors import UsageError
from flowrepro.store.reading import npz_bytes, sha256_of

MOST_NUMBERS = 20_000
"""Numbers in the points that a page handles."""
MOST_STEPS = 10**7
"""Steps of a descent."""
INLINE = 400
"""Numbers up to which the lines of Python hold the points themselves."""
TINY = -300
"""Power of ten below which the scale is handed to the flow apart from the weights."""


class Asked(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A training as the page describes it.

    x (n, d), y (n,): points, without the constant feature that ``bias`` appends. scale : a number
    as text, as it may lie below the smallest double. t, lr : horizon and step, chosen where None.
    """

    x: list[list[float]]
    y: list[float]
    bias: bool = False
    width: Annotated[int, msgspec.Meta(ge=1, le=500)] = 30
    init: Literal["balanced", "gaussian", "dominated", "unit-output", "he"] = "balanced"
    scale: Annotated[str, msgspec.Meta(max_length=40)] = "1e-4"
    seed: Annotated[int, msgspec.Meta(ge=0, le=2**53)] = 0
    loss: Literal["square", "logistic", "logistic2", "exp"] = "square"
    alpha: Annotated[float, msgspec.Meta(ge=0, le=0.99)] = 0.0
    engine: Literal["flow", "descent"] = "flow"
    lr: Annotated[float, msgspec.Meta(gt=0, le=1e6)] | None = None
    t: Annotated[float, msgspec.Meta(gt=0, le=1e9)] | None = None


def read(content: bytes) -> Asked:
    """The question in a request; UsageError, in one sentence, for one that is none."""
    try:
        asked = msgspec.json.decode(content, type=Asked)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"the page asked for what this server does not know: {error}") from None
    numbers = sum(map(len, asked.x))
    if numbers > MOST_NUMBERS:
        raise UsageError(
            f"the points hold {numbers} numbers; the page takes at most {MOST_NUMBERS}, and "
            "'flowrepro train FILE' any"
        )
    return asked


@dataclass(frozen=True)
class Training:
    """Points X (n, d), y (n,), initial weights W (m, d), a (m,) times 10^log10_scale, and clock.

    t : horizon. advised : the one in which such a start escapes and fits.
    lr, steps : of a descent; 0 for the flow.
    """

    asked: Asked
    X: np.ndarray
    y: np.ndarray
    W: np.ndarray
    a: np.ndarray
    log10_scale: float
    t: float
    advised: float
    lr: float
    steps: int

    @classmethod
    def of(cls, asked: Asked) -> Training:
        """Draw the weights, and choose horizon and step; UsageError or DataError as in the API."""
        X = arguments.points(asked.x)
        if asked.bias:
            X = np.column_stack([X, np.ones(len(X))])
        y = arguments.targets(asked.y, len(X), asked.loss)
        scale = arguments.scale("scale", asked.scale)
        power = float(scale.log10())
        tiny = power < TINY
        if tiny and asked.engine != "flow":
            raise UsageError(f"the scale {asked.scale} is below what doubles hold; take the flow")
        W, a = init.draw(
            asked.init, asked.width, X.shape[1],
            scale=1.0 if tiny else float(scale), seed=asked.seed,
        )  # fmt: skip
        loss = Loss(name=asked.loss, reduction="mean")
        advised = horizon(X, y, power * math.log(10), loss, asked.alpha)
        t = asked.t or advised
        lr, steps = 0.0, 0
        if asked.engine == "descent":
            lr = asked.lr or step_size(X, y, loss)
            steps = max(1, round(t / lr))
            if steps > MOST_STEPS:
                raise UsageError(
                    f"a descent to t = {t:g} with the step {lr:g} takes {steps} steps, more than "
                    f"{MOST_STEPS}; take a longer step, a shorter time or the flow"
                )
        return cls(asked, X, y, W, a, power if tiny else 0.0, t, advised, lr, steps)

    @property
    def loss(self) -> Loss:
        """The mean of the named loss."""
        return Loss(name=self.asked.loss, reduction="mean")

    def run(self, records: int = 1024) -> Run:
        """The whole training, with as many records as `flowrepro train` keeps unless given."""
        common: dict[str, Any] = {"loss": self.asked.loss, "alpha": self.asked.alpha}
        given = (self.X, self.y, self.W, self.a)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # the page shows remarks and the stop
            if self.steps:
                return descend(*given, lr=self.lr, steps=self.steps, **common)
            return flow(*given, t=self.t, log10_scale=self.log10_scale, records=records, **common)

    # ---- the same outside of the page

    @cached_property
    def points(self) -> tuple[str, bytes]:
        """Name and content of a file with the points, without the constant feature."""
        content = npz_bytes({"x": np.array(self.asked.x), "y": self.y})
        return f"points-{sha256_of(content)[:10]}.npz", content

    def command(self, folder: str = "") -> str:
        """The command line of this training; its points are in `points`, in that folder."""
        asked = self.asked
        words = ["flowrepro", "train", folder + self.points[0], "--width", str(asked.width)]
        words += ["--init", asked.init, "--scale", asked.scale, "--seed", str(asked.seed)]
        words += ["--loss", asked.loss, "--alpha", repr(asked.alpha)]
        words += ["--bias"] * asked.bias
        if self.steps:
            words += ["--lr", repr(self.lr), "--steps", str(self.steps)]
        else:
            words += ["--time", repr(self.t)]
        return shlex.join(words)

    def python(self) -> str:
        """The lines of Python that make the run."""
        asked, (m, d) = self.asked, self.W.shape
        if self.X.size + self.y.size <= INLINE:
            points = f"X, y = np.array({self.X.tolist()}), np.array({self.y.tolist()})"
        else:
            points = f"file = np.load({self.points[0]!r}); X, y = file['x'], file['y']"
            if asked.bias:
                points += "; X = np.column_stack([X, np.ones(len(X))])"
        size = "1.0" if self.log10_scale else repr(float(asked.scale))
        common = f"loss={asked.loss!r}, alpha={asked.alpha!r}"
        if self.steps:
            call = f"fr.descend(X, y, W, a, lr={self.lr!r}, steps={self.steps}, {common})"
        else:
            power = f", log10_scale={self.log10_scale!r}" if self.log10_scale else ""
            call = f"fr.flow(X, y, W, a, t={self.t!r}, {common}{power})"
        return "\n".join((
            "import numpy as np, flowrepro as fr",
            points,
            f"W, a = fr.init.draw({asked.init!r}, m={m}, d={d}, scale={size}, seed={asked.seed})",
            f"run = {call}",
            "print(fr.claims(run)); fr.plot.overview(run).savefig('overview.png')",
        ))  # fmt: skip
