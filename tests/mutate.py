"""Code with one constant, sign, exponent or comparison changed."""

from __future__ import annotations
import __future__

import ast
import copy
import functools
import gc
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import shorten
from types import CodeType, FunctionType
from typing import Any, NamedTuple

from flowrepro import papers

PAPERS = str(Path(papers.__file__).parent)
SWAPPED: dict[type, type] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult,
    ast.Lt: ast.Gt, ast.Gt: ast.Lt, ast.LtE: ast.GtE, ast.GtE: ast.LtE,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
OTHER = {"at_most": "at_least", "at_least": "at_most", "min": "max", "max": "min"}

# ---- the places that can be changed


class Place(NamedTuple):
    """What is changed where: ``line`` of the module, whose text is ``text``; ``change`` works on the
    copy of node ``number`` of the function's tree.
    """

    code: CodeType
    number: int
    line: int
    text: str
    what: str
    change: Callable[[Any], None]

    def __str__(self) -> str:
        module = Path(self.code.co_filename).stem
        return f"{module}.{self.code.co_qualname}: {self.what} in {self.text}"


def functions(code: CodeType) -> list[FunctionType]:
    """The functions that have this code, which are none for one that lives in a call."""
    return [found for found in gc.get_referrers(code) if isinstance(found, FunctionType)]


@functools.cache
def source(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


@functools.cache
def statement(code: CodeType) -> tuple[int, int]:
    """(index of the statement of the module, number of the node in it) that this code comes from."""
    for index, top in enumerate(source(code.co_filename).body):
        if not first_line(top) <= code.co_firstlineno <= (top.end_lineno or 0):
            continue
        for number, node in enumerate(ast.walk(top)):
            if (name_of(node), first_line(node)) == (code.co_name, code.co_firstlineno):
                return index, number
    raise LookupError(f"{code} comes from no function")


def name_of(node: ast.AST) -> str:
    return "<lambda>" if isinstance(node, ast.Lambda) else getattr(node, "name", "")


def first_line(node: Any) -> int:
    above = (one.lineno for one in getattr(node, "decorator_list", ()))
    return min([getattr(node, "lineno", 0), *above])


@functools.cache
def places(code: CodeType) -> tuple[Place, ...]:
    """Every place of a function's body that can be changed."""
    index, number = statement(code)
    function = list(ast.walk(source(code.co_filename).body[index]))[number]
    own = function.body if isinstance(function.body, list) else [function.body]
    inside = {id(node) for part in own for node in ast.walk(part)}
    above = {id(part): node for node in ast.walk(function) for part in ast.iter_child_nodes(node)}
    return tuple(
        Place(code, number, node.lineno, text(node, above), what, change)
        for number, node in enumerate(ast.walk(function))
        if id(node) in inside
        for what, change in changes(node)
    )


def text(node: ast.AST, above: dict[int, ast.AST]) -> str:
    """The expression that a node is, or is part of."""
    while isinstance(node, ast.Constant | ast.Name | ast.Attribute | ast.keyword | ast.UnaryOp):
        if not isinstance(above[id(node)], ast.expr | ast.keyword):
            break
        node = above[id(node)]
    return shorten(ast.unparse(node), 60, placeholder=" ...").replace("|", "\\|")


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


def changed_code(place: Place) -> CodeType:
    """The function's code with the change."""
    index, number = statement(place.code)
    top = copy.deepcopy(source(place.code.co_filename).body[index])
    function = list(ast.walk(top))[number]
    place.change(list(ast.walk(function))[place.number])
    module = ast.fix_missing_locations(ast.Module([top], []))
    future = __future__.annotations.compiler_flag
    whole = compile(module, place.code.co_filename, "exec", future, dont_inherit=True)
    return next(code for code in codes(whole) if same_function(code, place.code))


def codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from codes(constant)


def same_function(one: CodeType, other: CodeType) -> bool:
    return (one.co_qualname, one.co_firstlineno, one.co_freevars) == (
        other.co_qualname, other.co_firstlineno, other.co_freevars)  # fmt: skip


class Mutated:
    """While this is entered, the functions with the place's code have the change."""

    def __init__(self, place: Place) -> None:
        self.functions, self.own, self.changed = functions(place.code), place.code, changed_code(place)

    def __enter__(self) -> None:
        for function in self.functions:
            function.__code__ = self.changed

    def __exit__(self, *_: object) -> None:
        for function in self.functions:
            function.__code__ = self.own
