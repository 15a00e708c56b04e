"""The command that shows the gradient flow in a browser: `flowrepro explore`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from flowrepro.cli.stored import OUT


@click.command(short_help="The gradient flow on a page in your browser.")
@click.option(
    "--data",
    "data_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Start with your own points: csv, npy, npz or pt.",
)
@click.option("--bias", is_flag=True, help="Append the constant feature 1 to every point.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=0, metavar="N", help="0: any that is free."
)
@OUT
@click.option("--no-browser", is_flag=True, help="Print the address and open nothing.")
def explore(data_file: Path | None, bias: bool, port: int, out: Path, no_browser: bool) -> int:
    """Drag points, change the start, and see the flow, its kinks and the claims that hold.

    The page is served to this machine only, at an address that is printed. Ctrl-C ends it. What the
    page saves goes below --out.
    """
    from flowrepro.explore.server import Explorer

    opening = None if data_file is None else _opening(data_file, bias)
    with Explorer(port, out, opening) as server:
        print(server.url, flush=True)
        print("flowrepro: the page is served until Ctrl-C", file=sys.stderr)
        if not no_browser:
            import webbrowser

            webbrowser.open(server.url)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            print("flowrepro: the page is closed", file=sys.stderr)
    return 0


def _opening(file: Path, bias: bool) -> dict[str, Any]:
    """The question of the points in a file."""
    from flowrepro.data.from_file import points_from_file
    from flowrepro.explore.jobs import question

    return question(points_from_file(str(file)), bias)
