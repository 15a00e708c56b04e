"""Figure 4 and Table 1 of lyu2021: zero lines of nets and separators in a plane, and the table of test errors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.core.trajectory import Study
from flowrepro.figures import Figure, style
from flowrepro.figures.line_panels import legend_below
from flowrepro.papers.lyu2021.boundaries import plane
from flowrepro.papers.lyu2021.experiments import NET_ERRORS, SVM_ERRORS, TABLE
from flowrepro.papers.lyu2021.shading import draw_classes, shade, zero_contour
from flowrepro.papers.lyu2021.table import bias_offset

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BOX = 4.0
"""Half the side of the panels of Figure 4."""
CELLS = 41
PANELS = 10


class Planes(NamedTuple):
    """N panels: f / max |f| (N, CELLS, CELLS) over u and v (CELLS,), points (N, most, 2), label (N, most), and the separator's height over the grid."""

    size: np.ndarray
    u: np.ndarray
    value: np.ndarray
    linear: np.ndarray
    points: np.ndarray
    label: np.ndarray
    tilt_svm: np.ndarray
    tilt_net: np.ndarray
    residual: float


def collect_planes(run: Study) -> Planes:
    """The nets of the first seed on [-BOX, BOX]^2 in the plane spanned by the true normal and the separator."""
    arrays = run.arrays
    u = np.linspace(-BOX, BOX, CELLS)
    grid = np.stack(np.meshgrid(u, u), axis=-1).reshape(-1, 2)
    values, lines = [], []
    for W, a, w, axes in zip(
        *(arrays[name][:PANELS] for name in ("W", "a", "w", "axes")), strict=True
    ):
        value = plane(W, a, float(run.case.options["alpha"]), axes, bias_offset(len(w)))(grid)
        values.append((value / np.abs(value).max()).reshape(CELLS, CELLS))
        lines.append(((grid @ axes + bias_offset(len(w))) @ w).reshape(CELLS, CELLS))
    return Planes(
        arrays["size"][:PANELS],
        u,
        np.array(values),
        np.array(lines),
        arrays["points"][:PANELS],
        arrays["label"][:PANELS],
        arrays["tilt_svm"][:PANELS],
        arrays["tilt_net"][:PANELS],
        float(arrays["residual"].max()),
    )


def draw_planes(axes: Sequence[Axes], data: Planes) -> None:
    """Contours (lighter is higher), the net's zero line, the separator's dashed, training points of both classes."""
    for index, ax in enumerate(axes):
        if index >= len(data.size):
            ax.set_axis_off()
            continue
        shade(ax, data.u, data.u, data.value[index])
        zero_contour(ax, data.u, data.u, data.value[index], style.LEARNED, 2.2)
        zero_contour(ax, data.u, data.u, data.linear[index], style.THEORY, 1.2, "dashed")
        draw_classes(ax, data.points[index], data.label[index], size=3.0)
        ax.axvline(0.0, color=style.FRAME, linewidth=0.8, linestyle=":", label="true separator")
        ax.plot([], [], color=style.LEARNED, linewidth=2.2, label="trained net, $f=0$")
        ax.plot(
            [],
            [],
            "--",
            color=style.THEORY,
            linewidth=1.2,
            label=f"max-margin linear classifier, residual {data.residual:.0e}",
        )
        ax.set_title(f"({chr(ord('a') + index)}) $n={data.size[index]}$")
        ax.set_xlim(-BOX, BOX)
        ax.set_ylim(-BOX, BOX)
        ax.set_aspect("equal")
        ax.tick_params(labelleft=index % 5 == 0, labelbottom=index >= len(data.size) - 5)
    legend_below(axes, columns=5)


class ErrorTable(NamedTuple):
    """Per size (N,): mean and spread over seeds of both test errors in percent, mean agreement in percent; the paper's errors, nan where it has none."""

    size: np.ndarray
    seeds: int
    svm: np.ndarray
    svm_spread: np.ndarray
    net: np.ndarray
    net_spread: np.ndarray
    agreement: np.ndarray
    paper_svm: np.ndarray
    paper_net: np.ndarray
    residual: float


def collect_table(run: Study) -> ErrorTable:
    """Table 1 beside the paper's."""
    arrays = run.arrays
    printed = {
        n: (svm, net)
        for n, svm, net in zip(TABLE.options["sizes"], SVM_ERRORS, NET_ERRORS, strict=True)
    }
    paper = 100 * np.array([printed.get(int(n), (np.nan, np.nan)) for n in arrays["size"]])
    seeds = arrays["svm"].shape[1]
    spread = {
        name: arrays[name].std(axis=1, ddof=1)
        if seeds > 1
        else np.full(len(arrays["size"]), np.nan)
        for name in ("svm", "net")
    }
    return ErrorTable(
        arrays["size"],
        seeds,
        100 * arrays["svm"].mean(axis=1),
        100 * spread["svm"],
        100 * arrays["net"].mean(axis=1),
        100 * spread["net"],
        100 * arrays["agreement"].mean(axis=1),
        paper[:, 0],
        paper[:, 1],
        float(arrays["residual"].max()),
    )


HEADER = (
    "n",
    "SVM, paper",
    "SVM, ours",
    "net, paper",
    "net, ours",
    "net/SVM, paper",
    "net/SVM, ours",
    "same sign",
)


def cells(data: ErrorTable) -> list[tuple[str, ...]]:
    """The cases of Table 1 as text: errors in percent, ours as mean +- standard deviation over the seeds."""
    return [
        (
            f"{n}",
            f"{paper_svm:.1f}",
            f"{svm:.1f} ± {svm_spread:.1f}",
            f"{paper_net:.1f}",
            f"{net:.1f} ± {net_spread:.1f}",
            f"{paper_net / paper_svm:.2f}",
            f"{net / svm:.2f}" if svm > 0 else "",
            f"{agreement:.1f}",
        )
        for n, svm, svm_spread, net, net_spread, agreement, paper_svm, paper_net in zip(
            data.size,
            data.svm,
            data.svm_spread,
            data.net,
            data.net_spread,
            data.agreement,
            data.paper_svm,
            data.paper_net,
            strict=True,
        )
    ]


def draw_table(axes: Sequence[Axes], data: ErrorTable) -> None:
    """The table as a picture: header in two lines, a rule below it."""
    from matplotlib.transforms import Bbox

    (ax,) = axes
    ax.set_axis_off()
    table = ax.table(
        cellText=cells(data),
        colLabels=[name.replace(", ", "\n") for name in HEADER],
        cellLoc="center",
        loc="center",
        bbox=Bbox.unit(),
    )
    table.auto_set_font_size(False)
    table.set_fontsize(7.5)
    for (line, _), cell in table.get_celld().items():
        cell.visible_edges = "B" if line in (0, len(data.size)) else ""
        cell.set_linewidth(0.6)
        cell.set_height(2.0 if line == 0 else 1.0)
    ax.set_title(
        f"test errors in percent, ours: mean and spread over {data.seeds} seeds; max-margin classifiers certified to {data.residual:.0e}"
    )


FIGURES = (
    Figure(
        id="4",
        file="figure-4-planes",
        cases=("table",),
        caption="Nets and max-margin linear classifiers on n shifted Gaussian points, in the plane of the true normal (horizontal) and the classifier's.",
        layout=(2, 5, style.PAGE, 3.3),
        collect=collect_planes,
        draw=draw_planes,
        tolerance=(5e-2, 2e-2),
    ),
    Figure(
        id="4-table",
        file="table-1",
        cases=("table",),
        caption="Table 1: test errors of max-margin linear classifiers and of two-layer nets, the paper's and ours.",
        layout=(1, 1, style.PAGE, 2.6),
        collect=collect_table,
        draw=draw_table,
        tolerance=(5e-2, 0.2),
    ),
)
