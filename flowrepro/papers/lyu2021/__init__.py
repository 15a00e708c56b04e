"""Lyu, Li, Wang, Arora: margin maximization and simplicity bias of two-layer nets (2021)."""

from flowrepro.papers.paper import Command, Paper

PAPER = Paper(
    "lyu2021",
    "Lyu, Li, Wang, Arora: Gradient descent on two-layer nets: "
    "margin maximization and simplicity bias (2021)",
    commands=(
        Command(
            "margin",
            "Leaky ReLU nets converge to (or miss) the max-margin classifier (lyu2021).",
            data_cases=("separator",),
        ),
    ),
)
