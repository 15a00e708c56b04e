"""The fingerprint of a computation: a hash of the code that it can reach, and of nothing else.

From the functions that a computation starts with, every name that they use is followed through
the package's modules. Comments, docstrings, annotations and the declarations of topics (claims,
figures, meanings and ranges of options) are not part of it. So editing a claim recomputes nothing,
and editing a helper three calls away recomputes all that reaches it.
"""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

Name = tuple[str, str]
"""(module, name of a definition at its top level)."""

DECLARATIONS = frozenset({"study", "claim", "figure", "table", "animation", "law"})
"""Decorators of a topic: what is decorated computes the same without them."""


@dataclass
class _Module:
    """The definitions at the top level of a module, and where its imported names come from."""

    defined: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imported: dict[str, Name] = field(default_factory=dict)


class Code:
    """The sources of some packages, read when they are needed.

    roots : package name -> its folder; names of other packages are not followed.
    """

    def __init__(self, roots: dict[str, Path]) -> None:
        self.roots = roots
        self._modules: dict[str, _Module | None] = {}
        self._direct: dict[Name, tuple[str, frozenset[Name]]] = {}

    def fingerprint(self, starts: Iterable[Name]) -> str:
        """Hash of all that the definitions ``starts`` reach; order does not matter."""
        reached = self.reached(starts)
        digest = hashlib.sha256()
        for name in sorted(reached):
            digest.update(f"{name[0]}:{name[1]}\0{self._read(name)[0]}\0".encode())
        return digest.hexdigest()[:16]

    def reached(self, starts: Iterable[Name]) -> set[Name]:
        """The definitions that ``starts`` reach, themselves included."""
        reached: set[Name] = set()
        waiting = [found for start in starts for found in self._resolve(*start)]
        while waiting:
            name = waiting.pop()
            if name not in reached:
                reached.add(name)
                waiting += self._read(name)[1] - reached
        return reached

    def path(self, module: str) -> Path | None:
        """The source of a module; None where it is outside the packages or does not exist."""
        package, *parts = module.split(".")
        if package not in self.roots:
            return None
        place = self.roots[package].joinpath(*parts)
        if place.is_file():  # a package of one file
            return place
        for candidate in (place / "__init__.py", place.with_name(f"{place.name}.py")):
            if candidate.is_file():
                return candidate
        return None

    def _module(self, module: str) -> _Module | None:
        if module not in self._modules:
            path = self.path(module)
            self._modules[module] = None if path is None else _index(path, module)
        return self._modules[module]

    def _resolve(self, module: str, name: str) -> Iterator[Name]:
        """Where a name of a module is defined; all of a module where the name is a module."""
        known = self._module(module)
        if known is None:
            return
        if name == "*":
            yield from ((module, own) for own in known.defined)
        elif name in known.defined:
            if not _is_topic(known.defined[name]):
                yield module, name
        elif name in known.imported:
            yield from self._imported(known.imported[name])
        elif self.path(f"{module}.{name}"):
            yield from self._resolve(f"{module}.{name}", "*")

    def _imported(self, origin: Name) -> Iterator[Name]:
        module, name = origin
        yield from self._resolve(module, name)

    def _read(self, name: Name) -> tuple[str, frozenset[Name]]:
        """The normalised text of a definition, and the definitions that it uses directly."""
        if name not in self._direct:
            module = self._module(name[0])
            assert module is not None
            text, uses = [], set()
            for node in module.defined[name[1]]:
                plain = _Plain().visit(ast.parse(ast.unparse(node)))
                text.append(ast.dump(plain))
                uses |= set(self._uses(name[0], module, plain))
            self._direct[name] = "\n".join(text), frozenset(uses)
        return self._direct[name]

    def _uses(self, module: str, known: _Module, node: ast.AST) -> Iterator[Name]:
        imported = {**known.imported, **_imports(node, module)}
        attributes: set[ast.AST] = set()
        for child in ast.walk(node):
            if isinstance(child, ast.Attribute) and isinstance(child.value, ast.Name):
                alias = imported.get(child.value.id)
                whole = ".".join(part for part in alias if part != "*") if alias else ""
                if alias and self.path(whole) and child.value.id not in known.defined:
                    attributes.add(child.value)
                    yield from self._resolve(whole, child.attr)
            elif isinstance(child, ast.Name) and child not in attributes:
                if child.id in known.defined:
                    yield from self._resolve(module, child.id)
                elif child.id in imported:
                    yield from self._imported(imported[child.id])
            elif isinstance(child, ast.Constant) and self._names_a_module(child.value):
                yield from self._resolve(str(child.value), "*")  # a table of modules by name

    def _names_a_module(self, value: object) -> bool:
        return isinstance(value, str) and "." in value and self.path(value) is not None


def _index(path: Path, module: str) -> _Module:
    tree = ast.parse(path.read_bytes())
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    found = _Module(imported=_imports(tree, package, top=True))
    for node in _statements(tree.body):
        for name in _bound(node):
            found.defined.setdefault(name, []).append(node)
    return found


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """The statements at the top level, and those inside its if and try blocks."""
    for node in body:
        if isinstance(node, ast.If | ast.Try):
            blocks = [node.body, node.orelse, *(getattr(node, "finalbody", []),)]
            yield from _statements([child for block in blocks for child in block])
        else:
            yield node


def _bound(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        for target in targets:
            yield from (child.id for child in ast.walk(target) if isinstance(child, ast.Name))


def _imports(tree: ast.AST, package: str, top: bool = False) -> dict[str, Name]:
    """Local name -> (module, name), "*" for a module as a whole."""
    nodes = _statements(tree.body) if top and isinstance(tree, ast.Module) else ast.walk(tree)
    found: dict[str, Name] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (alias.name, "*")
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".")
            base = ".".join(parts[: len(parts) - node.level + 1]) if node.level else ""
            origin = ".".join(filter(None, (base, node.module)))
            found |= {alias.asname or alias.name: (origin, alias.name) for alias in node.names}
    return found


def _is_topic(nodes: list[ast.stmt]) -> bool:
    """Whether a name is bound to a topic, whose declarations compute nothing."""
    for node in nodes:
        value = getattr(node, "value", None)
        if isinstance(value, ast.Call) and getattr(value.func, "id", "") == "Topic":
            return True
    return False


class _Plain(ast.NodeTransformer):
    """A definition without what does not compute: docstrings, annotations, declarations,
    options.
    """

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body)
        node.returns = None
        node.decorator_list = [kept for kept in node.decorator_list if not _declares(kept)]
        node.args.defaults = [_without_option(default) for default in node.args.defaults]
        node.args.kw_defaults = [
            default and _without_option(default) for default in node.args.kw_defaults
        ]
        return node

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        self.generic_visit(node)
        node.body = _without_docstring(node.body)
        return node

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node


def _without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """The body without strings that stand alone, docstrings of attributes included."""
    kept = [
        node
        for node in body
        if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
    ]
    return kept or [ast.Pass()]


def _declares(decorator: ast.expr) -> bool:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return isinstance(called, ast.Attribute) and called.attr in DECLARATIONS


def _without_option(default: ast.expr) -> ast.expr:
    """A placeholder for ``option(...)``: an option's value is part of the case."""
    is_option = isinstance(default, ast.Call) and getattr(default.func, "id", "") == "option"
    return ast.Constant(value="option") if is_option else default


@functools.cache
def package_code(package: str = "flowrepro") -> Code:
    """The code of flowrepro and of one more package or module, a plug-in's."""
    roots = {}
    for name in {"flowrepro", package}:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            roots[name] = origin.parent if origin.name == "__init__.py" else origin
    return Code(roots)
