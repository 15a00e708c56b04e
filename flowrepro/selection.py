"""From the options of a command line to the rows to run and how to run them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowrepro import data, papers
from flowrepro.data.from_file import file_sha256, weights_from_file
from flowrepro.drawing import declared_figures
from flowrepro.errors import UsageError
from flowrepro.experiment import Data, Experiment, Init, Row, Study, knows, override, parse_assignment
from flowrepro.figures.animation import FORMATS as ANIMATED
from flowrepro.figures.canvas import FORMATS, reject_bad_epoch, reject_unknown
from flowrepro.initialize import STUDENT
from flowrepro.pipeline import quick_variant
from flowrepro.training import Settings, ensemble_refusal, prepare

ENSEMBLE_FROM = 50
"""Seeds from which a row that can be run at once is one ensemble in one folder, not one run per seed."""


def settings_of(
    *,
    out: Path,
    fresh: bool,
    new: bool,
    force_resume: bool,
    wait: bool,
    figures: Sequence[str],
    no_figures: bool,
    formats: Sequence[str],
    animate: bool = False,
    **_: Any,
) -> Settings:
    """How rows are run; UsageError for an unknown image format or an unusable SOURCE_DATE_EPOCH."""
    reject_unknown(formats)
    reject_bad_epoch()
    if no_figures and figures:
        raise UsageError("--figure and --no-figures exclude each other; give one of them")
    drawn = () if no_figures else tuple(figures) or None
    return Settings(
        root=out, fresh=fresh, new=new, force_resume=force_resume, wait=wait, figures=drawn,
        formats=tuple(formats) or FORMATS, animations=ANIMATED if animate else (),
    )  # fmt: skip


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
    flags: Mapping[str, Any] | None = None,
    **_: Any,
) -> list[list[Row]]:
    """The rows to run, changed as asked: the ensembles, then one batch per seed of the rows that are run one by one.

    ``flags`` are the command's own options with their values. A change applies to the rows that have the key; UsageError where none has it.
    """
    chosen = [(papers.COMMANDS[command].flags[name], values) for name, values in (flags or {}).items()]
    names = [*row_names, *(name for flag, _ in chosen for name in flag.rows)]
    rows = _named_rows(command, names, figures, with_data=bool(data_file))
    if seeds is not None and not names and not figures:  # studies have their seeds among their options
        rows = [row for row in rows if isinstance(row, Experiment)]
        if not rows:
            raise UsageError(f"the rows of {command} are studies, which have their seeds among their options; name one with --row to give it others")
    changes: dict[str, Any] = dict(parse_assignment(text) for text in assignments)
    for option, key, value in (("--engine", "engine", engine), ("--device", "device", device), ("--seed", "seed", seed), ("--seeds", "seed", seeds)):
        if value is not None and {key, f"protocol.{key}"} & changes.keys():
            raise UsageError(f"{option} and --set {key}=... both set the same key; give one of them")
    changes |= {key: value for key, value in (("protocol.engine", engine), ("protocol.device", device)) if value is not None}

    rows = [_with_files(row, data_file, init_file) for row in rows]

    def changed(row: Row, seed: int | None = None) -> Row:
        wanted = {key: value for flag, values in chosen for key, value in flag.overrides(row.name, values).items()}
        wanted |= changes if seed is None else {**seed_changes(row, seed), **changes}
        return override(quick_variant(row) if quick else row, {key: value for key, value in wanted.items() if knows(row, key)})

    batches = _batches(command, rows, changed, figures, seed, seeds)
    for key, value in changes.items():
        if not any(knows(row, key) for batch in batches for row in batch):
            override(batches[0][0], {key: value})  # raises, and names the nearest key
    return batches


def seed_changes(row: Row, seed: int) -> dict[str, int]:
    """What a seed changes: the row's, and that of its points where the initial weights come with them."""
    comes_with_points = isinstance(row, Experiment) and row.init.name == STUDENT and "seed" in row.data.options
    return {"seed": seed, "data.options.seed": seed} if comes_with_points else {"seed": seed}


def _batches(
    command: str, rows: Sequence[Row], changed: Callable[[Row, int | None], Row], figures: Sequence[str], seed: int | None, seeds: str | None
) -> list[list[Row]]:
    """The changed rows for one seed, or for many: at once where that is possible, else one batch per seed."""
    many = _asks_for_ensembles(command, figures, seeds)
    if seeds is None:
        return [[changed(row, seed) for row in rows]]
    asked = seed_range(seed, seeds)
    as_one = many or (asked[1] - asked[0] >= ENSEMBLE_FROM and not figures)
    candidates = [changed(dataclasses.replace(row, seeds=asked), None) for row in rows if isinstance(row, Experiment)] if as_one else []
    ensembles = {row.name: row for row in candidates if isinstance(row, Experiment) and (many or runs_at_once(row))}
    alone = [row for row in rows if row.name not in ensembles]
    batches: list[list[Row]] = [list(ensembles.values())] if ensembles else []
    return batches + [[changed(row, k) for row in alone] for k in range(*asked) if alone]


def _asks_for_ensembles(command: str, figures: Sequence[str], seeds: str | None) -> bool:
    """Whether the figures named show many seeds; UsageError where they show both kinds, or no seeds are given."""
    kinds = {figure.many_seeds for figure in declared_figures(command) if figure.id in figures}
    if len(kinds) == 2:
        raise UsageError("the figures named show one seed and many; draw them by two commands")
    if kinds == {True} and seeds is None:
        raise UsageError(f"figure {figures[0]} shows many seeds; name them, e.g. --seeds 0:1000")
    return kinds == {True}


def runs_at_once(row: Experiment) -> bool:
    """Whether all seeds of a row can be run at once, and the row is small."""
    problem = prepare(row, data.load(row.data))
    if ensemble_refusal(row, problem) is not None:
        return False
    from flowrepro.engines.ensemble import is_small

    return is_small(problem)


def _named_rows(command: str, names: Sequence[str], figures: Sequence[str], with_data: bool) -> list[Row]:
    if figures:
        declared = {figure.id: figure for figure in declared_figures(command)}
        for figure in figures:
            if figure not in declared:
                raise UsageError(f"{command} has no figure '{figure}'; there are {', '.join(declared)}")
        names = [*names, *dict.fromkeys(name for figure in figures for name in declared[figure].rows)]
    if with_data and not names:
        names = papers.COMMANDS[command].data_rows or [papers.rows_of(command)[0].name]
    return [papers.find_row(command, name) for name in dict.fromkeys(names)] or list(papers.rows_of(command))


def seed_range(seed: int | None, seeds: str) -> tuple[int, int]:
    """(A, B) of ``--seeds A:B``; UsageError where it is not that, or --seed is given beside it."""
    first, separator, last = seeds.partition(":")
    if seed is not None or not separator or not all(end.isdecimal() and end.isascii() for end in (first, last)) or int(first) >= int(last):
        raise UsageError(f"--seeds takes A:B with 0 <= A < B, without --seed, not '{seeds}'")
    return int(first), int(last)


def _with_files(row: Row, data_file: Path | None, init_file: Path | None) -> Row:
    """The row on the user's points and weights, identified by the sha256 of the files; UsageError for a study that has no points."""
    if data_file is not None:
        if row.data is None:
            raise UsageError(f"row '{row.name}' of {row.command} has points of its own making and takes no --data; choose another --row")
        options = {"path": str(data_file.absolute()), "sha256": file_sha256(str(data_file)), "bias": False}
        row = dataclasses.replace(row, data=Data(name="file", options=options))
    if init_file is not None and isinstance(row, Study):
        raise UsageError(f"row '{row.name}' of {row.command} is a study and takes no --init; choose another --row")
    if init_file is not None and isinstance(row, Experiment):
        _, a = weights_from_file(str(init_file))
        init = Init(name="file", m=len(a), scale=1.0, file=str(init_file.absolute()), sha256=file_sha256(str(init_file)))
        row = dataclasses.replace(row, init=init)
    return row
