"""Two phases with both layers trained, and one phase with the first layer alone (Figures 12, 13).

Along SGD the directions of the neurons change first and their norms grow later, unless the second
layer is frozen at v_j = +-1 (Appendix A.5). The number of epochs is ours.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, at_least, at_most, within
from flowrepro.core.config import Descent, Init, Record, Target
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import Line, Panel
from flowrepro.papers.min2024 import PAPER
from flowrepro.papers.min2024.shared.digits import SETTINGS, SMALLEST_SUBSET, images
from flowrepro.papers.topic import Topic

topic = Topic(PAPER, "Two phases along SGD, or one", command="mnist-align")

EPOCH = 7
"""Steps per epoch of batches of 2000 out of 12665 images, the last of 665."""
TURNS, GROWS, APART = (700, 1_500), (2_900, 3_900), (0, 2)
"""Windows: steps of the fastest change of directions and of norms; epochs between the two."""
EARLY = 1e-4
"""Change of norms over its largest while directions change fastest (measured 4e-7)."""


def sgd(epochs: int, train: str = "both") -> Descent:
    """Batches of 2000, as in Appendix A.5."""
    return Descent(lr=2e-3, n_steps=epochs * EPOCH, batch_size=2_000, dtype="float32", train=train)  # type: ignore[arg-type]


BOTH_LAYERS = topic.run(
    "digits-1-0-sgd",
    "Figure 12: with both layers trained, directions change first and norms grow after that.",
    data=images(1, 0),
    init=SETTINGS["init"],
    loss=SETTINGS["loss"],
    protocol=sgd(800),
    record=Record(save_every=EPOCH, observe="change-rates"),
    targets=(
        Target(what="step of the fastest change of directions",
               paper="first phase", ours=1_036, window=TURNS),
        Target(what="step of the fastest change of norms",
               paper="second phase", ours=3_339, window=GROWS),
    ),
    quick={"subset": 2_000, "batch_size": 316},
)  # fmt: skip
FIRST_LAYER = topic.run(
    "digits-1-0-first-layer",
    "Figure 13: with the first layer trained alone, directions and norms change at once.",
    data=images(1, 0),
    init=Init(name="unit-output", m=50, scale=1e-6),
    loss=SETTINGS["loss"],
    protocol=sgd(300, "first"),
    record=BOTH_LAYERS.record,
    targets=(
        Target(what="epochs between the fastest changes of directions and of norms",
               paper="no two phases", ours=1, window=APART),
    ),
    quick={"subset": 2_000, "batch_size": 316},
)  # fmt: skip
FREE = (
    "seed", "protocol.device", "protocol.engine", "protocol.dtype", "record.snapshot",
    "record.geometric", "data.options.subset", "protocol.batch_size",
)  # fmt: skip
"""Keys that may differ from the paper's run; `paper_epochs` looks at the last two itself."""


def steps_per_epoch(run: Run) -> int:
    """Batches that hold all data once."""
    size = run.case.protocol.batch_size
    return -(-len(run.y) // size) if size else 1


def paper_epochs(run: Run) -> str | None:
    """Seven steps per epoch, so that steps compare with the paper's, and not too few images."""
    if (count := steps_per_epoch(run)) != EPOCH:
        return (
            f"the windows are for {EPOCH} steps per epoch and this run has {count}; "
            "change batch_size with the subset"
        )
    few = f"the windows are for {SMALLEST_SUBSET} images or more; these are {len(run.y)}"
    return None if len(run.y) >= SMALLEST_SUBSET else few


def recorded(run: Run) -> str | None:
    """Changes of norms and directions at every epoch."""
    told = "the changes were not recorded; --set record.observe=change-rates records them"
    return None if "directions" in run.trajectory.observed else told


def peaks(run: Run) -> tuple[int, int]:
    """Indices of the records with the fastest change of directions and of norms."""
    observed = run.trajectory.observed
    return int(np.argmax(observed["directions"])), int(np.argmax(observed["norms"]))


@topic.claim(
    "figure-12-two-phases",
    "The directions of the neurons change first, and their norms change later.",
    place="Figure 12", kind="reproduction", on=(BOTH_LAYERS,),
    given=(as_published(BOTH_LAYERS, FREE), paper_epochs, recorded),
)  # fmt: skip
def two_phases(run: Run) -> Iterator[Part]:
    """Steps of both maxima; at the first neither norms nor L have changed; directions then rest."""
    step, loss, observed = run.trajectory.step, run.trajectory.loss, run.trajectory.observed
    norms, directions = observed["norms"], observed["directions"]
    turn, grow = peaks(run)
    between = directions[turn : grow + 1] if grow > turn else directions[turn : turn + 1]
    yield within("step of the fastest change of directions", step[turn], *TURNS)
    yield within("step of the fastest change of norms", step[grow], *GROWS)
    early = norms[turn] / norms[grow]
    yield at_most("change of norms at the first, over its largest", early, EARLY)
    yield at_least("loss at the first, over that at the start", loss[turn] / loss[0], 0.999)
    yield at_most("least change of directions between the two, over its largest",
                  between.min() / directions[turn], 0.1)  # fmt: skip


@topic.claim(
    "figure-13-one-phase",
    "With the second layer frozen, directions and norms change in the same epochs.",
    place="Figure 13", kind="reproduction", on=(FIRST_LAYER,),
    given=(as_published(FIRST_LAYER, FREE), paper_epochs, recorded),
)  # fmt: skip
def one_phase(run: Run) -> Iterator[Part]:
    """Epochs of both maxima, their distance, and how early the loss has fallen."""
    loss = run.trajectory.loss
    rates = [run.trajectory.observed[name] for name in ("directions", "norms")]
    turn, grow = np.where(np.isnan(rates).any(axis=1), np.nan, peaks(run))
    yield at_most("epoch of the fastest change of directions", turn, 0)
    yield at_most("epoch of the fastest change of norms", grow, 2)
    yield at_most("epochs between the two", grow - turn, APART[1])
    yield at_most("loss after one epoch, over that at the start", loss[1] / loss[0], 0.5)
    yield at_most("loss after twelve epochs", loss[12], 0.1)


def rates(run: Run) -> Iterator[Panel]:
    """Changes of directions and of norms on two axes, and the loss; NotDrawable without records."""
    if reason := recorded(run):
        raise NotDrawable(reason)
    norms, directions = (run.trajectory.observed[name] for name in ("norms", "directions"))
    epoch = run.trajectory.step[: len(norms)] / steps_per_epoch(run)
    xlim = (0, max(1.0, float(epoch[-1])))
    positive = directions[directions > 0]
    wide = bool(positive.size and directions.max() > 1e4 * np.median(positive))
    grown = Panel([Line(epoch, norms, colour=style.NEGATIVE, dash="--")],
                  ylabel="norms (dashed)", ycolour=style.NEGATIVE)  # fmt: skip
    yield Panel([Line(epoch, directions, colour=style.POSITIVE)], twin=grown, xlabel="epoch",
                title="change per unit of time", ylabel="directions (solid)",
                ycolour=style.POSITIVE, scale="linear-log" if wide else "linear-linear",
                xlim=xlim)  # fmt: skip
    yield Panel([Line(epoch, run.trajectory.loss[: len(norms)])], xlabel="epoch",
                ylabel=r"$\mathcal{L}$", scale="linear-log", xlim=xlim)  # fmt: skip


for number, file, case, layers in (
    ("12", "figure-12-two-phases", BOTH_LAYERS, "both layers"),
    ("13", "figure-13-first-layer-only", FIRST_LAYER, "the first layer alone"),
):
    topic.figure(
        number,
        f"SGD on {layers}: changes of directions and of norms per unit of time, and the loss.",
        on=(case,), file=file, layout=("A;A;B", style.COLUMN, 2.8), share="x",
        tolerance=(1e-2, 1e-6),
    )(rates)  # fmt: skip
