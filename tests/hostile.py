"""Run folders that somebody else made: good ones, what may be wrong with them, and how every
command that reads them must end.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from command_line import call

from flowrepro.core.config import Case
from flowrepro.store.run_directory import RunDirectory
from flowrepro.sweep.driver import Plan
from flowrepro.sweep.grid import Point
from flowrepro.sweep.summary import csv_text, lines_of

LIMIT, HANGS = 10, 60
"""Seconds of computing that a command may take on a small folder, and after which it hangs."""
CODES = {0, 3, 5}
MEMBERS = ("experiment.json", "provenance.json", "claims.json", "manifest.json")
SMALL = ("--set", "n_steps=12", "--set", "geometric=0", "--set", "m=3")
TOY = ("orthogonal", "--case", "toy", *SMALL)
Command = Callable[[], tuple[int, str]]
KINDS: dict[str, tuple[str, ...]] = {
    "run": (*TOY, "--set", "snapshots=[4]", "--figure", "3", "--format", "png"),
    "flow": (*TOY, "--engine", "flow", "--no-figures"),
    "ensemble": (*TOY, "--seeds", "0:50", "--no-figures"),
    "study": ("orthogonal", "--case", "gronwall", "--quick", "--no-figures"),
    "own": (*TOY, "--data", "points.csv", "--no-figures"),
}
BEGUN = (*KINDS["run"][:-4], "--no-figures")
"""What completes the run that is begun: drawing takes most of the time of a run this small."""
JSON_VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, 2**63, 10**30, 0.5, "", "x", "../x", "/etc/passwd", "\x1b[2J", "\0",
    "<script>", [], [1], {}, {"a": 1}, [[[[]]]], "x" * 100_000,
)  # fmt: skip
DEEP = b"[" * 200_000 + b"]" * 200_000


# ---- good folders


def make_good(root: Path) -> dict[str, Path]:
    """A sealed folder of every kind below ``root``, and one that is begun; kind -> folder."""
    (root / "points.csv").write_text("1,0,1\n0,1,-0.5\n")
    found = {}
    with contextlib.chdir(root):
        for kind, words in KINDS.items():
            code, said = call([*words, "--out", f"{kind}/runs"])
            assert code in (0, 5), (kind, said)
            call(["report", f"{kind}/runs", "--out", "page.html"])  # imports all that it needs
            (found[kind],) = [path for path in root.glob(f"{kind}/runs/*/*") if path.is_dir()]
    return {**found, "begun": _begun(root, found["run"])}


def _begun(root: Path, run: Path) -> Path:
    """A folder with a checkpoint, as an interrupt leaves it."""
    from flowrepro.run import training

    folder = root / "begun" / "runs" / "orthogonal" / run.name
    drive = training.drive
    training.drive = lambda *given, **named: drive(*given, **{**named, "interrupted": _always})
    try:
        with contextlib.chdir(root):
            call([*BEGUN, "--out", "begun/runs"])
    finally:
        training.drive = drive
    assert (folder / "checkpoint.npz").is_file()
    return folder


def _always() -> bool:
    return True


def seal(folder: Path) -> None:
    """Make the manifest true again: the hash and size of each file that it lists."""
    path = folder / "manifest.json"
    if path.is_symlink() or not path.is_file():
        return
    with contextlib.suppress(Exception):
        manifest = json.loads(path.read_bytes())
        for name, entry in manifest["files"].items():
            content = (folder / name).read_bytes() if (folder / name).is_file() else b""
            entry.update(sha256=hashlib.sha256(content).hexdigest(), bytes=len(content))
        path.write_text(json.dumps(manifest, indent=2) + "\n")


# ---- commands


def commands(folder: Path, kind: str) -> dict[str, Command]:
    """The commands that read a folder: name -> call, which gives the exit code and stderr."""
    place, page = str(folder), str(folder.parents[2] / "page.html")
    words = {
        "show": ["show", place],
        "show --json": ["show", place, "--json"],
        "verify": ["verify", place],
        "rerun": ["rerun", place],
        "report": ["report", place, "--out", page],
        "report --markdown": ["report", place, "--markdown", "--out", page],
        "resume": [*(BEGUN if kind == "begun" else KINDS[kind]), "--out", str(folder.parents[1])],
    }
    calls: dict[str, Command] = {name: partial(call, line) for name, line in words.items()}
    return calls | {"summary": partial(summary, RunDirectory(folder).case(), folder.parents[1])}


def summary(case: Case, root: Path) -> tuple[int, str]:
    """The table that a sweep makes of a folder."""
    plan = Plan(case, (), (0, 1), root)
    return 0, csv_text([*lines_of(plan, Point((), case), case, {})])


class Hangs(BaseException):
    """A command was not done within HANGS seconds."""


@contextlib.contextmanager
def limited() -> Iterator[None]:
    def stop(*_: object) -> None:
        raise Hangs

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, HANGS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def fault_of(command: Command, codes: set[int]) -> str:
    """What is wrong with how a command ended; empty if nothing is."""
    started = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            with limited():
                code, said = command()
        except Hangs:
            return "it hangs"
        except Exception as error:
            return repr(error)
    if code not in codes or "Traceback" in said or "internal error" in said:
        return f"exit code {code}: {said[-600:]}"
    if time.process_time() - started > LIMIT:
        return f"over {LIMIT} s of computing"
    return "" if code in (0, 5) or said.strip() else f"exit code {code} without a word"


def surroundings(root: Path, *but: Path) -> str:
    """A hash of all that lies in ``root`` outside of some folders."""
    digest = hashlib.sha256()
    for path in sorted(root.rglob("*")):
        if not any(path.is_relative_to(own) for own in but):
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            digest.update(f"{path}{path.lstat().st_mode}".encode() + content)
    return digest.hexdigest()


# ---- mutations


def _members(folder: Path, suffix: str = "") -> list[str]:
    names = [str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()]
    return sorted(name for name in names if name.endswith(suffix))


def _pick(rng: np.random.Generator, items: Any) -> Any:
    return items[int(rng.integers(len(items)))]


def flip_bits(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name = _pick(rng, _members(folder))
    content = bytearray((folder / name).read_bytes())
    for _ in range(int(rng.integers(1, 9)) if content else 0):
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    (folder / name).write_bytes(bytes(content))
    return f"bits of {name}"


def truncate(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name = _pick(rng, _members(folder))
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(rng.integers(len(content) + 1))])
    return f"{name} truncated"


def change_json(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name = _pick(rng, _members(folder, ".json"))
    value = json.loads((folder / name).read_text())
    place, told = value, [name]
    while True:
        if not isinstance(place, dict | list) or not place:
            return f"{name} as it is"
        key = _pick(rng, list(place) if isinstance(place, dict) else range(len(place)))
        told.append(str(key)[:40])
        if not isinstance(place[key], dict | list) or not place[key] or rng.random() < 0.2:
            break
        place = place[key]
    if rng.random() < 0.25:
        del place[key]
        told.append("deleted")
    else:
        place[key] = _pick(rng, JSON_VALUES)
        told.append(repr(place[key])[:30])
    content = json.dumps(value, indent=2).encode()
    if rng.random() < 0.05:
        content = _pick(rng, (b"", b"[1]", b"\xff\xfe{}", DEEP, b'{"files":' * 5_000, b"1e999"))
        told.append(repr(content[:10]))
    (folder / name).write_bytes(content)
    return " ".join(told)


ARRAYS: tuple[Callable[[np.ndarray], np.ndarray], ...] = (
    lambda v: v[..., :0] if v.ndim else v,
    lambda v: v[:-1] if v.ndim else v,
    lambda v: v.T,
    lambda v: v.reshape(-1),
    lambda v: v[None],
    lambda v: np.array(v.tolist() if v.size < 100 else 0, dtype=str),
    lambda v: np.full(v.shape, np.nan),
    lambda v: np.full(v.shape, 2**62),
    lambda v: -np.ones(v.shape, dtype=np.int64),
    lambda v: np.zeros(v.shape, dtype=bool),
    lambda v: v.astype(np.complex128) if v.dtype.kind in "fiu" else v,
    lambda v: v.astype(np.float32) if v.dtype.kind in "fiu" else v,
    lambda v: v[::-1] if v.ndim else v,
    lambda v: np.array("{}"),
    lambda v: np.array('{"reason": 1}'),
    lambda v: np.concatenate([v, v]) if v.ndim else v,
)


def change_npz(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name = _pick(rng, _members(folder, ".npz"))
    with np.load(folder / name) as stored:
        arrays = {key: stored[key] for key in stored.files}
    key, kind = _pick(rng, sorted(arrays)), int(rng.integers(-2, len(ARRAYS)))
    if kind == -2:
        del arrays[key]
    elif kind == -1:
        arrays[str(_pick(rng, ("more", "observed.x", "events.y", "log_rows")))] = arrays.pop(key)
    else:
        arrays[key] = ARRAYS[kind](arrays[key])
    np.savez_compressed(folder / name, **arrays)
    return f"{name}: {key} by {kind}"


def rename(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name, other = _pick(rng, _members(folder)), _pick(rng, (*MEMBERS, "x", "study.npz", "figures"))
    if (folder / other).is_dir():
        return "nothing"
    (folder / name).replace(folder / other)
    return f"{name} renamed {other}"


def link(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name = _pick(rng, _members(folder))
    target = _pick(rng, (folder.parents[2] / "secret", folder / MEMBERS[0], Path("/dev/zero")))
    (folder / name).unlink()
    (folder / name).symlink_to(target)
    return f"{name} -> {target}"


def replace_by_other(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    name = _pick(rng, _members(folder))
    (folder / name).unlink()
    how = _pick(rng, ("fifo", "folder", "nothing"))
    if how == "fifo":
        os.mkfifo(folder / name)
    elif how == "folder":
        (folder / name).mkdir()
    return f"{how} for {name}"


def swap(rng: np.random.Generator, folder: Path, good: dict[str, Path]) -> str:
    other, name = _pick(rng, sorted(good)), _pick(rng, _members(folder))
    names = _members(good[other])
    same = name if name in names else _pick(rng, names)
    shutil.copyfile(good[other] / same, folder / name)
    return f"{name} from {other}/{same}"


MUTATIONS = (
    flip_bits, truncate, change_json, change_json, change_json, change_npz, change_npz, change_npz,
    rename, link, replace_by_other, swap,
)  # fmt: skip


def attack(good: dict[str, Path], seed: int, number: int) -> str:
    """Mutate a copy of a good folder, read it with one command; what went wrong, or empty."""
    rng = np.random.default_rng([seed, number])
    kind = _pick(rng, sorted(good))
    root = Path(tempfile.mkdtemp(prefix="flowrepro-hostile-"))
    try:
        folder = root / good[kind].relative_to(good[kind].parents[2])
        shutil.copytree(good[kind].parents[1], folder.parents[1])
        (root / "secret").write_text("not yours")
        if kind == "own":
            shutil.copyfile(good[kind].parents[3] / "points.csv", root / "points.csv")
        every, told = commands(folder, kind), [kind]
        for _ in range(1 + int(rng.integers(2))):
            with contextlib.suppress(Exception):
                told.append(_pick(rng, MUTATIONS)(rng, folder, good))
        if rng.random() < 0.8:
            seal(folder)
            told.append("sealed")
        chosen = "resume" if kind == "begun" else _pick(rng, sorted(every))
        own = folder.parents[1] if chosen == "resume" else folder
        before = surroundings(root, own, root / "page.html")
        with contextlib.chdir(root):
            fault = fault_of(every[chosen], CODES | ({2} if chosen == "resume" else set()))
        if surroundings(root, own, root / "page.html") != before:
            fault += "; it wrote outside of the folder"
        return f"({seed}, {number}) {chosen}, {'; '.join(told)}: {fault}" if fault else ""
    finally:
        shutil.rmtree(root, ignore_errors=True)
