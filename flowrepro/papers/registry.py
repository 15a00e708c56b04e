"""Everything that the papers declare, for the rest of the program: cases, claims, figures, tables
by subcommand.
"""

from __future__ import annotations

import functools
import importlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flowrepro.errors import UsageError
from flowrepro.papers import boursier2022, boursier2024, lee2022, lyu2021, min2024
from flowrepro.papers.paper import Command, Contents, Law, Misprint, Paper

if TYPE_CHECKING:
    from flowrepro.claims.claim import Claim
    from flowrepro.core.config import Case
    from flowrepro.figures.declare import Figure, Film
    from flowrepro.figures.tables import Table
    from flowrepro.papers.study import StudyFunction

PAPERS: dict[str, Paper] = {
    paper.key: paper
    for paper in (
        boursier2022.PAPER,
        min2024.PAPER,
        boursier2024.PAPER,
        lyu2021.PAPER,
        lee2022.PAPER,
    )
}
"""key -> paper, in the order in which 'all' runs them."""
_ADDED: dict[str, Contents] = {}
OWN = "own"
"""Paper and subcommand of runs that belong to no paper: the user's own points, weights and
protocol.
"""


def add(contents: Contents) -> None:
    """Add the paper of a plug-in; UsageError where its key or one of its subcommands is taken."""
    paper = contents.paper
    if paper.key in PAPERS:
        raise UsageError(
            f"a plug-in declares the paper '{paper.key}', which is there already; rename its key"
        )
    for command in paper.commands:
        if command.name in commands():
            raise UsageError(
                f"the plug-in '{paper.key}' declares the subcommand '{command.name}', which is "
                "taken; rename it"
            )
    PAPERS[paper.key], _ADDED[paper.key] = paper, contents


def commands() -> dict[str, Command]:
    """Subcommand -> what it is, in the order of the papers."""
    return {command.name: command for paper in PAPERS.values() for command in paper.commands}


def paper_of(command: str) -> Paper:
    """The paper of a subcommand; UsageError for one that does not exist."""
    for paper in PAPERS.values():
        if any(command == own.name for own in paper.commands):
            return paper
    raise UsageError(f"'{command}' is not an experiment; there are {', '.join(commands())}")


@functools.cache
def contents(paper: str) -> Contents:
    """What a paper declares; imports its topics."""
    if paper in _ADDED:
        return _ADDED[paper]
    return importlib.import_module(f"flowrepro.papers.{paper}.paper").CONTENTS  # type: ignore[no-any-return]


def cases_of(command: str) -> tuple[Case, ...]:
    """The cases of a subcommand, in the order they run."""
    return tuple(case for case in contents(paper_of(command).key).cases if case.command == command)


def find_case(command: str, name: str) -> Case:
    """The case of that name; UsageError where there is none."""
    cases = {case.name: case for case in cases_of(command)}
    if name not in cases:
        raise UsageError(f"{command} has no case '{name}'; there are {', '.join(cases)}")
    return cases[name]


def study_of(case: Any) -> StudyFunction:
    """The function that a study case computes; UsageError where its paper has none of that name."""
    studies = {
        study.name: study for topic in contents(case.paper).topics for study in topic.studies
    }
    if case.computes not in studies:
        known = ", ".join(studies)
        raise UsageError(
            f"case '{case.name}' computes '{case.computes}', but {case.paper} computes {known}"
        )
    return studies[case.computes]


def claims_of(case: Case) -> tuple[Claim, ...]:
    """The claims that judge a case; for an ensemble, those over seeds.

    A run of the user's own is judged by what all papers state of trainings; the hypotheses say
    where that applies.
    """
    if case.paper == OWN:
        return tuple(_theory_of_trainings())
    return tuple(claim for claim in contents(case.paper).claims if claim.judges(case))


def _theory_of_trainings() -> Iterator[Claim]:
    """The theory of all papers that judges single trainings, as it applies to runs that no paper
    declares.
    """
    from flowrepro.claims.elsewhere import Elsewhere
    from flowrepro.core.config import TrainingCase

    for paper in PAPERS:
        declared = contents(paper)
        trainings = [case for case in declared.cases if isinstance(case, TrainingCase)]
        for claim in declared.claims:
            judges = any(claim.judges(case) for case in trainings)
            if judges and claim.kind == "theory" and not claim.over_seeds:
                yield Elsewhere(claim)  # type: ignore[misc]


def figures_of(command: str) -> tuple[Figure, ...]:
    """The figures of a subcommand's cases."""
    owned = {case.name for case in cases_of(command)}
    return tuple(
        figure
        for figure in contents(paper_of(command).key).figures
        if owned.issuperset(figure.cases)
    )


def tables_of(case: Case) -> tuple[Table, ...]:
    """The tables that a case fills."""
    topics = contents(case.paper).topics
    return tuple(
        table
        for topic in topics
        for table in topic.tables
        if table.case == case.name and case.seeds is None
    )


def animations_of(case: Case) -> tuple[Film, ...]:
    """The animations of a case's run."""
    topics = contents(case.paper).topics
    return tuple(
        animation
        for topic in topics
        for animation in topic.animations
        if animation.case == case.name
    )


def law_for(case: Case, key: str, measure: str) -> Law | None:
    """The law that predicts a column of a sweep over one key."""
    laws = (law for topic in contents(case.paper).topics for law in topic.laws)
    for law in laws:
        if (law.key, law.measure) == (key, measure) and any(
            own.name == case.name for own in law.cases
        ):
            return law
    return None


def misprints(paper: str) -> Sequence[Misprint]:
    """The misprints of a paper; none for a paper that is not known."""
    return contents(paper).misprints if paper in PAPERS else ()
