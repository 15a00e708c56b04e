"""Work that takes long is done where it is meant: asked on a terminal, refused elsewhere."""

from __future__ import annotations

import sys

import click

from flowrepro.errors import UsageError

YES = click.option(
    "--yes", is_flag=True, help="Go on also where more than 10 minutes or 8 GB are expected."
)


def require_meant(much: str | None, yes: bool) -> None:
    """Ask on a terminal whether to go on with what is much; UsageError where it is not meant."""
    if much is None or yes:
        return
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise UsageError(
            f"{much}; add --yes if that is meant, or take fewer steps, neurons, points or seeds"
        )
    if not click.confirm(f"{much}; go on?", err=True):
        raise UsageError("nothing was started; take fewer steps, neurons, points or seeds")
