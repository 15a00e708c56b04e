"""Imports go one way only, and late: what a command does not need is not imported."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import flowrepro

PACKAGE = Path(flowrepro.__file__).parent
HEAVY = {*["torch", "torchvision", "matplotlib", "numba", "scipy", "dask", "distributed", "rich", "numpy"]}

LAYERS = (
    ("cli", "explore", "api", "__main__"),
    ("report", "sweep", "bench"),
    ("run",),
    ("papers",),
    ("figures", "claims"),
    ("engines", "theory"),
    ("core", "data", "store"),
    ("errors",),
)
"""From the top down; a module may import its own layer and the ones below."""

ALLOWED = {
    "torch": ("api/torch_models.py", "bench/flow.py", "core/models.py", "data/safe_pt.py",
              "engines/torch_"),
    "torchvision": ("data/",),
    "matplotlib": ("api/plot.py", "figures/", "papers/"),
    "click": ("cli/", "report/gallery.py"),
    "rich": ("run/console.py", "cli/output.py"),
    "jinja2": ("report/page.py",),
    "dask": ("sweep/cluster.py",),
    "distributed": ("sweep/cluster.py",),
}  # fmt: skip
"""third-party package -> the only places that import it."""


def imported(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def imported_at_once(path: Path) -> set[str]:
    """Modules that are imported with the module itself: not in functions, nor for type checkers
    only.
    """
    top = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.Import | ast.ImportFrom)]
    return {node.module or "" if isinstance(node, ast.ImportFrom) else node.names[0].name for node in top}


def layer_of(module: str) -> int | None:
    name = module.removeprefix("flowrepro").lstrip(".").partition(".")[0]
    return next((index for index, layer in enumerate(LAYERS) if name in layer), None)


PLACES = {str(path.relative_to(PACKAGE)): imported(path) for path in PACKAGE.rglob("*.py")}
"""Every module -> what it imports."""


def test_imports_go_down() -> None:
    assert imported_at_once(PACKAGE / "__init__.py") <= {"__future__", "importlib", "typing"}
    for place in PLACES.keys() - {"__init__.py"}:
        own = layer_of("flowrepro." + place.removesuffix(".py").replace("/", "."))
        assert own is not None, f"{place} belongs to no layer"
        for module in PLACES[place]:
            below = layer_of(module) if module.startswith("flowrepro.") else None
            assert below is None or below >= own, f"{place} imports {module}"


def test_third_parties_stay_in_their_places() -> None:
    for place, imports in PLACES.items():
        for package in {module.partition(".")[0] for module in imports} & ALLOWED.keys():
            assert place.startswith(ALLOWED[package]), f"{place} imports {package}"


def loaded_by(code: str) -> set[str]:
    script = f"import sys\nsys.argv = ['flowrepro', *sys.argv[1:]]\n{code}\nprint(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


def test_the_package_imports_nothing_heavy_until_it_is_used() -> None:
    assert loaded_by("import flowrepro; dir(flowrepro)").isdisjoint(HEAVY)
    assert "torch" not in loaded_by("import flowrepro; flowrepro.flow, flowrepro.claims, flowrepro.plot")


def test_help_imports_nothing_heavy() -> None:
    code = """
import contextlib, io
from flowrepro.cli.main import main
sys.argv.append("--help")
with contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO())), contextlib.suppress(SystemExit):
    main()
"""
    loaded = loaded_by(code)
    assert "click" in loaded
    assert loaded.isdisjoint(HEAVY), loaded.intersection(HEAVY)


def test_the_pipeline_imports_neither_torch_nor_matplotlib() -> None:
    assert loaded_by("import flowrepro.run.pipeline").isdisjoint({"torch", "torchvision", "matplotlib", "numba"})


def test_the_compiled_engine_and_the_claims_import_nothing_slow() -> None:
    code = """
import flowrepro.engines
from flowrepro.papers import registry
flowrepro.engines.load("fused")
for paper in registry.PAPERS:
    registry.contents(paper)
"""
    assert loaded_by(code).isdisjoint({"torch", "torchvision", "matplotlib", "scipy.stats"})
