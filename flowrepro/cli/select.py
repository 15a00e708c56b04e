"""From the options of a command line to the cases to run and how to run them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowrepro.core.config import Case, Data, Init, StudyCase, TrainingCase
from flowrepro.core.overrides import knows, override, parse_assignment
from flowrepro.data.from_file import file_sha256, weights_from_file
from flowrepro.errors import UsageError
from flowrepro.figures.animation import FORMATS as ANIMATED
from flowrepro.figures.canvas import FORMATS, reject_bad_epoch, reject_unknown
from flowrepro.papers import registry
from flowrepro.run.kind import Settings
from flowrepro.run.pipeline import quick_variant
from flowrepro.run.seeds import ENSEMBLE_FROM, runs_at_once, seed_changes, seed_range

NAMED = 4
"""Cases that a sentence names."""
MOST_RUNS = 100_000
"""Single runs that one command makes at most."""


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
    """How cases are run;

    UsageError for an unknown image format or an unusable SOURCE_DATE_EPOCH.
    """
    reject_unknown(formats)
    reject_bad_epoch()
    if no_figures and figures:
        raise UsageError("--figure and --no-figures exclude each other; give one of them")
    drawn = () if no_figures else tuple(figures) or None
    return Settings(
        root=out, fresh=fresh, new=new, force_resume=force_resume, wait=wait, figures=drawn,
        formats=tuple(formats) or FORMATS, animations=ANIMATED if animate else (),
    )  # fmt: skip


def chosen_cases(
    command: str,
    *,
    case_names: Sequence[str],
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
) -> list[list[Case]]:
    """The cases to run, changed as asked: the ensembles, then one batch per seed of the cases that
    are run one by one.

    ``flags`` are the command's own options with their values. A change applies to the cases that
    have the key; UsageError where none has it.
    """
    chosen = [
        (registry.commands()[command].flags[name], values) for name, values in (flags or {}).items()
    ]
    names = [*case_names, *(name for flag, _ in chosen for name in flag.cases)]
    cases = _named_cases(command, names, figures, with_data=bool(data_file))
    if (
        seeds is not None and not names and not figures
    ):  # studies have their seeds among their options
        cases = [case for case in cases if isinstance(case, TrainingCase)]
        if not cases:
            raise UsageError(
                f"the cases of {command} are studies, which have their seeds among their options; "
                "name one with --case to give it others"
            )
    changes: dict[str, Any] = dict(parse_assignment(text) for text in assignments)
    for option, key, value in (
        ("--engine", "engine", engine),
        ("--device", "device", device),
        ("--seed", "seed", seed),
        ("--seeds", "seed", seeds),
    ):
        if value is not None and {key, f"protocol.{key}", f"options.{key}"} & changes.keys():
            raise UsageError(
                f"{option} and --set {key}=... both set the same key; give one of them"
            )
    by = {key: value for key, value in (("engine", engine), ("device", device)) if value}
    taken: dict[str, set[str]] = {key: set() for key in by}
    cases = [_with_files(case, data_file, init_file) for case in cases]

    def changed(case: Case, seed: int | None = None) -> Case:
        wanted = {
            key: value
            for flag, values in chosen
            for key, value in flag.overrides(case.name, values).items()
        }
        wanted |= changes if seed is None else {**seed_changes(case, seed), **changes}
        found = override(
            quick_variant(case) if quick else case,
            {key: value for key, value in wanted.items() if knows(case, key)},
        )
        mine = {key: by[key] for key in by if _is_for(found, key, bool(case_names))}
        for key in mine:
            taken[key].add(case.name)
        return override(found, mine)

    batches = _batches(command, cases, changed, figures, seed, seeds)
    for key, value in by.items():
        if not taken[key]:
            raise UsageError(
                f"--{key} {value} means nothing to case '{cases[0].name}' of {command}, which "
                "computes in its own way; 'flowrepro list --keys' shows the cases with such a key"
            )
    for key, value in changes.items():
        if not any(knows(case, key) for batch in batches for case in batch):
            override(batches[0][0], {key: value})  # raises, and names the nearest key
    return batches


def _is_for(case: Case, key: str, named: bool) -> bool:
    """Whether --engine or --device changes a case: it has the key and descends.

    A case that was named takes it all the same, and what computes it refuses what it cannot do.
    """
    flows = isinstance(case, StudyCase) and case.options.get("method") == "flow"
    return knows(case, key) and (named or not flows)


def _computed_by(case: Case, key: str) -> Any:
    """The engine or the device of a case; None where it has none."""
    return case.options.get(key) if isinstance(case, StudyCase) else getattr(case.protocol, key)


def without_effect(
    batches: Sequence[Sequence[Case]],
    *,
    assignments: Sequence[str],
    engine: str | None,
    device: str | None,
    quick: bool,
    animate: bool,
    no_figures: bool,
    formats: Sequence[str],
    **_: Any,
) -> list[str]:
    """One sentence for each option that changes nothing in (some of) these cases, with the
    remedy.
    """
    cases = [case for batch in batches for case in batch]
    given = {text.partition("=")[0].strip(): f"--set {text}" for text in assignments}
    found = []
    for key, value in (("engine", engine), ("device", device)):
        left = dict.fromkeys(case.name for case in cases if _computed_by(case, key) != value)
        if value and left:
            own = "which computes in its" if len(left) == 1 else "which compute in their"
            found.append(f"--{key} {value} changes nothing in {_listed(left)}, {own} own way")
    for key, option in given.items():
        left = dict.fromkeys(case.name for case in cases if not knows(case, key))
        if left:
            why = f"which {'has' if len(left) == 1 else 'have'} no key {key}"
            found.append(
                f"{option} changes nothing in {_listed(left)}, {why}; --case chooses the cases"
            )
    if quick and not any(case.quick for case in cases):
        names = dict.fromkeys(case.name for case in cases)
        found.append(f"--quick changes nothing: {_listed(names)} has no reduced variant; use --set")
    if animate and not any(registry.animations_of(case) for case in cases):
        found.append("--animate changes nothing: these cases have no animation; choose others")
    if formats and no_figures:
        found.append("--format changes nothing beside --no-figures; leave one of them out")
    return found


def _listed(names: Iterable[str]) -> str:
    """Names, at most NAMED of them."""
    every = list(names)
    rest = f" and {len(every) - NAMED} more" if len(every) > NAMED else ""
    return ", ".join(every[:NAMED]) + rest


def _batches(
    command: str,
    cases: Sequence[Case],
    changed: Callable[[Case, int | None], Case],
    figures: Sequence[str],
    seed: int | None,
    seeds: str | None,
) -> list[list[Case]]:
    """The changed cases for one seed, or for many: at once where that is possible, else one batch
    per seed.
    """
    many = _asks_for_ensembles(command, figures, seeds)
    if seeds is None:
        return [[changed(case, seed) for case in cases]]
    asked = seed_range(seed, seeds)
    as_one = many or (asked[1] - asked[0] >= ENSEMBLE_FROM and not figures)
    candidates = (
        [
            changed(dataclasses.replace(case, seeds=asked), None)
            for case in cases
            if isinstance(case, TrainingCase)
        ]
        if as_one
        else []
    )
    ensembles = {
        case.name: case
        for case in candidates
        if isinstance(case, TrainingCase) and (many or runs_at_once(case))
    }
    alone = [case for case in cases if case.name not in ensembles]
    batches: list[list[Case]] = [list(ensembles.values())] if ensembles else []
    if not alone:
        return batches
    if asked[1] - asked[0] > MOST_RUNS:
        raise UsageError(
            f"--seeds {seeds} asks for more than {MOST_RUNS:,} single runs of case "
            f"'{alone[0].name}'; take fewer seeds"
        )
    return batches + [[changed(case, k) for case in alone] for k in range(*asked)]


def _asks_for_ensembles(command: str, figures: Sequence[str], seeds: str | None) -> bool:
    """Whether the figures named show many seeds;

    UsageError where they show both kinds, or no seeds are given.
    """
    kinds = {figure.many_seeds for figure in registry.figures_of(command) if figure.id in figures}
    if len(kinds) == 2:
        raise UsageError("the figures named show one seed and many; draw them by two commands")
    if kinds == {True} and seeds is None:
        raise UsageError(f"figure {figures[0]} shows many seeds; name them, e.g. --seeds 0:1000")
    return kinds == {True}


def _named_cases(
    command: str, names: Sequence[str], figures: Sequence[str], with_data: bool
) -> list[Case]:
    if figures:
        declared = {figure.id: figure for figure in registry.figures_of(command)}
        for figure in figures:
            if figure not in declared:
                raise UsageError(
                    f"{command} has no figure '{figure}'; there are {', '.join(declared)}"
                )
        _require_agreement(names, {figure: declared[figure].cases for figure in figures})
        names = [
            *names,
            *dict.fromkeys(name for figure in figures for name in declared[figure].cases),
        ]
    if with_data and not names:
        names = registry.commands()[command].data_cases or [registry.cases_of(command)[0].name]
    return [registry.find_case(command, name) for name in dict.fromkeys(names)] or list(
        registry.cases_of(command)
    )


def _require_agreement(names: Sequence[str], drawn: Mapping[str, Sequence[str]]) -> None:
    """UsageError for a case that no figure asked for shows, and for a figure that shows none of
    the cases asked for.
    """
    for figure, cases in drawn.items() if names else ():
        others = [name for name in names if not any(name in own for own in drawn.values())]
        if not set(names) & set(cases):
            others = list(names)
        if others:
            raise UsageError(
                f"figure {figure} is not drawn from case '{others[0]}'; it shows "
                f"{', '.join(cases)}: name one of these by --case, or leave --case out"
            )


def _with_files(case: Case, data_file: Path | None, init_file: Path | None) -> Case:
    """The case on the user's points and weights, identified by the sha256 of the files;

    UsageError for a study that has no points.
    """
    if data_file is not None:
        if case.data is None:
            raise UsageError(
                f"case '{case.name}' of {case.command} has points of its own making and takes no "
                "--data; choose another --case"
            )
        options = {
            "path": str(data_file.absolute()),
            "sha256": file_sha256(str(data_file)),
            "bias": False,
        }
        case = dataclasses.replace(case, data=Data(name="file", options=options))
    if init_file is not None and isinstance(case, StudyCase):
        raise UsageError(
            f"case '{case.name}' of {case.command} is a study and takes no --init; choose another "
            "--case"
        )
    if init_file is not None and isinstance(case, TrainingCase):
        _, a = weights_from_file(str(init_file))
        init = Init(
            name="file",
            m=len(a),
            scale=1.0,
            file=str(init_file.absolute()),
            sha256=file_sha256(str(init_file)),
        )
        case = dataclasses.replace(case, init=init)
    return case
