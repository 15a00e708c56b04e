"""What every paper must declare, plug-ins included.

A new paper is tested here without a line of code.
"""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from flowrepro.core.config import from_json, run_id, to_json
from flowrepro.core.overrides import override
from flowrepro.core.validation import validate
from flowrepro.papers import registry
from flowrepro.papers.paper import Contents, Fault, Misprint

EXAMPLE = Path(__file__).parents[2] / "examples/later_paper/later_paper.py"


def example() -> Contents:
    spec = importlib.util.spec_from_file_location("later_paper_in_tests", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["later_paper_in_tests"] = module
    spec.loader.exec_module(module)
    found = module.CONTENTS
    assert isinstance(found, Contents)
    return found


PAPERS = [*map(registry.contents, registry.PAPERS), example()]
CASES = [pytest.param(paper, case, id=case.name) for paper in PAPERS for case in paper.cases]
CLAIMS = [pytest.param(paper, claim, id=claim.id) for paper in PAPERS for claim in paper.claims]
STUDIES = [
    pytest.param(study, id=f"{paper.paper.key}-{study.name}")
    for paper in PAPERS
    for topic in paper.topics
    for study in topic.studies
]


@pytest.mark.parametrize(("paper", "case"), CASES)
def test_a_case_is_plain_data_and_judged_or_drawn(paper: Contents, case: Any) -> None:
    assert case.paper == paper.paper.key
    assert case.command in {command.name for command in paper.paper.commands}
    assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", case.name)
    assert case.shows
    assert from_json(json.loads(json.dumps(to_json(case)))) == case
    validate(case)
    assert run_id(case) == run_id(override(case, {}))
    validate(override(case, dict(case.quick)))
    names = {name for topic in paper.topics for figure in topic.figures for name in figure.cases}
    judged = any(case.name in {own.name for own in claim.cases} for claim in paper.claims)
    assert judged or case.name in names, "nothing judges or draws it"


@pytest.mark.parametrize(("paper", "claim"), CLAIMS)
def test_a_claim_has_an_id_a_place_and_a_sentence(paper: Contents, claim: Any) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", claim.id)
    assert claim.place
    assert claim.sentence[0].isupper() or not claim.sentence[0].isalpha()
    assert claim.sentence.endswith(".")
    assert claim.kind in ("theory", "reproduction")
    assert claim.cases
    own = {(case.command, case.name) for case in paper.cases}
    assert {(case.command, case.name) for case in claim.cases} <= own


@pytest.mark.parametrize("study", STUDIES)
def test_an_option_has_a_meaning_a_default_and_a_range(study: Any) -> None:
    assert study.__doc__
    for name, option in study.options.items():
        assert option.meaning, name
        bounded = option.within is not None or option.choices
        assert bounded or not list(_numbers(option.default)), f"{name} has no range"
        assert option.refusal(option.default) is None, name


def _numbers(value: Any) -> Iterator[float]:
    if isinstance(value, list | tuple):
        for entry in value:
            yield from _numbers(entry)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield value


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.paper.key)
def test_figures_and_tables(paper: Contents) -> None:
    names = {case.name for case in paper.cases}
    for figure in paper.figures:
        assert figure.cases
        assert set(figure.cases) <= names
        assert callable(figure.caption) or figure.caption.endswith(".")
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", figure.file)
    for topic in paper.topics:
        assert all(table.case in names for table in topic.tables)
        assert all(animation.case in names for animation in topic.animations)


@pytest.mark.parametrize(
    "misprint", [pytest.param(item, id=item.id) for paper in PAPERS for item in paper.misprints]
)
def test_a_misprint_is_proved(misprint: Misprint) -> None:
    """As printed it FAILs; as corrected, and with its hypotheses, it PASSes on the same numbers."""
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", misprint.id)
    assert misprint.kind in get_args(Fault)
    assert misprint.printed != misprint.correct
    assert misprint.place
    assert misprint.reason.endswith(".")
    assert misprint.kind == "remark" or misprint.is_proved()
