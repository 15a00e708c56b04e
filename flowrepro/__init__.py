"""Gradient flow and gradient descent of two-layer (leaky) ReLU networks, and what five papers prove
about them.

Train a network on your own points from a small start, see its neurons align, and judge every
theorem whose hypotheses hold on the run; or repeat the papers' own experiments from the command
line.

>>> import numpy as np, flowrepro as fr
>>> X, y = np.eye(2), [1.0, -0.5]
>>> W, a = fr.init.balanced(m=20, d=2, scale=1e-6, seed=0)
>>> run = fr.flow(X, y, W, a, t=100.0)
>>> picture = fr.plot.overview(run)

The parts of the package, in the order in which a result is made:

    paper > topic > case -> result -> claims -> figures -> run directory -> report

    papers/     a paper: its citation, its topics in order, its misprints; a topic is one subject
                and one module
    core/       the case that a result follows from; the network, its losses and THE conventions;
                trajectories
    data/       the points and targets that a case names
    engines/    the ways to train: one contract, interchangeable members
    theory/     mathematics that more than one paper needs
    claims/     statements with hypotheses, measured parts and a verdict
    figures/    panels as data, and one renderer that draws them
    store/      the run directory: atomic, resumable, verifiable
    run/        from a case to its folder
    report/, sweep/, bench/    pages over many runs, grids of runs, timings
    api/        what this module offers; cli/ is the same from a shell; explore/ in a browser
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flowrepro.api import init as init
    from flowrepro.api import plot as plot
    from flowrepro.api import torch_models as models
    from flowrepro.api.dense import State as State
    from flowrepro.api.geometry import Cones as Cones
    from flowrepro.api.geometry import Margins as Margins
    from flowrepro.api.geometry import cones as cones
    from flowrepro.api.geometry import margin as margin
    from flowrepro.api.judge import Claims as Claims
    from flowrepro.api.judge import claims as claims
    from flowrepro.api.run import Event as Event
    from flowrepro.api.run import Run as Run
    from flowrepro.api.stored import load as load
    from flowrepro.api.torch_models import from_torch as from_torch
    from flowrepro.api.train import descend as descend
    from flowrepro.api.train import flow as flow
    from flowrepro.errors import DataError as DataError
    from flowrepro.errors import FlowreproError as FlowreproError
    from flowrepro.errors import UsageError as UsageError

__version__ = "0.2.0"

_MEMBERS = {
    "init": "api.init",
    "plot": "api.plot",
    "models": "api.torch_models",
    "State": "api.dense:State",
    "Cones": "api.geometry:Cones",
    "Margins": "api.geometry:Margins",
    "cones": "api.geometry:cones",
    "margin": "api.geometry:margin",
    "Claims": "api.judge:Claims",
    "claims": "claims",
    "Event": "api.run:Event",
    "Run": "api.run:Run",
    "load": "api.stored:load",
    "from_torch": "api.torch_models:from_torch",
    "descend": "api.train:descend",
    "flow": "api.train:flow",
    "DataError": "errors:DataError",
    "FlowreproError": "errors:FlowreproError",
    "UsageError": "errors:UsageError",
}
"""Public name -> module, or module:member.

Imported when asked for, so that ``flowrepro --help`` answers at once.
"""

__all__ = [
    "Claims",
    "Cones",
    "DataError",
    "Event",
    "FlowreproError",
    "Margins",
    "Run",
    "State",
    "UsageError",
    "__version__",
    "claims",
    "cones",
    "descend",
    "flow",
    "from_torch",
    "init",
    "load",
    "margin",
    "models",
    "plot",
]


def __getattr__(name: str) -> Any:
    if name not in _MEMBERS:
        raise AttributeError(f"module 'flowrepro' has no attribute '{name}'")
    module, _, member = _MEMBERS[name].partition(":")
    found = importlib.import_module(f"flowrepro.{module}")
    return getattr(found, member) if member else found


def __dir__() -> list[str]:
    return sorted({*globals(), *_MEMBERS})
