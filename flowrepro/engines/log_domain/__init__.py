"""Late phases of classification in the log domain, to losses of 10^-43000000 and beyond (lyu2021).

Not an `engines.base.Engine`: its clock is the margin, the rescaled time or the flow time, not the
step.

    kernel.py      the formulas, and the compiled integrators "gd", "euler", "rk4"
    adaptive.py    scipy's BDF in rescaled time and DOP853 in flow time on the same kernel
    late_run.py    what goes in and what comes out
    integrate.py   integrate, integrate_many, flow
    descent.py     descend: "gd" compiled, or in PyTorch ("sgd" too) by engines/torch_late.py

"gd", "sgd" and "euler" are descents, "rk4", "bdf" and "flow-t" the gradient flow.
"""

from flowrepro.engines.log_domain.descent import ENGINES, descend
from flowrepro.engines.log_domain.integrate import (
    CLOCKS,
    HANDOVER,
    Method,
    Start,
    flow,
    integrate,
    integrate_many,
    join,
)
from flowrepro.engines.log_domain.late_run import Classification, Clock, LateRun

__all__ = [
    "CLOCKS",
    "ENGINES",
    "HANDOVER",
    "Classification",
    "Clock",
    "LateRun",
    "Method",
    "Start",
    "descend",
    "flow",
    "integrate",
    "integrate_many",
    "join",
]
