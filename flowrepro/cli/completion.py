"""What a shell offers for the values of options: names of cases, figures, claims, engines and keys.

The papers' topics take seconds to import, a shell may wait a few tenths of one. So their names are
kept in names.json beside this file, which `python -m flowrepro.cli.completion` ('make names')
writes anew. Papers of plug-ins are imported already, and asked themselves.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from flowrepro.papers import registry

INDEX = Path(__file__).with_name("names.json")
Names = Mapping[str, Mapping[str, list[str]]]
"""Subcommand -> "cases", "figures", "claims" or "keys" -> names."""
Offer = Callable[[click.Context, click.Parameter, str], list[str]]


def declared(commands: Iterable[str]) -> Names:
    """The names that papers declare; imports their topics."""
    from flowrepro.core.config import computing_form, flatten

    found = {}
    for command in commands:
        cases = registry.cases_of(command)
        claims = registry.contents(registry.paper_of(command).key).claims
        own = {case.name for case in cases}
        keys = [key for case in cases for key in flatten(computing_form(case)) if key != "schema"]
        found[command] = {
            "cases": [case.name for case in cases],
            "figures": [figure.id for figure in registry.figures_of(command)],
            "claims": [one.id for one in claims if own & {case.name for case in one.cases}],
            "keys": list(dict.fromkeys(keys)),
        }
    return found


def names(kind: str, commands: Iterable[str]) -> list[str]:
    """The names of one kind, from the index or from plug-ins; each once."""
    index = json.loads(INDEX.read_text(encoding="utf-8"))
    wanted = list(commands)
    found = {**index, **declared(name for name in wanted if name not in index)}
    return list(dict.fromkeys(name for command in wanted for name in found[command][kind]))


def offer(kind: str, ending: str = "") -> Offer:
    """A completion by the names of the experiment that the line names, of all where it names
    none.
    """

    def complete(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
        named = context.params.get("experiment") or context.info_name
        commands = [named] if named in registry.commands() else list(registry.commands())
        return [name + ending for name in names(kind, commands) if name.startswith(begun)]

    return complete


def offer_engines(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """A completion by the engines."""
    from flowrepro.engines import ENGINES

    return [name for name in ("auto", *ENGINES) if name.startswith(begun)]


def offer_experiments(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """A completion by the experiments."""
    return [name for name in registry.commands() if name.startswith(begun)]


def offer_everything(context: click.Context, parameter: click.Parameter, begun: str) -> list[str]:
    """A completion by the experiments, cases and claims: what 'list' explains."""
    every = registry.commands()
    found = [*every, *names("cases", every), *names("claims", every)]
    return [name for name in dict.fromkeys(found) if name.startswith(begun)]


def offer_targets(context: click.Context, parameter: click.Parameter, begun: str) -> list[Any]:
    """A completion by the experiments, else by folders."""
    from click.shell_completion import CompletionItem

    return offer_experiments(context, parameter, begun) or [CompletionItem(begun, type="dir")]


if __name__ == "__main__":
    INDEX.write_text(json.dumps(declared(registry.commands()), indent=1) + "\n", encoding="utf-8")
