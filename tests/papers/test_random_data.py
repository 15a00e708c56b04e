"""Random data sets through the commands that take ``--data``.

On a user's own points no claim may FAIL, whatever the points are: a paper's theorem holds, or its
hypotheses do not. Nor may a command end in an internal error, a warning or a long wait.
"""

from __future__ import annotations

import collections
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from command_line import Result

Call = Callable[..., Result]
KINDS = ("any", "orthogonal", "of one length", "collinear", "plane", "positive", "whole numbers")
COMMANDS: dict[str, tuple[str, ...]] = {
    "toy": ("orthogonal",),
    "lazy": ("orthogonal", "--case", "lazy"),
    "log-scale": (*("orthogonal", "--case", "log-scale"), *("--set", "options.p=[4,20,300]", "--set", "options.m=30")),
    "six-points": ("toy2d", "--set", "n_steps=3000"),
    "rule": ("toy2d", "--case", "theory-rule", "--set", "options.n_steps=1500"),
    "flow": ("toy2d", "--case", "theory-flow"),
    "phases": ("three-point", "--case", "phases", "--set", "n_steps=2000"),
    "analysis": ("three-point", "--analyse"),
    "separator": ("margin",),
    "neuron": ("single-neuron", "--case", "1l-sn"),
}
CLASSIFY = ("six-points", "rule", "flow", "separator")
REFUSED = (2, 3, 4)
"""Exit codes of a refusal: usage, data, a run that ended early."""
SECONDS = 60.0
"""Of computing, for one command."""


def drawn(seed: int) -> tuple[np.ndarray, np.ndarray, str]:
    """X (n, d), y (n,), n to 30, d to 20, and what is strange about them in words."""
    rng = np.random.default_rng((2022, seed))
    n, d = int(rng.integers(1, 31)), int(rng.integers(1, 21))
    kind = str(rng.choice(KINDS))
    d = 2 if kind == "plane" else d
    X = rng.standard_normal((n, d))
    if kind in ("orthogonal", "of one length"):
        n = min(n, d)
        X = np.linalg.qr(X.T)[0].T[:n] if rng.random() < 0.5 else np.eye(d)[:n]
        X = X * (1.0 if kind == "of one length" else rng.uniform(0.3, 3.0, (n, 1)))
    elif kind == "collinear":
        X = np.outer(X[:, 0], rng.standard_normal(d))
    elif kind == "positive":
        X = np.abs(X)
    elif kind == "whole numbers":
        X = rng.integers(-2, 3, (n, d)).astype(float)
    y = rng.choice([-1.0, 1.0], n) if rng.random() < 0.6 else rng.standard_normal(n)
    told, (i, j) = [kind], rng.integers(n, size=2)
    factors = {"repeated": 1.0, "parallel": 0.5, "opposite": -2.0, "zero point": 0.0}
    for name, factor in factors.items():
        if rng.random() < 0.1:
            X[i], told = factor * X[j], [*told, name]
    if rng.random() < 0.1:
        y[j], told = 0.0, [*told, "zero label"]
    if rng.random() < 0.1:
        y, told = np.abs(y), [*told, "one sign"]
    for name, values, chance in (("X", X, 0.3), ("y", y, 0.1)):
        if rng.random() < chance:
            power = int(rng.integers(-8, 9))
            values *= 10.0**power
            told.append(f"{name} x 1e{power}")
    return X, y, f"seed {seed}, n = {n}, d = {d}: {', '.join(told)}"


def faults(call: Call, folder: Path, seed: int, counts: collections.Counter[str]) -> Iterator[str]:
    """What is wrong with one command, chosen in turn, on one data set; counts what it gave."""
    X, y, told = drawn(seed)
    name = list(COMMANDS)[seed % len(COMMANDS)]
    if name in CLASSIFY and np.all(y != 0):
        y = np.sign(y)
    if name == "log-scale" and seed % 3:
        X = np.linalg.qr(X.T)[0].T
        y = y[: len(X)]
    np.savez(folder / "points.npz", x=X, y=y)
    words = (*COMMANDS[name], "--quick", "--no-figures", "--json", "--fresh", "--out", folder)
    began = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("error", RuntimeWarning)
        result = call(*words, "--data", folder / "points.npz")
    spent = time.process_time() - began
    counts[f"exit {result.code}"] += 1
    claims = result.json()["claims"] if result.out.strip() else []
    counts.update(claim["verdict"] for claim in claims)
    where = f"{name}, {told}"
    for claim in claims:
        if claim["verdict"] == "FAIL":
            yield f"{where}: {claim['id']} fails: {claim['note']}"
    if result.code not in (0, *REFUSED) and not any(c["verdict"] == "FAIL" for c in claims):
        yield f"{where}: exit code {result.code}: {result.err}"
    if "Traceback" in result.err:
        yield f"{where}: {result.err}"
    if spent > SECONDS:
        yield f"{where}: {spent:.0f} s of computing"


def tried(call: Call, folder: Path, seeds: range) -> collections.Counter[str]:
    """The counts of verdicts and exit codes; fails with every fault."""
    counts: collections.Counter[str] = collections.Counter()
    found = [fault for seed in seeds for fault in faults(call, folder, seed, counts)]
    print(f"{len(seeds)} data sets: {dict(sorted(counts.items()))}")
    assert not found, "\n".join(found)
    return counts


@pytest.mark.slow
def test_a_few_random_data_sets(flowrepro: Call, tmp_path: Path) -> None:
    counts = tried(flowrepro, tmp_path, range(50, 62))
    assert counts["PASS"] > 10
    assert counts["N/A"] > 50


@pytest.mark.slow
@pytest.mark.parametrize("seed", [118, 438, 789, 969])
def test_data_sets_that_once_went_wrong(flowrepro: Call, tmp_path: Path, seed: int) -> None:
    """A margin of 1e-18, a search that lost all points, steps far beyond the limit of stability."""
    tried(flowrepro, tmp_path, range(seed, seed + 1))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("seed", [895, 935, 967])
def test_data_sets_that_once_took_long_or_failed(flowrepro: Call, tmp_path: Path, seed: int) -> None:
    """Stiff flows without end, and an angle whose cosine is 1 to all digits."""
    tried(flowrepro, tmp_path, range(seed, seed + 1))


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.parametrize("first", range(0, 1000, 100))
def test_a_thousand_random_data_sets(flowrepro: Call, tmp_path: Path, first: int) -> None:
    tried(flowrepro, tmp_path, range(first, first + 100))
