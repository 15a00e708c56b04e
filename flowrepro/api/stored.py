"""Runs on disk: the one way that the command line stores them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from flowrepro.api.run import Run
from flowrepro.core.config import run_id
from flowrepro.core.trajectory import Run as Result
from flowrepro.core.trajectory import Study
from flowrepro.engines.base import Problem
from flowrepro.errors import DataError, UsageError
from flowrepro.run import results
from flowrepro.run.pipeline import evaluate_and_store
from flowrepro.run.training import FILE, Training, prepare
from flowrepro.store import provenance
from flowrepro.store.files import require_writable
from flowrepro.store.locks import locked
from flowrepro.store.reading import read_npz, sha256_of, trusting
from flowrepro.store.run_directory import RunDirectory
from flowrepro.store.trajectories import save_trajectory


def save(run: Run, folder: str | Path) -> Path:
    """See `Run.save`."""
    root = Path(folder).expanduser()
    directory = RunDirectory.of(root, run.case)
    require_writable(root)
    with locked(directory.lock):
        if not directory.is_complete():
            directory.clean()
            p = run.problem
            Training().store(run.result, p.W0, p.a0, directory, run.wall_s)
            evaluate_and_store(directory, run.result)
        elif not _same(run, directory):
            raise UsageError(
                f"{directory.path} holds another result of this case; choose another folder"
            )
    return directory.path


def draw(
    run: Run, folder: Path, about: str, formats: Sequence[str], animated: Sequence[str] = ()
) -> list[Path]:
    """Draw what `plot.pictures` has into the run directory of a run, with the numbers behind it;
    the paths. ``about`` begins each caption. animated : formats of `plot.film`.
    """
    from flowrepro.api.plot import film, pictures
    from flowrepro.figures import animation
    from flowrepro.figures.canvas import render
    from flowrepro.figures.numbers import numbers

    directory = RunDirectory.named(folder)
    metadata = {"experiment": run.case.command, "case": run.case.name, "engine": run.result.engine}
    package = {"package": provenance.package_hash()}
    written: list[Path] = []
    with locked(directory.lock):
        for name, figure in pictures(run).items() if formats else ():
            picture = figure.collect(run)
            caption = f"{about} {picture.caption}"
            files = render(picture, figure.layout, metadata, formats, caption=caption)
            for kind, content in files.items():
                written.append(directory.write(f"figures/{name}.{kind}", content))
            more = {"caption": caption, "numbers": numbers(picture)}
            directory.write_json(f"figures/{name}.json", package | more)
        if animated:
            moving = film(run)
            for kind, content in animation.render(moving, run.result, animated).items():
                written.append(directory.write(f"animations/{moving.file}.{kind}", content))
            directory.write_json(f"animations/{moving.file}.json", package)
        directory.seal()
    return written


def _same(run: Run, directory: RunDirectory) -> bool:
    """Whether a complete folder holds this very run."""
    stored = directory.files().get(FILE, {}).get("sha256")
    digest = sha256_of(save_trajectory(run.result.trajectory))
    return run_id(directory.case()) == run_id(run.case) and stored == digest


def load(folder: str | Path) -> Run:
    """The run in a run directory, stored by `Run.save` or by the command line.

    Parameters
    ----------
    folder : str or Path
        The folder that holds manifest.json.

    Returns
    -------
    Run

    Raises
    ------
    DataError
        The folder is unfinished or damaged, or holds an ensemble or a study.

    Examples
    --------
    >>> import tempfile, numpy as np, flowrepro as fr
    >>> run = fr.descend(np.eye(2), [1, -1], [[0.1, 0]], [0.1], lr=0.1, steps=20, engine="torch")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = fr.load(run.save(folder))
    >>> bool(np.all(again.W == run.W))
    True
    """
    directory = RunDirectory.named(Path(folder).expanduser())
    if not directory.is_complete():
        raise DataError(
            f"{folder} is not a complete run; name the folder that holds its manifest.json"
        )
    if damage := directory.damage():
        raise DataError(f"{folder} is invalid: {'; '.join(damage)}; run it again")
    result = results.load(directory)
    if not isinstance(result, Result):
        what = "a study" if isinstance(result, Study) else "an ensemble"
        raise DataError(f"{folder} holds {what}; fr.load reads single runs")
    wall_s = float(directory.provenance()["wall_s"])
    return Run(result, _problem(result, directory), wall_s)


def _problem(result: Result, directory: RunDirectory) -> Problem:
    """What the engine was given; weights of the user's own come from the folder."""
    if result.case.init.name != "file":
        return prepare(result.case, result.dataset)
    path = directory.file("inputs.npz")
    given = read_npz(path)
    with trusting(path):
        W, a = (np.asarray(given[name], dtype=np.float64) for name in ("W", "a"))
        return Problem.of(result.case, result.X, result.y, W, a)
