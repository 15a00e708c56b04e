"""Reproduce the gradient-flow training of small ReLU networks, and check its theorems numerically.

How a run flows, one function call per arrow, plain arrays on both sides:

    experiment row -> dataset -> initial weights -> engine -> trajectory -> checks -> figures -> run
    directory

    experiment.py            the frozen row every run starts from
    data/, initialize.py     the points and the weights it names
    network.py, models.py    the network, its losses and THE conventions (numpy, PyTorch)
    engines/                 the ways to train: one contract, interchangeable members
    trajectory.py            what an engine returns
    theory/                  mathematics that more than one paper needs; the result of a check
    papers/                  one wing per paper: its rows, its statements as checks, its figures
    figures/                 style, and saving that gives the same bytes twice
    runs.py                  the run directory: atomic, resumable, verifiable
    training.py              from a row to a stored trajectory
    pipeline.py              all the arrows, checks and figures included
    cli.py, selection.py     the command line; console.py is what a person sees
    catalogue.py, gallery.py, bench.py   what there is, the pictures in figures/, timings
"""

__version__ = "0.1.0"
