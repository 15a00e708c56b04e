"""The commands on what is stored: verify, rerun, report, show."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrepro.cli.asking import YES, require_meant
from flowrepro.cli.completion import offer_targets
from flowrepro.errors import EXIT_CLAIM_FAILED, DataError, NumericalError

if TYPE_CHECKING:
    from flowrepro.core.config import Case
    from flowrepro.store.run_directory import RunDirectory

OUT = click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    help="Folder of the run directories.",
)
VERBOSE = click.option("-v", "--verbose", is_flag=True, help="Every claim.")
JSON = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of tables."
)


@click.command(short_help="Re-hash and re-evaluate stored runs.")
@click.argument(
    "targets",
    nargs=-1,
    required=True,
    metavar="EXPERIMENT|RUN...",
    shell_complete=offer_targets,
)
@click.option("--quick", is_flag=True, help="The reduced variants of the experiments' cases.")
@OUT
@JSON
@VERBOSE
def verify(targets: Sequence[str], quick: bool, out: Path, as_json: bool, verbose: bool) -> int:
    """Re-hash every file of stored runs and evaluate all their claims anew.

    EXPERIMENT names all cases of an experiment; those not yet run below --out are run first. RUN is
    a run directory.
    """
    from flowrepro.cli.output import count_verdicts, print_claims, print_findings, print_wrapped
    from flowrepro.core.trajectory import REGULAR_STOPS
    from flowrepro.errors import Interrupted
    from flowrepro.run.console import Console, Signals
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
        if verbose:
            print_claims(claims)
        print_findings(claims)
        print_wrapped("", count_verdicts(claims))
    if any(stop not in REGULAR_STOPS for stop in stops):
        return NumericalError.exit_code
    return EXIT_CLAIM_FAILED if any(claim["verdict"] == "FAIL" for claim in claims) else 0


RUNS = click.argument(
    "runs", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RUN..."
)


@click.command(short_help="Repeat stored runs and compare them bit by bit.")
@RUNS
@JSON
@YES
def rerun(runs: Sequence[Path], as_json: bool, yes: bool) -> int:
    """Compute stored runs again, in a temporary folder, and compare every array bit by bit.

    Exit code 5 where one differs.
    """
    from flowrepro.errors import Interrupted
    from flowrepro.run.console import Console, Signals
    from flowrepro.run.estimate import excess
    from flowrepro.run.rerun import rerun as repeat
    from flowrepro.store.run_directory import RunDirectory

    signals = Signals()
    console = Console(signals)
    found = []

    def allow(case: Case) -> None:
        require_meant(None if yes else excess([case]), yes)

    with signals.caught():
        try:
            for run in runs:
                repetition = repeat(RunDirectory.named(run), console, allow)
                found.append(dataclasses.asdict(repetition))
                if not as_json:
                    console.finish()
                    _print_repetition(run if runs[1:] else None, repetition)
        except Interrupted:
            print("stopped; nothing was changed", file=sys.stderr)
            return signals.exit_code
        finally:
            console.finish()
    if as_json:
        print(json.dumps(found if runs[1:] else found[0], indent=2))
    return EXIT_CLAIM_FAILED if any(one["differences"] for one in found) else 0


def _print_repetition(run: Path | None, repetition: Any) -> None:
    for sentence in repetition.differences:
        print(sentence)
    for change in repetition.changed:
        print(f"not as it was: {change}")
    where = f"{run}: " if run else ""
    print(f"{where}{repetition.compared} arrays compared, {len(repetition.differences)} differ")


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


@click.command(short_help="What run directories hold.")
@RUNS
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(runs: Sequence[Path], as_json: bool) -> int:
    """Provenance, verdicts and files of run directories."""
    found = [_stored(run) for run in runs]
    if as_json:
        print(json.dumps(found if runs[1:] else found[0], indent=2))
        return 0
    from flowrepro.cli.output import print_claims, print_table

    for run, stored in zip(runs, found, strict=True):
        facts = {**stored["provenance"], "argv": shlex.join(stored["provenance"]["argv"])}
        lines = [(key, _compact(value)) for key, value in facts.items()]
        print_table(str(run), ("what", "value"), lines)
        files = stored["manifest"]["files"].items()
        print_table("files", ("file", "bytes"), [(name, entry["bytes"]) for name, entry in files])
        print_claims(stored["claims"])
    return 0


def intact(run: Path) -> RunDirectory:
    """A complete run directory without damage; DataError for any other."""
    from flowrepro.store.run_directory import RunDirectory

    directory = RunDirectory.named(run)
    if not directory.is_complete():
        begun = directory.file("experiment.json").exists()
        what = (
            "an unfinished run; the command that began it resumes it"
            if begun
            else "not a run directory"
        )
        raise DataError(f"{run} is {what}")
    if damage := directory.damage():
        raise DataError(
            f"{run} is invalid: {'; '.join(damage)}; run it again, which keeps the damaged folder "
            "beside"
        )
    return directory


def _stored(run: Path) -> dict[str, Any]:
    """What an intact run directory holds."""
    from flowrepro.core.config import to_json

    directory = intact(run)
    return {
        "experiment": to_json(directory.case()),
        "provenance": directory.provenance(),
        "manifest": directory.manifest(),
        "claims": directory.claims(),
    }


def _compact(value: Any) -> str:
    return (
        ", ".join(f"{key} {_compact(item)}" for key, item in value.items())
        if isinstance(value, dict)
        else str(value)[:300]
    )
