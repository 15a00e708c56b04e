"""Boursier, Flammarion: Early alignment in two-layer networks training is a two-edged sword
(2024)."""

from flowrepro.papers.paper import Command, Flag, Paper

PAPER = Paper(
    "boursier2024",
    "Boursier, Flammarion: "
    "Early alignment in two-layer networks training is a two-edged sword (2024)",
    commands=(
        Command(
            "three-point",
            "Early alignment can trap training at a spurious point (boursier2024).",
            data_cases=("phases", "analysis"),
            flags={
                "analyse": Flag(
                    "Only the static analysis: activation cones, extremal vectors, constants, "
                    "assumptions.",
                    ("analysis",),
                ),
                "paper-width": Flag(
                    "Figure 3 at the paper's 200000 neurons instead of 20000.",
                    changes={"figure-3": {"init.m": 200_000, "record.geometric": 0.0}},
                ),
            },
        ),
    ),
)
