"""Min, Mallada, Vidal (2024): early alignment in two-layer ReLU networks, small initialization."""

from flowrepro.papers.paper import Command, Flag, Paper

PAPER = Paper(
    "min2024",
    "Min, Mallada, Vidal: Early neuron alignment in two-layer ReLU networks with small "
    "initialization (2024)",
    commands=(
        Command(
            "toy2d",
            "Early alignment in the plane, neuron by neuron, against its theorems (min2024).",
            data_cases=("six-points",),
        ),
        Command(
            "mnist-align",
            "Neurons align early with the positive or negative digits, then fit (min2024).",
            flags={
                "digits": Flag(
                    "Only this pair of digits, P (+1) against N (-1).",
                    ("digits-1-0",),
                    takes=("positive", "negative"),
                    metavar="P N",
                    kind=int,
                ),
                "dataset": Flag(
                    "mnist, fashion-mnist, kmnist or emnist instead of MNIST.",
                    ("digits-1-0",),
                    takes=("dataset",),
                    metavar="NAME",
                ),
            },
        ),
    ),
)
