"""What a person sees: progress, tables and messages on a terminal, plain lines elsewhere.

Data (tables of verdicts, JSON, paths) goes to stdout, everything else to stderr.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from types import FrameType
from typing import TYPE_CHECKING, Any

from flowrepro.errors import Interrupted

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

GRACE = 2.0
"""Seconds that work may go on after it was asked to stop."""
PATIENCE, LINE_EVERY = 2.0, 20.0
"""Seconds before a bar appears, and between two lines where there is no terminal."""
SIGNAL_EXIT = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


class Signals:
    """First Ctrl-C, SIGTERM or SIGHUP: stop at the next safe moment. Second: stop at once.

    Where no safe moment comes within GRACE seconds (in claims, figures, studies), Interrupted is
    raised wherever Python is. Files are whole at every moment, so that nothing is lost.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._alarm: Any = None

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
            self.heard()
            if self._alarm is not None:
                signal.signal(signal.SIGALRM, self._alarm)
            for number, handler in before.items():
                signal.signal(number, handler)

    def heard(self) -> None:
        """A safe moment came: what is done now to end the work may take its time."""
        if self.received is not None:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self.received is not None:
            os._exit(SIGNAL_EXIT[signal.Signals(number)])
        self.received = signal.Signals(number)
        self._alarm = signal.signal(signal.SIGALRM, interrupt)
        signal.setitimer(signal.ITIMER_REAL, GRACE)
        with contextlib.suppress(OSError):
            os.write(2, b"\nstopping after this step; once more stops at once\n")

    @property
    def exit_code(self) -> int:
        """128 + the signal's number."""
        return SIGNAL_EXIT[self.received] if self.received else 0


def interrupt(*_: object) -> None:
    """The handler of SIGALRM: raise Interrupted, and again later if that was swallowed."""
    signal.setitimer(signal.ITIMER_REAL, GRACE)
    raise Interrupted("stopped")


class Console:
    """The report of a pipeline on stderr: a progress bar on a terminal, one line per 10 %
    elsewhere.
    """

    def __init__(self, signals: Signals, verbose: bool = False) -> None:
        self.signals, self.verbose = signals, verbose
        self._bar: tuple[Progress, TaskID, str] | None = None
        self._begun: tuple[str, float] | None = None
        self._said = 0.0
        self._passing = False

    def say(self, text: str) -> None:
        """One line on stderr; a reader who went away does not end the computation."""
        self.finish()
        with contextlib.suppress(BrokenPipeError):
            print(text, file=sys.stderr, flush=True)

    def doing(self, text: str) -> None:
        """A line that the next one replaces on a terminal; an ordinary one elsewhere, or with
        ``verbose``.
        """
        if self.verbose or not _is_terminal():
            self.say(text)
            return
        self.finish()
        columns = shutil.get_terminal_size().columns
        print(text[: columns - 1], end="", file=sys.stderr, flush=True)
        self._passing = True

    def progress(self, label: str, step: int, n_steps: int) -> None:
        """Move the bar, which appears after PATIENCE seconds; elsewhere a line every LINE_EVERY."""
        now = time.monotonic()
        if self._begun is None or self._begun[0] != label:
            self._begun = (label, now)
        terminal = _is_terminal()
        if now - self._begun[1] < (PATIENCE if terminal else LINE_EVERY):
            return
        if terminal:
            self._move_bar(label, step, n_steps)
        elif now - self._said >= LINE_EVERY:
            self._said = now
            self.say(f"{label}: {step} of {n_steps} ({100 * step // n_steps} %)")

    def _move_bar(self, label: str, step: int, n_steps: int) -> None:
        if self._bar is None or self._bar[2] != label:
            self.finish()
            bar = _bar()
            bar.start()
            self._bar = (bar, bar.add_task(label, total=n_steps), label)
        self._bar[0].update(self._bar[1], completed=step)

    def finish(self) -> None:
        """Take the bar and the passing line away."""
        if self._passing:
            self._passing = False
            print("\r\x1b[2K", end="", file=sys.stderr, flush=True)
        if self._bar:
            self._bar[0].stop()
            self._bar = None

    def interrupted(self) -> bool:
        """Whether a signal asked for an end."""
        self.signals.heard()
        return self.signals.received is not None


class Board(Console):
    """The report of cases that are computed at the same time: on a terminal a line for each of
    them and one for all, elsewhere one line per case that is done.
    """

    def __init__(self, signals: Signals, verbose: bool = False) -> None:
        super().__init__(signals, verbose)
        self.total = self.done = 0
        self._live: Progress | None = None
        self._lines: dict[str, TaskID] = {}

    def say(self, text: str) -> None:
        """One line on stderr, above those that move."""
        if self._live is None:
            super().say(text)
        else:
            self._live.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def doing(self, text: str) -> None:
        """As `say` where everything is asked for."""
        if self.verbose:
            self.say(text)

    def heard(self, key: str, label: str, kind: str, *said: Any) -> None:
        """Show what the worker of a case says (`sweep.tasks.Remark`)."""
        if kind in ("say", "doing"):
            getattr(self, kind)(*said)
        if not _is_terminal():
            return
        if self._live is None:
            self.finish()
            self._live = _bar()
            self._live.start()
            self._lines[""] = self._live.add_task("cases", total=self.total)
            self._live.update(self._lines[""], completed=self.done)
        if key not in self._lines:
            self._lines[key] = self._live.add_task(label, total=None)
        if kind == "progress":
            self._live.update(self._lines[key], completed=said[0], total=said[1])

    def left(self, key: str) -> None:
        """Take the line of a case away."""
        if self._live is not None and key in self._lines:
            self._live.remove_task(self._lines.pop(key))

    def finished(self, name: str, seconds: float, verdicts: str) -> None:
        """Count a case that is done."""
        self.done += 1
        if self._live is not None:
            self._live.update(self._lines[""], completed=self.done)
        elif not _is_terminal():
            self.say(f"{self.done} of {self.total}: {name}, {seconds:.1f} s; {verdicts}")

    def finish(self) -> None:
        """Take all moving lines away."""
        super().finish()
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._lines.clear()


def _is_terminal() -> bool:
    """Whether stderr is one that can replace a line."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb"


def _bar() -> Progress:
    from rich.console import Console as RichConsole
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=RichConsole(stderr=True), transient=True)
