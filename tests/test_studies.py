"""Study rows: stored, reused, computed anew when their code changed, interrupted; their options are typed."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from command_line import Result

from flowrepro import papers, provenance
from flowrepro.errors import UsageError
from flowrepro.experiment import Data, Study, computing_form, from_json, override, run_id, to_json
from flowrepro.theory.result import Ref
from flowrepro.theory.statement import statement, upper
from flowrepro.trajectory import Dataset, Findings

SQUARES = Study(
    name="squares", command="toys", paper="toy", shows="squares", computes="squares", options={"most": 4, "label": "x", "grid": [1, 2]}, quick={"most": 2}
)
POINTS = Study(name="points", command="toys", paper="toy", shows="sums", computes="sums", data=Data(name="two-points"))
Flowrepro = Callable[..., Result]


def squares(row: Study, dataset: Dataset | None, progress: papers.Progress) -> Mapping[str, np.ndarray]:
    if row.options["most"] == 0:
        raise ValueError("no squares at all")
    values = []
    for k in range(row.options["most"]):
        values.append(k * k)
        progress(k + 1, row.options["most"])
    return {"values": np.array(values), "label": np.array(row.options["label"])}


def sums(row: Study, dataset: Dataset | None, progress: papers.Progress) -> Mapping[str, np.ndarray]:
    assert dataset is not None
    return {"sum": dataset.X.sum(axis=0)}


@statement("largest", Ref("toy", "Claim 1"), "theory", ("squares",), "the largest square is at most 9")
def largest(findings: Findings) -> list[Any]:
    """measured: the largest square."""
    return [upper("largest", findings.arrays["values"].max(), 9)]


@pytest.fixture(autouse=True)
def wing(monkeypatch: pytest.MonkeyPatch) -> None:
    parts = {
        "experiments": SimpleNamespace(ROWS=(SQUARES, POINTS)),
        "studies": SimpleNamespace(STUDIES={"squares": squares, "sums": sums}),
        "checks": SimpleNamespace(CHECKS=(largest,)),
        "figures": SimpleNamespace(FIGURES=()),
    }
    real = papers.wing
    monkeypatch.setattr(papers, "wing", lambda paper, part: parts[part] if paper == "toy" else real(paper, part))
    monkeypatch.setitem(papers.COMMANDS, "toys", papers.Command("toy", "Toys."))


def run(tmp_path: Path, *rows: Study, fresh: bool = False) -> tuple[list[Any], list[str]]:
    from flowrepro.pipeline import execute
    from flowrepro.training import Settings

    said: list[str] = []
    report = SimpleNamespace(say=said.append, progress=lambda *_: None, interrupted=lambda: False)
    return execute(rows, Settings(root=tmp_path, fresh=fresh), report), said


def test_a_study_is_stored_checked_and_reused(tmp_path: Path) -> None:
    (first,), _ = run(tmp_path, SQUARES)
    assert [check["verdict"] for check in first.checks] == ["PASS"]
    assert not first.reused
    with np.load(first.directory / "study.npz") as stored:
        assert stored["values"].tolist() == [0, 1, 4, 9]
        assert str(stored["label"]) == "x"
    (second,), _ = run(tmp_path, SQUARES)
    assert second.reused
    assert second.checks == first.checks
    assert second.directory == first.directory


def test_a_study_is_computed_anew_when_its_code_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tmp_path, SQUARES)
    monkeypatch.setattr(provenance, "study_fingerprint", lambda paper: {"code": "another"})
    (outcome,), said = run(tmp_path, SQUARES)
    assert not outcome.reused
    assert any("computed under another code" in line for line in said)
    assert len(list((tmp_path / "toys").glob("*.replaced-1"))) == 1


def test_a_check_of_a_study_can_fail(tmp_path: Path) -> None:
    (outcome,), _ = run(tmp_path, override(SQUARES, {"most": 5}))
    assert [check["verdict"] for check in outcome.checks] == ["FAIL"]


def test_a_study_on_points_gets_them(tmp_path: Path) -> None:
    (outcome,), _ = run(tmp_path, POINTS)
    with np.load(outcome.directory / "study.npz") as stored:
        assert stored["sum"].shape == (2,)


def test_interruption_leaves_an_unfinished_folder_that_starts_anew(tmp_path: Path) -> None:
    from flowrepro.pipeline import execute
    from flowrepro.training import Interrupted, Settings

    report = SimpleNamespace(say=lambda text: None, progress=lambda *_: None, interrupted=lambda: True)
    with pytest.raises(Interrupted, match="squares stopped at 1 of 4"):
        execute([SQUARES], Settings(root=tmp_path), report)
    (outcome,), _ = run(tmp_path, SQUARES)
    assert not outcome.reused
    assert outcome.stop.name == "COMPLETE"


def test_options_a_study_is_not_made_for_are_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"cannot be computed with this options.most \(no squares at all\)"):
        run(tmp_path, override(SQUARES, {"most": 0}))


def test_a_defect_of_a_declared_study_is_not_blamed_on_the_user(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(papers.wing("toy", "studies").STUDIES, "squares", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        run(tmp_path, SQUARES)


def test_the_json_form_is_that_of_a_study() -> None:
    assert from_json(to_json(SQUARES)) == SQUARES
    assert computing_form(SQUARES)["options"] == {"most": 4, "label": "x", "grid": [1, 2]}
    assert run_id(SQUARES).startswith("squares-")
    assert run_id(SQUARES) != run_id(override(SQUARES, {"seed": 1}))


@pytest.mark.parametrize(("key", "value"), [("most", "four"), ("most", True), ("label", 3), ("grid", 1), ("options.most", [1]), ("lr", 0.1)])
def test_an_option_keeps_its_kind(key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=key):
        override(SQUARES, {key: value})


def test_set_reaches_the_rows_that_have_the_key(tmp_path: Path) -> None:
    from flowrepro.selection import chosen_rows

    options: dict[str, Any] = dict.fromkeys(("seed", "seeds", "engine", "device", "data_file", "init_file"))
    options |= {"row_names": (), "figures": (), "quick": True}
    ((first, second),) = chosen_rows("toys", assignments=["label=y"], **options)
    assert isinstance(first, Study)
    assert dict(first.options) == {"most": 2, "label": "y", "grid": [1, 2]}
    assert second == POINTS
    with pytest.raises(UsageError, match="no such key"):
        chosen_rows("toys", assignments=["lable=y"], **options)
    file = tmp_path / "points.csv"
    file.write_text("1,2,1\n3,4,-1\n")
    with pytest.raises(UsageError, match="takes no --data"):
        chosen_rows("toys", assignments=[], **{**options, "data_file": file})


def test_a_study_is_shown(tmp_path: Path, flowrepro: Flowrepro) -> None:
    (outcome,), _ = run(tmp_path, SQUARES)
    shown = flowrepro("show", outcome.directory, "--json")
    assert shown.code == 0
    assert json.loads(shown.out)["provenance"]["engine"] == "study"
