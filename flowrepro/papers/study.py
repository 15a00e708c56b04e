"""What a study case computes: a function whose options have meanings, ranges and defaults."""

from __future__ import annotations

import inspect
import json
import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowrepro.core.config import Data, StudyCase, Target, coerce
from flowrepro.errors import UsageError

if TYPE_CHECKING:
    import numpy as np

    from flowrepro.core.trajectory import Dataset
    from flowrepro.papers.topic import Topic

Progress = Callable[[int, int], None]
"""progress(done, total): called between units of work; it may raise to stop."""


def silent(done: int, total: int) -> None:
    """A progress that says nothing."""


Range = tuple[float, float]
"""Least and largest value."""


@dataclass(frozen=True)
class Option:
    """An option of a study: its default, what it means, and which values it takes.

    within : least and largest value of every entry of a list; for a list of tuples, one such pair
        for each place in a tuple. A list may be empty only if its default is.
    choices : the values that there are, of every entry of a list, where they are words.
    """

    default: Any
    meaning: str
    within: Range | tuple[Range, ...] | None = None
    choices: tuple[Any, ...] = ()

    def refusal(self, value: Any) -> str | None:
        """None, or the rule that a value of the right type breaks."""
        entries = value if isinstance(value, list) else [value]
        if self.choices and not all(entry in self.choices for entry in entries):
            return f"must be one of {', '.join(map(str, self.choices))}"
        if value == [] != self.default:
            return "must not be empty"
        if self.within is None:
            return None
        if isinstance(self.within[0], tuple):
            places = self.within
            fits = all(all(map(_inside, entry, places)) for entry in value)
            listed = " and ".join("[{:g}, {:g}]".format(*place) for place in places)
            return None if fits else f"must lie in {listed}"
        ends = self.within
        fits = all(_inside(entry, ends) for entry in _numbers(value))
        return None if fits else "must lie in [{:g}, {:g}]".format(*ends)


def option(
    default: Any,
    meaning: str,
    within: Range | tuple[Range, ...] | None = None,
    choices: tuple[Any, ...] = (),
) -> Any:
    """Default of a keyword of a study function: a value with its meaning and its range (see
    `Option`).
    """
    return Option(default, meaning, within, choices)


def _inside(value: float, ends: Range) -> bool:
    return ends[0] <= value <= ends[1]


def _numbers(value: Any) -> Iterable[float]:
    """The numbers in a value or in nested lists of them; none in None."""
    if isinstance(value, list | tuple):
        return [number for entry in value for number in _numbers(entry)]
    return [] if value is None else [value]


class StudyFunction:
    """What study cases compute: a function of points, options, a seed and a progress, declared by
    `Topic.study`.

    Called directly it fills in the defaults of its options, so that tests and notebooks need name
    only what they change.
    """

    def __init__(
        self,
        topic: Topic,
        name: str,
        function: Callable[..., Mapping[str, np.ndarray]],
        takes_all_cores: bool = False,
    ) -> None:
        self.topic, self.name, self.function = topic, name, function
        self.takes_all_cores = takes_all_cores
        self.__doc__ = function.__doc__
        parameters = inspect.signature(function).parameters
        self.options: dict[str, Option] = {}
        hints = typing.get_type_hints(function)
        self._types: dict[str, Any] = {}
        for parameter in parameters.values():
            if isinstance(parameter.default, Option):
                self.options[parameter.name] = parameter.default
                self._types[parameter.name] = hints[parameter.name]
        self._takes = frozenset(parameters) & {"data", "seed", "progress"}
        unknown = set(parameters) - set(self.options) - self._takes
        if unknown:
            raise TypeError(
                f"study {name}: {', '.join(sorted(unknown))} has no option(...) with a meaning "
                "and a default"
            )

    def __call__(
        self,
        data: Dataset | None = None,
        *,
        seed: int = 0,
        progress: Progress = silent,
        **options: Any,
    ) -> dict[str, np.ndarray]:
        """Compute;

        UsageError for an option that does not exist, or a value outside its type or range.
        """
        given: dict[str, Any] = {"data": data, "seed": seed, "progress": progress}
        known = {name: given[name] for name in self._takes}
        return dict(self.function(**known, **self.validated(options)))

    def compute(
        self, case: StudyCase, data: Dataset | None, progress: Progress
    ) -> Mapping[str, np.ndarray]:
        """What a case gives on its points."""
        return self(data, seed=case.seed, progress=progress, **case.options)

    def refuse(self, options: Mapping[str, Any]) -> None:
        """Raise UsageError unless all options fit."""
        self.validated(options)

    def validated(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """All options with the given ones in place of their defaults;

        UsageError naming one that does not fit.
        """
        for name in options:
            if name not in self.options:
                raise UsageError(
                    f"{self.name} has no option '{name}'; there are "
                    f"{', '.join(self.options) or 'none'}"
                )
        values = {}
        for name, declared in self.options.items():
            value = coerce(
                self._types[name], options.get(name, declared.default), f"options.{name}"
            )
            rule = declared.refusal(value)
            if rule:
                raise UsageError(f"options.{name} ({declared.meaning}) {rule}, not {value}")
            values[name] = value
        return values

    def case(
        self,
        name: str,
        shows: str,
        data: Data | None = None,
        *,
        command: str = "",
        seed: int = 0,
        targets: tuple[Target, ...] = (),
        quick: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> StudyCase:
        """Declare a case: its points, and the options that differ from their defaults.

        ``quick`` holds the options of the reduced variant; its other keys are those of the case.
        """
        quick = quick or {}
        fewer = {key: value for key, value in quick.items() if key in self.options}
        self.validated({**options, **fewer})
        reduced = {f"options.{key}" if key in fewer else key: quick[key] for key in quick}
        case = StudyCase(
            name=name,
            command=command or self.topic.command,
            paper=self.topic.paper.key,
            shows=shows,
            computes=self.name,
            options=json.loads(json.dumps(self.validated(options))),
            data=data,
            seed=seed,
            targets=targets,
            quick=reduced,
        )
        self.topic.cases.append(case)
        return case
