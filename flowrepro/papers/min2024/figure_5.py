"""Figures 5, 10 and 11 of min2024: correlation of the data, alignment and growth of the neurons, and what they look like."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Run
from flowrepro.figures import Figure, NotDrawable, style
from flowrepro.papers.min2024.correlation import correlations, even_subsample
from flowrepro.papers.min2024.digits_cases import DIGITS_1_0, DIGITS_1_7, DIGITS_3_8
from flowrepro.theory.alignment import class_sums, mean_neurons

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SHOWN = 500
"""Data of each class in the heat map."""
NAMES = (r"$\bar w_+$", r"$\bar w_-$", r"$\bar x_+$", r"$\bar x_-$")
MOSAIC = "AABBDDGH;AABBDDGH;AABBEEGH;AACCEEIJ;AACCFFIJ;AACCFFIJ"
"""The paper's four panels side by side: A; B over C; D over E over F; G H over I J."""
COLOURS = (style.POSITIVE, style.NEGATIVE)


class AlignmentFigure(NamedTuple):
    """What Figure 5 shows.

    correlation : (s, s) cosines of an even subsample, positives first; n_positive of its s cases are positive.
    share : of all ordered pairs i != j of the data, those with y_i y_j <x_i, x_j> > 0.
    step : (T,) iterations of the curves.
    mean_cos, min_cos, max_cos : (T, 2) cosines of V_+ with x_+ and of V_- with x_-; the mean is the mean neuron's.
    loss, stable_rank, spectral2 : (T,) L, ||W||_F^2 / ||W||_2^2 and ||W||_2^2.
    images : (4, cases, columns) mean neuron of V_+ and of V_- at iteration image_step, mean datum of each class.
    """

    correlation: np.ndarray
    n_positive: int
    share: float
    step: np.ndarray
    mean_cos: np.ndarray
    min_cos: np.ndarray
    max_cos: np.ndarray
    loss: np.ndarray
    stable_rank: np.ndarray
    spectral2: np.ndarray
    images: np.ndarray
    image_step: int


def collect_alignment(run: Run) -> AlignmentFigure:
    """Everything in Figure 5; `NotDrawable` for a run that did not record the alignment."""
    observed = run.trajectory.observed
    if "mean_cos" not in observed:
        raise NotDrawable(
            "Figure 5 needs the alignment along the run; --set record.observe=class-alignment records it"
        )
    chosen = even_subsample(run.y, SHOWN)
    norms = np.linalg.norm(run.X[chosen], axis=1, keepdims=True)
    unit = run.X[chosen] / np.where(norms > 0, norms, 1.0)
    records = len(observed["mean_cos"])
    return AlignmentFigure(
        correlation=(unit @ unit.T).astype(np.float32),
        n_positive=int(np.count_nonzero(run.y[chosen] > 0)),
        share=correlations(run.X, run.y).share,
        step=run.trajectory.step[:records],
        mean_cos=observed["mean_cos"],
        min_cos=observed["min_cos"],
        max_cos=observed["max_cos"],
        loss=run.trajectory.loss[:records],
        stable_rank=observed["frobenius2"] / observed["spectral2"],
        spectral2=observed["spectral2"],
        images=_images(run),
        image_step=run.trajectory.last_step,
    )


def _images(run: Run) -> np.ndarray:
    """Mean neurons and mean data as square images, or as strips of one row where d is no square."""
    counts = np.array([[np.count_nonzero(run.y > 0)], [np.count_nonzero(run.y < 0)]])
    data = class_sums(run.X, run.y) / np.where(counts > 0, counts, np.nan)
    vectors = np.concatenate([mean_neurons(*run.trajectory.at(run.trajectory.last_step)), data])
    d = vectors.shape[1]
    side = math.isqrt(d)
    return (
        vectors.reshape(4, side, side)
        if side * side == d and side > 2
        else vectors.reshape(4, 1, d)
    )


def draw_alignment(axes: Sequence[Axes], data: AlignmentFigure) -> None:
    """Ten axes: heat map, two of alignment, three of growth, four images."""
    heat, *rest = axes
    _draw_correlation(heat, data)
    _draw_cosines(rest[:2], data)
    _draw_growth(rest[2:5], data)
    _draw_images(rest[5:], data)


def _draw_correlation(ax: Axes, data: AlignmentFigure) -> None:
    image = ax.imshow(data.correlation, cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    bar = ax.inset_axes((0.0, -0.1, 1.0, 0.05))
    ax.figure.colorbar(
        image, cax=bar, orientation="horizontal", ticks=[-1, 0, 1], label=r"$\cos(x_i, x_j)$"
    )
    ax.set_anchor("N")
    ax.spines[:].set_visible(False)
    ax.set(
        xticks=[],
        yticks=[],
        title=f"correlation of the data\n({100 * data.share:.1f} % of pairs agree)",
    )
    ends = (0, data.n_positive, len(data.correlation))
    for low, high, label in zip(ends[:-1], ends[1:], ("$y_i = +1$", "$y_i = -1$"), strict=True):
        if high > low:
            ax.text(
                -0.04,
                1 - (low + high) / 2 / ends[-1],
                label,
                transform=ax.transAxes,
                rotation=90,
                ha="right",
                va="center",
                fontsize=7,
            )


def _draw_cosines(axes: Sequence[Axes], data: AlignmentFigure) -> None:
    lowest = float(np.nanmin(data.min_cos, initial=-0.35))
    for side, (ax, sign) in enumerate(zip(axes, "+-", strict=True)):
        ax.fill_between(
            data.step,
            data.min_cos[:, side],
            data.max_cos[:, side],
            color=COLOURS[side],
            alpha=0.2,
            linewidth=0,
        )
        ax.plot(data.step, data.mean_cos[:, side], color=COLOURS[side])
        ax.set(ylim=(lowest - 0.05, 1.05), yticks=[0, 0.5, 1])
        ax.text(
            0.97,
            0.08,
            rf"$\cos(\bar w_{sign}, x_{sign})$",
            transform=ax.transAxes,
            ha="right",
            color=COLOURS[side],
        )
    axes[0].set_title("alignment\n(band: single neurons)")
    _share_iterations(axes, data)


def _draw_growth(axes: Sequence[Axes], data: AlignmentFigure) -> None:
    loss, rank, norm = axes
    loss.semilogy(data.step, data.loss, color=style.LEARNED)
    loss.set_ylim(10.0 ** np.floor(np.log10(0.9 * np.nanmin(data.loss))), 2 * np.nanmax(data.loss))
    rank.semilogy(data.step, data.stable_rank, color=style.DATA)
    rank.axhline(2, color=style.FRAME, linewidth=0.5, linestyle=":")
    rank.set_yticks([1, 2, 10], ["1", "2", "10"])
    norm.plot(data.step, data.spectral2, color=style.DATA)
    for ax, label, x in (
        (loss, r"$\mathcal{L}$", 0.97),
        (rank, r"$\|W\|_F^2 / \|W\|_2^2$", 0.97),
        (norm, r"$\|W\|_2^2$", 0.03),
    ):
        ax.minorticks_off()
        ax.text(x, 0.75, label, transform=ax.transAxes, ha="right" if x > 0.5 else "left")
    loss.set_title("loss, stable rank,\nsquared norm")
    _share_iterations(axes, data)


def _share_iterations(axes: Sequence[Axes], data: AlignmentFigure) -> None:
    """One iteration axis for axes above each other, labelled at the lowest."""
    for ax in axes:
        ax.set_xlim(0, max(1, int(data.step[-1])))
        ax.tick_params(labelbottom=ax is axes[-1])
        ax.locator_params(axis="x", nbins=3)
    axes[-1].set_xlabel("iteration")


def _draw_images(axes: Sequence[Axes], data: AlignmentFigure) -> None:
    for ax, image, name in zip(axes, data.images, NAMES, strict=True):
        if np.isfinite(image).all():
            ax.imshow(
                image,
                cmap="gray",
                aspect="equal" if len(image) > 1 else "auto",
                interpolation="nearest",
            )
        ax.set(xticks=[], yticks=[], xlabel=name, anchor="N")
        ax.spines[:].set_visible(False)
    axes[0].set_title(f"mean neurons and\ndata (step {data.image_step})")


def _declared(id: str, file: str, case: str, digits: str) -> Figure:
    return Figure(
        id=id,
        file=file,
        cases=(case,),
        caption=f"{digits}: correlation of the data; alignment of neurons with the data of their class; loss, stable rank and norm; mean neurons and mean data",
        layout=(MOSAIC, style.PAGE, 3.0),
        collect=collect_alignment,
        draw=draw_alignment,
    )


FIGURES = (
    _declared("5", "figure-5-mnist-alignment", DIGITS_1_0.name, "MNIST digits 1 and 0"),
    _declared("10", "figure-10-mnist-3-8", DIGITS_3_8.name, "MNIST digits 3 and 8"),
    _declared("11", "figure-11-mnist-1-7", DIGITS_1_7.name, "MNIST digits 1 and 7"),
)
