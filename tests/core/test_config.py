"""The case: JSON form, id, overrides."""

from __future__ import annotations

import dataclasses

import pytest

from flowrepro.core.config import TrainingCase, from_json, run_id, to_json
from flowrepro.core.overrides import departures, override, parse_assignment, resolve_key
from flowrepro.errors import UsageError
from flowrepro.papers import registry

TOY = registry.find_case("orthogonal", "toy")


def test_short_keys_resolve_where_unambiguous() -> None:
    assert resolve_key(TOY, "n_steps") == "protocol.n_steps"
    assert resolve_key(TOY, "protocol.n_steps") == "protocol.n_steps"
    assert resolve_key(TOY, "save_every") == "record.save_every"
    with pytest.raises(UsageError, match=r"ambiguous.*data\.name.*init\.name"):
        resolve_key(TOY, "name")
    with pytest.raises(UsageError, match="did you mean 'n_steps'"):
        resolve_key(TOY, "n_step")


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
    assert (case.protocol.n_steps, case.init.scale, case.record.snapshots, case.protocol.batch_size) == (
        20000,
        1.0,
        (0, 5),
        3,
    )
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
        return dataclasses.replace(TOY, data=dataclasses.replace(TOY.data, name="file", options=options))

    assert run_id(on("/a.npz", "11")) == run_id(on("/b.npz", "11"))
    assert run_id(on("/a.npz", "11")) != run_id(on("/a.npz", "22"))
