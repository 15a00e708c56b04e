"""Figure 3: its claims on a run put together by hand, since training takes seconds, and on the real
one (slow)."""

import dataclasses

import numpy as np
import pytest
from boursier2024_results import trained

from flowrepro import data
from flowrepro.claims.verdict import Verdict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Run, Stop, StopReason, Trajectory
from flowrepro.data.points import teacher
from flowrepro.figures import canvas
from flowrepro.papers.boursier2024 import figure_3_eight_pieces as figure_3
from flowrepro.papers.boursier2024.figure_3_eight_pieces import FIGURE_3, KINKS, PLATEAUS, kinks

BY_ID = {claim.id: claim for claim in figure_3.topic.claims}
CHANGES = (-3.59, 2.55, 1.95, -3.89)


def bent(places, changes, jitter=0.0):
    """A network with kinks at the given places and these changes of slope, ten neurons each."""
    x = np.repeat(places, 10) + jitter * np.tile(np.linspace(-1, 1, 10), len(places))
    W = np.column_stack([np.ones(len(x)), -x])
    return W, np.repeat(changes, 10) / 10.0


def made(first=None, last=None, end=1.855e-3, **changes):
    """A run of Figure 3's case with given weights at step 113573 and at the end."""
    case = override(FIGURE_3, {"m": 40, **changes})
    first = first or (np.tile([0.0, 1.0], (40, 1)), np.full(40, 0.01))
    last = last or bent(KINKS, CHANGES, 5e-3)
    start = np.column_stack([np.cos(np.arange(40)), np.sin(np.arange(40))]), np.ones(40)
    steps = np.array([0, 113_573, case.protocol.n_steps])
    curve = np.arange(0, case.protocol.n_steps + 1, 1000)
    loss = np.interp(curve, [0, *PLATEAUS, case.protocol.n_steps], [0.365, *PLATEAUS.values(), end])
    W, a = (np.stack(parts) for parts in zip(start, first, last, strict=True))
    stop = Stop(StopReason.HORIZON, case.protocol.n_steps, 2e-3 * case.protocol.n_steps)
    return Run(
        case, data.load(case.data), Trajectory(curve, 2e-3 * curve, loss, steps, W, a, np.arange(40), stop), "grouped"
    )


def spread(W, a):
    """The same neurons with every direction of the circle taken."""
    angle = np.radians(np.arange(2.5, 360, 5))
    return np.vstack([W, np.column_stack([np.cos(angle), np.sin(angle)])]), np.append(a, np.zeros(72))


def test_kinks_are_counted_once_and_small_ones_not_at_all():
    places, changes = [-0.5, 0.1, 0.3, 0.31, 0.8, 1.5], [1.0, -2.0, 0.5, 0.5, 0.05, 3.0]
    assert kinks(*bent(places, changes)) == pytest.approx([-0.5, 0.1, 0.305])
    assert len(kinks(np.tile([0.0, 1.0], (3, 1)), np.ones(3))) == 0
    assert len(kinks(*bent([0.2], [5e-3]))) == 0


@pytest.mark.parametrize("id", BY_ID)
def test_a_run_like_the_papers_passes(id):
    result = BY_ID[id].judge(made())
    assert result.verdict is Verdict.PASS, result.note


@pytest.mark.parametrize(
    ("id", "run"),
    [
        ("figure-3-pieces", lambda: made(first=bent(KINKS, CHANGES))),
        ("figure-3-pieces", lambda: made(last=bent((-0.372, 0.0, 0.1, 0.497), CHANGES))),
        ("figure-3-pieces", lambda: made(last=bent((-0.6, -0.3, 0.2, 0.497), (1, 2, 1, -3)))),
        ("figure-3-loss", lambda: made(end=3e-3)),
        ("figure-3-any-points", lambda: made(end=1e-4)),
    ],
)
def test_wrong_runs_fail(id, run):
    assert BY_ID[id].judge(run()).verdict is Verdict.FAIL


def test_a_run_that_covers_all_directions_fails():
    run = made()
    t = run.trajectory
    grown = [spread(W, a) for W, a in zip(t.W, t.a, strict=True)]
    t = dataclasses.replace(
        t, W=np.stack([W for W, _ in grown]), a=np.stack([a for _, a in grown]), group=np.arange(112)
    )
    assert BY_ID["figure-3-directions"].judge(dataclasses.replace(run, trajectory=t)).verdict is Verdict.FAIL


@pytest.mark.parametrize("id", BY_ID)
def test_shorter_runs_have_no_verdict(id):
    assert BY_ID[id].judge(made(n_steps=2_500_000)).verdict is Verdict.NOT_APPLICABLE


def test_other_points_are_judged_by_the_loss_only():
    verdicts = {id: claim.judge(made(**{"data.options.seed": 3})).verdict for id, claim in BY_ID.items()}
    assert verdicts.pop("figure-3-any-points") is Verdict.PASS
    assert set(verdicts.values()) == {Verdict.NOT_APPLICABLE}


def test_the_figure_shows_its_teacher_and_no_other():
    (figure,) = figure_3.topic.figures
    run = trained("figure-3", m=500, n_steps=6000)
    picture = figure.collect(run)
    reference = picture.panels[0].marks[1]
    assert np.array_equal(reference.y, teacher(reference.x))
    assert canvas.render(picture, figure.layout, {}, ("png",), share=figure.share)["png"].startswith(b"\x89PNG")
    own = dataclasses.replace(run.case.data, name="file")
    elsewhere = dataclasses.replace(run, case=dataclasses.replace(run.case, data=own))
    labels = [mark.label for mark in figure.collect(elsewhere).panels[0].marks]
    assert labels == ["learned function $h$", "data"]


@pytest.mark.slow
def test_the_papers_run():
    """With 2000 neurons, seed 1: five pieces as with 20000 and 200000."""
    run = trained("figure-3", m=2000, seed=1)
    for claim in figure_3.topic.claims:
        result = claim.judge(run)
        assert result.verdict is Verdict.PASS, result.note
