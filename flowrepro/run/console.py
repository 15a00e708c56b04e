"""What a person sees: progress, tables and messages on a terminal, plain lines elsewhere.

Data (tables of verdicts, JSON, paths) goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from flowrepro import __version__

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

WIDE = 140
"""Columns from which the table of verdicts holds statements and notes."""
VERDICT_STYLE = {"PASS": "green", "FAIL": "bold red", "N/A": "dim", "INFO": "cyan"}
SIGNAL_EXIT = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


def is_terminal(stream: TextIO) -> bool:
    """Whether tables may be drawn on a stream: a terminal, or FORCE_COLOR (unless 0)."""
    return (stream.isatty() and os.environ.get("TERM") != "dumb") or os.environ.get(
        "FORCE_COLOR", "0"
    ) != "0"


def has_style(stream: TextIO) -> bool:
    """Whether colours and bold type may be used on a stream: a terminal without NO_COLOR."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")


class Signals:
    """First Ctrl-C, SIGTERM or SIGHUP: stop at the next safe moment. Second: stop at once."""

    def __init__(self) -> None:
        self.received: signal.Signals | None = None

    @contextlib.contextmanager
    def caught(self) -> Iterator[Signals]:
        """Handle the three signals inside the block."""
        heeded = [
            number for number in SIGNAL_EXIT if signal.getsignal(number) is not signal.SIG_IGN
        ]  # nohup ignores SIGHUP
        before = {number: signal.signal(number, self._handle) for number in heeded}
        try:
            yield self
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(SIGNAL_EXIT[signal.Signals(number)])
        self.received = signal.Signals(number)
        with contextlib.suppress(OSError):
            os.write(2, b"\nstopping after this step; once more stops at once\n")

    @property
    def exit_code(self) -> int:
        """128 + the signal's number."""
        return SIGNAL_EXIT[self.received] if self.received else 0


class Console:
    """The report of a pipeline on stderr: a progress bar on a terminal, one line per 10 %
    elsewhere.
    """

    def __init__(self, signals: Signals) -> None:
        self.signals = signals
        self._bar: tuple[Progress, TaskID, str] | None = None
        self._tenth: dict[str, int] = {}

    def say(self, text: str) -> None:
        """One line on stderr; a reader who went away does not end the computation."""
        self.finish()
        with contextlib.suppress(BrokenPipeError):
            print(text, file=sys.stderr, flush=True)

    def progress(self, label: str, step: int, n_steps: int) -> None:
        """Move the bar, or print a line at each tenth."""
        if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            self._move_bar(label, step, n_steps)
            return
        tenth = 10 * step // n_steps
        if label not in self._tenth:
            self._tenth[label] = tenth
        elif tenth > self._tenth[label]:
            self._tenth[label] = tenth
            self.say(f"{label}: step {step} of {n_steps} ({10 * tenth} %)")

    def _move_bar(self, label: str, step: int, n_steps: int) -> None:
        from rich.console import Console as RichConsole
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )

        if self._bar is None or self._bar[2] != label:
            self.finish()
            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
                TimeRemainingColumn(),
            )
            bar = Progress(*columns, console=RichConsole(stderr=True), transient=True)
            bar.start()
            self._bar = (bar, bar.add_task(label, total=n_steps), label)
        self._bar[0].update(self._bar[1], completed=step)

    def finish(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar[0].stop()
            self._bar = None

    def interrupted(self) -> bool:
        """Whether a signal asked for an end."""
        return self.signals.received is not None


def print_table(
    title: str,
    header: Sequence[str],
    lines: Iterable[Sequence[str]],
    styles: dict[str, str] | None = None,
) -> None:
    """A table on stdout: drawn by rich on a terminal, tab-separated lines elsewhere."""
    cases = [list(map(str, line)) for line in lines]
    if not is_terminal(sys.stdout):
        for case in ([*header], *cases):
            print("\t".join(case))
        return
    from rich.console import Console as RichConsole
    from rich.style import Style
    from rich.table import Table
    from rich.text import Text

    plain = not has_style(sys.stdout)
    table = Table(
        title=title,
        title_justify="left",
        title_style=Style() if plain else None,
        header_style=Style() if plain else None,
    )
    for name in header:
        table.add_column(name, overflow="fold")
    for case in cases:
        style = "" if plain else (styles or {}).get(case[0], "")
        table.add_row(Text(case[0], style=style), *(Text(cell) for cell in case[1:]))
    RichConsole().print(table)


def number(value: Any) -> str:
    """A number of a verdict, six digits; pairs as [low, high]; '-' for none."""
    if value is None:
        return "-"
    if isinstance(value, list | tuple):
        return f"[{number(value[0])}, {number(value[1])}]"
    return value if isinstance(value, str) else f"{value:.6g}"


def print_claims(claims: Sequence[dict[str, Any]]) -> None:
    """The table of verdicts and one line that counts them; a narrow terminal gets the notes below
    the table.
    """
    narrow = is_terminal(sys.stdout) and shutil.get_terminal_size().columns < WIDE
    header = (
        "verdict",
        "claim",
        "case",
        "measured",
        "bound",
        "slack",
        *(() if narrow else ("statement", "note")),
    )
    lines = []
    for claim in claims:
        bound = f"{claim['relation']} {number(claim['bound'])}" if claim["relation"] else "-"
        cells = (
            claim["verdict"],
            claim["id"],
            claim["case"],
            number(claim["measured"]),
            bound,
            number(claim["slack"]),
        )
        lines.append((*cells, *(() if narrow else (claim["place"], claim["note"]))))
    print_table("claims", header, lines, VERDICT_STYLE)
    if narrow:
        for claim in claims:
            print(f"{claim['id']} ({claim['case']}; {claim['ref']}): {claim['note']}")
    print(count_verdicts(claims))


def count_verdicts(claims: Sequence[dict[str, Any]]) -> str:
    """'12 PASS, 0 FAIL, 3 N/A, 1 INFO'."""
    return ", ".join(
        f"{sum(claim['verdict'] == verdict for claim in claims)} {verdict}"
        for verdict in VERDICT_STYLE
    )


def show_warning(
    message: Warning | str, category: type[Warning], *place: object, **more: object
) -> None:
    """One line, without the source that a user does not know."""
    print(f"flowrepro: warning: {message}", file=sys.stderr)


def repair_streams() -> None:
    """Streams that were closed lead nowhere; characters that a locale lacks are escaped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        getattr(sys, name).reconfigure(errors="backslashreplace")


def report_internal_error(error: Exception) -> int:
    """Keep the traceback in a file, show one sentence."""
    import tempfile

    with tempfile.NamedTemporaryFile(
        "w", prefix="flowrepro-error-", suffix=".txt", delete=False
    ) as report:
        report.write(f"flowrepro {__version__}\n{sys.argv}\n{traceback.format_exc()}")
    print(
        f"flowrepro: internal error ({type(error).__name__}: {error}); the details are in "
        f"{report.name}",
        file=sys.stderr,
    )
    return 1
