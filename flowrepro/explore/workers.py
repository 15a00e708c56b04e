"""Processes that compute: each answers one question at a time, and one that is not needed is
killed.

They are forked from a process that has imported everything, so that a new one is there at once.
Questions and answers are bytes; nothing that comes from the page is unpickled.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import socket
import threading
import time
from collections.abc import Generator
from multiprocessing.connection import Connection, wait

AT_ONCE = 4
"""Questions that are answered at the same time."""
SECONDS = 300.0
"""Seconds that an answer may take."""
READY = b"ready"
"""What a worker says first: before it, code may be compiled for minutes, which no limit is for."""
_CONTEXT = multiprocessing.get_context("forkserver")


class Worker:
    """A process and the pipe to it."""

    def __init__(self) -> None:
        self.pipe, theirs = _CONTEXT.Pipe()
        self.process = _CONTEXT.Process(target=_serve, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()
        self.ready = False

    def end(self) -> None:
        """Kill it; nothing that it does needs an end of its own."""
        self.process.kill()
        self.pipe.close()
        self.process.join()


class Workers:
    """Those that wait, one at least, and those that answer."""

    def __init__(self, seconds: float = SECONDS) -> None:
        _CONTEXT.set_forkserver_preload(["__main__", "flowrepro.explore.warm"])
        self.seconds = seconds
        self._places, self._lock = threading.Semaphore(AT_ONCE), threading.Lock()
        self._idle: list[Worker] = []
        self._closed = False
        self._prepare()  # the first one waits until everything is loaded

    def answers(self, question: bytes, asker: socket.socket) -> Generator[bytes, None, None]:
        """The lines of the answer. The worker is killed where the asker goes away, the reader stops
        or the time is up.
        """
        if not self._places.acquire(timeout=5.0):
            yield _error(f"{AT_ONCE} computations go on at once; close a page or wait")
            return
        worker, whole = self._take(), False
        try:
            worker.pipe.send_bytes(question)
            end = time.monotonic() + self.seconds
            while not whole:
                left = max(0.0, end - time.monotonic()) if worker.ready else None
                ready = wait([worker.pipe, asker], left)
                if asker in ready:  # it sends nothing more, so that it closed the connection
                    return
                if not ready:
                    yield _error(
                        f"this takes more than {self.seconds:g} s; take fewer neurons, a shorter "
                        "time or the command line"
                    )
                    return
                line = worker.pipe.recv_bytes()
                if line == READY:
                    worker.ready, end = True, time.monotonic() + self.seconds
                    continue
                whole = not line
                if line:
                    yield line
        except (EOFError, OSError):
            yield _error("the computation was lost, perhaps for lack of memory; take a smaller one")
        finally:
            self._give(worker, whole)
            self._places.release()

    def close(self) -> None:
        """End those that wait."""
        with self._lock:
            self._closed, idle, self._idle = True, self._idle, []
        for worker in idle:
            worker.end()

    def _take(self) -> Worker:
        with self._lock:
            worker = self._idle.pop() if self._idle else None
            spare = bool(self._idle)
        if not spare:  # for the next change, which may kill this one
            self._prepare()
        return worker or Worker()

    def _prepare(self) -> None:
        """Have a worker wait, soon."""
        threading.Thread(target=lambda: self._give(Worker(), True), daemon=True).start()

    def _give(self, worker: Worker, whole: bool) -> None:
        with self._lock:
            if whole and not self._closed and len(self._idle) < AT_ONCE:
                self._idle.append(worker)
                return
        worker.end()


def _error(sentence: str) -> bytes:
    return b'{"kind":"error","message":"%s"}' % sentence.encode()


def _serve(pipe: Connection) -> None:
    """A worker's life: questions and answers, until the server goes away."""
    from flowrepro.explore import jobs

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it reaches the whole group; the server ends us
    with contextlib.suppress(EOFError, OSError):
        pipe.send_bytes(READY)
        while True:
            for line in jobs.answers(pipe.recv_bytes()):
                pipe.send_bytes(line)
            pipe.send_bytes(b"")
