"""What every paper must declare, plug-ins included.

A new paper is tested here without a line of code.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import random
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest

from flowrepro.core import config
from flowrepro.core.config import TrainingCase, from_json, run_id, to_json
from flowrepro.core.overrides import override
from flowrepro.core.validation import validate
from flowrepro.papers import registry
from flowrepro.papers.paper import Contents, Fault

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
CASES = [(paper, case) for paper in PAPERS for case in paper.cases]
CLAIMS = [(paper, claim) for paper in PAPERS for claim in paper.claims]
ID = r"[a-z0-9]+(-[a-z0-9]+)*"


def test_a_case_is_plain_data_and_judged_or_drawn() -> None:
    for paper, case in CASES:
        assert case.paper == paper.paper.key
        assert case.command in {command.name for command in paper.paper.commands}
        assert re.fullmatch(r"[a-z0-9][a-z0-9.-]*", case.name)
        assert case.shows, case.name
        assert from_json(json.loads(json.dumps(to_json(case)))) == case
        validate(case)
        assert run_id(case) == run_id(override(case, {}))
        validate(override(case, dict(case.quick)))
        names = {name for figure in paper.figures for name in figure.cases}
        judged = any(case.name in {own.name for own in claim.cases} for claim in paper.claims)
        assert judged or case.name in names, f"nothing judges or draws {case.name}"


def test_the_id_ignores_order_and_prose_but_not_numbers() -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = list(value.items())
            random.Random(0).shuffle(items)
            return {key: shuffled(item) for key, item in items}
        return value

    for _, case in CASES:
        assert run_id(from_json(shuffled(to_json(case)))) == run_id(case)  # type: ignore[arg-type]
        assert run_id(dataclasses.replace(case, shows="other words")) == run_id(case)
        assert run_id(override(case, {"seed": 7})) != run_id(case)
        if isinstance(case, TrainingCase):
            assert run_id(override(case, {"lr": 2e-5})) != run_id(case)
        if case.quick:
            assert run_id(override(case, dict(case.quick))) != run_id(case)


def test_every_key_of_a_case_can_be_set_to_its_own_value() -> None:
    for _, case in CASES:
        own = config.flatten(config.computing_form(case))
        del own["schema"]
        assert override(case, own) == case
        if case.name in ("toy", "theory-rule"):
            for key, value in own.items():
                assert override(case, {key: value}) == case


def test_a_claim_has_an_id_a_place_and_a_sentence() -> None:
    for paper, claim in CLAIMS:
        assert re.fullmatch(ID, claim.id), claim.id
        assert claim.place, claim.id
        assert claim.sentence[0].isupper() or not claim.sentence[0].isalpha(), claim.sentence
        assert claim.sentence.endswith("."), claim.sentence
        assert claim.kind in ("theory", "reproduction")
        assert claim.cases, claim.id
        own = {(case.command, case.name) for case in paper.cases}
        assert {(case.command, case.name) for case in claim.cases} <= own, claim.id


def test_an_option_has_a_meaning_a_default_and_a_range() -> None:
    topics = [topic for paper in PAPERS for topic in paper.topics]
    for study in (study for topic in topics for study in topic.studies):
        assert study.__doc__, study.name
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
        assert re.fullmatch(ID, figure.file)
    for topic in paper.topics:
        assert all(table.case in names for table in topic.tables)
        assert all(animation.case in names for animation in topic.animations)


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.paper.key)
def test_misprints_are_proved(paper: Contents) -> None:
    """As printed it FAILs; as corrected, and with its hypotheses, it PASSes on the same numbers."""
    for misprint in paper.misprints:
        assert re.fullmatch(ID, misprint.id), misprint.id
        assert misprint.kind in get_args(Fault), misprint.id
        assert misprint.printed != misprint.correct, misprint.id
        assert misprint.place, misprint.id
        assert misprint.reason.endswith("."), misprint.id
        assert misprint.kind == "remark" or misprint.is_proved(), misprint.id
