"""What a worker does for the page. A job gives messages: objects of JSON, each with its kind."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from flowrepro import engines
from flowrepro.api import geometry
from flowrepro.api.judge import of_form
from flowrepro.core.network import activation
from flowrepro.core.trajectory import REGULAR_STOPS, Dataset, Stop, StopReason
from flowrepro.data.from_file import points_from_bytes
from flowrepro.engines.base import Problem
from flowrepro.engines.flow.flow import Integration
from flowrepro.engines.flow.resolve import KINDS
from flowrepro.engines.flow.state import cartesian, log_polar
from flowrepro.errors import DataError, FlowreproError, UsageError
from flowrepro.explore import presets
from flowrepro.explore.asked import MOST_NUMBERS, Asked, Training, read
from flowrepro.run.pipeline import evaluate
from flowrepro.store.files import require_writable, write_atomic
from flowrepro.store.reading import npz_bytes
from flowrepro.theory.arrangement import cover_bound

Message = dict[str, Any]
MOMENTS = 60
"""Moments at equal distances of the time, and as many at equal distances of its logarithm."""
FIRST = 1e-3
"""The first of the latter, over the horizon."""
PATIENCE = 0.03
"""Seconds of work after which what there is goes to the page (chosen: two frames of a screen)."""
MOST_CONES = 800
"""Open cones up to which the extremal vectors are sought (chosen: a tenth of a second)."""
MOST_EVENTS, MOST_FITTED = 5000, 200
"""Events and points that the page is told of, moment by moment."""
RECORDS = 256
"""Records of the run that is judged: four times fewer than a stored run has, and as much faster."""
MOST_IMAGES, MOST_PIXELS = 200, 4_000_000
"""Images of a film, and pixels of each."""


class Job(msgspec.Struct):
    """What a worker is given beside the body of the request: its kind, a name, and --out."""

    kind: str
    name: str
    out: str


# ---- a training, moment by moment


def moments(t: float) -> np.ndarray:
    """Flow times (T,) that resolve both the beginning and the whole of a training."""
    late, early = np.linspace(0, t, MOMENTS + 1), np.geomspace(FIRST * t, t, MOMENTS, False)
    times = np.sort(np.concatenate([late, early]))
    return np.asarray(times[np.append(True, np.diff(times) > 1e-6 * t)])


def train(job: Job, body: bytes) -> Iterator[Message]:
    """A training as it goes, and the extremal vectors of its points."""
    training = Training.of(read(body))
    X, d = training.X, training.X.shape[1]
    plane = _plane(X)
    yield {
        "kind": "scene", "n": len(X), "d": d, "m": training.asked.width, "t": training.t,
        "advised": training.advised, "alpha": training.asked.alpha,
        "plane": packed(plane), "points": packed(X @ plane.T), "lr": training.lr,
        "steps": training.steps,
    }  # fmt: skip
    started = time.perf_counter()
    moved = _descent(training) if training.steps else _flow(training)
    stop = yield from _frames(training, moved, plane)
    yield {
        "kind": "stop", "reason": stop.reason.name, "note": stop.note, "t": stop.t,
        "regular": stop.reason in REGULAR_STOPS, "wall_s": time.perf_counter() - started,
        "command": training.command(), "python": training.python(),
    }  # fmt: skip
    yield _extremal(training, plane)


def _plane(X: np.ndarray) -> np.ndarray:
    """Rows (2, d) onto which points and neurons are projected: the principal plane for d > 2."""
    d = X.shape[1]
    if d <= 2:
        return np.eye(2, d)
    return np.asarray(np.linalg.svd(X, full_matrices=False)[2][:2])


Block = tuple[np.ndarray, np.ndarray, np.ndarray, list[Any]]
"""Times (k,), losses (k,), rows (k, m, d + 2), and events: time, neuron, kind."""


def _flow(training: Training) -> Iterator[Block | Stop]:
    asked = training.asked
    flow = Integration(
        training.X, training.y, training.W, training.a, training.loss, asked.alpha,
        ln_scale=training.log10_scale * np.log(10.0),
    )  # fmt: skip
    times, done, known, size = moments(training.t), 0, 0, 16
    while done < len(times) and flow.failure() is None:
        started = time.perf_counter()
        losses, rows = flow.advance(times[done : done + size], keep=True)
        k = len(losses)
        found = flow.events()
        new = slice(known, min(len(found), MOST_EVENTS))
        known = max(known, len(found))
        events = [found.t[new].tolist(), found.neuron[new].tolist(), found.kind[new].tolist()]
        yield times[done : done + k], losses, rows[:k], events
        done += k
        size = 2 * size if time.perf_counter() - started < PATIENCE else max(1, size // 2)
    yield flow.failure() or Stop(StopReason.HORIZON, -1, training.t)


def _descent(training: Training) -> Iterator[Block | Stop]:
    problem = Problem(
        training.X, training.y, training.W, training.a, training.loss, training.lr,
        training.steps, training.asked.alpha,
    )  # fmt: skip
    engine = engines.choose("auto", problem)[0](problem)
    for step in np.unique(np.rint(moments(training.t) / training.lr).astype(np.int64)):
        if step > training.steps:
            break
        losses = engine.advance(np.array([step]))
        if not np.isfinite(losses[-1]):
            note = f"the loss is not finite at step {step}; take a step below {training.lr:g}"
            yield Stop(StopReason.DIVERGED, int(step), training.lr * float(step), note)
            return
        with np.errstate(divide="ignore"):
            rows = log_polar(*engine.weights())
        yield np.array([training.lr * step]), losses[-1:], rows[None], [[], [], []]
    yield Stop(StopReason.HORIZON, training.steps, training.lr * training.steps)


def _frames(
    training: Training, blocks: Iterator[Block | Stop], plane: np.ndarray
) -> Generator[Message, None, Stop]:
    """The blocks as messages, several in one where they come fast; returns the stop."""
    waiting: list[Block] = []
    since = time.perf_counter()
    for block in blocks:
        if not isinstance(block, Stop):
            waiting.append(block)
            if time.perf_counter() - since < PATIENCE:
                continue
        if waiting:
            yield _frame(training, waiting, plane)
            waiting, since = [], time.perf_counter()
        if isinstance(block, Stop):
            return block
    raise AssertionError("a training ends with its stop")


def _frame(training: Training, blocks: list[Block], plane: np.ndarray) -> Message:
    t, loss, rows = (np.concatenate([block[k] for block in blocks]) for k in range(3))
    u = rows[..., 1:-1]
    length = np.linalg.norm(u, axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        directions = np.nan_to_num(u @ plane.T / length[..., None])
        norms = (rows[..., 0] + np.log(length)) / np.log(10.0)
    W, a = cartesian(np.nan_to_num(rows, neginf=-1e6))
    told: Message = {
        "kind": "moments", "t": packed(t), "loss": packed(loss), "a": packed(a),
        "directions": packed(directions), "norms": packed(np.maximum(norms, -1e30)),
        "events": [[one for b in blocks for one in b[3][k]] for k in range(3)],
        "kinds": KINDS,
    }  # fmt: skip
    if training.X.shape[1] != 2:
        hidden = activation(W @ training.X[:MOST_FITTED].T, training.asked.alpha)
        told["fitted"] = packed(np.einsum("tmn,tm->tn", hidden, a))
    return told


def packed(values: np.ndarray) -> str:
    """Numbers in single precision, little-endian, as base64: short, and read at once."""
    return base64.b64encode(np.ascontiguousarray(values, dtype="<f4").tobytes()).decode()


def _extremal(training: Training, plane: np.ndarray) -> Message:
    n, d = training.X.shape
    found: list[Any] = []
    note = ""
    if cover_bound(n, d) > MOST_CONES:
        note = f"{n} points in dimension {d} have too many cones to look for extremal vectors here"
    else:
        try:
            asked = training.asked
            cones = geometry.cones(training.X, training.y, asked.alpha, loss=asked.loss)
            found = [
                {"direction": (plane @ one.direction).tolist(), "nature": one.kind}
                for one in cones.extremal
            ]
        except FlowreproError as error:
            note = str(error)
    return {"kind": "extremal", "vectors": found, "note": note}


def judge(job: Job, body: bytes) -> Iterator[Message]:
    """Every claim about a training: its verdict, or why it does not apply, in a fixed order."""
    started = time.perf_counter()
    run = Training.of(read(body)).run(RECORDS)
    lights: list[Message] = []
    for form in evaluate(run.result):
        about = {name: form[name] for name in ("id", "verdict", "sentence", "place", "note")}
        if form["verdict"] != "N/A":
            measured, bound, ratio = of_form(form).cells[2:5]
            about |= {"measured": measured, "bound": bound, "ratio": ratio}
        lights.append(about)
    yield {
        "kind": "claims", "lights": lights, "remarks": list(run.remarks),
        "wall_s": time.perf_counter() - started,
    }  # fmt: skip


# ---- points, presets


def start(job: Job, body: bytes) -> Iterator[Message]:
    """What the page needs first."""
    yield {"kind": "presets", "presets": presets.listed()}


def preset(job: Job, body: bytes) -> Iterator[Message]:
    """The question of the preset that the job names."""
    yield {"kind": "question", **presets.preset(job.name)}


def points(job: Job, body: bytes) -> Iterator[Message]:
    """The points in a file: its name is the job's, its content the body."""
    yield {"kind": "question", **question(points_from_bytes(Path(job.name).name, body))}


def question(found: Dataset, bias: bool = False) -> Message:
    """What to ask about the points of a file; DataError where they are too many for the page."""
    if found.X.size > MOST_NUMBERS:
        raise DataError(
            f"the file holds {found.X.size} numbers; the page takes at most {MOST_NUMBERS}, and "
            "'flowrepro train FILE' any"
        )
    labels = bool(np.all(np.abs(found.y) == 1))
    ask = {
        "x": found.X.tolist(), "y": found.y.tolist(), "bias": bias or found.X.shape[1] == 1,
        "loss": "logistic" if labels else "square",
    }  # fmt: skip
    return {"ask": ask, "note": " ".join([f"{found.note}.", *found.warnings])}


# ---- exports


def save(job: Job, body: bytes) -> Iterator[Message]:
    """The run directory and the file of the points, below --out."""
    training, out = Training.of(read(body)), Path(job.out)
    require_writable(out)
    name, content = training.points
    folder = training.run().save(out)
    write_atomic(out / name, content)
    yield {"kind": "saved", "folder": str(folder), "command": training.command(f"{out}/")}


def weights(job: Job, body: bytes) -> Iterator[Message]:
    """The weights at the end of the training, as an npz in base64."""
    run = Training.of(read(body)).run()
    arrays = {"W": run.W[-1], "a": run.a[-1], "log_weights": run.log_weights()[-1]}
    content = npz_bytes({**arrays, "t": np.array(run.stop.t)})
    yield {"kind": "file", "content": base64.b64encode(content).decode()}


def film(job: Job, body: bytes) -> Iterator[Message]:
    """A GIF of the images that the page drew: a JSON list of PNGs in base64."""
    from PIL import Image

    try:
        texts = msgspec.json.decode(body, type=list[str])
        files = [io.BytesIO(base64.b64decode(text, validate=True)) for text in texts[:MOST_IMAGES]]
        images = [Image.open(file, formats=("PNG",)) for file in files]
        if not images or max(image.width * image.height for image in images) > MOST_PIXELS:
            raise UsageError(f"a film has 1 to {MOST_IMAGES} images of {MOST_PIXELS} pixels")
        first, *rest = [image.convert("RGB").quantize(64) for image in images]
    except (msgspec.DecodeError, ValueError, OSError, SyntaxError) as error:
        raise UsageError(f"these are no images for a film: {error}") from None
    written = io.BytesIO()
    first.save(written, "GIF", save_all=True, append_images=rest, duration=80, loop=0)
    yield {"kind": "file", "content": base64.b64encode(written.getvalue()).decode()}


KNOWN: dict[str, Callable[[Job, bytes], Iterator[Message]]] = {
    each.__name__: each for each in (train, judge, start, preset, points, save, weights, film)
}


def answers(content: bytes) -> Iterator[bytes]:
    """The messages of a job, one line of JSON each; the last one is its end or an error."""
    head, _, body = content.partition(b"\n")
    try:
        job = msgspec.json.decode(head, type=Job)
        for message in KNOWN[job.kind](job, body):
            yield msgspec.json.encode(message)
        yield b'{"kind":"end"}'
    except FlowreproError as error:
        yield _error(str(error))
    except MemoryError:
        yield _error("there is too little memory for this; take fewer neurons or points")
    except Exception as error:
        yield _error(f"this is a defect of flowrepro; report it: {type(error).__name__}: {error}")


def _error(sentence: str) -> bytes:
    return msgspec.json.encode({"kind": "error", "message": sentence})


def warm() -> None:
    """Load what a training needs, compiled code included, before the first question."""
    asked = Asked(x=[[1.0], [-0.5]], y=[1.0, -0.5], bias=True, width=4, t=5.0)
    for question in (asked, msgspec.structs.replace(asked, engine="descent", lr=0.1)):
        for job in (train, judge):
            list(job(Job(job.__name__, "", ""), msgspec.json.encode(question)))
    list(presets.listed())
