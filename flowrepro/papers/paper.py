"""What a paper declares: its citation and subcommands, its topics in order, its misprints.

The citation (`Paper`) is light, so that ``flowrepro --help`` imports no mathematics. The topics
come with `Contents`, which ``papers/<key>/paper.py`` builds and `registry.contents` imports on
demand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from flowrepro.claims.verdict import Part, Verdict

if TYPE_CHECKING:
    from flowrepro.core.config import Case
    from flowrepro.papers.topic import Topic


@dataclass(frozen=True)
class Flag:
    """An option of one subcommand.

    cases : names of the cases that it selects, all where empty.
    changes : case name -> key -> value that it sets there.
    takes : keys that get the values given with the option; without any it is a switch.
    metavar, kind : how those values are shown, and their type.
    """

    help: str
    cases: tuple[str, ...] = ()
    changes: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    takes: tuple[str, ...] = ()
    metavar: str = ""
    kind: type = str

    def overrides(self, case: str, values: Any) -> dict[str, Any]:
        """What the option, given with these values, sets in a case."""
        given = values if len(self.takes) > 1 else [values]
        taken = dict(zip(self.takes, given, strict=True)) if self.takes else {}
        return {**self.changes.get(case, {}), **taken}


@dataclass(frozen=True)
class Command:
    """A subcommand: its name, one line of help, its own options.

    data_cases : names of the cases that run on a user's own points; none means the first one.
    """

    name: str
    summary: str
    data_cases: tuple[str, ...] = ()
    flags: Mapping[str, Flag] = field(default_factory=dict)


@dataclass(frozen=True)
class Paper:
    """A paper: its key, "authors: title (year)", and the subcommands that run its cases."""

    key: str
    citation: str
    commands: tuple[Command, ...]


@dataclass(frozen=True)
class Law:
    """What a theorem predicts for a column of a sweep's summary.

    cases, key, measure : the cases, the swept key and the column for which it holds.
    place : where the paper states it. predict : case at a point of the grid -> the number.
    """

    cases: tuple[Case, ...]
    key: str
    measure: str
    place: str
    predict: Callable[[Any], float]


Fault = Literal[
    "statement false",
    "proof gap",
    "constant",
    "misprint",
    "seen in an extracted text only",
    "remark",
]
"""What is wrong: a statement, an argument of its proof, a constant, or only a formula or a word.

The papers were read as extracted text, which may have lost a sign or a font; "remark" is no error.
"""
Readings = tuple[Part, ...]
"""The same statement judged twice: as printed, where it must FAIL, and as corrected, where it must
PASS. Further parts are hypotheses; they must PASS."""


@dataclass(frozen=True)
class Misprint:
    """A place where a paper prints something else than what is right.

    reason : what the proof computes, or why there is none. proof : the computation; only a remark
    may do without.
    """

    id: str
    kind: Fault
    place: str
    printed: str
    correct: str
    reason: str
    proof: Callable[[], Readings] | None = None

    def __post_init__(self) -> None:
        """See the class."""
        if self.proof is None and self.kind != "remark":
            raise ValueError(f"the misprint '{self.id}' accuses without a proof; write one")

    def readings(self) -> Readings:
        """What the proof measures; nothing for a remark without a proof."""
        return self.proof() if self.proof else ()

    def is_proved(self) -> bool:
        """Whether the printed reading FAILs, and the corrected one and all hypotheses PASS."""
        verdicts = [part.verdict for part in self.readings()]
        others = verdicts[1:]
        return verdicts[:1] == [Verdict.FAIL] and set(others) == {Verdict.PASS}


class Misprints(list[Misprint]):
    """The misprints of a paper, in the order of their declaration."""

    def proved(
        self, id: str, kind: Fault, place: str, *, printed: str, correct: str
    ) -> Callable[[Callable[[], Readings]], Misprint]:
        """Decorator: declare a misprint by its proof, whose docstring says what it computes."""

        def declare(proof: Callable[[], Readings]) -> Misprint:
            reason = " ".join((proof.__doc__ or "").split())
            self.append(Misprint(id, kind, place, printed, correct, reason, proof))
            return self[-1]

        return declare

    def remark(self, id: str, place: str, *, printed: str, correct: str, reason: str) -> None:
        """Declare what is worth knowing and no error of the paper."""
        self.append(Misprint(id, "remark", place, printed, correct, reason))


@dataclass(frozen=True)
class Contents:
    """A paper's table of contents: its topics in the paper's order, and its misprints.

    Raises ValueError where two cases, claims, figures or misprints share an id, or where a
    subcommand names a case that no topic declares.
    """

    paper: Paper
    topics: tuple[Topic, ...]
    misprints: Sequence[Misprint] = ()

    def __post_init__(self) -> None:
        """See the class."""
        self._require_unique("case", (f"{case.command} {case.name}" for case in self.cases))
        self._require_unique("claim", (claim.id for claim in self.claims))
        self._require_unique("figure", (figure.file for figure in self.figures))
        self._require_unique("misprint", (misprint.id for misprint in self.misprints))
        declared = {(case.command, case.name) for case in self.cases}
        for command in self.paper.commands:
            flagged = (
                name for flag in command.flags.values() for name in (*flag.cases, *flag.changes)
            )
            for name in (*command.data_cases, *flagged):
                if (command.name, name) not in declared:
                    raise ValueError(
                        f"paper {self.paper.key}: '{command.name}' names the case '{name}', which "
                        "no topic declares"
                    )

    def _require_unique(self, what: str, ids: Iterator[str]) -> None:
        seen: set[str] = set()
        for id in ids:
            if id in seen:
                raise ValueError(
                    f"paper {self.paper.key} declares the {what} '{id}' twice; rename one of them"
                )
            seen.add(id)

    @property
    def cases(self) -> tuple[Case, ...]:
        """All cases, in the order in which they run."""
        return tuple(case for topic in self.topics for case in topic.cases)

    @property
    def claims(self) -> tuple[Any, ...]:
        """All claims."""
        return tuple(claim for topic in self.topics for claim in topic.claims)

    @property
    def figures(self) -> tuple[Any, ...]:
        """All figures."""
        return tuple(figure for topic in self.topics for figure in topic.figures)
