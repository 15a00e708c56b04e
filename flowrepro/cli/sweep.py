"""The command ``flowrepro sweep``."""

from __future__ import annotations

import functools
import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrepro.cli.asking import YES, require_meant
from flowrepro.cli.completion import offer, offer_engines, offer_experiments
from flowrepro.errors import EXIT_SWEEP_INCOMPLETE, EnvironmentFault, UsageError

if TYPE_CHECKING:
    from flowrepro.core.config import Case
    from flowrepro.sweep.driver import Ending, Plan

SEED_KEYS = ("seed", "data.options.seed", "options.seed")
MANY = 100_000
"""Runs from which a sweep wants --yes."""
TRIED = 2_000
"""Points that are made before anything is computed, so that bad values are refused then."""


@click.command(
    "sweep", short_help="A grid of overrides times seeds, on local processes or on Dask."
)
@click.argument("experiment", shell_complete=offer_experiments)
@click.option(
    "--case",
    "case_name",
    metavar="NAME",
    shell_complete=offer("cases"),
    help="The case to vary (default: the experiment's first).",
)
@click.option(
    "--grid",
    "grids",
    multiple=True,
    metavar="KEY=VALUES",
    shell_complete=offer("keys", "="),
    help="v1,v2,... or lin:FIRST:LAST:COUNT or log:FIRST:LAST:COUNT (repeatable).",
)
@click.option(
    "--seeds", metavar="A:B", help="Seeds A to B-1 at every point (default: the case's own)."
)
@click.option(
    "--set",
    "assignments",
    multiple=True,
    metavar="KEY=VALUE",
    shell_complete=offer("keys", "="),
    help="Change a field at every point (repeatable).",
)
@click.option(
    "--engine", metavar="NAME", shell_complete=offer_engines, help="auto, or an engine's name."
)
@click.option("--quick", is_flag=True, help="The case's reduced variant.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("runs"),
    show_default=True,
    metavar="DIR",
    help="Folder of the run directories.",
)
@click.option(
    "--workers", type=click.IntRange(1, 10_000), help="Local processes (default: one per core)."
)
@click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="Run on this Dask scheduler, e.g. tcp://host:8786 (extra [sweep]).",
)
@click.option(
    "--local-cluster",
    type=click.IntRange(1, 10_000),
    metavar="N",
    help="Run on a Dask cluster of N processes of this machine.",
)
@click.option("--summary", "summary", is_flag=True, help="Write one CSV of all runs and a figure.")
@click.option(
    "--measure",
    default="loss",
    show_default=True,
    metavar="COLUMN",
    help="Column of the CSV that the figure shows.",
)
@click.option(
    "--format",
    "formats",
    multiple=True,
    metavar="FORMAT",
    help="Image format: pdf, png, svg (repeatable; default all three).",
)
@YES
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sweep(summary: bool, as_json: bool, **options: Any) -> int:
    """Run a case of EXPERIMENT at every point of a grid, for every seed.

    Results on disk are the truth: the same command computes what is missing. Seeds of a small case
    are run many at once.
    Exit code 6 if some runs are missing or failed; verdicts are counted in the CSV and change no
    exit code.
    """
    from flowrepro.run.console import Console, Signals
    from flowrepro.run.estimate import SAMPLE, excess
    from flowrepro.sweep.driver import run_sweep
    from flowrepro.sweep.summary import require_measure
    from flowrepro.sweep.tasks import is_done

    if summary:
        _require_drawable(options["formats"])
    plan = plan_of(**options)
    if summary:
        require_measure(plan, options["measure"])
    where = _where(**options)
    if not options["yes"]:
        there = functools.partial(is_done, plan.root)
        some = [case for _, case in plan.cases(plan.grid.some(SAMPLE))]
        each = len(plan.grid) / min(len(plan.grid), SAMPLE)
        require_meant(excess(some, where.workers, there, each), False)
    signals = Signals()
    console = Console(signals)
    with signals.caught():
        ending = run_sweep(plan, where, console)
        console.finish()
    for name, reason in ending.failed:
        print(f"flowrepro: {name}: {reason}", file=sys.stderr)
    files = []
    if summary and signals.received is None:  # reading and drawing what there is takes long
        files = _write_summary(plan, ending, options["measure"], options["formats"])
    _tell(plan, ending, files, as_json)
    if signals.received is not None:
        print(
            f"stopped; the same command goes on: {shlex.join(['flowrepro', *sys.argv[1:]])}",
            file=sys.stderr,
        )
        return signals.exit_code
    if ending.halt:
        raise EnvironmentFault(f"the sweep was halted: {ending.halt}; the same command goes on")
    return EXIT_SWEEP_INCOMPLETE if ending.missing or ending.failed else 0


def plan_of(
    *,
    experiment: str,
    case_name: str | None,
    grids: Sequence[str],
    seeds: str | None,
    assignments: Sequence[str],
    engine: str | None,
    quick: bool,
    out: Path,
    yes: bool,
    **_: Any,
) -> Plan:
    """What the options ask for; raises FlowreproError where that is no sweep."""
    from flowrepro.run.seeds import seed_range
    from flowrepro.store.files import require_writable
    from flowrepro.sweep import grid
    from flowrepro.sweep.driver import Plan

    base = _base(experiment, case_name, assignments, engine, quick)
    if not grids:
        raise UsageError(
            "a sweep needs a grid, e.g. --grid init.scale=log:1e-8:1e-2:7; 'flowrepro list "
            "--keys' shows the keys"
        )
    axes = tuple(grid.parse_axis(base, text) for text in grids)
    if len({axis.key for axis in axes}) < len(axes):
        raise UsageError("--grid names a key twice; give each key once")
    if {axis.key.rpartition(".")[2] for axis in axes} & {"seed"} or any(
        text.partition("=")[0].strip() in SEED_KEYS for text in assignments
    ):
        raise UsageError("the seeds of a sweep are given by --seeds A:B, not by --grid or --set")
    asked = (base.seed, base.seed + 1) if seeds is None else seed_range(None, seeds)
    plan = Plan(base, axes, asked, out)
    if plan.runs > MANY and not yes:
        raise UsageError(
            f"this sweep has {plan.runs:,} runs{_extent(base, plan.runs)}; add --yes if that is "
            "meant, or thin the grid"
        )
    plan.grid.some(TRIED)
    require_writable(out)
    return plan


def _base(
    experiment: str,
    case_name: str | None,
    assignments: Sequence[str],
    engine: str | None,
    quick: bool,
) -> Case:
    from flowrepro.core.overrides import override, parse_assignment
    from flowrepro.papers import registry
    from flowrepro.run.pipeline import quick_variant

    cases = registry.cases_of(experiment)
    base = registry.find_case(experiment, case_name) if case_name else cases[0]
    changes = dict(parse_assignment(text) for text in assignments)
    if engine is not None:
        changes["engine"] = engine
    return override(quick_variant(base) if quick else base, changes)


def _extent(base: Case, runs: int) -> str:
    from flowrepro.core.config import TrainingCase

    return (
        f" of up to {base.protocol.n_steps:,} steps, {runs * base.protocol.n_steps:.1e} in all"
        if isinstance(base, TrainingCase)
        else ""
    )


def _where(*, workers: int | None, scheduler: str, local_cluster: int | None, **_: Any) -> Any:
    from flowrepro.store import provenance
    from flowrepro.sweep.driver import Where

    if scheduler and local_cluster:
        raise UsageError("--scheduler and --local-cluster exclude each other; give one of them")
    return Where(
        local_cluster or workers or provenance.cores(), scheduler, local_cluster is not None
    )


def _require_drawable(formats: Sequence[str]) -> None:
    """Refuse before anything is computed what would keep the figure from being drawn."""
    from flowrepro.figures.canvas import reject_bad_epoch, reject_unknown

    reject_unknown(formats)
    reject_bad_epoch()


def _write_summary(plan: Plan, ending: Ending, measure: str, formats: Sequence[str]) -> list[Path]:
    """The CSV and the images, in a folder named by the sweep."""
    from flowrepro.figures.canvas import FORMATS, render
    from flowrepro.papers.registry import law_for
    from flowrepro.store.own_files import OwnFiles
    from flowrepro.sweep import figure
    from flowrepro.sweep.summary import TIME, csv_text, summary_lines

    folder = plan.root / plan.base.command / plan.name
    lines = summary_lines(plan, dict(ending.failed))
    own = OwnFiles(folder)
    written = [own.write("summary.csv", csv_text(lines).encode())]
    if not any(TIME in line for line in lines):
        print(f"no figure: no run is complete; {written[0]} says why", file=sys.stderr)
        return written
    if len(plan.axes) > 2:
        print(
            f"no figure: a sweep of {len(plan.axes)} keys has none; {written[0]} holds all of it",
            file=sys.stderr,
        )
        return written
    law = law_for(plan.base, plan.axes[0].key, measure) if len(plan.axes) == 1 else None
    found = figure.picture(plan, lines, measure, law)
    metadata = {
        "experiment": plan.base.command,
        "case": plan.base.name,
        "seeds": "{}:{}".format(*plan.seeds),
    }
    images = render(found, figure.LAYOUT, metadata, tuple(formats) or FORMATS)
    written += [own.write(f"summary.{kind}", content) for kind, content in images.items()]
    return written


def _tell(plan: Plan, ending: Ending, files: Sequence[Path], as_json: bool) -> None:
    if as_json:
        outcome = {
            "runs": plan.runs,
            "computed": ending.computed,
            "missing": ending.missing,
            "failed": dict(ending.failed),
            "files": [*map(str, files)],
        }
        print(json.dumps(outcome, indent=2))
        return
    print(
        f"{plan.runs} runs: {ending.computed} computed now, {ending.missing} missing, "
        f"{len(ending.failed)} failed"
    )
    for file in files:
        print(file)
