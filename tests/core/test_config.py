"""The case: JSON form, id, overrides."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest

from flowrepro.core.config import TrainingCase, computing_form, flatten, from_json, run_id, to_json
from flowrepro.core.overrides import departures, override, parse_assignment, resolve_key
from flowrepro.errors import UsageError
from flowrepro.papers import registry
from flowrepro.run.pipeline import quick_variant

CASES = [case for command in registry.commands() for case in registry.cases_of(command)]
TOY = registry.find_case("orthogonal", "toy")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_case_survives_json(case: TrainingCase) -> None:
    assert from_json(json.loads(json.dumps(to_json(case)))) == case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_id_ignores_order_and_prose_but_not_numbers(case: TrainingCase) -> None:
    def shuffled(value: object) -> object:
        if isinstance(value, dict):
            items = list(value.items())
            random.Random(0).shuffle(items)
            return {key: shuffled(item) for key, item in items}
        return value

    assert run_id(from_json(shuffled(to_json(case)))) == run_id(case)  # type: ignore[arg-type]
    assert run_id(dataclasses.replace(case, shows="other words")) == run_id(case)
    assert run_id(override(case, {"seed": 7})) != run_id(case)
    if isinstance(case, TrainingCase):
        assert run_id(override(case, {"lr": 2e-5})) != run_id(case)


def test_case_names_are_unique_per_command() -> None:
    names = [(case.command, case.name) for case in CASES]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_quick_variants_differ_and_are_valid(case: TrainingCase) -> None:
    if case.quick:
        assert run_id(quick_variant(case)) != run_id(case)


def test_short_keys_resolve_where_unambiguous() -> None:
    assert resolve_key(TOY, "n_steps") == "protocol.n_steps"
    assert resolve_key(TOY, "protocol.n_steps") == "protocol.n_steps"
    assert resolve_key(TOY, "save_every") == "record.save_every"
    with pytest.raises(UsageError, match=r"ambiguous.*data\.name.*init\.name"):
        resolve_key(TOY, "name")
    with pytest.raises(UsageError, match="did you mean 'n_steps'"):
        resolve_key(TOY, "n_step")


def test_every_key_of_a_case_can_be_set_to_its_own_value() -> None:
    for case in CASES:
        for key, value in flatten(computing_form(case)).items():
            if key != "schema":
                assert override(case, {key: value}) == case


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
    case = override(TOY, {"n_steps": 2e4, "scale": 1, "snapshots": [0, 5], "batch_size": 3})
    assert (
        case.protocol.n_steps,
        case.init.scale,
        case.record.snapshots,
        case.protocol.batch_size,
    ) == (20000, 1.0, (0, 5), 3)
    assert isinstance(case.protocol.n_steps, int)
    assert isinstance(case.init.scale, float)


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


def test_unknown_fields_of_a_stored_case_are_named() -> None:
    form = to_json(TOY)
    form["protocol"]["momentun"] = 0.9
    with pytest.raises(UsageError, match=r"case\.protocol has no field 'momentun'"):
        from_json(form)


def test_departures_name_what_differs() -> None:
    changed = override(TOY, {"lr": 2e-3, "seed": 5, "save_every": 10, "engine": "torch"})
    assert departures(changed, TOY) == ["protocol.lr"]
    assert departures(TOY, TOY) == []


def test_a_file_is_identified_by_its_content() -> None:
    def on(path: str, digest: str) -> TrainingCase:
        options = {"path": path, "sha256": digest, "bias": False}
        return dataclasses.replace(
            TOY, data=dataclasses.replace(TOY.data, name="file", options=options)
        )

    assert run_id(on("/a.npz", "11")) == run_id(on("/b.npz", "11"))
    assert run_id(on("/a.npz", "11")) != run_id(on("/a.npz", "22"))
