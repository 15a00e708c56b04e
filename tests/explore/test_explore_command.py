"""The command `flowrepro explore`."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

from command_line import Result


def test_the_command_serves_its_page_until_ctrl_c(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "flowrepro", "explore", "--no-browser", "--out", "runs"]
    folder, err = tmp_path / "here", tmp_path / "err.txt"
    folder.mkdir()
    with (
        err.open("w") as stream,
        subprocess.Popen(words, cwd=folder, stdout=subprocess.PIPE, stderr=stream, text=True) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with urllib.request.urlopen(url) as answer:
            assert b"main.js" in answer.read()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=60) == 0
    assert "Traceback" not in err.read_text()
    assert list(folder.iterdir()) == []


def test_a_port_that_is_taken_and_a_bad_file_are_told(flowrepro: Callable[..., Result], tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = flowrepro("explore", "--no-browser", "--port", taken.getsockname()[1])
    assert done.code == 7
    assert "take another --port" in done.err
    bad = tmp_path / "bad.csv"
    bad.write_text("x,y\n1,nan\n")
    done = flowrepro("explore", "--no-browser", "--data", bad)
    assert done.code == 3
    assert "bad.csv" in done.err
