"""The gallery in figures/: one PNG per figure of the papers, the numbers behind it, and a page that
shows them.

    python -m flowrepro.report.gallery FOLDER [--update] [--out RUNS] [EXPERIMENT...]

runs the experiments, draws their figures and compares the numbers behind them with the gallery's
JSON; with
--update it writes the gallery instead.
"""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import click

from flowrepro.core.config import Case, TrainingCase, run_id
from flowrepro.errors import EXIT_CLAIM_FAILED, FlowreproError, Interrupted
from flowrepro.figures.declare import Figure
from flowrepro.figures.numbers import compare_numbers
from flowrepro.papers import registry
from flowrepro.report.contact_sheet import contact_sheet, figures_in
from flowrepro.report.page import markdown_text
from flowrepro.run.console import Board, Signals
from flowrepro.run.kind import Settings
from flowrepro.run.pipeline import Outcome
from flowrepro.store.own_files import OwnFiles
from flowrepro.store.provenance import cores
from flowrepro.store.reading import json_bytes, read_bytes, read_json
from flowrepro.sweep.together import execute_together

TOLERANCE = {"float64": (1e-6, 1e-9), "float32": (2e-2, 1e-4)}
"""(relative, absolute) difference allowed between the gallery's numbers and another machine's, by
dtype of the run:
rounding differs between processors and is amplified while neurons rotate; float32 runs differ by
their precision.
"""


TITLE = "# Gallery\n\n`make gallery` writes this folder."
"""How the gallery's page begins."""
SEEDS = (0, 1000)
"""Seeds of the figures that show many (chosen: a few seconds of the toy)."""


def batches_of(command: str) -> list[list[Case]]:
    """The cases of an experiment, then those that a figure of many seeds needs, as ensembles of
    SEEDS.
    """
    cases = registry.cases_of(command)
    shown = {
        name
        for figure in registry.figures_of(command)
        if figure.many_seeds
        for name in figure.cases
    }
    return [
        list(cases),
        [
            replace(case, seeds=SEEDS)
            for case in cases
            if case.name in shown and isinstance(case, TrainingCase)
        ],
    ]


def compare(folder: Path, outcomes: Sequence[Outcome]) -> list[str]:
    """One sentence for each series of a figure whose numbers differ from the gallery's, figure not
    drawn, and verdict that changed.
    """
    drawn = {(outcome.case.command, figure.id) for outcome, figure in _drawn(outcomes)}
    commands = dict.fromkeys(outcome.case.command for outcome in outcomes)
    declared = [
        (command, figure.id) for command in commands for figure in registry.figures_of(command)
    ]
    differences = [
        f"figure {id} of {command} was not drawn"
        for command, id in declared
        if (command, id) not in drawn
    ]
    differences += _changed_verdicts(folder / "claims.json", outcomes)
    for outcome, figure in _drawn(outcomes):
        reference = folder / f"{_stem(outcome, figure)}.json"
        if not reference.exists():
            differences.append(f"{reference} is missing; 'make gallery' writes it")
            continue
        found = compare_numbers(
            _numbers(outcome, figure), read_json(reference), *_tolerance(outcome.case, figure)
        )
        differences += [
            f"figure {figure.id} of {outcome.case.paper}: {sentence}" for sentence in found
        ]
    return differences


def _tolerance(case: Case, figure: Figure) -> tuple[float, float]:
    return (
        figure.tolerance
        or TOLERANCE[case.protocol.dtype if isinstance(case, TrainingCase) else "float64"]
    )


def _changed_verdicts(path: Path, outcomes: Sequence[Outcome]) -> list[str]:
    if not path.exists():
        return [f"{path} is missing; 'make gallery' writes it"]
    before = {
        case: {claim["id"]: claim["verdict"] for claim in claims}
        for case, claims in read_json(path).items()
    }
    after = {
        _label(outcome.case): {claim["id"]: claim["verdict"] for claim in outcome.claims}
        for outcome in outcomes
    }
    return [
        f"claim {id} of case {case}: {before.get(case, {}).get(id, 'absent')} in the gallery, "
        f"{verdicts.get(id, 'absent')} now"
        for case, verdicts in after.items()
        for id in dict.fromkeys([*before.get(case, {}), *verdicts])
        if before.get(case, {}).get(id) != verdicts.get(id)
    ]


def update(folder: Path, outcomes: Sequence[Outcome]) -> None:
    """Write images, numbers, a contact sheet of each paper and the page of the gallery.

    The folder knows the sha256 of what was written (`own_files.LEDGER`). Only that is replaced; a
    file that was edited, or that is not ours, is set aside.
    """
    write = OwnFiles(folder).write
    for outcome, figure in _drawn(outcomes):
        write(
            f"{_stem(outcome, figure)}.png",
            read_bytes(outcome.directory / f"figures/{figure.file}.png"),
        )
        write(
            f"{_stem(outcome, figure)}.json", json.dumps(_numbers(outcome, figure)).encode() + b"\n"
        )
    write(
        "claims.json",
        json_bytes({_label(outcome.case): list(outcome.claims) for outcome in outcomes}),
    )
    for paper in dict.fromkeys(outcome.case.paper for outcome in outcomes):
        write(f"{paper}.png", contact_sheet(figures_in(folder, paper)))
    write("README.md", page(outcomes).encode())


def page(outcomes: Sequence[Outcome]) -> str:
    """The gallery's README: one line per figure, with the verdicts on the case that it shows."""
    parts = [
        f"{TITLE} `make figures` draws everything again and compares the "
        "numbers behind every figure (`*.json`) and every verdict (`claims.json`).",
    ]
    for command in dict.fromkeys(outcome.case.command for outcome in outcomes):
        paper = registry.paper_of(command)
        parts += [
            f"\n## `flowrepro {command}`\n",
            f"{paper.citation} ([all figures at a glance]({paper.key}.png))\n",
            "| figure | what it shows | PASS | FAIL | N/A | INFO |",
            "| --- | --- | --- | --- | --- | --- |",
        ]
        drawn = [pair for pair in _drawn(outcomes) if pair[0].case.command == command]
        parts += [_line(outcome, figure) for outcome, figure in drawn]
    return "\n".join(parts) + "\n"


def _line(outcome: Outcome, figure: Figure) -> str:
    counts = Counter(claim["verdict"] for claim in outcome.claims)
    shown = " | ".join(str(counts[verdict]) for verdict in ("PASS", "FAIL", "N/A", "INFO"))
    stored = read_json(outcome.directory / f"figures/{figure.file}.json")
    image = f"[{figure.id}]({_stem(outcome, figure)}.png)"
    return f"| {image} | {markdown_text(stored['caption'])} | {shown} |"


def _label(case: Case) -> str:
    """Two papers may have cases of one name."""
    seeds = "" if case.seeds is None else " --seeds {}:{}".format(*case.seeds)
    return f"{case.command} {case.name}{seeds}"


def _drawn(outcomes: Sequence[Outcome]) -> list[tuple[Outcome, Figure]]:
    """Each figure that was drawn, with the outcome whose folder keeps it."""
    pairs = []
    for outcome in outcomes:
        stems = {path.stem for path in outcome.figures}
        pairs += [
            (outcome, figure)
            for figure in registry.figures_of(outcome.case.command)
            if figure.file in stems
        ]
    return pairs


def _stem(outcome: Outcome, figure: Figure) -> str:
    return f"{outcome.case.paper}-{figure.file}"


def _numbers(outcome: Outcome, figure: Figure) -> dict[str, list[float]]:
    return read_json(outcome.directory / f"figures/{figure.file}.json")["numbers"]  # type: ignore[no-any-return]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.argument("experiments", nargs=-1)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    help="Folder of the run directories.",
)
@click.option(
    "--update", "write", is_flag=True, help="Write the gallery instead of comparing with it."
)
def main(folder: Path, experiments: Sequence[str], out: Path, write: bool) -> None:
    """Compare the figures' numbers with the gallery in FOLDER, or write it."""
    if write and experiments:
        raise click.UsageError("the gallery is written as a whole; --update takes no experiments")
    # As in the command line: threads that spin while they wait make a busy machine slow.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    signals = Signals()
    console = Board(signals)
    outcomes: list[Outcome] = []
    batches = [
        cases
        for command in experiments or registry.commands()
        for cases in batches_of(command)
        if cases
    ]
    settings = Settings(root=out, formats=("png",))
    try:
        with signals.caught():
            try:
                execute_together(batches, settings, cores(), console, outcomes.append)
            finally:
                console.finish()
    except Interrupted as interruption:
        console.say(f"{interruption}; the same command goes on")
        sys.exit(signals.exit_code)
    except FlowreproError as error:
        console.say(str(error))
        sys.exit(error.exit_code)
    order = [run_id(case) for cases in batches for case in cases]
    outcomes.sort(key=lambda outcome: order.index(run_id(outcome.case)))
    if write:
        update(folder, outcomes)
        return
    differences = compare(folder, outcomes)
    failed = [
        f"{claim['id']} of case {claim['case']} FAILs: {claim['note']}"
        for outcome in outcomes
        for claim in outcome.claims
        if claim["verdict"] == "FAIL"
    ]
    for sentence in (*differences, *failed):
        print(sentence)
    print(
        f"{len(differences)} differences in the numbers of {len(_drawn(outcomes))} figures, "
        f"{len(failed)} FAIL"
    )
    sys.exit(EXIT_CLAIM_FAILED if differences or failed else 0)


if __name__ == "__main__":
    main()
