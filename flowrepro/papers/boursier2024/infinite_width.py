r"""Training of infinitely wide networks beside that of wide ones, on the points of Figure 2 (boursier2024, Section 4).

The radius of a neuron's law integrates out, so that equidistributed nodes train the limit m -> infinity up to the error of
the nodes; random networks differ from it by 1 / sqrt(m). The study's options: steps, widths, seeds, nodes, scale, lr.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowrepro.claims.old_claim import number, require, statement, upper, window
from flowrepro.claims.old_verdict import Claim, Judgement
from flowrepro.core.config import Init, StudyCase
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.figures import Figure, style
from flowrepro.papers.boursier2024.hypotheses import ref
from flowrepro.papers.boursier2024.study_hypotheses import declared
from flowrepro.papers.boursier2024.training import problem_of, train
from flowrepro.papers.topic import Progress

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LIMIT = np.array(
    [
        [0.01466, 0.01356, 0.01081],
        [0.114532, 0.105967, 0.084554],
        [0.536782, 0.497738, 0.400126],
        [0.723312, 0.675020, 0.554289],
    ]
)
"""h on the data at steps 3669, 4440, 5374 and 6504 in infinite width (measured, 400000 nodes)."""


def compare_widths(
    case: StudyCase, dataset: Dataset | None, progress: Progress
) -> Mapping[str, np.ndarray]:
    """h on the data: limit (steps, n) with the nodes, coarse (steps, n) with a tenth of them, and finite (widths, seeds, steps, n)."""
    assert dataset is not None
    X, y, options = dataset.X, dataset.y, case.options
    steps = tuple(options["steps"])
    work = 2 + len(options["widths"]) * options["seeds"]

    def outputs(law: str, m: int, seed: int) -> np.ndarray:
        init = Init(name=law, m=m, scale=options["scale"], divide_by="sqrt(m)")
        run = train(problem_of(X, y, init, seed, options["lr"], max(steps)), snapshots=steps)
        return np.stack([predict(X, *run.at(step)) for step in steps])

    limit = outputs("balanced-quadrature", options["nodes"], case.seed)
    coarse = outputs("balanced-quadrature", options["nodes"] // 10, case.seed)
    finite = np.empty((len(options["widths"]), options["seeds"], *limit.shape))
    for done, (i, j) in enumerate(np.ndindex(finite.shape[:2])):
        finite[i, j] = outputs("balanced", options["widths"][i], case.seed + j)
        progress(done + 3, work)
    return {"limit": limit, "coarse": coarse, "finite": finite}


def errors(findings: Study) -> np.ndarray:
    """max_k |h - h_inf|, (widths, seeds, steps)."""
    return np.abs(findings.arrays["finite"] - findings.arrays["limit"]).max(axis=-1)  # type: ignore[no-any-return]


def exponents(findings: Study) -> np.ndarray:
    """Of the root mean square error over the width, (steps,)."""
    sizes = np.sqrt(np.mean(errors(findings) ** 2, axis=1))
    return np.polyfit(np.log(findings.case.options["widths"]), np.log(sizes), 1)[0]  # type: ignore[no-any-return]


@statement(
    "width-error",
    ref("Section 4"),
    "theory",
    ("infinite-width",),
    "wide networks approach the limit of infinite width as 1 / sqrt(m)",
)
def width_error(findings: Study) -> Sequence[Judgement]:
    """Exponents at every step, within four standard deviations; the error of the nodes is far below.

    ln of a root mean square of R normal errors has the variance 1 / (2 R).
    """
    widths = np.array(findings.case.options["widths"], dtype=np.float64)
    require(
        None
        if len(widths) > 1 and widths.max() >= 50 * widths.min()
        else "an exponent needs widths over a factor of 50"
    )
    nodes = float(np.abs(findings.arrays["coarse"] - findings.arrays["limit"]).max())
    half = 4.0 * np.sqrt(
        0.5 / findings.case.options["seeds"] / np.sum((np.log(widths) - np.log(widths).mean()) ** 2)
    )
    parts = [
        window(f"exponent at step {step}", value, -0.5 - half, -0.5 + half)
        for step, value in zip(findings.case.options["steps"], exponents(findings), strict=True)
    ]
    return [
        *parts,
        upper("error of a tenth of the nodes", nodes, 0.1 * float(errors(findings)[-1].mean())),
        number("largest width", widths.max()),
    ]


@statement(
    "infinite-width",
    ref("Figure 2"),
    "reproduction",
    ("infinite-width",),
    "h of infinite width on the points of Figure 2",
    given=(declared,),
)
def infinite_width(findings: Study) -> Sequence[Judgement]:
    """Largest difference from the values measured with 400000 nodes; root mean square of sqrt(m) times the error at step 5374."""
    scaled = errors(findings) * np.sqrt(findings.case.options["widths"])[:, None, None]
    step = findings.case.options["steps"].index(5374)
    return [
        upper(
            "difference from 400000 nodes",
            float(np.abs(findings.arrays["limit"] - LIMIT).max()),
            2e-5,
        ),
        window(
            "root mean square of sqrt(m) max |h - h_inf| at step 5374",
            float(np.sqrt(np.mean(scaled[:, :, step] ** 2))),
            0.2,
            0.7,
        ),
    ]


class Errors(NamedTuple):
    """Widths (w,), steps (s,), error (w, seeds, s)."""

    widths: np.ndarray
    steps: np.ndarray
    error: np.ndarray


def collect_errors(findings: Study) -> Errors:
    """Distance from the limit."""
    return Errors(
        np.array(findings.case.options["widths"]),
        np.array(findings.case.options["steps"]),
        errors(findings),
    )


def draw_errors(axes: Sequence[Axes], data: Errors) -> None:
    """One mark per run; the root mean square of the step that differs most dashed with slope -1/2."""
    (ax,) = axes
    for s, step in enumerate(data.steps):
        spread = 1.0 + 0.12 * (s - (len(data.steps) - 1) / 2)
        for w, width in enumerate(data.widths):
            label = f"step {step}" if w == 0 else None
            ax.plot(
                np.full(data.error.shape[1], width * spread),
                data.error[w, :, s],
                "osv^Dx"[s % 6],
                color=str(0.15 * s),
                markersize=3,
                label=label,
            )
    largest = np.sqrt(np.mean(data.error**2, axis=1)).max(axis=1)
    ax.plot(
        data.widths,
        largest[0] * np.sqrt(data.widths[0] / data.widths),
        "--",
        color=style.THEORY,
        linewidth=1.0,
        label="slope -1/2",
    )
    ax.set(xscale="log", yscale="log", xlabel="width $m$", ylabel="$\\max_k |h - h_\\infty|$")
    ax.figure.legend(loc="outside lower center", ncols=3)


CLAIMS: tuple[Claim, ...] = (width_error, infinite_width)
FIGURES = (
    Figure(
        id="infinite-width",
        file="infinite-width",
        cases=("infinite-width",),
        caption="Three points: distance of wide networks from the network of infinite width, at four steps.",
        layout=(1, 1, style.COLUMN, 2.9),
        collect=collect_errors,
        draw=draw_errors,
    ),
)
