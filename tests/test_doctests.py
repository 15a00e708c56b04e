"""The examples in the docstrings of the public API run, each in a moment."""

from __future__ import annotations

import doctest
import importlib
import inspect
import pkgutil
import time
from types import ModuleType

import pytest

import flowrepro
import flowrepro.api

MODULES = ("flowrepro", *(f"flowrepro.api.{module.name}" for module in pkgutil.iter_modules(flowrepro.api.__path__)))

LONGEST = 4.0
"""Seconds of an example: two on an idle core, which a busy machine doubles."""


def examples(module: ModuleType) -> list[doctest.DocTest]:
    return [test for test in doctest.DocTestFinder().find(module) if test.examples]


@pytest.mark.parametrize("name", MODULES)
def test_examples_run(name: str) -> None:
    runner = doctest.DocTestRunner(verbose=False)
    for test in examples(importlib.import_module(name)):
        started = time.process_time()
        assert runner.run(test).failed == 0, test.name
        # The first use may compile for a minute; a second one says how long the example takes.
        if time.process_time() - started > LONGEST:
            started = time.process_time()
            runner.run(test)
            assert time.process_time() - started < LONGEST, f"{test.name} takes too long for an example"


@pytest.mark.parametrize("name", ["flow", "descend", "margin", "cones", "claims", "load", "from_torch"])
def test_every_function_has_an_example_and_says_what_it_takes(name: str) -> None:
    function = getattr(flowrepro, name)
    if isinstance(function, ModuleType):  # the package of the same name
        function = importlib.import_module("flowrepro.api.judge").claims
    text = inspect.cleandoc(function.__doc__)  # the interpreter does so from Python 3.13 on
    assert ">>>" in text
    for section in ("Parameters", "Returns"):
        assert f"{section}\n-----" in text, f"{name} has no section {section}"
