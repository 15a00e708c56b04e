"""The points and settings of the papers' figures, from the packaged cases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from flowrepro import data
from flowrepro.core.config import Case, Init, StudyCase, TrainingCase
from flowrepro.core.initialize import effective_scale
from flowrepro.errors import UsageError
from flowrepro.explore.asked import MOST_NUMBERS
from flowrepro.papers import registry

WIDTH = 50
"""Neurons of a preset at most, so that a point can be dragged without waiting."""


def offered() -> Iterator[tuple[Case, list[str]]]:
    """The cases with points that a figure shows, each with the ids of its figures."""
    for command in registry.commands():
        shown: dict[str, list[str]] = {}
        for figure in registry.figures_of(command):
            for name in figure.cases:
                shown.setdefault(name, []).append(figure.id)
        for case in registry.cases_of(command):
            if case.data is not None and case.name in shown:
                yield case, shown[case.name]


def listed() -> list[dict[str, Any]]:
    """What the page offers: name, paper, figures, and what the case shows."""
    return [
        {"name": _name(case), "paper": case.paper, "figures": figures, "shows": case.shows}
        for case, figures in offered()
    ]


def preset(name: str) -> dict[str, Any]:
    """The question of a preset (see `asked.Asked`), and a note on what differs from the case."""
    for case, _ in offered():
        if _name(case) == name:
            return _question(case)
    raise UsageError(f"there is no preset '{name}'; take one from the list")


def _name(case: Case) -> str:
    return f"{case.paper}/{case.name}"


def _question(case: Case) -> dict[str, Any]:
    assert case.data is not None
    found = data.load(case.data)
    X, y, notes = found.X, found.y, []
    most = max(1, MOST_NUMBERS // X.shape[1])
    if len(X) > most:
        notes.append(f"{most} of its {len(X)} points")
        kept = np.linspace(0, len(X) - 1, most).astype(int)
        X, y = X[kept], y[kept]
    bias = X.shape[1] > 1 and bool(np.all(X[:, -1] == 1))
    settings = _trained(case) if isinstance(case, TrainingCase) else _studied(case, y)
    init: Init = settings.pop("start")
    if init.m > WIDTH:
        notes.append(f"{WIDTH} of its {init.m} neurons")
        init = replace(init, m=WIDTH)
    if init.name not in ("balanced", "gaussian", "dominated", "unit-output", "he"):
        notes.append(f"a balanced start in place of '{init.name}'")
        init = replace(init, name="balanced")
    scale = effective_scale(init, X.shape[1])
    if settings.pop("depth", 2) != 2:
        notes.append("a network of two layers")
    said = f" Here with {', '.join(notes)}." if notes else ""
    return {
        "ask": {
            "x": (X[:, :-1] if bias else X).tolist(), "y": y.tolist(), "bias": bias,
            "width": init.m, "init": init.name, "scale": f"{scale:.4g}",
            "seed": case.seed, **settings,
        },
        "note": f"{case.shows.rstrip('.')}.{said}",
    }  # fmt: skip


def _trained(case: TrainingCase) -> dict[str, Any]:
    protocol, loss = case.protocol, case.loss
    return {
        "start": case.init,
        "loss": loss.name,
        "alpha": case.model.alpha,
        "depth": case.model.depth,
        "t": float(f"{loss.factor * protocol.lr * protocol.n_steps:.4g}"),
        "lr": loss.factor * protocol.lr,
    }


def _studied(case: StudyCase, y: np.ndarray) -> dict[str, Any]:
    """The settings that a study's options name; those that it does not name are the page's own."""

    def option(*names: str, default: Any) -> Any:
        found = next((case.options[name] for name in names if name in case.options), default)
        return found[0] if isinstance(found, list | tuple) else found

    labels = bool(np.all(np.abs(y) == 1))
    init = Init(
        name=str(option("init", "inits", default="balanced")),
        m=int(option("m", default=30)),
        scale=float(option("scale", "scales", default=1e-4)),
    )
    return {
        "start": init,
        "loss": str(option("loss", default="logistic" if labels else "square")),
        "alpha": float(option("alpha", "alphas", default=0.0)),
        "lr": None,
    }
