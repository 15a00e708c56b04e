"""A topic: one subject of a paper, in one module that reads as a story.

The module declares the cases, what they compute, what is claimed of the results, and what is shown:

    topic = Topic(PAPER, "Escape from one-neuron networks")

    @topic.study                                      # what a case computes
    def escape(data, *, q=option(1e11, "margin at which the flow ends", within=(1e3, 1e14)),
    progress): ...

    SYMMETRIC = escape.case("escape-symmetric", "Neurons of the other sign outgrow the network.",
    data=...) TOY = topic.run("toy", "Two orthogonal points.", data=..., init=..., loss=...,
    protocol=...)

    @topic.claim("beyond-escape-exponent", "A weak neuron grows as a power of the margin.",
                 place="beyond Theorem 4.3", on=(SYMMETRIC,))
    def exponent(result): yield at_most("largest relative error of an exponent", ..., 0.02)

    @topic.figure("beyond-escape", "Ratios and predicted powers.", layout=(1, 1, 3.4, 2.5))
    def growth(result): yield Panel([Line(...)], xlabel=..., ylabel=...)

Declarations register themselves and refer to objects: a case that does not exist is a NameError at
import.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flowrepro.claims.claim import Claim, Hypothesis, Kind, Label
from flowrepro.claims.verdict import Part
from flowrepro.core.config import (
    Case,
    Data,
    Descent,
    Init,
    Loss,
    Model,
    Record,
    StudyCase,
    Target,
    TrainingCase,
    coerce,
)
from flowrepro.errors import UsageError
from flowrepro.figures.declare import Figure, Film, Layout
from flowrepro.figures.panels import Panel
from flowrepro.figures.tables import Table
from flowrepro.papers.paper import Law, Paper

if TYPE_CHECKING:
    import numpy as np

    from flowrepro.core.trajectory import Dataset

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
        self, topic: Topic, name: str, function: Callable[..., Mapping[str, np.ndarray]]
    ) -> None:
        self.topic, self.name, self.function = topic, name, function
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
            options=self.validated(options),
            data=data,
            seed=seed,
            targets=targets,
            quick=reduced,
        )
        self.topic.cases.append(case)
        return case


@dataclass
class Topic:
    """One subject of a paper; see the module.

    given : hypotheses of every claim of the topic, tested before the claim's own.
    command : the subcommand of its cases, the paper's first one unless said.
    """

    paper: Paper
    title: str
    given: tuple[Hypothesis, ...] = ()
    command: str = ""
    cases: list[Case] = field(default_factory=list)
    studies: list[StudyFunction] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    figures: list[Any] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    animations: list[Any] = field(default_factory=list)
    laws: list[Law] = field(default_factory=list)

    def __post_init__(self) -> None:
        """The paper's first subcommand unless another is named."""
        self.command = self.command or self.paper.commands[0].name

    def run(
        self,
        name: str,
        shows: str,
        *,
        data: Data,
        init: Init,
        loss: Loss,
        protocol: Descent,
        model: Model | None = None,
        record: Record | None = None,
        seed: int = 0,
        command: str = "",
        targets: tuple[Target, ...] = (),
        quick: Mapping[str, Any] | None = None,
    ) -> TrainingCase:
        """Declare one training; ``quick`` holds the overrides of the reduced variant."""
        case = TrainingCase(
            name=name,
            command=command or self.command,
            paper=self.paper.key,
            shows=shows,
            data=data,
            init=init,
            loss=loss,
            protocol=protocol,
            model=model or Model(),
            record=record or Record(),
            seed=seed,
            targets=targets,
            quick=quick or {},
        )
        self.cases.append(case)
        return case

    def study(self, function: Callable[..., Mapping[str, np.ndarray]]) -> StudyFunction:
        """Decorator: what study cases compute, named after the function."""
        declared = StudyFunction(self, function.__name__.replace("_", "-"), function)
        self.studies.append(declared)
        return declared

    def claim(
        self,
        id: str,
        sentence: str,
        *,
        place: str,
        on: Sequence[Case] | None = None,
        kind: Kind = "theory",
        given: Sequence[Hypothesis] = (),
        label: Label = "",
        over_seeds: bool = False,
    ) -> Callable[[Callable[[Any], Iterable[Part]]], Claim]:
        """Decorator: a claim about the results of the cases ``on``, by default all that the topic
        has declared so far.
        """

        def declare(measure: Callable[[Any], Iterable[Part]]) -> Claim:
            claim = Claim(
                id=id,
                paper=self.paper.key,
                place=place,
                sentence=sentence,
                kind=kind,
                cases=tuple(self.cases if on is None else on),
                measure=measure,
                given=(*self.given, *given),
                label=label,
                over_seeds=over_seeds,
            )
            self.claims.append(claim)
            return claim

        return declare

    def figure(
        self,
        id: str,
        caption: str | Callable[..., str],
        *,
        layout: Layout,
        on: Sequence[Case] | None = None,
        file: str = "",
        share: str = "",
        over_seeds: bool = False,
        tolerance: tuple[float, float] | None = None,
    ) -> Callable[[Callable[..., Iterable[Panel]]], Figure]:
        """Decorator: the function that gives the panels for the results of the cases ``on``.

        ``on`` is in the order of the function's arguments; all cases of the topic unless given.
        The caption is one sentence, or a function of the results. The folder of the case
        that runs last keeps the image, whose name is ``file``, by default the id. See
        `figures.declare.Figure`.
        """

        def declare(panels: Callable[..., Iterable[Panel]]) -> Figure:
            figure = Figure(
                id,
                file or id,
                caption,
                panels,
                cases=tuple(case.name for case in (self.cases if on is None else on)),
                layout=layout,
                share=share,
                many_seeds=over_seeds,
                tolerance=tolerance,
            )
            self.figures.append(figure)
            return figure

        return declare

    def animation(
        self,
        id: str,
        caption: str,
        *,
        layout: Layout,
        on: Case,
        file: str,
        share: str = "",
    ) -> Callable[[Callable[..., Iterable[Iterable[Panel]]]], Film]:
        """Decorator: the function that gives, for a run of the case ``on``, the panels of each
        frame.
        """

        def declare(frames: Callable[..., Iterable[Iterable[Panel]]]) -> Film:
            film = Film(id, file, caption, frames, case=on.name, layout=layout, share=share)
            self.animations.append(film)
            return film

        return declare

    def table(
        self, id: str, caption: str, header: Sequence[str], *, on: Case, file: str
    ) -> Callable[[Callable[[Any], Sequence[Sequence[Any]]]], Table]:
        """Decorator: the function that gives the lines of a table, a cell for each title in
        ``header``.
        """

        def declare(lines: Callable[[Any], Sequence[Sequence[Any]]]) -> Table:
            table = Table(id, file, on.name, caption, tuple(header), lines)
            self.tables.append(table)
            return table

        return declare

    def law(
        self,
        cases: Sequence[Case],
        key: str,
        measure: str,
        place: str,
        predict: Callable[[Any], float],
    ) -> None:
        """Declare what a theorem predicts for a column of a sweep over ``key``."""
        self.laws.append(Law(tuple(cases), key, measure, place, predict))
