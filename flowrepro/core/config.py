"""The case every run starts from: frozen, JSON-able data without functions.

The same case is hashed into the run id, written into the run directory and exposed as
``--set key=value``.
"""

from __future__ import annotations

import dataclasses
import difflib
import functools
import hashlib
import json
import types
import typing
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

import msgspec

from flowrepro.errors import UsageError

SCHEMA = 1
"""Version of the case's JSON form; part of the run id."""
MOST_LEVELS = 32
"""Lists and objects that JSON may nest within each other."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """The points of a case.

    name : a member of ``data.DATASETS``.
    options : the keyword arguments that it is loaded with.
    """

    name: str
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Init:
    """The start of a training: m neurons drawn with standard deviation scale / divide_by.

    name : a member of ``initialize.INITS``, "student" for the neurons that the data set holds, or
        "file".
    m : number of neurons.
    scale : factor of all weights; with "file" it multiplies what the file holds.
    divide_by : what the scale is divided by.
    log10_scale : the scale is multiplied by 10^log10_scale; for the engine "flow" only, as the
        product may lie below the smallest double.
    file, sha256 : the npz of the weights and its hash, with "file" only.
    """

    name: str
    m: int
    scale: float
    divide_by: Literal["1", "sqrt(m)", "sqrt(m*d)"] = "1"
    log10_scale: float = 0.0
    file: str = ""
    sha256: str = ""


@dataclass(frozen=True, kw_only=True)
class Model:
    """The network.

    alpha : slope of the leaky part, 0 for ReLU.
    depth : number of layers; one weight matrix and depth - 1 equal scalars above each neuron
        (``network.gain``).
    """

    alpha: float = 0.0
    depth: int = 2


@dataclass(frozen=True, kw_only=True)
class Loss:
    """Objective = factor * reduction over samples of the named loss.

    name : the loss of one sample; its formula is among the conventions of ``network.py``.
    reduction : mean or sum over the samples.
    factor : what multiplies it.
    """

    name: Literal["square", "logistic", "logistic2", "exp"]
    reduction: Literal["mean", "sum"]
    factor: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Descent:
    """Plain gradient descent (batch_size None) or mini-batch SGD, reshuffled every epoch.

    lr : step size; step k is at flow time factor * lr * k.
    n_steps : number of steps.
    engine : a member of ``engines.ENGINES``, or "auto", the fastest exact one.
    batch_size : samples of a mini-batch, None for all.
    train : both layers, or the first one only.
    dtype : precision of the weights.
    device : cpu, cuda or cuda:INDEX, for the engine "torch".
    target_loss : loss below which the run ends early; 0 for none.
    rtol : tolerance of the engine "flow", which integrates the flow whose Euler steps the others
        make.
    """

    lr: float
    n_steps: int
    engine: str = "auto"
    batch_size: int | None = None
    train: Literal["both", "first"] = "both"
    dtype: Literal["float64", "float32"] = "float64"
    device: str = "cpu"
    target_loss: float = 0.0
    rtol: float = 1e-8


@dataclass(frozen=True, kw_only=True)
class Record:
    """What a run keeps, in steps.

    save_every : loss (and the observed quantities) every so many steps, and at the last one.
    snapshots : steps at which all weights are kept; 0 and the last step always are.
    snapshot_every : additional snapshots every so many steps; 0 for none.
    geometric : additional snapshots at k <- floor(geometric * k) + 1; 0 for none.
    observe : a member of ``theory.observables.OBSERVABLES``, or "".
    levels : losses of which an ensemble keeps the first step below, to the step.
    times : flow times of the steps 1, 2, ..., n_steps, which only the engine "flow" can reach where
        they are no multiples of one; empty for factor * lr * step.
    """

    save_every: int = 1
    snapshots: tuple[int, ...] = ()
    snapshot_every: int = 0
    geometric: float = 0.0
    observe: str = ""
    levels: tuple[float, ...] = ()
    times: tuple[float, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """A number the paper states: its value, ours, and the window in which a reproduction must
    fall.
    """

    what: str
    paper: float | str
    ours: float | None = None
    window: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingCase:
    """One case. ``command`` is the subcommand that owns it, ``shows`` what of the paper it
    reproduces.

    ``quick`` holds the overrides of the reduced variant. With ``seeds`` (A, B) the case is an
    ensemble: it is run for every seed from A to B - 1 instead of ``seed``, and gives one stacked
    result.
    """

    name: str
    command: str
    paper: str
    shows: str
    data: Data
    init: Init
    loss: Loss
    protocol: Descent
    model: Model = Model()
    record: Record = Record()
    seed: int = 0
    seeds: tuple[int, int] | None = None
    targets: tuple[Target, ...] = ()
    quick: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class StudyCase:
    """A case whose result is no single trajectory: runs that feed one law, a table, the analysis of
    a data set.

    ``computes`` is a member of ``papers.<paper>.studies.STUDIES``; it depends on ``options`` (JSON
    values), the points and the seed, on nothing else.
    """

    name: str
    command: str
    paper: str
    shows: str
    computes: str
    options: Mapping[str, Any] = field(default_factory=dict)
    data: Data | None = None
    seed: int = 0
    targets: tuple[Target, ...] = ()
    quick: Mapping[str, Any] = field(default_factory=dict)

    @property
    def seeds(self) -> tuple[int, int] | None:
        """None: a study is never an ensemble; one that needs many seeds has them among its
        options.
        """
        return None


Case = TrainingCase | StudyCase
AnyCase = TypeVar("AnyCase", bound=TrainingCase | StudyCase)

_LABELS = ("name", "command", "paper", "shows", "targets", "quick")
"""Fields that describe a case without changing what it computes."""


def to_json(case: Case) -> dict[str, Any]:
    """The case as plain JSON values."""
    return typing.cast("dict[str, Any]", json.loads(json.dumps(msgspec.to_builtins(case))))


def from_json(form: Mapping[str, Any]) -> Case:
    """The case whose JSON form is given; unknown or missing fields raise UsageError."""
    return typing.cast(
        Case, _build(StudyCase if "computes" in form else TrainingCase, form, "case")
    )


@functools.cache
def _hints(kind: Hashable) -> dict[str, Any]:
    return typing.get_type_hints(kind)


def _build(kind: Any, value: Any, where: str) -> Any:
    """``value`` as an instance of the annotated type ``kind``."""
    if dataclasses.is_dataclass(kind):
        hints = _hints(typing.cast(Hashable, kind))
        if not isinstance(value, Mapping):
            raise UsageError(f"{where} must be an object with {', '.join(hints)}, not '{value}'")
        for key in value:
            if key not in hints:
                raise UsageError(f"{where} has no field '{key}'{_nearest(key, hints)}")
        try:
            return kind(
                **{key: _build(hints[key], item, f"{where}.{key}") for key, item in value.items()}
            )  # type: ignore[operator]
        except TypeError as error:
            raise UsageError(f"{where} is incomplete: {error}") from None
    return coerce(kind, value, where)


def coerce(kind: Any, value: Any, where: str) -> Any:
    """``value`` as the annotated type ``kind``; UsageError naming ``where`` unless it is one."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        errors = []
        for option in arguments:
            if option is not type(None):
                try:
                    return _build(option, value, where)
                except UsageError as error:
                    errors.append(error)
        raise errors[0]
    if origin is Literal:
        if not isinstance(value, str) and str(value) in arguments:
            return str(value)  # divide_by=1 was read as a number
        if value not in arguments:
            raise UsageError(
                f"{where} must be one of {', '.join(map(str, arguments))}, not "
                f"'{value}'{_nearest(str(value), arguments)}"
            )
        return value
    if origin is tuple:
        if not isinstance(value, list | tuple) or (
            arguments[-1] is not Ellipsis and len(value) != len(arguments)
        ):
            raise UsageError(f"{where} must be a list such as [0,100], not '{value}'")
        inner = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        return tuple(
            _build(item_kind, item, where) for item_kind, item in zip(inner, value, strict=True)
        )
    if origin is list:
        if not isinstance(value, list | tuple):
            raise UsageError(f"{where} must be a list such as [1,2], not '{value}'")
        return [_build(arguments[0], item, where) for item in value]
    if kind is bool and value in ("True", "False"):
        return value == "True"
    if kind is str and isinstance(value, int | float) and not isinstance(value, bool):
        return json.dumps(value)
    if kind is int and isinstance(value, float) and value.is_integer():
        return int(value)
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if kind in (int, float, str, bool) and (
        not isinstance(value, kind) or isinstance(value, bool) != (kind is bool)
    ):
        raise UsageError(f"{where} must be of type {kind.__name__}, not '{value}'")
    return value


def computing_form(case: Case) -> dict[str, Any]:
    """The fields that decide what a run computes, as JSON.

    A file's path is left out where its sha256 is known: the content decides, not the place. One
    seed or many, never both.
    """
    form = {key: value for key, value in to_json(case).items() if key not in _LABELS}
    if form["data"] and "sha256" in form["data"]["options"]:
        form["data"]["options"].pop("path", None)
    if isinstance(case, StudyCase):
        return {**form, "schema": SCHEMA}
    form["init"].pop("file")
    if not form["record"]["times"]:
        del form["record"]["times"]
    if case.seeds is None:
        del form["seeds"], form["record"]["levels"]
    else:
        del form["seed"]
    return {**form, "schema": SCHEMA}


def run_id(case: Case) -> str:
    """``<case>-<hash10>``, the hash being that of the canonical (order-free) JSON of
    `computing_form`; an ensemble's name says its seeds.
    """
    canonical = json.dumps(computing_form(case), sort_keys=True, separators=(",", ":"))
    name = (
        case.name
        if case.seeds is None
        else f"{case.name}-seeds-{case.seeds[0]}-to-{case.seeds[1] - 1}"
    )
    return f"{name}-{hashlib.sha256(canonical.encode()).hexdigest()[:10]}"


def is_shallow(value: Any) -> bool:
    """Whether a JSON value has at most MOST_LEVELS levels of lists and objects."""
    level = [value]
    for _ in range(MOST_LEVELS):
        level = [
            child
            for item in level
            if isinstance(item, list | dict)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
    return not level


def flatten(form: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted path -> leaf of a nested JSON object."""
    leaves: dict[str, Any] = {}
    for key, value in form.items():
        if isinstance(value, Mapping) and value:
            leaves.update(flatten(value, f"{prefix}{key}."))
        elif not isinstance(value, Mapping):
            leaves[prefix + key] = value
    return leaves


def _nested(key: str) -> UsageError:
    return UsageError(
        f"--set {key[:40]}: its value nests lists more than {MOST_LEVELS} deep; give a flat list"
    )


def _nearest(word: str, options: Iterable[Any]) -> str:
    close = difflib.get_close_matches(str(word), [str(option) for option in options], n=1)
    return f"; did you mean '{close[0]}'?" if close else ""
