"""Papers whose modules still declare by name: their registries as contents.

Goes with the last of them.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from flowrepro.claims import old_verdict
from flowrepro.papers.paper import Contents, Law, Misprint, Paper
from flowrepro.papers.topic import StudyFunction, Topic


class OldClaim:
    """A claim that names its cases."""

    def __init__(self, old: old_verdict.Claim) -> None:
        self.old, self.id, self.sentence, self.kind = old, old.id, old.sentence, old.family
        self.measure, self.cases = old.function, ()
        self.paper, self.place, self.label, self.over_seeds = (
            old.ref.paper,
            old.ref.place,
            "",
            old.many_seeds,
        )

    def judges(self, case: Any) -> bool:
        """As `Claim.judges`."""
        return case.name in self.old.cases and self.over_seeds == (case.seeds is not None)

    def to_json(self, result: Any) -> dict[str, Any]:
        """As `Claim.to_json`."""
        form = self.old.function(result).to_json()
        form["place"] = form.pop("ref")
        return {
            **form,
            "case": result.case.name,
            "kind": self.kind,
            "sentence": self.sentence,
            "label": "",
        }


class OldStudy(StudyFunction):
    """A study that takes its case."""

    def __init__(self, name: str, function: Any) -> None:
        self.name, self.function = name, function

    def compute(self, case: Any, data: Any, progress: Any) -> Any:
        """As `StudyFunction.compute`."""
        return self.function(case, data, progress)

    def refuse(self, options: Any) -> None:
        """Its options are judged when it computes."""


def contents_of(paper: Paper) -> Contents:
    """The contents of a paper's old modules."""
    misprints = tuple(
        Misprint(one.id, one.place, one.printed, one.correct, one.reason)
        for one in _part(paper, "errata", "MISPRINTS")
    )
    return Contents(paper, (topic_of(paper),), misprints)


def _part(paper: Paper, name: str, members: str) -> tuple[Any, ...]:
    module = f"flowrepro.papers.{paper.key}.{name}"
    if importlib.util.find_spec(module) is None:
        return ()
    found = getattr(importlib.import_module(module), members)
    return tuple(found.items()) if isinstance(found, dict) else tuple(found)


def topic_of(paper: Paper) -> Topic:
    """What a paper's old modules declare, as one topic."""

    def part(name: str, members: str) -> tuple[Any, ...]:
        return _part(paper, name, members)

    topic = Topic(paper, "")
    topic.cases[:] = part("experiments", "CASES")
    topic.claims[:] = [OldClaim(claim) for claim in part("checks", "CLAIMS")]  # type: ignore[misc]
    topic.studies[:] = [OldStudy(name, function) for name, function in part("studies", "STUDIES")]
    topic.figures[:] = part("figures", "FIGURES")
    topic.tables[:] = part("tables", "TABLES")
    topic.animations[:] = part("animations", "ANIMATIONS")
    for law in part("laws", "LAWS"):
        on = tuple(case for case in topic.cases if case.name in law.cases)
        topic.laws.append(Law(on, law.key, law.measure, law.place, law.predict))
    return topic
