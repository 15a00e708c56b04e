"""Pairs of MNIST digits as binary data: what Figures 5, 10 and 11 share (Section 4, Appendix A.4).

The settings are those of Section 4: entries N(0, alpha^2) with alpha = 1e-6, h = 50 neurons, step
2e-3 on the mean over the images. The number of iterations is that at which the paper's curves end.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from flowrepro.core.config import Data, Descent, Init, Loss, Record, TrainingCase
from flowrepro.core.overrides import departures
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.panels import (
    Band,
    HeatMap,
    Horizontal,
    Image,
    Line,
    Note,
    Panel,
    Ticks,
)
from flowrepro.papers.min2024.shared.correlation import correlations, even_subsample
from flowrepro.theory.alignment import class_sums, mean_neurons

END = 15_000
"""The iteration at which the paper ends its curves and shows its neurons."""
SETTINGS: dict[str, Any] = {
    "init": Init(name="gaussian", m=50, scale=1e-6),
    "loss": Loss(name="exp", reduction="mean"),
    "protocol": Descent(lr=2e-3, n_steps=END, dtype="float32"),  # float64 has the same events
    "record": Record(save_every=20, snapshots=tuple(range(0, END + 1, 1_000)),
                     observe="class-alignment"),
}  # fmt: skip
SUBSET_SHIFT = 60
"""Iterations by which a random subset moves events at most (measured: 1000 images, six seeds)."""
SMALLEST_SUBSET = 1_000
COARSEST = 100
"""Largest distance of records, in iterations, at which the windows of events make sense."""
IRRELEVANT = (
    "seed", "protocol.engine", "protocol.device", "protocol.dtype", "protocol.rtol",
    "protocol.n_steps", "record.", "data.options.subset",
)  # fmt: skip
"""Keys that may differ from the paper's case; `unlike_paper` looks at the last three itself."""
NO_DIGITS = "the paper states this for its own runs on pairs of MNIST digits"


def images(positive: int, negative: int) -> Data:
    """All training images of two digits, y = +1 and y = -1."""
    chosen = {"dataset": "mnist", "positive": positive, "negative": negative}
    return Data(name="digits", options={**chosen, "subset": None, "subset_seed": 0})


# ---- is it the paper's run?


def paper_run(
    *cases: TrainingCase, until: int | Callable[[Run], int], weights_at: int = 0
) -> Callable[[Run], str | None]:
    """Hypothesis: the run is the paper's of one of the cases, recorded up to iteration ``until``.

    It may have another seed, precision, engine or horizon, and a subset of the images.
    """
    own = {case.name: case for case in cases}

    def hypothesis(run: Run) -> str | None:
        case = own.get(run.case.name)
        if case is None:
            return NO_DIGITS
        last = until if isinstance(until, int) else until(run)
        return unlike_paper(run, case, last, weights_at)

    return hypothesis


def unlike_paper(run: Run, case: TrainingCase, until: int, weights_at: int) -> str | None:
    """Why a statement on the paper's run of ``case`` cannot be judged on this one, or None."""
    trajectory = run.trajectory
    last, reason = trajectory.step[-1], trajectory.stop.reason.value
    if foreign := departures_from(run, case):
        changed = ", ".join(foreign)
        return f"the paper states this for its own run; this case differs in {changed}"
    if last < until:
        return f"needs iteration {until}, but the records end at {last} ({reason})"
    if run.case.record.save_every > COARSEST:
        return (
            f"needs a record at least every {COARSEST} iterations; "
            "--set record.save_every=20 gives it"
        )
    if "mean_cos" not in trajectory.observed:
        return "the alignment was not recorded; --set record.observe=class-alignment records it"
    if not trajectory.has(weights_at):
        return (
            f"needs the weights of iteration {weights_at}; "
            f"--set record.snapshots=[{weights_at}] keeps them"
        )
    return None


def paper_digits(*cases: TrainingCase) -> Callable[[Run], str | None]:
    """Hypothesis: the images are those of the paper's case, or a subset of them."""
    own = {case.name: case for case in cases}

    def hypothesis(run: Run) -> str | None:
        case = own.get(run.case.name)
        if case is None:
            return NO_DIGITS
        foreign = [key for key in departures_from(run, case) if key.startswith("data.")]
        positive, negative = (case.data.options[side] for side in ("positive", "negative"))
        changed = ", ".join(foreign)
        return (
            f"the paper states this for digits {positive} and {negative}; "
            f"this case differs in {changed}"
            if foreign
            else None
        )

    return hypothesis


def departures_from(run: Run, case: TrainingCase) -> list[str]:
    """Keys in which the case differs from the paper's; of other points only their name is told."""
    keys = departures(run.case, case, IRRELEVANT)
    if "data.name" in keys:
        return [key for key in keys if not key.startswith("data.options.")]
    subset = run.case.data.options.get("subset")
    small = subset is not None and subset < SMALLEST_SUBSET
    return [*keys, "data.options.subset"] if small else keys


# ---- reading a run


def record_at(run: Run, step: int) -> int:
    """Index of the last record not after an iteration."""
    return int(np.searchsorted(run.trajectory.step, step, side="right")) - 1


def loss_at(run: Run, step: int) -> float:
    """The loss at the last record not after an iteration."""
    return float(run.trajectory.loss[record_at(run, step)])


def first_step(run: Run, event: np.ndarray) -> float:
    """First recorded iteration at which ``event`` (T,) is true; nan if it never is."""
    hits = np.flatnonzero(event)
    return float(run.trajectory.step[hits[0]]) if hits.size else float("nan")


def event_window(run: Run, low: float, high: float) -> tuple[float, float]:
    """The window of an event, wider by SUBSET_SHIFT on a subset of the images."""
    shift = 0 if run.case.data.options.get("subset") is None else SUBSET_SHIFT
    return low - shift, high + shift


def stable_rank(run: Run) -> np.ndarray:
    """||W||_F^2 / ||W||_2^2 at all records with observations, (T,)."""
    observed = run.trajectory.observed
    return np.asarray(observed["frobenius2"] / observed["spectral2"])


# ---- the figure

SHOWN = 500
"""Data of each class in the heat map."""
LAYOUT = ("AABBDDGH;AABBDDGH;AABBEEGH;AACCEEIJ;AACCFFIJ;AACCFFIJ", style.PAGE, 3.0)
"""The paper's four panels side by side: A; B over C; D over E over F; G H over I J."""
COLOURS = (style.POSITIVE, style.NEGATIVE)


def caption(run: Run) -> str:
    """What the figure shows, and of which data."""
    options, n = run.case.data.options, len(run.y)
    data = f"{n} points in dimension {run.X.shape[1]} ({run.case.data.name})"
    if run.case.data.name == "digits":
        name = str(options["dataset"]).upper().replace("-", " ")
        data = f"{name} digits {options['positive']} and {options['negative']}, {n} images"
    return (
        f"{data}: cosines of pairs of data; alignment of the neurons with the data of their class; "
        "loss, stable rank and norm; mean neurons and mean data."
    )


def alignment_panels(run: Run) -> Iterator[Panel]:
    """Heat map, two panels of alignment, three of growth, four images; NotDrawable without records.

    The heat map has the cosines of an even subsample; its title tells the share of all ordered
    pairs i != j that satisfy Assumption 1.
    """
    observed = run.trajectory.observed
    if "mean_cos" not in observed:
        raise NotDrawable(
            "Figure 5 needs the alignment along the run; "
            "--set record.observe=class-alignment records it"
        )
    yield _correlation_panel(run)
    step = run.trajectory.step[: len(observed["mean_cos"])]
    loss = run.trajectory.loss[: len(step)]
    common: Any = {"xlabel": "iteration", "xlim": (0, max(1, int(step[-1]))), "xticks": 3}
    low, mean, high = (observed[f"{name}_cos"] for name in ("min", "mean", "max"))
    lowest = float(np.nanmin(low, initial=-0.35)) - 0.05
    for side, (sign, colour) in enumerate(zip("+-", COLOURS, strict=True)):
        marks = [
            Band(step, low[:, side], high[:, side], colour=colour),
            Line(step, mean[:, side], colour=colour),
            Note(rf"$\cos(\bar w_{sign}, x_{sign})$", "lower right", colour=colour),
        ]
        title = "" if side else "alignment\n(band: single neurons)"
        yield Panel(marks, title=title, ylabel="cosine", ylim=(lowest, 1.05), yticks=[0, 0.5, 1],
                    **common)  # fmt: skip
    lowest_loss = 10 ** np.floor(np.log10(0.9 * np.nanmin(loss)))
    yield Panel([Line(step, loss)], title="loss, stable rank,\nsquared norm",
                ylabel=r"$\mathcal{L}$", scale="linear-log",
                ylim=(lowest_loss, 2 * np.nanmax(loss)), **common)  # fmt: skip
    rank = [Line(step, stable_rank(run), colour=style.DATA), Horizontal(2, width=0.5)]
    yield Panel(rank, ylabel=r"$\|W\|_F^2 / \|W\|_2^2$", scale="linear-log", yticks=[1, 2, 10],
                **common)  # fmt: skip
    norm = Line(step, observed["spectral2"], colour=style.DATA)
    yield Panel([norm], ylabel=r"$\|W\|_2^2$", **common)
    title = f"mean neurons and\ndata (step {run.trajectory.last_step})"
    for picture, vector in zip((r"w_+", r"w_-", r"x_+", r"x_-"), _mean_images(run), strict=True):
        yield Panel([Image(vector)] if np.all(np.isfinite(vector)) else [], xticks=(), yticks=(),
                    title=title, xlabel=rf"$\bar {picture}$")  # fmt: skip
        title = ""


def _correlation_panel(run: Run) -> Panel:
    """Cosines of an even subsample, positive data first."""
    chosen = even_subsample(run.y, SHOWN)
    norms = np.linalg.norm(run.X[chosen], axis=1, keepdims=True)
    unit = run.X[chosen] / np.where(norms > 0, norms, 1.0)
    size, first = len(chosen), int(np.count_nonzero(run.y[chosen] > 0))
    heat = HeatMap((unit @ unit.T).astype(np.float32), colours="diverging", low=-1, high=1,
                   bar=r"$\cos(x_i, x_j)$", bar_side="bottom")  # fmt: skip
    classes = {"$y_i = +1$": (0, first), "$y_i = -1$": (first, size)}
    named = {name: (low + high) / 2 for name, (low, high) in classes.items() if high > low}
    share = correlations(run.X, run.y).share
    return Panel([heat], title=f"cosines of the data\n({100 * share:.1f} % of pairs agree)",
                 aspect="equal", xticks=(), yticks=Ticks([*named.values()], [*named], rotation=90),
                 ylabel="class", ylim=(size - 0.5, -0.5))  # fmt: skip


def _mean_images(run: Run) -> np.ndarray:
    """Mean neurons of V_+ and V_- and mean data, square; strips of one row where d is no square."""
    counts = np.array([[np.count_nonzero(run.y > 0)], [np.count_nonzero(run.y < 0)]])
    data = class_sums(run.X, run.y) / np.where(counts > 0, counts, np.nan)
    vectors = np.concatenate([mean_neurons(*run.trajectory.at(run.trajectory.last_step)), data])
    side = math.isqrt(d := vectors.shape[1])
    return vectors.reshape(4, side, side) if side > 2 and side * side == d else vectors[:, None]
