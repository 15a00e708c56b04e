"""``flowrepro margin --data FILE``: points that no network separates, remedy for wrong labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Result, typed

from flowrepro.papers.lyu2021 import classifiers
from flowrepro.store.reading import read_json

Flowrepro = Callable[..., Result]


def write(path: Path, cases: list[list[float]]) -> Path:
    path.write_text("x1,x2,y\n" + "".join(",".join(map(str, case)) + "\n" for case in cases))
    return path


@pytest.mark.parametrize(
    ("cases", "code", "message"),
    [
        ([[1, 1, 1], [2, 2, -1]], 3, "no two-layer network"),
        ([[0, 0, 1], [1, 1, -1]], 3, "point 1 is 0"),
        ([[1, 1, 0], [2, -1, 1]], 3, "write -1 for 0"),
    ],
)
def test_points_that_cannot_be_used(
    cases: list[list[float]],
    code: int,
    message: str,
    flowrepro: Flowrepro,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(classifiers, "WORK", 1e6)  # which training on them always takes
    result = flowrepro("margin", "--data", write(tmp_path / "own.csv", cases), "--out", tmp_path / "runs")
    assert result.code == code
    assert message in result.err
    assert "Traceback" not in result.err


def test_own_points_end_in_verdicts(flowrepro: Flowrepro, tmp_path: Path) -> None:
    points = write(tmp_path / "own.csv", [[1, 1, 1], [2, -1, 1], [-1, 0.5, -1], [-2, -1, -1]])
    result = flowrepro(
        "margin", "--data", points, *typed("--quick --case separator --out"), tmp_path / "runs", "--json"
    )
    assert result.code == 0
    verdicts = {claim["id"]: claim["verdict"] for claim in json.loads(result.out)["claims"]}
    assert verdicts["assumption-3-2-certificate"] == "PASS"
    assert verdicts["section-3-largest-margin"] == "PASS"
    (manifest,) = (tmp_path / "runs").rglob("manifest.json")
    assert "study.npz" in read_json(manifest)["files"]
