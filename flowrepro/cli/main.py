"""The command line. Imports what a command needs when it runs, so that ``--help`` answers at once.

Exit codes: 0 ok, 1 internal error, 2 usage, 3 bad input data, 4 numerical failure, 5 a claim
FAILed, 6 sweep incomplete, 7 environment (device, disk, lock), 129/130/143 stopped by a signal, 141
the reader of stdout went away.
"""

from __future__ import annotations

import errno
import importlib.metadata
import json
import math
import os
import shlex
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrepro import __version__
from flowrepro.cli.stored import JSON, OUT, report, rerun, show, verify
from flowrepro.cli.sweep import sweep
from flowrepro.errors import (
    EXIT_CLAIM_FAILED,
    EnvironmentFault,
    FlowreproError,
    NumericalError,
    UsageError,
)
from flowrepro.papers import registry
from flowrepro.papers.paper import Flag

if TYPE_CHECKING:
    from flowrepro.run.pipeline import Outcome

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class _Group(click.Group):
    """Commands whose reader may go away: click itself would turn that into exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        return code


def _add_plugin(context: click.Context, option: click.Parameter, files: tuple[Path, ...]) -> None:
    """Add the papers of plug-in files with their subcommands."""
    if not files:
        return
    from flowrepro.papers import plugins

    for path in files:
        for command in plugins.add_file(path).paper.commands:
            _add_experiment(command.name)


@click.group(cls=_Group, context_settings=CONTEXT)
@click.version_option(__version__, prog_name="flowrepro")
@click.option(
    "--plugin",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=_add_plugin,
    help="Add the paper that a Python file declares, with its subcommand (repeatable).",
)
def cli() -> None:
    """Reproduce papers on the gradient-flow training of small ReLU networks, and claim their
    theorems.

    Every experiment runs the paper's own setting by default, draws its figures, evaluates every
    statement of the paper that the run can answer, and keeps all of it in a run directory. A killed
    run resumes with the same command. Exit codes: 0 ok, 2 usage, 3 bad input data, 4 numerical
    failure, 5 a claim FAILed, 6 sweep incomplete, 7 environment, 130/143 interrupted.
    """


for _command in (sweep, verify, rerun, report, show):
    cli.add_command(_command)


def _add_installed_plugins() -> None:
    """The papers of installed packages; one that is broken is named, and the rest works."""
    groups = ("flowrepro.papers", "flowrepro.datasets", "flowrepro.engines")
    found = any(importlib.metadata.entry_points(group=group) for group in groups)
    if not found and not os.environ.get("FLOWREPRO_PLUGINS"):
        return
    from flowrepro.papers import plugins, registry

    for sentence in plugins.add_installed():
        print(f"flowrepro: {sentence}", file=sys.stderr)
    for name in registry.commands():
        if name not in cli.commands:
            _add_experiment(name)


def main() -> None:
    """Entry point: run, and turn every error into one sentence and its exit code."""
    from flowrepro.cli.output import repair_streams, report_internal_error, show_warning

    repair_streams()
    # Threads that spin while they wait make matrix products 5 to 30 times slower on a busy machine
    # (measured).
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    warnings.showwarning = show_warning
    _add_installed_plugins()
    try:
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except FlowreproError as error:
        print(f"flowrepro: {error}", file=sys.stderr)
        code = error.exit_code
    except MemoryError as error:
        size = f" ({error})" if str(error) else ""
        print(
            f"flowrepro: there is too little memory for this{size}; take fewer neurons, points or "
            "seeds, or keep fewer steps",
            file=sys.stderr,
        )
        code = EnvironmentFault.exit_code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            code = report_internal_error(error)
        else:
            print(
                f"flowrepro: output could not be written: {error.strerror}; make room",
                file=sys.stderr,
            )
            code = EnvironmentFault.exit_code
    except Exception as error:
        code = report_internal_error(error)
    sys.exit(code if isinstance(code, int) else 0)


# ---- the experiments


def _experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    options = [
        click.option(
            "--case",
            "case_names",
            multiple=True,
            metavar="NAME",
            help="Run only this case (repeatable); see 'flowrepro list'.",
        ),
        click.option(
            "--figure",
            "figures",
            multiple=True,
            metavar="ID",
            help="Draw only this figure and run only the cases it needs (repeatable).",
        ),
        click.option("--no-figures", is_flag=True, help="Draw nothing."),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="Change a field of the case, e.g. init.scale=1e-8 or n_steps=500 (repeatable).",
        ),
        click.option("--seed", type=int, help="Seed of all random draws (default: the case's)."),
        click.option(
            "--seeds",
            metavar="A:B",
            help="Seeds A to B-1, one run each. 50 or more of a small case are one ensemble in one folder. "
            "Studies only where --case names them.",
        ),
        click.option(
            "--engine",
            metavar="NAME",
            help="auto, or an engine's name (default: the case's, usually auto).",
        ),
        click.option("--device", metavar="NAME", help="cpu, cuda or cuda:INDEX, for engine torch."),
        click.option(
            "--data",
            "data_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Your own points, used as given: csv, or npz with x (n,d) and y (n,).",
        ),
        click.option(
            "--init",
            "init_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Start from your own weights: npz with W (m,d) and a (m,).",
        ),
        click.option(
            "--animate",
            is_flag=True,
            help="Also draw the animations: GIF, WebP, and MP4 where ffmpeg is installed.",
        ),
        click.option("--quick", is_flag=True, help="The case's reduced variant, for a first look."),
        OUT,
        JSON,
        click.option(
            "-v",
            "--verbose",
            is_flag=True,
            help="Every claim, run and image, and why each engine was chosen.",
        ),
        click.option(
            "--fresh",
            is_flag=True,
            help="Recompute complete runs; the earlier result is kept beside.",
        ),
        click.option(
            "--new", is_flag=True, help="Start unfinished runs anew instead of resuming them."
        ),
        click.option(
            "--force-resume",
            is_flag=True,
            help="Resume although code, versions or machine changed; recorded.",
        ),
        click.option(
            "--wait", is_flag=True, help="Wait for another process that holds a run directory."
        ),
        click.option(
            "--strict",
            is_flag=True,
            help="Exit with 4 also where several flows exist (non-unique releases).",
        ),
        click.option(
            "--format",
            "formats",
            multiple=True,
            metavar="FORMAT",
            help="Image format: pdf, png, svg (repeatable; default all three).",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _own_options(flags: Mapping[str, Flag]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """The options that one experiment has beside those of all."""

    def decorate(command: Callable[..., Any]) -> Callable[..., Any]:
        for name, flag in reversed(list(flags.items())):
            kind: dict[str, Any] = (
                {"nargs": len(flag.takes), "type": flag.kind, "metavar": flag.metavar}
                if flag.takes
                else {"is_flag": True}
            )
            command = click.option(
                f"--{name}", name.replace("-", "_"), default=None, help=flag.help, **kind
            )(command)
        return command

    return decorate


def _add_experiment(name: str) -> None:
    flags = registry.commands()[name].flags

    @cli.command(
        name, help=registry.commands()[name].summary, short_help=registry.commands()[name].summary
    )
    @_own_options(flags)
    @_experiment_options
    def run(**options: Any) -> int:
        given = {flag: options.pop(flag.replace("-", "_")) for flag in flags}
        return _run_commands(
            [name],
            flags={flag: values for flag, values in given.items() if values is not None},
            **options,
        )


for _name in registry.commands():
    _add_experiment(_name)


@cli.command("all", short_help="Run every experiment.")
@_experiment_options
def all_experiments(**options: Any) -> int:
    """Run every experiment: all figures and all claims of all papers."""
    if options["data_file"] or options["init_file"] or options["case_names"]:
        raise UsageError(
            "'all' takes no --case, --data or --init; name one experiment, e.g. 'flowrepro "
            "orthogonal --data FILE'"
        )
    return _run_commands(list(registry.commands()), **options)


def _run_commands(
    commands: Sequence[str], *, as_json: bool, strict: bool, verbose: bool, **options: Any
) -> int:
    from flowrepro.cli.select import chosen_cases, settings_of
    from flowrepro.errors import Interrupted
    from flowrepro.run.console import Console, Signals
    from flowrepro.run.pipeline import execute

    settings = settings_of(**options)
    plans = _plans(commands, options)
    if options["seeds"] and len(plans) > 1:
        plans = [(command, chosen) for command, chosen in plans if _has_runs(command)]
    batches = [cases for command, chosen in plans for cases in chosen_cases(command, **chosen)]
    signals = Signals()
    console = Console(signals, verbose)
    outcomes: list[Outcome] = []
    stopped = 0
    with signals.caught():
        try:
            for cases in batches:
                execute(cases, settings, console, outcomes.append)
        except Interrupted as interruption:
            console.say(f"{interruption}\nresume with: {shlex.join(['flowrepro', *sys.argv[1:]])}")
            stopped = signals.exit_code
        except FlowreproError as error:  # cases that are done are shown all the same
            console.say(f"flowrepro: {error}")
            stopped = error.exit_code
        finally:
            console.finish()
    if outcomes or not stopped:
        _print_outcomes(outcomes, as_json, verbose, options["figures"])
    return stopped or _exit_code(outcomes, strict)


def _has_runs(command: str) -> bool:
    """Whether an experiment has rows of one seed each; one that has none is left out of many seeds,
    which is said.
    """
    from flowrepro.core.config import TrainingCase

    found = any(isinstance(case, TrainingCase) for case in registry.cases_of(command))
    if not found:
        print(
            f"{command} is left out: its cases are studies, which have their seeds among their "
            "options",
            file=sys.stderr,
        )
    return found


def _plans(commands: Sequence[str], options: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """Each command with its options; of several commands those that have a figure that was asked
    for.
    """
    if len(commands) == 1 or not options["figures"]:
        return [(command, options) for command in commands]

    has = {
        command: {figure.id for figure in registry.figures_of(command)}.intersection(
            options["figures"]
        )
        for command in commands
    }
    for figure in options["figures"]:
        if not any(figure in ids for ids in has.values()):
            raise UsageError(
                f"no experiment has a figure '{figure}'; 'flowrepro list' shows those there are"
            )
    return [
        (command, {**options, "figures": tuple(sorted(ids))}) for command, ids in has.items() if ids
    ]


def _exit_code(outcomes: Sequence[Outcome], strict: bool) -> int:
    from flowrepro.core.trajectory import REGULAR_STOPS

    failed = [outcome for outcome in outcomes if outcome.stop not in REGULAR_STOPS]
    for outcome in failed:
        print(
            f"flowrepro: {outcome.case.name} ended with {outcome.stop.name}: "
            f"{outcome.stop_note or outcome.stop.value}",
            file=sys.stderr,
        )
    ambiguous = [outcome for outcome in outcomes if math.isfinite(outcome.unique_until)]
    for outcome in ambiguous:
        print(
            f"flowrepro: {outcome.case.name} is one of several flows from "
            f"t={outcome.unique_until:.6g} on",
            file=sys.stderr,
        )
    if failed or (strict and ambiguous):
        return NumericalError.exit_code
    return (
        EXIT_CLAIM_FAILED
        if any(claim["verdict"] == "FAIL" for outcome in outcomes for claim in outcome.claims)
        else 0
    )


def _print_outcomes(
    outcomes: Sequence[Outcome], as_json: bool, verbose: bool, figures: Sequence[str]
) -> None:
    from flowrepro.cli.output import print_answer, print_claims, print_table
    from flowrepro.figures.tables import cell

    claims = [dict(claim) for outcome in outcomes for claim in outcome.claims]
    if as_json:
        runs = [_outcome_json(outcome) for outcome in outcomes]
        found = {"runs": runs, "claims": claims, "figures": _images(outcomes)}
        print(json.dumps(found, indent=2))
        return
    for table, filled in (pair for outcome in outcomes for pair in outcome.tables):
        if verbose or not outcomes[1:]:
            print_table(table.caption, table.header, [tuple(map(cell, line)) for line in filled])
    if verbose:
        print_claims(claims)
        print_table(
            "runs",
            ("case", "engine", "stop", "computed in", "directory"),
            [
                (
                    outcome.case.name,
                    outcome.engine,
                    outcome.stop.name,
                    "reused" if outcome.reused else f"{outcome.wall_s:.2f} s",
                    str(outcome.directory),
                )
                for outcome in outcomes
            ],
        )
        for image in _images(outcomes):
            print(image)
    print_answer(outcomes, figures)


def _images(outcomes: Sequence[Outcome]) -> list[str]:
    return [str(path) for outcome in outcomes for path in outcome.figures]


def _outcome_json(outcome: Outcome) -> dict[str, Any]:
    return {
        "dir": str(outcome.directory),
        "experiment": outcome.case.command,
        "case": outcome.case.name,
        "seed": outcome.case.seed if outcome.case.seeds is None else None,
        "seeds": outcome.case.seeds,
        "engine": outcome.engine,
        "stop": outcome.stop.name,
        "stop_note": outcome.stop_note,
        "reused": outcome.reused,
        "wall_s": outcome.wall_s,
        "timings": dict(outcome.timings),
    }


# ---- looking at what there is


@cli.command("list", short_help="Experiments, cases, figures and claims.")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--keys", is_flag=True, help="Every key that --set takes, with each case's value.")
@click.option("--misprints", is_flag=True, help="Misprints and errors found in the papers.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(name: str | None, keys: bool, misprints: bool, as_json: bool) -> int:
    """The experiments; the cases of one, NAME; or a claim or a case in words.

    With --json and without NAME: every case with its figures and claims.
    """
    from flowrepro.cli import catalogue
    from flowrepro.cli.output import print_table

    if keys or misprints:
        table = catalogue.misprints() if misprints else catalogue.keys()
    elif name is not None:
        is_experiment = name in registry.commands()
        table = (catalogue.experiment if is_experiment else catalogue.explained)(name)
    else:
        table = catalogue.everything() if as_json else catalogue.overview()
    if as_json:
        print(json.dumps(table.as_json(), indent=2))
    else:
        print_table(table.title, table.header, table.lines)
    return 0


@cli.command(short_help="Side-by-side timings against a plain PyTorch loop.")
@click.option("--quick", is_flag=True, help="Fewer repetitions.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(quick: bool, as_json: bool) -> int:
    """Time our engines and a plain PyTorch loop in one process and print the ratios."""
    from flowrepro.bench.main import run_benchmarks
    from flowrepro.cli.output import print_table

    results = [result.to_json() for result in run_benchmarks(quick)]
    if as_json:
        print(json.dumps(results, indent=2, allow_nan=False))
    elif results:
        print_table(
            "bench",
            tuple(results[0]),
            [[_cell(value) for value in result.values()] for result in results],
        )
    return 0


def _cell(value: float | str | None) -> str:
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else value
