"""One page on what was run: per paper each figure beside its claims, the paper's numbers and ours,
verdicts, misprints, provenance.

The HTML page holds its images and asks for nothing over a network; its script filters and enlarges,
and the page is whole without it. The Markdown page refers to the files where they are.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

from flowrepro import __version__
from flowrepro.core.config import Case, Target
from flowrepro.errors import DataError, UsageError
from flowrepro.figures.declare import Figure
from flowrepro.papers import registry
from flowrepro.papers.paper import Misprint
from flowrepro.run.changes import headline, told
from flowrepro.store.files import write_atomic
from flowrepro.store.places import is_plain_file, shown
from flowrepro.store.reading import read_bytes, sha256_of
from flowrepro.store.run_directory import RunDirectory

VERDICTS = ("PASS", "FAIL", "N/A", "INFO")
WHOLE = 1e6
"""Whole numbers below it, such as steps, keep all their digits."""


@dataclass(frozen=True)
class Image:
    """A drawn figure: its id, the caption that was stored with it, and its PNG."""

    id: str
    caption: str
    path: Path


@dataclass(frozen=True)
class Section:
    """A stored run: case, folder, figures, verdicts as stored, provenance, names of its files.

    anchor : the section's address within the page.
    """

    case: Case
    path: Path
    anchor: str
    images: tuple[Image, ...]
    claims: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, Any]
    files: tuple[str, ...]

    @property
    def seeds(self) -> str:
        """The seed, or the range of an ensemble."""
        return (
            str(self.case.seed)
            if self.case.seeds is None
            else f"{self.case.seeds[0]} to {self.case.seeds[1] - 1}"
        )

    @property
    def changed(self) -> str:
        """What was changed against the case as declared; empty for the paper's own setting."""
        return told(self.case)

    @property
    def shows(self) -> str:
        """What the case shows; for other points what was changed."""
        return headline(self.case)

    @property
    def on_own_points(self) -> bool:
        """Whether the points are the user's, to which the case's sentence does not apply."""
        return self.case.data is not None and self.case.data.name == "file"

    @property
    def stated(self) -> tuple[tuple[Target, float | None], ...]:
        """What the paper states, each with the number that a claim measured in this run."""
        return tuple((target, self._measured(target)) for target in self.case.targets)

    def _measured(self, target: Target) -> float | None:
        """Measured by the part that names the target, or that has its window; else None."""
        window = target.window and list(target.window)
        found = {
            part["measured"]
            for claim in self.claims
            for part in claim["parts"]
            if part["note"] == target.what or (part["relation"] == "in" and part["bound"] == window)
        }
        return found.pop() if len(found) == 1 else None

    @property
    def failed(self) -> tuple[Mapping[str, Any], ...]:
        """The claims that FAIL."""
        return tuple(claim for claim in self.claims if claim["verdict"] == "FAIL")

    @property
    def command(self) -> str:
        """The command line that gave the run."""
        return shlex.join(["flowrepro", *map(str, self.provenance["argv"][1:])])

    def count(self, verdict: str) -> int:
        """Claims with a verdict."""
        return sum(claim["verdict"] == verdict for claim in self.claims)


@dataclass(frozen=True)
class Chapter:
    """A paper with its runs and misprints."""

    paper: str
    title: str
    sections: tuple[Section, ...]
    misprints: Sequence[Misprint]

    @property
    def short(self) -> str:
        """Authors and year."""
        authors, _, rest = self.title.partition(": ")
        return f"{authors} {rest[rest.rfind('(') :]}" if rest else authors

    def count(self, verdict: str) -> int:
        """Claims of all its runs with a verdict."""
        return sum(section.count(verdict) for section in self.sections)


def count(chapters: Iterable[Chapter], verdict: str) -> int:
    """Claims of all papers with a verdict."""
    return sum(chapter.count(verdict) for chapter in chapters)


def find_runs(places: Sequence[Path]) -> list[RunDirectory]:
    """The complete runs at or below the given folders;

    DataError where there are none, or one is damaged.
    """
    for place in places:
        if not place.is_dir():
            raise DataError(
                f"{place} is not a folder with runs; name a run directory or the folder given to "
                "--out"
            )
    found = [
        RunDirectory.named(manifest.parent)
        for place in places
        for manifest in sorted(place.rglob("manifest.jso[n]"))  # without the brackets, a link
        # that leads nowhere would be passed over
    ]
    found = [
        directory
        for directory in dict.fromkeys(found)
        if ".replaced-" not in directory.path.name and ".invalid-" not in directory.path.name
    ]
    if not found:
        raise DataError(
            f"there is no complete run in {', '.join(map(str, places))}; 'flowrepro all' makes some"
        )
    for directory in found:
        if damage := directory.damage():
            raise DataError(
                f"{directory.path} is invalid: {'; '.join(damage)}; run it again, which keeps the "
                "damaged folder beside"
            )
    return found


def collect(directories: Iterable[RunDirectory]) -> list[Chapter]:
    """The runs by paper, in the order of the subcommands and their cases."""
    sections = [_section(directory) for directory in directories]
    known = [
        (command, case.name)
        for command in registry.commands()
        for case in registry.cases_of(command)
    ]
    order = {pair: place for place, pair in enumerate(known)}
    sections.sort(
        key=lambda section: (
            order.get((section.case.command, section.case.name), len(order)),
            section.case.seeds is not None,
            str(section.path),
        )
    )
    names = Counter(section.anchor for section in sections)
    sections = [  # the same run in two folders: each has an address of its own
        replace(section, anchor=f"{section.anchor}-{k}") if names[section.anchor] > 1 else section
        for k, section in enumerate(sections)
    ]
    keys = dict.fromkeys(section.case.paper for section in sections)
    return [
        Chapter(
            paper,
            _title(paper),
            tuple(section for section in sections if section.case.paper == paper),
            registry.misprints(paper),
        )
        for paper in keys
    ]


def _section(directory: RunDirectory) -> Section:
    case = directory.case()
    files = tuple(sorted(directory.files()))
    ids = {figure.file: figure.id for figure in _figures(case)}
    if case.paper == registry.OWN:
        ids = {name: name for name in ("overview", "directions", "function")}
    names = {stem: f"figures/{stem}.png" for stem in ids}
    images = tuple(
        Image(ids[stem], _caption(directory, stem), directory.file(name))
        for stem, name in names.items()
        if name in files
    )
    path = directory.path
    claims = tuple(directory.claims())
    return Section(case, path, path.name, images, claims, directory.provenance(), files)


def _figures(case: Case) -> Sequence[Figure]:
    return registry.contents(case.paper).figures if case.paper in registry.PAPERS else ()


def _caption(directory: RunDirectory, stem: str) -> str:
    """The caption stored beside a figure's numbers; empty where none is."""
    if not directory.holds(f"figures/{stem}.json"):
        return ""
    return str(directory.drawn(f"figures/{stem}").get("caption", ""))


def _title(paper: str) -> str:
    return registry.PAPERS[paper].citation if paper in registry.PAPERS else paper


def html(chapters: Sequence[Chapter], place: Path) -> str:
    """The page as it will stand at ``place``: images inside, links to the runs' files relative to
    it.
    """
    return _rendered("report.html.j2", chapters, place)


def markdown(chapters: Sequence[Chapter], place: Path) -> str:
    """The page for a repository, its images and files by relative links."""
    return _rendered("report.md.j2", chapters, place)


def require_place(place: Path) -> None:
    """UsageError for a place that is no file, or where a file of the system would be replaced."""
    real = Path(os.path.realpath(place.parent))
    if place.exists() and not place.is_file():
        raise UsageError(f"--out {shown(place)} is not a file; name a file to write")
    if real == Path("/dev") or real.is_relative_to("/proc") or real.is_relative_to("/sys"):
        raise UsageError(f"--out {shown(place)} belongs to the system; name a file to write")


def write(place: Path, text: str) -> None:
    """Write a page, signed so that it is known again; a file that is there and is no page as we
    wrote it is set aside.
    """
    content = text.encode(errors="backslashreplace")
    before = read_bytes(place) if is_plain_file(place) and os.access(place, os.R_OK) else b""
    ours = (sha256_of(before),) if _is_signed(before) else ()
    write_atomic(place, content + _signature(content), ours, why="foreign")


def _signature(content: bytes) -> bytes:
    return b"<!-- written by flowrepro; sha256 of all above: %s -->\n" % sha256_of(content).encode()


def _is_signed(content: bytes) -> bool:
    """Whether a page is as we wrote it."""
    length = len(_signature(b""))
    return content[-length:] == _signature(content[:-length])


def _rendered(template: str, chapters: Sequence[Chapter], place: Path) -> str:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    is_html = template.endswith(".html.j2")
    environment = Environment(
        loader=PackageLoader("flowrepro.report"),
        autoescape=is_html,
        finalize=None if is_html else markdown_text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["number"] = short if is_html else _number
    environment.filters["embedded"] = lambda path: (
        "data:image/png;base64," + base64.b64encode(read_bytes(path)).decode()
    )
    environment.filters["link"] = lambda path: Markup(
        quote(os.fsencode(os.path.relpath(path, place.absolute().parent)))
    )
    totals = {verdict: count(chapters, verdict) for verdict in VERDICTS}
    return environment.get_template(template).render(
        chapters=chapters, totals=totals, version=__version__, verdicts=VERDICTS
    )


def markdown_text(value: Any) -> Any:
    """A value as text that Markdown shows as it is: no markup, no HTML, no new line."""
    from markupsafe import Markup

    if isinstance(value, Markup):
        return value
    text = str(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|~#])", r"\\\1", " ".join(text.split()))


def _number(value: object) -> str:
    """A measured value, a bound or a window as short text."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return " to ".join(map(_number, value))
    return f"{value:.6g}" if isinstance(value, float | int) else str(value)


def short(value: object) -> str:
    """A value with three significant digits, for HTML: the tooltip holds all digits."""
    from markupsafe import Markup

    if isinstance(value, list | tuple):
        return Markup(" to ").join(map(short, value))
    if not isinstance(value, float | int):
        return "" if value is None else str(value)
    whole = float(value).is_integer() and abs(value) < WHOLE
    text, full = (f"{value:.0f}",) * 2 if whole else (f"{value:.3g}", repr(value))
    return (
        text
        if text == full
        else Markup('<data value="{0}" title="{0}">{1}</data>').format(full, text)
    )
