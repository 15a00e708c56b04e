"""Two phases, or none: how fast norms and directions change along SGD (min2024 Figures 12 and 13, Appendix A.5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import lower, statement, target_window, upper, window
from flowrepro.claims.old_verdict import Judgement, Ref
from flowrepro.claims.published import as_published
from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.min2024.digits_cases import BOTH_LAYERS, EPOCH, FIRST_LAYER
from flowrepro.papers.min2024.digits_seen import SMALLEST_SUBSET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FREE = (
    "seed",
    "protocol.device",
    "protocol.engine",
    "protocol.dtype",
    "record.snapshot",
    "record.geometric",
    "data.options.subset",
    "protocol.batch_size",
)
"""Keys that may differ from the paper's run; `epochs` looks at what subset and batch size make of an epoch."""
EARLY = 1e-4
"""Change of norms, relative to its largest, while directions change fastest (measured 4e-7)."""


def epochs(run: Run) -> str | None:
    """Seven steps per epoch, as with batches of 2000 out of 12665 images, so that steps compare, and not too few images."""
    size = run.case.protocol.batch_size
    per_epoch = -(-len(run.y) // size) if size else 1
    if per_epoch != EPOCH:
        return f"the windows are for {EPOCH} steps per epoch and this run has {per_epoch}; change batch_size with the subset"
    return (
        None
        if len(run.y) >= SMALLEST_SUBSET
        else f"the windows are for {SMALLEST_SUBSET} images or more; these are {len(run.y)}"
    )


def recorded(run: Run) -> str | None:
    """Norms and directions at every epoch."""
    return (
        None
        if "directions" in run.trajectory.observed
        else "the changes were not recorded; --set record.observe=change-rates records them"
    )


def peaks(run: Run) -> tuple[int, int]:
    """Indices of the records with the fastest change of directions and of norms."""
    observed = run.trajectory.observed
    return int(np.argmax(observed["directions"])), int(np.argmax(observed["norms"]))


@statement(
    "F12",
    Ref("min2024", "Figure 12"),
    "reproduction",
    (BOTH_LAYERS.name,),
    "first directions change, then norms",
    (as_published(BOTH_LAYERS, FREE), epochs, recorded),
)
def check_two_phases(run: Run) -> Sequence[Judgement]:
    """Steps of both maxima; at the first norms do not change and L has not fallen; directions rest between the two."""
    step, loss, norms, directions = (
        run.trajectory.step,
        run.trajectory.loss,
        run.trajectory.observed["norms"],
        run.trajectory.observed["directions"],
    )
    turn, grow = peaks(run)
    between = directions[turn : grow + 1] if grow > turn else directions[turn : turn + 1]
    return [
        window(
            "step of the fastest change of directions",
            step[turn],
            *target_window(BOTH_LAYERS, "step of the fastest change of directions"),
        ),
        window(
            "step of the fastest change of norms",
            step[grow],
            *target_window(BOTH_LAYERS, "step of the fastest change of norms"),
        ),
        upper("change of norms at the first, over its largest", norms[turn] / norms[grow], EARLY),
        lower("loss at the first, over that at the start", loss[turn] / loss[0], 0.999),
        upper(
            "least change of directions between the two, over its largest",
            between.min() / directions[turn],
            0.1,
        ),
    ]


@statement(
    "F13",
    Ref("min2024", "Figure 13"),
    "reproduction",
    (FIRST_LAYER.name,),
    "without the second layer there are no two phases",
    (as_published(FIRST_LAYER, FREE), epochs, recorded),
)
def check_one_phase(run: Run) -> Sequence[Judgement]:
    """Epochs of both maxima, their distance, and how early the loss has fallen."""
    loss = run.trajectory.loss
    turn, grow = peaks(run)
    apart = target_window(FIRST_LAYER, "epochs between the fastest changes")[1]
    return [
        upper("epoch of the fastest change of directions", turn, 0),
        upper("epoch of the fastest change of norms", grow, 2),
        upper("epochs between the two", grow - turn, apart),
        upper("loss after one epoch, over that at the start", loss[1] / loss[0], 0.5),
        upper("loss after twelve epochs", loss[12], 0.1),
    ]


class ChangeRates(NamedTuple):
    """epoch, norms, directions, loss (T,); logarithmic : whether directions need a logarithmic axis."""

    epoch: np.ndarray
    norms: np.ndarray
    directions: np.ndarray
    loss: np.ndarray
    logarithmic: bool


def collect_rates(run: Run) -> ChangeRates:
    """The recorded changes; NotDrawable for a run without them."""
    if reason := recorded(run):
        raise NotDrawable(reason)
    size = run.case.protocol.batch_size
    per_epoch = -(-len(run.y) // size) if size else 1
    observed, records = run.trajectory.observed, len(run.trajectory.observed["norms"])
    directions = observed["directions"]
    positive = directions[directions > 0]
    wide = bool(positive.size and directions.max() > 1e4 * np.median(positive))
    return ChangeRates(
        run.trajectory.step[:records] / per_epoch,
        observed["norms"],
        directions,
        run.trajectory.loss[:records],
        wide,
    )


def draw_rates(axes: Sequence[Axes], data: ChangeRates) -> None:
    """Above: changes of directions (left axis) and of norms (right axis); below: the loss."""
    rates, loss = axes
    twin = rates.twinx()
    rates.plot(data.epoch, data.directions, color=style.POSITIVE)
    twin.plot(data.epoch, data.norms, color=style.NEGATIVE, linestyle="--")
    twin.spines["right"].set_visible(True)
    rates.set_ylabel("directions (solid)", color=style.POSITIVE)
    twin.set_ylabel("norms (dashed)", color=style.NEGATIVE)
    rates.set_title("change per unit of time")
    if data.logarithmic:
        rates.set_yscale("log")
    loss.semilogy(data.epoch, data.loss, color=style.LEARNED)
    loss.set(xlabel="epoch", ylabel=r"$\mathcal{L}$")
    for ax in axes:
        ax.set_xlim(0, max(1.0, float(data.epoch[-1])))
    rates.tick_params(labelbottom=False)


def _declared(id: str, file: str, case: str, caption: str) -> Figure:
    return Figure(
        id=id,
        file=file,
        cases=(case,),
        caption=caption,
        layout=("A;A;B", style.COLUMN, 2.8),
        collect=collect_rates,
        draw=draw_rates,
        tolerance=(1e-2, 1e-6),
    )


CLAIMS = (check_two_phases, check_one_phase)
FIGURES = (
    _declared(
        "12",
        "figure-12-two-phases",
        BOTH_LAYERS.name,
        "SGD on both layers: changes of directions and of norms, and the loss",
    ),
    _declared(
        "13",
        "figure-13-first-layer-only",
        FIRST_LAYER.name,
        "SGD on the first layer alone: changes of directions and of norms, and the loss",
    ),
)
