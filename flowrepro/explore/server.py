"""The page and the workers over HTTP, on the loopback interface only.

Every address begins with a token that nobody else knows. A request must name this host, and one
that computes must come from this page (its Origin); requests are small and soon complete, or they
are refused. An answer is lines of JSON as they come; the connection ends with it.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import resources
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from flowrepro import __version__
from flowrepro.errors import EnvironmentFault
from flowrepro.explore.workers import SECONDS, Workers

MOST_BYTES = 32_000_000
"""Of the body of a request: the images of a film are the largest."""
MOST_CONNECTIONS = 64
"""Connections at a time; those beyond are closed at once."""
PATIENCE = 5.0
"""Seconds that a request may be silent before it is complete."""
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript"}
JOBS = ("train", "judge", "start", "preset", "points", "save", "weights", "film")
SAFE = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
"""Sent with everything: the page loads what this server has, and no other page may hold it."""


class Explorer(ThreadingHTTPServer):
    """The server; ``url`` is the page's address. ``out`` is where runs are saved.

    opening : the question that the page starts with (`asked.Asked`), or None.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, port: int, out: Path, opening: dict[str, Any] | None = None, seconds: float = SECONDS
    ) -> None:
        self.token = secrets.token_urlsafe(16)
        self.out, self.opening = out, opening
        self._places = threading.Semaphore(MOST_CONNECTIONS)
        folder = resources.files("flowrepro.explore") / "page"
        self.files = {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}
        try:
            super().__init__(("127.0.0.1", port), Handler)
        except (OSError, OverflowError) as error:
            why = getattr(error, "strerror", None) or error
            raise EnvironmentFault(
                f"port {port} cannot be opened ({why}); take another --port, or 0 for any"
            ) from None
        self.workers = Workers(seconds)

    @property
    def port(self) -> int:
        """The port that is open."""
        return int(self.server_address[1])

    @property
    def url(self) -> str:
        """The address of the page, with its token."""
        return f"http://127.0.0.1:{self.port}/{self.token}/"

    @property
    def hosts(self) -> tuple[str, ...]:
        """The names under which this server may be asked."""
        return f"127.0.0.1:{self.port}", f"localhost:{self.port}"

    def process_request(self, request: Any, client_address: Any) -> None:
        """Answer in a thread; refuse what is too much."""
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """As the library's, and free the place."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that broke is nobody's concern."""

    def server_close(self) -> None:
        """Close the port and end the workers."""
        super().server_close()
        with contextlib.suppress(AttributeError):  # the port could not be opened
            self.workers.close()


class Refused(Exception):
    """A request that is not answered: its status, and why."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Explorer
    timeout = PATIENCE
    server_version, sys_version = f"flowrepro/{__version__}", ""

    def do_GET(self) -> None:
        """A file of the page, by its name."""
        self._answer(self._file)

    def do_POST(self) -> None:
        """A job; its messages are sent as they come."""
        self._answer(self._job)

    def _answer(self, give: Callable[[], None]) -> None:
        try:
            give()
        except Refused as refusal:
            self._refuse(*refusal.args)

    def _file(self) -> None:
        name = self._admitted(needs_origin=False)
        content = self.server.files.get(name or "index.html")
        if content is None:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such file")
        suffix = Path(name or "index.html").suffix
        self._head(f"{TYPES.get(suffix, 'application/octet-stream')}; charset=utf-8", len(content))
        self.wfile.write(content)

    def _job(self) -> None:
        name = self._admitted(needs_origin=True)
        kind, _, about = name.partition("/")
        if kind not in JOBS:
            raise Refused(HTTPStatus.NOT_FOUND, "there is no such job")
        body = self._body()
        self._head("application/x-ndjson", None)
        self.wfile.flush()
        if kind == "start" and self.server.opening is not None:
            self._line(json.dumps({"kind": "question", **self.server.opening}).encode())
        job = {"kind": kind, "name": unquote(about), "out": str(self.server.out)}
        question = json.dumps(job).encode() + b"\n" + body
        answers = self.server.workers.answers(question, self.connection)
        with contextlib.closing(answers), contextlib.suppress(OSError):  # the page went away
            for line in answers:
                self._line(line)

    def _line(self, line: bytes) -> None:
        self.wfile.write(line + b"\n")

    def _admitted(self, needs_origin: bool) -> str:
        """What follows the token, once host, origin and token are right."""
        host, origin = self.headers.get_all("Host", []), self.headers.get_all("Origin", [])
        if len(host) != 1 or host[0] not in self.server.hosts:
            raise Refused(HTTPStatus.FORBIDDEN, "this server has another name")
        if (needs_origin or origin) and origin != [f"http://{host[0]}"]:
            raise Refused(HTTPStatus.FORBIDDEN, "another page asked")
        token, _, rest = self.path.partition("?")[0].removeprefix("/").partition("/")
        if not secrets.compare_digest(token.encode(), self.server.token.encode()):
            raise Refused(HTTPStatus.FORBIDDEN, "the address lacks its token")
        return rest

    def _body(self) -> bytes:
        """The whole body of a request that is small enough."""
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()) or "Transfer-Encoding" in self.headers:
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "a request must say how long it is")
        if len(length) > 12 or int(length) > MOST_BYTES:
            raise Refused(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"a request has at most {MOST_BYTES} bytes"
            )
        try:
            body = self.rfile.read(int(length))
        except TimeoutError:
            body = b""
        if len(body) != int(length):
            raise Refused(HTTPStatus.REQUEST_TIMEOUT, "the request is not complete")
        return body

    def _head(self, kind: str, length: int | None) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", kind)
        if length is not None:
            self.send_header("Content-Length", str(length))
        for name, value in SAFE.items():
            self.send_header(name, value)
        self.end_headers()
        self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def _refuse(self, status: HTTPStatus, why: str) -> None:
        content = f"{why}\n".encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        for name, value in SAFE.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are not logged: their addresses hold the token."""
