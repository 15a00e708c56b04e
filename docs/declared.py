"""Directives that fill pages from what the package declares, at the time of the build.

    ```{declared} cases
    ```

gives a section for each experiment. What is shown is made of nodes, so that no text of a paper is
ever read as markup.
"""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import click
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from flowrepro import errors
from flowrepro.claims.controls import CONTROLS
from flowrepro.cli import catalogue
from flowrepro.cli.main import cli
from flowrepro.data import DATASETS
from flowrepro.engines import ENGINES
from flowrepro.papers import registry

FIGURES = Path(__file__).parents[1] / "figures"
SHOWN = re.compile(r"\| \[(?P<id>[^]]+)\]\((?P<file>[^)]+)\) \| (?P<caption>.*?) \| [\d| ]+\|$")
"""A line of figures/README.md, which keeps the caption of the stored picture."""
Row = Sequence[str]


def text(cell: str) -> list[nodes.Node]:
    """Words of a cell; what is between backticks is code."""
    parts = re.split(r"`([^`]+)`", cell)
    return [nodes.literal(t, t) if k % 2 else nodes.Text(t) for k, t in enumerate(parts) if t]


def paragraph(cell: str) -> nodes.paragraph:
    """A cell as a paragraph."""
    return nodes.paragraph("", "", *text(cell))


def table(header: Row, rows: Iterable[Row], code: int = 1) -> nodes.Node:
    """A table; the first ``code`` columns are names, shown as code."""
    group = nodes.tgroup(cols=len(header))
    group += [nodes.colspec(colwidth=1) for _ in header]
    head, body = nodes.thead(), nodes.tbody()
    for part, lines, names in ((head, [header], 0), (body, rows, code)):
        for line in lines:
            row = nodes.row()
            for k, cell in enumerate(line):
                shown = f"`{cell}`" if k < names and cell else cell
                row += nodes.entry("", paragraph(shown))
            part += row
    group += [head, body]
    return nodes.table("", group, classes=["declared"])


def section(title: str, *content: nodes.Node, shown: str = "") -> nodes.section:
    """A section whose anchor is its title."""
    heading = nodes.title("", "", *text(shown or title))
    return nodes.section("", heading, *content, ids=[nodes.make_id(title)], names=[title])


def cards(header: Row, rows: Iterable[Row]) -> nodes.definition_list:
    """One entry per row: its first two cells as a heading, the others below by their names."""
    found = nodes.definition_list(classes=["declared"])
    for name, place, *rest in rows:
        lines = [
            nodes.paragraph("", "", nodes.strong(title, f"{title}: "), *text(cell))
            for title, cell in zip(header[2:], rest, strict=True)
            if cell
        ]
        term = nodes.term("", "", nodes.literal(name, name), nodes.Text(f"  {place}"))
        term["ids"] = [nodes.make_id(name)]
        found += nodes.definition_list_item("", term, nodes.definition("", *lines))
    return found


# ---- what papers declare


def cases() -> Iterable[nodes.Node]:
    """The cases of every experiment."""
    for command, declared in registry.commands().items():
        listing = catalogue.experiment(command)
        citation = paragraph(f"{declared.summary} {registry.paper_of(command).citation}.")
        yield section(command, citation, table(listing.header, listing.lines))


def claims() -> Iterable[nodes.Node]:
    """The claims of every paper."""
    for key, paper in registry.PAPERS.items():
        rows = [
            (c.id, c.place, c.sentence, ", ".join(case.name for case in c.cases))
            for c in registry.contents(key).claims
        ]
        heading = paragraph(f"{paper.citation}: {len(rows)} claims.")
        yield section(key, heading, cards(("claim", "place", "states", "cases"), rows))


def controls() -> Iterable[nodes.Node]:
    """The wrong results that claims are judged on."""
    rows = [(control.name, control.sentence) for control in CONTROLS]
    yield table(("control", "wrong result"), rows)


def tables() -> Iterable[nodes.Node]:
    """The tables of all papers, by title."""
    rows = [
        (found.id, key, found.caption, ", ".join(found.header))
        for key in registry.PAPERS
        for topic in registry.contents(key).topics
        for found in topic.tables
    ]
    yield table(("table", "paper", "shows", "columns"), rows)


def misprints() -> Iterable[nodes.Node]:
    """The misprints of every paper."""
    listing = catalogue.misprints()
    for key, paper in registry.PAPERS.items():
        rows = [line[1:] for line in listing.lines if line[0] == key]
        yield section(key, paragraph(f"{paper.citation}."), cards(listing.header[1:], rows))


def gallery() -> Iterable[nodes.Node]:
    """The stored pictures by experiment, with the captions that were stored with them."""
    command = ""
    found: dict[str, list[nodes.Node]] = {}
    for line in (FIGURES / "README.md").read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            command = line.strip("# `").removeprefix("flowrepro ")
        elif match := SHOWN.match(line):
            found.setdefault(command, []).append(_picture(command, match))
    for name, pictures in found.items():
        grid = nodes.container("", *pictures, classes=["gallery"])
        yield section(name, paragraph(registry.paper_of(name).citation), grid)


def _picture(command: str, match: re.Match[str]) -> nodes.figure:
    caption = html.unescape(re.sub(r"\\(.)", r"\1", match["caption"]))
    image = nodes.image(uri=f"../figures/{match['file']}", alt=caption, loading="lazy")
    link = nodes.reference("", "", image, refuri=f"_images/{match['file']}")
    words = text(f"`flowrepro {command} --figure {match['id']}`")
    return nodes.figure("", link, nodes.caption("", "", *words, nodes.Text(f" {caption}")))


# ---- what a user may write


def keys() -> Iterable[nodes.Node]:
    """What --set takes."""
    listing = catalogue.keys()
    yield table(listing.header, listing.lines)


def names() -> Iterable[nodes.Node]:
    """What data.name and protocol.engine may be."""
    rows = [(name, "data set", f"{module}.{call}") for name, (module, call) in DATASETS.items()]
    rows += [(name, "engine", f"{m.module}.{m.cls}") for name, m in ENGINES.items()]
    yield table(("name", "of", "where it is documented"), rows)


def exits() -> Iterable[nodes.Node]:
    """Exit codes, and the classes of errors that give them."""
    classes: dict[int, list[str]] = {}
    for kind in (errors.FlowreproError, *_below(errors.FlowreproError)):
        classes.setdefault(kind.exit_code, []).append(kind.__name__)
    rows = [
        (str(code), ", ".join(f"`{name}`" for name in classes.get(code, [])), means, remedy)
        for code, (means, remedy) in errors.EXIT_CODES.items()
    ]
    yield table(("code", "errors in Python", "it means", "what to do"), rows)


def classes() -> Iterable[nodes.Node]:
    """The classes of errors."""
    rows = [
        (kind.__name__, str(kind.exit_code), ", ".join(b.__name__ for b in kind.__bases__),
         " ".join((kind.__doc__ or "").split()))
        for kind in (errors.FlowreproError, *_below(errors.FlowreproError))
    ]  # fmt: skip
    yield table(("class", "exit code", "is also a", "raised for"), rows)


def _below(kind: type) -> list[Any]:
    return [k for own in kind.__subclasses__() for k in (own, *_below(own))]


def commands() -> Iterable[nodes.Node]:
    """The help page of every subcommand."""
    for name, command in sorted(cli.commands.items()):
        context = click.Context(command, info_name=f"flowrepro {name}", max_content_width=90)
        told = command.get_help(context)
        yield section(f"flowrepro-{name}", nodes.literal_block("", told, language="text"),
                      shown=f"`flowrepro {name}`")  # fmt: skip


class Declared(SphinxDirective):
    """The directive: its argument names one of the functions above."""

    required_arguments = 1
    known: ClassVar[dict[str, Callable[[], Iterable[nodes.Node]]]] = {
        made.__name__: made
        for made in (
            cases, claims, controls, tables, misprints, gallery, keys, names, exits, classes,
            commands,
        )
    }  # fmt: skip

    def run(self) -> list[nodes.Node]:
        """The nodes in place of the directive."""
        self.env.note_reread()
        return list(self.known[self.arguments[0]]())


def setup(app: Sphinx) -> dict[str, bool]:
    """Called by Sphinx."""
    app.add_directive("declared", Declared)
    return {"parallel_read_safe": True}
