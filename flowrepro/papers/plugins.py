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

import functools
import importlib.metadata
import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

from flowrepro import data, engines
from flowrepro.errors import UsageError
from flowrepro.papers import registry
from flowrepro.papers.paper import Contents

VARIABLE = "FLOWREPRO_PLUGINS"


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


def _loaded(entry: importlib.metadata.EntryPoint) -> Contents:
    try:
        module = importlib.import_module(entry.module)
    except Exception as error:
        raise _broken(f"entry point '{entry.name}' ({entry.value})", error) from error
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
    return found
