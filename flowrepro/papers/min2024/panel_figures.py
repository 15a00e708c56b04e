"""Figure 5 of min2024: correlation of the data, alignment and growth of the neurons, and images."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.declare import Figure
from flowrepro.figures.panels import Band, HeatMap, Horizontal, Image, Line, Note, Panel, Ticks
from flowrepro.papers.min2024.digits_cases import DIGITS_1_0
from flowrepro.papers.min2024.figure_5 import COLOURS, MOSAIC, NAMES, collect_alignment


def alignment(run: Run) -> Iterable[Panel]:
    """Heat map, two panels of alignment, three of growth, four images."""
    data = collect_alignment(run)
    size, first = len(data.correlation), data.n_positive
    heat = HeatMap(data.correlation, colours="diverging", low=-1, high=1,
                   bar=r"$\cos(x_i, x_j)$", bar_side="bottom")  # fmt: skip
    classes = Ticks([first / 2, (first + size) / 2], ["$y_i=+1$", "$y_i=-1$"], rotation=90)
    yield Panel([heat], title=f"{100 * data.share:.1f} % of\npairs agree", aspect="equal",
                xticks=(), yticks=classes, ylabel="data", ylim=(size - 0.5, -0.5))  # fmt: skip
    common: Any = {"xlabel": "iteration", "xlim": (0, max(1, int(data.step[-1]))), "xticks": 3}
    lowest = float(np.nanmin(data.min_cos, initial=-0.35)) - 0.05
    for side, (sign, colour) in enumerate(zip("+-", COLOURS, strict=True)):
        marks = [
            Band(data.step, data.min_cos[:, side], data.max_cos[:, side], colour=colour),
            Line(data.step, data.mean_cos[:, side], colour=colour),
            Note(rf"$\cos(\bar w_{sign}, x_{sign})$", "lower right", colour=colour),
        ]
        yield Panel(marks, title="" if side else "alignment", ylabel="cosine", ylim=(lowest, 1.05),
                    yticks=[0, 0.5, 1], **common)  # fmt: skip
    yield Panel([Line(data.step, data.loss)], title="growth", ylabel=r"$\mathcal{L}$",
                scale="linear-log", ylim=(10 ** np.floor(np.log10(0.9 * data.loss.min())), None),
                **common)  # fmt: skip
    rank = [Line(data.step, data.stable_rank, colour=style.DATA), Horizontal(2, width=0.5)]
    yield Panel(rank, ylabel=r"$\|W\|_F^2 / \|W\|_2^2$", scale="linear-log", yticks=[1, 2, 10],
                **common)  # fmt: skip
    norm = Line(data.step, data.spectral2, colour=style.DATA)
    yield Panel([norm], ylabel=r"$\|W\|_2^2$", **common)
    for k, (image, name) in enumerate(zip(data.images, NAMES, strict=True)):
        yield Panel([Image(image)], title="" if k else f"step {data.image_step}", xlabel=name)


FIGURES = (
    Figure("5", "figure-5-mnist-alignment", "MNIST digits 1 and 0.", alignment,
           cases=(DIGITS_1_0.name,), layout=(MOSAIC, style.PAGE, 3.0), share="x"),
)  # fmt: skip
