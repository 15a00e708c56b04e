"""What several test files need."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from command_line import Result
from device_times import MEASURED, Timed, table

# Threads gain nothing on small problems: they spin while they wait for each other, which made the
# tests of two workers on two cores several times slower (measured).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

# A shell that runs the tests in the background makes them ignore these, and what they start
# inherits that.
for _number in (signal.SIGINT, signal.SIGHUP):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)


@pytest.fixture(scope="session", autouse=True)
def one_thread() -> None:
    """Parallel kernels run on one thread, unless a test asks for more."""
    import numba

    numba.set_num_threads(1)


@pytest.fixture(scope="session")
def good_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A sealed run folder of every kind, and one that is begun; copied, never changed."""
    from hostile import make_good

    return make_good(tmp_path_factory.mktemp("good"))


@pytest.fixture
def flowrepro(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Result]:
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


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if rows := config.stash.get(MEASURED, []):
        terminalreporter.section("PyTorch on the CPU and on the GPU, small sizes")
        for line in table(rows):
            terminalreporter.write_line(line)


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Sweeps are computed in this process, where faults can be injected; names of the tasks given
    out.
    """
    from flowrepro.sweep import pool, tasks

    given: list[str] = []

    def run_here(
        queue: Iterable[tasks.Task],
        workers: int,
        done: Callable[[tasks.Task, tasks.Answer], None],
        stop: Callable[[], bool],
    ) -> None:
        for task in queue:
            if not stop():
                given.append(task.name)
                done(task, tasks.perform(task, lambda: False))

    monkeypatch.setattr(pool, "run_locally", run_here)
    return given
