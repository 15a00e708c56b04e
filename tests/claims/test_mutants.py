"""Mutants of claims: a claim's function with one constant, sign, exponent or comparison changed.

A mutant is noticed if it says something else than the claim, on the result or on some control.
"""

from __future__ import annotations

import ast
import copy
import inspect
import textwrap
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from test_controls import computed

from flowrepro.claims.claim import Claim
from flowrepro.claims.controls import CONTROLS
from flowrepro.claims.verdict import Verdict
from flowrepro.papers import registry

SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
OTHER = {"at_most": "at_least", "at_least": "at_most", "min": "max", "max": "min"}


def mutants(claim: Claim) -> Iterator[tuple[str, Claim]]:
    """(what was changed, the claim with it), for every place that can be changed."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(claim.measure)))
    function = tree.body[0]
    assert isinstance(function, ast.FunctionDef)
    function.decorator_list.clear()
    if ast.get_docstring(function):
        del function.body[0]
    for number, node in enumerate(ast.walk(function)):
        for what, change in changes(node):
            mutated = copy.deepcopy(tree)
            body = mutated.body[0]
            change(list(ast.walk(body))[number])
            yield f"line {getattr(node, 'lineno', 0)}: {what}", compiled(claim, mutated, body.name)


def changes(node: ast.AST) -> Iterator[tuple[str, Callable[[Any], None]]]:
    """What can be changed at a node, in words and as a function of the node's copy."""
    if isinstance(node, ast.Constant) and type(node.value) in (int, float) and node.value:
        yield f"{node.value} doubled", lambda own: setattr(own, "value", 2 * own.value)
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        yield "another exponent", raised
    elif isinstance(node, ast.BinOp) and type(node.op) in SWAPPED:
        swapped = SWAPPED[type(node.op)]
        name = f"{type(node.op).__name__} becomes {swapped.__name__}"
        yield name, lambda own: setattr(own, "op", swapped())
    elif isinstance(node, ast.Compare) and type(node.ops[0]) in SWAPPED:
        other = SWAPPED[type(node.ops[0])]
        name = f"{type(node.ops[0]).__name__} becomes {other.__name__}"
        yield name, lambda own: own.ops.__setitem__(0, other())
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        yield "a sign dropped", lambda own: setattr(own, "op", ast.UAdd())
    elif isinstance(node, ast.Name) and node.id in OTHER:
        yield f"{node.id} becomes {OTHER[node.id]}", lambda own: setattr(own, "id", OTHER[own.id])
    elif isinstance(node, ast.Attribute) and node.attr in OTHER:
        name = f".{node.attr} becomes .{OTHER[node.attr]}"
        yield name, lambda own: setattr(own, "attr", OTHER[own.attr])


def raised(power: Any) -> None:
    """x ** p becomes x ** (p + 1)."""
    power.right = ast.BinOp(power.right, ast.Add(), ast.Constant(1))


def compiled(claim: Claim, tree: ast.Module, name: str) -> Claim:
    """The claim whose function is that of the tree."""
    ast.fix_missing_locations(tree)
    space = {**claim.measure.__globals__, **inspect.getclosurevars(claim.measure).nonlocals}
    exec(compile(tree, "mutant", "exec"), space)
    return replace(claim, measure=space[name])


def sayings(claim: Claim, result: Any) -> Iterator[str]:
    """What the claim says of the result and of all wrong ones."""
    wrong = [one for control in CONTROLS for one in control.results(result)]
    own = [] if claim.control is None else [claim.control(result)]
    for seen in (result, *wrong, *own):
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            try:
                yield claim.judge(seen).verdict.value
            except Exception:  # nonsense may break anything
                yield "unreadable"


CASES = {
    "orthogonal": ("toy", "gronwall"),
    "toy2d": ("cluster-paths", "plane-paths", "dead-boundary", "fit-time", "theory-cones",
              "theory-rule-unbalanced", "two-points-0.1"),
}  # fmt: skip
NOTICED = 0.65
"""Share of mutants that is noticed at least (70 % measured): most of the others change tolerances."""


@pytest.mark.slow
@pytest.mark.long
def test_most_mutants_are_noticed(tmp_path: Path) -> None:
    made, unnoticed = 0, []
    for command, names in CASES.items():
        for name in names:
            result = computed(command, name, tmp_path)
            for claim in registry.claims_of(result.case):
                if claim.label or claim.judge(result).verdict is not Verdict.PASS:
                    continue
                said = list(sayings(claim, result))
                for change, mutant in mutants(claim):
                    made += 1
                    if all(map(str.__eq__, said, sayings(mutant, result))):
                        unnoticed.append(f"{name} {claim.id} {change}")
    print(*unnoticed, f"{len(unnoticed)} of {made} mutants are not noticed", sep="\n")
    assert made > 300
    assert len(unnoticed) <= (1 - NOTICED) * made
