"""Boursier, Pillaud-Vivien, Flammarion (2022): gradient flow on orthogonal inputs."""

from flowrepro.papers.paper import Command, Paper

PAPER = Paper(
    "boursier2022",
    "Boursier, Pillaud-Vivien, Flammarion: Gradient flow dynamics of shallow ReLU networks for "
    "square loss and orthogonal inputs (2022)",
    commands=(
        Command(
            "orthogonal",
            "Saddle-to-saddle dynamics towards the minimal-norm interpolator (boursier2022).",
            data_cases=("toy",),
        ),
    ),
)
