"""A kind of case: what the pipeline asks of it, whatever it computes.

There are three: one training (`training.py`), one training for many seeds (`ensembles.py`), and a
study (`studies.py`). The pipeline never asks which. An implementer's duties:

1. ``compute`` loads nothing and draws nothing: it computes a case into its folder, says what it
   chose, resumes what it can, and seals the folder. It raises Interrupted where it did not end.
2. ``load`` gives the same result back from a complete folder; DataError where the files do not fit.
3. ``conditions`` is what must be equal for the result to come out bit-identical.
4. ``recomputes`` says whether a result is computed anew once its conditions have changed.
5. ``takes_all_cores`` says whether a case shares its work among all cores: then it is run alone.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Protocol

from flowrepro.core.config import Case
from flowrepro.core.trajectory import Dataset, Ensemble, Run, Stop, Study
from flowrepro.data import DATASETS
from flowrepro.store import provenance
from flowrepro.store.fingerprint import Name
from flowrepro.store.run_directory import RunDirectory

Result = Run | Ensemble | Study


class Report(Protocol):
    """Where a computation says what it does; the console's and the tests' own implement it.

    One with ``verbose = False`` is spared the reasons why other engines were not chosen.
    """

    def say(self, text: str) -> None:
        """One line that a person should read: a warning, what was set aside, what is not drawn."""

    def doing(self, text: str) -> None:
        """One line about what begins or was chosen, which need not be kept."""

    def progress(self, label: str, step: int, n_steps: int) -> None:
        """Steps made so far."""

    def interrupted(self) -> bool:
        """Whether to stop at the next safe moment."""


@dataclass(frozen=True)
class Settings:
    """How cases are run: folder, what to do about earlier results, figures to draw.

    restart_if_changed : begin an unfinished run anew where code, versions or threads changed,
    instead of refusing to mix.
    figures : ids to draw, or None for all. formats : image formats.
    animations : formats of the animations to draw, none by default.
    """

    root: Path = Path("runs")
    fresh: bool = False
    new: bool = False
    force_resume: bool = False
    wait: bool = False
    restart_if_changed: bool = False
    figures: tuple[str, ...] | None = None
    formats: tuple[str, ...] = ("pdf", "png", "svg")
    animations: tuple[str, ...] = ()


class Kind(ABC):
    """See the module."""

    recomputes: ClassVar[bool] = False

    @abstractmethod
    def compute(
        self,
        case: Any,
        dataset: Dataset | None,
        directory: RunDirectory,
        settings: Settings,
        report: Report,
    ) -> Result:
        """Duty 1."""

    @abstractmethod
    def load(
        self, case: Any, dataset: Dataset | None, directory: RunDirectory, engine: str
    ) -> Result:
        """Duty 2."""

    @abstractmethod
    def conditions(self, case: Any, engine: str) -> dict[str, str]:
        """Duty 3; ``engine`` is the one that computed it."""

    @abstractmethod
    def takes_all_cores(self, case: Any) -> bool:
        """Duty 5."""


def loader_of(case: Case) -> list[Name]:
    """The function that makes the points of a case, for its fingerprint."""
    return [DATASETS[case.data.name]] if case.data and case.data.name in DATASETS else []


def described(
    case: Case,
    dataset: Dataset | None,
    engine: str,
    stop: Stop,
    conditions: Mapping[str, str],
    wall_s: float,
    **more: Any,
) -> dict[str, Any]:
    """provenance.json of a result: what was computed, why it ended, code, versions, machine."""
    seeds = {"seed": case.seed} if case.seeds is None else {"seeds": list(case.seeds)}
    return {
        "experiment": case.command,
        "case": case.name,
        **seeds,
        "engine": engine,
        "dataset": dataset.note if dataset else "",
        "stop": {
            "reason": stop.reason.name,
            "meaning": stop.reason.value,
            "step": stop.step,
            "t": stop.t,
            "note": stop.note,
        },
        "stats": {},
        "wall_s": round(wall_s, 3),
        "fingerprint": dict(conditions),
        **more,
        **provenance.describe(),
    }
