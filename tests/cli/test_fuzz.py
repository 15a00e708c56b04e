"""Whatever is typed or read: never a traceback, always a documented exit code, and one sentence
where it is refused.
"""

from __future__ import annotations

import contextlib
import io
import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import call, typed
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowrepro.cli.sweep import plan_of
from flowrepro.core.config import to_json
from flowrepro.errors import FlowreproError
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

DOCUMENTED = {0, 2, 3, 4, 5, 6, 7}
TINY = ("--set", "n_steps=12", "--set", "geometric=0", "--set", "m=3", "--no-figures")
FEW, MANY = 25, 2_000
"""Examples by default, and in the slow suite."""

numbers = st.one_of(
    st.integers(-3, 40).map(str),
    st.floats(allow_nan=True, allow_infinity=True).map(repr),
    st.sampled_from(
        [
            "0",
            "-0",
            "1e-400",
            "1e400",
            "nan",
            "-inf",
            "1e-3",
            "null",
            "true",
            "[]",
            "[1,2]",
            "{}",
            '"x"',
            "0x10",
            "1_000",
            "",
            "٣",
        ]
    ),
)
words = st.one_of(
    numbers,
    st.text(max_size=8),
    st.sampled_from(["auto", "fused", "torch", "flow", "lazy", "grouped", "float32", "cuda", "cuda:9", "both"]),
)
KEYS = """lr n_steps protocol.lr scale init.scale log10_scale divide_by init.name data.name
loss.name reduction factor alpha depth batch_size train dtype device engine target_loss
rtol save_every snapshots snapshot_every geometric observe levels seed seeds protocol
record.save"""
keys = st.one_of(st.sampled_from(KEYS.split()), st.text(max_size=6))
assignments = st.tuples(keys, words).map(lambda pair: ["--set", f"{pair[0]}={pair[1]}"])
options = st.one_of(
    assignments,
    st.tuples(
        st.sampled_from(["--seed", "--seeds", "--engine", "--device", "--case", "--figure", "--format"]), words
    ).map(list),
    st.sampled_from(
        [["--quick"], ["--strict"], ["--json"], ["--fresh"], ["--new"], ["--help"], ["--nonsense"], ["extra"]]
    ),
)
commands = st.sampled_from(
    ["orthogonal", "orthogonal", "orthogonal", "verify", "show", "rerun", "report", "orthogonol"]
)


def _line(command: str, chosen: list[list[str]]) -> list[str]:
    return [
        command,
        *(["--case", "toy", *TINY] if command == "orthogonal" else []),
        *(word for option in chosen for word in option),
    ]


command_lines = st.builds(_line, commands, st.lists(options, max_size=4))
grids = st.lists(
    st.tuples(
        keys, st.one_of(words, st.tuples(st.sampled_from(["lin", "log"]), numbers, numbers, numbers).map(":".join))
    ),
    min_size=1,
    max_size=2,
)


def survives(line: list[str]) -> int:
    """Run below a fresh folder and judge."""
    with tempfile.TemporaryDirectory() as folder:
        places = {"orthogonal": folder, "verify": folder, "report": f"{folder}/report.html"}
        code, said = call([*line, "--out", places[line[0]]] if line[0] in places else line)
    assert code in DOCUMENTED, (code, said)
    assert "Traceback" not in said
    assert code == 0 or said.strip()
    return code


def any_command_line(line: list[str]) -> None:
    survives(line)


def any_points(content: bytes, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, name)
        file.write_bytes(content)
        survives(["orthogonal", "--data", str(file), *TINY])


def any_weights(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "weights.npz")
        file.write_bytes(content)
        survives(
            [
                *typed("orthogonal --case toy --init"),
                str(file),
                *typed("--set n_steps=12 --set geometric=0 --no-figures"),
            ]
        )


def any_grid(grid: list[tuple[str, str]]) -> None:
    """Plans only: what they run is what single runs are."""
    with tempfile.TemporaryDirectory() as folder, contextlib.suppress(FlowreproError):
        plan = plan_of(
            experiment="orthogonal", case_name="toy", grids=[f"{key}={values}" for key, values in grid], seeds="0:1",
            assignments=["n_steps=12"], engine=None, quick=False, out=Path(folder), yes=False,
        )  # fmt: skip
        assert 1 <= plan.runs <= 100_000


cells = st.one_of(numbers, st.text(alphabet=st.characters(codec="utf-8"), max_size=5))
tables = st.lists(st.lists(cells, max_size=4).map(",".join), max_size=6).map("\n".join).map(lambda text: text.encode())
arrays = st.one_of(
    st.lists(st.lists(st.floats(width=64), min_size=0, max_size=3), max_size=4),
    st.floats(),
    st.lists(st.integers(-5, 5), max_size=5),
    st.lists(st.booleans(), max_size=3),
    st.text(max_size=3),
)


def archive(members: dict[str, Any]) -> bytes:
    """An npz file of whatever numpy makes of the members."""
    file = io.BytesIO()
    converted = {}
    for name, value in members.items():
        try:
            converted[name] = np.array(value)
        except ValueError:
            converted[name] = np.array(value, dtype=object)
    np.savez(file, **converted)
    return file.getvalue()


point_files = st.one_of(
    st.tuples(st.binary(max_size=200), st.sampled_from(["points.csv", "points.npz", "points.txt"])),
    tables.map(lambda content: (content, "points.csv")),
    st.fixed_dictionaries({}, optional={"x": arrays, "y": arrays, "z": arrays}).map(
        lambda members: (archive(members), "points.npz")
    ),
)
weight_files = st.one_of(
    st.binary(max_size=200), st.fixed_dictionaries({}, optional={"W": arrays, "a": arrays}).map(archive)
)

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.integers(0, 3), max_size=3),
    st.just({}),
)
paths = st.sampled_from(
    [path for path in json.loads(json.dumps(to_json(TOY))) if path not in ("name", "command", "paper")]
)


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A complete run."""
    root = tmp_path_factory.mktemp("stored")
    assert call(["orthogonal", "--case", "toy", *TINY, "--out", str(root)])[0] in (0, 5)
    return next(root.glob("orthogonal/toy-*"))


def any_stored_file(stored: Path, name: str, content: bytes, command: str) -> None:
    """A run directory one of whose files is something else; sealed again, so that the content
    itself is read.
    """
    from flowrepro.store.run_directory import RunDirectory

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, stored.name)
        shutil.copytree(stored, copy)
        if name == "manifest.json":
            (copy / name).write_bytes(content)
        else:
            RunDirectory(copy).write(name, content)
            RunDirectory(copy).seal()
        code, said = call([command, str(copy), *(["--out", f"{folder}/report.html"] if command == "report" else [])])
    assert code in DOCUMENTED, (code, said)
    assert "Traceback" not in said


stored_names = st.sampled_from(["experiment.json", "provenance.json", "claims.json", "manifest.json", "trajectory.npz"])
stored_contents = st.one_of(
    st.binary(max_size=60),
    st.tuples(paths, leaves).map(lambda pair: json.dumps({**to_json(TOY), pair[0]: pair[1]}).encode()),
    st.recursive(leaves, lambda inner: st.dictionaries(st.text(max_size=4), inner, max_size=3), max_leaves=4).map(
        lambda value: json.dumps(value).encode()
    ),
    st.fixed_dictionaries({}, optional={"step": arrays, "loss": arrays, "stop": arrays, "W": arrays}).map(archive),
)
stored_commands = st.sampled_from(["show", "verify", "rerun", "report"])

FUZZ = {"deadline": None, "suppress_health_check": list(HealthCheck), "derandomize": True, "database": None}


def at_sizes(strategy: st.SearchStrategy[Any], judge: Any) -> tuple[Any, Any]:
    """The same target for the default and for the slow suite."""

    def few(example: Any) -> None:
        judge(example)

    many = settings(max_examples=MANY, **FUZZ)(given(strategy)(few))
    return settings(max_examples=FEW, **FUZZ)(given(strategy)(few)), pytest.mark.long(pytest.mark.slow(many))


test_command_lines, test_many_command_lines = at_sizes(command_lines, any_command_line)
test_points, test_many_points = at_sizes(point_files, lambda example: any_points(*example))
test_weights, test_many_weights = at_sizes(weight_files, any_weights)
test_grids, test_many_grids = at_sizes(grids, any_grid)


@settings(max_examples=FEW, **FUZZ)
@given(name=stored_names, content=stored_contents, command=stored_commands)
def test_stored_runs(stored: Path, name: str, content: bytes, command: str) -> None:
    any_stored_file(stored, name, content, command)


@pytest.mark.slow
@pytest.mark.long
@settings(max_examples=MANY, **FUZZ)
@given(name=stored_names, content=stored_contents, command=stored_commands)
def test_many_stored_runs(stored: Path, name: str, content: bytes, command: str) -> None:
    any_stored_file(stored, name, content, command)
