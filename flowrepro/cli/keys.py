"""What ``--set`` takes: every key with its type, values, default and meaning."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import types
import typing
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from flowrepro.core.config import Case, TrainingCase, computing_form, flatten
from flowrepro.errors import UsageError
from flowrepro.papers import registry

MEANINGS = {
    "data.name": "the points",
    "init.name": "distribution of the first weights",
    "init.m": "neurons, 1 to 1e8",
    "init.scale": "standard deviation of the first weights, before divide_by; positive",
    "init.divide_by": "what the scale is divided by",
    "init.log10_scale": "the scale is multiplied by 10^this, -1e6 to 1e6; engine flow only",
    "init.sha256": "sha256 of the file given by --init",
    "loss.name": "loss of one sample",
    "loss.reduction": "sum or mean over the samples",
    "loss.factor": "factor of the loss, positive; flow time = factor * lr * steps",
    "protocol.lr": "step size, positive; in units of flow time / loss.factor",
    "protocol.n_steps": "steps, 1 to 1e10",
    "protocol.engine": "who computes; auto is the fastest exact one",
    "protocol.batch_size": "samples of a mini-batch; null for full batches",
    "protocol.train": "layers that are trained",
    "protocol.dtype": "precision of the computation",
    "protocol.device": "cpu, cuda or cuda:INDEX; for engine torch",
    "protocol.target_loss": "loss at which the training ends early; 0 for none",
    "protocol.rtol": "relative tolerance of engine flow, 1e-13 to 1e-2",
    "model.alpha": "slope of the leaky part of the ReLU, 0 to 1",
    "model.depth": "layers, 1 to 100",
    "record.save_every": "steps between two recorded losses",
    "record.snapshots": "steps at which all weights are kept; 0 and the last always are",
    "record.snapshot_every": "steps between two more such; 0 for none",
    "record.geometric": "ratio of a geometric grid of more such steps, above 1; 0 for none",
    "record.observe": "quantities that are recorded with the loss; empty for none",
    "computes": "study of the paper that computes the case",
    "seed": "seed of all random draws, 0 to 2^63",
    "data.options.labels": "labels y, one for each unit vector",
    "data.options.theta": "angle by which the second point is off orthogonal, radians",
    "data.options.seed": "seed of the points; null for the authors' own",
    "data.options.dataset": "images",
    "data.options.positive": "class of the images with y = +1, 0 to 9",
    "data.options.negative": "class of the images with y = -1, 0 to 9",
    "data.options.subset": "images drawn of the two classes; null for all",
    "data.options.subset_seed": "seed of that draw",
    "data.options.d": "dimension of the points",
    "data.options.h": "points of the half x_1 > 0.3",
    "data.options.H": "x_1 of the first hint",
    "data.options.flipped": "whether all labels have the other sign",
    "data.options.n": "points",
    "data.options.scale": "norm of the teacher in units of its draw",
    "data.options.depth": "layers of the teacher",
}
"""key -> meaning, with its unit and range; the options of studies have theirs in the papers."""
TRAININGS, STUDIES = "all trainings", "all studies"
HEADER = ("key", "type", "values", "default", "meaning", "cases")


def of_cases(cases: Iterable[Case], own_values: bool) -> Sequence[tuple[str, ...]]:
    """One line per key, with the cases that have it; ``own_values`` puts a case's value in place
    of the declared default.
    """
    found: dict[tuple[str, ...], list[str]] = {}
    for case in cases:
        for key, value in flatten(computing_form(case)).items():
            if key not in ("schema", "data"):  # data is null where a study has no points
                kind, values, default, meaning = _described(case, key)
                line = (key, kind, values, _text(value) if own_values else default, meaning)
                found.setdefault(line, []).append(_owner(case, key))
    return [(*line, ", ".join(dict.fromkeys(owners))) for line, owners in found.items()]


def _owner(case: Case, key: str) -> str:
    if "options." in key:
        return case.name
    return TRAININGS if isinstance(case, TrainingCase) else STUDIES


def _described(case: Case, key: str) -> tuple[str, str, str, str]:
    """Type, values, default and meaning; UsageError for a key that has none."""
    *parents, leaf = key.split(".")
    if parents == ["options"]:
        study = registry.study_of(case)
        option = study.options[leaf]
        hint = typing.get_type_hints(study.function)[leaf]
        values = ", ".join(map(str, option.choices)) or _range(option.within) or _choices(hint)
        return _type(hint), values, _text(option.default), option.meaning
    if key not in MEANINGS:
        raise UsageError(f"key {key} of case '{case.name}' has no meaning; add it to MEANINGS")
    if parents == ["data", "options"]:
        hint, default = _loader_option(str(case.data and case.data.name), leaf)
    else:
        owner: Any = type(case)
        for parent in parents:
            owner = _member(typing.get_type_hints(owner)[parent])
        hint, default = typing.get_type_hints(owner)[leaf], _default(owner, leaf)
    return _type(hint), _members(key) or _choices(hint), default, MEANINGS[key]


def _loader_option(dataset: str, name: str) -> tuple[Any, str]:
    """Type and default of an option of a data set."""
    from flowrepro.data import DATASETS

    module, function = DATASETS[dataset]
    loader = getattr(importlib.import_module(module), function)
    default = inspect.signature(loader).parameters[name].default
    return typing.get_type_hints(loader)[name], _text(default)


def _default(owner: Any, name: str) -> str:
    """The default of a field; '-' where every case sets its own."""
    (default,) = (own.default for own in dataclasses.fields(owner) if own.name == name)
    return "-" if default is dataclasses.MISSING else _text(default)


def _members(key: str) -> str:
    """The names that a key takes which are members of a table."""
    from flowrepro.core.initialize import INITS
    from flowrepro.data import DATASETS
    from flowrepro.engines import ENGINES
    from flowrepro.theory.observables import OBSERVABLES

    tables: Mapping[str, Iterable[str]] = {
        "data.name": [name for name in DATASETS if name != "file"],
        "init.name": INITS,
        "protocol.engine": ["auto", *ENGINES],
        "record.observe": OBSERVABLES,
    }
    return ", ".join(tables.get(key, ()))


def _member(hint: Any) -> Any:
    """The dataclass in a hint such as Data | None."""
    return next((kind for kind in typing.get_args(hint) if kind is not type(None)), hint)


def _type(hint: Any) -> str:
    """A type in words."""
    words = {int: "whole number", float: "number", str: "text", bool: "true or false"}
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin is Literal:
        return "word"
    if origin in (typing.Union, types.UnionType):
        named = [_type(kind) for kind in inner if kind is not type(None)]
        if "number" in named:
            named = [name for name in named if name != "whole number"]
        return " or ".join([*named, *(["null"] if type(None) in inner else [])])
    if origin is not None:
        nested = typing.get_origin(inner[0]) in (list, tuple)
        return "list of lists" if nested else f"list of {_type(inner[0])}s"
    return words.get(hint, "text")


def _choices(hint: Any) -> str:
    return ", ".join(map(str, typing.get_args(hint))) if typing.get_origin(hint) is Literal else ""


def _range(within: Any) -> str:
    if within is None:
        return ""
    pairs = within if isinstance(within[0], tuple) else (within,)
    return ", ".join("{:g} to {:g}".format(*pair) for pair in pairs)


def _text(value: Any) -> str:
    """A value as --set takes it."""
    return value if isinstance(value, str) else json.dumps(value)
