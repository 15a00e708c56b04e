"""StudyCase cases: stored, reused, computed anew when their code changed, interrupted; their
options are typed.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import Result, quiet

from flowrepro.claims.verdict import Part, at_most
from flowrepro.core.config import Data, StudyCase, computing_form, from_json, run_id, to_json
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Study
from flowrepro.errors import UsageError
from flowrepro.papers import registry
from flowrepro.papers.paper import Command, Contents, Paper
from flowrepro.papers.study import Progress, option
from flowrepro.papers.topic import Topic
from flowrepro.run.studies import StudyKind

PAPER = Paper("toy", "Nobody: Toys (2026)", (Command("toys", "Toys."),))
topic = Topic(PAPER, "Squares")


@topic.study
def squares(
    *,
    most: int = option(4, "number of squares", within=(0, 100)),
    label: str = option("x", "a word"),
    grid: list[int] = option([1, 2], "numbers"),
    progress: Progress,
) -> Mapping[str, np.ndarray]:
    """The first squares."""
    if most == 0:
        raise ValueError("no squares at all")
    values = []
    for k in range(most):
        values.append(k * k)
        progress(k + 1, most)
    return {"values": np.array(values), "label": np.array(label)}


SQUARES = squares.case("squares", "squares", quick={"most": 2})


@topic.claim("largest-square", "The largest square is at most 9.", place="Claim 1")
def largest(result: Study) -> Iterator[Part]:
    """measured: the largest square."""
    yield at_most("largest", result.arrays["values"].max(), 9)


@topic.study
def sums(data: Dataset) -> Mapping[str, np.ndarray]:
    """Sums of the points."""
    return {"sum": data.X.sum(axis=0)}


POINTS = sums.case("points", "sums", Data(name="two-points"))
Flowrepro = Callable[..., Result]


@pytest.fixture(autouse=True)
def toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(registry.PAPERS, "toy", PAPER)
    monkeypatch.setitem(registry._ADDED, "toy", Contents(PAPER, (topic,)))


def run(tmp_path: Path, *cases: StudyCase, fresh: bool = False) -> tuple[list[Any], list[str]]:
    from flowrepro.run.kind import Settings
    from flowrepro.run.pipeline import execute

    said: list[str] = []
    report = quiet(say=said.append, doing=said.append)
    return execute(cases, Settings(root=tmp_path, fresh=fresh), report), said


def test_a_study_is_stored_checked_and_reused(tmp_path: Path) -> None:
    (first,), _ = run(tmp_path, SQUARES)
    assert [claim["verdict"] for claim in first.claims] == ["PASS"]
    assert not first.reused
    with np.load(first.directory / "study.npz") as stored:
        assert stored["values"].tolist() == [0, 1, 4, 9]
        assert str(stored["label"]) == "x"
    (second,), _ = run(tmp_path, SQUARES)
    assert second.reused
    assert second.claims == first.claims
    assert second.directory == first.directory


def test_a_study_is_computed_anew_when_its_code_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, SQUARES)
    monkeypatch.setattr(StudyKind, "conditions", lambda *_: {"code": "another"})
    (outcome,), said = run(tmp_path, SQUARES)
    assert not outcome.reused
    assert any("computed under another code" in line for line in said)
    assert len(list((tmp_path / "toys").glob("*.replaced-1"))) == 1


def test_a_claim_of_a_study_can_fail(tmp_path: Path) -> None:
    (outcome,), _ = run(tmp_path, override(SQUARES, {"most": 5}))
    assert [claim["verdict"] for claim in outcome.claims] == ["FAIL"]


def test_a_study_on_points_gets_them(tmp_path: Path) -> None:
    (outcome,), _ = run(tmp_path, POINTS)
    with np.load(outcome.directory / "study.npz") as stored:
        assert stored["sum"].shape == (2,)


def test_interruption_leaves_an_unfinished_folder_that_starts_anew(tmp_path: Path) -> None:
    from flowrepro.errors import Interrupted
    from flowrepro.run.kind import Settings
    from flowrepro.run.pipeline import execute

    with pytest.raises(Interrupted, match="squares stopped at 1 of 4"):
        execute([SQUARES], Settings(root=tmp_path), quiet(interrupted=lambda: True))
    (outcome,), _ = run(tmp_path, SQUARES)
    assert not outcome.reused
    assert outcome.stop.name == "COMPLETE"


def test_options_a_study_is_not_made_for_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be computed with this options.most \(no squares at all\)"):
        run(tmp_path, override(SQUARES, {"most": 0}))


def test_a_defect_of_a_declared_study_is_not_blamed_on_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(squares, "function", lambda **_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, SQUARES)


def test_the_json_form_is_that_of_a_study() -> None:
    assert from_json(to_json(SQUARES)) == SQUARES
    assert computing_form(SQUARES)["options"] == {"most": 4, "label": "x", "grid": [1, 2]}
    assert run_id(SQUARES).startswith("squares-")
    assert run_id(SQUARES) != run_id(override(SQUARES, {"seed": 1}))


@pytest.mark.parametrize(
    ("key", "value"), [("most", "four"), ("most", True), ("label", 3), ("grid", 1), ("options.most", [1]), ("lr", 0.1)]
)
def test_an_option_keeps_its_kind(key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=key):
        override(SQUARES, {key: value})


def test_set_reaches_the_cases_that_have_the_key(tmp_path: Path) -> None:
    from flowrepro.cli.select import chosen_cases

    options: dict[str, Any] = dict.fromkeys(("seed", "seeds", "engine", "device", "data_file", "init_file"))
    options |= {"case_names": (), "figures": (), "quick": True}
    ((first, second),) = chosen_cases("toys", assignments=["label=y"], **options)
    assert isinstance(first, StudyCase)
    assert dict(first.options) == {"most": 2, "label": "y", "grid": [1, 2]}
    assert second == POINTS
    with pytest.raises(UsageError, match="no such key"):
        chosen_cases("toys", assignments=["lable=y"], **options)
    file = tmp_path / "points.csv"
    file.write_text("1,2,1\n3,4,-1\n")
    with pytest.raises(UsageError, match="takes no --data"):
        chosen_cases("toys", assignments=[], **{**options, "data_file": file})


def test_a_study_is_shown(tmp_path: Path, flowrepro: Flowrepro) -> None:
    (outcome,), _ = run(tmp_path, SQUARES)
    shown = flowrepro("show", outcome.directory, "--json")
    assert shown.code == 0
    assert json.loads(shown.out)["provenance"]["engine"] == "study"
