"""What a result shows: figures, tables and animations, drawn into its folder where they are not
there already.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from flowrepro.core.config import Case
from flowrepro.core.trajectory import Run, Study, unique_until
from flowrepro.figures import NotDrawable
from flowrepro.figures.declare import Figure
from flowrepro.figures.tables import Table, csv_text, markdown_text
from flowrepro.papers import registry
from flowrepro.run.changes import caption
from flowrepro.run.kind import Report, Result, Settings
from flowrepro.store import provenance
from flowrepro.store.reading import read_bytes
from flowrepro.store.run_directory import RunDirectory

Filled = tuple[Table, Sequence[Sequence[Any]]]
"""A table with its lines."""


def draw(
    figure: Figure,
    runs: Sequence[Result],
    directory: RunDirectory,
    formats: tuple[str, ...],
    report: Report,
) -> list[Path]:
    """Draw a figure into a folder, with the numbers behind it as JSON; the image paths."""
    from flowrepro.figures import canvas
    from flowrepro.figures.numbers import numbers

    try:
        collected = figure.collect(*runs)
    except NotDrawable as reason:
        report.say(f"figure {figure.id} is not drawn: {reason}")
        return []
    words = caption(collected.caption, figure.file, runs)
    images = canvas.render(
        collected,
        figure.layout,
        _metadata(runs[0]),
        formats,
        share=figure.share,
        caption=words,
    )
    written = [
        directory.write(f"figures/{figure.file}.{name}", content)
        for name, content in images.items()
    ]
    directory.write_json(
        f"figures/{figure.file}.json",
        {
            "package": provenance.package_hash(),
            "caption": words,
            "numbers": numbers(collected),
        },
    )
    return written


def _metadata(result: Result) -> dict[str, str]:
    """What an image says of where it comes from."""
    case = result.case
    metadata = {
        "experiment": case.command,
        "case": case.name,
        "seed": str(case.seed) if case.seeds is None else "{}:{}".format(*case.seeds),
    }
    if isinstance(result, Study):
        return metadata
    init = result.case.init
    metadata["scale"] = repr(init.scale) + (
        f" * 10^{init.log10_scale:g}" if init.log10_scale else ""
    )
    metadata |= {"step": str(result.trajectory.last_step), "engine": result.engine}
    if math.isfinite(until := unique_until(result.trajectory.stats)):
        metadata["one of several flows"] = f"from t={until:.6g} on"
    return metadata


def completed_figures(case: Case, earlier: Iterable[str], settings: Settings) -> list[Figure]:
    """The figures to draw once this case is there beside the ``earlier`` ones."""
    there = {case.name, *earlier}
    return [
        figure
        for figure in registry.figures_of(case.command)
        if case.name in figure.cases
        and figure.many_seeds == (case.seeds is not None)
        and (settings.figures is None or figure.id in settings.figures)
        and there.issuperset(figure.cases)
    ]


def draw_figures(
    case: Case,
    directory: RunDirectory,
    get: Callable[[], Result],
    earlier: Mapping[str, Callable[[], Result]],
    settings: Settings,
    report: Report,
) -> list[Path]:
    """Draw the figures that this case completes into its folder, where they are not there
    already.
    """
    paths: list[Path] = []
    for figure in completed_figures(case, earlier, settings):
        there = [directory.file(f"figures/{figure.file}.{name}") for name in settings.formats]
        if not _is_current(directory, f"figures/{figure.file}", settings.formats):
            report.doing(f"{case.name}: drawing figure {figure.id}")
            runs = [get() if name == case.name else earlier[name]() for name in figure.cases]
            there = draw(figure, runs, directory, settings.formats, report)
            directory.seal()
        paths += there
    return paths


def fill_tables(case: Case, directory: RunDirectory, get: Callable[[], Result]) -> list[Filled]:
    """The tables that the case fills, written into its folder where they are not there already."""
    filled = []
    for table in registry.tables_of(case):
        lines = table.lines(get())
        texts = {
            "csv": csv_text(table, lines).encode(),
            "md": markdown_text(table, lines).encode(),
        }
        content = {f"tables/{table.file}.{kind}": text for kind, text in texts.items()}
        if any(
            not directory.holds(name) or read_bytes(directory.file(name)) != text
            for name, text in content.items()
        ):
            for name, text in content.items():
                directory.write(name, text)
            directory.seal()
        filled.append((table, lines))
    return filled


def draw_animations(
    case: Case,
    directory: RunDirectory,
    get: Callable[[], Result],
    settings: Settings,
    report: Report,
) -> list[Path]:
    """Draw the animations of the case's run into its folder, in the formats that can be written
    here.
    """
    mine = registry.animations_of(case)
    if not settings.animations or not mine:
        return []
    run = get()
    if not isinstance(run, Run):
        return []
    from flowrepro.figures import animation

    refused = {name: reason for name in settings.animations if (reason := animation.refusal(name))}
    for reason in refused.values():
        report.say(reason)
    formats = [name for name in settings.animations if name not in refused]
    paths: list[Path] = []
    for declared in mine:
        there = [directory.file(f"animations/{declared.file}.{name}") for name in formats]
        if not _is_current(directory, f"animations/{declared.file}", formats):
            report.doing(f"{case.name}: drawing animation {declared.id}")
            try:
                written = animation.render(declared, run, formats)
            except NotDrawable as why:
                report.say(f"animation {declared.id} is not drawn: {why}")
                continue
            for name, content in written.items():
                directory.write(f"animations/{declared.file}.{name}", content)
            directory.write_json(
                f"animations/{declared.file}.json", {"package": provenance.package_hash()}
            )
            directory.seal()
        paths += there
    return paths


def _is_current(directory: RunDirectory, stem: str, formats: Sequence[str]) -> bool:
    """Whether all images of a figure are members of the folder, drawn by the present code."""
    names = [f"{stem}.{kind}" for kind in ("json", *formats)]
    return directory.holds(*names) and directory.drawn(stem)["package"] == provenance.package_hash()
