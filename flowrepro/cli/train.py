"""The command that trains on the user's own points: `flowrepro train FILE`."""

from __future__ import annotations

import json
import math
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrepro.cli.asking import YES, require_meant
from flowrepro.cli.completion import offer_engines
from flowrepro.cli.experiments import exit_code
from flowrepro.cli.stored import JSON, OUT
from flowrepro.cli.trained import Start, Trained, print_trained, trained_json
from flowrepro.errors import DataError, FlowreproError, Interrupted, UsageError

if TYPE_CHECKING:
    from flowrepro.core.trajectory import Dataset
    from flowrepro.run.console import Console

MOST_RUNS = 100_000
"""Seeds of one command at most."""
RECORDS = 1024
"""Records of a run, as of `fr.flow` and `fr.descend`."""


@click.command(short_help="Train on your own points: picture, claims, what to try next.")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--width", type=int, default=50, show_default=True, help="Number of neurons.")
@click.option("--init", default="balanced", show_default=True, help="balanced, gaussian, ...")
@click.option(
    "--scale", "scales", multiple=True, metavar="S", help="Size of the start (1e-4); repeatable."
)
@click.option(
    "--seed", default="0", show_default=True, metavar="N|A:B", help="Seed, or seeds A to B-1."
)
@click.option(
    "--loss", default="square", show_default=True, help="square, logistic, logistic2, exp."
)
@click.option("--alpha", type=float, default=0.0, show_default=True, help="Slope of a leaky ReLU.")
@click.option("--bias", is_flag=True, help="Append the constant feature 1 to every point.")
@click.option(
    "--engine",
    metavar="NAME",
    shell_complete=offer_engines,
    help="flow (default), or auto, fused, torch, ... to descend.",
)
@click.option(
    "--device",
    default="cpu",
    show_default=True,
    metavar="NAME",
    help="cpu or cuda, for engine torch.",
)
@click.option("--time", "horizon", type=float, metavar="T", help="Flow time at which to end.")
@click.option("--steps", type=int, metavar="N", help="Steps of a descent.")
@click.option("--lr", type=float, metavar="LR", help="Step size of a descent.")
@OUT
@JSON
@YES
@click.option("-v", "--verbose", is_flag=True, help="Every claim in a table.")
@click.option("--no-figures", is_flag=True, help="Draw nothing.")
@click.option(
    "--animate",
    is_flag=True,
    help="Also draw the directions along training: GIF, WebP, and MP4 where ffmpeg is installed.",
)
@click.option(
    "--format", "formats", multiple=True, metavar="FORMAT", help="pdf, png, svg (png); repeatable."
)
def train(file: Path, out: Path, as_json: bool, yes: bool, verbose: bool, **options: Any) -> int:
    """Train a two-layer (leaky) ReLU network on the points in FILE: csv, npy, npz or pt.

    Several scales and seeds are run one after the other, each into a run directory of its own below
    --out, with pictures of its loss, norms, ranks and activations, of the neurons' directions, and
    of the learned function where the points have one or two coordinates. Every claim of the papers
    whose hypotheses hold is judged. What is not given is chosen, and said on stderr.
    """
    from flowrepro.api.suggest import next_steps
    from flowrepro.core.arguments import scale
    from flowrepro.figures import animation
    from flowrepro.figures.canvas import reject_unknown
    from flowrepro.run.console import Console, Signals
    from flowrepro.store.files import require_writable

    if options["no_figures"] and options["animate"]:
        raise UsageError("--no-figures draws nothing; leave it out, or leave out --animate")
    formats = () if options["no_figures"] else options["formats"] or ("png",)
    reject_unknown(formats)
    starts = [Start(s, k) for s in options["scales"] or ("1e-4",) for k in _seeds(options["seed"])]
    for start in starts:
        scale("--scale", start.scale)
    _require_one_clock(options)
    dataset = _points(file, options["loss"], options["bias"])
    require_writable(out)
    require_meant(None if yes else _excess(starts, dataset, options), yes)
    signals = Signals()
    console = Console(signals, verbose)
    refused = [animation.refusal(name) for name in animation.FORMATS if options["animate"]]
    for sentence in filter(None, refused):
        console.say(sentence)
    console.say(dataset.note)
    for sentence in dataset.warnings:
        console.say(f"warning: {sentence}")
    done: list[Trained] = []
    stopped = 0
    with signals.caught():
        try:
            for start in dict.fromkeys(starts):
                done.append(_train(start, dataset, file, out, formats, options, console))
        except Interrupted as interruption:
            again = shlex.join(["flowrepro", *sys.argv[1:]])
            console.say(f"{interruption}; runs stored: {len(done)}; again: {again}")
            stopped = signals.exit_code
        except FlowreproError as error:  # runs that are done are shown all the same
            if not done:
                raise
            console.say(f"flowrepro: {error}")
            stopped = error.exit_code
        finally:
            console.finish()
    advice = next_steps([one.run for one in done], [one.claims for one in done])
    if as_json:
        print(json.dumps(trained_json(done, advice), indent=2))
    elif done:
        print_trained(file, done, advice, verbose)
    return stopped or exit_code([one.outcome for one in done], strict=False)


# ---- what was asked for


def _seeds(text: str) -> range:
    first, colon, end = text.partition(":")
    try:
        seeds = range(int(first), int(end) if colon else int(first) + 1)
    except ValueError:
        seeds = range(0)
    if not seeds or seeds[0] < 0:
        raise UsageError(f"--seed must be a number such as 3, or A:B with 0 <= A < B, not '{text}'")
    if seeds[-1] - seeds[0] >= MOST_RUNS:
        raise UsageError(f"--seed {text} names more than {MOST_RUNS:,} seeds; take fewer")
    return seeds


def _require_one_clock(options: dict[str, Any]) -> None:
    """Choose the engine that was not named; UsageError where the options do not go together."""
    from flowrepro import engines

    descends = [f"--{name}" for name in ("steps", "lr") if options[name] is not None]
    if options["engine"] is None:
        named = "auto" if descends else "flow"
        options["engine"] = "torch" if options["device"] != "cpu" else named
    if engines.is_flow(options["engine"]):
        if descends:
            raise UsageError(
                f"engine {options['engine']} integrates the flow and takes no {descends[0]}; give "
                "--time, or --engine auto to descend"
            )
        if options["device"] != "cpu":
            raise UsageError(
                f"engine {options['engine']} runs on the CPU; --device needs --engine torch"
            )
    if options["steps"] is not None and options["horizon"] is not None:
        raise UsageError("--steps and --time both say where to end; give one of them")


def _points(file: Path, loss: str, bias: bool) -> Dataset:
    import numpy as np

    from flowrepro.core.arguments import loss_name
    from flowrepro.data.from_file import points_from_file

    dataset = points_from_file(str(file), bias=bias)
    y = dataset.y
    if loss_name(loss) != "square" and not np.all(np.abs(y) == 1):
        wrong = y[np.abs(y) != 1][0]
        remedy = "write 0 as -1 (2 y - 1)" if set(y) <= {0.0, 1.0} else "or take --loss square"
        raise DataError(
            f"{file} holds the target {wrong:g}, but --loss {loss} needs labels -1 and 1; {remedy}"
        )
    return dataset


# ---- training


def _ends(start: Start, dataset: Dataset, options: dict[str, Any]) -> tuple[float, float, int]:
    """Flow time at which a run ends and, for a descent, its step size and steps; 0 for a flow."""
    from flowrepro import engines
    from flowrepro.api.suggest import horizon, step_size
    from flowrepro.core.arguments import positive, scale
    from flowrepro.core.config import Loss

    X, y, objective = dataset.X, dataset.y, Loss(name=options["loss"], reduction="mean")
    t = options["horizon"]
    if t is None:
        log_scale = float(scale("--scale", start.scale).log10()) * math.log(10)
        t = horizon(X, y, log_scale, objective, options["alpha"])
    if engines.is_flow(options["engine"]):
        return t, 0.0, 0
    lr = positive("lr", step_size(X, y, objective) if options["lr"] is None else options["lr"])
    steps = options["steps"]
    if steps is None:
        steps = min(max(1, round(positive("time", t) / lr)), 10**7)
    return t, lr, steps


def _excess(starts: Sequence[Start], dataset: Dataset, options: dict[str, Any]) -> str | None:
    """None, or what is said of runs that take long or much memory; the width is the user's."""
    from flowrepro.api.cases import WEIGHT_BYTES
    from flowrepro.core.config import Loss
    from flowrepro.engines.base import Problem
    from flowrepro.run.estimate import of_problem, too_much, zeros

    (n, d), m = dataset.X.shape, options["width"]
    if m < 1:
        return None  # which the first run refuses
    found = []
    for start in {start.scale: start for start in starts}.values():
        _, lr, steps = _ends(start, dataset, options)
        problem = Problem(
            *zeros(n, d, m), Loss(name=options["loss"], reduction="mean"), lr or 1.0,
            max(1, steps or RECORDS), options["alpha"], device=options["device"],
        )  # fmt: skip
        kept = min(RECORDS, max(2, WEIGHT_BYTES // (8 * m * (d + 1))))
        try:
            found.append(of_problem(problem, options["engine"], RECORDS, kept))
        except FlowreproError:
            return None  # which the first run says in full
    return too_much(found, len(starts) / len(found))


def _train(
    start: Start, dataset: Dataset, file: Path, out: Path, formats: Sequence[str],
    options: dict[str, Any], console: Console,
) -> Trained:  # fmt: skip
    """One run: computed, judged, stored and drawn."""
    import warnings
    from dataclasses import replace

    from flowrepro import engines
    from flowrepro.api import init
    from flowrepro.api.judge import claims
    from flowrepro.api.stored import draw
    from flowrepro.api.train import descend, flow
    from flowrepro.core.arguments import scale as decimal
    from flowrepro.figures.animation import FORMATS, refusal
    from flowrepro.run.pipeline import outcome_of
    from flowrepro.store.run_directory import RunDirectory

    X, y, scale = dataset.X, dataset.y, decimal("--scale", start.scale)
    loss, alpha, engine = options["loss"], options["alpha"], options["engine"]
    power = float(scale.log10())
    tiny = power < -300
    t, lr, steps = _ends(start, dataset, options)
    if tiny and engine != "flow":
        raise UsageError(f"--scale {start.scale} is below what doubles hold; take --engine flow")
    W, a = init.draw(
        options["init"], options["width"], X.shape[1],
        scale=1.0 if tiny else float(scale), seed=start.seed,
    )  # fmt: skip

    def progress(step: int, n_steps: int) -> None:
        console.progress(start.label, step, n_steps)
        if console.interrupted():
            raise Interrupted(f"stopped in the run of {start.label}")

    common: dict[str, Any] = {"loss": loss, "alpha": alpha, "engine": engine, "progress": progress}
    about = f"{options['init']} start, {options['width']} neurons, loss {loss}, slope {alpha:g}"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # said below, and by the exit code
        if engines.is_flow(engine):
            console.say(f"{start.label}: engine {engine} to t = {t:g}; {about}")
            run = flow(X, y, W, a, t=t, log10_scale=power if tiny else 0.0, **common)
        else:
            where = f"lr = {lr:g}, {steps} steps to t = {lr * steps:g}"
            console.say(f"{start.label}: engine {engine}, {where}; {about}")
            run = descend(X, y, W, a, lr=lr, steps=steps, device=options["device"], **common)
    for sentence in run.remarks:
        console.say(f"{start.label}: warning: {sentence}")
    shows = f"{file.name}: {start.label}, {about}"
    result = run.result
    result = type(result)(
        replace(run.case, seed=start.seed, shows=shows), dataset, result.trajectory, result.engine
    )
    run = type(run)(result, run.problem, run.wall_s)
    folder = run.save(out)
    console.doing(f"{start.label}: drawing")
    moving = [name for name in FORMATS if options["animate"] and refusal(name) is None]
    images = draw(run, folder, f"{shows}. {dataset.note}.", formats, moving)
    directory = RunDirectory(folder)
    return Trained(start, run, claims(run), outcome_of(run.case, directory, figures=images))
