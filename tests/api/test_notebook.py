"""The notebook among the examples: small, without outputs, and its cells run.

They are plain Python, which `exec` runs as a kernel would; nbclient would bring a kernel and some
twenty packages for them.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOK = Path(__file__).parents[2] / "examples" / "fifty_points.ipynb"


def cells() -> list[dict[str, Any]]:
    return [cell for cell in json.loads(NOTEBOOK.read_text())["cells"] if cell["cell_type"] == "code"]


def test_it_is_stored_without_outputs() -> None:
    assert NOTEBOOK.stat().st_size < 10_000
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in cells())


@pytest.mark.parametrize("n", ["12", pytest.param("50", marks=[pytest.mark.slow, pytest.mark.long])])
def test_its_cells_run_and_show_pictures(n: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = []
    for k, cell in enumerate(cells()):
        text = "".join(cell["source"]).replace("size=(50, 3)", f"size=({n}, 3)")
        body = ast.parse(text, f"cell {k}").body
        last = body.pop() if isinstance(body[-1], ast.Expr) else None
        exec(compile(ast.Module(body, []), f"cell {k}", "exec"), names)
        if isinstance(last, ast.Expr):
            shown.append(eval(compile(ast.Expression(last.value), f"cell {k}", "eval"), names))
    directions, overview, claims = shown
    assert names["X"].shape == (int(n), 3)
    assert directions._repr_png_()[:4] == overview._repr_png_()[:4] == b"\x89PNG"
    assert claims._repr_html_().startswith("<table>")
    assert not list(tmp_path.iterdir())
