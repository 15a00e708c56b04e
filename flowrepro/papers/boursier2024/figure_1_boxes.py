"""Figure 1: three points in the boxes of Assumption 3, which two neurons fit and training does not.

Least squares is drawn beside the trained network.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.published import as_published
from flowrepro.claims.verdict import Part, at_least, at_most, within
from flowrepro.core.config import Data, Descent, Record, Target
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.figures import NotDrawable, style
from flowrepro.figures.line_panels import require_line
from flowrepro.figures.panels import Line, Mark, Panel, Points, Region
from flowrepro.papers.boursier2024 import PAPER
from flowrepro.papers.boursier2024.assumptions import box_ends, box_slack
from flowrepro.papers.boursier2024.hypotheses import target_window
from flowrepro.papers.boursier2024.neuron_panels import line_grid, on_line, with_bias
from flowrepro.papers.boursier2024.neurons import distance_to_limit, end, least_squares
from flowrepro.papers.boursier2024.training import MSE, law
from flowrepro.papers.topic import Topic
from flowrepro.theory.square_descent import mse

topic = Topic(PAPER, "Three points in boxes")
ETA = 1 / 6
"""Of Assumption 3, as Figure 1 has it."""

FIGURE_1 = topic.run(
    "figure-1",
    "Figure 1: points in the boxes of Assumption 3, the three phases of training on them, and "
    "least squares at the end.",
    data=Data(name="three-points-in-boxes"),
    init=law("balanced", 1000, 1e-3),  # ours: the paper trains on the points of Figure 2 only
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=150_000),
    record=Record(save_every=10, geometric=1.02),  # fine enough for integrals along the run
    targets=(
        Target(
            what="MSE at the end",
            paper="least squares",
            ours=0.2104320829,
            window=(0.2104320828, 0.2104320830),
        ),
    ),
)


def two_neurons(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """W (2, 2), a (2,) > 0 through three points (x, 1): two rays that rise from one foot.

    The left ray goes through the first two points, the right one through the last. None where that
    cannot be: the labels must fall, then rise, and stay above 0.
    """
    order = np.argsort(x)
    (x1, x2, x3), (y1, y2, y3) = x[order], y[order]
    if not (y1 > y2 >= 0 and y3 > 0):
        return None
    foot = x2 + y2 * (x2 - x1) / (y1 - y2)
    if not foot < x3:
        return None
    slopes = np.array([(y1 - y2) / (x2 - x1), y3 / (x3 - foot)])
    return np.array([[-1.0, foot], [1.0, -foot]]), slopes


@topic.claim(
    "figure-1-least-squares",
    "Two neurons fit the points in the boxes, but training ends at least squares.",
    place="Figure 1",
    kind="reproduction",
    given=(as_published(FIGURE_1),),
)
def ends_at_least_squares(run: Run) -> Iterable[Part]:
    """Sides of the boxes, error of the two neurons, and the end of training."""
    pair = two_neurons(run.X[:, 0], run.y)
    fit = np.inf if pair is None else np.abs(predict(run.X, *pair) - run.y).max()
    yield at_least("distance to the sides of the boxes", box_slack(run.X, run.y, ETA), 0.0)
    yield at_most("error of two neurons", fit, 1e-12)
    yield within("MSE at the end", mse(run)[-1], *target_window(FIGURE_1, "MSE at the end"))
    yield at_most("largest |h - <beta*, x>| at the end", distance_to_limit(run), 1e-8)


@topic.figure(
    "1",
    "Three points that satisfy Assumption 3: two neurons fit them, training ends at least squares.",
    layout=(1, 1, style.COLUMN, 3.0),
    file="figure-1-boxes",
)
def boxes(run: Run) -> Iterable[Panel]:
    """NotDrawable unless two neurons with a > 0 fit three points on a line."""
    require_line(run)
    x, y = run.X[:, 0], run.y
    if len(y) != 3:
        raise NotDrawable(f"Figure 1 shows three points and the boxes for them; these are {len(y)}")
    pair = two_neurons(x, y)
    if pair is None:
        raise NotDrawable(
            "Figure 1 shows three points with labels that fall, then rise, which two neurons fit; "
            "these are not such points"
        )
    grid = line_grid(x)
    low, high = box_ends(ETA)
    marks: list[Mark] = [
        Region([low[k], high[k], high[k], low[k]],
               np.repeat([low[6 + k // 2], high[6 + k // 2]], 2),
               colour=style.DEAD, opacity=0.3, label=r"boxes of Assumption 3, $\eta=1/6$")
        for k in (0, 2, 4)
    ]  # fmt: skip
    fitted = with_bias(grid) @ least_squares(run.X, y)
    marks += [
        Line(grid, predict(with_bias(grid), *pair), colour=style.POSITIVE, dash=":",
             label="two neurons that fit"),
        Line(grid, on_line(*end(run), grid), width=2.2, label="trained network"),
        Line(grid, fitted, colour=style.THEORY, dash="--", width=1.0, label="least squares"),
        Points(x, y, colour=style.DATA, label="data"),
    ]  # fmt: skip
    yield Panel(marks, xlabel="$x$", ylabel="$y$", xlim=(grid[0], grid[-1]), ylim=(-0.1, 1.3))
