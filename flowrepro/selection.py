"""From the options of a command line to the rows to run and how to run them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from flowrepro import data, papers
from flowrepro.data.from_file import file_sha256, weights_from_file
from flowrepro.errors import UsageError
from flowrepro.experiment import Data, Experiment, Init, override, parse_assignment
from flowrepro.figures.canvas import FORMATS, reject_bad_epoch, reject_unknown
from flowrepro.pipeline import declared_figures, quick_variant
from flowrepro.training import Settings, ensemble_refusal, prepare

ENSEMBLE_FROM = 50
"""Seeds from which a row that can be run at once is one ensemble in one folder, not one run per seed."""


def settings_of(
    *, out: Path, fresh: bool, new: bool, force_resume: bool, wait: bool, figures: Sequence[str], no_figures: bool, formats: Sequence[str], **_: Any
) -> Settings:
    """How rows are run; UsageError for an unknown image format or an unusable SOURCE_DATE_EPOCH."""
    reject_unknown(formats)
    reject_bad_epoch()
    if no_figures and figures:
        raise UsageError("--figure and --no-figures exclude each other; give one of them")
    drawn = () if no_figures else tuple(figures) or None
    return Settings(out, fresh, new, force_resume, wait, drawn, tuple(formats) or FORMATS)


def chosen_rows(
    command: str,
    *,
    row_names: Sequence[str],
    figures: Sequence[str],
    assignments: Sequence[str],
    seed: int | None,
    seeds: str | None,
    engine: str | None,
    device: str | None,
    data_file: Path | None,
    init_file: Path | None,
    quick: bool,
    **_: Any,
) -> list[list[Experiment]]:
    """The rows to run, changed as asked: the ensembles, then one batch per seed of the rows that are run one by one."""
    rows = _named_rows(command, row_names, figures, only_first=bool(data_file) and not row_names and not figures)
    changes: dict[str, Any] = dict(parse_assignment(text) for text in assignments)
    for option, key, value in (("--engine", "engine", engine), ("--device", "device", device), ("--seed", "seed", seed), ("--seeds", "seed", seeds)):
        if value is not None and {key, f"protocol.{key}"} & changes.keys():
            raise UsageError(f"{option} and --set {key}=... both set the same key; give one of them")
    changes |= {key: value for key, value in (("protocol.engine", engine), ("protocol.device", device)) if value is not None}

    def changed(row: Experiment, seed: int | None = None) -> Experiment:
        row = _with_files(row, data_file, init_file)
        return override(quick_variant(row) if quick else row, changes if seed is None else {**changes, "seed": seed})

    many = _asks_for_ensembles(command, figures, seeds)
    if seeds is None:
        return [[changed(row, seed) for row in rows]]
    asked = _seed_range(seed, seeds)
    ensembles = {row.name: changed(dataclasses.replace(row, seeds=asked)) for row in rows} if many or asked[1] - asked[0] >= ENSEMBLE_FROM else {}
    if not many:
        ensembles = {} if figures else {name: row for name, row in ensembles.items() if _runs_at_once(row)}
    alone = [row for row in rows if row.name not in ensembles]
    batches = [list(ensembles.values())] if ensembles else []
    return batches + [[changed(row, k) for row in alone] for k in range(*asked) if alone]


def _asks_for_ensembles(command: str, figures: Sequence[str], seeds: str | None) -> bool:
    """Whether the figures named show many seeds; UsageError where they show both kinds, or no seeds are given."""
    kinds = {figure.many_seeds for figure in declared_figures(command) if figure.id in figures}
    if len(kinds) == 2:
        raise UsageError("the figures named show one seed and many; draw them by two commands")
    if kinds == {True} and seeds is None:
        raise UsageError(f"figure {figures[0]} shows many seeds; name them, e.g. --seeds 0:1000")
    return kinds == {True}


def _runs_at_once(row: Experiment) -> bool:
    """Whether all seeds of a row can be run at once, and the row is small."""
    problem = prepare(row, data.load(row.data))
    if ensemble_refusal(row, problem) is not None:
        return False
    from flowrepro.engines.ensemble import is_small

    return is_small(problem)


def _named_rows(command: str, names: Sequence[str], figures: Sequence[str], only_first: bool) -> list[Experiment]:
    if figures:
        declared = {figure.id: figure for figure in declared_figures(command)}
        for figure in figures:
            if figure not in declared:
                raise UsageError(f"{command} has no figure '{figure}'; there are {', '.join(declared)}")
        names = [*names, *dict.fromkeys(name for figure in figures for name in declared[figure].rows)]
    rows = [papers.find_row(command, name) for name in dict.fromkeys(names)] or list(papers.rows_of(command))
    return rows[:1] if only_first else rows


def _seed_range(seed: int | None, seeds: str) -> tuple[int, int]:
    first, separator, last = seeds.partition(":")
    if seed is not None or not separator or not first.isdigit() or not last.isdigit() or int(first) >= int(last):
        raise UsageError(f"--seeds takes A:B with 0 <= A < B, without --seed, not '{seeds}'")
    return int(first), int(last)


def _with_files(row: Experiment, data_file: Path | None, init_file: Path | None) -> Experiment:
    """The row on the user's points and weights, identified by the sha256 of the files."""
    if data_file is not None:
        options = {"path": str(data_file.absolute()), "sha256": file_sha256(str(data_file)), "bias": False}
        row = dataclasses.replace(row, data=Data(name="file", options=options))
    if init_file is not None:
        _, a = weights_from_file(str(init_file))
        init = Init(name="file", m=len(a), scale=1.0, file=str(init_file.absolute()), sha256=file_sha256(str(init_file)))
        row = dataclasses.replace(row, init=init)
    return row
