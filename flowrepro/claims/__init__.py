"""How a statement of a paper becomes a verdict.

verdict.py   measured parts, and the verdict that follows from them
claim.py     a claim: hypotheses first, then parts
elsewhere.py a claim on a run that its paper did not declare

The package is also the function ``flowrepro.claims(run)`` (`flowrepro.api.judge.claims`), which
shares its name.
"""

from __future__ import annotations

import importlib
import sys
from types import ModuleType
from typing import Any


class _Callable(ModuleType):
    def __call__(self, run: Any) -> Any:
        """See `flowrepro.api.judge.claims`."""
        return importlib.import_module("flowrepro.api.judge").claims(run)


sys.modules[__name__].__class__ = _Callable
