"""The row: JSON form, id, overrides."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from flowrepro import papers
from flowrepro.errors import UsageError
from flowrepro.experiment import (
    Experiment,
    computing_form,
    departures,
    flatten,
    from_json,
    override,
    parse_assignment,
    resolve_key,
    run_id,
    to_json,
)
from flowrepro.pipeline import quick_variant

ROWS = [row for command in papers.COMMANDS for row in papers.rows_of(command)]
TOY = papers.find_row("orthogonal", "toy")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row_survives_json(row: Experiment) -> None:
    assert from_json(json.loads(json.dumps(to_json(row)))) == row


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_id_ignores_order_and_prose_but_not_numbers(row: Experiment) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = list(value.items())
            random.Random(0).shuffle(items)
            return {key: shuffled(item) for key, item in items}
        return value

    assert run_id(from_json(shuffled(to_json(row)))) == run_id(row)  # type: ignore[arg-type]
    assert run_id(dataclasses.replace(row, shows="other words")) == run_id(row)
    assert run_id(override(row, {"seed": 7})) != run_id(row)
    if isinstance(row, Experiment):
        assert run_id(override(row, {"lr": 2e-5})) != run_id(row)


def test_row_names_are_unique_per_command() -> None:
    names = [(row.command, row.name) for row in ROWS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_quick_variants_differ_and_are_valid(row: Experiment) -> None:
    if row.quick:
        assert run_id(quick_variant(row)) != run_id(row)


def test_short_keys_resolve_where_unambiguous() -> None:
    assert resolve_key(TOY, "n_steps") == "protocol.n_steps"
    assert resolve_key(TOY, "protocol.n_steps") == "protocol.n_steps"
    assert resolve_key(TOY, "save_every") == "record.save_every"
    with pytest.raises(UsageError, match=r"ambiguous.*data\.name.*init\.name"):
        resolve_key(TOY, "name")
    with pytest.raises(UsageError, match="did you mean 'n_steps'"):
        resolve_key(TOY, "n_step")


def test_every_key_of_a_row_can_be_set_to_its_own_value() -> None:
    for row in ROWS:
        for key, value in flatten(computing_form(row)).items():
            if key != "schema":
                assert override(row, {key: value}) == row


@pytest.mark.parametrize(
    ("text", "parsed"),
    [
        ("lr=1e-3", ("lr", 1e-3)),
        ("n_steps=20000", ("n_steps", 20000)),
        ("n_steps=2e4", ("n_steps", 2e4)),
        ("snapshots=[0,5]", ("snapshots", [0, 5])),
        ("batch_size=null", ("batch_size", None)),
        ("engine=fused", ("engine", "fused")),
        ("scale=.5", ("scale", 0.5)),
    ],
)
def test_assignments(text: str, parsed: tuple[str, object]) -> None:
    assert parse_assignment(text) == parsed


def test_values_take_the_type_of_their_field() -> None:
    row = override(TOY, {"n_steps": 2e4, "scale": 1, "snapshots": [0, 5], "batch_size": 3})
    assert (row.protocol.n_steps, row.init.scale, row.record.snapshots, row.protocol.batch_size) == (20000, 1.0, (0, 5), 3)
    assert isinstance(row.protocol.n_steps, int)
    assert isinstance(row.init.scale, float)


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("lr", float("nan"), "protocol.lr"),
        ("lr", 0, "must be positive"),
        ("lr", -1e-3, "must be positive"),
        ("lr", float("inf"), "finite"),
        ("n_steps", 0, "between 1"),
        ("n_steps", 1.5, "must be of type int"),
        ("n_steps", True, "must be of type int"),
        ("scale", "small", "must be of type float"),
        ("init.divide_by", "m", "must be one of"),
        ("loss.name", "hinge", "must be one of"),
        ("snapshots", 5, "must be a list"),
        ("snapshots", [-1], "negative"),
        ("alpha", 1.5, r"\[0, 1\]"),
        ("seed", -1, r"\[0, 2\^63\)"),
        ("save_every", 0, "at least 1"),
        ("snapshot_every", -1, "at least 1"),
    ],
)
def test_bad_values_are_refused_by_name(key: str, value: object, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        override(TOY, {key: value})


def test_numbers_that_underflow_are_refused() -> None:
    with pytest.raises(UsageError, match="underflows"):
        parse_assignment("lr=1e-400")


def test_unknown_fields_of_a_stored_row_are_named() -> None:
    form = to_json(TOY)
    form["protocol"]["momentun"] = 0.9
    with pytest.raises(UsageError, match=r"row\.protocol has no field 'momentun'"):
        from_json(form)


def test_departures_name_what_differs() -> None:
    changed = override(TOY, {"lr": 2e-3, "seed": 5, "save_every": 10, "engine": "torch"})
    assert departures(changed, TOY) == ["protocol.lr"]
    assert departures(TOY, TOY) == []


def test_a_file_is_identified_by_its_content() -> None:
    def on(path: str, digest: str) -> Experiment:
        options = {"path": path, "sha256": digest, "bias": False}
        return dataclasses.replace(TOY, data=dataclasses.replace(TOY.data, name="file", options=options))

    assert run_id(on("/a.npz", "11")) == run_id(on("/b.npz", "11"))
    assert run_id(on("/a.npz", "11")) != run_id(on("/a.npz", "22"))
