"""The command line. Imports what a command needs when it runs, so that ``--help`` answers at once.

Exit codes: 0 ok, 1 internal error, 2 usage, 3 bad input data, 4 numerical failure, 5 a claim
FAILed, 6 sweep incomplete, 7 environment (device, disk, lock), 129/130/143 stopped by a signal, 141
the reader of stdout went away.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import importlib.metadata
import json
import os
import resource
import sys
import warnings
from pathlib import Path
from typing import Any, TextIO

import click

from flowrepro import __version__
from flowrepro.cli.completion import offer_everything
from flowrepro.cli.controls import controls
from flowrepro.cli.experiments import add_experiment, experiment_options, run_commands
from flowrepro.cli.explore import explore
from flowrepro.cli.stored import report, rerun, show, verify
from flowrepro.cli.sweep import sweep
from flowrepro.cli.train import train
from flowrepro.errors import (
    EnvironmentFault,
    FlowreproError,
    UsageError,
)
from flowrepro.papers import registry
from flowrepro.store import provenance

STOPPED = (129, 130, 143)
"""Exit codes after a signal."""
LEAST_SPACE = 10**9
"""Bytes of address space below which libraries hang or abort while they are loaded (measured)."""
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class _Group(click.Group):
    """Commands whose reader may go away: click itself would turn that into exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        _require_sound_environment()
        try:
            code = super().invoke(ctx)
            sys.stdout.flush()
        except BrokenPipeError:
            _drop(sys.stdout)
            return 141
        return code


def _drop(stream: TextIO) -> None:
    """What could not be written is not tried again at exit, where Python would end with 120."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _require_sound_environment() -> None:
    """Raise EnvironmentFault where no command could work, before anything is imported."""
    try:
        os.getcwd()
    except OSError as error:
        raise EnvironmentFault(
            f"the working directory is gone ({error.strerror}); change to a folder that exists"
        ) from None
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise EnvironmentFault(
            "NUMBA_DISABLE_JIT turns off the compiler that the engines need; unset it"
        )
    space = resource.getrlimit(resource.RLIMIT_AS)[0]
    if 0 <= space < LEAST_SPACE:
        raise EnvironmentFault(
            f"this process may take {space / 1e9:.2g} GB of address space and needs "
            f"{LEAST_SPACE / 1e9:g}, with PyTorch 2 (ulimit -v); raise the limit"
        )
    threads = os.environ.get("NUMBA_NUM_THREADS", "1").strip()
    if threads.lstrip("+-").isdecimal() and int(threads) < 1:
        raise EnvironmentFault(
            f"NUMBA_NUM_THREADS must be at least 1, not {threads}; correct or unset it"
        )


def _add_plugin(context: click.Context, option: click.Parameter, files: tuple[Path, ...]) -> None:
    """Add the papers of plug-in files with their subcommands."""
    if not files:
        return
    from flowrepro.papers import plugins

    for path in files:
        for command in plugins.add_file(path).paper.commands:
            add_experiment(cli, command.name)


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


for _command in (train, explore, sweep, verify, controls, rerun, report, show):
    cli.add_command(_command)


def _add_installed_plugins() -> None:
    """The papers of installed packages; one that is broken is named, and the rest works."""
    groups = ("flowrepro.papers", "flowrepro.datasets", "flowrepro.engines")
    declared = importlib.metadata.entry_points()  # read once: a look at all that is installed
    if not any(declared.select(group=group) for group in groups) and not os.environ.get(
        "FLOWREPRO_PLUGINS"
    ):
        return
    from flowrepro.papers import plugins, registry

    for sentence in plugins.add_installed():
        print(f"flowrepro: {sentence}", file=sys.stderr)
    for name in registry.commands():
        if name not in cli.commands:
            add_experiment(cli, name)


def main() -> None:
    """Entry point: run, and end with the exit code, also where nothing can be said."""
    from flowrepro.cli.output import repair_streams

    repair_streams()
    try:
        code = _run()
    except OSError as error:
        with contextlib.suppress(OSError):  # stderr may be what is full
            said = f"output could not be written: {error.strerror}; make room"
            print(f"flowrepro: {said}", file=sys.stderr)
        code = EnvironmentFault.exit_code
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            _drop(stream)
    if code in STOPPED:
        gc.freeze()  # PyTorch's objects take seconds to be collected on a busy machine (measured)
    sys.exit(code if isinstance(code, int) else 0)


def _run() -> Any:
    """Turn every error into one sentence and its exit code; OSError where output has no room."""
    from flowrepro.cli.output import report_internal_error, show_warning

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
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise
        code = report_internal_error(error)
    except Exception as error:
        code = report_internal_error(error)
    return code


for _name in registry.commands():
    add_experiment(cli, _name)


@cli.command("all", short_help="Run every experiment.")
@experiment_options
def all_experiments(**options: Any) -> int:
    """Run every experiment: all figures and all claims of all papers."""
    if options["data_file"] or options["init_file"] or options["case_names"]:
        raise UsageError(
            "'all' takes no --case, --data or --init; name one experiment, e.g. 'flowrepro "
            "orthogonal --data FILE'"
        )
    options["workers"] = options["workers"] or provenance.cores()
    return run_commands(list(registry.commands()), **options)


# ---- looking at what there is


@cli.command("list", short_help="Experiments, cases, figures and claims.")
@click.argument("name", required=False, metavar="[NAME]", shell_complete=offer_everything)
@click.option(
    "--keys", is_flag=True, help="Every key that --set takes (of NAME): type, values, default."
)
@click.option("--misprints", is_flag=True, help="Misprints in the papers, and what proves them.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(name: str | None, keys: bool, misprints: bool, as_json: bool) -> int:
    """The experiments; the cases of one, NAME; or a claim or a case in words.

    With --json and without NAME: every case with its figures and claims.
    """
    from flowrepro.cli import catalogue
    from flowrepro.cli.output import print_blocks, print_table

    if misprints and as_json:
        print(json.dumps(catalogue.misprints_as_json(), indent=2))
        return 0
    if keys or misprints:
        table = catalogue.misprints() if misprints else catalogue.keys(name)
    elif name is not None:
        is_experiment = name in registry.commands()
        table = (catalogue.experiment if is_experiment else catalogue.explained)(name)
    else:
        table = catalogue.everything() if as_json else catalogue.overview()
    if as_json:
        print(json.dumps(table.as_json(), indent=2))
    else:
        show = print_blocks if misprints else print_table
        show(table.title, table.header, table.lines)
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
