"""The commands on what is stored: verify, rerun, report, show."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from flowrepro.errors import EXIT_CLAIM_FAILED, DataError, NumericalError

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    help="Folder of the run directories.",
)
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of tables."
)


@click.command(short_help="Re-hash and re-evaluate stored runs.")
@click.argument("targets", nargs=-1, required=True, metavar="EXPERIMENT|RUN...")
@click.option("--quick", is_flag=True, help="The reduced variants of the experiments' cases.")
@OUT
@JSON
def verify(targets: Sequence[str], quick: bool, out: Path, as_json: bool) -> int:
    """Re-hash every file of stored runs and evaluate all their claims anew.

    EXPERIMENT names all cases of an experiment; those not yet run below --out are run first. RUN is
    a run directory.
    """
    from flowrepro.core.trajectory import REGULAR_STOPS
    from flowrepro.errors import Interrupted
    from flowrepro.run.console import Console, Signals, print_claims
    from flowrepro.run.pipeline import verify_targets

    signals = Signals()
    with signals.caught():
        try:
            claims, stops = verify_targets(targets, out, quick, Console(signals))
        except Interrupted as interruption:
            print(f"{interruption}; the same command goes on", file=sys.stderr)
            return signals.exit_code
    if as_json:
        print(json.dumps({"claims": claims}, indent=2))
    else:
        print_claims(claims)
    if any(stop not in REGULAR_STOPS for stop in stops):
        return NumericalError.exit_code
    return EXIT_CLAIM_FAILED if any(claim["verdict"] == "FAIL" for claim in claims) else 0


@click.command(short_help="Repeat a stored run and compare it bit by bit.")
@click.argument("run", type=click.Path(path_type=Path))
@JSON
def rerun(run: Path, as_json: bool) -> int:
    """Compute a stored run again, in a temporary folder, and compare every array bit by bit.

    Exit code 5 where one differs.
    """
    from flowrepro.errors import Interrupted
    from flowrepro.run.console import Console, Signals
    from flowrepro.run.rerun import rerun as repeat
    from flowrepro.store.run_directory import RunDirectory

    signals = Signals()
    console = Console(signals)
    with signals.caught():
        try:
            repetition = repeat(RunDirectory.named(run), console)
        except Interrupted:
            print("stopped; nothing was changed", file=sys.stderr)
            return signals.exit_code
        finally:
            console.finish()
    if as_json:
        print(
            json.dumps(
                {
                    "compared": repetition.compared,
                    "differences": repetition.differences,
                    "changed": repetition.changed,
                },
                indent=2,
            )
        )
    else:
        for sentence in repetition.differences:
            print(sentence)
        for change in repetition.changed:
            print(f"not as it was: {change}")
        print(f"{repetition.compared} arrays compared, {len(repetition.differences)} differ")
    return EXIT_CLAIM_FAILED if repetition.differences else 0


@click.command(short_help="One page with figures, numbers, verdicts and misprints.")
@click.argument("runs", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The page to write (default: report.html, or report.md).",
)
@click.option(
    "--markdown",
    "as_markdown",
    is_flag=True,
    help="A Markdown page for a repository instead of HTML.",
)
def report(runs: Sequence[Path], out: Path | None, as_markdown: bool) -> int:
    """Write one page on the runs in RUNS (run directories, or folders of them; default: runs).

    The HTML page holds its images and needs no network; it reads well in light and dark, and on
    paper.
    """
    from flowrepro.report import page as page

    place = out or Path("report.md" if as_markdown else "report.html")
    page.require_place(place)
    chapters = page.collect(page.find_runs(runs or [Path("runs")]))
    page.write(place, (page.markdown if as_markdown else page.html)(chapters, place))
    print(place)
    return 0


@click.command(short_help="What a run directory holds.")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(run: Path, as_json: bool) -> int:
    """Provenance, verdicts and files of a run directory."""
    from flowrepro.core.config import to_json
    from flowrepro.run.console import print_claims, print_table
    from flowrepro.store.files import read_json
    from flowrepro.store.run_directory import RunDirectory

    directory = RunDirectory.named(run)
    if not directory.is_complete():
        what = (
            "an unfinished run; the command that began it resumes it"
            if directory.file("experiment.json").exists()
            else "not a run directory"
        )
        raise DataError(f"{run} is {what}")
    damage = directory.damage()
    if damage:
        raise DataError(
            f"{run} is invalid: {'; '.join(damage)}; run it again, which keeps the damaged folder "
            "beside"
        )
    claims = directory.claims()
    stored = {
        "experiment": to_json(directory.case()),
        "provenance": directory.provenance(),
        "manifest": read_json(directory.file("manifest.json")),
    }
    if as_json:
        print(json.dumps({**stored, "claims": claims}, indent=2))
        return 0
    facts = {**stored["provenance"], "argv": shlex.join(stored["provenance"]["argv"])}
    print_table(
        str(run), ("what", "value"), [(key, _compact(value)) for key, value in facts.items()]
    )
    print_table(
        "files",
        ("file", "bytes"),
        [(name, entry["bytes"]) for name, entry in stored["manifest"]["files"].items()],
    )
    print_claims(claims)
    return 0


def _compact(value: Any) -> str:
    return (
        ", ".join(f"{key} {_compact(item)}" for key, item in value.items())
        if isinstance(value, dict)
        else str(value)[:300]
    )
