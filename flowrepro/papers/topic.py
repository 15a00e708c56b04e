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
    Target,
    TrainingCase,
)
from flowrepro.figures.declare import Figure, Film, Layout
from flowrepro.figures.panels import Panel
from flowrepro.figures.tables import Table
from flowrepro.papers.paper import Law, Paper
from flowrepro.papers.study import StudyFunction

if TYPE_CHECKING:
    import numpy as np


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

    def study(
        self, function: Callable[..., Mapping[str, np.ndarray]], takes_all_cores: bool = False
    ) -> StudyFunction:
        """Decorator: what study cases compute, named after the function.

        takes_all_cores : whether it shares its work among all cores, so that it is run alone.
        """
        name = function.__name__.replace("_", "-")
        declared = StudyFunction(self, name, function, takes_all_cores)
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
        control: Callable[[Any], Any] | None = None,
    ) -> Callable[[Callable[[Any], Iterable[Part]]], Claim]:
        """Decorator: a claim about the results of the cases ``on``, by default all that the topic
        has declared so far. The other arguments are those of `Claim`.
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
                control=control,
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
