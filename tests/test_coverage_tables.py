"""The tables of what is judged of each paper name claims and figures that exist, and all of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flowrepro.papers import registry

PAGES = Path(__file__).parents[1] / "docs" / "reference" / "coverage"
FIGURE = "--figure "
OWN = ("boursier2022", "boursier2024", "lee2022", "lyu2021", "min2024")


def rows(paper: str) -> list[str]:
    lines = (PAGES / f"{paper}.md").read_text().splitlines()
    return [line for line in lines if line.startswith("| ")][2:]


def names(row: str) -> set[str]:
    return set(re.findall(r"`([^`]+)`", row))


def beyond(module: str) -> bool:
    return ".beyond." in module


@pytest.mark.parametrize("paper", OWN)
def test_every_named_claim_and_figure_exists_and_none_is_left_out(paper: str) -> None:
    has = registry.contents(paper)
    tables = [table for topic in has.topics for table in topic.tables]
    films = [film for topic in has.topics for film in topic.animations]
    drawn = {f"{FIGURE}{figure.id}" for figure in (*has.figures, *tables, *films)}
    named = set().union(*map(names, rows(paper)))
    assert named <= {claim.id for claim in has.claims} | drawn
    own = {claim.id for claim in has.claims if not beyond(claim.measure.__module__)}
    own |= {f"{FIGURE}{figure.id}" for figure in has.figures if not beyond(figure.panels.__module__)}
    assert own <= named


@pytest.mark.parametrize("paper", OWN)
def test_every_row_has_four_cells_and_a_claim_a_figure_or_a_reason(paper: str) -> None:
    for row in rows(paper):
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", row)[1:-1]]
        assert len(cells) == 4, row
        place, statement, judged, setting = cells
        assert all((place, statement, setting)), row
        assert len(statement.split()) <= 14, row
        assert bool(judged) or re.match("not yet|no |about |a |lemmas |existence ", setting), row


@pytest.mark.parametrize("paper", OWN)
def test_the_label_of_a_claim_is_said_where_it_is_named(paper: str) -> None:
    labels = {claim.id: claim.label for claim in registry.contents(paper).claims if claim.label}
    for row in rows(paper):
        for label in {labels[name] for name in names(row) & labels.keys()}:
            assert label in row, row
