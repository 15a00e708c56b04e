"""Engine `grouped`: the iterates of gradient descent at a cost that does not depend on the width
(boursier2024).

Neurons with one activation pattern share one linear map per step, and the outputs need only the
Gram matrix of each pattern. ``table`` holds the arrays, ``step`` one step of the patterns,
``place`` and ``regroup`` follow the neurons across boundaries, ``caught`` steps those that stick to
one, ``boost`` makes steps that keep a^2 - |w|^2, ``engine`` keeps the contract.
"""

from flowrepro.engines.grouped.engine import GroupedBoost, GroupedGD

__all__ = ["GroupedBoost", "GroupedGD"]
