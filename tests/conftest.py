"""What several test files need."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from command_line import Result
from device_times import MEASURED, Timed, table

# A shell that runs the tests in the background makes them ignore these, and what they start
# inherits that.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(
            _number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL
        )


@pytest.fixture(scope="session")
def good_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sealed run folder of every kind, and one that is begun; copied, never changed."""
    from hostile import make_good

    return make_good(tmp_path_factory.mktemp("good"))


@pytest.fixture
def flowrepro(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Result]:
    """Run the command line in this process: flowrepro("list", "--json") -> Result."""
    from flowrepro.cli.main import main

    def call(*words: object) -> Result:
        monkeypatch.setattr(sys, "argv", ["flowrepro", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            main()
        captured = capsys.readouterr()
        code = stop.value.code
        return Result(code if isinstance(code, int) else 0, captured.out, captured.err)

    return call


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no GPU here")


@pytest.fixture
def measured(request: pytest.FixtureRequest) -> list[Timed]:
    """Where a test leaves its seconds on both devices; they are printed at the end."""
    return request.config.stash.setdefault(MEASURED, [])


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    if rows := config.stash.get(MEASURED, []):
        terminalreporter.section("PyTorch on the CPU and on the GPU, small sizes")
        for line in table(rows):
            terminalreporter.write_line(line)
