"""Figures 6 and 7: the claims on a run made up to show what the paper shows, and the images."""

import dataclasses

import numpy as np
import pytest
from boursier2022_runs import drawn, marks

from flowrepro import data, engines
from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.verdict import Verdict
from flowrepro.core import initialize
from flowrepro.core.network import predict
from flowrepro.core.overrides import override
from flowrepro.core.trajectory import Run, Stop, StopReason, Trajectory
from flowrepro.engines.base import Problem, SaveAt
from flowrepro.engines.drive import run as drive
from flowrepro.figures import NotDrawable
from flowrepro.papers.boursier2022 import figures_6_7_high_dimension as figures
from flowrepro.papers.boursier2022.figures_6_7_high_dimension import HIGH_DIMENSION, principal_components
from flowrepro.papers.boursier2022.sign_classes import sign_classes

CLAIMS = figures.topic.claims
FIGURE_6, FIGURE_7 = figures.topic.figures


def made_up():
    """Weights along the two directions with some noise, a loss curve with the paper's steps."""
    points = data.load(HIGH_DIMENSION.data)
    rng, m = np.random.default_rng(0), 200
    signs = np.where(np.arange(m) < 108, 1.0, -1.0)
    keys = {chosen.sign: chosen.direction / chosen.rate for chosen in sign_classes(points.X, points.y)}
    along = np.array([keys[sign] for sign in signs])
    span = np.linalg.qr(points.X.T)[0]

    def weights(sizes, noise):
        W = sizes[:, None] * (along + noise * rng.standard_normal((m, span.shape[1])) @ span.T / np.sqrt(span.shape[1]))
        return W, signs * np.linalg.norm(W, axis=1)

    states = [
        weights(np.full(m, 1e-22), 3.0),
        weights(np.full(m, 1e-13), 0.3),
        weights(np.where(signs > 0, 0.04, 1e-6), 0.2),
        weights(np.full(m, 0.05), 0.6),
    ]
    step = np.arange(0, 200_001, 100)
    fitted = [1 / (1 + np.exp(-(step - middle) / 600)) for middle in (71_000, 83_000)]
    shares = [np.sum(points.y[s * points.y > 0] ** 2) / 75 for s in (1, -1)]
    loss = sum(share * (1 - part) ** 2 for share, part in zip(shares, fitted, strict=True)) + 1e-5
    W, a = (np.stack(part) for part in zip(*states, strict=True))
    kept, stop = np.array([0, 33_000, 75_000, 200_000]), Stop(StopReason.HORIZON, 200_000, 400.0)
    trajectory = Trajectory(step, 2e-3 * step, loss, kept, W, a, np.arange(m), stop)
    return Run(HIGH_DIMENSION, points, trajectory, "fused")


def one_label_off(run):
    """The run with labels that the last weights fit, but for one."""
    y = predict(run.X, *run.trajectory.at(200_000))
    y[3] += 0.04
    return dataclasses.replace(run, dataset=dataclasses.replace(run.dataset, y=y))


def with_states(run, index, change):
    W, a = run.trajectory.W.copy(), run.trajectory.a.copy()
    W[index], a[index] = change(W[index], a[index])
    return dataclasses.replace(run, trajectory=dataclasses.replace(run.trajectory, W=W, a=a))


def with_loss(run, change):
    return dataclasses.replace(run, trajectory=dataclasses.replace(run.trajectory, loss=change(run.trajectory.loss)))


TAMPER = {
    "figure-6b": lambda run: with_states(run, 1, lambda W, a: (-W, a)),
    "figure-6c": lambda run: with_states(run, 2, lambda W, a: (W, -a)),
    "figure-6d": lambda run: with_states(
        run, 3, lambda W, a: (W * 0 + np.sign(a)[:, None] * sign_classes(run.X, run.y)[0].direction, a)
    ),
    "figure-7a-steps": lambda run: with_loss(run, lambda loss: np.concatenate([loss[50:], loss[-50:]])),
    "figure-7a-end": lambda run: with_states(run, 3, lambda W, a: (1.1 * W, a)),
    "figure-7b": lambda run: with_states(run, 3, lambda W, a: (W[:1] * np.ones((200, 1)), a)),
}


@pytest.fixture(scope="module")
def run():
    return made_up()


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_run_that_shows_it_passes(claim, run):
    good = one_label_off(run) if claim.id == "figure-7a-end" else run
    result = claim.judge(good)
    assert result.verdict is Verdict.PASS, result.note


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_a_tampered_run_fails(claim, run):
    good = one_label_off(run) if claim.id == "figure-7a-end" else run
    result = claim.judge(TAMPER[claim.id](good))
    assert result.verdict is Verdict.FAIL, result.note


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_another_draw_of_the_points_is_not_judged(claim, run):
    other = dataclasses.replace(run, case=override(HIGH_DIMENSION, {"data.options.seed": 1}))
    result = claim.judge(other)
    assert result.verdict is Verdict.NOT_APPLICABLE
    assert "data.options.seed" in result.note


def test_components_are_those_of_the_gram_matrix():
    W = np.random.default_rng(0).standard_normal((7, 4))
    parts = principal_components(W)
    values = np.linalg.eigvalsh(W.T @ W)[::-1]
    np.testing.assert_allclose(parts.shares, values / values.sum())
    coordinates = W @ parts.axes.T
    assert np.all(np.take_along_axis(coordinates, np.abs(coordinates).argmax(axis=0)[None], axis=0) > 0)
    with pytest.raises(NotApplicable):
        principal_components(np.zeros((3, 2)))


def test_the_images_show_every_neuron_with_one_scale(run):
    picture, _ = drawn(FIGURE_6, run)
    names = [f"step {step}: {name}" for step, name in figures.PHASES.items()]
    assert [panel.title for panel in picture.panels] == names
    radii = [np.concatenate([mark.y for mark in panel.marks]) for panel in picture.panels]
    assert all(radius.shape == (200,) for radius in radii)
    limit = max(radius.max() for radius in radii)
    assert {panel.ylim for panel in picture.panels} == {(0.0, 1.08 * limit)}
    loss, components = drawn(FIGURE_7, run)[0].panels
    assert components.marks[0].y.shape == (75,)
    (level,) = marks(loss, r"$\frac")
    assert level.y[0] == pytest.approx(0.0370050, abs=1e-6)
    assert "positive labels fitted" in level.label


def test_what_has_no_second_component_is_not_drawn(run):
    with pytest.raises(NotDrawable):
        FIGURE_6.collect(with_states(run, 3, lambda W, a: (0 * W, a)))
    with pytest.raises(NotDrawable, match="finite"):
        FIGURE_7.collect(with_loss(run, lambda loss: loss * np.nan))


@pytest.mark.long
@pytest.mark.slow
def test_the_authors_run_passes_every_claim():
    points = data.load(HIGH_DIMENSION.data)
    problem = Problem.of(
        HIGH_DIMENSION,
        points.X,
        points.y,
        *initialize.initial_weights(HIGH_DIMENSION.init, 0, 150, points.extra["student"]),
    )
    engine, _ = engines.choose("auto", problem)
    assert engine.name == "fused"
    run = Run(HIGH_DIMENSION, points, drive(engine, problem, SaveAt.of(HIGH_DIMENSION.record, 200_000)), engine.name)
    for claim in CLAIMS:
        assert claim.judge(run).verdict is Verdict.PASS, claim.id
    ours = [target.ours for target in HIGH_DIMENSION.targets]
    step, plateau = figures.flattest(run)
    measured = [
        run.trajectory.first_below(0.99 * run.trajectory.loss[0]),
        plateau / 0.0370050,
        principal_components(run.trajectory.at(200_000)[0]).shares[:2].sum(),
    ]
    np.testing.assert_allclose(measured, ours, rtol=1e-3)
    assert 77_000 < step < 79_000
