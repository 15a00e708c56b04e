"""Lee, Sim, Ye: Magnitude and angle dynamics in training single ReLU neurons (2022)."""

from flowrepro.papers.paper import Command, Flag, Paper

PAPER = Paper(
    "lee2022",
    "Lee, Sim, Ye: Magnitude and angle dynamics in training single ReLU neurons (2022)",
    commands=(
        Command(
            "single-neuron",
            "Magnitude and angle bounds for one ReLU neuron, any depth (lee2022).",
            data_cases=("1l-sn", "1l-mn", "1l-ln", "2l-mn", "3l-mn"),
            flags={
                "full": Flag(
                    "Figure 4 with the paper's 100000 and 30000 steps instead of 2500 and 6000.",
                    changes={
                        "deep": {
                            "small_lr": 8e-4,
                            "small_steps": 100_000,
                            "large_steps": 30_000,
                        },
                    },
                ),
            },
        ),
    ),
)
