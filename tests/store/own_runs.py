"""What tests of a user's own files share: a small run, its places, and the user's content."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from command_line import Result, typed

Call = Callable[..., Result]
TINY = typed("--set n_steps=60 --set m=4 --set geometric=0 --set snapshots=[] --engine fused --format png")
RUN = ("orthogonal", "--case", "toy", *TINY)
FIGURE = "figures/figure-3-toy-loss.png"
PLACES = ("figures", "tables", "animations", "")
MINE = b"the user's own"


COMMANDS: dict[str, Callable[[Path, Path], tuple[object, ...]]] = {
    "run": lambda out, run: (*RUN, "--out", out),
    "run --no-figures": lambda out, run: (*RUN, "--no-figures", "--out", out),
    "run --fresh": lambda out, run: (*RUN, "--fresh", "--no-figures", "--out", out),
    "run --animate": lambda out, run: (*RUN, "--animate", "--out", out),
    "verify": lambda out, run: ("verify", run),
    "rerun": lambda out, run: ("rerun", run),
    "report": lambda out, run: ("report", run, "--out", out / "report.html"),
    "show": lambda out, run: ("show", run),
    "sweep": lambda out, run: (
        *("sweep", "orthogonal", "--case", "toy", *TINY),
        *typed("--grid m=4,5 --workers 1 --summary --out"),
        out,
    ),
}
SOUND = (0, 3, 5)


def everywhere(root: Path, content: bytes) -> list[Path]:
    """Regular files below a folder, links not followed, with a content."""
    return [
        path for path in root.rglob("*") if not path.is_symlink() and path.is_file() and path.read_bytes() == content
    ]


def break_derived(run: Path) -> None:
    """A listed figure and the listed verdicts are changed, so that what is derived is made anew."""
    (run / FIGURE).write_bytes(MINE + b", edited figure")
    (run / "claims.json").write_bytes((run / "claims.json").read_bytes() + b"\n ")
