"""The commands that run experiments: their options, and from the options to the outcomes."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrepro.cli.asking import YES, require_meant
from flowrepro.cli.completion import offer, offer_engines
from flowrepro.cli.stored import JSON, OUT
from flowrepro.errors import EXIT_CLAIM_FAILED, FlowreproError, NumericalError, UsageError
from flowrepro.papers import registry
from flowrepro.papers.paper import Flag

if TYPE_CHECKING:
    from flowrepro.run.pipeline import Outcome


def add_experiment(group: click.Group, name: str) -> None:
    """Add the subcommand of a paper to a group."""
    declared = registry.commands()[name]
    flags = declared.flags

    @group.command(name, help=declared.summary, short_help=declared.summary)
    @_own_options(flags)
    @experiment_options
    def run(**options: Any) -> int:
        given = {flag: options.pop(flag.replace("-", "_")) for flag in flags}
        chosen = {flag: values for flag, values in given.items() if values is not None}
        return run_commands([name], flags=chosen, **options)


def experiment_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator: the options that all experiments share."""
    options = [
        click.option(
            "--case",
            "case_names",
            multiple=True,
            metavar="NAME",
            shell_complete=offer("cases"),
            help="Run only this case (repeatable); see 'flowrepro list'.",
        ),
        click.option(
            "--figure",
            "figures",
            multiple=True,
            metavar="ID",
            shell_complete=offer("figures"),
            help="Draw only this figure and run only the cases it needs (repeatable).",
        ),
        click.option("--no-figures", is_flag=True, help="Draw nothing."),
        click.option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            shell_complete=offer("keys", "="),
            help="Change a field of the case, e.g. init.scale=1e-8 or n_steps=500 (repeatable).",
        ),
        click.option("--seed", type=int, help="Seed of all random draws (default: the case's)."),
        click.option(
            "--seeds",
            metavar="A:B",
            help="Seeds A to B-1, one run each. 50 or more of a small case are one ensemble in one "
            "folder. Studies only where --case names them.",
        ),
        click.option(
            "--engine",
            metavar="NAME",
            shell_complete=offer_engines,
            help="What trains: auto, torch (PyTorch), or another engine's name (default: the "
            "case's, usually auto).",
        ),
        click.option(
            "--device", metavar="NAME", help="cpu, cuda, cuda:INDEX or auto, for PyTorch."
        ),
        click.option(
            "--data",
            "data_file",
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Your own points, used as given: csv or npy with y last, npz or pt with X and y.",
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
            "--workers",
            type=click.IntRange(1, 1000),
            metavar="N",
            help="Cases at a time, each in a process of its own (default: 1; for "
            "'all' one per core). Cases that use all cores are run by themselves.",
        ),
        YES,
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


def run_commands(
    commands: Sequence[str],
    *,
    as_json: bool,
    strict: bool,
    verbose: bool,
    yes: bool = False,
    workers: int | None = None,
    **options: Any,
) -> int:
    """Run the chosen cases of these subcommands and print the answer; the exit code."""
    from flowrepro.cli.select import chosen_cases, settings_of, without_effect
    from flowrepro.core.config import run_id
    from flowrepro.errors import Interrupted
    from flowrepro.run.console import Board, Console, Signals
    from flowrepro.run.estimate import excess
    from flowrepro.run.pipeline import execute
    from flowrepro.sweep.tasks import is_done

    settings = settings_of(**options)
    plans = _plans(commands, options)
    if options["seeds"] and len(plans) > 1:
        plans = [(command, chosen) for command, chosen in plans if _has_runs(command)]
    batches = [cases for command, chosen in plans for cases in chosen_cases(command, **chosen)]
    order = [run_id(case) for cases in batches for case in cases]
    workers = min(workers or 1, len(order))
    if not yes:
        every = [case for cases in batches for case in cases]
        much = excess(
            every, workers, lambda case: not settings.fresh and is_done(settings.root, case)
        )
        require_meant(much, yes)
    signals = Signals()
    console = Console(signals, verbose) if workers == 1 else Board(signals, verbose)
    for sentence in without_effect(batches, **options):
        console.say(f"warning: {sentence}")
    outcomes: list[Outcome] = []
    stopped = 0
    with signals.caught():
        try:
            if isinstance(console, Board):
                from flowrepro.sweep.together import execute_together

                execute_together(batches, settings, workers, console, outcomes.append)
            else:
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
    outcomes.sort(key=lambda outcome: order.index(run_id(outcome.case)))
    if outcomes or not stopped:
        _print_outcomes(outcomes, as_json, verbose, options["figures"])
    return stopped or exit_code(outcomes, strict)


def _has_runs(command: str) -> bool:
    """Whether an experiment has cases of one seed each; one that has none is left out of many
    seeds, which is said.
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


def exit_code(outcomes: Sequence[Outcome], strict: bool) -> int:
    """The exit code of runs; says on stderr which of them ended early or are not unique."""
    from flowrepro.core.trajectory import REGULAR_STOPS
    from flowrepro.run.changes import changes

    failed = [outcome for outcome in outcomes if outcome.stop not in REGULAR_STOPS]
    for outcome in failed:
        why = outcome.stop_note or outcome.stop.value
        _warn(f"{outcome.case.name} ended with {outcome.stop.name}: {why}")
    ambiguous = [outcome for outcome in outcomes if math.isfinite(outcome.unique_until)]
    for outcome in ambiguous:
        until = f"{outcome.unique_until:.6g}"
        _warn(f"{outcome.case.name} is one of several flows from t={until} on")
    unjudged = [
        outcome
        for outcome in outcomes
        if outcome.claims
        and all(claim["verdict"] == "N/A" for claim in outcome.claims)
        and not changes(outcome.case)
    ]
    for outcome in unjudged:
        _warn(f"{outcome.case.name} is the paper's own case, and no claim could be judged on it")
    if failed or (strict and ambiguous):
        return NumericalError.exit_code
    verdicts = {claim["verdict"] for outcome in outcomes for claim in outcome.claims}
    return EXIT_CLAIM_FAILED if unjudged or "FAIL" in verdicts else 0


def _warn(sentence: str) -> None:
    print(f"flowrepro: {sentence}", file=sys.stderr)


def _print_outcomes(
    outcomes: Sequence[Outcome], as_json: bool, verbose: bool, figures: Sequence[str]
) -> None:
    from flowrepro.cli.output import print_answer, print_claims, print_table
    from flowrepro.figures.tables import cell

    claims = [dict(claim) for outcome in outcomes for claim in outcome.claims]
    if as_json:
        runs = [outcome_json(outcome) for outcome in outcomes]
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


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """A run in the JSON that ``--json`` prints."""
    return {
        "dir": str(outcome.directory),
        "experiment": outcome.case.command,
        "case": outcome.case.name,
        "seed": outcome.case.seed if outcome.case.seeds is None else None,
        "seeds": outcome.case.seeds,
        "engine": outcome.engine,
        "stop": outcome.stop.name,
        "stop_note": outcome.stop_note,
        "warnings": list(outcome.warnings),
        "reused": outcome.reused,
        "wall_s": outcome.wall_s,
        "timings": dict(outcome.timings),
    }
