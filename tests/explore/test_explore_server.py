"""The server of `flowrepro explore`: what it answers, what it refuses, and that it stays alive."""

from __future__ import annotations

import base64
import http.client
import io
import json
import socket
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowrepro as fr
from flowrepro.explore import jobs, server

THREE: dict[str, Any] = {
    "x": [[-0.75], [-0.5], [0.125]], "y": [1.1, 0.1, 0.8], "bias": True, "width": 20, "t": 30.0,
}  # fmt: skip


def asked(
    explorer: server.Explorer, place: str, body: bytes = b"", method: str = "POST", **changes: str
) -> tuple[int, bytes]:
    """Status and content of a request; ``changes`` replace its headers, "" leaves one out."""
    host = f"127.0.0.1:{explorer.port}"
    headers = {"Host": host, "Origin": f"http://{host}", "Content-Length": str(len(body))}
    headers.update({name.replace("_", "-"): value for name, value in changes.items()})
    connection = http.client.HTTPConnection("127.0.0.1", explorer.port, timeout=60)
    connection.putrequest(method, place, skip_host=True, skip_accept_encoding=True)
    for name, value in headers.items():
        if value:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content


def messages(explorer: server.Explorer, job: str, question: Any) -> list[dict[str, Any]]:
    """What a job answers."""
    body = question if isinstance(question, bytes) else json.dumps(question).encode()
    status, content = asked(explorer, f"/{explorer.token}/{job}", body)
    assert status == 200, content
    return [json.loads(line) for line in content.splitlines()]


def numbers(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), dtype="<f4")


def test_the_page_is_served_and_forbids_what_is_not_its_own(explorer: server.Explorer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", explorer.port)
    connection.request("GET", f"/{explorer.token}/")
    answer = connection.getresponse()
    assert answer.status == 200
    assert b"gradient flow" in answer.read()
    policy = answer.getheader("Content-Security-Policy") or ""
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    for name in explorer.files:
        assert asked(explorer, f"/{explorer.token}/{name}", method="GET")[0] == 200


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Content_Length": "1000000000"}, 413),
        ({"Content_Length": "9" * 400}, 413),
        ({"Content_Length": "-1"}, 411),
        ({"Content_Length": ""}, 411),
        ({"Transfer_Encoding": "chunked"}, 411),
        ({"Content_Length": "10"}, 408),
    ],
)
def test_a_wrong_request_is_refused(explorer: server.Explorer, changes: dict[str, str], status: int) -> None:
    assert asked(explorer, f"/{explorer.token}/start", **changes)[0] == status
    assert asked(explorer, f"/{explorer.token}/", method="GET")[0] == 200


@pytest.mark.parametrize(
    ("place", "method", "status"),
    [
        ("/", "GET", 403),
        ("/wrong/start", "POST", 403),
        ("/{token}x/start", "POST", 403),
        ("/{token}/../../../etc/passwd", "GET", 404),
        ("/{token}/%2e%2e/server.py", "GET", 404),
        ("/{token}//etc/passwd", "GET", 404),
        ("/{token}/answers", "POST", 404),
        ("/{token}/start", "PUT", 501),
    ],
)
def test_a_wrong_address_is_refused(explorer: server.Explorer, place: str, method: str, status: int) -> None:
    assert asked(explorer, place.replace("{token}", explorer.token), method=method)[0] == status


def test_many_connections_are_refused_and_the_server_lives(explorer: server.Explorer) -> None:
    held = []
    for _ in range(300):
        one = socket.create_connection(("127.0.0.1", explorer.port), timeout=5)
        held.append(one)
    time.sleep(0.1)
    refused = 0
    for one in held:
        one.setblocking(False)
        try:
            refused += one.recv(1) == b""
        except BlockingIOError:
            continue
        except OSError:
            refused += 1
    assert refused >= 300 - server.MOST_CONNECTIONS - 5
    for one in held:
        one.close()
    end = time.monotonic() + 10
    while time.monotonic() < end:
        try:
            assert asked(explorer, f"/{explorer.token}/", method="GET")[0] == 200
            return
        except OSError:  # the last of them are still being closed
            time.sleep(0.1)
    pytest.fail("the server does not answer any more")


def test_a_training_comes_moment_by_moment_and_is_that_of_the_api(explorer: server.Explorer) -> None:
    found = messages(explorer, "train", THREE)
    kinds = [message["kind"] for message in found]
    assert kinds[0] == "scene"
    assert kinds[-3:] == ["stop", "extremal", "end"]
    blocks = [message for message in found if message["kind"] == "moments"]
    t, loss = (np.concatenate([numbers(b[name]) for b in blocks]) for name in ("t", "loss"))
    assert t[0] == 0
    assert t[-1] == 30.0
    assert np.all(np.diff(t) > 0)
    space: dict[str, Any] = {}
    lines = found[-3]["python"].rpartition("\n")[0]
    exec(lines, space)  # the lines that the page shows make the same run
    assert isinstance(space["run"], fr.Run)
    assert loss[-1] == pytest.approx(space["run"].loss[-1], rel=1e-6)
    assert sum(len(block["events"][0]) for block in blocks) == len(space["run"].events)
    assert [v["nature"] for v in found[-2]["vectors"]] == ["maximum"]


def test_the_smallest_scale_and_a_descent_are_drawn(explorer: server.Explorer) -> None:
    tiny = {**THREE, "scale": "1e-1000", "t": None}
    found = messages(explorer, "train", tiny)
    first = next(message for message in found if message["kind"] == "moments")
    norms = numbers(first["norms"])
    assert np.all(np.isfinite(norms))
    assert norms[:20].max() < -998
    assert found[-1]["kind"] == "end"
    found = messages(explorer, "train", {**THREE, "engine": "descent", "lr": 0.05})
    assert found[-3]["reason"] == "HORIZON"
    assert found[0]["steps"] == 600
    refusal = messages(explorer, "train", {**tiny, "engine": "descent"})[-1]
    assert "below what doubles hold" in refusal["message"]


@pytest.mark.parametrize(
    ("question", "word"),
    [
        (b"", "does not know"),
        (b"[" * 100_000, "does not know"),
        (b'{"x": [[1]], "y": [1], "file": "/etc/passwd"}', "file"),
        ({**THREE, "width": 10**9}, "width"),
        ({**THREE, "scale": "0"}, "positive number"),
        ({**THREE, "scale": "__import__"}, "positive number"),
        ({**THREE, "y": [1.0]}, "one target per sample"),
        ({**THREE, "loss": "logistic"}, "labels"),
        ({**THREE, "x": [[0.0]] * 30_000, "y": [0.0] * 30_000}, "20000"),
        ({**THREE, "x": [[1.0], [1.0, 2.0], [1.0]]}, "rows"),
        ({**THREE, "engine": "descent", "lr": 1e-9, "t": 1e6}, "longer step"),
    ],
)
def test_a_question_that_cannot_be_answered_is_told_in_a_sentence(
    explorer: server.Explorer, question: Any, word: str
) -> None:
    (told,) = messages(explorer, "train", question)
    assert told["kind"] == "error"
    assert word in told["message"]
    assert "defect" not in told["message"]


def test_files_are_read_by_the_careful_readers(explorer: server.Explorer) -> None:
    found = messages(explorer, "points/my%20points.csv", b"x1,x2,y\n1,2,1\n3,4,-1\n")[0]
    assert found["ask"]["x"] == [[1.0, 2.0], [3.0, 4.0]]
    assert found["ask"]["loss"] == "logistic"
    stream = io.BytesIO()
    np.savez(stream, x=np.array([[1.0], [2.0]]), y=np.array([0.5, 2.0]))
    assert messages(explorer, "points/a.npz", stream.getvalue())[0]["ask"]["bias"] is True
    stream = io.BytesIO()
    np.savez(stream, x=np.array([object()]), y=np.array([1.0]))
    for name, content in {
        "a.npz": stream.getvalue(),
        "b.npz": b"PK\x03\x04 not a zip",
        "c.csv": b"x,y\n1,nan\n",
        "d.exe": b"",
        "..%2f..%2fe.pkl": b"",
    }.items():
        (told,) = messages(explorer, f"points/{name}", content)
        assert told["kind"] == "error", name
        assert "defect" not in told["message"]


def test_presets_come_from_the_figures_of_all_five_papers(explorer: server.Explorer) -> None:
    listed = messages(explorer, "start", b"")[0]["presets"]
    papers = {one["paper"] for one in listed}
    assert papers == {"boursier2022", "min2024", "boursier2024", "lyu2021", "lee2022"}
    for name in ("boursier2024/figure-2", "lyu2021/right", "lee2022/2l-sn", "min2024/digits-1-0"):
        found = messages(explorer, f"preset/{name}", b"")[0]
        asked = jobs.read(json.dumps(found["ask"]).encode())
        assert len(asked.x) == len(asked.y) > 0
    (told,) = messages(explorer, "preset/..%2f..", b"")
    assert "no preset" in told["message"]


def test_a_closed_connection_ends_its_computation(explorer: server.Explorer) -> None:
    long = {**THREE, "engine": "descent", "lr": 1e-5, "t": 100.0, "width": 500}
    body = json.dumps(long).encode()
    head = (
        f"POST /{explorer.token}/judge HTTP/1.1\r\nHost: 127.0.0.1:{explorer.port}\r\nOrigin: "
        f"http://127.0.0.1:{explorer.port}\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    killed = []
    give = explorer.workers._give

    def giving(worker: Any, whole: bool) -> None:
        give(worker, whole)
        if not whole:
            killed.append(worker.process.is_alive())

    explorer.workers._give = giving  # type: ignore[method-assign]
    try:
        for _ in range(12):  # more than may be answered at once: each gives its place back
            with socket.create_connection(("127.0.0.1", explorer.port), timeout=10) as one:
                one.sendall(head.encode() + body)
                assert one.recv(12) == b"HTTP/1.0 200"
        end = time.monotonic() + 20
        while len(killed) < 12 and time.monotonic() < end:
            time.sleep(0.02)
    finally:
        explorer.workers._give = give  # type: ignore[method-assign]
    assert killed == [False] * 12
    assert messages(explorer, "train", THREE)[-1]["kind"] == "end"


def test_an_answer_that_takes_too_long_is_ended(explorer: server.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(explorer.workers, "seconds", 0.2)
    long = {**THREE, "engine": "descent", "lr": 1e-5, "t": 100.0, "width": 500}
    told = messages(explorer, "judge", long)[-1]
    assert told["kind"] == "error"
    assert "more than 0.2 s" in told["message"]


@pytest.mark.slow
def test_a_saved_run_is_the_one_that_its_command_gives(explorer: server.Explorer, tmp_path: Path) -> None:
    question = {**THREE, "width": 6, "t": 5.0}
    found = messages(explorer, "save", question)[0]
    folder = Path(found["folder"])
    assert folder.is_relative_to(explorer.out)
    run = fr.load(folder)
    assert run.W.shape[1:] == (6, 2)
    words = found["command"].split()
    assert Path(words[2]).parent == explorer.out
    assert np.array_equal(np.load(words[2])["x"], np.array(THREE["x"]))
    assert "--bias" in words
    assert words[-2:] == ["--time", "5.0"]
    content = base64.b64decode(messages(explorer, "weights", question)[0]["content"])
    with np.load(io.BytesIO(content)) as held:
        assert np.array_equal(held["W"], run.W[-1])
        assert held["t"] == 5.0


def test_a_film_is_made_of_images_only(explorer: server.Explorer) -> None:
    from PIL import Image

    stream = io.BytesIO()
    Image.new("RGB", (8, 6), "red").save(stream, "PNG")
    image = base64.b64encode(stream.getvalue()).decode()
    content = base64.b64decode(messages(explorer, "film", [image] * 3)[0]["content"])
    assert content[:6] == b"GIF89a"
    for wrong in ([], ["!"], [base64.b64encode(b"GIF89a").decode()], [1], {}):
        told = messages(explorer, "film", wrong)[-1]
        assert told["kind"] == "error"
        assert "defect" not in told["message"]
