"""Papers, data sets and engines from outside the package, by entry point or by file.

A later paper is one Python file that ends with ``CONTENTS = Contents(PAPER, topics=(topic,))``.

    flowrepro --plugin later_paper.py early-directions      # a file
    [project.entry-points."flowrepro.papers"]               # or, in an installed package
    later-paper = "later_paper:CONTENTS"

The groups ``flowrepro.datasets`` (name -> function) and ``flowrepro.engines`` (name -> class) add
to the tables of `flowrepro.data` and `flowrepro.engines`. Files are handed on to the workers of a
sweep in the environment variable FLOWREPRO_PLUGINS.
"""

from __future__ import annotations

import dataclasses
import functools
import importlib.metadata
import importlib.util
import json
import os
import sys
import traceback
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from flowrepro import data, engines
from flowrepro.core.config import Case, from_json, to_json
from flowrepro.errors import FlowreproError, UsageError
from flowrepro.papers import registry
from flowrepro.papers.paper import Contents

VARIABLE = "FLOWREPRO_PLUGINS"
_FILES: set[str] = set()
"""Of the plug-ins that were imported."""


def add_file(path: Path) -> Contents:
    """Add the paper that a file declares.

    Raises UsageError naming the file, what is wrong with it, and the remedy.
    """
    contents = _contents(_imported(path.resolve()), str(path))
    registry.add(contents)
    known = os.environ.get(VARIABLE, "").split(os.pathsep)
    os.environ[VARIABLE] = os.pathsep.join(filter(None, [*known, str(path.resolve())]))
    return contents


@functools.cache
def add_installed() -> tuple[str, ...]:
    """Add what installed packages and FLOWREPRO_PLUGINS declare.

    Returns a sentence for each that was refused; the rest of the program works without it.
    """
    refused = []
    for path in filter(None, os.environ.get(VARIABLE, "").split(os.pathsep)):
        try:
            registry.add(_contents(_imported(Path(path)), path))
        except UsageError as error:
            refused.append(str(error))
    for entry in importlib.metadata.entry_points(group="flowrepro.datasets"):
        data.DATASETS.setdefault(entry.name, (entry.module, entry.attr))
    for entry in importlib.metadata.entry_points(group="flowrepro.engines"):
        engines.ENGINES.setdefault(entry.name, engines.Member(entry.module, entry.attr, ""))
    for entry in importlib.metadata.entry_points(group="flowrepro.papers"):
        try:
            registry.add(_loaded(entry))
        except UsageError as error:
            refused.append(str(error))
    return tuple(refused)


def line_at_fault(error: Exception) -> str:
    """The last line of a plug-in that an error came through, as 'FILE, line N'; empty if none."""
    frames = traceback.extract_tb(error.__traceback__)
    lines = [f"{one.filename}, line {one.lineno}" for one in frames if one.filename in _FILES]
    return lines[-1] if lines else ""


def _loaded(entry: importlib.metadata.EntryPoint) -> Contents:
    try:
        module = importlib.import_module(entry.module)
    except Exception as error:
        raise _broken(f"entry point '{entry.name}' ({entry.value})", error) from error
    _FILES.add(str(module.__file__))
    return _contents(module, f"entry point '{entry.name}' ({entry.value})", entry.attr)


def _imported(path: Path) -> ModuleType:
    name = path.stem
    if not path.is_file() or path.suffix != ".py":
        raise UsageError(f"the plug-in {path} is no Python file; name one that ends in .py")
    other = importlib.util.find_spec(name) if name.isidentifier() else None
    same = other is not None and other.origin is not None and path.samefile(other.origin)
    if not name.isidentifier() or (other is not None and not same):
        raise UsageError(
            f"the plug-in {path} cannot be imported as '{name}', which is no name for a module or "
            "is taken by another; rename the file"
        )
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    _FILES.add(str(path))
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise _broken(str(path), error) from error
    return module


def _broken(what: str, error: Exception) -> UsageError:
    return UsageError(
        f"the plug-in {what} cannot be imported ({type(error).__name__}: {error}); correct it, or "
        "leave it out"
    )


def _contents(module: ModuleType, what: str, name: str = "CONTENTS") -> Contents:
    found = getattr(module, name, None)
    if not isinstance(found, Contents):
        raise UsageError(
            f"the plug-in {what} has no {name} that is a flowrepro.papers.paper.Contents; end it "
            "with CONTENTS = Contents(PAPER, topics=(...,))"
        )
    for fault in _wrong_types(found):
        raise UsageError(f"the plug-in {what} declares {fault}; correct it")
    return found


def _wrong_types(contents: Contents) -> Iterator[str]:
    """What would break a command later: texts that are none, cases that cannot be stored."""
    topics = contents.topics
    drawn = (one for topic in topics for one in (*topic.figures, *topic.tables, *topic.animations))
    for one in (contents.paper, *contents.paper.commands, *contents.claims, *drawn):
        for field in dataclasses.fields(one):
            value = getattr(one, field.name)
            if field.type == "str" and not isinstance(value, str):
                yield f"a {type(one).__name__} whose {field.name} is {value!r:.50} and no text"
    for claim in contents.claims:
        if not all(isinstance(case, Case) for case in claim.cases):
            yield f"the claim '{claim.id}' on something that is no case"
    for case in contents.cases:
        try:
            from_json(json.loads(json.dumps(to_json(case))))
        except (TypeError, ValueError, RecursionError, FlowreproError) as error:
            yield f"the case '{case.name!s:.50}', which cannot be stored ({error})"
