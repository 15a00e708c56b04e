"""Ways to train, one contract (base.py), interchangeable members.

Members are named by module and class and imported when asked for, so that a broken installation of
one dependency (torch, numba) does not touch the others.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Literal, NamedTuple

from flowrepro.errors import EnvironmentFault, UsageError

if TYPE_CHECKING:
    from flowrepro.engines.base import Engine, Problem


class Member(NamedTuple):
    """Where an engine's class is, what must be installed for it, and what it integrates."""

    module: str
    cls: str
    needs: str = "numba"
    kind: Literal["descent", "flow"] = "descent"


ENGINES: dict[str, Member] = {
    "lazy": Member("flowrepro.engines.lazy.engine", "LazyGD"),
    "grouped": Member("flowrepro.engines.grouped", "GroupedGD"),
    "fused": Member("flowrepro.engines.fused_gd", "FusedGD"),
    "interpolated": Member("flowrepro.engines.torch_interpolated", "InterpolatedGD", needs="torch"),
    "torch": Member("flowrepro.engines.torch_gd", "TorchGD", needs="torch"),
    "flow": Member("flowrepro.engines.flow.engine", "Flow", kind="flow"),
    "smooth-flow": Member("flowrepro.engines.smooth_flow", "SmoothFlow", kind="flow"),
    "grouped-boost": Member("flowrepro.engines.grouped", "GroupedBoost", kind="flow"),
}
"""name -> member, fastest first.

"auto" takes the first that recommends itself for the problem.
"""


def is_flow(name: str) -> bool:
    """Whether an engine integrates the gradient flow itself; the others descend."""
    return name in ENGINES and ENGINES[name].kind == "flow"


def load(name: str) -> type[Engine]:
    """The engine's class;

    UsageError for an unknown name, EnvironmentFault where its dependency cannot be imported.
    """
    if name not in ENGINES:
        raise UsageError(f"--engine must be one of auto, {', '.join(ENGINES)}, not '{name}'")
    member = ENGINES[name]
    try:
        return getattr(importlib.import_module(member.module), member.cls)  # type: ignore[no-any-return]
    except (
        ImportError,
        OSError,
        AttributeError,
        RuntimeError,
    ) as error:  # absent, unloadable, too old, of another build
        needs = "numba" if "numba" in str(error) else member.needs
        raise EnvironmentFault(
            f"engine '{name}' needs {needs}, which cannot be imported here ({error}); reinstall "
            f"it with 'pip install --force-reinstall {needs}'"
        ) from error


def choose(name: str, problem: Problem, reasoned: bool = True) -> tuple[type[Engine], str]:
    """The engine for ``problem`` and one line saying why; ``reasoned`` adds why not the others.

    "auto" takes the first member of ENGINES that supports the problem and recommends itself for it;
    the flow, which is not what a descent computes, never does.
    A named engine that does not support the problem raises UsageError with its reason.
    """
    if name != "auto":
        engine = load(name)
        reason = _refusal(engine, problem)
        if reason:
            raise UsageError(f"engine '{name}' cannot run this case: {reason}")
        return engine, f"engine {name} as asked"
    reasons, broken = [], []
    for candidate in ENGINES:
        try:
            engine = load(candidate)
        except EnvironmentFault as error:
            broken.append(str(error))
            reasons.append(str(error))
            continue
        reason = _refusal(engine, problem) or engine.advises_against(problem)
        if reason is None:
            passed_over = f" ({'; '.join(reasons)})" if reasons and reasoned else ""
            return engine, f"engine {candidate}, the fastest exact one for this case{passed_over}"
        reasons.append(f"not {candidate}: {reason}")
    if broken:
        raise EnvironmentFault("; ".join(broken))
    raise UsageError(f"no engine can run this case: {'; '.join(reasons)}")


def _refusal(engine: type[Engine], problem: Problem) -> str | None:
    if problem.depth != 2 and engine.two_layers_only:
        return f"it trains two-layer networks and the case asks for depth {problem.depth}"
    if problem.ln_scale != 0 and engine.kind != "flow":
        return (
            "its weights are doubles and the case asks for log10_scale; set init.scale instead, "
            "or --engine flow"
        )
    if problem.times and engine.name != "flow":
        return (
            "it makes equal steps and the case asks for record.times; leave them out, or take "
            "engine flow"
        )
    return engine.supports(problem)
