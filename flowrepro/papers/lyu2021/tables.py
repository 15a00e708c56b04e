"""Table 1 of lyu2021, and the margins of a set of points, filled with measured numbers."""

from __future__ import annotations

from collections.abc import Sequence

from flowrepro.core.trajectory import Study
from flowrepro.figures.tables import Table
from flowrepro.papers.lyu2021.table_figures import collect_table


def error_lines(run: Study) -> Sequence[Sequence[float | None]]:
    """A line for each size: the paper's errors (None where it has none) beside mean and standard deviation of ours."""
    data = collect_table(run)
    columns = (
        data.paper_svm,
        data.svm,
        data.svm_spread,
        data.paper_net,
        data.net,
        data.net_spread,
        data.agreement,
    )
    lines = [
        [None if value != value else round(float(value), 2) for value in values]
        for values in zip(*columns, strict=True)
    ]
    return [[int(n), *line] for n, line in zip(data.size, lines, strict=True)]


def margin_lines(run: Study) -> Sequence[Sequence[float | str | None]]:
    """A line for each classifier: its normalised margin, its part of the largest one where that is known, and the residual of its certificate."""
    arrays, alpha = run.arrays, float(run.case.options["alpha"])
    largest, exact = float(arrays["largest_lower"]), bool(arrays["largest_exact"])
    known: list[tuple[str, float, float]] = [
        (
            "largest of any width (residual: width of its bracket)"
            if exact
            else "lower bound of the largest (residual: to the upper bound)",
            largest,
            float(arrays["largest_upper"]) - largest,
        ),
        (
            "linear pair, (1 + alpha)/4 gamma*",
            (1 + alpha) / 4 * float(arrays["gamma_star"]),
            float(arrays["star_residual"]),
        ),
        (
            "one positive neuron, gamma+ / 2",
            float(arrays["gamma_plus"]) / 2,
            float(arrays["plus_residual"]),
        ),
        (
            "one negative neuron, gamma- / 2",
            float(arrays["gamma_minus"]) / 2,
            float(arrays["minus_residual"]),
        ),
        (
            f"trained net at q = {float(arrays['net_q_min'][-1]):.4g} (residual: KKT eps)",
            float(arrays["net_normalised_margin"][-1]),
            float(arrays["net_eps"][-1]),
        ),
    ]
    return [
        (name, margin, margin / largest if exact else None, residual)
        for name, margin, residual in known
        if margin == margin
    ]


TABLES = (
    Table(
        id="1",
        file="table-1",
        case="table",
        caption="Table 1: test errors in percent of max-margin linear classifiers (SVM) and of trained nets, ours with the standard deviation over seeds.",
        header=(
            "n",
            "SVM, paper",
            "SVM, ours",
            "SVM, spread",
            "net, paper",
            "net, ours",
            "net, spread",
            "same sign",
        ),
        lines=error_lines,
    ),
    Table(
        id="margins",
        file="margins",
        case="separator",
        caption="Normalised margins of the classifiers of these points, each with the residual of its certificate.",
        header=("classifier", "margin", "of the largest", "residual"),
        lines=margin_lines,
    ),
)
