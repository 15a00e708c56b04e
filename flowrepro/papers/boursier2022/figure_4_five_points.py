"""Five points that are not orthogonal, from a small start: Figure 4 of boursier2022 (Appendix A).

The run passes a saddle, the best fit with positive output weights only, and ends near the
interpolator of least F1 norm. Windows cover 12 measured seeds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from flowrepro.claims.claim import NotApplicable
from flowrepro.claims.published import FREE, as_published
from flowrepro.claims.verdict import Part, at_least, at_most, within
from flowrepro.core.config import Data, Descent, Init, Record, Target
from flowrepro.core.network import predict
from flowrepro.core.trajectory import Run
from flowrepro.figures import style
from flowrepro.figures.line_panels import line_panels, shown_steps
from flowrepro.figures.panels import Line, Mark, Panel, Points, Text
from flowrepro.papers.boursier2022 import PAPER
from flowrepro.papers.boursier2022.figures_2_3_toy import (
    MSE,
    film,
    finite_loss,
    loss_panel,
    phases_of,
    titled,
)
from flowrepro.papers.boursier2022.hypotheses import (
    final,
    first_below,
    initial,
    recorded_every,
    state,
    target_window,
)
from flowrepro.papers.boursier2022.positive_fit import angles_of, best_positive_fit
from flowrepro.papers.topic import Topic
from flowrepro.theory.square_descent import mse
from flowrepro.theory.stationary import force
from flowrepro.theory.variation_norm import (
    least_norm_interpolator,
    least_variation_norm,
    piecewise_linear,
    variation_norm,
)

topic = Topic(PAPER, "Figure 4: five points that are not orthogonal")

FIVE_POINTS = topic.run(
    "five-points",
    "Five points that are not orthogonal pass a saddle from a small start (Figure 4).",
    data=Data(name="five-points"),
    init=Init(name="balanced", m=60, scale=1e-4, divide_by="sqrt(m)"),
    loss=MSE,
    protocol=Descent(lr=1e-3, n_steps=300_000),
    # panels of Figure 4; frames of its animation
    record=Record(save_every=10, snapshots=(0, 15_000, 94_000, 150_000, 300_000), geometric=1.05),
    targets=(
        Target(
            what="MSE at the saddle (step 94000)",
            paper="plateau",
            ours=0.0636316,
            window=(0.0635316, 0.0637316),
        ),
        Target(
            what="first step with MSE < 0.99 of the saddle's",
            paper=150_000,
            ours=135_580,
            window=(125_000, 160_000),
        ),
    ),
    quick={"n_steps": 100_000},
)
SMALL = (as_published(FIVE_POINTS),)
TIMED = (*SMALL, recorded_every(1_000))
observed = partial(topic.claim, kind="reproduction", given=SMALL)
SADDLE_TOLERANCE = 1e-4
"""Of the MSE at the saddle; 1e-5 measured."""
SADDLE_REACH = {225.0: (5.0, 0.01), 17.5: (22.5, 3e-3)}
"""Degrees -> (reach of a group of neurons at the saddle, tolerance of its sum ||w||^2)."""


def _apart(angles: np.ndarray, other: np.ndarray | float) -> np.ndarray:
    """Unsigned difference of angles in degrees, in [0, 180]."""
    return np.abs((angles - other + 180.0) % 360.0 - 180.0)


def stable_directions(X: np.ndarray, y: np.ndarray, sign: float) -> np.ndarray:
    """Angles (degrees) to which small neurons of output sign ``sign`` turn near the origin, d = 2.

    There a neuron turns by <sign D(u), u_perp> with D(u) = (1/n) sum over active k of y_k x_k. An
    angle is stable where this changes from + to -, continuously or by a jump. Resolution 0.01
    degrees.
    """
    angles = np.radians(np.arange(0.005, 360.0, 0.01))
    U = np.column_stack([np.cos(angles), np.sin(angles)])
    turning = sign * np.sum(force(X, -y / len(y), U) * np.column_stack([-U[:, 1], U[:, 0]]), axis=1)
    stable = (turning > 1e-12) & (np.roll(turning, -1) < -1e-12)
    return np.degrees(angles[stable]) + 0.005  # type: ignore[no-any-return]


def leaves_the_saddle(run: Run) -> str | None:
    """Descent keeps an active negative neuron, without which it stays at the saddle for ever.

    The flow keeps the sign of a_j (Lemma 1). At the paper's step, negative neurons that decay to
    1e-7 may jump over 0; on 3 of 20 measured seeds (12, 13, 17) all do. With an eight times smaller
    step these seeds leave the saddle too.
    """
    W, a = final(run)
    negative = int(np.sum((a < 0) & np.any(run.X @ W.T > 0, axis=0)))
    away = abs(mse(run)[-1] - best_positive_fit(run.X, run.y).mse) > SADDLE_TOLERANCE
    if negative or away:
        return None
    jumped = int(np.sum((a > 0) & (initial(run)[1] < 0)))
    return (
        "this draw stays at the saddle: no active neuron has a negative output weight any more, "
        f"{jumped} having jumped to positive, which the flow cannot do (Lemma 1); take a smaller "
        "protocol.lr or another seed"
    )


@observed(
    "figure-4f-start",
    "The loss stays at the mean of y^2 before it drops for the first time.",
    place="Figure 4f",
    given=TIMED,
)
def figure_4f_start(run: Run) -> Iterator[Part]:
    """MSE at step 0, and the first step 1 % below the mean of y^2."""
    start = float(np.mean(np.square(run.y)))
    relative = mse(run)[0] / start
    yield within("MSE at step 0 relative to mean y^2", relative, 1 - 1e-6, 1 + 1e-6)
    first = first_below(run, 0.99 * start)
    yield within("first step with MSE < 0.99 mean y^2", first, 20_000, 26_000)


@observed(
    "figure-4b", "Early alignment ends with small neurons in few directions.", place="Figure 4b"
)
def figure_4b(run: Run) -> Iterator[Part]:
    """Norms, and distance of the larger neurons with a > 0 to stable directions, at step 15000."""
    W, a = state(run, 15_000)
    norms = np.linalg.norm(W, axis=1)
    chosen = ~((a <= 0) | (norms <= 0.05 * norms.max()))
    directions = stable_directions(run.X, run.y, 1.0)
    apart = np.min(_apart(angles_of(W[chosen])[:, None], directions), axis=1)
    yield at_most("largest ||w_j||", norms.max(), 0.02)
    yield at_most("degrees to the nearest stable direction", apart.max(initial=0.0), 5.0)


@observed(
    "figure-4c", "Two groups of neurons have grown at the intermediate saddle.", place="Figure 4c"
)
def figure_4c(run: Run) -> Iterator[Part]:
    """The MSE, sum ||w||^2 of the two groups with a > 0, and that of all others, at step 94000."""
    W, a = state(run, 94_000)
    masses, angles, fit = (
        np.sum(np.square(W), axis=1),
        angles_of(W),
        best_positive_fit(run.X, run.y),
    )
    reached = float(np.mean(np.square(predict(run.X, W, a) - run.y)))
    yield within("MSE", reached, *target_window(FIVE_POINTS, "MSE at the saddle"))
    yield at_most("|MSE - best fit with a >= 0|", abs(reached - fit.mse), SADDLE_TOLERANCE)
    others = np.ones(len(a), dtype=bool)
    for angle, (reach, tolerance) in SADDLE_REACH.items():
        group = (a > 0) & (_apart(angles, angle) <= reach)
        mass = float(fit.masses[_apart(fit.angles, angle) <= reach].sum())
        others &= ~group
        note = f"|sum ||w||^2 - {mass:.5g}| near {angle:g} degrees"
        yield at_most(note, abs(masses[group].sum() - mass), tolerance)
    yield at_most("sum ||w||^2 of the other neurons", masses[others].sum(), 5e-3)


@observed(
    "figure-4f-plateau",
    "The loss stays near its value at the saddle from step 75000 to step 135000.",
    place="Figure 4f",
    given=(*TIMED, leaves_the_saddle),
)
def figure_4f_plateau(run: Run) -> Iterator[Part]:
    """First step with MSE < 0.0640, and first step 1 % below that of the saddle."""
    leave = target_window(FIVE_POINTS, "first step with MSE < 0.99 of the saddle's")
    yield within("first step with MSE < 0.0640", first_below(run, 0.0640), 65_000, 80_000)
    first = first_below(run, 0.99 * best_positive_fit(run.X, run.y).mse)
    yield within("first step 1 % below the saddle", first, *leave)


@observed(
    "figure-4d",
    "While the run leaves the saddle, a group of neurons grows and turns at the same time.",
    place="Figure 4d",
    given=(*SMALL, leaves_the_saddle),
)
def figure_4d(run: Run) -> Iterator[Part]:
    """Growth and turn, from 150000 to 300000, of the group that is at 225 degrees at 94000."""
    W, a = state(run, 94_000)
    group = (a > 0) & (_apart(angles_of(W), 225.0) <= 10.0) & np.any(W != 0, axis=1)
    if not group.any():
        raise NotApplicable("no neuron points to 225 degrees at step 94000")
    states = [state(run, step) for step in (150_000, 300_000)]
    before, after = (float(np.sum(np.square(W[group]))) for W, _ in states)
    yield at_least("growth of sum ||w||^2", after / before, 2.0)
    began, ended = (angles_of((np.abs(a[group]) @ W[group])[None])[0] for W, a in states)
    yield at_least("turn in degrees", float(_apart(ended, began)), 15.0)


@observed(
    "figure-4e",
    "The final function fits the data and has few kinks.",
    place="Figure 4e",
    given=(*SMALL, leaves_the_saddle),
)
def figure_4e(run: Run) -> Iterator[Part]:
    """MSE, and distance to the interpolator of least F1 norm, which is reached later."""
    x = np.linspace(run.X[:, 0].min(), run.X[:, 0].max(), 1001)
    f = predict(np.column_stack([x, np.ones_like(x)]), *final(run))
    yield at_most("MSE", mse(run)[-1], 1e-3)
    distance = np.abs(f - least_norm_interpolator(run.X, run.y)(x)).max()
    yield at_most("sup distance to the interpolator of least F1 norm", distance, 0.15)


def relative_variation_norm(run: Run, values: np.ndarray) -> tuple[str, float]:
    """F1 norm of the final function over the least one with these values (n,), after its name."""
    norm = variation_norm(piecewise_linear(*final(run)))
    return "F1 norm / least F1 norm", norm / least_variation_norm(run.X, values)


@observed(
    "figure-4e-variation-norm",
    "A small initialisation comes close to the least F1 norm.",
    place="Appendix A",
    given=(as_published(FIVE_POINTS, (*FREE, "protocol.n_steps")),),
)
def figure_4e_variation_norm(run: Run) -> Iterator[Part]:
    """Among the functions with the values that the final one has at the data, which are not quite
    the labels after 300000 steps; no theorem for data that are not orthogonal; 1.054 after 600000.
    """
    if mse(run)[-1] > 1e-3:
        raise NotApplicable(
            f"the data are not fitted yet (MSE {mse(run)[-1]:.2g} > 1e-3); set n_steps to 300000"
        )
    yield within(*relative_variation_norm(run, predict(run.X, *final(run))), 1 - 1e-3, 1.10)


# ---- what is shown

PHASES = {
    0: "initialisation",
    15_000: "alignment",
    94_000: "saddle",
    150_000: "saddle left",
    300_000: "end",
}


@topic.figure(
    "4",
    lambda run: (
        f"{titled(run, FIVE_POINTS, 'five points that are not orthogonal')}: learned function and "
        "neurons at several steps, and the training loss with a dot at each of them."
    ),
    file="figure-4-five-points",
    layout=(2, 3, style.PAGE, 4.6),
    share="both",
)
def five_points(run: Run) -> Iterator[Panel]:
    """Panels from the initialisation to the interpolator, and the loss with a dot at each."""
    shown = np.array(shown_steps(run, tuple(PHASES)))
    loss = finite_loss(run)
    yield from line_panels(run, tuple(PHASES), phases_of(run, FIVE_POINTS, PHASES))
    yield from [Panel([], frame=False)] * (len(PHASES) - len(shown))
    heights = np.interp(shown, run.trajectory.step, loss)
    late = shown > 0.95 * run.trajectory.step[-1]  # its letter would stand on the axis
    letters = [
        Text(x, y, letter, offset=(-3 if end else 3, 3), colour=style.FRAME)
        for x, y, end, letter in zip(shown, heights, late, "abcde", strict=False)
    ]
    marks: list[Mark] = [
        Line(run.trajectory.step, loss),
        Points(shown, heights, size=3.0, clip=False),
        *letters,
    ]
    yield replace(loss_panel(run, marks), title="loss", yside="right")


topic.animation(
    "4",
    "Five points that are not orthogonal: learned function, and kink and signed norm of every "
    "neuron during training.",
    on=FIVE_POINTS,
    file="five-points",
    layout=(1, 1, 5.0, 3.6),
)(film)
