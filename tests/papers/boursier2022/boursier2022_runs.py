"""Runs of the paper's cases, own points, and ways to make a run or a study wrong."""

import dataclasses
import functools

import matplotlib.figure
import numpy as np

from flowrepro import data, engines
from flowrepro.claims.verdict import Verdict
from flowrepro.core import initialize
from flowrepro.core.config import Data
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Dataset, Run, Study
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.figures import renderer, style
from flowrepro.papers import registry
from flowrepro.papers.boursier2022.appendix_b_flow import LOG_SCALE, LOG_SCALE_FOUR
from flowrepro.papers.boursier2022.figures_2_3_toy import TOY

OWN = Data(name="file", options={"path": "own.csv", "sha256": "0"})


def train(case, dataset=None, weights=None, engine="fused"):
    dataset = dataset or data.load(case.data)
    weights = weights or initialize.initial_weights(case.init, case.seed, dataset.X.shape[1])
    problem = Problem.of(case, dataset.X, dataset.y, *weights)
    save_at = SaveAt.of(case.record, case.protocol.n_steps)
    return Run(case, dataset, drive(engines.load(engine), problem, save_at), engine)


@functools.cache
def _trained(name, changes):
    case = registry.find_case("orthogonal", name)
    return train(override(case, dict(changes)))


def run_of(case, **changes):
    """A run of a paper's case, computed once."""
    return _trained(case.name, tuple(changes.items()))


def own(X, y, changes=None, weights=None):
    """A run of the toy's protocol on other points."""
    case = override(TOY, {"n_steps": 300, "geometric": 1.5, **(changes or {})})
    dataset = Dataset(np.array(X, dtype=float), np.array(y, dtype=float), "own points")
    return train(dataclasses.replace(case, data=OWN), dataset, weights)


def on_line(x, y):
    return Dataset(np.column_stack([x, np.ones(len(x))]), np.array(y), "a user's points")


def study_of(case, **changes):
    """A study of a case with other options, computed now."""
    changed = override(case, {f"options.{name}": value for name, value in changes.items()})
    dataset = data.load(changed.data) if changed.data else None
    seen = []
    found = registry.study_of(changed).compute(changed, dataset, lambda *part: seen.append(part))
    assert seen[-1][0] == seen[-1][1]
    return Study(changed, dataset, {name: np.asarray(array) for name, array in found.items()})


@functools.cache
def log_scale_studies():
    """Both studies of Appendix B at a few scales and one draw."""
    two = study_of(LOG_SCALE, p=[2, 4, 6, 8, 27, 100, 300], seeds=1)
    return two, study_of(LOG_SCALE_FOUR, p=[2, 20, 40, 55, 1500], seeds=1)


def edited(study, **edits):
    """The study with arrays replaced by functions of them."""
    arrays = {name: edit(study.arrays[name].copy()) for name, edit in edits.items()}
    return dataclasses.replace(study, arrays={**study.arrays, **arrays})


def first_of(study, count):
    """The study with the first runs only."""
    few = {name: array[:count] for name, array in study.arrays.items()}
    return dataclasses.replace(study, arrays=few)


# ---- ways to make a run wrong


def states(change, steps=lambda step, last: step == last):
    """Tamper: (W, a) at the chosen snapshots replaced by change(W, a)."""

    def tamper(run):
        t = run.trajectory
        W, a = t.W.copy(), t.a.copy()
        for i, step in enumerate(t.snapshot_step):
            if steps(step, t.last_step):
                W[i], a[i] = change(W[i], a[i])
        return dataclasses.replace(run, trajectory=dataclasses.replace(t, W=W, a=a))

    return tamper


def at(chosen):
    return lambda step, last: step == chosen


def copied(source, first, past):
    """Tamper: the weights of step ``source`` at the snapshots first <= step < past."""

    def tamper(run):
        W0, a0 = run.trajectory.at(source)
        return states(lambda W, a: (W0, a0), lambda step, last: first <= step < past)(run)

    return tamper


def losses(change):
    def tamper(run):
        t = run.trajectory
        return dataclasses.replace(run, trajectory=dataclasses.replace(t, loss=change(t.loss)))

    return tamper


def delayed(steps):
    return losses(lambda loss: np.concatenate([np.full(steps, loss[0]), loss[:-steps]]))


def points(X=None, y=None):
    def tamper(run):
        X1 = run.X if X is None else np.array(X, dtype=float)
        y1 = run.y if y is None else np.array(y, dtype=float)
        return dataclasses.replace(run, dataset=dataclasses.replace(run.dataset, X=X1, y=y1))

    return tamper


def on_own(X=None, y=None):
    """Points that are a user's."""
    return lambda run: dataclasses.replace(points(X, y)(run), case=dataclasses.replace(run.case, data=OWN))


def protocol(**changes):
    return lambda run: dataclasses.replace(run, case=override(run.case, changes))


def scaled(factor):
    return lambda W, a: (factor * W, factor * a)


def turned(degrees):
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return lambda W, a: (W @ np.array([[c, s], [-s, c]]), a)


def thinned(run, every):
    """The run as if its loss had been recorded every so many steps."""
    t = run.trajectory
    kept = np.flatnonzero((t.step % every == 0) | (t.step == t.last_step))
    fewer = dataclasses.replace(t, step=t.step[kept], t=t.t[kept], loss=t.loss[kept])
    return dataclasses.replace(run, trajectory=fewer)


def with_snapshots(run, steps):
    t = run.trajectory
    kept = np.isin(t.snapshot_step, steps)
    fewer = dataclasses.replace(t, snapshot_step=t.snapshot_step[kept], W=t.W[kept], a=t.a[kept])
    return dataclasses.replace(run, trajectory=fewer)


departed = protocol(lr=2e-3)
crooked = on_own(X=[[-0.5, 1.0], [2.0, 1.2]])
one_sign = on_own(y=[1.0, 2.0])
no_bias = on_own(X=[[-0.5, 2.0], [4.0, 1.0]])


# ---- three ways


def judged_three_ways(claim, good, bad, outside):
    """PASS on the good result, FAIL on the bad one, N/A with a reason on the one outside."""
    result = claim.judge(good)
    assert result.verdict is Verdict.PASS, result.note
    result = claim.judge(bad)
    assert result.verdict is Verdict.FAIL, result.note
    assert result.slack < 0 or np.isnan(result.slack)
    result = claim.judge(outside)
    assert result.verdict is Verdict.NOT_APPLICABLE, (result.verdict, result.note)
    assert len(result.note) > 10


def drawn(figure, *results):
    """Draw a figure as it is saved; nothing may be cut off, and no titles may overlap."""
    picture = figure.collect(*results)
    *_, width, height = figure.layout
    with style.paper_style():
        canvas = matplotlib.figure.Figure(figsize=(width, height), layout="constrained")
        axes = renderer.draw(canvas, picture.panels, figure.layout, figure.share)
        canvas.draw_without_rendering()
        box = canvas.get_tightbbox()
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= width
        assert box.y1 <= height
        titles = [
            title.get_window_extent()
            for ax in canvas.axes
            for title in (ax.title, ax._left_title, ax.xaxis.label, ax.yaxis.label)
            if title.get_text() and title.get_visible() and ax.axison
        ]
        for k, left in enumerate(titles):
            assert not any(left.overlaps(right) for right in titles[k + 1 :])
    assert picture.caption.endswith(".")
    return picture, axes


def marks(panel, label):
    """The marks of a panel whose label begins so."""
    return [mark for mark in panel.marks if mark.label.startswith(label)]
