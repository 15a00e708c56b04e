"""A kernel that was just compiled gives the bits of the same kernel loaded from disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import hashlib
import numpy as np
from types import SimpleNamespace
from flowrepro.papers import registry
from flowrepro.run.pipeline import quick_variant
from flowrepro.run.results import compute
from flowrepro.run.kind import Settings
from flowrepro.store.run_directory import RunDirectory
from pathlib import Path
import sys

case, root = quick_variant(registry.find_case("margin", "early-symmetric-5d")), Path(sys.argv[1])
silent = dict.fromkeys(("say", "doing", "progress", "interrupted"), lambda *_: None)
folder = RunDirectory.of(root, case)
result = compute(case, folder, Settings(root=root, figures=()), SimpleNamespace(**silent))
for name, array in sorted(result.arrays.items()):
    print(name, hashlib.sha256(np.asarray(array).tobytes()).hexdigest())
"""


@pytest.mark.slow
def test_the_late_phase_does_not_depend_on_the_compile_cache(tmp_path: Path) -> None:
    env = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "cache")}
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM, str(tmp_path / name)], env=env, capture_output=True, text=True, check=True
        ).stdout
        for name in ("compiled", "loaded")
    ]
    assert said[0] == said[1]
    assert len(said[0].splitlines()) > 5
    assert any((tmp_path / "cache").rglob("*.nbc"))
