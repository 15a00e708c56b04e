"""What stored JSON must hold, as types: each file is one of these or is damaged.

Keys that are not named here are left out when a file is read.
"""

from __future__ import annotations

from typing import Annotated, Literal, NotRequired, TypedDict

from msgspec import Meta

Sha256 = Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
Count = Annotated[int, Meta(ge=0)]
Number = float | Literal["inf", "-inf"] | None
"""A number of a verdict; null for nan."""
Window = Annotated[list[Number], Meta(min_length=2, max_length=2)]
Bound = float | Literal["inf", "-inf"] | Window | None
Relation = Literal["", "<=", ">=", "in"]
Verdict = Literal["PASS", "FAIL", "N/A", "INFO"]
Stats = dict[str, bool | int | float | str | None]
"""Counts of an engine."""


class Entry(TypedDict):
    """A file of a manifest."""

    sha256: Sha256
    bytes: Count


class Manifest(TypedDict):
    """manifest.json; ``schema`` is its version."""

    schema: Count
    flowrepro: str
    files: dict[str, Entry]


class Begun(TypedDict):
    """What of a manifest a later version cannot have changed."""

    schema: Count
    flowrepro: NotRequired[str]


class Stop(TypedDict):
    """Why a run ended."""

    reason: str
    step: Count
    t: float
    note: str


class ExplainedStop(TypedDict):
    """A stop with what its reason means; early studies have no step."""

    reason: str
    meaning: str
    step: NotRequired[Count]
    t: NotRequired[float]
    note: str


class Git(TypedDict):
    """The checkout that a package lies in, if it lies in one."""

    revision: str | None
    dirty: NotRequired[bool]
    difference: NotRequired[str]


class Provenance(TypedDict):
    """provenance.json: what was computed, why it ended, code, versions, machine."""

    experiment: str
    case: NotRequired[str]
    seed: NotRequired[Count]
    seeds: NotRequired[list[Count]]
    engine: str
    dataset: str
    stop: ExplainedStop
    stats: Stats
    wall_s: Annotated[float, Meta(ge=0)]
    fingerprint: dict[str, str]
    device: NotRequired[str]
    dtype: NotRequired[str]
    resumed_under_other_conditions: NotRequired[list[str]]
    warnings: NotRequired[list[str]]
    argv: list[str]
    package: str
    git: Git
    versions: dict[str, str]
    platform: NotRequired[str]
    cpu: str
    threads: Count


class PartForm(TypedDict):
    """A part of a verdict."""

    note: str
    verdict: Verdict
    measured: Number
    relation: Relation
    bound: Bound


class LimitForm(TypedDict):
    """What keeps a claim from applying: a setting that is too large."""

    setting: Literal["lr", "scale"]
    value: Number
    most: Number


class ClaimForm(TypedDict):
    """A claim with its verdict."""

    id: str
    place: str
    sentence: str
    verdict: Verdict
    measured: Number
    relation: Relation
    bound: Bound
    slack: Number
    ratio: NotRequired[Number]
    note: str
    parts: NotRequired[list[PartForm]]
    limit: NotRequired[LimitForm]
    case: str
    kind: str
    label: NotRequired[str]


class Claims(TypedDict):
    """claims.json: the verdicts, and the hash of the code that gave them."""

    package: str
    claims: list[ClaimForm]


class Drawn(TypedDict):
    """The JSON beside an image: the hash of the code that drew it, and its caption."""

    package: str
    caption: NotRequired[str]


class Header(TypedDict):
    """The header of a checkpoint: the folder it is of, its conditions, seconds so far, and the
    sha256 of its arrays.
    """

    of: str
    fingerprint: dict[str, str]
    wall_s: Annotated[float, Meta(ge=0)]
    arrays: Sha256


class Owner(TypedDict):
    """Who holds a lock."""

    host: str
    pid: Count
    since: str


Notes = dict[str, list[Sha256]]
"""What was written since the manifest: name -> sha256 that the file may have."""
