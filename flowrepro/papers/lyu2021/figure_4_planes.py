"""Figure 4: nets and linear separators of Table 1 in a plane that holds both normals."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from flowrepro.claims.published import as_declared
from flowrepro.claims.verdict import Part, at_most
from flowrepro.core.trajectory import Study
from flowrepro.figures import style
from flowrepro.figures.panels import Contour, Panel, Vertical
from flowrepro.papers.lyu2021 import PAPER
from flowrepro.papers.lyu2021.shared.planes import bias_offset, classes, on_grid, plane, shades
from flowrepro.papers.lyu2021.table_1 import TABLE, trained_to_the_end
from flowrepro.papers.topic import Topic

BOX = 4.0
"""Half the side of a panel."""
CELLS, PANELS = 41, 10

topic = Topic(PAPER, "Figure 4: zero lines of nets and separators")


@topic.claim(
    "figure-4-planes",
    "In the plane of the true normal and the classifier, zero lines of nets are straight and near"
    " the classifier's.",
    place="Figure 4",
    on=(TABLE,),
    kind="reproduction",
    given=(as_declared(TABLE), trained_to_the_end),
)
def planes(result: Study) -> Iterable[Part]:
    """Largest difference of the tilts, and the largest distance of a net's zero line from straight.

    Of the first seed as declared: the difference varies with the draw (measured: 3.2 degrees from
    seed 0, 5.2 from seed 10).
    """
    tilt = np.abs(result.arrays["tilt_net"] - result.arrays["tilt_svm"]).max()
    yield at_most("largest difference of tilts, degrees", float(tilt), 5.0)
    yield at_most("largest distance from straight", float(result.arrays["bend"].max()), 0.05)


@topic.figure(
    "4",
    "Nets and max-margin linear classifiers on n shifted Gaussian points, in the plane of the true"
    " normal (horizontal) and the classifier's; contours of f, lighter is higher.",
    on=(TABLE,),
    layout=(2, 5, style.PAGE, 3.5),
    file="figure-4-planes",
    share="both",
    tolerance=(5e-2, 2e-2),
)
def figure_4(result: Study) -> Iterable[Panel]:
    """Nets of the first seed on [-BOX, BOX]^2: f / max |f| and zero lines, training points."""
    arrays, alpha = result.arrays, float(result.case.options["alpha"])
    u = np.linspace(-BOX, BOX, CELLS)
    residual = float(arrays["residual"].max())
    names = ("size", "W", "a", "w", "axes", "points", "label")
    for n, W, a, w, axes, points, label in zip(
        *(arrays[name][:PANELS] for name in names), strict=True
    ):
        offset = bias_offset(len(w))
        value = on_grid(plane(W, a, alpha, axes, offset), u, u)
        linear = on_grid(lambda p, axes=axes, at=offset, w=w: (p @ axes + at) @ w, u, u)  # type: ignore[misc]
        value = value / np.abs(value).max()
        marks = [
            shades(u, u, value),
            Contour(u, u, value, width=2.2, label="trained net, $f=0$"),
            Contour(u, u, linear, colour=style.THEORY, width=1.2, dash="--",
                    label=f"max-margin linear classifier, residual {residual:.0e}"),
            *classes(points, label, size=3.0),
            Vertical(0.0, label="true separator"),
        ]  # fmt: skip
        yield Panel(marks, title=f"$n={n}$", xlabel="true normal", ylabel="rest of $w^*$",
                    xlim=(-BOX, BOX), ylim=(-BOX, BOX), aspect="equal")  # fmt: skip
