"""A computation's fingerprint changes with what it reaches, and with nothing else."""

from __future__ import annotations

import ast
import shutil
from pathlib import Path

import pytest

import flowrepro
from flowrepro.papers import registry
from flowrepro.store import provenance
from flowrepro.store.fingerprint import Code
from flowrepro.store.provenance import conditions

MAIN = '''
"""A module."""
from toys import helpers
from toys.tables import TABLE
from toys.papers import Topic, option, at_most

BOUND = 0.5
"""A tolerance of the claim."""
FACTOR = 3
topic = Topic("paper")


@topic.study
def study(data, *, size: int = option(4, "number of things", within=(1, 9)), progress):
    """What it computes."""
    # why it is computed so
    return {"x": FACTOR * helpers.middle(size), "y": TABLE}


CASE = study.case("one", "shows one")


@topic.claim("largest", "It is small.", place="Theorem 1")
def claim(result):
    """measured: x."""
    yield at_most("largest", result.arrays["x"], BOUND)


@topic.figure("one", "A caption.")
def figure(result):
    return [result]
'''
HELPERS = '''
from toys.deep import bottom


def middle(size):
    """Half way."""
    def inner():
        from toys.late import local
        return local()
    return bottom(size) + inner()


def unused():
    return 1
'''
SOURCES = {
    "__init__.py": "",
    "main.py": MAIN,
    "helpers.py": HELPERS,
    "deep.py": "class Base:\n    x = 1\n\n\nclass Tool(Base):\n    pass\n\n\n"
    "def bottom(size):\n    return Tool().x + size\n",
    "late.py": "def local():\n    return 7\n",
    "tables.py": 'TABLE = {"a": ("toys.dynamic", "load")}\n',
    "dynamic.py": "def load():\n    return 1\n",
    "papers.py": "class Topic:\n    pass\n\n\ndef option(*_, **__):\n    return 0\n\n\n"
    "def at_most(*_):\n    return 0\n",
}


def fingerprint(folder: Path, file: str = "", old: str = "", new: str = "") -> str:
    for name, text in SOURCES.items():
        if name == file:
            assert old in text
            text = text.replace(old, new)
        (folder / name).write_text(text)
    return Code({"toys": folder}).fingerprint([("toys.main", "study")])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "# why it is computed so", "# another comment"),
        ("main.py", '"""What it computes."""', '"""Another docstring."""'),
        ("main.py", '"""A tolerance of the claim."""', '"""Words."""'),
        ("main.py", "BOUND = 0.5", "BOUND = 0.7"),
        ("main.py", "It is small.", "It is rather small."),
        ("main.py", "A caption.", "Another caption."),
        ("main.py", "return [result]", "return [result, result]"),
        ("main.py", "number of things", "count"),
        ("main.py", "within=(1, 9)", "within=(1, 99)"),
        ("main.py", "size: int", "size: float"),
        ("main.py", "shows one", "shows another"),
        ("helpers.py", "return 1", "return 2"),
        ("helpers.py", '"""Half way."""', '"""Half the way."""'),
        ("papers.py", "class Topic:\n    pass", "class Topic:\n    x = 1"),
    ],
)
def test_what_computes_nothing_changes_nothing(tmp_path: Path, file: str, old: str, new: str) -> None:
    assert fingerprint(tmp_path, file, old, new) == fingerprint(tmp_path)


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("main.py", "FACTOR = 3", "FACTOR = 4"),
        ("main.py", "FACTOR * helpers", "2 * FACTOR * helpers"),
        ("helpers.py", "bottom(size) + inner()", "bottom(size) - inner()"),
        ("deep.py", "x = 1", "x = 2"),
        ("deep.py", "+ size", "- size"),
        ("late.py", "return 7", "return 8"),
        ("tables.py", '"a"', '"b"'),
        ("dynamic.py", "return 1", "return 2"),
    ],
)
def test_what_is_reached_changes_it(tmp_path: Path, file: str, old: str, new: str) -> None:
    assert fingerprint(tmp_path, file, old, new) != fingerprint(tmp_path)


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    source = Path(flowrepro.__file__).parent
    copy = tmp_path_factory.mktemp("code") / "flowrepro"
    return Path(shutil.copytree(source, copy, ignore=shutil.ignore_patterns("*.npz", "__pycache__")))


def test_a_tolerance_of_a_real_claim_recomputes_nothing(package: Path) -> None:
    study = registry.study_of(registry.find_case("orthogonal", "gronwall")).function
    start = [(study.__module__, study.__name__)]
    before = Code({"flowrepro": package}).fingerprint(start)
    assert before == Code({"flowrepro": Path(flowrepro.__file__).parent}).fingerprint(start)
    module = package / (study.__module__.removeprefix("flowrepro.").replace(".", "/") + ".py")
    text = module.read_text()
    tree = ast.parse(text)
    claims = [
        node
        for node in tree.body
        if isinstance(node, ast.FunctionDef)
        and any(ast.unparse(decorator).startswith("topic.claim") for decorator in node.decorator_list)
    ]
    assert claims, "the module has no claim to edit"
    for claim in claims:
        claim.body.append(ast.parse("assert 1 < 2").body[0])
    module.write_text(ast.unparse(tree))
    assert Code({"flowrepro": package}).fingerprint(start) == before
    computing = next(node for node in tree.body if getattr(node, "name", "") == study.__name__)
    assert isinstance(computing, ast.FunctionDef)
    computing.body.insert(0, ast.parse("assert 1 < 2").body[0])
    module.write_text(ast.unparse(tree))
    assert Code({"flowrepro": package}).fingerprint(start) != before
    module.write_text(text)


def test_what_numba_compiles_for_is_part_of_the_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    def target(*libraries: str) -> str | None:
        return conditions("code", libraries, threads_matter=False).get("compile target")

    for name in provenance.TARGETS:
        monkeypatch.delenv(name, raising=False)
    plain = target("numba")
    monkeypatch.setenv("NUMBA_CPU_NAME", "generic")
    assert plain is not None
    assert target("numba") == f"NUMBA_CPU_NAME=generic, {plain}"
    assert target("torch") is None
