"""What --set takes is explained: every key of every case."""

from __future__ import annotations

import pytest
from command_line import Result
from faults import Call, refused

from flowrepro.cli.keys import HEADER, TRAININGS, of_cases
from flowrepro.papers import registry


@pytest.fixture(scope="module")
def lines() -> list[dict[str, str]]:
    cases = [case for command in registry.commands() for case in registry.cases_of(command)]
    return [dict(zip(HEADER, line, strict=True)) for line in of_cases(cases, own_values=False)]


def named(lines: list[dict[str, str]], key: str) -> dict[str, str]:
    return next(line for line in lines if line["key"] == key)


def test_every_key_has_a_type_and_a_meaning(lines: list[dict[str, str]]) -> None:
    assert len(lines) > 300
    for line in lines:
        assert line["type"]
        assert line["meaning"]
        assert not line["meaning"].endswith(".")
    assert {line["type"] for line in lines} <= {
        "text", "word", "number", "whole number", "true or false", "whole number or null",
        "number or null", "text or null", "list of numbers", "list of whole numbers", "list of texts",
        "list of words", "list of lists", "list of true or falses",
    }  # fmt: skip


def test_keys_name_their_values_and_defaults(lines: list[dict[str, str]]) -> None:
    assert named(lines, "init.divide_by")["values"] == "1, sqrt(m), sqrt(m*d)"
    assert named(lines, "init.divide_by")["default"] == "1"
    assert named(lines, "protocol.lr")["default"] == "-"
    assert "fused" in named(lines, "protocol.engine")["values"]
    assert named(lines, "protocol.batch_size")["default"] == "null"
    assert named(lines, "protocol.n_steps")["cases"] == TRAININGS
    assert named(lines, "options.ratios") == {
        "key": "options.ratios",
        "type": "list of numbers",
        "values": "1.05 to 100",
        "default": "[1.2, 1.5, 2.0, 3.0, 4.0]",
        "meaning": "ratios r of the growth rates; near 1 there is no visible saddle",
        "cases": "closest-approach",
    }


def test_a_case_shows_its_own_values(flowrepro: Call) -> None:
    told: Result = flowrepro("list", "--keys", "toy", "--json")
    own = {line["key"]: line["default"] for line in told.json()}
    assert (own["protocol.lr"], own["init.scale"]) == ("0.001", "1e-06")
    experiment = flowrepro("list", "--keys", "margin", "--json").json()
    assert len(experiment) > len(own)
    refused(flowrepro("list", "--keys", "no-such"), 2, "no-such", "flowrepro list")
